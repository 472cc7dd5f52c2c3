//! Where directions come from: two sets of latents, a number for each latent, two latents, chance.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{common_shape, deviation, Direction, DirectionError, Geometry};
use crate::latent::path::{angle, norm, reject};
use crate::latent::Latent;

/// Latents of each of two sets, at least.
const SET: usize = 2;
/// Latents with numbers, at least.
const NUMBERS: usize = 3;
/// Share of the spread below which what is left of it is rounding.
const ROUNDING: f64 = 1e-9;
/// Below this part of `b` across `a`, rounding decides its direction.
const OPPOSITE: f64 = 1e-6;

impl Direction {
    /// From the mean of `without` to the mean of `with`.
    ///
    /// With covariates, such as the lengths of the texts of both sets, what they explain of the difference is taken out:
    /// the difference is that of texts of equal length.
    ///
    /// # Errors
    /// Fewer than two latents in a set, shapes that differ, covariates of another number, means that are the same.
    pub fn from_sets(
        with: &[&Latent],
        without: &[&Latent],
        covariates: Option<(&[f32], &[f32])>,
        geometry: Geometry,
    ) -> Result<Self, DirectionError> {
        let smaller = with.len().min(without.len());
        if smaller < SET {
            return Err(DirectionError::TooFew { found: smaller, needed: SET });
        }
        if let Some((of_with, of_without)) = covariates {
            for (latents, values) in [(with, of_with), (without, of_without)] {
                if latents.len() != values.len() {
                    let (latents, values) = (latents.len(), values.len());
                    return Err(DirectionError::Count { values, latents });
                }
            }
        }
        // Regressed on membership, and on a covariate where there is one, the coefficient is the difference of means.
        let latents: Vec<&Latent> = with.iter().chain(without).copied().collect();
        let values: Vec<f32> =
            (0..latents.len()).map(|i| if i < with.len() { 1.0 } else { 0.0 }).collect();
        let covariate = covariates.map(|(a, b)| [a, b].concat());
        Self::from_values(&latents, &values, covariate.as_deref(), geometry)
    }

    /// The way in which latents change where a number grows: the covariance of each coordinate with it.
    ///
    /// With a covariate, what it explains of the numbers is taken out before.
    ///
    /// # Errors
    /// Fewer than three latents, shapes that differ, numbers or covariates of another number or not finite; numbers that do
    /// not vary beyond the covariate, or that have nothing to do with the latents.
    pub fn from_values(
        latents: &[&Latent],
        values: &[f32],
        covariate: Option<&[f32]>,
        geometry: Geometry,
    ) -> Result<Self, DirectionError> {
        if latents.len() < NUMBERS {
            return Err(DirectionError::TooFew { found: latents.len(), needed: NUMBERS });
        }
        let (tokens, size) = common_shape(latents)?;
        let mut y = centred(values, latents.len())?;
        let spread: f64 = y.iter().map(|y| y * y).sum();
        if let Some(covariate) = covariate {
            let x = centred(covariate, latents.len())?;
            let square: f64 = x.iter().map(|x| x * x).sum();
            if square > 0.0 {
                let slope = x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>() / square;
                y.iter_mut().zip(&x).for_each(|(y, x)| *y -= slope * x);
            }
        }
        let left: f64 = y.iter().map(|y| y * y).sum();
        if left <= ROUNDING * spread {
            return Err(DirectionError::Degenerate("the values do not vary on their own"));
        }
        let charts: Vec<Vec<f64>> = latents.iter().map(|l| geometry.chart(&l.values)).collect();
        let mean = mean(&charts, tokens * size);
        let mut vector = vec![0.0; tokens * size];
        let mut total = 0.0;
        for (chart, y) in charts.iter().zip(&y) {
            for ((sum, x), mean) in vector.iter_mut().zip(chart).zip(&mean) {
                *sum += y * (x - mean);
                total += (x - mean).powi(2);
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length <= ROUNDING * (left * total).sqrt() {
            return Err(DirectionError::Degenerate("the latents do not change with the values"));
        }
        let along: Vec<f64> = charts
            .iter()
            .map(|chart| chart.iter().zip(&vector).map(|(x, v)| x * v / length).sum())
            .collect();
        Self::new(tokens, size, &vector, deviation(&along))
    }

    /// From `a` to `b`, with the deviation that makes a step of strength 1 from `a` end at `b`.
    ///
    /// On the sphere every latent token goes along its great circle, so it ends there up to 60°, and at 60° where `b` lies
    /// further away; under tanh, up to the clip.
    ///
    /// # Errors
    /// Latents that differ in shape, that are not finite, or that are the same.
    pub fn between(a: &Latent, b: &Latent, geometry: Geometry) -> Result<Self, DirectionError> {
        let (tokens, size) = common_shape(&[a, b])?;
        let vector: Vec<f64> = match geometry {
            Geometry::Sphere if size > 0 => a
                .values
                .chunks_exact(size)
                .zip(b.values.chunks_exact(size))
                .flat_map(|(a, b)| great_circle(a, b))
                .collect(),
            _ => {
                let (from, to) = (geometry.chart(&a.values), geometry.chart(&b.values));
                from.iter().zip(&to).map(|(a, b)| b - a).collect()
            }
        };
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(DirectionError::Degenerate("both latents are the same"));
        }
        Self::new(tokens, size, &vector, length)
    }

    /// A direction drawn evenly from all; equal seeds give equal directions.
    ///
    /// # Errors
    /// A shape without values; a deviation that is not above 0.
    pub fn random(
        tokens: usize,
        size: usize,
        sigma: f64,
        seed: u64,
    ) -> Result<Self, DirectionError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = tokens.saturating_mul(size);
        let vector: Vec<f64> = (0..count).map(|_| StandardNormal.sample(&mut rng)).collect();
        Self::new(tokens, size, &vector, sigma)
    }

    /// A random direction with this one's deviation and share in every latent token, so that its steps turn every token by
    /// about the same angle: what this one is judged against.
    ///
    /// # Errors
    /// None that a direction of a model's latents meets.
    pub fn random_alike(&self, seed: u64) -> Result<Self, DirectionError> {
        let drawn = Self::random(self.tokens, self.size, f64::from(self.sigma), seed)?;
        let own = self.values.chunks_exact(self.size);
        let vector: Vec<f64> = drawn
            .values
            .chunks_exact(self.size)
            .zip(own)
            .flat_map(|(drawn, own)| {
                let length = norm(drawn);
                let share = if length > 0.0 { norm(own) / length } else { 0.0 };
                drawn.iter().map(move |&x| f64::from(x) * share)
            })
            .collect();
        Self::new(self.tokens, self.size, &vector, f64::from(self.sigma))
    }
}

/// The tangent at `a` of the great circle to `b`, as long as the arc; 0 where one of them is.
fn great_circle(a: &[f32], b: &[f32]) -> Vec<f64> {
    let (radius, length) = (norm(a), norm(b));
    if radius == 0.0 || length == 0.0 {
        return vec![0.0; a.len()];
    }
    let from: Vec<f64> = a.iter().map(|&x| f64::from(x) / radius).collect();
    let to: Vec<f64> = b.iter().map(|&x| f64::from(x) / length).collect();
    let omega = angle(a, b, radius, length);
    let (mut across, mut width) = reject(&to, &from);
    if width < OPPOSITE && omega > 1.0 {
        // Every great circle leads to the opposite point: the one through the axis of the smallest coordinate is taken.
        let smallest =
            (0..from.len()).fold(0, |s, i| if from[i].abs() < from[s].abs() { i } else { s });
        let axis: Vec<f64> = (0..from.len()).map(|i| f64::from(u8::from(i == smallest))).collect();
        (across, width) = reject(&axis, &from);
    }
    if width == 0.0 {
        return vec![0.0; a.len()];
    }
    across.iter().map(|x| x / width * omega * radius).collect()
}

fn centred(values: &[f32], latents: usize) -> Result<Vec<f64>, DirectionError> {
    if values.len() != latents {
        return Err(DirectionError::Count { values: values.len(), latents });
    }
    if values.iter().any(|x| !x.is_finite()) {
        return Err(DirectionError::NotFinite("every value beside a latent"));
    }
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / latents.max(1) as f64;
    Ok(values.iter().map(|&x| f64::from(x) - mean).collect())
}

/// The mean of vectors of `len` numbers.
pub(super) fn mean(charts: &[Vec<f64>], len: usize) -> Vec<f64> {
    let mut mean = vec![0.0; len];
    for chart in charts {
        mean.iter_mut().zip(chart).for_each(|(sum, x)| *sum += x / charts.len() as f64);
    }
    mean
}
