//! What texts of a domain are counted in, and the distance between two of them.

use crate::corpus::mnist_text::{Digit, Size, LEVELS};
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
    /// Pixels of digits, read leniently from their texts in either direction.
    Pixels,
}

/// A text taken apart once, for several distances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts<'a> {
    /// Its units in their order.
    Sequence(Vec<&'a str>),
    /// Its picture.
    Picture(Digit),
}

impl Parts<'_> {
    /// The distance of two texts: the Levenshtein distance over the longer length; of digits the mean absolute difference of
    /// their pixels, from 0 for background to 1 for ink. 0 for equal texts, at most 1.
    ///
    /// Digits of two sizes, of which one was cut short, are laid over each other from the upper left, as far as both go.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        match (self, other) {
            (Self::Sequence(a), Self::Sequence(b)) => distance(a, b),
            (Self::Picture(a), Self::Picture(b)) => {
                let (one, two) = (a.size.side(), b.size.side());
                let side = one.min(two);
                let rows = a.levels.chunks_exact(one).zip(b.levels.chunks_exact(two)).take(side);
                let differences = rows.flat_map(|(a, b)| a.iter().zip(b).take(side));
                let sum: u32 = differences.map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
                f64::from(sum) / (f64::from(LEVELS - 1) * (side * side) as f64)
            }
            _ => 1.0,
        }
    }
}

impl Units {
    /// The units of a domain's texts.
    #[must_use]
    pub fn of(domain: &str) -> Self {
        // Free text can be asked to be more, as in `text/json`: its units stay.
        match domain.split('/').next() {
            Some("python") => Self::Lexemes,
            Some("headlines" | "text") => Self::Words,
            Some("mnist") => Self::Pixels,
            _ => Self::Characters,
        }
    }

    /// The text in these units; a picture's text is one of characters.
    #[must_use]
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Lexemes => lexemes(text).into_iter().map(|lexeme| lexeme.text).collect(),
            Self::Words => text.split_whitespace().collect(),
            Self::Characters | Self::Pixels => {
                text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect()
            }
        }
    }

    /// The text taken apart for distances.
    #[must_use]
    pub fn parts(self, text: &str) -> Parts<'_> {
        match self {
            Self::Pixels => Parts::Picture(Digit::read(text, Size::of_text(text)).0),
            _ => Parts::Sequence(self.split(text)),
        }
    }

    /// The distance of two texts, as [`Parts::distance`] has it.
    #[must_use]
    pub fn distance(self, a: &str, b: &str) -> f64 {
        self.parts(a).distance(&self.parts(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Direction;

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

    #[test]
    fn digits_differ_by_their_pixels_in_whatever_direction_they_are_written() {
        let grey = |level| Digit { size: Size::Small, levels: vec![level; 196] };
        let distance = |a: &str, b: &str| Units::Pixels.distance(a, b);
        let (blank, full) = (grey(0).write(Direction::Down), grey(64).write(Direction::Up));
        assert_eq!(distance(&blank, &full), 1.0);
        assert_eq!(distance(&blank, &grey(16).write(Direction::Up)), 0.25);
        let mut corner = grey(0);
        corner.levels[0] = 64;
        let (down, up) = (corner.write(Direction::Down), corner.write(Direction::Up));
        assert_eq!((distance(&down, &up), distance(&down, &blank)), (0.0, 1.0 / 196.0));
        // One row is all that there is of the second, and it is the same.
        assert_eq!(distance(&down, down.lines().next().unwrap_or_default()), 0.0);
        assert_eq!(distance(&blank, ""), 0.0);
    }
}
