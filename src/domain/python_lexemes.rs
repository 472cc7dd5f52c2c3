//! A lenient lexeme splitter for Python: what a distance between lines and the pieces of a line are counted in, and what
//! two lines are mixed from.
//!
//! It accepts any text, since it also reads what a model got wrong: a quote that is never closed is a lexeme by itself,
//! and a character that Python does not know is one too.

use std::ops::Range;

/// What a lexeme is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a keyword.
    Name,
    /// A number.
    Number,
    /// A string with its prefix and quotes.
    String,
    /// An operator, a bracket, a comment, a line break, an indentation or a stray character.
    Other,
}

const OPERATORS: [&str; 26] = [
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "==", "!=", "<=", ">=", "<>", "->",
    ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "\r\n",
];

/// A piece of Python source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme<'a> {
    /// Its characters.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Whether blanks stand in front of it.
    pub spaced: bool,
}

impl Lexeme<'_> {
    /// Its bytes in the text that it was split from.
    #[must_use]
    pub fn range(&self, text: &str) -> Range<usize> {
        let start = (self.text.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        start..start + self.text.len()
    }
}

/// Python's reserved words: syntax that every other line has, no content.
pub const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// The lexemes of Python source text in order; blanks within a line are no lexemes, indentation and line breaks are.
#[must_use]
pub fn lexemes(text: &str) -> Vec<Lexeme<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut line_start = true;
    let mut spaced = false;
    while let Some(first) = rest.chars().next() {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\x0c']).len();
        if blank > 0 {
            let (space, after) = rest.split_at(blank);
            if line_start && !after.is_empty() && !after.starts_with(['\n', '\r']) {
                out.push(Lexeme { text: space, kind: Kind::Other, spaced: false });
            }
            line_start = false;
            spaced = true;
            rest = after;
            continue;
        }
        let (len, kind) = if let Some(len) = string(rest) {
            (len, Kind::String)
        } else if first == '_' || first.is_alphabetic() {
            (span(rest, |c| c == '_' || c.is_alphanumeric()), Kind::Name)
        } else if let Some(len) = number(rest) {
            (len, Kind::Number)
        } else if first == '#' {
            (span(rest, |c| c != '\n' && c != '\r'), Kind::Other)
        } else {
            let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
            (operator.map_or(first.len_utf8(), |operator| operator.len()), Kind::Other)
        };
        let (lexeme, after) = rest.split_at(len);
        out.push(Lexeme { text: lexeme, kind, spaced });
        spaced = false;
        line_start = lexeme.ends_with(['\n', '\r']);
        rest = after;
    }
    out
}

/// The length in bytes of the leading characters that `accept` takes.
fn span(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

/// A string literal as prefix, quote and body, or `None` where it is not closed.
#[must_use]
pub fn string_parts(text: &str) -> Option<(&str, &str, &str)> {
    let prefix = span(text, |c| c.is_ascii_alphabetic());
    let (prefix, quoted) = text.split_at(prefix);
    let known = matches!(
        prefix.to_ascii_lowercase().as_str(),
        "" | "r" | "u" | "b" | "f" | "br" | "rb" | "fr" | "rf"
    );
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| quoted.starts_with(quote))?;
    if !known {
        return None;
    }
    let body = &quoted[quote.len()..];
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if body[at..].starts_with(quote) {
            return Some((prefix, quote, &body[..at]));
        } else if quote.len() == 1 && (c == '\n' || c == '\r') {
            return None;
        } else {
            // A raw string keeps its backslash, but there too it stops the quote behind it from closing.
            escaped = c == '\\';
        }
    }
    None
}

fn string(text: &str) -> Option<usize> {
    let (prefix, quote, body) = string_parts(text)?;
    Some(prefix.len() + 2 * quote.len() + body.len())
}

fn number(text: &str) -> Option<usize> {
    let digits = |text: &str| span(text, |c| c.is_ascii_digit() || c == '_');
    let bytes = text.as_bytes();
    let starts = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if !(starts(0) || bytes.first() == Some(&b'.') && starts(1)) {
        return None;
    }
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
        return Some(2 + span(&text[2..], |c| c.is_ascii_hexdigit() || c == '_'));
    }
    let mut len = digits(text);
    if bytes.get(len) == Some(&b'.') {
        len += 1;
        len += digits(&text[len..]);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        if starts(len + 1 + sign) {
            len += 1 + sign;
            len += digits(&text[len..]);
        }
    }
    if matches!(bytes.get(len), Some(b'j' | b'J')) {
        len += 1;
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<&str> {
        lexemes(text).iter().map(|lexeme| lexeme.text).collect()
    }

    #[test]
    fn python_lines_split_as_python_does() {
        let cases: [(&str, &[&str]); 8] = [
            ("x=foo_bar(1, 'a b')", &["x", "=", "foo_bar", "(", "1", ",", "'a b'", ")"]),
            ("a//=b**2 # why", &["a", "//=", "b", "**", "2", "# why"]),
            ("y = 1e-5+0xE+.5j", &["y", "=", "1e-5", "+", "0xE", "+", ".5j"]),
            (r"s = rb'\'' + 'it\'s'", &["s", "=", r"rb'\''", "+", r"'it\'s'"]),
            ("f(*a, **k) -> ...", &["f", "(", "*", "a", ",", "**", "k", ")", "->", "..."]),
            ("if x:\n    y\n\n", &["if", "x", ":", "\n", "    ", "y", "\n", "\n"]),
            ("d = '''a\n'b'''", &["d", "=", "'''a\n'b'''"]),
            ("print 'oops", &["print", "'", "oops"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(texts(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost(text in "[a-c1 .'\"\\\\\n_#é=*-]{0,40}") {
            let strip = |text: &str| text.replace([' ', '\t', '\x0c'], "");
            prop_assert_eq!(strip(&texts(&text).concat()), strip(&text));
        }
    }
}
