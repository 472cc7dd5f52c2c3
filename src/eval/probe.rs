//! How well a label can be read from feature vectors: support vector machines beside controls, with intervals.
//!
//! A linear machine (one class against the rest, C by cross-validation on its training part, features standardised on it),
//! the original's protocol (a Gaussian kernel on 1,000 items, 70 % of them to train, several splits), the most frequent
//! class, and a linear machine on the words of the texts, which is what could be known of the label at all.

mod classifier;
mod linear;
mod rbf;
mod rows;
mod tfidf;

use std::collections::BTreeMap;

use linfa_svm::SvmError;
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{Estimate, Estimates, Figure};
pub use classifier::Classifier;
use linear::{Classified, LinearSvm};
use rbf::Distances;
use rows::{Rows, Standard};
use tfidf::tfidf;

/// Items of the original's protocol, at most.
const RBF_ITEMS: usize = 1000;
/// Random splits of them.
const SPLITS: usize = 5;
/// Of ten items so many are trained on, where a split is ours.
const TRAIN_TENTHS: usize = 7;

/// An item with its label.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Its features, of the same length for all items.
    pub features: &'a [f32],
    /// Its class.
    pub label: &'a str,
    /// Its words, where it has any; the control on words needs those of all items.
    pub text: Option<&'a str>,
}

/// Figures of a linear machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinearFigures {
    /// Share of the test items that it classifies right.
    pub accuracy: Estimate,
    /// Items that it was fitted on.
    pub train: usize,
    /// Items that it was tested on.
    pub test: usize,
    /// Numbers per item.
    pub features: usize,
    /// What an item on the wrong side costs, chosen by cross-validation on the training items.
    pub c: f64,
}

/// Figures of the original's protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RbfFigures {
    /// Share classified right over all splits, with an interval over items.
    pub accuracy: Estimate,
    /// Items of a split that are trained on.
    pub train: usize,
    /// Items of a split that are tested on.
    pub test: usize,
    /// Seeds of the splits.
    pub seeds: Vec<u64>,
    /// The accuracy of each split.
    pub splits: Vec<f64>,
    /// Their standard deviation.
    pub deviation: f64,
    /// What an item on the wrong side costs.
    pub c: f64,
    /// The mean of the splits' γ.
    pub gamma: f64,
}

/// Figures of the most frequent class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MajorityFigures {
    /// Share of the test items that have it.
    pub accuracy: Estimate,
    /// Items that it is the most frequent class of.
    pub train: usize,
    /// Items that it was tested on.
    pub test: usize,
    /// The class.
    pub class: String,
}

/// How often the linear machine takes one class for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The classes: numbers by their size, else names in their order.
    pub classes: Vec<String>,
    /// Test items by their class (row) and the class that the machine gives them (column).
    pub matrix: Vec<Vec<usize>>,
}

impl Confusion {
    /// Test items of a class.
    #[must_use]
    pub fn items(&self, class: usize) -> usize {
        self.matrix[class].iter().sum()
    }

    /// The largest confusions: class, the class that was given instead, and how often.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<(usize, usize, usize)> {
        let rows = self.matrix.iter().enumerate();
        let mut found: Vec<_> = rows
            .flat_map(|(class, row)| {
                row.iter().enumerate().map(move |(given, &n)| (class, given, n))
            })
            .filter(|&(class, given, n)| class != given && n > 0)
            .collect();
        // Stable: equal ones stay in the order of the classes.
        found.sort_by_key(|&(_, _, n)| std::cmp::Reverse(n));
        found.truncate(count);
        found
    }
}

/// What a probe finds. The same items and seed give the same one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// The linear machine on the features.
    pub linear_svm: LinearFigures,
    /// The original's protocol on the features.
    pub rbf_svm: RbfFigures,
    /// The most frequent class.
    pub majority: MajorityFigures,
    /// The linear machine on the words of the same items; none for items without words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tfidf_linear_svm: Option<LinearFigures>,
    /// The features' linear accuracy over that of the words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_of_tfidf: Option<Estimate>,
    /// The linear machine on the features, class by class.
    pub confusion: Confusion,
}

/// Why items cannot be probed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// All items have one label.
    #[error("all {items} items have the label `{label}`: a probe needs at least two classes")]
    OneClass {
        /// The label.
        label: String,
        /// How many items there are.
        items: usize,
    },
    /// Too few items to fit and to test on.
    #[error(
        "{train} items to fit on and {test} to test on are too few for {classes} classes: \
         a probe needs at least as many items to fit on as there are classes, and one to test on"
    )]
    TooFew {
        /// Items to fit on.
        train: usize,
        /// Items to test on.
        test: usize,
        /// Different labels.
        classes: usize,
    },
    /// Features that are no numbers, or not as many as those of the first item.
    #[error("the features of item {0} are not finite numbers, as many as those of the first item")]
    Features(usize),
    /// The kernel machine's solver failed.
    #[error("the kernel machine failed: {0}")]
    Solver(String),
}

impl From<SvmError> for ProbeError {
    fn from(e: SvmError) -> Self {
        Self::Solver(e.to_string())
    }
}

/// Told of what is being done, how much of it is done, and of how much; says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(&'static str, usize, usize) -> bool;

/// Probes `data`: fits on `train` and tests on `data`, or where there is no `train` fits on 70 % of `data` and tests on the
/// rest. The original's protocol takes 1,000 items of `data` in both cases. `None` where `on_progress` breaks off.
///
/// # Errors
/// Fewer than two classes, fewer items to fit on than classes, features that differ in length or are not finite.
pub fn probe(
    train: Option<&[Item<'_>]>,
    data: &[Item<'_>],
    seed: u64,
    on_progress: OnProgress<'_>,
) -> Result<Option<Probe>, ProbeError> {
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    // All items in one row: those of `data` first.
    let all: Vec<Item<'_>> = data.iter().chain(train.unwrap_or_default()).copied().collect();
    let (fitted, tested): (Vec<usize>, Vec<usize>) = match train {
        Some(_) => ((data.len()..all.len()).collect(), (0..data.len()).collect()),
        None => {
            let (fitted, tested) = order.split_at(trained_of(data.len()));
            (fitted.to_vec(), tested.to_vec())
        }
    };
    let columns = columns_of(&all)?;
    let (classes, labels) = classes_of(&all);
    if let [label] = classes.as_slice() {
        return Err(ProbeError::OneClass { label: label.clone(), items: all.len() });
    }
    if fitted.len() < classes.len().max(2) || tested.is_empty() {
        let (train, test) = (fitted.len(), tested.len());
        return Err(ProbeError::TooFew { train, test, classes: classes.len() });
    }
    let run = Run { all: &all, labels: &labels, classes: classes.len(), fitted, tested, seed };

    let standard = Standard::of(columns, run.fitted.iter().map(|&i| all[i].features));
    let latents = Rows::dense(columns, all.iter().map(|item| item.features));
    let latents = latents.standardised(&standard);
    let Some((linear_svm, given)) = run.linear("linear SVM", &latents, on_progress) else {
        return Ok(None);
    };
    let words = match all.iter().map(|item| item.text).collect::<Option<Vec<&str>>>() {
        Some(texts) => {
            let rows = tfidf(&texts, &run.fitted);
            let Some(found) = run.linear("words", &rows, on_progress) else { return Ok(None) };
            Some(found)
        }
        None => None,
    };
    order.truncate(RBF_ITEMS);
    let Some(rbf_svm) = run.rbf(&order, on_progress)? else { return Ok(None) };
    let share = words.as_ref().and_then(|(_, by_words)| {
        let right = run.right(&given).zip(run.right(by_words));
        estimate(right.map(|(ours, theirs)| (f64::from(ours), f64::from(theirs))), seed)
    });
    let mut matrix = vec![vec![0; classes.len()]; classes.len()];
    for (&i, &class) in run.tested.iter().zip(&given) {
        matrix[labels[i]][class] += 1;
    }
    Ok(Some(Probe {
        majority: run.majority(&classes),
        linear_svm,
        rbf_svm,
        tfidf_linear_svm: words.map(|(figures, _)| figures),
        share_of_tfidf: share,
        confusion: Confusion { classes, matrix },
    }))
}

/// Of so many items how many are trained on.
fn trained_of(items: usize) -> usize {
    items * TRAIN_TENTHS / 10
}

/// How many features each item has.
///
/// # Errors
/// Where they differ, or are not finite.
fn columns_of(items: &[Item<'_>]) -> Result<usize, ProbeError> {
    let columns = items.first().map_or(0, |item| item.features.len());
    let fits = |item: &Item<'_>| {
        item.features.len() == columns && item.features.iter().all(|x| x.is_finite())
    };
    match items.iter().position(|item| !fits(item)) {
        Some(at) => Err(ProbeError::Features(at)),
        None => Ok(columns),
    }
}

/// The classes in their order, and each item's place among them.
fn classes_of(items: &[Item<'_>]) -> (Vec<String>, Vec<usize>) {
    let mut places: BTreeMap<(Option<i64>, &str), usize> =
        items.iter().map(|item| ((item.label.parse().ok(), item.label), 0)).collect();
    for (at, place) in places.values_mut().enumerate() {
        *place = at;
    }
    let labels = items.iter().map(|item| places[&(item.label.parse().ok(), item.label)]).collect();
    (places.into_keys().map(|(_, label)| label.to_owned()).collect(), labels)
}

/// Σ numerators / Σ denominators with its interval.
fn estimate(parts: impl Iterator<Item = (f64, f64)>, seed: u64) -> Option<Estimate> {
    const NAME: &str = "accuracy";
    Estimates::of(&[Figure { name: NAME, parts: parts.collect() }], seed).get(NAME)
}

/// The items and what is done with them.
struct Run<'a> {
    all: &'a [Item<'a>],
    labels: &'a [usize],
    classes: usize,
    fitted: Vec<usize>,
    tested: Vec<usize>,
    seed: u64,
}

impl Run<'_> {
    /// For each test item whether this is its class.
    fn right<'a>(&'a self, given: &'a [usize]) -> impl Iterator<Item = bool> + 'a {
        self.tested.iter().zip(given).map(|(&i, &class)| self.labels[i] == class)
    }

    fn accuracy(&self, given: &[usize]) -> Estimate {
        let parts = self.right(given).map(|right| (f64::from(right), 1.0));
        estimate(parts, self.seed).unwrap_or(Estimate { value: 0.0, low: 0.0, high: 0.0 })
    }

    /// A linear machine's figures, and the classes that it gives the test items.
    fn linear(
        &self,
        what: &'static str,
        rows: &Rows,
        on_progress: OnProgress<'_>,
    ) -> Option<(LinearFigures, Vec<usize>)> {
        let data = Classified { rows, labels: self.labels, classes: self.classes };
        let mut go_on = |done, total| on_progress(what, done, total);
        let (machine, c) = LinearSvm::choose_and_fit(data, &self.fitted, self.seed, &mut go_on)?;
        let given: Vec<usize> = self.tested.iter().map(|&i| machine.class(rows, i)).collect();
        let figures = LinearFigures {
            accuracy: self.accuracy(&given),
            train: self.fitted.len(),
            test: self.tested.len(),
            features: rows.columns(),
            c,
        };
        Some((figures, given))
    }

    /// The most frequent class of the training items; the first of equals.
    fn majority(&self, classes: &[String]) -> MajorityFigures {
        let mut counts = vec![0; self.classes];
        for &i in &self.fitted {
            counts[self.labels[i]] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        let class = counts.iter().position(|&count| count == most).unwrap_or(0);
        MajorityFigures {
            accuracy: self.accuracy(&vec![class; self.tested.len()]),
            train: self.fitted.len(),
            test: self.tested.len(),
            class: classes[class].clone(),
        }
    }

    /// The original's protocol on these items.
    fn rbf(
        &self,
        items: &[usize],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<RbfFigures>, ProbeError> {
        let features: Vec<&[f32]> = items.iter().map(|&i| self.all[i].features).collect();
        let labels: Vec<usize> = items.iter().map(|&i| self.labels[i]).collect();
        let distances = Distances::new(&features);
        let train = trained_of(items.len());
        let seeds: Vec<u64> = (0..SPLITS as u64).map(|k| self.seed.wrapping_add(k)).collect();
        let mut parts = vec![(0.0, 0.0); items.len()];
        let (mut splits, mut gamma) = (Vec::with_capacity(SPLITS), 0.0);
        for (at, &seed) in seeds.iter().enumerate() {
            let mut order: Vec<usize> = (0..items.len()).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let (fitted, tested) = order.split_at(train);
            let mut go_on = || on_progress("RBF SVM", at, SPLITS);
            let Some(given) = distances.classify(&labels, fitted, tested, &mut go_on)? else {
                return Ok(None);
            };
            let right = |(&i, &class): (&usize, &usize)| labels[i] == class;
            let count = tested.iter().zip(&given).filter(|&pair| right(pair)).count();
            splits.push(count as f64 / tested.len().max(1) as f64);
            for pair in tested.iter().zip(&given) {
                let (above, below) = parts[*pair.0];
                parts[*pair.0] = (above + f64::from(right(pair)), below + 1.0);
            }
            gamma += distances.gamma(fitted) / SPLITS as f64;
        }
        let mean = splits.iter().sum::<f64>() / SPLITS as f64;
        let variance =
            splits.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (SPLITS - 1) as f64;
        let accuracy = estimate(parts.into_iter(), self.seed);
        Ok(Some(RbfFigures {
            accuracy: accuracy.unwrap_or(Estimate { value: mean, low: mean, high: mean }),
            train,
            test: items.len() - train,
            seeds,
            splits,
            deviation: variance.sqrt(),
            c: rbf::COST,
            gamma,
        }))
    }
}

#[cfg(test)]
mod tests;
