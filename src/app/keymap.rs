//! Which key does what: the table's default keys, a person's own in their place, and the look-up.
//!
//! A row has a context, or none where its keys work everywhere. A key may mean something else in every context; the
//! narrowest one is asked first.

mod key;

use std::fmt;

pub use key::{Key, KeyCode, KeyError};

/// A place that keys can belong to.
pub trait Context: Copy + PartialEq {
    /// Whether its keys may be those of commands that count everywhere, which they then hide.
    fn hides_common_keys(self) -> bool;
}

/// A row of the table of commands, as far as keys are concerned. `C` is a command, `X` a context such as a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a, C, X> {
    /// The name by which the command is configured, as `slide-right`.
    pub id: &'a str,
    /// The command.
    pub command: C,
    /// Its default keys.
    pub keys: &'a [&'a str],
    /// Where its keys work; everywhere without.
    pub context: Option<X>,
}

/// A person's own keys for a command, in place of the default ones. None at all unbinds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The command's name.
    pub id: String,
    /// Its keys, as `ctrl+p`.
    pub keys: Vec<String>,
}

/// What is wrong with an override, and where: the override by its number from 0, and the key within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMapError {
    /// Which override; none where the table itself is wrong.
    pub at: Option<usize>,
    /// Which of its keys; none where it is the command's name.
    pub key: Option<usize>,
    /// What, and what was expected.
    pub reason: String,
}

impl fmt::Display for KeyMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for KeyMapError {}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound<C, X> {
    id: String,
    command: C,
    keys: Vec<Key>,
    context: Option<X>,
}

/// Commands by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap<C, X> {
    rows: Vec<Bound<C, X>>,
}

impl<C: Copy + PartialEq, X: Context> KeyMap<C, X> {
    /// The keys of a table of commands, with a person's own in place of the default ones.
    ///
    /// # Errors
    /// An override of a command that is not in the table, a word that is no key, or a key that two commands of one
    /// context would share.
    pub fn new<'a>(
        table: impl IntoIterator<Item = Row<'a, C, X>>,
        overrides: &[Override],
    ) -> Result<Self, KeyMapError> {
        let table: Vec<Row<'a, C, X>> = table.into_iter().collect();
        for (at, own) in overrides.iter().enumerate() {
            if !table.iter().any(|row| row.id == own.id) {
                let reason = unknown_command(&own.id, table.iter().map(|row| row.id));
                return Err(KeyMapError { at: Some(at), key: None, reason });
            }
        }
        let mut rows: Vec<Bound<C, X>> = Vec::with_capacity(table.len());
        let mut taken: Vec<(Key, Option<X>, &str)> = Vec::new();
        // A person's own keys come first, so that a clash with a default key is told at the line they wrote.
        for row in &table {
            let at = overrides.iter().rposition(|own| own.id == row.id);
            let names: Vec<&str> = match at {
                Some(at) => overrides[at].keys.iter().map(String::as_str).collect(),
                None => row.keys.to_vec(),
            };
            let mut keys = Vec::with_capacity(names.len());
            for (k, name) in names.into_iter().enumerate() {
                let wrong = |reason| KeyMapError { at, key: at.map(|_| k), reason };
                let key: Key = name.parse().map_err(|e: KeyError| wrong(e.to_string()))?;
                if keys.contains(&key) {
                    continue;
                }
                let clash = taken.iter().find(|(k, x, _)| *k == key && Self::meet(*x, row.context));
                if let Some((_, _, other)) = clash {
                    let from = overrides.iter().rposition(|own| own.id == *other);
                    return Err(Self::clash(key, (row.id, at), (other, from), overrides));
                }
                taken.push((key, row.context, row.id));
                keys.push(key);
            }
            let id = row.id.to_owned();
            rows.push(Bound { id, command: row.command, keys, context: row.context });
        }
        Ok(Self { rows })
    }

    /// Whether two commands cannot have one key.
    fn meet(one: Option<X>, other: Option<X>) -> bool {
        match (one, other) {
            (Some(x), None) | (None, Some(x)) => !x.hides_common_keys(),
            (one, other) => one == other,
        }
    }

    /// A key that two commands want: told at the later override, or at the only one.
    fn clash(
        key: Key,
        (id, at): (&str, Option<usize>),
        (other, from): (&str, Option<usize>),
        overrides: &[Override],
    ) -> KeyMapError {
        let (at, id, other) = match (at, from) {
            (Some(at), Some(from)) if from > at => (Some(from), other, id),
            (None, Some(from)) => (Some(from), other, id),
            _ => (at, id, other),
        };
        let is_key = |name: &String| name.parse() == Ok(key);
        KeyMapError {
            at,
            key: at.and_then(|at| overrides[at].keys.iter().position(is_key)),
            reason: format!(
                "the key `{key}` of `{id}` is bound to `{other}` already: choose another, or give `{other}` other keys"
            ),
        }
    }

    /// The command of a key: that of the first of the contexts that has one, else the one that works everywhere.
    #[must_use]
    pub fn lookup(&self, key: Key, contexts: impl IntoIterator<Item = X>) -> Option<C> {
        let of = |context: Option<X>| {
            self.rows
                .iter()
                .find(|row| row.context == context && row.keys.contains(&key))
                .map(|row| row.command)
        };
        contexts.into_iter().find_map(|x| of(Some(x))).or_else(|| of(None))
    }

    /// The command of a key that is given by name, as [`KeyMap::lookup`].
    #[must_use]
    pub fn lookup_name(&self, key: &str, contexts: impl IntoIterator<Item = X>) -> Option<C> {
        self.lookup(key.parse().ok()?, contexts)
    }

    /// The keys of a command, the first one for hints.
    #[must_use]
    pub fn keys(&self, command: C) -> &[Key] {
        self.rows.iter().find(|row| row.command == command).map_or(&[], |row| &row.keys)
    }

    /// Every command's name with its keys, in the order of the table.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, &[Key])> {
        self.rows.iter().map(|row| (row.id.as_str(), row.keys.as_slice()))
    }
}

/// Names what there is when a command's name is not among it: the nearest, or where to read all.
fn unknown_command<'a>(id: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .map(|name| (similar::TextDiff::from_chars(id, name).ratio(), name))
        .filter(|(ratio, _)| *ratio > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, name)) => format!("no command `{id}`: did you mean `{name}`?"),
        None => format!("no command `{id}`: `tvae-tui config` lists them"),
    }
}

#[cfg(test)]
mod tests;
