//! What the decoder hears best: the directions of a latent token that change its memory most.

use super::{Bottleneck, Error, TransformerVae};
use crate::latent::{right_singular_vectors, Direction, Geometry};

impl TransformerVae {
    /// Where the model's latents lie.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        match self.config().bottleneck() {
            Bottleneck::Sphere => Geometry::Sphere,
            Bottleneck::Tanh => Geometry::Tanh,
            Bottleneck::None | Bottleneck::Gaussian => Geometry::Flat,
            Bottleneck::Vq | Bottleneck::Fsq => Geometry::Codes,
        }
    }

    /// For every latent token the `count` directions within it that change its token of the memory most, strongest first:
    /// the right singular vectors of the map from one to the other.
    ///
    /// The map is the same for all latent tokens. Their deviation is the prior's, 1; [`Direction::with_sigma_of`] gives
    /// them that of a pool.
    ///
    /// # Errors
    /// Parameters that are not finite, or all 0.
    pub fn decoder_directions(&self, count: usize) -> Result<Vec<Vec<Direction>>, Error> {
        let (tokens, size) = (self.config().n_latent_tokens, self.config().latent_size);
        let matrix = self.latent.token_matrix(size)?; // [d, L]
        let axes = right_singular_vectors(&matrix, size);
        (0..tokens)
            .map(|token| {
                axes.iter()
                    .take(count)
                    .map(|(_, axis)| {
                        let mut vector = vec![0.0; tokens * size];
                        vector[token * size..(token + 1) * size].copy_from_slice(axis);
                        Ok(Direction::new(tokens, size, &vector, 1.0)?)
                    })
                    .collect()
            })
            .collect()
    }
}
