//! A prior over codes: a mixture of products of categorical distributions (Lazarsfeld and Henry 1968), fitted by expectation
//! maximisation. Within a component the symbols of a latent do not depend on each other.

use rand::Rng;

use super::mixture::{log_sum_exp, pick};
use super::PriorError;

/// Draws of every symbol of a place, taken together, that count as seen in front of the data: no symbol is impossible.
const PSEUDO: f64 = 1.0;
/// Gain of the mean objective in nats per symbol below which a fit has converged.
const CONVERGED: f64 = 1e-6;

/// K components over P places, each with symbols of its own number.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeMixture {
    /// Symbols of every place.
    levels: Vec<usize>,
    weights: Vec<f64>,
    /// Of every component the probabilities of every place's symbols, K × Σ levels, row-major.
    tables: Vec<f64>,
}

/// A mixture over codes and how its fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCodes {
    /// The mixture.
    pub mixture: CodeMixture,
    /// Mean per latent, before every round and at the end, of the log-likelihood with that of the pseudo-draws: it never falls.
    pub history: Vec<f64>,
}

impl CodeMixture {
    /// A mixture of parts that were kept.
    ///
    /// # Errors
    /// Where they do not fit each other, or are no probabilities.
    pub fn new(
        levels: Vec<usize>,
        weights: Vec<f64>,
        tables: Vec<f64>,
    ) -> Result<Self, PriorError> {
        let width: usize = levels.iter().sum();
        let sizes = width > 0 && !weights.is_empty() && tables.len() == width * weights.len();
        let share = |x: &[f64]| {
            let sum: f64 = x.iter().sum();
            (sum - 1.0).abs() < 1e-6 && x.iter().all(|p| p.is_finite() && *p > 0.0)
        };
        let found = Self { levels, weights, tables };
        let whole = sizes
            && share(&found.weights)
            && found.components().all(|table| found.places(table).all(share));
        if whole {
            Ok(found)
        } else {
            Err(PriorError::Malformed)
        }
    }

    /// Fits `components` to rows of one symbol per place, in at most so many rounds.
    ///
    /// # Errors
    /// Fewer than two rows per component; rows that do not fit `levels`.
    pub fn fit(
        rows: &[Vec<u32>],
        levels: &[usize],
        components: usize,
        rounds: usize,
        rng: &mut impl Rng,
    ) -> Result<FittedCodes, PriorError> {
        let components = components.max(1);
        let needed = 2 * components;
        if rows.len() < needed {
            return Err(PriorError::TooFew { found: rows.len(), needed });
        }
        let fits = |row: &Vec<u32>| {
            row.len() == levels.len() && row.iter().zip(levels).all(|(&s, &l)| (s as usize) < l)
        };
        if levels.is_empty() || !rows.iter().all(fits) {
            return Err(PriorError::Malformed);
        }
        let width: usize = levels.iter().sum();
        let mut mixture = Self {
            levels: levels.to_vec(),
            weights: vec![1.0 / components as f64; components],
            tables: vec![0.0; components * width],
        };
        let mut shares = start(rows, components, rng);
        let mut history: Vec<f64> = Vec::new();
        for _ in 0..=rounds {
            mixture.maximise(rows, &shares);
            history.push(mixture.expect(rows, &mut shares));
            if let [.., before, now] = history.as_slice() {
                if (now - before) / (levels.len() as f64) < CONVERGED {
                    break;
                }
            }
        }
        Ok(FittedCodes { mixture, history })
    }

    /// Responsibilities [rows × K] and the mean objective per row.
    fn expect(&self, rows: &[Vec<u32>], shares: &mut [f64]) -> f64 {
        let logs: Vec<f64> = self.tables.iter().map(|p| p.ln()).collect();
        let mut total = self.of_pseudo_draws(&logs);
        for (row, shares) in rows.iter().zip(shares.chunks_exact_mut(self.weights.len())) {
            self.log_parts(row, &logs, shares);
            let whole = log_sum_exp(shares);
            shares.iter_mut().for_each(|s| *s = (*s - whole).exp());
            total += whole;
        }
        total / rows.len() as f64
    }

    fn of_pseudo_draws(&self, logs: &[f64]) -> f64 {
        let places = logs.chunks_exact(self.width()).flat_map(|table| self.places(table));
        places.map(|logs| PSEUDO / logs.len() as f64 * logs.iter().sum::<f64>()).sum()
    }

    fn maximise(&mut self, rows: &[Vec<u32>], shares: &[f64]) {
        let (components, width) = (self.weights.len(), self.width());
        let mut mass = vec![0.0; components];
        let places = self.levels.iter();
        let pseudo = places.flat_map(|&l| std::iter::repeat_n(PSEUDO / l as f64, l));
        let pseudo: Vec<f64> = pseudo.collect();
        let mut tables = pseudo.repeat(components);
        for (row, shares) in rows.iter().zip(shares.chunks_exact(components)) {
            for (k, &share) in shares.iter().enumerate() {
                mass[k] += share;
                let mut at = k * width;
                for (&symbol, &levels) in row.iter().zip(&self.levels) {
                    tables[at + symbol as usize] += share;
                    at += levels;
                }
            }
        }
        for (table, mass) in tables.chunks_exact_mut(width).zip(&mass) {
            table.iter_mut().for_each(|p| *p /= mass + PSEUDO);
        }
        self.tables = tables;
        // No weight is 0: its logarithm has to be a number.
        let total: f64 = mass.iter().map(|m| m.max(1e-6)).sum();
        self.weights.iter_mut().zip(&mass).for_each(|(w, m)| *w = m.max(1e-6) / total);
    }

    /// The logarithm of every component's weight times the probability that it gives a row.
    fn log_parts(&self, row: &[u32], logs: &[f64], out: &mut [f64]) {
        let each = self.weights.iter().zip(logs.chunks_exact(self.width()));
        for (out, (weight, logs)) in out.iter_mut().zip(each) {
            let mut at = 0;
            *out = weight.ln();
            for (&symbol, &levels) in row.iter().zip(&self.levels) {
                *out += logs[at + symbol as usize];
                at += levels;
            }
        }
    }

    /// The log probability of each of some rows of one symbol per place, in nats; the symbols are below the levels.
    #[must_use]
    pub fn log_probabilities(&self, rows: &[Vec<u32>]) -> Vec<f64> {
        let logs: Vec<f64> = self.tables.iter().map(|p| p.ln()).collect();
        let mut parts = vec![0.0; self.weights.len()];
        let each = rows.iter().map(|row| {
            self.log_parts(row, &logs, &mut parts);
            log_sum_exp(&parts)
        });
        each.collect()
    }

    /// A draw: one symbol per place.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<u32> {
        let k = pick(&self.weights, rng);
        let table = &self.tables[k * self.width()..][..self.width()];
        self.places(table).map(|probabilities| pick(probabilities, rng) as u32).collect()
    }

    fn width(&self) -> usize {
        self.levels.iter().sum()
    }

    fn components(&self) -> impl Iterator<Item = &[f64]> {
        self.tables.chunks_exact(self.width().max(1))
    }

    /// A component's table, place by place.
    fn places<'a>(&'a self, mut table: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        self.levels.iter().map(move |&levels| {
            let (place, rest) = table.split_at(levels.min(table.len()));
            table = rest;
            place
        })
    }

    /// Symbols of every place.
    #[must_use]
    pub fn levels(&self) -> &[usize] {
        &self.levels
    }

    /// Weights of the components; their sum is 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Probabilities, K × Σ levels, row-major.
    #[must_use]
    pub fn tables(&self) -> &[f64] {
        &self.tables
    }
}

/// Responsibilities from rows that differ in many places, drawn one by one with the number of places in which they differ
/// from those before: each row belongs to the one that it differs least from.
fn start(rows: &[Vec<u32>], components: usize, rng: &mut impl Rng) -> Vec<f64> {
    let apart = |a: &[u32], b: &[u32]| a.iter().zip(b).filter(|(a, b)| a != b).count() as f64;
    let mut seeds = vec![&rows[rng.random_range(0..rows.len())]];
    let mut distances: Vec<f64> = rows.iter().map(|row| apart(row, seeds[0])).collect();
    while seeds.len() < components {
        let next = &rows[pick(&distances, rng)];
        for (row, distance) in rows.iter().zip(&mut distances) {
            *distance = distance.min(apart(row, next));
        }
        seeds.push(next);
    }
    let mut shares = vec![0.0; rows.len() * components];
    for (row, shares) in rows.iter().zip(shares.chunks_exact_mut(components)) {
        let distances = seeds.iter().map(|seed| apart(row, seed));
        let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        shares[nearest.map_or(0, |(k, _)| k)] = 1.0;
    }
    shares
}
