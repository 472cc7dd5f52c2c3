//! What a kind of sequence is: how text becomes ids and back, when a text is valid, what its parts are, how it is drawn,
//! which samples come with the program.

mod attribute;
mod between;
pub mod char_model;
mod codec;
mod digit_attributes;
mod digit_classifier;
mod digit_judge;
mod examiner;
mod fluency;
mod headline_attributes;
mod headlines;
mod levenshtein;
mod lexeme;
mod mark;
mod mnist;
mod picture;
mod python;
mod python_attributes;
pub mod python_lexemes;
pub mod python_syntax;
mod text;
mod text_attributes;
mod validity;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::corpus::Example;
use crate::numeric::Role;

pub use attribute::{AttributeInfo, AttributeKind};
pub use between::{Part, Sort};
pub use codec::{Codec, CodecError, FIRST_TOKEN_ID, MASK_ID, PAD_ID, START_ID};
pub use digit_classifier::{DigitClassifier, Opinion};
pub use digit_judge::{class_named, class_of, DigitJudge};
pub use examiner::{Examiner, HeldTo, Judge};
pub use fluency::Fluency;
pub use levenshtein::{distance, levenshtein};
pub use mark::{Mark, TokenClass};
pub use picture::{Grid, Picture};

/// Which of the edits that turn one text into another a text between them has, where there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edits {
    /// Any that come near the ratio, drawn anew each time.
    #[default]
    Any,
    /// The beginning of the shorter text with the end of the longer one, where that is a member: the same text for the same
    /// two at the same ratio, whichever comes first.
    OneRun,
}

/// The characters that a domain's texts nest by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brackets {
    /// Opening brackets, one of each kind.
    pub open: &'static [&'static str],
    /// Closing brackets.
    pub close: &'static [&'static str],
    /// What opens a string and closes it.
    pub quotes: &'static [&'static str],
    /// What takes a quote behind it for a part of the string.
    pub escape: &'static str,
}

/// The judgement on one text.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The text is a member of the domain.
    Valid,
    /// It is not, and this is where and why.
    Invalid {
        /// 1-based line.
        line: usize,
        /// 1-based column, in characters.
        column: usize,
        /// CPython's message where there is one, else ours.
        message: String,
    },
    /// It has the form, and yet is like nothing that its kind has.
    Unlike(Unlike),
}

/// In what a text of the right form is unlike real ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Unlike {
    /// Its characters are less usual than those of 95 in 100 real texts ([`Fluency`]).
    Unusual {
        /// Bits per character.
        bits: f32,
        /// Bits per character up to which a text is usual.
        limit: f32,
    },
    /// Its picture is less surely a digit than those of 95 in 100 real digits ([`DigitJudge`]).
    Doubtful {
        /// The most probable digit.
        class: u8,
        /// Its probability.
        probability: f32,
        /// The probability from which a picture passes.
        limit: f32,
    },
}

impl std::fmt::Display for Unlike {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unusual { bits, limit } => {
                write!(f, "{bits:.1} bits per character, usual up to {limit:.1}")
            }
            Self::Doubtful { class, probability, limit } => {
                let (found, wanted) = (100.0 * probability, 100.0 * limit);
                write!(f, "{class} at {found:.0} %, a digit from {wanted:.0} %")
            }
        }
    }
}

impl Verdict {
    /// Whether the text was accepted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// Not a member, because of what stands at `line` and `column`.
    #[must_use]
    pub fn invalid(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self::Invalid { line, column, message: message.into() }
    }
}

/// A kind of sequence.
pub trait Domain: Sync {
    /// Its name on the command line and in files.
    fn name(&self) -> &'static str;

    /// Trains the tokenizer that suits it.
    ///
    /// # Errors
    /// A vocabulary too small for the alphabet.
    fn train_codec(
        &self,
        lines: &mut (dyn Iterator<Item = &str> + Send),
        vocab: usize,
    ) -> Result<Codec, CodecError>;

    /// Whether a text belongs to it and, if not, where and why.
    fn verdict(&self, text: &str) -> Verdict;

    /// What a text of the right form is held to besides, so that a model is trained with an [`Examiner`] of its own.
    fn held_to(&self) -> Option<HeldTo> {
        None
    }

    /// Whether some continuation of `text` may belong to it; `false` is final. What guided decoding drops hypotheses by.
    fn may_become_valid(&self, _text: &str) -> bool {
        true
    }

    /// The parts that texts between two texts are mixed from; `None` for kinds of sequences that are not.
    fn parts<'a>(&self, _text: &'a str) -> Option<Vec<Part<'a>>> {
        None
    }

    /// A text on the way from the first text to the second: some of the edits that turn one into the other, about `ratio`
    /// (0 to 1) of the way, that leaves a member of the domain with something of both. `None` where none was found, and for
    /// kinds of sequences that have no [`Self::parts`].
    fn between(
        &self,
        (a, b): (&str, &str),
        ratio: f64,
        edits: Edits,
        rng: &mut dyn rand::RngCore,
    ) -> Option<String> {
        let accept = |text: &str| self.verdict(text).is_valid();
        between::between((&self.parts(a)?, &self.parts(b)?), ratio, edits, &accept, rng)
    }

    /// The attributes that it tells of a text.
    fn attributes(&self) -> &'static [AttributeInfo] {
        &attribute::LENGTH
    }

    /// A text's values of [`Self::attributes`], one for each: 1 or 0 for yes or no, else the number; `None` where an attribute
    /// has no meaning for the text, such as for one that is not valid.
    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        vec![Some(attribute::length(text))]
    }

    /// What the direction towards the texts of a label is called.
    fn label_direction(&self, label: &str) -> String {
        label.to_owned()
    }

    /// What the parts of a text are, valid or not, in their order and without overlap. What no mark covers is plain.
    fn marks(&self, _text: &str) -> Vec<Mark> {
        Vec::new()
    }

    /// The parts that two texts are compared by, in their order and without overlap, as bytes.
    fn units(&self, text: &str) -> Vec<Range<usize>> {
        mark::words(text)
    }

    /// A text as a picture, as far as it goes; `None` for domains whose texts are read.
    fn picture(&self, _text: &str) -> Option<Picture> {
        None
    }

    /// How the ids of its sequences lie on a picture, for a model that takes so many tokens; `None` for domains whose texts
    /// are read.
    fn grid(&self, _max_len: usize) -> Option<Grid> {
        None
    }

    /// What its texts nest by; `None` for kinds of sequences that do not.
    fn brackets(&self) -> Option<Brackets> {
        None
    }

    /// What a piece of its texts, such as a token, is to the clauses of a line.
    fn role(&self, _piece: &str) -> Role {
        Role::Nothing
    }

    /// All texts that say the same as this one, the usual one first: a digit can be read downward and upward.
    fn readings(&self, text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    /// The sequences that come with the program.
    fn samples(&self) -> Vec<Example>;

    /// Those for a model that takes so many tokens: in the size that it knows, where a sequence has sizes.
    fn samples_within(&self, _max_len: usize) -> Vec<Example> {
        self.samples()
    }
}

/// A name that is no domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDomain {
    /// There is none of this name.
    #[error("`{0}` is no domain: expected python, mnist, headlines, text, text/json, text/python or text/regex:PATTERN")]
    Name(String),
    /// The pattern of a `text/regex:PATTERN` is no regular expression.
    #[error("`{pattern}` is no regular expression: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// All domains but those of free text that has to be something more.
const DOMAINS: [&dyn Domain; 4] =
    [&python::Python, &mnist::Mnist, &headlines::Headlines, &text::ANY];

/// The domain of this name: `python`, `mnist`, `headlines`, `text` (any lines), or lines of text that are valid where they are
/// JSON (`text/json`), Python (`text/python`) or match a regular expression from end to end (`text/regex:PATTERN`).
///
/// # Errors
/// [`UnknownDomain`] for any other name.
pub fn domain(name: &str) -> Result<&'static dyn Domain, UnknownDomain> {
    if let Some(domain) = DOMAINS.into_iter().find(|d| d.name() == name) {
        return Ok(domain);
    }
    match text::named(name) {
        Some(Ok(domain)) => Ok(domain),
        Some(Err(reason)) => {
            let pattern = name.trim_start_matches("text/regex:").to_owned();
            Err(UnknownDomain::Pattern { pattern, reason })
        }
        None => Err(UnknownDomain::Name(name.to_owned())),
    }
}

/// The first control character of a text, as a verdict.
fn control_character(text: &str) -> Option<Verdict> {
    let (column, c) = text.chars().enumerate().find(|(_, c)| c.is_control())?;
    Some(Verdict::invalid(1, column + 1, format!("control character U+{:04X}", c as u32)))
}

/// The lines of a bundled file; what stands before a tab is the line's class.
fn samples_of(file: &str) -> Vec<Example> {
    file.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| match line.split_once('\t') {
            Some((label, text)) => Example { text: text.to_owned(), label: Some(label.to_owned()) },
            None => Example { text: line.to_owned(), label: None },
        })
        .collect()
}

#[cfg(test)]
mod tests;
