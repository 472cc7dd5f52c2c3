//! The Gaussian posterior of a variational autoencoder (Kingma and Welling 2014): a mean, a log-variance, and draws.

use candle_core::{Result, Tensor};

use crate::model::weights::{Init, Scope};
use crate::model::Error;
use crate::numeric;

/// Log-variance that training begins with: draws with a deviation of about 0.37, so that the first steps tell texts apart.
const FIRST_LOG_VARIANCE: f64 = -2.0;
/// Bounds of the log-variance: beyond them the deviation leaves single precision for nothing.
const LOG_VARIANCE: (f32, f32) = (-14.0, 10.0);

/// The head of the log-variance; the mean's is the map that every bottleneck has.
pub(super) struct Gaussian {
    weight: Tensor,
    bias: Tensor,
}

impl Gaussian {
    pub(super) fn new(
        scope: &mut Scope<'_>,
        [size, d]: [usize; 2],
    ) -> std::result::Result<Self, Error> {
        Ok(Self {
            weight: scope.get("log_variance.weight", &[size, d], Init::Normal(0.02))?,
            bias: scope.get("log_variance.bias", &[size], Init::Constant(FIRST_LOG_VARIANCE))?,
        })
    }

    /// log σ² [b, n, L] of hidden states [b, n, d].
    pub(super) fn log_variance(&self, hidden: &Tensor) -> Result<Tensor> {
        let (low, high) = LOG_VARIANCE;
        numeric::linear(hidden, &self.weight, Some(&self.bias))?.clamp(low, high)
    }
}

/// A draw μ + σ·ε [b, n, L] from standard normal numbers ε of that shape: differentiable in mean and log-variance.
pub(super) fn draw(mean: &Tensor, log_variance: &Tensor, epsilon: &Tensor) -> Result<Tensor> {
    mean + ((log_variance * 0.5)?.exp()? * epsilon)?
}

/// The divergence of N(μ, σ²) from N(0, 1) of every number, ½ (μ² + σ² − 1 − log σ²), in nats.
///
/// # Errors
/// Where the shapes differ.
pub fn kl_divergence(mean: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    let sum = ((mean.sqr()? + log_variance.exp()?)? - log_variance)?;
    (sum - 1.0)? * 0.5
}
