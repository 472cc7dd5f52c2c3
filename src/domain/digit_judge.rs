//! Whether a picture passes for a digit, where a form alone does not tell.

use super::digit_classifier::{DigitClassifier, Opinion};
use super::{Unlike, Verdict};
use crate::corpus::mnist_text::{Digit, Size};
use crate::corpus::Example;

/// Keeps a model's classifier apart from that of an evaluation with the same seed.
const STREAM: u64 = 0xd161_7501;
/// Digits not learnt from that the limit is found on, at most.
const HELD_OUT: usize = 2000;
/// Share of real digits that pass.
const PASSING: f64 = 0.95;

/// A classifier of the training digits, and the probability from which a picture passes for the digit that it is taken for: what 95 %
/// of real digits that the classifier has not seen reach, and [`Opinion::CREDIBLE`] at most.
#[derive(Debug)]
pub struct DigitJudge {
    classifier: DigitClassifier,
    limit: f32,
}

impl DigitJudge {
    /// Its file in a model's folder.
    pub const FILE: &'static str = "classifier.safetensors";

    /// Trains on those of the texts, read at `size`, that have a digit for a label, with all draws from `seed`, and finds the limit
    /// on those held out. A digit that is there in both directions is one picture. `None` without labelled digits to learn or to
    /// hold to, and where `go_on`, asked with the steps done and those to be done, says so.
    ///
    /// # Errors
    /// Those of the numeric core.
    pub fn fit(
        training: &[Example],
        held_out: &[Example],
        size: Size,
        seed: u64,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Option<Self>, String> {
        let digits = |examples: &[Example]| -> Vec<(Digit, u8)> {
            let mut seen = std::collections::HashSet::new();
            let known = examples.iter().filter_map(|example| {
                let class = class_of(example)?;
                let digit = Digit::read(&example.text, size).0;
                seen.insert(digit.levels.clone()).then_some((digit, class))
            });
            known.collect()
        };
        let (digits_known, classes): (Vec<Digit>, Vec<u8>) = digits(training).into_iter().unzip();
        let held_out = digits(held_out);
        if digits_known.is_empty() || held_out.is_empty() {
            return Ok(None);
        }
        let seed = seed ^ STREAM;
        let failed = |e: candle_core::Error| e.to_string();
        let classifier = DigitClassifier::train(&digits_known, &classes, seed, go_on);
        let Some(classifier) = classifier.map_err(failed)? else { return Ok(None) };
        let held_out: Vec<Digit> =
            held_out.into_iter().take(HELD_OUT).map(|(digit, _)| digit).collect();
        let mut sure: Vec<f32> =
            classifier.judge(&held_out).map_err(failed)?.iter().map(|o| o.probability).collect();
        sure.sort_by(f32::total_cmp);
        let at = ((1.0 - PASSING) * sure.len() as f64).floor() as usize;
        let limit = sure[at].min(Opinion::CREDIBLE);
        Ok(Some(Self { classifier, limit }))
    }

    /// The probability from which a picture passes.
    #[must_use]
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// What the pictures of texts are taken for, together; `None` of one in another size than the classifier knows.
    ///
    /// # Errors
    /// Those of the numeric core.
    pub fn opinions(&self, texts: &[&str]) -> candle_core::Result<Vec<Option<Opinion>>> {
        let size = self.classifier.size();
        let known = |text: &&str| Size::of_text(text) == size;
        let pictures: Vec<Digit> =
            texts.iter().copied().filter(known).map(|text| Digit::read(text, size).0).collect();
        let mut opinions = self.classifier.judge(&pictures)?.into_iter();
        Ok(texts.iter().map(|text| known(text).then(|| opinions.next()).flatten()).collect())
    }

    /// [`Unlike::Doubtful`] for a picture that no digit is probable enough for. A text of another size has its form alone.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        // Weights of the classifier's own shape and a picture of its size fail at nothing.
        let opinion =
            self.opinions(&[text]).ok().and_then(|opinions| opinions.into_iter().next()?);
        match opinion {
            Some(Opinion { class, probability }) if probability < self.limit => {
                Verdict::Unlike(Unlike::Doubtful { class, probability, limit: self.limit })
            }
            _ => Verdict::Valid,
        }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// Those of the format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        self.classifier.to_bytes(self.limit)
    }

    /// From the bytes of its file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (classifier, limit) = DigitClassifier::from_bytes(bytes)?;
        if !(0.0..=1.0).contains(&limit) {
            return Err(format!("{limit} is no probability"));
        }
        Ok(Self { classifier, limit })
    }
}

/// The digit that an example's label names.
#[must_use]
pub fn class_of(example: &Example) -> Option<u8> {
    class_named(example.label.as_ref()?)
}

/// The digit that a label names.
#[must_use]
pub fn class_named(label: &str) -> Option<u8> {
    label.trim().parse().ok().filter(|&class| class <= 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Direction;
    use crate::domain::domain;

    fn samples() -> Vec<Example> {
        domain("mnist").expect("a domain").samples_within(200)
    }

    fn fitted(training: &[Example], held_out: &[Example]) -> Option<DigitJudge> {
        DigitJudge::fit(training, held_out, Size::Small, 3, &mut |_, _| true).expect("fits")
    }

    #[test]
    fn real_digits_pass_and_disorder_does_not_and_a_file_keeps_it() {
        let samples = samples();
        let (known, held_out) = samples.split_at(samples.len() / 2);
        let judge = fitted(known, held_out).expect("digits were there");
        assert!(judge.limit() > 0.0 && judge.limit() <= Opinion::CREDIBLE);
        let passing = held_out.iter().filter(|digit| judge.verdict(&digit.text).is_valid()).count();
        assert!(passing * 100 >= held_out.len() * 95, "{passing} of {}", held_out.len());
        let (mut stripes, size) = (Digit::read(&samples[0].text, Size::Small).0, Size::Small);
        for (i, level) in stripes.levels.iter_mut().enumerate() {
            *level = if i % 3 == 0 { 64 } else { 0 };
        }
        let stripes = stripes.write(Direction::Down);
        let read = DigitJudge::from_bytes(&judge.to_bytes().expect("bytes")).expect("its own");
        for text in samples.iter().map(|digit| &digit.text).chain([&stripes]) {
            assert_eq!(read.verdict(text), judge.verdict(text));
        }
        // What is not in its size is judged by nothing.
        let small = Digit { size: Size::Tiny, levels: vec![0; 81] }.write(Direction::Down);
        let both = judge.opinions(&[&small, &samples[0].text]).expect("opinions");
        assert!(both[0].is_none() && both[1].is_some(), "{} {both:?}", size.side());
        assert!(judge.verdict(&small).is_valid());
    }

    #[test]
    fn a_broken_file_is_refused_and_without_labels_there_is_nothing_to_fit() {
        let samples = samples();
        let unlabelled: Vec<Example> =
            samples.iter().map(|digit| Example { label: None, ..digit.clone() }).collect();
        assert!(fitted(&unlabelled, &samples).is_none());
        assert!(fitted(&samples, &unlabelled).is_none());
        let stopped = DigitJudge::fit(&samples, &samples, Size::Small, 3, &mut |_, _| false);
        assert!(stopped.expect("no failure").is_none());
        assert!(DigitJudge::from_bytes(b"").is_err());
        let judge = fitted(&samples[..60], &samples[60..80]).expect("digits were there");
        let no_limit = judge.classifier.to_bytes(f32::NAN).expect("bytes");
        assert!(DigitJudge::from_bytes(&no_limit).is_err());
        let bytes = judge.to_bytes().expect("bytes");
        assert!(DigitJudge::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
