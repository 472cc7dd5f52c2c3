//! Which clauses the beginning of a line of code stands in: what a decoder can be told beside every token.

use super::nesting::Turn;

/// A keyword, by what it does to what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// `if`: opens a statement, or a condition that waits for [`Key::Else`].
    If,
    /// `else`.
    Else,
    /// `for`: opens a statement, or a loop that waits for [`Key::In`].
    For,
    /// `in`.
    In,
    /// `lambda`: its arguments end with a colon.
    Lambda,
    /// `from`.
    From,
    /// `import`.
    Import,
    /// Another one that opens a statement with a colon.
    Compound,
    /// Another one that opens a statement.
    Simple,
    /// One between operands.
    Link,
}

/// What a token is to the clauses of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Nothing: blanks, brackets and quotes, specials.
    #[default]
    Nothing,
    /// A name or a number, or a part of one; `apart` where it begins with a blank.
    Word {
        /// Whether no word in front goes on with it.
        apart: bool,
    },
    /// A keyword, unless a word goes on with it or it goes on as a word.
    Keyword {
        /// Which.
        key: Key,
        /// Whether no word in front goes on with it.
        apart: bool,
    },
    /// An operator.
    Operator,
    /// A dot.
    Dot,
    /// A comma.
    Comma,
    /// A colon.
    Colon,
    /// `=`, alone or behind an operator.
    Assign,
    /// What makes the rest of the line a comment.
    Comment,
    /// What ends a statement within the line.
    Next,
}

/// Codes of the roles that are neither word nor keyword.
const SIGNS: [(char, Role); 8] = [
    (' ', Role::Nothing),
    ('+', Role::Operator),
    ('.', Role::Dot),
    (',', Role::Comma),
    (':', Role::Colon),
    ('=', Role::Assign),
    ('#', Role::Comment),
    (';', Role::Next),
];
/// Codes of the keywords; upper case where they stand apart.
const KEYS: [(char, Key); 10] = [
    ('i', Key::If),
    ('e', Key::Else),
    ('f', Key::For),
    ('n', Key::In),
    ('l', Key::Lambda),
    ('m', Key::From),
    ('p', Key::Import),
    ('c', Key::Compound),
    ('s', Key::Simple),
    ('k', Key::Link),
];

impl Role {
    /// The character that stands for it in a file.
    #[must_use]
    pub fn code(self) -> char {
        let lower = |code: char, apart: bool| if apart { code.to_ascii_uppercase() } else { code };
        match self {
            Self::Word { apart } => lower('w', apart),
            Self::Keyword { key, apart } => {
                let (code, _) = KEYS.iter().find(|(_, k)| *k == key).unwrap_or(&KEYS[9]);
                lower(*code, apart)
            }
            sign => SIGNS.iter().find(|(_, role)| *role == sign).map_or(' ', |(code, _)| *code),
        }
    }

    /// The role of a character that stands for one.
    #[must_use]
    pub fn from_code(code: char) -> Option<Self> {
        if let Some((_, role)) = SIGNS.iter().find(|(sign, _)| *sign == code) {
            return Some(*role);
        }
        let (lower, apart) = (code.to_ascii_lowercase(), code.is_ascii_uppercase());
        if lower == 'w' {
            return Some(Self::Word { apart });
        }
        let (_, key) = KEYS.iter().find(|(sign, _)| *sign == lower)?;
        Some(Self::Keyword { key: *key, apart })
    }
}

/// What a token is read after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Last {
    /// The beginning of an operand is to come.
    #[default]
    Start,
    /// An operand, which may be whole.
    Operand,
    /// A dot: a name is to come.
    Dot,
    /// The rest is a comment.
    Comment,
}

/// What a statement began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Head {
    /// It has not begun.
    #[default]
    None,
    /// No keyword that counts.
    Expression,
    From,
    /// Names to import are to come or have come.
    Import,
    /// A colon is to come.
    Compound,
    Simple,
}

/// What a clause waits for, within one pair of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Waits {
    #[default]
    Nothing,
    Else,
    In,
    Colon,
}

/// What has been since the last comma, within one pair of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Seen {
    #[default]
    Nothing,
    Assign,
    Colon,
    /// A whole `for … in`.
    Loop,
}

/// One pair of brackets, or the line itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Level {
    /// Whether it is a pair of brackets.
    bracket: bool,
    /// Whether that stands behind an operand, as in a call and in a subscript.
    call: bool,
    waits: Waits,
    seen: Seen,
}

/// Pairs of brackets that are known; of deeper ones the outermost are forgotten.
const LEVELS: usize = 8;

/// Head, last token and brackets: all that a keyword changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct State {
    head: Head,
    last: Last,
    /// The innermost first.
    levels: [Level; LEVELS],
}

/// The clauses that are open behind a beginning; none before the first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Clauses {
    state: State,
    /// Whether a word may go on.
    word: bool,
    /// What was before a keyword that may turn out to be the beginning of a word.
    before: Option<State>,
}

impl Clauses {
    /// Classes of [`Self::class`].
    pub const CLASSES: usize = 4 * 2 * 4 * 4;
    /// Classes of [`Self::head`].
    pub const HEADS: usize = 6;

    /// Behind one more token, that does `turn` to brackets and strings; of `strings` the first tells whether it stands in a
    /// string and the second whether what is behind it does.
    #[must_use]
    pub fn after(mut self, role: Role, turn: Turn, strings: (bool, bool)) -> Self {
        if self.state.last == Last::Comment {
            return self;
        }
        let goes_on = |apart: bool| self.word && !apart;
        match (strings, turn, role) {
            ((true, true), ..) => return self,
            ((true, false), ..) => self.state.last = Last::Operand,
            ((false, true), ..) => self.state.begin(),
            (_, Turn::Open(_), _) => self.state.open(),
            (_, Turn::Close, _) => self.state.close(),
            (_, _, Role::Word { apart } | Role::Keyword { apart, .. }) if goes_on(apart) => {
                if let Some(before) = self.before.take() {
                    self.state = before;
                    self.state.operand();
                }
                return self;
            }
            (_, _, Role::Keyword { key, .. }) if self.state.takes(key) => {
                let before = Some(self.state);
                self.state.keyword(key);
                return Self { word: true, before, ..self };
            }
            (_, _, Role::Word { .. } | Role::Keyword { .. }) => {
                self.state.operand();
                return Self { word: true, before: None, ..self };
            }
            (_, _, sign) => self.state.sign(sign),
        }
        Self { word: false, before: None, ..self }
    }

    /// What came last, what the innermost brackets are, what is waited for in them and what they have, as a number below
    /// [`Self::CLASSES`].
    #[must_use]
    pub fn class(&self) -> usize {
        let Level { call, waits, seen, .. } = self.state.levels[0];
        ((self.state.last as usize * 2 + usize::from(call)) * 4 + waits as usize) * 4
            + seen as usize
    }

    /// What the statement began with, as a number below [`Self::HEADS`].
    #[must_use]
    pub fn head(&self) -> usize {
        self.state.head as usize
    }
}

impl State {
    /// Whether the statement is about to begin.
    fn fresh(&self) -> bool {
        self.head == Head::None && !self.levels[0].bracket
    }

    fn begin(&mut self) {
        if self.fresh() {
            self.head = Head::Expression;
        }
    }

    fn operand(&mut self) {
        self.begin();
        self.last = Last::Operand;
    }

    fn open(&mut self) {
        self.begin();
        self.levels.copy_within(0..LEVELS - 1, 1);
        let call = self.last == Last::Operand;
        self.levels[0] = Level { bracket: true, call, ..Level::default() };
        self.last = Last::Start;
    }

    fn close(&mut self) {
        self.levels.copy_within(1.., 0);
        self.levels[LEVELS - 1] = Level::default();
        self.last = Last::Operand;
    }

    /// Whether a keyword can stand here: behind a dot the same letters are a name, but for `from . import`.
    fn takes(&self, key: Key) -> bool {
        self.last != Last::Dot || key == Key::Import && self.head == Head::From
    }

    fn keyword(&mut self, key: Key) {
        let fresh = self.fresh();
        let level = &mut self.levels[0];
        match key {
            Key::If if !fresh => level.waits = Waits::Else,
            Key::Else => level.waits = Waits::Nothing,
            Key::For => level.waits = Waits::In,
            Key::In if level.waits == Waits::In => {
                (level.waits, level.seen) = (Waits::Nothing, Seen::Loop);
            }
            Key::Lambda => level.waits = Waits::Colon,
            _ => {}
        }
        match key {
            Key::If | Key::For | Key::Compound if fresh => self.head = Head::Compound,
            Key::From if fresh => self.head = Head::From,
            Key::Import if fresh || self.head == Head::From => self.head = Head::Import,
            Key::Simple if fresh => self.head = Head::Simple,
            Key::Lambda => self.begin(),
            _ => {}
        }
        self.last = Last::Start;
    }

    fn sign(&mut self, sign: Role) {
        let level = &mut self.levels[0];
        match sign {
            Role::Comma => {
                if level.waits == Waits::Else {
                    level.waits = Waits::Nothing;
                }
                if level.bracket && level.seen != Seen::Loop {
                    level.seen = Seen::Nothing;
                }
            }
            Role::Colon if level.waits == Waits::Colon => level.waits = Waits::Nothing,
            Role::Colon if self.head == Head::Compound && !level.bracket => {
                *self = Self::default();
            }
            Role::Colon => level.seen = Seen::Colon,
            Role::Assign => level.seen = Seen::Assign,
            Role::Next => *self = Self::default(),
            Role::Nothing => return,
            _ => {}
        }
        if !matches!(sign, Role::Next | Role::Colon) {
            self.begin();
        }
        self.last = match sign {
            Role::Dot => Last::Dot,
            Role::Comment => Last::Comment,
            _ => Last::Start,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        let words = [true, false].map(|apart| Role::Word { apart });
        let keys = KEYS
            .iter()
            .flat_map(|&(_, key)| [true, false].map(|apart| Role::Keyword { key, apart }));
        let all = SIGNS.iter().map(|(_, role)| *role).chain(words).chain(keys);
        let mut codes = std::collections::HashSet::new();
        for role in all {
            assert_eq!(Role::from_code(role.code()), Some(role));
            assert!(codes.insert(role.code()), "{role:?}");
        }
        assert_eq!(codes.len(), 30);
        assert_eq!(Role::from_code('?'), None);
    }
}
