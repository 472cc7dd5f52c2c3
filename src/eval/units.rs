//! What texts of a domain are counted in, and the distance between two of them.

use super::python::lexemes;

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
    /// The text in these units.
    #[must_use]
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Lexemes => lexemes(text),
            Self::Words => text.split_whitespace().collect(),
            Self::Characters => {
                text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect()
            }
        }
    }

    /// The Levenshtein distance of two texts over the longer length: 0 for equal ones, at most 1.
    #[must_use]
    pub fn distance(self, a: &str, b: &str) -> f64 {
        relative(&self.split(a), &self.split(b))
    }
}

/// The Levenshtein distance of two sequences over the longer length; 0 where both are empty.
pub(super) fn relative(a: &[&str], b: &[&str]) -> f64 {
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 0.0;
    }
    levenshtein(a, b) as f64 / longer as f64
}

/// Insertions, deletions and substitutions that turn `a` into `b`, with one row of the table kept.
fn levenshtein(a: &[&str], b: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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
