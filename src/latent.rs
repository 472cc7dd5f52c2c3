//! Pure maths on latent codes: interpolation paths, ladders, projections, priors. Knows no file, no terminal and no domain.

mod direction;
mod path;
mod prior;
mod sphere;

pub use direction::{
    principal_components, right_singular_vectors, Direction, DirectionError, Geometry,
};
pub use path::{ladder, ratios, slerp, slerp_weights, with_own_ratios, ParsePathError, Path};
pub use prior::{
    coordinates, latent_at, standard_log_density, CodeMixture, FittedCodes, FittedMixture, Mixture,
    PriorError,
};
pub use sphere::project_sphere;

/// One latent code: `tokens` vectors of `size` numbers each, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// Number of latent tokens, n.
    pub tokens: usize,
    /// Numbers per token, L.
    pub size: usize,
    /// `tokens × size` values, row-major.
    pub values: Vec<f32>,
}

/// Why two latents cannot be interpolated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LatentError {
    /// The ends differ in shape, so they come from different models.
    #[error(
        "the latents differ in shape: {a_tokens}×{a_size} and {b_tokens}×{b_size}; \
         both ends must come from the same model"
    )]
    Shape {
        /// Latent tokens of the first end.
        a_tokens: usize,
        /// Numbers per token of the first end.
        a_size: usize,
        /// Latent tokens of the second end.
        b_tokens: usize,
        /// Numbers per token of the second end.
        b_size: usize,
    },
    /// A latent does not hold `tokens × size` values.
    #[error("a latent of {tokens}×{size} holds {values} values")]
    Values {
        /// Latent tokens that it claims.
        tokens: usize,
        /// Numbers per token that it claims.
        size: usize,
        /// Values that it holds.
        values: usize,
    },
    /// A ratio is infinite or not a number.
    #[error("the interpolation ratio {0} is not a finite number")]
    Ratio(f32),
}

impl Latent {
    /// Whether `values` has the length that the shape claims.
    fn check(&self) -> Result<(), LatentError> {
        if self.tokens.checked_mul(self.size) == Some(self.values.len()) {
            return Ok(());
        }
        Err(LatentError::Values { tokens: self.tokens, size: self.size, values: self.values.len() })
    }
}
