//! The original's protocol: a support vector machine with a Gaussian kernel, one class against one other, as scikit-learn's
//! `SVC` does by default: C = 1, γ = 1 / (columns · variance of all numbers of the training part).

use linfa::traits::Fit;
use linfa::DatasetBase;
use linfa_svm::{Svm, SvmError};
use ndarray::{Array1, Array2};

/// What an item on the wrong side costs.
pub(super) const COST: f64 = 1.0;
/// How far from its optimum a machine may stay.
const TOLERANCE: f64 = 1e-3;

/// Squared distances between all items, for any number of machines with whatever γ.
pub(super) struct Distances<'a> {
    features: &'a [&'a [f32]],
    /// `items × items`.
    squares: Vec<f64>,
}

impl<'a> Distances<'a> {
    /// Of feature vectors of equal length.
    pub(super) fn new(features: &'a [&'a [f32]]) -> Self {
        let count = features.len();
        let mut squares = vec![0.0; count * count];
        for i in 0..count {
            for j in 0..i {
                let differences = features[i].iter().zip(features[j]);
                let square: f64 =
                    differences.map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum();
                squares[i * count + j] = square;
                squares[j * count + i] = square;
            }
        }
        Self { features, squares }
    }

    /// The classes of `test` by machines that were fitted on `train`. `None` where `go_on` says no.
    ///
    /// # Errors
    /// Those of the solver.
    pub(super) fn classify(
        &self,
        labels: &[usize],
        train: &[usize],
        test: &[usize],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<usize>>, SvmError> {
        let classes = labels.iter().max().map_or(0, |most| most + 1);
        let mut members = vec![Vec::new(); classes];
        for &i in train {
            members[labels[i]].push(i);
        }
        let gamma = self.gamma(train);
        let mut votes = vec![vec![0u32; classes]; test.len()];
        for a in (0..classes).filter(|&a| !members[a].is_empty()) {
            if !go_on() {
                return Ok(None);
            }
            for b in (a + 1..classes).filter(|&b| !members[b].is_empty()) {
                let items = [&members[a][..], &members[b][..]].concat();
                let machine = self.machine(&items, members[a].len(), gamma)?;
                for (votes, &i) in votes.iter_mut().zip(test) {
                    let of_a = self.decide(&machine, &items, gamma, i) > 0.0;
                    votes[if of_a { a } else { b }] += 1;
                }
            }
        }
        // The first of those with most votes; a lone class needs none.
        let lone = members.iter().position(|m| !m.is_empty()).unwrap_or(0);
        let winner = |votes: &Vec<u32>| {
            let most = votes.iter().copied().max().filter(|&most| most > 0);
            most.and_then(|most| votes.iter().position(|&v| v == most)).unwrap_or(lone)
        };
        Ok(Some(votes.iter().map(winner).collect()))
    }

    /// scikit-learn's `gamma = "scale"`.
    pub(super) fn gamma(&self, items: &[usize]) -> f64 {
        let columns = self.features.first().map_or(0, |row| row.len());
        let count = (items.len() * columns).max(1) as f64;
        let numbers = || items.iter().flat_map(|&i| self.features[i]).map(|&x| f64::from(x));
        let mean = numbers().sum::<f64>() / count;
        let variance = numbers().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        if variance > 0.0 {
            1.0 / (columns as f64 * variance)
        } else {
            1.0
        }
    }

    /// The machine between the first `own` of these items and the others.
    fn machine(&self, items: &[usize], own: usize, gamma: f64) -> Result<Svm<f64, bool>, SvmError> {
        let columns = self.features.first().map_or(0, |row| row.len());
        let rows = Array2::from_shape_fn((items.len(), columns), |(row, column)| {
            f64::from(self.features[items[row]][column])
        });
        let targets = Array1::from_shape_fn(items.len(), |row| row < own);
        // This library's Gaussian divides the squared distance by its width.
        Svm::<f64, bool>::params()
            .pos_neg_weights(COST, COST)
            .gaussian_kernel(1.0 / gamma)
            .eps(TOLERANCE)
            .fit(&DatasetBase::new(rows, targets))
    }

    /// Above 0 for the first class. The machine itself would compute the kernel anew for every pair of classes.
    fn decide(&self, machine: &Svm<f64, bool>, items: &[usize], gamma: f64, item: usize) -> f64 {
        let row = &self.squares[item * self.features.len()..];
        let weighted = items.iter().zip(&machine.alpha).filter(|(_, alpha)| **alpha != 0.0);
        weighted.map(|(&i, alpha)| alpha * (-gamma * row[i]).exp()).sum::<f64>() - machine.rho
    }
}
