//! How probable each label is for a feature vector: linear machines whose scores become probabilities.
//!
//! The scores of all classes go through one softmax. How sharp it is, is fitted to scores of items that the machines had
//! not seen, as temperature scaling does (Guo et al. 2017); the scores of their own items would make it too sure.

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::linear::{Classified, Fit, LinearSvm};
use super::rows::{Rows, Standard};
use super::{classes_of, Item, ProbeError};

/// What an item on the wrong side costs: features are standardised, and what they tell is seldom in one of them.
const COST: f64 = 0.01;
const TOLERANCE: f64 = 0.1;
/// Parts of the items that are held aside in turn to fit the sharpness.
const FOLDS: usize = 3;
/// Smallest and largest sharpness, as logarithms.
const SHARPNESS: (f64, f64) = (-3.0, 5.0);
/// Steps of the search for it.
const STEPS: usize = 40;

/// Tells how probable each label is.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    classes: Vec<String>,
    standard: Standard,
    machine: LinearSvm,
    sharpness: f64,
}

impl Classifier {
    /// Fits to items; a class with fewer than three of them is left out. `None` where `go_on` says no.
    ///
    /// # Errors
    /// Fewer than two classes; features that differ in length or are not finite.
    pub fn fit(
        items: &[Item<'_>],
        seed: u64,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Self>, ProbeError> {
        let (classes, labels) = classes_of(items);
        let count = |class: usize| labels.iter().filter(|&&label| label == class).count();
        let enough: Vec<bool> = (0..classes.len()).map(|class| count(class) >= FOLDS).collect();
        let kept = items.iter().zip(&labels).filter(|(_, &label)| enough[label]);
        let items: Vec<Item<'_>> = kept.map(|(item, _)| *item).collect();
        let (classes, labels) = classes_of(&items);
        if classes.len() < 2 {
            let label = classes.into_iter().next().unwrap_or_default();
            return Err(ProbeError::OneClass { label, items: items.len() });
        }
        let columns = super::columns_of(&items)?;
        let features = || items.iter().map(|item| item.features);
        let standard = Standard::of(columns, features());
        let rows = Rows::dense(columns, features()).standardised(&standard);
        let data = Classified { rows: &rows, labels: &labels, classes: classes.len() };
        let fit = Fit { cost: COST, tolerance: TOLERANCE, seed };

        let mut order: Vec<usize> = (0..items.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut unseen: Vec<(Vec<f64>, usize)> = Vec::with_capacity(items.len());
        for fold in 0..FOLDS {
            if !go_on() {
                return Ok(None);
            }
            let places = order.iter().enumerate();
            let (held, own): (Vec<_>, Vec<_>) = places.partition(|(at, _)| at % FOLDS == fold);
            let own: Vec<usize> = own.into_iter().map(|(_, &i)| i).collect();
            let machine = LinearSvm::fit(data, &own, fit);
            let scores =
                |&(_, &i): &(usize, &usize)| (machine.scores(&rows, i).collect(), labels[i]);
            // A class that fell into this part alone has no score to judge by.
            let told =
                held.iter().map(scores).filter(|(s, own): &(Vec<f64>, _)| s[*own].is_finite());
            unseen.extend(told);
        }
        if !go_on() {
            return Ok(None);
        }
        let machine = LinearSvm::fit(data, &order, fit);
        Ok(Some(Self { classes, standard, machine, sharpness: sharpness(&unseen) }))
    }

    /// Every label with its probability, the most probable first.
    #[must_use]
    pub fn probabilities(&self, features: &[f32]) -> Vec<(&str, f32)> {
        let mut row = features.to_vec();
        self.standard.apply(&mut row);
        let rows = Rows::dense(row.len(), std::iter::once(&row[..]));
        let scores: Vec<f64> = self.machine.scores(&rows, 0).collect();
        let shares = softmax(&scores, self.sharpness);
        let mut told: Vec<(&str, f32)> =
            self.classes.iter().zip(shares).map(|(class, p)| (class.as_str(), p as f32)).collect();
        told.sort_by(|a, b| b.1.total_cmp(&a.1));
        told
    }
}

fn softmax(scores: &[f64], sharpness: f64) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|s| (sharpness * (s - most)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The sharpness at which the classes of these scores are likeliest, by golden section: their likelihood has one maximum.
fn sharpness(scored: &[(Vec<f64>, usize)]) -> f64 {
    let nats = |log: f64| -> f64 {
        let sharpness = log.exp();
        scored.iter().map(|(scores, own)| -softmax(scores, sharpness)[*own].max(1e-300).ln()).sum()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = SHARPNESS;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (nats(left), nats(right));
    for _ in 0..STEPS {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = nats(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = nats(right);
        }
    }
    (0.5 * (low + high)).exp()
}
