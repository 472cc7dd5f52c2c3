//! What the parts of a text are: classes for colours, units for comparisons. No terminal here.

use std::ops::Range;

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    /// A reserved word.
    Keyword,
    /// An identifier.
    Name,
    /// An identifier that is called.
    Call,
    /// An identifier behind a dot.
    Attribute,
    /// A number.
    Number,
    /// A string with its prefix and quotes, or a quote that is never closed.
    String,
    /// An operator, a comma, a colon.
    Operator,
    /// A bracket of any kind.
    Bracket,
    /// A comment.
    Comment,
    /// Anything else.
    Plain,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub class: TokenClass,
}

/// The words of a text between blanks.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    text.split_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            start..start + word.len()
        })
        .collect()
}

/// The characters of a text.
pub(super) fn characters(text: &str) -> Vec<Range<usize>> {
    text.char_indices().map(|(at, c)| at..at + c.len_utf8()).collect()
}
