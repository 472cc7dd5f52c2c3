//! Free text: any line of a person's own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::validity::{Pattern, Validity};
use super::{
    between, control_character, lexeme, samples_of, text_attributes, AttributeInfo, Codec,
    CodecError, Domain, Part, Verdict,
};
use crate::corpus::Example;

/// Lines that are not empty, hold no control characters, and are what else is asked for.
pub(super) struct FreeText {
    name: &'static str,
    validity: Validity,
}

/// Lines of which nothing more is asked.
pub(super) const ANY: FreeText = FreeText { name: "text", validity: Validity::Any };
const JSON: FreeText = FreeText { name: "text/json", validity: Validity::Json };
const PYTHON: FreeText = FreeText { name: "text/python", validity: Validity::Python };

/// Free text with what its name asks for: `text/json`, `text/python` or `text/regex:PATTERN`. `None` for other names.
pub(super) fn named(name: &str) -> Option<Result<&'static dyn Domain, String>> {
    match name.strip_prefix("text/")? {
        "json" => Some(Ok(&JSON)),
        "python" => Some(Ok(&PYTHON)),
        asked => Some(matching(name, asked.strip_prefix("regex:")?)),
    }
}

/// Free text that matches a pattern; the same one every time, since a domain lives as long as the program.
fn matching(name: &str, pattern: &str) -> Result<&'static dyn Domain, String> {
    static KNOWN: Mutex<BTreeMap<String, &'static FreeText>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(domain) = known.get(name) {
        return Ok(*domain);
    }
    let validity = Validity::Pattern(Box::new(Pattern::new(pattern)?));
    let domain: &'static FreeText =
        Box::leak(Box::new(FreeText { name: String::leak(name.to_owned()), validity }));
    known.insert(name.to_owned(), domain);
    Ok(domain)
}

impl Domain for FreeText {
    fn name(&self) -> &'static str {
        self.name
    }

    fn train_codec(
        &self,
        lines: &mut (dyn Iterator<Item = &str> + Send),
        vocab: usize,
    ) -> Result<Codec, CodecError> {
        lexeme::train_bytes(lines, vocab)
    }

    fn verdict(&self, text: &str) -> Verdict {
        if text.trim().is_empty() {
            return Verdict::invalid(1, 1, "nothing but white space");
        }
        control_character(text).unwrap_or_else(|| self.validity.verdict(text))
    }

    fn may_become_valid(&self, text: &str) -> bool {
        self.validity.may_follow(text)
    }

    fn parts<'a>(&self, text: &'a str) -> Option<Vec<Part<'a>>> {
        Some(between::words(text))
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &text_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        text_attributes::values(text)
    }

    fn samples(&self) -> Vec<Example> {
        let mut samples = samples_of(include_str!("../../assets/samples/text.txt"));
        samples.retain(|sample| self.verdict(&sample.text).is_valid());
        samples
    }
}
