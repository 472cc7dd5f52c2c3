//! Directions in latent space: unit vectors over a whole latent, with the deviation that their strength is counted in.

mod geometry;
mod principal;
mod sources;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{Latent, LatentError};

pub use geometry::Geometry;
pub use principal::{principal_components, right_singular_vectors};

/// How far from 1 the norm of a direction that was read may lie.
const NORM_TOLERANCE: f64 = 1e-3;

/// A unit vector over all latent tokens at once, and the standard deviation of latents along it.
///
/// A strength is given in deviations: a step of strength 2 goes twice [`Self::sigma`] along the vector. Under
/// [`Geometry::Tanh`] vector and deviation belong to the inverse hyperbolic tangents of the latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Plain")]
pub struct Direction {
    tokens: usize,
    size: usize,
    values: Vec<f32>,
    sigma: f32,
}

/// A direction as it was read, before anything is known of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    tokens: usize,
    size: usize,
    values: Vec<f32>,
    sigma: f32,
}

/// Why there is no direction, or no step along it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DirectionError {
    /// Latents that differ in shape, or one that does not hold the values of its shape.
    #[error(transparent)]
    Latent(#[from] LatentError),
    /// Too few latents to tell a direction from noise.
    #[error("{found} latents are too few for a direction: {needed} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// A value or a covariate is missing for some latents, or there are more of them.
    #[error("{values} values stand beside {latents} latents")]
    Count {
        /// Values given.
        values: usize,
        /// Latents given.
        latents: usize,
    },
    /// Nothing differs that could point anywhere.
    #[error("there is no direction: {0}")]
    Degenerate(&'static str),
    /// A number is infinite or none at all.
    #[error("{0} must be a finite number")]
    NotFinite(&'static str),
}

impl Direction {
    /// The direction of a vector of any length but 0.
    ///
    /// # Errors
    /// Values that are not `tokens × size`, not finite or all 0; a deviation that is not above 0.
    pub fn new(
        tokens: usize,
        size: usize,
        vector: &[f64],
        sigma: f64,
    ) -> Result<Self, DirectionError> {
        if tokens.checked_mul(size) != Some(vector.len()) {
            return Err(LatentError::Values { tokens, size, values: vector.len() }.into());
        }
        // The largest value becomes 1, so that no square leaves the range.
        let largest = vector.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(DirectionError::NotFinite("every value of a direction"));
        }
        if largest == 0.0 {
            return Err(DirectionError::Degenerate("all its values are 0"));
        }
        let norm = vector.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
        let values = vector.iter().map(|x| (x / largest / norm) as f32).collect();
        Self { tokens, size, values, sigma: 1.0 }.with_sigma(sigma)
    }

    /// The same direction with another deviation.
    ///
    /// # Errors
    /// A deviation that is not finite and above 0 in single precision.
    pub fn with_sigma(mut self, sigma: f64) -> Result<Self, DirectionError> {
        self.sigma = sigma as f32;
        if !self.sigma.is_finite() {
            return Err(DirectionError::NotFinite("the deviation along a direction"));
        }
        if self.sigma <= 0.0 {
            return Err(DirectionError::Degenerate("the latents do not vary along it"));
        }
        Ok(self)
    }

    /// The same direction with the deviation of these latents along it.
    ///
    /// # Errors
    /// Fewer than two latents, latents of another shape, or none that differ along the direction.
    pub fn with_sigma_of(
        self,
        pool: &[&Latent],
        geometry: Geometry,
    ) -> Result<Self, DirectionError> {
        if pool.len() < 2 {
            return Err(DirectionError::TooFew { found: pool.len(), needed: 2 });
        }
        let along = pool
            .iter()
            .map(|latent| self.projection(latent, geometry))
            .collect::<Result<Vec<f64>, _>>()?;
        self.with_sigma(deviation(&along))
    }

    /// Latent tokens, n.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Numbers per latent token, L.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The unit vector, `tokens × size` values, row-major.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The standard deviation of latents along it: what a strength of 1 stands for.
    #[must_use]
    pub fn sigma(&self) -> f32 {
        self.sigma
    }

    /// How far along the direction a latent lies, from the origin; in units of the latents, not of [`Self::sigma`].
    ///
    /// # Errors
    /// A latent of another shape.
    pub fn projection(&self, latent: &Latent, geometry: Geometry) -> Result<f64, DirectionError> {
        self.fits(latent)?;
        let chart = geometry.chart(&latent.values);
        Ok(chart.iter().zip(&self.values).map(|(x, v)| x * f64::from(*v)).sum())
    }

    fn fits(&self, latent: &Latent) -> Result<(), DirectionError> {
        latent.check()?;
        if (self.tokens, self.size) == (latent.tokens, latent.size) {
            return Ok(());
        }
        Err(LatentError::Shape {
            a_tokens: self.tokens,
            a_size: self.size,
            b_tokens: latent.tokens,
            b_size: latent.size,
        }
        .into())
    }
}

impl TryFrom<Plain> for Direction {
    type Error = DirectionError;

    fn try_from(plain: Plain) -> Result<Self, Self::Error> {
        let Plain { tokens, size, values, sigma } = plain;
        let vector: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
        let mut direction = Self::new(tokens, size, &vector, f64::from(sigma))?;
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        if (norm - 1.0).abs() > NORM_TOLERANCE {
            return Err(DirectionError::Degenerate("its values are no unit vector"));
        }
        // What was written is what comes back, to the bit.
        direction.values = values;
        Ok(direction)
    }
}

/// The common shape of latents, each of them whole.
///
/// # Errors
/// None at all, one that is not whole, or one of another shape than the first.
fn common_shape(latents: &[&Latent]) -> Result<(usize, usize), DirectionError> {
    let Some(first) = latents.first() else {
        return Err(DirectionError::TooFew { found: 0, needed: 1 });
    };
    for latent in latents {
        latent.check()?;
        if (latent.tokens, latent.size) != (first.tokens, first.size) {
            return Err(LatentError::Shape {
                a_tokens: first.tokens,
                a_size: first.size,
                b_tokens: latent.tokens,
                b_size: latent.size,
            }
            .into());
        }
        if latent.values.iter().any(|x| !x.is_finite()) {
            return Err(DirectionError::NotFinite("every value of a latent"));
        }
    }
    Ok((first.tokens, first.size))
}

/// The standard deviation of numbers, with n in the denominator; 0 of none.
fn deviation(numbers: &[f64]) -> f64 {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
}
