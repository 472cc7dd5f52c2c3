//! How usual a text is for its kind, where no grammar tells members from others.

use super::char_model::CharModel;
use super::{Unlike, Verdict};

/// Texts that the character model counts at most.
const COUNTED: usize = 100_000;
/// Times that a character has to follow a context to be kept: rarer ones would make most of the file.
const LEAST: u32 = 3;
/// Share of real texts that are usual.
const USUAL: f64 = 0.95;

/// A character model of the training texts, and the bits per character up to which a text passes for one of its kind: what 95 %
/// of real texts that the model has not counted stay below.
#[derive(Debug, Clone)]
pub struct Fluency {
    chars: CharModel,
    limit: f32,
}

impl Fluency {
    /// Its file in a model's folder.
    pub const FILE: &'static str = "fluency.safetensors";

    /// Counts training texts and finds the limit on texts held out; `None` without any to count or to hold to.
    #[must_use]
    pub fn fit<'a>(
        training: impl Iterator<Item = &'a str> + Clone,
        held_out: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        let chars = CharModel::train_pruned(training.take(COUNTED), LEAST);
        let mut bits: Vec<f64> = held_out.map(|text| chars.bits_per_char(text)).collect();
        bits.sort_by(f64::total_cmp);
        let at = (bits.len() as f64 * USUAL).ceil() as usize;
        let limit = *bits.get(at.saturating_sub(1))? as f32;
        (!chars.is_empty()).then_some(Self { chars, limit })
    }

    /// The bits per character up to which a text is usual.
    #[must_use]
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// [`Unlike::Unusual`] for a text beyond the limit.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        let bits = self.chars.bits_per_char(text) as f32;
        if bits <= self.limit {
            Verdict::Valid
        } else {
            Verdict::Unlike(Unlike::Unusual { bits, limit: self.limit })
        }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// Those of the format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        self.chars.to_bytes(self.limit).map_err(|e| e.to_string())
    }

    /// From the bytes of its file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (chars, limit) = CharModel::from_bytes(bytes)?;
        Ok(Self { chars, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        let verbs = ["wins", "loses", "visits", "leaves", "finds", "opens", "wants"];
        let things = ["a prize", "the park", "new rules", "old friends", "more time"];
        (0..700).map(|i| format!("City {} {} today", verbs[i % 7], things[i / 7 % 5])).collect()
    }

    #[test]
    fn nineteen_of_twenty_real_texts_are_usual_and_gibberish_is_not() {
        let texts = texts();
        let (known, held_out) = texts.split_at(500);
        let held_out: Vec<&str> = held_out.iter().map(String::as_str).collect();
        let fluency = Fluency::fit(known.iter().map(String::as_str), held_out.iter().copied());
        let fluency = fluency.expect("texts were there");
        let usual = held_out.iter().filter(|text| fluency.verdict(text).is_valid()).count();
        assert!(usual * 20 >= held_out.len() * 19);
        let verdict = fluency.verdict("tdoay tiyC nwis zq pzrie");
        let Verdict::Unlike(Unlike::Unusual { bits, limit }) = verdict else {
            panic!("{verdict:?}")
        };
        assert!(bits > limit && limit == fluency.limit());
        assert!(!verdict.is_valid());
    }

    #[test]
    fn its_file_gives_the_same_judgements() {
        let texts = texts();
        let fluency = Fluency::fit(texts.iter().map(String::as_str), ["City wins"].into_iter());
        let fluency = fluency.expect("texts were there");
        let bytes = fluency.to_bytes().expect("bytes");
        let read = Fluency::from_bytes(&bytes).expect("its own bytes");
        for text in ["City wins a prize today", "City", "", "日本", "prize a wins"] {
            assert_eq!(read.verdict(text), fluency.verdict(text), "{text}");
        }
        assert!(Fluency::from_bytes(&bytes[..bytes.len() / 2]).is_err());
        assert!(Fluency::from_bytes(b"").is_err());
    }

    #[test]
    fn without_texts_there_is_nothing_to_hold_to() {
        assert!(Fluency::fit(std::iter::empty(), ["a"].into_iter()).is_none());
        assert!(Fluency::fit(["a", "a", "a"].into_iter(), std::iter::empty()).is_none());
    }
}
