//! Vector quantisation (van den Oord et al. 2017): a latent token is the nearest vector of a codebook.
//!
//! The codebook is saved with the model and has no gradient: the trainer moves it to the mean of what is assigned to it.

use candle_core::{Result, Tensor};

use super::straight_through;
use crate::model::weights::{Init, Scope};
use crate::model::Error;
use crate::numeric::{self, Precision};

/// A codebook of K vectors.
pub(super) struct Vq {
    /// [K, L].
    codebook: Tensor,
}

impl Vq {
    pub(super) fn new(
        scope: &mut Scope<'_>,
        [codes, size]: [usize; 2],
    ) -> std::result::Result<Self, Error> {
        Ok(Self { codebook: scope.get("codebook", &[codes, size], Init::Normal(1.0))? })
    }

    /// Indices [N] of the vectors nearest to rows [N, L]; the first of equally near ones.
    pub(super) fn indices(&self, rows: &Tensor) -> Result<Tensor> {
        let codebook = self.codebook.detach();
        // The row's own square is the same for every code. bf16 could take another code than single precision.
        let products =
            numeric::with_precision(Precision::F32, || numeric::linear(rows, &codebook, None))?;
        let squares = codebook.sqr()?.sum(1)?;
        (products * -2.0)?.broadcast_add(&squares)?.argmin(1)
    }

    /// The nearest vectors [b, n, L] of latents [b, n, L], whose gradient goes straight through, and their indices [b·n].
    pub(super) fn nearest(&self, z: &Tensor) -> Result<(Tensor, Tensor)> {
        let (b, n, size) = z.dims3()?;
        let indices = self.indices(&z.detach().reshape((b * n, size))?)?;
        let codes = numeric::embedding(&self.codebook.detach(), &indices)?;
        Ok((straight_through(&codes.reshape((b, n, size))?, z)?, indices))
    }

    /// Vectors of the codebook, K.
    pub(super) fn codes(&self) -> Result<usize> {
        self.codebook.dim(0)
    }

    /// The vectors [N, L] of these indices, each below K.
    pub(super) fn vectors(&self, indices: Vec<u32>) -> Result<Tensor> {
        let count = indices.len();
        let indices = Tensor::from_vec(indices, count, self.codebook.device())?;
        numeric::embedding(&self.codebook.detach(), &indices)
    }
}
