//! What texts of a domain are counted in, and the distance between two of them.

use crate::domain::distance;
use crate::domain::python_lexemes::lexemes;

/// What a distance between two texts is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Units {
    /// Python lexemes.
    Lexemes,
    /// Words between blanks, for headlines.
    Words,
    /// Characters, for free text.
    Characters,
}

impl Units {
    /// The units of a domain's texts.
    #[must_use]
    pub fn of(domain: &str) -> Self {
        // Free text can be asked to be more, as in `text/json`: its units stay.
        match domain.split('/').next() {
            Some("python") => Self::Lexemes,
            Some("headlines" | "text") => Self::Words,
            _ => Self::Characters,
        }
    }

    /// The text in these units.
    #[must_use]
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Lexemes => lexemes(text).into_iter().map(|lexeme| lexeme.text).collect(),
            Self::Words => text.split_whitespace().collect(),
            Self::Characters => {
                text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect()
            }
        }
    }

    /// The Levenshtein distance of two texts over the longer length: 0 for equal ones, at most 1.
    #[must_use]
    pub fn distance(self, a: &str, b: &str) -> f64 {
        distance(&self.split(a), &self.split(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let letters = |a, b| Units::Characters.distance(a, b);
        assert_eq!(letters("kitten", "sitting"), 3.0 / 7.0);
        assert_eq!(letters("", "abc"), 1.0);
        assert_eq!(letters("", ""), 0.0);
        assert_eq!(letters("é日", "é本"), 0.5);
        assert_eq!(Units::Words.distance("a long  headline", "a short headline"), 1.0 / 3.0);
        assert_eq!(Units::Lexemes.distance("long_name = 1", "long_name=2"), 1.0 / 3.0);
    }
}
