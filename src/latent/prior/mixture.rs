//! A mixture of Gaussians with diagonal covariances, fitted by expectation maximisation (Dempster et al. 1977) from a start
//! of k-means++ (Arthur and Vassilvitskii 2007).

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::PriorError;

/// Rounds of k-means in front of expectation maximisation.
const LLOYD: usize = 10;
/// Least variance of a component, as a share of all data's: a component on a single point has no likelihood without bound.
const LEAST_VARIANCE: f64 = 1e-3;
/// Added to that, for numbers that never vary.
const LEAST: f64 = 1e-9;
/// Gain of the mean log-likelihood in nats per number below which it has converged.
const CONVERGED: f64 = 1e-6;
/// Sum of responsibilities below which a component keeps its place.
const EMPTY: f64 = 1e-6;

/// Weights, means and variances of K components of D numbers each.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    dims: usize,
    weights: Vec<f64>,
    /// K × D, row-major.
    means: Vec<f64>,
    /// K × D, row-major.
    variances: Vec<f64>,
}

/// A mixture and how its fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedMixture {
    /// The mixture.
    pub mixture: Mixture,
    /// Mean log-likelihood per latent in nats before every round, and at the end: it never falls.
    pub history: Vec<f64>,
}

impl Mixture {
    /// A mixture of parts that were kept.
    ///
    /// # Errors
    /// Where they do not fit each other, or are no weights and variances.
    pub fn new(
        weights: Vec<f64>,
        means: Vec<f64>,
        variances: Vec<f64>,
    ) -> Result<Self, PriorError> {
        let dims = means.len().checked_div(weights.len()).unwrap_or(0);
        let sizes =
            dims > 0 && dims * weights.len() == means.len() && means.len() == variances.len();
        let positive = |values: &[f64]| values.iter().all(|x| x.is_finite() && *x > 0.0);
        let sum: f64 = weights.iter().sum();
        let finite = means.iter().all(|x| x.is_finite());
        if sizes && finite && positive(&weights) && positive(&variances) && (sum - 1.0).abs() < 1e-6
        {
            return Ok(Self { dims, weights, means, variances });
        }
        Err(PriorError::Malformed)
    }

    /// Fits `components` Gaussians to rows of equal length, in at most so many rounds.
    ///
    /// # Errors
    /// Fewer than two rows per component; rows that differ in length or are not finite.
    pub fn fit(
        rows: &[Vec<f64>],
        components: usize,
        rounds: usize,
        rng: &mut impl Rng,
    ) -> Result<FittedMixture, PriorError> {
        let components = components.max(1);
        let needed = 2 * components;
        if rows.len() < needed {
            return Err(PriorError::TooFew { found: rows.len(), needed });
        }
        let dims = rows[0].len();
        if dims == 0 || rows.iter().any(|r| r.len() != dims || r.iter().any(|x| !x.is_finite())) {
            return Err(PriorError::Malformed);
        }
        let floor: Vec<f64> =
            spread(rows, dims).iter().map(|v| LEAST_VARIANCE * v + LEAST).collect();
        let mut mixture = Self::start(rows, dims, components, &floor, rng);
        let mut history = Vec::new();
        let mut shares = vec![0.0; rows.len() * components];
        for round in 0..=rounds {
            history.push(mixture.expect(rows, &mut shares));
            let gain = match history.as_slice() {
                [.., before, now] => (now - before) / dims as f64,
                _ => f64::INFINITY,
            };
            if gain < CONVERGED || round == rounds {
                break;
            }
            mixture.maximise(rows, &shares, &floor);
        }
        Ok(FittedMixture { mixture, history })
    }

    /// Means by k-means, and the variances and weights of what is nearest to each.
    fn start(
        rows: &[Vec<f64>],
        dims: usize,
        components: usize,
        floor: &[f64],
        rng: &mut impl Rng,
    ) -> Self {
        let mut means = seeds(rows, components, rng);
        let mut nearest = vec![0usize; rows.len()];
        for _ in 0..LLOYD {
            for (row, nearest) in rows.iter().zip(&mut nearest) {
                *nearest = closest(row, &means, dims).0;
            }
            let (mut sums, mut counts) = (vec![0.0; means.len()], vec![0usize; components]);
            for (row, &k) in rows.iter().zip(&nearest) {
                counts[k] += 1;
                sums[k * dims..][..dims].iter_mut().zip(row).for_each(|(s, x)| *s += x);
            }
            for (k, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let sums = &sums[k * dims..][..dims];
                means[k * dims..][..dims]
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(m, s)| *m = s / count as f64);
            }
        }
        let shares: Vec<f64> = nearest
            .iter()
            .flat_map(|&own| (0..components).map(move |k| if k == own { 1.0 } else { 0.0 }))
            .collect();
        let all = spread(rows, dims);
        let mut mixture = Self {
            dims,
            weights: vec![1.0 / components as f64; components],
            means,
            variances: all.iter().map(|v| v + LEAST).collect::<Vec<_>>().repeat(components),
        };
        mixture.maximise(rows, &shares, floor);
        mixture
    }

    /// Responsibilities [rows × K] and the mean log-likelihood per row.
    fn expect(&self, rows: &[Vec<f64>], shares: &mut [f64]) -> f64 {
        let parts = self.parts();
        let mut total = 0.0;
        for (row, shares) in rows.iter().zip(shares.chunks_exact_mut(self.weights.len())) {
            self.log_parts(row, &parts, shares);
            let whole = log_sum_exp(shares);
            shares.iter_mut().for_each(|s| *s = (*s - whole).exp());
            total += whole;
        }
        total / rows.len() as f64
    }

    /// The weights, means and variances that make the rows most likely under these responsibilities. A variance below the
    /// floor is best at it, so the likelihood does not fall for it.
    fn maximise(&mut self, rows: &[Vec<f64>], shares: &[f64], floor: &[f64]) {
        let (components, dims) = (self.weights.len(), self.dims);
        let mut mass = vec![0.0; components];
        let (mut sums, mut squares) = (vec![0.0; components * dims], vec![0.0; components * dims]);
        for (row, shares) in rows.iter().zip(shares.chunks_exact(components)) {
            for (k, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 1e-12) {
                mass[k] += share;
                let sums = &mut sums[k * dims..][..dims];
                sums.iter_mut().zip(row).for_each(|(s, x)| *s += share * x);
            }
        }
        for k in (0..components).filter(|&k| mass[k] > EMPTY) {
            let means = &mut self.means[k * dims..][..dims];
            means.iter_mut().zip(&sums[k * dims..][..dims]).for_each(|(m, s)| *m = s / mass[k]);
        }
        // Around the new means: differences of large squares would lose digits.
        for (row, shares) in rows.iter().zip(shares.chunks_exact(components)) {
            for (k, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 1e-12) {
                let means = &self.means[k * dims..][..dims];
                let squares = &mut squares[k * dims..][..dims];
                for ((s, x), m) in squares.iter_mut().zip(row).zip(means) {
                    *s += share * (x - m) * (x - m);
                }
            }
        }
        for k in (0..components).filter(|&k| mass[k] > EMPTY) {
            let variances = &mut self.variances[k * dims..][..dims];
            for ((v, s), floor) in variances.iter_mut().zip(&squares[k * dims..][..dims]).zip(floor)
            {
                *v = (s / mass[k]).max(*floor);
            }
        }
        // No weight is 0: its logarithm has to be a number.
        let total: f64 = mass.iter().map(|m| m.max(EMPTY)).sum();
        self.weights.iter_mut().zip(&mass).for_each(|(w, m)| *w = m.max(EMPTY) / total);
    }

    /// What of a component's log density does not depend on the row.
    fn parts(&self) -> Vec<f64> {
        let constant = std::f64::consts::TAU.ln();
        let each = self.weights.iter().zip(self.variances.chunks_exact(self.dims));
        each.map(|(w, v)| w.ln() - 0.5 * v.iter().map(|v| v.ln() + constant).sum::<f64>()).collect()
    }

    /// The logarithm of every component's weight times its density.
    fn log_parts(&self, row: &[f64], parts: &[f64], out: &mut [f64]) {
        let components =
            self.means.chunks_exact(self.dims).zip(self.variances.chunks_exact(self.dims));
        for ((out, part), (means, variances)) in out.iter_mut().zip(parts).zip(components) {
            let mut distance = 0.0;
            for ((x, m), v) in row.iter().zip(means).zip(variances) {
                distance += (x - m) * (x - m) / v;
            }
            *out = part - 0.5 * distance;
        }
    }

    /// The log density at a row of D numbers, in nats.
    #[must_use]
    pub fn log_density(&self, row: &[f64]) -> f64 {
        let mut logs = vec![0.0; self.weights.len()];
        self.log_parts(row, &self.parts(), &mut logs);
        log_sum_exp(&logs)
    }

    /// A draw.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<f64> {
        let k = pick(&self.weights, rng);
        let means = &self.means[k * self.dims..][..self.dims];
        let variances = &self.variances[k * self.dims..][..self.dims];
        let each = means.iter().zip(variances);
        each.map(|(m, v)| {
            let x: f64 = StandardNormal.sample(rng);
            m + v.sqrt() * x
        })
        .collect()
    }

    /// Numbers of a row, D.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Weights of the components; their sum is 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Means, K × D, row-major.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Variances, K × D, row-major.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }
}

/// Rows far from each other, drawn one by one with the squared distance from those before.
fn seeds(rows: &[Vec<f64>], count: usize, rng: &mut impl Rng) -> Vec<f64> {
    let dims = rows[0].len();
    let mut means = rows[rng.random_range(0..rows.len())].clone();
    let mut distances: Vec<f64> = rows.iter().map(|row| closest(row, &means, dims).1).collect();
    for _ in 1..count {
        let next = &rows[pick(&distances, rng)];
        for (row, distance) in rows.iter().zip(&mut distances) {
            *distance = distance.min(closest(row, next, dims).1);
        }
        means.extend(next);
    }
    means
}

/// A place, drawn in proportion to weights that are not negative; any where all are 0.
pub(super) fn pick(weights: &[f64], rng: &mut impl Rng) -> usize {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return rng.random_range(0..weights.len());
    }
    let mut left = rng.random::<f64>() * total;
    for (k, weight) in weights.iter().enumerate() {
        if left < *weight {
            return k;
        }
        left -= weight;
    }
    // Rounding can leave a little: the last that can be drawn.
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}

/// The nearest mean and its squared distance.
fn closest(row: &[f64], means: &[f64], dims: usize) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (k, mean) in means.chunks_exact(dims).enumerate() {
        let distance: f64 = row.iter().zip(mean).map(|(x, m)| (x - m) * (x - m)).sum();
        if distance < best.1 {
            best = (k, distance);
        }
    }
    best
}

/// The variance of every number over the rows.
fn spread(rows: &[Vec<f64>], dims: usize) -> Vec<f64> {
    let count = rows.len().max(1) as f64;
    let mean = |of: &dyn Fn(&Vec<f64>, usize) -> f64| -> Vec<f64> {
        (0..dims).map(|i| rows.iter().map(|row| of(row, i)).sum::<f64>() / count).collect()
    };
    let means = mean(&|row, i| row[i]);
    mean(&|row, i| (row[i] - means[i]).powi(2))
}

pub(super) fn log_sum_exp(logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    most + logs.iter().map(|l| (l - most).exp()).sum::<f64>().ln()
}
