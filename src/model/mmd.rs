//! Maximum mean discrepancy between latent tokens and samples of the prior.

use candle_core::{Result, Tensor};

/// The original's regulariser: biased MMD with kernel exp(−mean(d²)/L) of latents [b, n, L] against
/// prior samples [N, L], every latent token its own sample; divided by b and multiplied by n.
///
/// # Errors
/// Where the shapes do not fit.
pub fn mmd_original(latent: &Tensor, prior: &Tensor) -> Result<Tensor> {
    let (batch, tokens, size) = latent.dims3()?;
    let latent = latent.reshape((batch * tokens, size))?;
    let bandwidth = (size * size) as f64;
    let kernel =
        |x: &Tensor, y: &Tensor| (squared_distances(x, y)? * (-1.0 / bandwidth))?.exp()?.mean_all();
    let own = (kernel(prior, prior)? + kernel(&latent, &latent)?)?;
    let mmd = (own - (kernel(prior, &latent)? * 2.0)?)?;
    mmd * (tokens as f64 / batch as f64)
}

/// Unbiased MMD of latent tokens [N, L] against prior samples [M, L] with inverse multiquadric
/// kernels C/(C + d²) at C = 0.4 L, 2 L and 10 L (Tolstikhin et al. 2018); N and M of 2 or more.
///
/// # Errors
/// Where the shapes do not fit.
pub fn mmd_imq(latent: &Tensor, prior: &Tensor) -> Result<Tensor> {
    let size = latent.dim(1)? as f64;
    let scales = [0.4 * size, 2.0 * size, 10.0 * size];
    let kernel = |x: &Tensor, y: &Tensor| {
        let distances = squared_distances(x, y)?;
        let mut sum = (((&distances + scales[0])?).recip()? * scales[0])?;
        for scale in &scales[1..] {
            sum = (sum + ((&distances + *scale)?.recip()? * *scale)?)?;
        }
        sum.sum_all()
    };
    // Every sample's kernel with itself is one per scale, and is left out of the mean.
    let unbiased = |x: &Tensor| {
        let n = x.dim(0)?;
        let count = (n * n.saturating_sub(1)).max(1) as f64;
        (kernel(x, x)? - (scales.len() * n) as f64)? / count
    };
    let pairs = (latent.dim(0)? * prior.dim(0)?).max(1) as f64;
    let own = (unbiased(latent)? + unbiased(prior)?)?;
    own - (kernel(latent, prior)? * (2.0 / pairs))?
}

/// Squared distances [N, M] between rows.
fn squared_distances(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let squares = |t: &Tensor| t.sqr()?.sum_keepdim(1);
    let products = x.contiguous()?.matmul(&y.t()?.contiguous()?)?;
    let sums = squares(x)?.broadcast_add(&squares(y)?.t()?)?;
    // Rounding can leave a small negative number where rows are equal.
    (sums - (products * 2.0)?)?.relu()
}
