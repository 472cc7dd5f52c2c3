//! How deep the beginning of a text stands in brackets and strings: what a decoder can be told beside every token.

use super::clause::{Clauses, Role};

/// What a token does to the brackets and strings that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// Nothing.
    #[default]
    Nothing,
    /// Opens a bracket of this kind, 0 to 2.
    Open(u8),
    /// Closes the innermost bracket.
    Close,
    /// Opens a string with this quote, 0 or 1, or closes one that began with it.
    Quote(u8),
    /// Takes the next token of a string for a part of it.
    Escape,
}

/// The brackets and the string that are open behind a beginning; none before the first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nested {
    /// Kinds of open brackets + 1, two bits each, the innermost lowest.
    open: u64,
    depth: u8,
    /// The open string's quote + 1; 0 for none.
    quote: u8,
    escaped: bool,
}

/// Depths that are told apart: 0 to 3, the last for all beyond.
const DEPTHS: usize = 4;
/// No bracket, or one of three kinds.
const KINDS: usize = 4;
/// No string, or one of two quotes.
const STRINGS: usize = 3;

impl Nested {
    /// Classes that are told apart: depth, kind of the innermost bracket, string.
    pub const CLASSES: usize = DEPTHS * KINDS * STRINGS;

    /// What is open behind one more token. Within a string nothing counts but its own quote.
    #[must_use]
    pub fn after(mut self, turn: Turn) -> Self {
        if self.quote > 0 {
            match turn {
                _ if self.escaped => self.escaped = false,
                Turn::Escape => self.escaped = true,
                Turn::Quote(quote) if quote + 1 == self.quote => self.quote = 0,
                _ => {}
            }
            return self;
        }
        match turn {
            Turn::Open(kind) => {
                // Of more than 32 brackets the outermost are forgotten.
                self.open = self.open << 2 | u64::from(kind + 1);
                self.depth = self.depth.saturating_add(1);
            }
            Turn::Close => {
                self.open >>= 2;
                self.depth = self.depth.saturating_sub(1);
            }
            Turn::Quote(quote) => self.quote = quote + 1,
            Turn::Escape | Turn::Nothing => {}
        }
        self
    }

    /// Whether a string is open.
    #[must_use]
    pub fn in_string(self) -> bool {
        self.quote > 0
    }

    /// The class, below [`Self::CLASSES`].
    #[must_use]
    pub fn class(self) -> usize {
        let depth = usize::from(self.depth).min(DEPTHS - 1);
        let kind = (self.open & 3) as usize;
        (usize::from(self.quote) * KINDS + kind) * DEPTHS + depth
    }
}

/// Everything that is open behind a beginning; nothing before the first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Open {
    /// Brackets and strings.
    pub nested: Nested,
    /// Clauses, as far as tokens have roles.
    pub clauses: Clauses,
}

/// What every token of a vocabulary does to brackets and strings, and what it is to clauses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nesting {
    turns: Vec<Turn>,
    roles: Vec<Role>,
}

impl Nesting {
    /// Rows of a table for all that is told apart, those of [`Nested`] first; without roles these are all.
    pub const ROWS: usize = Nested::CLASSES + Clauses::CLASSES + Clauses::HEADS;

    /// From the turns and the roles of all ids; what lies beyond does nothing. Without roles there are no clauses.
    #[must_use]
    pub fn new(turns: Vec<Turn>, roles: Vec<Role>) -> Self {
        Self { turns, roles }
    }

    /// What a token does.
    #[must_use]
    pub fn turn(&self, id: u32) -> Turn {
        self.turns.get(id as usize).copied().unwrap_or_default()
    }

    /// Whether another token could stand in a token's place without a change in what is open.
    #[must_use]
    pub fn alike(&self, id: u32, other: u32) -> bool {
        let role = |id: u32| self.roles.get(id as usize).copied().unwrap_or_default();
        let (a, b) = (role(id), role(other));
        let words = self.roles.is_empty() || a == b && matches!(a, Role::Word { .. });
        words && [id, other].iter().all(|&id| self.turn(id) == Turn::Nothing)
    }

    /// What is open behind one more token.
    #[must_use]
    pub fn after(&self, open: Open, id: u32) -> Open {
        let turn = self.turn(id);
        let nested = open.nested.after(turn);
        let clauses = match self.roles.get(id as usize) {
            Some(&role) => {
                let strings = (open.nested.in_string(), nested.in_string());
                open.clauses.after(role, turn, strings)
            }
            None => open.clauses,
        };
        Open { nested, clauses }
    }

    /// What is open behind each of the ids, from the start of a text.
    pub fn behind<'a>(&'a self, ids: &'a [u32]) -> impl Iterator<Item = Open> + 'a {
        ids.iter().scan(Open::default(), |open, &id| {
            *open = self.after(*open, id);
            Some(*open)
        })
    }

    /// The rows of a table of so many that belong to what is open, see [`Self::ROWS`].
    pub fn rows(&self, open: Open) -> impl Iterator<Item = usize> + use<> {
        let clause = Nested::CLASSES + open.clauses.class();
        let head = Nested::CLASSES + Clauses::CLASSES + open.clauses.head();
        let told = if self.roles.is_empty() { 1 } else { 3 };
        [open.nested.class(), clause, head].into_iter().take(told)
    }

    /// Rows of the table that [`Self::rows`] counts in.
    #[must_use]
    pub fn table_rows(&self) -> usize {
        if self.roles.is_empty() {
            Nested::CLASSES
        } else {
            Self::ROWS
        }
    }
}

/// What is open behind every position of every slot of a decoder's cache.
pub(super) struct NestedSlots<'a> {
    nesting: &'a Nesting,
    max_len: usize,
    places: Vec<Open>,
}

impl<'a> NestedSlots<'a> {
    pub(super) fn new(nesting: &'a Nesting, slots: usize, max_len: usize) -> Self {
        Self { nesting, max_len, places: vec![Open::default(); slots * max_len] }
    }

    /// Takes a token in behind what the slot has at the position before; gives what is open behind it.
    pub(super) fn feed(&mut self, slot: usize, position: usize, id: u32) -> Open {
        let at = slot * self.max_len + position;
        let before = if position > 0 { self.places[at - 1] } else { Open::default() };
        self.places[at] = self.nesting.after(before, id);
        self.places[at]
    }

    /// Copies the first positions of slot `from` to slot `to`.
    pub(super) fn copy(&mut self, from: usize, to: usize, positions: usize) {
        let from = from * self.max_len;
        self.places.copy_within(from..from + positions, to * self.max_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A character is a token.
    fn behind(text: &str) -> Nested {
        text.chars().fold(Nested::default(), |nested, c| {
            nested.after(match c {
                '(' => Turn::Open(0),
                '[' => Turn::Open(1),
                '{' => Turn::Open(2),
                ')' | ']' | '}' => Turn::Close,
                '\'' => Turn::Quote(0),
                '"' => Turn::Quote(1),
                '\\' => Turn::Escape,
                _ => Turn::Nothing,
            })
        })
    }

    #[test]
    fn what_closes_comes_back_to_what_was() {
        assert_eq!(behind("f(a[1], {'k': \"v\"})"), Nested::default());
        assert_eq!(behind("f(a["), behind("g(['x', (y), "));
        assert_ne!(behind("f(a["), behind("f[a("));
        assert_ne!(behind("f(").class(), behind("f[").class());
        assert_ne!(behind("((((").class(), behind("((((\"").class());
        assert_eq!(behind("))"), Nested::default(), "nothing is open below nothing");
    }

    #[test]
    fn a_string_ends_at_its_own_quote_only() {
        assert_eq!(behind("'a\"(b"), behind("'"));
        assert_eq!(behind(r"'it\'s' + x"), Nested::default());
        assert_eq!(behind(r"'\\'"), Nested::default());
        assert_eq!(behind("\"\"\"doc"), behind("\""));
    }

    proptest! {
        #[test]
        fn every_class_is_in_the_table(text in "[()\\[\\]{}'\"\\\\a]{0,200}") {
            prop_assert!(behind(&text).class() < Nested::CLASSES);
        }
    }
}
