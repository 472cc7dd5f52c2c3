//! What an evaluation of digits judges, and what its classifier learns from.

use std::collections::HashSet;

use rand::seq::index;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::corpus::mnist_text::{Digit, Size};
use crate::corpus::Example;
use crate::domain::{class_of, Domain};

/// Digits to judge, and other ones to learn from.
#[derive(Debug, Clone)]
pub struct Material {
    /// Digits to judge, each once, in their order.
    pub judged: Vec<Example>,
    /// Labelled digits to learn from, none of which is judged.
    pub known: Vec<Known>,
    /// Where these come from.
    pub source: KnownFrom,
}

/// A real digit and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its pixels.
    pub digit: Digit,
    /// 0 to 9.
    pub class: u8,
}

/// Where the digits of a classifier come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownFrom {
    /// From the training data that was given.
    Train,
    /// From that part of the data that is not judged.
    Rest,
}

impl std::fmt::Display for KnownFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "the training data",
            Self::Rest => "that part of the data that is not judged",
        })
    }
}

impl Material {
    /// Of texts that read in several directions only the usual one counts. Without training data `seed` chooses `wanted`
    /// digits to judge, at most a third of all, and the others are known; of training data what is also judged is left out.
    #[must_use]
    pub fn new(
        domain: &dyn Domain,
        size: Size,
        data: Vec<Example>,
        train: Option<&[Example]>,
        (wanted, seed): (usize, u64),
    ) -> Self {
        let usual =
            |example: &Example| domain.readings(&example.text).first() == Some(&example.text);
        let data: Vec<Example> = data.into_iter().filter(usual).collect();
        let (judged, rest, source) = match train {
            Some(train) => {
                let judged: HashSet<&str> = data.iter().map(|example| &*example.text).collect();
                let other = |example: &Example| !judged.contains(&*example.text) && usual(example);
                let rest = train.iter().filter(|example| other(example)).cloned().collect();
                (data, rest, KnownFrom::Train)
            }
            None => {
                let count = wanted.min(data.len().div_ceil(3));
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let chosen: HashSet<usize> =
                    index::sample(&mut rng, data.len(), count).into_iter().collect();
                let (mut judged, mut rest) = (Vec::with_capacity(count), Vec::new());
                for (i, example) in data.into_iter().enumerate() {
                    if chosen.contains(&i) { &mut judged } else { &mut rest }.push(example);
                }
                (judged, rest, KnownFrom::Rest)
            }
        };
        let known = rest.iter().filter_map(|example| {
            let class = class_of(example)?;
            Some(Known { digit: Digit::read(&example.text, size).0, class })
        });
        Self { known: known.collect(), judged, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Direction;
    use crate::domain::domain;

    fn example(level: u8, direction: Direction) -> Example {
        let digit = Digit { size: Size::Tiny, levels: vec![level; 81] };
        Example { text: digit.write(direction), label: Some((level % 10).to_string()) }
    }

    fn both(levels: std::ops::Range<u8>) -> Vec<Example> {
        levels.flat_map(|l| [Direction::Down, Direction::Up].map(|d| example(l, d))).collect()
    }

    #[test]
    fn every_digit_is_judged_once_and_what_is_judged_is_not_learnt() {
        let mnist = domain("mnist").unwrap();
        let new = |train: Option<Vec<Example>>| {
            Material::new(mnist, Size::Tiny, both(0..30), train.as_deref(), (20, 3))
        };
        let apart = new(None);
        assert_eq!((apart.judged.len(), apart.known.len()), (10, 20));
        assert_eq!(apart.source, KnownFrom::Rest);
        let overlapping = new(Some(both(20..50)));
        assert_eq!((overlapping.judged.len(), overlapping.known.len()), (30, 20));
        for material in [apart, overlapping] {
            for known in &material.known {
                let text = known.digit.write(Direction::Down);
                assert!(material.judged.iter().all(|example| example.text != text));
                assert_eq!(known.class, known.digit.levels[0] % 10);
            }
            assert!(material.judged.iter().all(|example| example.text.starts_with("00 down")));
        }
        assert_eq!(new(None).judged, new(None).judged);
    }

    #[test]
    fn what_has_no_label_is_not_learnt() {
        let unlabelled = |example: Example| Example { label: None, ..example };
        let train: Vec<Example> = both(30..40).into_iter().map(unlabelled).collect();
        let mnist = domain("mnist").unwrap();
        let found = Material::new(mnist, Size::Tiny, both(0..9), Some(&train), (20, 0));
        assert!(found.known.is_empty());
        assert_eq!(class_of(&example(13, Direction::Down)), Some(3));
        assert_eq!(class_of(&Example { text: String::new(), label: Some("12".into()) }), None);
    }
}
