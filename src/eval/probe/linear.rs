//! Linear support vector machines, one class against the rest, by dual coordinate descent (Hsieh et al. 2008).
//!
//! Each machine minimises ½‖w‖² + C Σ max(0, 1 − y w·x)², the constant in w included, as liblinear does: no library at hand
//! takes sparse rows.

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::rows::Rows;

/// Values of C that cross-validation tries, the smallest first.
pub(super) const COSTS: [f64; 5] = [0.001, 0.01, 0.1, 1.0, 10.0];
/// Parts of the training items that are held aside in turn.
const FOLDS: usize = 3;
/// Training items that choose C, at most.
const CHOOSING: usize = 2000;
/// How far from its optimum a machine may stay: the largest difference of projected gradients.
const TOLERANCE: f64 = 0.01;
/// The same while C is chosen.
const ROUGH: f64 = 0.1;
/// Passes over the items at most.
const PASSES: usize = 1000;

/// Rows with the number of each one's class.
#[derive(Clone, Copy)]
pub(super) struct Classified<'a> {
    pub rows: &'a Rows,
    pub labels: &'a [usize],
    /// How many classes there are.
    pub classes: usize,
}

/// How a machine is fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// What an item on the wrong side costs.
    pub cost: f64,
    pub tolerance: f64,
    /// Decides the order in which items are visited.
    pub seed: u64,
}

/// One machine per class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinearSvm {
    /// For each class its weights and its constant; none for a class that no item had.
    machines: Vec<Option<(Vec<f64>, f64)>>,
}

impl LinearSvm {
    /// Chooses C on `items` alone, then fits on all of them; `None` where `go_on` says no. Gives the chosen C, too.
    pub(super) fn choose_and_fit(
        data: Classified<'_>,
        items: &[usize],
        seed: u64,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<(Self, f64)> {
        let total = COSTS.len() * FOLDS + 1;
        let mut order = items.to_vec();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        order.truncate(CHOOSING);
        let mut best = (COSTS[0], 0);
        for (at, cost) in COSTS.into_iter().enumerate() {
            let mut right = 0;
            for fold in 0..FOLDS {
                if !go_on(at * FOLDS + fold, total) {
                    return None;
                }
                let of = |inside: bool| -> Vec<usize> {
                    let places = order.iter().enumerate();
                    places.filter(|(i, _)| (i % FOLDS == fold) == inside).map(|(_, &i)| i).collect()
                };
                let fit = Fit { cost, tolerance: ROUGH, seed };
                let machine = Self::fit(data, &of(false), fit);
                let held = of(true);
                right +=
                    held.iter().filter(|&&i| machine.class(data.rows, i) == data.labels[i]).count();
            }
            // The smallest of equally good ones.
            if right > best.1 {
                best = (cost, right);
            }
        }
        if !go_on(total - 1, total) {
            return None;
        }
        let fit = Fit { cost: best.0, tolerance: TOLERANCE, seed };
        Some((Self::fit(data, items, fit), best.0))
    }

    /// Fits one machine per class on `items`, several side by side.
    pub(super) fn fit(data: Classified<'_>, items: &[usize], fit: Fit) -> Self {
        let mut machines = vec![None; data.classes];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = data.classes.div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (part, machines) in machines.chunks_mut(share).enumerate() {
                scope.spawn(move || {
                    for (at, machine) in machines.iter_mut().enumerate() {
                        *machine = against_the_rest(data, items, part * share + at, fit);
                    }
                });
            }
        });
        Self { machines }
    }

    /// What each class's machine says of a row; −∞ for a class that no item had.
    pub(super) fn scores<'a>(
        &'a self,
        rows: &'a Rows,
        row: usize,
    ) -> impl Iterator<Item = f64> + 'a {
        self.machines.iter().map(move |machine| {
            let score = |(weights, constant): &(Vec<f64>, f64)| rows.dot(row, weights) + constant;
            machine.as_ref().map_or(f64::NEG_INFINITY, score)
        })
    }

    /// The class whose machine says most; the first of equals.
    pub(super) fn class(&self, rows: &Rows, row: usize) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (class, score) in self.scores(rows, row).enumerate() {
            if score > best.1 {
                best = (class, score);
            }
        }
        best.0
    }

    /// The weights and the constant of a class's machine.
    #[cfg(test)]
    pub(super) fn machine(&self, class: usize) -> Option<&(Vec<f64>, f64)> {
        self.machines[class].as_ref()
    }
}

/// The weights and the constant that set a class apart.
fn against_the_rest(
    data: Classified<'_>,
    items: &[usize],
    class: usize,
    fit: Fit,
) -> Option<(Vec<f64>, f64)> {
    let Classified { rows, labels, .. } = data;
    if !items.iter().any(|&i| labels[i] == class) {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(fit.seed);
    rng.set_stream(class as u64 + 1);
    // The squared loss adds this to the diagonal of the dual's matrix.
    let ridge = 0.5 / fit.cost;
    let signs: Vec<f64> =
        items.iter().map(|&i| if labels[i] == class { 1.0 } else { -1.0 }).collect();
    let diagonal: Vec<f64> = items.iter().map(|&i| rows.square(i) + 1.0 + ridge).collect();
    let (mut weights, mut constant) = (vec![0.0; rows.columns()], 0.0);
    let mut alphas = vec![0.0f64; items.len()];
    let mut active: Vec<usize> = (0..items.len()).collect();
    // An item at its bound whose gradient is above what the last pass saw is left out for a while.
    let mut above = f64::INFINITY;
    for _ in 0..PASSES {
        active.shuffle(&mut rng);
        let (mut most, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
        active.retain(|&at| {
            let (sign, alpha) = (signs[at], alphas[at]);
            let gradient = sign * (rows.dot(items[at], &weights) + constant) - 1.0 + ridge * alpha;
            if alpha == 0.0 && gradient > above {
                return false;
            }
            let projected = if alpha == 0.0 { gradient.min(0.0) } else { gradient };
            (most, least) = (most.max(projected), least.min(projected));
            if projected.abs() > 1e-12 {
                alphas[at] = (alpha - gradient / diagonal[at]).max(0.0);
                let step = (alphas[at] - alpha) * sign;
                rows.add_to(items[at], step, &mut weights);
                constant += step;
            }
            true
        });
        if most - least <= fit.tolerance {
            if active.len() == items.len() {
                break;
            }
            // Good on what was left: once more over all.
            active = (0..items.len()).collect();
            above = f64::INFINITY;
        } else {
            above = if most > 0.0 { most } else { f64::INFINITY };
        }
    }
    Some((weights, constant))
}
