//! Free text: any line of a person's own.

use rand::RngCore;

use super::{
    between, control_character, lexeme, samples_of, text_attributes, AttributeInfo, Codec,
    CodecError, Domain, Verdict,
};
use crate::corpus::Example;

/// Lines that are not empty and hold no control characters.
pub(super) struct FreeText;

impl Domain for FreeText {
    fn name(&self) -> &'static str {
        "text"
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
        control_character(text).unwrap_or(Verdict::Valid)
    }

    fn between(&self, a: &str, b: &str, ratio: f64, rng: &mut dyn RngCore) -> Option<String> {
        let accept = |text: &str| self.verdict(text).is_valid();
        between::between(&between::words(a), &between::words(b), ratio, &accept, rng)
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &text_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        text_attributes::values(text)
    }

    fn samples(&self) -> Vec<Example> {
        samples_of(include_str!("../../assets/samples/text.txt"))
    }
}
