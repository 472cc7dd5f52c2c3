//! A key with its modifiers, and how people write it: `ctrl+p`, `shift+left`, `alt+h`, `f1`, `space`.

use std::fmt;
use std::str::FromStr;

/// A key without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    /// A character, in upper case where shift is held.
    Char(char),
    /// F1 to F24.
    Function(u8),
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Insert.
    Insert,
    /// Delete to the right.
    Delete,
    /// Delete to the left.
    Backspace,
    /// Tabulator.
    Tab,
    /// Return.
    Enter,
    /// Escape.
    Esc,
}

/// A key with its modifiers. Two keys that a terminal cannot tell apart are equal once made by [`Key::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Control is held.
    ctrl: bool,
    /// Alt, option or meta is held.
    alt: bool,
    /// Shift is held; never with a character, which shows it.
    shift: bool,
    code: KeyCode,
}

/// A word that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no key `{name}`: expected a character or one of {}, f1 … f24, with ctrl+, alt+ or shift+ before it",
    names()
)]
pub struct KeyError {
    name: String,
}

/// Names of keys; the first of each is the one that is printed.
const NAMED: [(KeyCode, &[&str]); 15] = [
    (KeyCode::Left, &["left"]),
    (KeyCode::Right, &["right"]),
    (KeyCode::Up, &["up"]),
    (KeyCode::Down, &["down"]),
    (KeyCode::Home, &["home"]),
    (KeyCode::End, &["end"]),
    (KeyCode::PageUp, &["pageup", "pgup"]),
    (KeyCode::PageDown, &["pagedown", "pgdn"]),
    (KeyCode::Insert, &["insert", "ins"]),
    (KeyCode::Delete, &["delete", "del"]),
    (KeyCode::Backspace, &["backspace"]),
    (KeyCode::Tab, &["tab"]),
    (KeyCode::Enter, &["enter", "return"]),
    (KeyCode::Esc, &["esc", "escape"]),
    (KeyCode::Char(' '), &["space"]),
];

fn names() -> String {
    let names: Vec<&str> = NAMED.iter().map(|(_, names)| names[0]).collect();
    names.join(", ")
}

impl Key {
    /// A key in the one form that its equals share: a letter with shift is the capital, a letter with control is small.
    #[must_use]
    pub fn new(code: KeyCode, ctrl: bool, alt: bool, shift: bool) -> Self {
        let KeyCode::Char(c) = code else { return Self { ctrl, alt, shift, code } };
        let c = match (ctrl, shift) {
            (true, _) => single(c.to_lowercase(), c),
            (false, true) => single(c.to_uppercase(), c),
            (false, false) => c,
        };
        // Space alone does not show shift.
        Self { ctrl, alt, shift: shift && c == ' ', code: KeyCode::Char(c) }
    }

    /// A key without modifiers.
    #[must_use]
    pub fn plain(code: KeyCode) -> Self {
        Self::new(code, false, false, false)
    }

    /// The key without its modifiers.
    #[must_use]
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// Whether control is held.
    #[must_use]
    pub fn ctrl(self) -> bool {
        self.ctrl
    }

    /// Whether alt is held.
    #[must_use]
    pub fn alt(self) -> bool {
        self.alt
    }

    /// Whether shift is held; a character shows it itself.
    #[must_use]
    pub fn shift(self) -> bool {
        self.shift
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = name;
        // `+` itself is a key, so only a word before it is a modifier.
        while let Some((word, after)) = rest.split_once('+').filter(|(_, after)| !after.is_empty())
        {
            match word.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => ctrl = true,
                "alt" | "option" | "meta" => alt = true,
                "shift" => shift = true,
                _ => return Err(KeyError { name: name.to_owned() }),
            }
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ => word(&rest.to_ascii_lowercase(), &mut shift)
                .ok_or_else(|| KeyError { name: name.to_owned() })?,
        };
        Ok(Self::new(code, ctrl, alt, shift))
    }
}

/// The only character of a conversion; `c` itself where there are several, as for `ß`.
fn single(mut converted: impl Iterator<Item = char>, c: char) -> char {
    match (converted.next(), converted.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn word(name: &str, shift: &mut bool) -> Option<KeyCode> {
    if name == "backtab" {
        *shift = true;
        return Some(KeyCode::Tab);
    }
    if let Some(number) = name.strip_prefix('f').filter(|n| !n.starts_with(['0', '+'])) {
        if let Some(n) = number.parse().ok().filter(|n| (1..=24).contains(n)) {
            return Some(KeyCode::Function(n));
        }
    }
    NAMED.iter().find(|(_, names)| names.contains(&name)).map(|(code, _)| *code)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = String::new();
        for (held, word) in [(self.ctrl, "ctrl+"), (self.alt, "alt+"), (self.shift, "shift+")] {
            if held {
                name.push_str(word);
            }
        }
        match self.code {
            KeyCode::Function(n) => name.push_str(&format!("f{n}")),
            code => match (NAMED.iter().find(|(named, _)| *named == code), code) {
                (Some((_, names)), _) => name.push_str(names[0]),
                (None, KeyCode::Char(c)) => name.push(c),
                (None, _) => {}
            },
        }
        f.pad(&name)
    }
}
