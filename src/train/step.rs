//! One training step: every shard runs forward and backward in its own thread, the optimiser sums their gradients.

use std::sync::{Condvar, Mutex, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::config::TrainConfig;
use super::noise::{shard_input, Between, Labels, ShardInput};
use super::TrainError;
use crate::domain::PAD_ID;
use crate::latent::slerp_weights;
use crate::model::{Context, Mmd, Regulariser, TransformerVae};
use crate::numeric;

/// Where between two lines texts are taught.
const RATIOS: std::ops::Range<f64> = 0.05..0.95;

/// What one shard contributes.
pub struct ShardResult {
    /// Gradients of the shard's part of the loss.
    pub grads: GradStore,
    /// Sum of the cross entropy over the shard's labels, nats.
    pub cross_entropy: f64,
    /// The shard's part of the regulariser, before its weight.
    pub regulariser: f64,
    /// Sum of the cross entropy of texts between lines over their labels, nats.
    pub blend: f64,
    /// Labels behind `blend`.
    pub blend_labels: usize,
}

/// Finds a text between two lines (ids without specials) at a ratio.
pub type FindBetween<'a> =
    &'a (dyn Fn(&[u32], &[u32], f64, &mut ChaCha8Rng) -> Option<Vec<u32>> + Sync);

/// What is the same for every shard of a step.
#[derive(Clone, Copy)]
pub struct StepInput<'a> {
    /// Step number, from 0.
    pub step: usize,
    /// Largest σ of the latent noise now.
    pub sigma_max: f64,
    /// Lines of the batch.
    pub lines: &'a [&'a [u32]],
    /// Lines beside the batch, the partners of its first ones.
    pub partners: &'a [&'a [u32]],
    /// Where the texts between lines and their partners come from.
    pub between: Option<FindBetween<'a>>,
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
    // Another device computes a whole batch best.
    let most = if model.device().is_cpu() { config.shards } else { 1 };
    let shards = most.min(input.lines.len()).max(1);
    let whole = Whole {
        shards,
        rows: input.lines.len() + input.partners.len(),
        // Every label counts the same, whichever shard it falls into.
        labels: input.lines.iter().chain(input.partners).map(|l| l.len() + 1).sum(),
        meeting: Meeting::new(shards),
    };
    let whole = &whole;
    let place = numeric::Place::here();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..shards)
            .map(|shard| {
                scope.spawn(move || {
                    place.avoid();
                    run_shard(model, config, input, shard, whole)
                })
            })
            .collect();
        let mut results = vec![run_shard(model, config, input, 0, whole)];
        results.extend(
            workers
                .into_iter()
                .map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        // Of several failures the first cause is told, not that another shard gave up for it.
        let mut failures = results.iter().filter_map(|r| r.as_ref().err());
        if failures.clone().all(|e| matches!(e, TrainError::ShardGaveUp)) {
            return results.into_iter().collect();
        }
        let cause = failures.position(|e| !matches!(e, TrainError::ShardGaveUp)).unwrap_or(0);
        let mut failed = results.into_iter().filter_map(Result::err);
        Err(failed.nth(cause).unwrap_or(TrainError::ShardGaveUp))
    })
}

/// What all shards of a step share.
struct Whole {
    shards: usize,
    rows: usize,
    labels: usize,
    meeting: Meeting,
}

/// Where shards show one another their latents: the only time that they wait for each other.
struct Meeting {
    shown: Mutex<(Vec<Option<Tensor>>, bool)>,
    news: Condvar,
}

impl Meeting {
    fn new(shards: usize) -> Self {
        Self { shown: Mutex::new((vec![None; shards], false)), news: Condvar::new() }
    }

    /// Shows a shard's latents, waits for the others', and gives all in the order of the shards.
    fn exchange(&self, shard: usize, latents: Tensor) -> Result<Vec<Tensor>, TrainError> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.0[shard] = Some(latents);
        self.news.notify_all();
        loop {
            let all: Option<Vec<Tensor>> = shown.0.iter().cloned().collect();
            if let Some(all) = all {
                return Ok(all);
            }
            if shown.1 {
                return Err(TrainError::ShardGaveUp);
            }
            shown = self.news.wait(shown).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_up(&self) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.news.notify_all();
    }
}

/// Tells the others when a shard fails or panics, so that nobody waits for it.
struct Leave<'a>(&'a Meeting);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

fn run_shard(
    model: &TransformerVae,
    config: &TrainConfig,
    input: StepInput<'_>,
    shard: usize,
    whole: &Whole,
) -> Result<ShardResult, TrainError> {
    let _leave = Leave(&whole.meeting);
    let stream = |number: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(number);
        rng
    };
    let mut rng = stream((input.step * whole.shards + shard) as u64 + 1);
    // The prior's samples are the whole batch's, however many shards it has.
    let prior = stream(u64::MAX - input.step as u64);
    // Rows are dealt out in turn, so that shards are equally long.
    let mut lines: Vec<&[u32]> =
        input.lines.iter().skip(shard).step_by(whole.shards).copied().collect();
    let first_partner = lines.len();
    lines.extend(input.partners.iter().skip(shard).step_by(whole.shards));
    let between = texts_between(&lines, first_partner, config, input.between, &mut rng);
    let batch = shard_input(&lines, between, input.vocab, &config.noise, input.sigma_max, &mut rng);
    numeric::with_precision(config.precision, || {
        let mut task = Task { model, config, step: input.step, shard, whole, rng, prior };
        task.run(&batch)
    })
}

/// Texts between the lines from `first_partner` on and those in front, as far as there are any.
fn texts_between(
    lines: &[&[u32]],
    first_partner: usize,
    config: &TrainConfig,
    find: Option<FindBetween<'_>>,
    rng: &mut ChaCha8Rng,
) -> Vec<Between> {
    let Some(find) = find else { return Vec::new() };
    let mut found = Vec::new();
    for b in first_partner..lines.len() {
        let a = b - first_partner;
        for _ in 0..config.blend.points {
            let ratio = rng.random_range(RATIOS);
            let text = find(lines[a], lines[b], ratio, rng);
            if let Some(ids) = text.filter(|ids| !ids.is_empty() && ids.len() < config.max_len) {
                found.push(Between { a: a as u32, b: b as u32, ratio, ids });
            }
        }
    }
    found
}

fn normal(shape: (usize, usize, usize), rng: &mut ChaCha8Rng) -> Result<Tensor, TrainError> {
    let n = shape.0 * shape.1 * shape.2;
    let values: Vec<f32> = (0..n).map(|_| StandardNormal.sample(rng)).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// One shard's part of a step.
struct Task<'a> {
    model: &'a TransformerVae,
    config: &'a TrainConfig,
    step: usize,
    shard: usize,
    whole: &'a Whole,
    rng: ChaCha8Rng,
    /// The same in every shard: the prior's samples are the whole batch's.
    prior: ChaCha8Rng,
}

impl Task<'_> {
    /// The regulariser's part of the loss before its weight, and its value.
    fn regulariser(&mut self, clean: &Tensor) -> Result<(Tensor, f64), TrainError> {
        let (rows, n, size) = clean.dims3()?;
        let tokens = clean.reshape((rows * n, size))?;
        let imq = self.config.regulariser == Regulariser::MmdImq;
        let (mmd, own) = if imq {
            // Rows of a batch are in random order, so the first tokens are a fair sample.
            let keep = (self.config.reg_max_tokens / self.whole.shards).clamp(2, (rows * n).max(2));
            (Mmd::Imq, tokens.narrow(0, 0, keep.min(rows * n))?)
        } else {
            (Mmd::Original { batch: self.whole.rows, tokens: n }, tokens)
        };
        let shown = self.whole.meeting.exchange(self.shard, own.detach())?;
        let all = Tensor::cat(&shown, 0)?;
        let mut prior =
            normal((1, all.dim(0)?, size), &mut self.prior)?.to_device(self.model.device())?;
        if imq {
            prior = self.model.project(&prior)?;
        }
        let prior = prior.squeeze(0)?.detach();
        let part = mmd.part(&own, &all, &prior)?;
        let mut value = f64::from(part.to_scalar::<f32>()?);
        if self.shard == 0 {
            value += f64::from(mmd.prior(&prior)?.to_scalar::<f32>()?);
        }
        Ok((part, value))
    }

    /// Latents [between, n, L] on the way between those of the rows [rows, n, L], per token on its great circle.
    ///
    /// The angles are taken as they are: the gradient moves the ends, not their weights.
    fn between(&self, batch: &ShardInput, clean: &Tensor) -> Result<Tensor, TrainError> {
        let (rows, n, size) = clean.dims3()?;
        let device = self.model.device();
        let values = clean.detach().to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        let token = |row: u32, token: usize| &values[(row as usize * n + token) * size..][..size];
        let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
        for text in &batch.between {
            for i in 0..n {
                let (mut ab, mut aa, mut bb) = (0f64, 0f64, 0f64);
                for (&x, &y) in token(text.a, i).iter().zip(token(text.b, i)) {
                    let (x, y) = (f64::from(x), f64::from(y));
                    (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
                }
                let cosine = ab / (aa * bb).sqrt().max(f64::MIN_POSITIVE);
                let (a, b) = slerp_weights(cosine, text.ratio);
                of_a.push(a as f32);
                of_b.push(b as f32);
            }
        }
        let count = batch.between.len();
        let flat = clean.reshape((rows, n * size))?;
        let side = |row: &dyn Fn(&Between) -> u32, weights: &[f32]| -> Result<Tensor, TrainError> {
            let ids: Vec<u32> = batch.between.iter().map(row).collect();
            let ends = numeric::embedding(&flat, &Tensor::from_slice(&ids, count, device)?)?;
            let weights = Tensor::from_slice(weights, (count, n, 1), device)?;
            Ok(ends.reshape((count, n, size))?.broadcast_mul(&weights)?)
        };
        let mixed = (side(&|text| text.a, &of_a)? + side(&|text| text.b, &of_b)?)?;
        Ok(self.model.project(&mixed)?)
    }

    /// The summed cross entropy of some labels as a part of the loss, weighted, and its value in nats.
    fn cross_entropy(
        &self,
        hidden: &Tensor,
        labels: &Labels,
        weight: f64,
    ) -> Result<(Tensor, f64), TrainError> {
        // Only positions that carry a label reach the vocabulary: padding costs no product.
        let positions =
            Tensor::from_slice(&labels.positions, labels.positions.len(), self.model.device())?;
        let hidden = numeric::embedding(hidden, &positions)?;
        let scale = weight / self.whole.labels.max(1) as f64;
        let part = self.model.cross_entropy(&hidden, &labels.ids, PAD_ID, scale)?;
        let value = f64::from(part.to_dtype(DType::F32)?.to_scalar::<f32>()?) / scale;
        Ok((part, value))
    }

    /// The shard's forward and backward passes.
    fn run(&mut self, batch: &ShardInput) -> Result<ShardResult, TrainError> {
        let (model, config) = (self.model, self.config);
        let device = model.device();
        let rows = batch.rows;
        let ids = Tensor::from_slice(&batch.encoder_ids, (rows, batch.encoder_len), device)?;
        let mask = Tensor::from_slice(&batch.encoder_mask, (rows, batch.encoder_len), device)?;
        let context = Context::train(self.rng.next_u64()).checkpointing(config.checkpoint);
        let clean = model.encode(&ids, &mask, &context)?; // [rows, n, L]
        let (_, n, size) = clean.dims3()?;
        let weight = match config.regulariser {
            Regulariser::None => 0.0,
            Regulariser::MmdOriginal => config.reg_weight * model.seed_reg_weight(self.step),
            Regulariser::MmdImq => config.reg_weight,
        };
        let regulariser = if weight > 0.0 { Some(self.regulariser(&clean)?) } else { None };

        let mut latent = clean.clone();
        if batch.sigma.iter().any(|&s| s > 0.0) {
            let sigma = Tensor::from_slice(&batch.sigma, (rows, 1, 1), device)?;
            let noise =
                normal((rows, n, size), &mut self.rng)?.to_device(device)?.broadcast_mul(&sigma)?;
            latent = model.project(&(latent + noise)?)?;
        }
        let mut memory = model.memory(&latent)?; // [rows, m, d]
        if batch.keep_latent.contains(&0.0) {
            let keep = Tensor::from_slice(&batch.keep_latent, (rows, 1, 1), device)?;
            let drop = (1.0 - &keep)?;
            memory =
                (memory.broadcast_mul(&keep)? + model.null_memory(rows)?.broadcast_mul(&drop)?)?;
        }
        if !batch.between.is_empty() {
            let between = model.memory(&self.between(batch, &clean)?)?;
            memory = Tensor::cat(&[&memory, &between], 0)?;
        }
        let decoder_rows = rows + batch.between.len();
        let decoder_ids =
            Tensor::from_slice(&batch.decoder_ids, (decoder_rows, batch.decoder_len), device)?;
        let hidden = model.decode_hidden(&decoder_ids, &memory, None, &context)?; // [rows, t, d]
        let d = hidden.dim(2)?;
        let hidden = hidden.reshape((decoder_rows * batch.decoder_len, d))?;
        let (mut loss, cross_entropy) = self.cross_entropy(&hidden, &batch.own, 1.0)?;
        let mut blend = 0.0;
        if !batch.between.is_empty() && config.blend.weight > 0.0 {
            let (part, value) = self.cross_entropy(&hidden, &batch.blended, config.blend.weight)?;
            loss = (loss + part)?;
            blend = value;
        }
        let mut value = 0.0;
        if let Some((part, of_part)) = regulariser {
            loss = (loss + (part * weight)?)?;
            value = of_part;
        }
        Ok(ShardResult {
            grads: loss.backward()?,
            cross_entropy,
            regulariser: value,
            blend,
            blend_labels: batch.blended.ids.len(),
        })
    }
}
