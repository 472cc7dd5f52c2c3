//! The parser's refusals in a person's words.

use std::borrow::Cow;

use rustpython_parser::lexer::LexicalErrorType;
use rustpython_parser::{ParseError, ParseErrorType};

/// Where and why the parser refused `text`.
pub(super) fn of(text: &str, error: &ParseError) -> (usize, Cow<'static, str>) {
    let offset = usize::from(error.offset).min(text.len());
    if let Some(open) = never_closed(text, &error.error) {
        return open;
    }
    let message = match &error.error {
        ParseErrorType::Eof => "unexpected end of input".into(),
        ParseErrorType::Lexical(LexicalErrorType::StringError) => {
            "unterminated string literal".into()
        }
        ParseErrorType::Lexical(error) => error.to_string().into(),
        ParseErrorType::ExtraToken(token) | ParseErrorType::UnrecognizedToken(token, _) => {
            let shown = token.to_string();
            match shown.trim_matches('\'') {
                "Newline" | "EOF" | "" => "invalid syntax: the line ends too early".into(),
                "Indent" => "unexpected indent".into(),
                "Dedent" => "expected an indented block".into(),
                token => format!("invalid syntax at `{token}`").into(),
            }
        }
        ParseErrorType::InvalidToken => "invalid token".into(),
    };
    (offset, message)
}

/// The innermost bracket that is open at the end of the text, where the end is what the parser stumbled on.
fn never_closed(text: &str, error: &ParseErrorType) -> Option<(usize, Cow<'static, str>)> {
    let at_the_end =
        matches!(error, ParseErrorType::Eof | ParseErrorType::Lexical(LexicalErrorType::Eof));
    if !at_the_end {
        return None;
    }
    let mut open = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => break,
            (None, '(' | '[' | '{') => open.push((at, c)),
            (None, ')' | ']' | '}') => {
                open.pop();
            }
            _ => {}
        }
    }
    let (at, c) = open.pop()?;
    Some((at, format!("'{c}' was never closed").into()))
}
