//! Single lines of Python.

use std::ops::Range;

use super::python_lexemes::{lexemes, Kind, Lexeme, KEYWORDS};
use super::{
    lexeme, python_attributes, python_syntax, samples_of, AttributeInfo, Brackets, Codec,
    CodecError, Domain, Mark, Part, Sort, TokenClass, Verdict,
};
use crate::corpus::Example;
use crate::numeric::{Key, Role};

/// Lines that CPython's `ast.parse` accepts.
pub(super) struct Python;

impl Domain for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn train_codec(
        &self,
        lines: &mut (dyn Iterator<Item = &str> + Send),
        vocab: usize,
    ) -> Result<Codec, CodecError> {
        lexeme::train(lines, vocab)
    }

    fn verdict(&self, text: &str) -> Verdict {
        python_syntax::verdict(text)
    }

    fn may_become_valid(&self, text: &str) -> bool {
        python_syntax::may_become_valid(text)
    }

    fn parts<'a>(&self, text: &'a str) -> Option<Vec<Part<'a>>> {
        Some(parts(text))
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &python_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        python_attributes::values(text)
    }

    fn marks(&self, text: &str) -> Vec<Mark> {
        let lexemes = lexemes(text);
        let class = |i: usize| {
            let before = i.checked_sub(1).map(|i| lexemes[i].text);
            class(&lexemes[i], before, lexemes.get(i + 1).map(|l| l.text))
        };
        (0..lexemes.len())
            .map(|i| Mark { range: lexemes[i].range(text), class: class(i) })
            .collect()
    }

    fn units(&self, text: &str) -> Vec<Range<usize>> {
        lexemes(text).iter().map(|l| l.range(text)).collect()
    }

    fn brackets(&self) -> Option<Brackets> {
        Some(Brackets {
            open: &["(", "[", "{"],
            close: &[")", "]", "}"],
            quotes: &["'", "\""],
            escape: "\\",
        })
    }

    fn role(&self, piece: &str) -> Role {
        role(piece)
    }

    fn samples(&self) -> Vec<Example> {
        samples_of(include_str!("../../assets/samples/python.txt"))
    }
}

/// What a piece that lies within one lexeme is to clauses.
fn role(piece: &str) -> Role {
    let word = piece.trim_start();
    let apart = word.len() < piece.len();
    let Some(first) = word.chars().next() else { return Role::Nothing };
    let keyword = |key| Role::Keyword { key, apart };
    match word {
        "if" => keyword(Key::If),
        "else" => keyword(Key::Else),
        "for" => keyword(Key::For),
        "in" => keyword(Key::In),
        "lambda" => keyword(Key::Lambda),
        "from" => keyword(Key::From),
        "import" => keyword(Key::Import),
        "class" | "def" | "elif" | "except" | "finally" | "try" | "while" | "with" => {
            keyword(Key::Compound)
        }
        "assert" | "break" | "continue" | "del" | "global" | "nonlocal" | "pass" | "raise"
        | "return" => keyword(Key::Simple),
        "and" | "as" | "async" | "await" | "is" | "not" | "or" | "yield" => keyword(Key::Link),
        "." => Role::Dot,
        "," => Role::Comma,
        ":" => Role::Colon,
        "#" => Role::Comment,
        ";" => Role::Next,
        "(" | ")" | "[" | "]" | "{" | "}" | "'" | "\"" | "\\" => Role::Nothing,
        "==" | "!=" | "<=" | ">=" | ":=" => Role::Operator,
        sign if sign.ends_with('=') => Role::Assign,
        _ if first.is_ascii_punctuation() && first != '_' => Role::Operator,
        _ => Role::Word { apart },
    }
}

/// What a lexeme is between its neighbours.
fn class(lexeme: &Lexeme<'_>, before: Option<&str>, after: Option<&str>) -> TokenClass {
    match (lexeme.kind, lexeme.text) {
        (Kind::Name, text) if KEYWORDS.contains(&text) => TokenClass::Keyword,
        (Kind::Name, _) if after == Some("(") => TokenClass::Call,
        (Kind::Name, _) if before == Some(".") => TokenClass::Attribute,
        (Kind::Name, _) => TokenClass::Name,
        (Kind::Number, _) => TokenClass::Number,
        (Kind::String, _) | (Kind::Other, "'" | "\"") => TokenClass::String,
        (Kind::Other, "(" | ")" | "[" | "]" | "{" | "}") => TokenClass::Bracket,
        (Kind::Other, text) if text.starts_with('#') => TokenClass::Comment,
        (Kind::Other, text) if text.chars().all(|c| c.is_ascii_punctuation()) => {
            TokenClass::Operator
        }
        (Kind::Other, _) => TokenClass::Plain,
    }
}

/// A line's lexemes as what two lines are mixed from.
fn parts(text: &str) -> Vec<Part<'_>> {
    let sort = |text: &str, kind| match (kind, text) {
        (Kind::Name, text) if KEYWORDS.contains(&text) => Sort::Syntax,
        (Kind::Name, _) => Sort::Word,
        (Kind::Number | Kind::String, _) => Sort::Value,
        (Kind::Other, "(" | "[" | "{") => Sort::Open,
        (Kind::Other, ")" | "]" | "}") => Sort::Close,
        (Kind::Other, _) => Sort::Syntax,
    };
    let lexemes = lexemes(text);
    let after = lexemes.iter().skip(1).map(|l| l.spaced).chain([false]);
    lexemes
        .iter()
        .zip(after)
        .enumerate()
        .map(|(index, (l, spaced_after))| Part {
            text: l.text,
            sort: sort(l.text, l.kind),
            spaced: l.spaced,
            spaced_after,
            index,
        })
        .collect()
}
