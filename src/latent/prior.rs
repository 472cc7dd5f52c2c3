//! Priors over latents: the coordinates that they are told in, the standard one, and mixtures fitted to encoded texts.
//!
//! A latent token on the sphere has no density in its L coordinates. It gets the radius of a draw from N(0, I), which has
//! nothing to do with its place on the sphere: the uniform distribution becomes N(0, I), and every other one a density that
//! may be held to it.

mod codes;
mod mixture;
#[cfg(test)]
mod tests;

pub use codes::{CodeMixture, FittedCodes};
pub use mixture::{FittedMixture, Mixture};

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Geometry, Latent};

/// Why a prior cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriorError {
    /// Fewer latents than it takes.
    #[error("{found} latents are too few for a prior: {needed} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Latents of different lengths, or values that are not finite.
    #[error("latents must have equally many finite values")]
    Malformed,
    /// Latents are codes, which have no density.
    #[error("codes have no density: of a vq or fsq model only a mixture can be fitted")]
    Codes,
}

/// The coordinates of a latent that a prior is told in: its values; on the sphere each token at the radius of a normal draw.
///
/// # Errors
/// Between codes there are none.
pub fn coordinates(
    latent: &Latent,
    geometry: Geometry,
    rng: &mut impl Rng,
) -> Result<Vec<f64>, PriorError> {
    let mut values: Vec<f64> = latent.values.iter().map(|&x| f64::from(x)).collect();
    match geometry {
        Geometry::Codes => return Err(PriorError::Codes),
        Geometry::Flat | Geometry::Tanh => {}
        Geometry::Sphere => {
            for token in values.chunks_exact_mut(latent.size.max(1)) {
                let mut square = 0.0;
                for _ in 0..token.len() {
                    let x: f64 = StandardNormal.sample(rng);
                    square += x * x;
                }
                let length = token.iter().map(|x| x * x).sum::<f64>().sqrt();
                if length > 0.0 {
                    let scale = square.sqrt() / length;
                    token.iter_mut().for_each(|x| *x *= scale);
                }
            }
        }
    }
    Ok(values)
}

/// The latent at some coordinates: within ±1 under tanh; on the sphere the model brings it back by itself.
#[must_use]
pub fn latent_at(
    coordinates: &[f64],
    (tokens, size): (usize, usize),
    geometry: Geometry,
) -> Latent {
    let value = |&x: &f64| {
        let x = if geometry == Geometry::Tanh { x.clamp(-1.0, 1.0) } else { x };
        super::path::to_f32(x)
    };
    Latent { tokens, size, values: coordinates.iter().map(value).collect() }
}

/// The log density of N(0, I), in nats.
#[must_use]
pub fn standard_log_density(x: &[f64]) -> f64 {
    let constant = std::f64::consts::TAU.ln();
    -0.5 * x.iter().map(|x| x * x + constant).sum::<f64>()
}
