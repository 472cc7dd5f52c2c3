//! What makes a line of free text valid: nothing more, JSON, Python, or a regular expression.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::start;
use regex_automata::Anchored;
use serde::de::IgnoredAny;

use super::{python_syntax, Verdict};

/// Bytes that a pattern's automaton may take: patterns come with models from elsewhere.
const PATTERN_SIZE: usize = 1 << 21;

/// What a line has to be.
pub(super) enum Validity {
    /// Any line.
    Any,
    /// One JSON value.
    Json,
    /// A line that CPython's `ast.parse` accepts.
    Python,
    /// What a regular expression matches from its beginning to its end.
    Pattern(Box<Pattern>),
}

impl Validity {
    /// Whether a line is one, and else where and why not.
    pub(super) fn verdict(&self, text: &str) -> Verdict {
        match self {
            Self::Any => Verdict::Valid,
            Self::Json => match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => Verdict::Valid,
                Err(error) => {
                    let message = error.to_string();
                    let message = message.split(" at line ").next().unwrap_or_default();
                    let column = column(text, error.column());
                    Verdict::invalid(error.line().max(1), column, message)
                }
            },
            Self::Python => python_syntax::verdict(text),
            Self::Pattern(pattern) => pattern.verdict(text),
        }
    }

    /// Whether some continuation of a text may be one.
    pub(super) fn may_follow(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Json => match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => true,
                Err(error) => error.is_eof(),
            },
            Self::Python => python_syntax::may_become_valid(text),
            Self::Pattern(pattern) => pattern.run(text).is_ok(),
        }
    }
}

/// The column in characters, from 1, of a byte's number in a line, from 1; 0 for in front of it.
fn column(text: &str, byte: usize) -> usize {
    let end = byte.saturating_sub(1);
    1 + text.char_indices().take_while(|(at, _)| *at < end).count()
}

/// A regular expression as a lazy automaton, which tells of a prefix whether anything can still follow.
pub(super) struct Pattern {
    automaton: DFA,
    cache: Mutex<Cache>,
}

impl Pattern {
    /// From its text, in the syntax of the crate `regex`.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let size = thompson::Config::new().nfa_size_limit(Some(PATTERN_SIZE));
        // It has to be one by itself: `a)|(b` would be one between the parentheses that anchor it.
        NFA::compiler().configure(size.clone()).build(pattern).map_err(|error| reason(&error))?;
        let automaton = DFA::builder()
            .thompson(size)
            .build(&format!(r"(?:{pattern})\z"))
            .map_err(|error| reason(&error))?;
        let cache = Mutex::new(automaton.create_cache());
        Ok(Self { automaton, cache })
    }

    /// Reads a text. Inside: whether all of it is matched; else the byte from which nothing can become a match any more.
    fn run(&self, text: &str) -> Result<bool, usize> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let automaton = &self.automaton;
        let start = start::Config::new().anchored(Anchored::Yes);
        let Ok(mut state) = automaton.start_state(&mut cache, &start) else { return Err(0) };
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            match automaton.next_state(&mut cache, state, byte) {
                Ok(next) if !next.is_dead() && !next.is_quit() => state = next,
                _ => return Err(at),
            }
        }
        let end = automaton.next_eoi_state(&mut cache, state);
        Ok(end.is_ok_and(|state| state.is_match()))
    }

    fn verdict(&self, text: &str) -> Verdict {
        match self.run(text) {
            Ok(true) => Verdict::Valid,
            Ok(false) => Verdict::invalid(
                1,
                text.chars().count() + 1,
                "the pattern is not matched to its end",
            ),
            Err(at) => {
                let before = |(i, c): &(usize, char)| i + c.len_utf8() <= at;
                let characters = text.char_indices().take_while(before).count();
                Verdict::invalid(1, characters + 1, "the pattern does not allow this here")
            }
        }
    }
}

/// The last cause of an error, which is where the syntax is told; of several lines the last.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_matched_from_end_to_end() {
        let pattern = Pattern::new("[a-z]+(-[0-9]{2,3})?|é日").expect("a pattern");
        for (text, wanted) in
            [("abc", true), ("abc-12", true), ("abc-1", false), ("é日", true), ("Abc", false)]
        {
            assert_eq!(pattern.verdict(text).is_valid(), wanted, "{text}");
        }
        assert_eq!(
            pattern.verdict("é本"),
            Verdict::invalid(1, 2, "the pattern does not allow this here")
        );
        assert_eq!(
            pattern.verdict("ab-1"),
            Verdict::invalid(1, 5, "the pattern is not matched to its end")
        );
        let either = Pattern::new("a|ab").expect("a pattern");
        assert!(either.verdict("ab").is_valid(), "the longer alternative counts too");
    }

    #[test]
    fn what_cannot_follow_is_told_early() {
        let pattern = Validity::Pattern(Box::new(Pattern::new("(ab)+c").expect("a pattern")));
        assert!(["", "a", "abab", "ababc"].iter().all(|text| pattern.may_follow(text)));
        assert!(["b", "aba ", "abcc"].iter().all(|text| !pattern.may_follow(text)));
        let json = Validity::Json;
        for text in ["{", r#"{"a": [1, "#, r#"{"a": "#, "tru", r#""half"#, "[1]"] {
            assert!(json.may_follow(text), "{text}");
        }
        assert!(["{a", "[1]]", "trux", "[1 2"].iter().all(|text| !json.may_follow(text)));
    }

    #[test]
    fn json_tells_where_it_breaks() {
        assert!(Validity::Json.verdict(r#"{"a": [1, 2.5e3, null, "é"]}"#).is_valid());
        let Verdict::Invalid { line, column, message } = Validity::Json.verdict(r#"{"é": 1,}"#)
        else {
            panic!("valid");
        };
        assert_eq!((line, column, message.as_str()), (1, 9, "key must be a string"));
    }

    #[test]
    fn patterns_that_are_none_or_too_large_are_refused() {
        assert!(Pattern::new("(a").is_err_and(|e| e.contains("unclosed group")));
        assert!(Pattern::new("a)|(b").is_err_and(|e| e.contains("unopened group")));
        assert!(Pattern::new("((a{1000}){1000}){1000}").is_err());
    }
}
