//! Whether the beginning of a line can still become valid.
//!
//! The parser's grammar is LALR(1): it refuses a token at once when nothing that could follow makes the text valid (the
//! viable-prefix property; Aho, Sethi and Ullman 1986, §4.7). So a beginning is lost when the parser stumbles before its end.

use rustpython_parser::lexer::LexicalErrorType;
use rustpython_parser::{ast, Parse, ParseErrorType};

use crate::domain::python_lexemes::{lexemes, Kind};

/// Prefixes of string literals.
const STRING_PREFIXES: [&str; 8] = ["r", "u", "b", "f", "br", "rb", "fr", "rf"];

/// Whether some continuation of `text` may be accepted by [`super::verdict`]. `true` is no promise; `false` is final.
#[must_use]
pub fn may_become_valid(text: &str) -> bool {
    let settled = &text[..settled(text)];
    let Err(error) = ast::Suite::parse(settled, "<prefix>") else { return true };
    let at_the_end = usize::from(error.offset) >= settled.trim_end().len();
    match error.error {
        // A closer without its opener, and a character that Python does not know: the lexer stands behind them.
        ParseErrorType::Lexical(
            LexicalErrorType::NestingError | LexicalErrorType::UnrecognizedToken { .. },
        ) => false,
        _ if at_the_end => true,
        ParseErrorType::Eof | ParseErrorType::InvalidToken => true,
        ParseErrorType::Lexical(error) => matches!(
            error,
            // Ends too early, or is what CPython leaves to its compiler.
            LexicalErrorType::Eof
                | LexicalErrorType::IndentationError
                | LexicalErrorType::DuplicateArgumentError(_)
                | LexicalErrorType::DuplicateKeywordArgumentError(_)
        ),
        ParseErrorType::ExtraToken(_) | ParseErrorType::UnrecognizedToken(..) => false,
    }
}

/// How far the lexemes stay what they are, whatever follows: a string that is open and a last lexeme that could grow are
/// not settled.
fn settled(text: &str) -> usize {
    let lexemes = lexemes(text);
    let start = |text_of: &str| text_of.as_ptr() as usize - text.as_ptr() as usize;
    let open = lexemes.iter().position(|l| l.kind == Kind::Other && matches!(l.text, "'" | "\""));
    if let Some(open) = open {
        let prefix = open.checked_sub(1).map(|i| &lexemes[i]).filter(|before| {
            let name = before.text.to_ascii_lowercase();
            !lexemes[open].spaced && STRING_PREFIXES.contains(&name.as_str())
        });
        return start(prefix.unwrap_or(&lexemes[open]).text);
    }
    let Some(last) = lexemes.last() else { return 0 };
    // `1e-` is on its way to `1e-5`.
    let grown = lexemes.len() - lexemes.iter().rev().take(2).take_while(|l| !l.spaced).count();
    if let Some(number) = grown.checked_sub(1).and_then(|from| {
        lexemes[from..]
            .iter()
            .find(|l| l.kind == Kind::Number && last.range(text).end == text.len())
    }) {
        return start(number.text);
    }
    let end = last.range(text).end;
    // Two dots are on their way to `...`.
    let dots = lexemes.iter().rev().take_while(|l| l.text == ".").count();
    if dots > 1 && end == text.len() {
        return start(lexemes[lexemes.len() - dots].text);
    }
    let final_form = matches!(last.text, "(" | ")" | "[" | "]" | "{" | "}" | "," | ";" | "~");
    if final_form || end < text.len() {
        end
    } else {
        start(last.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::domain;

    #[test]
    fn every_beginning_of_a_valid_line_is_alive() {
        for sample in domain("python").unwrap().samples() {
            let line = sample.text;
            for (at, _) in line.char_indices() {
                assert!(may_become_valid(&line[..at]), "{}", &line[..at]);
            }
        }
        let others = [
            "x = 'a' f\"b{c}\" rb'd'",
            "if x is not None and not y: return lambda *a, k=1: (yield)",
            "match = re.match(r'\\d+', text[::2])",
            "async def f(a, /, b: int = 0x1F, *, c=1e-5) -> None: pass",
            "print(*a, sep='''x''', **k); del a[0], b.c",
            "f(x=1, x=2)",
            "@decorator",
            "def f(x: int = ...) -> x[..., 0]: ...",
            "a = b'\\x00' if c else d @ e",
        ];
        for line in others {
            for (at, _) in line.char_indices() {
                assert!(may_become_valid(&line[..at]), "{}", &line[..at]);
            }
        }
    }

    #[test]
    fn what_is_lost_is_seen() {
        let lost = [
            "x = foo)",
            "f(a]",
            "foo bar baz",
            "x = = 1",
            "a,, b",
            "return return ",
            "f(a b ",
            "x = 1 2 ",
            "a $ b",
            "x = (1, 2]] ",
            "import 'a' ",
            "'a' = b c ",
            "f(, ",
        ];
        let missed: Vec<_> = lost.into_iter().filter(|text| may_become_valid(text)).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }
}
