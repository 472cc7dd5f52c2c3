//! Maximum mean discrepancy between latent tokens and samples of the prior.

use candle_core::{Result, Tensor};

use crate::numeric::{similarity_sum, Similarity};

/// The original's regulariser: biased MMD with kernel exp(−mean(d²)/L) of latents [b, n, L] against
/// prior samples [N, L], every latent token its own sample; divided by b and multiplied by n.
///
/// # Errors
/// Where the shapes do not fit.
pub fn mmd_original(latent: &Tensor, prior: &Tensor) -> Result<Tensor> {
    let (batch, tokens, size) = latent.dims3()?;
    let latent = latent.reshape((batch * tokens, size))?;
    let whole = Mmd::Original { batch, tokens };
    whole.part(&latent, &latent, prior)?.add(&whole.prior(prior)?)
}

/// Unbiased MMD of latent tokens [N, L] against prior samples [M, L] with inverse multiquadric
/// kernels C/(C + d²) at C = 0.4 L, 2 L and 10 L (Tolstikhin et al. 2018); N and M of 2 or more.
///
/// # Errors
/// Where the shapes do not fit.
pub fn mmd_imq(latent: &Tensor, prior: &Tensor) -> Result<Tensor> {
    Mmd::Imq.part(latent, latent, prior)?.add(&Mmd::Imq.prior(prior)?)
}

/// Unbiased MMD of latent tokens [N, L] against prior samples [M, L] with Gaussian kernels exp(−d²/b) at b = L/2, L, 2 L, 4 L
/// and 8 L (Gretton et al. 2012); N and M of 2 or more. The squared distance of two draws of the prior is 2 L at the median,
/// nearly, so the scales lie around the usual choice of the median.
///
/// # Errors
/// Where the shapes do not fit.
pub fn mmd_rbf(latent: &Tensor, prior: &Tensor) -> Result<Tensor> {
    Mmd::Rbf.part(latent, latent, prior)?.add(&Mmd::Rbf.prior(prior)?)
}

/// A discrepancy that shards of a batch compute together: the sum of their parts, and of the prior's term once, is the
/// whole batch's in value and in gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mmd {
    /// [`mmd_imq`].
    Imq,
    /// [`mmd_rbf`].
    Rbf,
    /// [`mmd_original`] of a batch of so many rows of so many latent tokens.
    Original {
        /// Rows of the whole batch.
        batch: usize,
        /// Latent tokens of a row.
        tokens: usize,
    },
}

impl Mmd {
    fn kernel(self, size: usize) -> Similarity {
        let size = size as f32;
        match self {
            Self::Imq => {
                Similarity::InverseMultiquadrics(vec![0.4 * size, 2.0 * size, 10.0 * size])
            }
            Self::Rbf => {
                Similarity::Gaussians([0.5, 1.0, 2.0, 4.0, 8.0].map(|b| b * size).to_vec())
            }
            Self::Original { .. } => Similarity::Gaussians(vec![size * size]),
        }
    }

    /// A vector's kernel with itself: 1 per scale.
    fn with_itself(self) -> f64 {
        match self {
            Self::Imq => 3.0,
            Self::Rbf => 5.0,
            Self::Original { .. } => 1.0,
        }
    }

    /// What the latent tokens `own` [n, L] of a shard contribute, `all` [N, L] being those of every shard.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn part(self, own: &Tensor, all: &Tensor, prior: &Tensor) -> Result<Tensor> {
        let (n, size) = own.dims2()?;
        let (count, samples) = (all.dim(0)?, prior.dim(0)?);
        let kernel = self.kernel(size);
        // Pairs within the batch depend on both their ends, and each shard sees its own end only: twice the gradient
        // for once the value.
        let once = similarity_sum(own, all, &kernel)?;
        let pairs = ((&once * 2.0)? - once.detach())?;
        let cross =
            (similarity_sum(own, prior, &kernel)? * (2.0 / (count * samples).max(1) as f64))?;
        match self {
            // Every token's kernel with itself is left out of the mean.
            Self::Imq | Self::Rbf => {
                let others = (count * count.saturating_sub(1)).max(1) as f64;
                ((pairs - self.with_itself() * n as f64)? / others)? - cross
            }
            Self::Original { batch, tokens } => {
                let mean = (pairs / (count * count).max(1) as f64)?;
                (mean - cross)? * (tokens as f64 / batch as f64)
            }
        }
    }

    /// The term of the prior's samples [M, L] alone, which has no gradient.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn prior(self, prior: &Tensor) -> Result<Tensor> {
        let (m, size) = prior.dims2()?;
        let pairs = similarity_sum(&prior.detach(), prior, &self.kernel(size))?;
        match self {
            Self::Imq | Self::Rbf => {
                let others = (m * m.saturating_sub(1)).max(1) as f64;
                (pairs - self.with_itself() * m as f64)? / others
            }
            Self::Original { batch, tokens } => {
                (pairs / (m * m).max(1) as f64)? * (tokens as f64 / batch as f64)
            }
        }
    }
}
