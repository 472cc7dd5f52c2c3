//! How deep the beginning of a text stands in brackets and strings: what a decoder can be told beside every token.

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
