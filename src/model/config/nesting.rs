//! Which tokens open and close brackets and strings, and what tokens are to clauses.

use serde::{Deserialize, Serialize};

use crate::numeric::{Nesting, Role, Turn};

/// Ids of the tokens that open and close brackets and strings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NestingConfig {
    /// Opening brackets, a list for each of up to three kinds.
    pub open: Vec<Vec<u32>>,
    /// Closing brackets of any kind.
    pub close: Vec<u32>,
    /// Quotes, a list for each of up to two kinds.
    pub quote: Vec<Vec<u32>>,
    /// What takes a quote behind it for a part of the string.
    pub escape: Vec<u32>,
    /// What every token is to the clauses of a line, a character for each id as [`Role::code`] gives it; empty where the decoder
    /// is not told of clauses.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub roles: String,
}

impl NestingConfig {
    /// Kinds of brackets at most.
    pub const BRACKETS: usize = 3;
    /// Kinds of quotes at most.
    pub const QUOTES: usize = 2;

    /// A character of the roles that stands for none.
    pub(in crate::model) fn unknown_role(&self) -> Option<char> {
        self.roles.chars().find(|&code| Role::from_code(code).is_none())
    }

    /// What every token of a vocabulary of so many words does.
    pub(in crate::model) fn nesting(&self, vocab: usize) -> Nesting {
        let mut turns = vec![Turn::Nothing; vocab];
        let mut set = |ids: &[u32], turn: Turn| {
            for &id in ids {
                if let Some(own) = turns.get_mut(id as usize) {
                    *own = turn;
                }
            }
        };
        for (kind, ids) in (0..).zip(&self.open) {
            set(ids, Turn::Open(kind));
        }
        for (kind, ids) in (0..).zip(&self.quote) {
            set(ids, Turn::Quote(kind));
        }
        set(&self.close, Turn::Close);
        set(&self.escape, Turn::Escape);
        let roles = self.roles.chars().map(|code| Role::from_code(code).unwrap_or_default());
        Nesting::new(turns, roles.collect())
    }
}
