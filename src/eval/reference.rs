//! What a model's texts are compared with: the lines that it was trained on.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::{Figure, Ladder};
use crate::domain::char_model::CharModel;

/// Training lines that the character model counts at most.
const COUNTED: usize = 100_000;

/// The training lines: which there are, and how usual a text is among them.
pub struct Reference {
    hasher: RandomState,
    /// Hashes of the lines: of a few million lines two differ in a few billion cases at most by chance.
    lines: HashSet<u64>,
    chars: CharModel,
}

impl Reference {
    /// Reads the training lines.
    #[must_use]
    pub fn new<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Self {
        let hasher = RandomState::new();
        let hashes = lines.clone().map(|line| hasher.hash_one(line)).collect();
        let counted = lines.take(COUNTED);
        Self { lines: hashes, chars: CharModel::train(counted), hasher }
    }

    /// `novelty`, the share of the valid interior rungs that are no copy and no training line, and `fluency`, the bits per
    /// character of the interior rungs.
    #[must_use]
    pub fn figures(&self, ladders: &[Ladder]) -> Vec<Figure> {
        let novelty = ladders.iter().map(|ladder| {
            let fresh = ladder.valid_non_copies();
            let novel =
                fresh.iter().filter(|text| !self.lines.contains(&self.hasher.hash_one(text)));
            (novel.count() as f64, fresh.len() as f64)
        });
        let fluency = ladders.iter().map(|ladder| {
            let parts = ladder.interior().map(|(_, text)| self.chars.bits(text));
            parts.fold((0.0, 0.0), |sum, (bits, chars)| (sum.0 + bits, sum.1 + chars as f64))
        });
        vec![
            Figure { name: "novelty", parts: novelty.collect() },
            Figure { name: "fluency", parts: fluency.collect() },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::tests::ladder;
    use super::*;

    #[test]
    fn novelty_counts_what_was_not_trained_on() {
        let reference = Reference::new(["a = 1", "b = 2", "c = 3"].into_iter());
        let rungs = ["a = 1", "c = 3", "d = 4", "c = 3"];
        let valid = ladder("a = 1", &rungs, "b = 2", true);
        let figures = reference.figures(&[valid]);
        assert_eq!((figures[0].name, figures[0].parts[0]), ("novelty", (1.0, 3.0)));
        let strange = ladder("a = 1", &["§§§ ~~"], "b = 2", true);
        let usual = ladder("a = 1", &["a = 2"], "b = 2", true);
        let bits = |ladder| {
            let (bits, chars) = reference.figures(&[ladder])[1].parts[0];
            bits / chars
        };
        assert!(bits(strange) > 2.0 * bits(usual));
    }
}
