//! News headlines.

use super::{
    between, control_character, headline_attributes, lexeme, samples_of, AttributeInfo, Codec,
    CodecError, Domain, HeldTo, Part, Verdict,
};
use crate::corpus::Example;

/// Characters of a headline: the limits of the data sets that this program is made for.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=200;

/// Single headlines: at least two words, no control characters, and as usual as real ones.
pub(super) struct Headlines;

impl Domain for Headlines {
    fn name(&self) -> &'static str {
        "headlines"
    }

    fn train_codec(
        &self,
        lines: &mut (dyn Iterator<Item = &str> + Send),
        vocab: usize,
    ) -> Result<Codec, CodecError> {
        lexeme::train_bytes(lines, vocab)
    }

    fn verdict(&self, text: &str) -> Verdict {
        if let Some(verdict) = control_character(text) {
            return verdict;
        }
        let count = text.chars().count();
        if !LENGTH.contains(&count) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            let message = format!("{count} characters, expected {least} to {most}");
            return Verdict::invalid(1, count.min(*most) + 1, message);
        }
        if text.split_whitespace().nth(1).is_none() {
            return Verdict::invalid(1, count + 1, "expected two words or more");
        }
        Verdict::Valid
    }

    fn held_to(&self) -> Option<HeldTo> {
        Some(HeldTo::Fluency)
    }

    fn parts<'a>(&self, text: &'a str) -> Option<Vec<Part<'a>>> {
        Some(between::words(text))
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &headline_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        headline_attributes::values(text)
    }

    fn samples(&self) -> Vec<Example> {
        samples_of(include_str!("../../assets/samples/headlines.tsv"))
    }
}
