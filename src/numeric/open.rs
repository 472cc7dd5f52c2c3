//! All that is open behind the beginning of a text, by its tokens.

use super::clause::{Clauses, Role};
use super::nesting::{Nested, Turn};

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
