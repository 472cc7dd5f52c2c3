//! The content pieces of a text: by them a rung shows what it took from each end.

use std::collections::BTreeSet;

use super::Units;
use crate::domain::python_lexemes::{lexemes, string_parts, Kind, KEYWORDS};

/// The content pieces of `text`.
///
/// For lexemes: the parts of identifiers and strings split at `_`, case changes and non-letters, of two letters or
/// more, in lower case, and whole numbers (integer literals, without `_` and in lower case). Keywords, comments,
/// string prefixes and the letter of an escape such as `\n` are no content. For words and characters: the words in
/// lower case without the punctuation around them. Pixels are no content.
#[must_use]
pub fn pieces(text: &str, units: Units) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    if units == Units::Pixels {
        return out;
    }
    if units != Units::Lexemes {
        let words =
            text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        out.extend(words.filter(|word| !word.is_empty()).map(str::to_lowercase));
        return out;
    }
    for lexeme in lexemes(text) {
        let (lexeme, kind) = (lexeme.text, lexeme.kind);
        match kind {
            Kind::Name if !KEYWORDS.contains(&lexeme) => split(lexeme, &mut out),
            Kind::Number if whole(lexeme) => {
                out.insert(lexeme.replace('_', "").to_lowercase());
            }
            Kind::String => {
                if let Some((prefix, _, body)) = string_parts(lexeme) {
                    if prefix.contains(['r', 'R']) {
                        split(body, &mut out);
                    } else {
                        split(&unescaped(body), &mut out);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

/// Whether a number literal is an integer.
fn whole(number: &str) -> bool {
    let based = ["0x", "0X", "0o", "0O", "0b", "0B"].iter().any(|base| number.starts_with(base));
    based || number.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// The string's body with a blank for every backslash and the character behind it.
fn unescaped(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// `parseHTTPReply_2` gives parse, http, reply.
fn split(text: &str, out: &mut BTreeSet<String>) {
    let chars: Vec<char> = text.chars().collect();
    let mut part = String::new();
    let mut letters = 0;
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && chars[i - 1].is_lowercase();
        let before_lower = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        let starts = c.is_uppercase() && (after_lower || before_lower);
        if starts || !c.is_alphabetic() {
            finish(&mut part, &mut letters, out);
        }
        if c.is_alphabetic() {
            part.extend(c.to_lowercase());
            letters += 1;
        }
    }
    finish(&mut part, &mut letters, out);
}

fn finish(part: &mut String, letters: &mut usize, out: &mut BTreeSet<String>) {
    let part = std::mem::take(part);
    if std::mem::take(letters) >= 2 {
        out.insert(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str, units: Units) -> String {
        pieces(text, units).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn python_pieces() {
        let python = |text| joined(text, Units::Lexemes);
        assert_eq!(python("self.parseHTTPReply_2(x_id)"), "http id parse reply self");
        assert_eq!(python("return MAX_SIZE if a else None  # comment"), "max size");
        assert_eq!(
            python("f = open(b'my-file.TXT', 10, 0.5, 1_000, 0xFF)"),
            "0xff 10 1000 file my open txt"
        );
        assert_eq!(python(r"print('\nHello wor1ld')"), "hello ld print wor");
        assert_eq!(python("r'\\dab if'"), "dab if");
        assert_eq!(python("x = 'never closed"), "closed never");
        assert_eq!(python("x + y"), "");
    }

    #[test]
    fn headline_pieces_are_words() {
        assert_eq!(
            joined("Trump's 5 “Best” Lies -- ranked!", Units::Words),
            "5 best lies ranked trump's"
        );
    }
}
