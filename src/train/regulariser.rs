//! What keeps latents where the prior is: the regulariser's part of the loss, shared by the shards of a batch.
//!
//! Every one but `kl` compares latent tokens z with as many draws p of the bottleneck's prior: uniform on the sphere, else
//! N(0, I). The sum over shards is the whole batch's, in value and in gradient, where each shard shows all its tokens.

use candle_core::{Device, Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::step::Task;
use super::{TrainConfig, TrainError};
use crate::model::{kl_divergence, Encoded, Mmd, Regulariser, TransformerVae};
use crate::numeric::{self, Precision};

/// The regulariser's weight in the loss at a step: the original's follows its schedule, that of `kl` grows from 0 (Bowman et
/// al. 2016).
#[must_use]
pub fn regulariser_weight(
    config: &TrainConfig,
    model: &TransformerVae,
    step: usize,
    progress: f64,
) -> f64 {
    let share = match config.regulariser {
        Regulariser::None => 0.0,
        Regulariser::MmdOriginal => model.seed_reg_weight(step),
        Regulariser::MmdImq | Regulariser::MmdRbf | Regulariser::SlicedWasserstein => 1.0,
        Regulariser::Kl if config.kl.anneal > 0.0 => (progress / config.kl.anneal).clamp(0.0, 1.0),
        Regulariser::Kl => 1.0,
    };
    config.reg_weight * share
}

/// What the latent tokens `own` [n, L] of a shard contribute to the sliced Wasserstein distance of order 2, squared, between
/// all latent tokens [N, L] and as many samples of the prior (Bonneel et al. 2015; Kolouri et al. 2019):
///
/// 1/(K N) Σₖ Σᵢ (θₖ·z₍ᵢ₎ − θₖ·p₍ᵢ₎)², with both projections sorted, on K unit vectors θ [K, L].
///
/// The order counts as constant: it only changes where two projections are equal.
///
/// # Errors
/// Where the shapes do not fit: `own` has to be the rows of `all` from `first` on.
pub fn sliced_wasserstein(
    own: &Tensor,
    (all, first): (&Tensor, usize),
    prior: &Tensor,
    directions: &Tensor,
) -> Result<Tensor> {
    let ((rows, _), (count, _)) = (own.dims2()?, all.dims2()?);
    let lines = directions.dim(0)?;
    if prior.dims() != all.dims() {
        candle_core::bail!("{:?} samples of the prior for {:?} latents", prior.dims(), all.dims());
    }
    // A row's projections are the same to the bit whatever rows stand beside it, and are never taken in bf16.
    let project = |x: &Tensor| -> Result<Tensor> {
        numeric::with_precision(Precision::F32, || numeric::linear(x, &directions.detach(), None))
    };
    let columns = |x: &Tensor| -> Result<Vec<f32>> {
        project(&x.detach())?.t()?.contiguous()?.flatten_all()?.to_vec1::<f32>()
    };
    let (of_latents, mut of_prior) = (columns(all)?, columns(prior)?); // [K, N]
    let mut goals = vec![0f32; rows * lines];
    let mut order: Vec<usize> = Vec::with_capacity(count);
    let each = of_latents.chunks_exact(count).zip(of_prior.chunks_exact_mut(count));
    for (line, (latents, prior)) in each.enumerate() {
        prior.sort_by(f32::total_cmp);
        order.clear();
        order.extend(0..count);
        order.sort_by(|&i, &j| latents[i].total_cmp(&latents[j]));
        for (&token, &goal) in order.iter().zip(prior.iter()) {
            if let Some(row) = token.checked_sub(first).filter(|&row| row < rows) {
                goals[row * lines + line] = goal;
            }
        }
    }
    let goals = Tensor::from_vec(goals, (rows, lines), own.device())?;
    let squares = (project(own)? - goals)?.sqr()?.sum_all()?;
    squares / (lines * count).max(1) as f64
}

/// Which of the sums over a batch of `rows` of the divergence of each latent number lie above the free bits: there counts
/// the sum, elsewhere rows · λ without gradient (Kingma et al. 2016: Σⱼ max(λ, mean of KLⱼ)).
///
/// Gives 1 for a number that counts and 0 else, and the sum of what stands for the others.
#[must_use]
pub fn free_bits(sums: &[f32], rows: usize, bits: f64) -> (Vec<f32>, f64) {
    let floor = bits * rows as f64;
    let counts: Vec<f32> =
        sums.iter().map(|&sum| if f64::from(sum) > floor { 1.0 } else { 0.0 }).collect();
    let free = counts.iter().filter(|&&counts| counts == 0.0).count();
    (counts, free as f64 * floor)
}

/// Standard normal numbers of a shape.
pub(super) fn normal(shape: (usize, usize, usize), rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let n = shape.0 * shape.1 * shape.2;
    let values: Vec<f32> = (0..n).map(|_| StandardNormal.sample(rng)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

impl Task<'_> {
    /// The regulariser's part of the loss before its weight, and its value.
    pub(super) fn regulariser(
        &mut self,
        encoded: &Encoded,
    ) -> std::result::Result<(Tensor, f64), TrainError> {
        if self.config.regulariser == Regulariser::Kl {
            return self.divergence(encoded);
        }
        let (rows, n, size) = encoded.latent.dims3()?;
        let tokens = encoded.latent.reshape((rows * n, size))?;
        let original = self.config.regulariser == Regulariser::MmdOriginal;
        let own = if original {
            tokens
        } else {
            // Rows of a batch are in random order, so the first tokens are a fair sample.
            let keep = (self.config.reg_max_tokens / self.whole.shards).clamp(2, (rows * n).max(2));
            tokens.narrow(0, 0, keep.min(rows * n))?
        };
        let shown = self.whole.meeting.exchange(self.shard, own.detach())?;
        let all = Tensor::cat(&shown, 0)?;
        let device = self.model.device();
        let mut prior = normal((1, all.dim(0)?, size), &mut self.prior)?.to_device(device)?;
        if !original {
            prior = self.model.project(&prior)?;
        }
        let prior = prior.squeeze(0)?.detach();
        let mmd = match self.config.regulariser {
            Regulariser::SlicedWasserstein => {
                let lines = normal((1, self.config.projections, size), &mut self.prior)?;
                // On whichever device: a direction is a normal vector of length 1.
                let lines = lines.squeeze(0)?;
                let lengths = lines.sqr()?.sum_keepdim(1)?.sqrt()?;
                let lines = lines.broadcast_div(&lengths)?.to_device(device)?;
                let before = shown.iter().take(self.shard).map(|t| t.dim(0));
                let first = before.sum::<Result<usize>>()?;
                let part = sliced_wasserstein(&own, (&all, first), &prior, &lines)?;
                let value = f64::from(part.to_scalar::<f32>()?);
                return Ok((part, value));
            }
            Regulariser::MmdOriginal => Mmd::Original { batch: self.whole.rows, tokens: n },
            Regulariser::MmdRbf => Mmd::Rbf,
            _ => Mmd::Imq,
        };
        let part = mmd.part(&own, &all, &prior)?;
        let mut value = f64::from(part.to_scalar::<f32>()?);
        if self.shard == 0 {
            value += f64::from(mmd.prior(&prior)?.to_scalar::<f32>()?);
        }
        Ok((part, value))
    }

    /// The posterior's divergence from N(0, I) in nats per label, so that with a weight of 1 the loss is the bound on the
    /// likelihood, per label as the cross entropy is.
    fn divergence(&mut self, encoded: &Encoded) -> std::result::Result<(Tensor, f64), TrainError> {
        let Some(log_variance) = &encoded.log_variance else {
            return Err(TrainError::Config(
                "regulariser = kl needs bottleneck = gaussian: other latents have no posterior"
                    .into(),
            ));
        };
        let sums = kl_divergence(&encoded.clean, log_variance)?.sum(0)?.flatten_all()?; // [n · L]
        let shown = self.whole.meeting.exchange(self.shard, sums.detach())?;
        let total = Tensor::stack(&shown, 0)?.sum(0)?.to_vec1::<f32>()?;
        let (counts, free) = free_bits(&total, self.whole.rows, self.config.kl.free_bits);
        let counts = Tensor::from_vec(counts, total.len(), self.model.device())?;
        let labels = self.whole.labels.max(1) as f64;
        let part = ((sums * counts)?.sum_all()? / labels)?;
        let mut value = f64::from(part.to_scalar::<f32>()?);
        if self.shard == 0 {
            value += free / labels;
        }
        Ok((part, value))
    }
}
