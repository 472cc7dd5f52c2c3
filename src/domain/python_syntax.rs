//! CPython 3.11's verdict on a text, `ast.parse`: rustpython's parser, and what CPython decides differently.
//!
//! The parser accepts targets that CPython refuses, and refuses repeated names of arguments, which CPython leaves to its
//! compiler. A pass over the tree makes up the first, respelling the repeated names the second.

mod message;
mod nodes;
mod prefix;
mod targets;

pub(super) use nodes::{walk, Node};
pub use prefix::may_become_valid;

use std::borrow::Cow;

use rustpython_parser::ast::{self, Ranged, Stmt};
use rustpython_parser::lexer::LexicalErrorType;
use rustpython_parser::{Parse, ParseError, ParseErrorType};

use super::Verdict;

/// CPython's limit on open brackets.
const DEEPEST: usize = 200;
/// Texts longer than this are judged on a stack of their own: their trees may be deep.
const LONG: usize = 2_000;
/// That stack, in bytes.
const STACK: usize = 1 << 30;
/// Repeated names that are respelt before the parser's refusal stands.
const REPEATS: usize = 256;

/// Whether CPython 3.11's `ast.parse` accepts `text` and, if not, where and why.
#[must_use]
pub fn verdict(text: &str) -> Verdict {
    deep(text, || judge(text)).unwrap_or_else(|| Verdict::invalid(1, 1, "too long to be parsed"))
}

/// What `read` finds in the tree of a text that CPython accepts; `None` where it does not.
pub(super) fn with_tree<T: Send>(text: &str, read: impl FnOnce(&[Stmt]) -> T + Send) -> Option<T> {
    deep(text, || parse(text).ok().map(|suite| read(&suite))).flatten()
}

/// Does work whose depth grows with the text, for long texts on a stack of its own; `None` where that fails.
fn deep<T: Send>(text: &str, work: impl FnOnce() -> T + Send) -> Option<T> {
    if text.len() <= LONG {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        worker.ok()?.join().ok()
    })
}

/// Why a text is refused: a byte offset and a message.
type Refusal = (usize, Cow<'static, str>);

fn judge(text: &str) -> Verdict {
    match parse(text) {
        Ok(_) => Verdict::Valid,
        Err((offset, message)) => {
            let before = text.get(..offset.min(text.len())).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            Verdict::invalid(line, before[start..].chars().count() + 1, message)
        }
    }
}

fn parse(text: &str) -> Result<ast::Suite, Refusal> {
    if let Some(at) = text.find('\0') {
        return Err((at, "source code string cannot contain null bytes".into()));
    }
    if let Some(at) = too_deep(text) {
        return Err((at, "too many nested parentheses".into()));
    }
    let mut source = Cow::Borrowed(text);
    for _ in 0..REPEATS {
        match ast::Suite::parse(&source, "<line>") {
            Ok(suite) => {
                return match targets::refused(&suite, &source) {
                    Some(refusal) => Err(refusal),
                    None => Ok(suite),
                }
            }
            Err(error) => match respelt(&source, &error) {
                Some(next) => source = Cow::Owned(next),
                None => return Err(message::of(text, &error)),
            },
        }
    }
    // So many repeated names are beyond what is respelt, and nothing else was wrong with them.
    Ok(ast::Suite::new())
}

/// Where brackets are open deeper than CPython allows; brackets in strings are few, and count too.
fn too_deep(text: &str) -> Option<usize> {
    if text.len() <= DEEPEST {
        return None;
    }
    let mut depth = 0usize;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(at);
        }
    }
    None
}

/// The source with a repeated argument's name changed in place, where that is what the parser refuses.
fn respelt(source: &str, error: &ParseError) -> Option<String> {
    let ParseErrorType::Lexical(
        LexicalErrorType::DuplicateArgumentError(name)
        | LexicalErrorType::DuplicateKeywordArgumentError(name),
    ) = &error.error
    else {
        return None;
    };
    let offset = usize::from(error.offset);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    // The error stands at the repeated name or just before it.
    let mut from = offset.min(source.len());
    loop {
        let at = from + source.get(from..)?.find(name.as_str())?;
        let end = at + name.len();
        let bounded = !source[..at].ends_with(is_name) && !source[end..].starts_with(is_name);
        if bounded {
            // A name of the same length keeps all columns; a letter that Python allows and nobody uses.
            let fresh: String = fresh_name(source, name);
            return Some(format!("{}{fresh}{}", &source[..at], &source[end..]));
        }
        from = end;
    }
}

/// A name that the source does not hold.
fn fresh_name(source: &str, name: &str) -> String {
    (0..)
        .map(|n| format!("{name}_{n}"))
        .find(|fresh| !source.contains(fresh.as_str()))
        .unwrap_or_default()
}

/// Where a node begins.
fn start(node: &impl Ranged) -> usize {
    usize::from(node.start())
}
