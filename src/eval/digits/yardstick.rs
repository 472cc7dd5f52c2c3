//! What a model of digits is held to: real digits, and a classifier that has learnt them.

use candle_core::Result;

use super::{Known, KnownFrom, Material, Neighbours};
use crate::corpus::mnist_text::{Digit, Size};
use crate::domain::{DigitClassifier, Opinion};

/// Real digits of one size and what they teach.
#[derive(Debug)]
pub struct Yardstick {
    size: Size,
    classifier: DigitClassifier,
    neighbours: Neighbours,
    known: usize,
    source: KnownFrom,
}

impl Yardstick {
    /// Trains the classifier on the digits that are known, with all draws from `seed`. `None` where `go_on`, asked with the
    /// steps done and those to be done, says so.
    ///
    /// # Errors
    /// No digits; those of the numeric core.
    pub fn new(
        material: &Material,
        size: Size,
        seed: u64,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Option<Self>> {
        let Material { known, source, .. } = material;
        let digits: Vec<Digit> = known.iter().map(|Known { digit, .. }| digit.clone()).collect();
        let classes: Vec<u8> = known.iter().map(|known| known.class).collect();
        let classifier = DigitClassifier::train(&digits, &classes, seed, go_on)?;
        Ok(classifier.map(|classifier| Self {
            size,
            classifier,
            neighbours: Neighbours::new(&digits),
            known: digits.len(),
            source: *source,
        }))
    }

    /// A text's picture in the yardstick's size, read leniently.
    #[must_use]
    pub fn read(&self, text: &str) -> Digit {
        Digit::read(text, self.size).0
    }

    /// Digits that are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known
    }

    /// Where they come from.
    #[must_use]
    pub fn source(&self) -> KnownFrom {
        self.source
    }

    /// What pictures are taken for.
    ///
    /// # Errors
    /// Those of the numeric core.
    pub fn opinions(&self, pictures: &[Digit]) -> Result<Vec<Opinion>> {
        self.classifier.judge(pictures)
    }

    /// How far each picture is from the nearest real digit, as [`Neighbours::distances`] has it.
    #[must_use]
    pub fn nearest(&self, pictures: &[Digit]) -> Vec<Option<f64>> {
        self.neighbours.distances(pictures)
    }
}
