//! One training step: every shard runs forward and backward in its own thread, the optimiser sums their gradients.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::config::TrainConfig;
use super::noise::{shard_input, ShardInput};
use super::TrainError;
use crate::domain::PAD_ID;
use crate::model::{mmd_imq, mmd_original, Context, Regulariser, TransformerVae};
use crate::numeric;

/// What one shard contributes.
pub struct ShardResult {
    /// Gradients of the shard's part of the loss.
    pub grads: GradStore,
    /// Sum of the cross entropy over the shard's labels, nats.
    pub cross_entropy: f64,
    /// Regulariser of the shard's latents, before its weight.
    pub regulariser: f64,
}

/// What is the same for every shard of a step.
#[derive(Clone, Copy)]
pub struct StepInput<'a> {
    /// Step number, from 0.
    pub step: usize,
    /// Largest σ of the latent noise now.
    pub sigma_max: f64,
    /// Lines of the batch.
    pub lines: &'a [&'a [u32]],
    /// Words of the vocabulary.
    pub vocab: u32,
}

/// Runs a step's forward and backward passes, one thread per shard; results are in shard order.
///
/// # Errors
/// Those of the model and of the numeric core.
pub fn run_shards(
    model: &TransformerVae,
    config: &TrainConfig,
    input: StepInput<'_>,
) -> Result<Vec<ShardResult>, TrainError> {
    let shards = config.shards.min(input.lines.len()).max(1);
    // Every label counts the same, whichever shard it falls into.
    let labels: usize = input.lines.iter().map(|l| l.len() + 1).sum();
    if shards == 1 {
        return Ok(vec![run_shard(model, config, input, 0, 1, labels)?]);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..shards)
            .map(|shard| {
                scope.spawn(move || run_shard(model, config, input, shard, shards, labels))
            })
            .collect();
        workers
            .into_iter()
            .map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn run_shard(
    model: &TransformerVae,
    config: &TrainConfig,
    input: StepInput<'_>,
    shard: usize,
    shards: usize,
    labels: usize,
) -> Result<ShardResult, TrainError> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream((input.step * shards + shard) as u64 + 1);
    // Rows are dealt out in turn, so that shards are equally long.
    let lines: Vec<&[u32]> = input.lines.iter().skip(shard).step_by(shards).copied().collect();
    let batch = shard_input(&lines, input.vocab, &config.noise, input.sigma_max, &mut rng);
    let (loss, cross_entropy, regulariser) =
        shard_loss(model, config, &batch, input.step, shards, labels, &mut rng)?;
    Ok(ShardResult { grads: loss.backward()?, cross_entropy, regulariser })
}

fn normal(shape: (usize, usize, usize), rng: &mut ChaCha8Rng) -> Result<Tensor, TrainError> {
    let n = shape.0 * shape.1 * shape.2;
    let values: Vec<f32> = (0..n).map(|_| StandardNormal.sample(rng)).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// The shard's part of the loss as a scalar, the sum of its cross entropy, and its regulariser.
pub fn shard_loss(
    model: &TransformerVae,
    config: &TrainConfig,
    batch: &ShardInput,
    step: usize,
    shards: usize,
    labels: usize,
    rng: &mut ChaCha8Rng,
) -> Result<(Tensor, f64, f64), TrainError> {
    let device = model.device();
    let rows = batch.rows;
    let ids = Tensor::from_slice(&batch.encoder_ids, (rows, batch.encoder_len), device)?;
    let mask = Tensor::from_slice(&batch.encoder_mask, (rows, batch.encoder_len), device)?;
    let context = Context::train(rng.next_u64());
    let clean = model.encode(&ids, &mask, &context)?; // [rows, n, L]
    let (_, n, size) = clean.dims3()?;

    let weight = match config.regulariser {
        Regulariser::None => 0.0,
        Regulariser::MmdOriginal => config.reg_weight * model.seed_reg_weight(step),
        Regulariser::MmdImq => config.reg_weight,
    };
    let regulariser = if weight > 0.0 {
        let prior = normal((rows, n, size), rng)?.to_device(device)?;
        Some(match config.regulariser {
            Regulariser::MmdImq => {
                // Rows of a batch are in random order, so the first tokens are a fair sample.
                let keep = (config.reg_max_tokens / shards).clamp(2, rows * n);
                let flat = clean.reshape((rows * n, size))?.narrow(0, 0, keep)?;
                let prior = model.project(&prior)?.reshape((rows * n, size))?.narrow(0, 0, keep)?;
                mmd_imq(&flat, &prior)?
            }
            _ => mmd_original(&clean, &prior.reshape((rows * n, size))?)?,
        })
    } else {
        None
    };

    let mut latent = clean;
    if batch.sigma.iter().any(|&s| s > 0.0) {
        let sigma = Tensor::from_slice(&batch.sigma, (rows, 1, 1), device)?;
        let noise = normal((rows, n, size), rng)?.to_device(device)?.broadcast_mul(&sigma)?;
        latent = model.project(&(latent + noise)?)?;
    }
    let mut memory = model.memory(&latent)?; // [rows, m, d]
    if batch.keep_latent.contains(&0.0) {
        let keep = Tensor::from_slice(&batch.keep_latent, (rows, 1, 1), device)?;
        let drop = (1.0 - &keep)?;
        memory = (memory.broadcast_mul(&keep)? + model.null_memory(rows)?.broadcast_mul(&drop)?)?;
    }
    let decoder_ids = Tensor::from_slice(&batch.decoder_ids, (rows, batch.decoder_len), device)?;
    let hidden = model.decode_hidden(&decoder_ids, &memory, None, &context)?; // [rows, t, d]
    let d = hidden.dim(2)?;
    // Only positions that carry a label reach the vocabulary: padding costs no product.
    let positions = Tensor::from_slice(&batch.positions, batch.positions.len(), device)?;
    let hidden = numeric::embedding(&hidden.reshape((rows * batch.decoder_len, d))?, &positions)?;
    let share = labels.max(1) as f64;
    let mut loss = model.cross_entropy(&hidden, &batch.labels, PAD_ID, 1.0 / share)?;
    let cross_entropy = share * f64::from(loss.to_dtype(DType::F32)?.to_scalar::<f32>()?);
    let mut reg_value = 0.0;
    if let Some(reg) = regulariser {
        reg_value = f64::from(reg.to_scalar::<f32>()?);
        loss = (loss + (reg * (weight / shards as f64))?)?;
    }
    Ok((loss, cross_entropy, reg_value))
}
