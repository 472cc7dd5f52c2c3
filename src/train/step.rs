//! One training step: every shard runs forward and backward in its own thread, the optimiser sums their gradients.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::codebook::CodeUse;
use super::config::{Noise, TrainConfig};
use super::critic::CriticNet;
use super::distill::Distilled;
use super::interpolation::{Interpolation, Rows};
use super::meeting::Meeting;
use super::mix::{distance, on_the_way, Place};
use super::noise::{shard_input, Between, Labels, ShardInput, Texts};
use super::objectives::Objectives;
use super::regulariser::{normal, regulariser_weight};
use super::TrainError;
use crate::domain::PAD_ID;
use crate::model::{Context, Encoded, Generator, TransformerVae};
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
    /// How its latent tokens were coded; empty without codes.
    pub codes: CodeUse,
    /// Sum of the cross entropy of texts between lines over their labels, nats.
    pub blend: f64,
    /// Labels behind `blend`.
    pub blend_labels: usize,
    /// The shard's parts of the other objectives.
    pub objectives: Objectives,
}

impl ShardResult {
    /// Adds what the same shard of another batch contributes to the gradients of these parameters.
    ///
    /// # Errors
    /// Those of candle.
    pub fn add(&mut self, other: &Self, vars: &[Var]) -> Result<(), TrainError> {
        for var in vars {
            if let Some(gradient) = other.grads.get(var) {
                let sum = match self.grads.get(var) {
                    Some(sum) => (sum + gradient)?,
                    None => gradient.clone(),
                };
                self.grads.insert(var, sum);
            }
        }
        self.cross_entropy += other.cross_entropy;
        self.regulariser += other.regulariser;
        self.codes.add(&other.codes);
        self.blend += other.blend;
        self.blend_labels += other.blend_labels;
        self.objectives = self.objectives.plus(&other.objectives);
        Ok(())
    }
}

/// Finds a text between two lines (ids without specials) at a ratio.
pub type FindBetween<'a> =
    &'a (dyn Fn(&[u32], &[u32], f64, &mut ChaCha8Rng) -> Option<Vec<u32>> + Sync);

/// What is the same for every shard of a step.
#[derive(Clone, Copy)]
pub struct StepInput<'a> {
    /// Step number, from 0.
    pub step: usize,
    /// Share of the run done, in [0, 1].
    pub progress: f64,
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

/// What a batch has besides its lines.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Its place among the batches of its step, from 0.
    pub part: usize,
    /// Labels of all batches of the step; `None` where it is the only one.
    pub labels: Option<usize>,
    /// How many of the partners texts between are looked for with; `None` for all.
    pub blends: Option<usize>,
    /// Texts of self-distillation between lines and their partners.
    pub distilled: &'a [Distilled],
    /// What the encoder reads in a line's place, in the order of the lines; empty where it reads the lines.
    pub readings: &'a [Option<Vec<u32>>],
    /// The critic, where there is one.
    pub critic: Option<&'a CriticNet>,
    /// The label of every line and behind them of every partner; empty where latents are not asked to tell them.
    pub classes: &'a [Option<u32>],
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
    run_part(model, config, input, &Beside::default())
}

/// As [`run_shards`], for one of the batches of a step, or with what else a batch may have.
///
/// # Errors
/// Those of the model and of the numeric core.
pub fn run_part(
    model: &TransformerVae,
    config: &TrainConfig,
    input: StepInput<'_>,
    beside: &Beside<'_>,
) -> Result<Vec<ShardResult>, TrainError> {
    // Another device computes a whole batch best.
    let most = if model.device().is_cpu() { config.shards } else { 1 };
    let shards = most.min(input.lines.len()).max(1);
    let interpolated = Rows::of_batch(input.lines.len(), shards, config, input.progress);
    // Every label counts the same, whichever shard it falls into.
    let labels = input.lines.iter().chain(input.partners).map(|l| l.len() + 1).sum();
    let greedy = interpolated.need_generator(config);
    let whole = Whole {
        shards,
        rows: input.lines.len() + input.partners.len(),
        labels,
        step_labels: beside.labels.unwrap_or(labels),
        draws: input.step * config.accumulate + beside.part,
        interpolated,
        generator: if greedy { Some(Generator::new(model)?) } else { None },
        beside: *beside,
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
pub(super) struct Whole<'a> {
    pub(super) shards: usize,
    pub(super) rows: usize,
    /// Labels of the batch.
    pub(super) labels: usize,
    /// Labels of all batches of the step.
    pub(super) step_labels: usize,
    /// Number of the batch among all of the run: what its random draws come from.
    draws: usize,
    /// Rows of the objectives on interpolations.
    interpolated: Rows,
    /// What decodes for them.
    generator: Option<Generator>,
    pub(super) beside: Beside<'a>,
    pub(super) meeting: Meeting,
}

fn run_shard(
    model: &TransformerVae,
    config: &TrainConfig,
    input: StepInput<'_>,
    shard: usize,
    whole: &Whole<'_>,
) -> Result<ShardResult, TrainError> {
    let _leave = whole.meeting.leave();
    let stream = |number: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(number);
        rng
    };
    let mut rng = stream((whole.draws * whole.shards + shard) as u64 + 1);
    // The prior's samples are the whole batch's, however many shards it has.
    let prior = stream(u64::MAX - whole.draws as u64);
    // Rows are dealt out in turn, so that shards are equally long.
    let own = input.lines.len();
    let dealt = |count: usize| (shard..count).step_by(whole.shards);
    let rows: Vec<usize> = dealt(own).chain(dealt(input.partners.len()).map(|i| own + i)).collect();
    let all = |i: usize| if i < own { input.lines[i] } else { input.partners[i - own] };
    let lines: Vec<&[u32]> = rows.iter().map(|&i| all(i)).collect();
    let first_partner = dealt(own).count();
    let in_turn = |count: usize| count.saturating_sub(shard).div_ceil(whole.shards);
    let with_blends = first_partner + in_turn(whole.beside.blends.unwrap_or(usize::MAX / 2));
    let blends = first_partner..with_blends.min(lines.len());
    let mut between = texts_between(&lines, blends, config, input.between, &mut rng);
    let blends = between.len();
    let mut distilled: Vec<&Distilled> =
        whole.beside.distilled.iter().filter(|text| text.pair % whole.shards == shard).collect();
    distilled.sort_by_key(|text| text.refused);
    let refused = distilled.iter().filter(|text| text.refused).count();
    between.extend(distilled.into_iter().map(|text| {
        let a = text.pair / whole.shards;
        let (a, b) = (a as u32, (first_partner + a) as u32);
        Between { a, b, ratio: text.ratio, ids: text.ids.clone() }
    }));
    let mut read = lines.clone();
    for (read, other) in
        read.iter_mut().zip(whole.beside.readings.iter().skip(shard).step_by(whole.shards))
    {
        *read = other.as_deref().unwrap_or(read);
    }
    let texts = Texts { lines: &lines, read: &read, nesting: model.nesting(), between };
    let batch = shard_input(texts, input.vocab, &config.noise, input.sigma_max, &mut rng);
    numeric::with_precision(config.precision, || {
        let (step, progress) = (input.step, input.progress);
        let mut task =
            Task { model, config, step, progress, shard, whole, rows, blends, refused, rng, prior };
        task.run(&batch, &lines[..first_partner])
    })
}

/// Texts between the partners, which are these of the lines, and the lines in front, as far as there are any.
fn texts_between(
    lines: &[&[u32]],
    partners: std::ops::Range<usize>,
    config: &TrainConfig,
    find: Option<FindBetween<'_>>,
    rng: &mut ChaCha8Rng,
) -> Vec<Between> {
    let Some(find) = find else { return Vec::new() };
    let mut found = Vec::new();
    let first_partner = partners.start;
    for b in partners {
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

/// One shard's part of a step.
pub(super) struct Task<'a> {
    pub(super) model: &'a TransformerVae,
    pub(super) config: &'a TrainConfig,
    step: usize,
    progress: f64,
    pub(super) shard: usize,
    pub(super) whole: &'a Whole<'a>,
    /// Its rows' places among the batch's lines and, behind them, its partners.
    pub(super) rows: Vec<usize>,
    /// How many texts between rows come from the domain; those of self-distillation follow.
    blends: usize,
    /// How many of the latter, the last ones, were refused.
    refused: usize,
    rng: ChaCha8Rng,
    /// The same in every shard: the prior's samples are the whole batch's.
    pub(super) prior: ChaCha8Rng,
}

impl Task<'_> {
    /// How the latents were coded, and the weighted commitment of the encoder to its codes (van den Oord et al. 2017):
    /// β · mean (z − sg(e))² over the whole batch.
    fn codes(&self, encoded: &Encoded) -> Result<(Option<Tensor>, CodeUse), TrainError> {
        let mut codes = CodeUse { indices: encoded.codes.clone(), ..CodeUse::default() };
        let Some(z) = &encoded.unquantised else { return Ok((None, codes)) };
        let (rows, n, size) = z.dims3()?;
        let whole = (self.whole.rows * n * size).max(1) as f64;
        let distance = (z - encoded.clean.detach())?.sqr()?.sum_all()?;
        let part = (distance / whole)?;
        codes.commitment = f64::from(part.to_scalar::<f32>()?);
        codes.vectors = z.detach().to_device(&Device::Cpu)?.reshape(rows * n * size)?.to_vec1()?;
        Ok((Some((part * self.config.vq.commitment)?), codes))
    }

    /// The texts of self-distillation as parts of the loss: at the latents `at` [texts, n, L] the decoder is to give those that
    /// were accepted and not to give the refused ones behind them, and the encoder is to map the former there.
    fn distilled(
        &self,
        batch: &ShardInput,
        (hidden, labels): (&Tensor, &Labels),
        at: &Tensor,
        context: &Context,
    ) -> Result<(Tensor, Objectives), TrainError> {
        let distill = &self.config.distill;
        let weight = distill.weight;
        let (accepted, refused) =
            batch.between[self.blends..].split_at(batch.between.len() - self.blends - self.refused);
        let (labels, of_refused) =
            labels.split_at(accepted.iter().map(|text| text.ids.len() + 1).sum());
        let (mut part, nats) = self.cross_entropy(hidden, &labels, weight)?;
        if !refused.is_empty() {
            let (against, _) = self.cross_entropy(hidden, &of_refused, weight * distill.against)?;
            part = (part - against)?;
        }
        let at = at.narrow(0, 0, accepted.len())?;
        let texts: Vec<&[u32]> = accepted.iter().map(|text| text.ids.as_slice()).collect();
        // Without noise, a shard's encoder input is the lines themselves.
        let clean = shard_input(
            Texts::plain(&texts),
            0,
            &Noise::none(),
            0.0,
            &mut ChaCha8Rng::seed_from_u64(0),
        );
        let (shape, device) = ((texts.len(), clean.encoder_len), self.model.device());
        let ids = Tensor::from_vec(clean.encoder_ids, shape, device)?;
        let mask = Tensor::from_vec(clean.encoder_mask, shape, device)?;
        let away = distance(&self.model.encode(&ids, &mask, context)?, &at)?;
        let all: Vec<&Distilled> =
            self.whole.beside.distilled.iter().filter(|text| !text.refused).collect();
        let of_labels = all.iter().map(|text| text.ids.len() + 1).sum::<usize>().max(1) as f64;
        let values = Objectives {
            distilled: Some(nats / of_labels),
            distilled_latent: Some(f64::from(away.to_scalar::<f32>()?) / all.len() as f64),
            distilled_texts: Some(texts.len() as f64),
            ..Objectives::default()
        };
        let away = (away * (weight / self.whole.rows as f64))?;
        Ok(((part + away)?, values))
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
        let scale = weight / self.whole.step_labels.max(1) as f64;
        let part = self.model.cross_entropy(
            &hidden,
            &labels.ids,
            PAD_ID,
            self.config.smoothing(),
            scale,
        )?;
        let value = f64::from(part.to_dtype(DType::F32)?.to_scalar::<f32>()?) / scale;
        Ok((part, value))
    }

    /// The shard's forward and backward passes.
    fn run(&mut self, batch: &ShardInput, lines: &[&[u32]]) -> Result<ShardResult, TrainError> {
        let (model, config) = (self.model, self.config);
        let device = model.device();
        let rows = batch.rows;
        let ids = Tensor::from_slice(&batch.encoder_ids, (rows, batch.encoder_len), device)?;
        let mask = Tensor::from_slice(&batch.encoder_mask, (rows, batch.encoder_len), device)?;
        let context = Context::train(self.rng.next_u64()).checkpointing(config.checkpoint);
        let rng = &mut self.rng;
        let encoded = model.encode_to_train(&ids, &mask, &context, &mut |shape| {
            normal(shape, rng)?.to_device(device)
        })?;
        let clean = &encoded.clean; // [rows, n, L]
        let (_, n, size) = clean.dims3()?;
        let weight = regulariser_weight(config, model, self.step, self.progress);
        let regulariser = if weight > 0.0 { Some(self.regulariser(&encoded)?) } else { None };
        let (commitment, mut codes) = self.codes(&encoded)?;

        let mut latent = encoded.latent.clone();
        let noisy = model.config().bottleneck().takes_noise();
        if noisy && batch.sigma.iter().any(|&s| s > 0.0) {
            let sigma = Tensor::from_slice(&batch.sigma, (rows, 1, 1), device)?;
            let noise =
                normal((rows, n, size), &mut self.rng)?.to_device(device)?.broadcast_mul(&sigma)?;
            latent = model.project(&(latent + noise)?)?;
        }
        let classes = self.classes(&latent)?;
        let mut memory = model.memory_of_noisy(&latent, clean)?; // [rows, m, d]
        let told = if config.words.weight > 0.0 {
            Some(self.words(&memory, &batch.own, batch.decoder_len)?)
        } else {
            None
        };
        if batch.keep_latent.contains(&0.0) {
            let keep = Tensor::from_slice(&batch.keep_latent, (rows, 1, 1), device)?;
            let drop = (1.0 - &keep)?;
            memory =
                (memory.broadcast_mul(&keep)? + model.null_memory(rows)?.broadcast_mul(&drop)?)?;
        }
        let places = batch.between.iter().map(|b| Place { a: b.a, b: b.b, ratio: b.ratio });
        let places: Vec<Place> = places.collect();
        let mut between = None;
        if !places.is_empty() {
            let latents = on_the_way(model, clean, &places)?; // [between, n, L]
            memory = Tensor::cat(&[&memory, &model.memory(&latents)?], 0)?;
            between = Some(latents);
        }
        let decoder_rows = rows + batch.between.len();
        let decoder_ids =
            Tensor::from_slice(&batch.decoder_ids, (decoder_rows, batch.decoder_len), device)?;
        let hidden = model.decode_hidden(&decoder_ids, &memory, None, &context)?; // [rows, t, d]
        let d = hidden.dim(2)?;
        let hidden = hidden.reshape((decoder_rows * batch.decoder_len, d))?;
        let (mut loss, cross_entropy) = self.cross_entropy(&hidden, &batch.own, 1.0)?;
        let of_blends = batch.between[..self.blends].iter().map(|b| b.ids.len() + 1).sum();
        let (blended, distilled) = batch.blended.split_at(of_blends);
        let mut blend = 0.0;
        if self.blends > 0 && config.blend.weight > 0.0 {
            let (part, value) = self.cross_entropy(&hidden, &blended, config.blend.weight)?;
            loss = (loss + part)?;
            blend = value;
        }
        let mut objectives = Objectives::default();
        if let Some(latents) = between.filter(|_| !distilled.ids.is_empty()) {
            let at = latents.narrow(0, self.blends, places.len() - self.blends)?;
            let (part, values) = self.distilled(batch, (&hidden, &distilled), &at, &context)?;
            (loss, objectives) = ((loss + part)?, values);
        }
        if let Some((part, nats)) = told {
            loss = (loss + part)?;
            objectives.words = Some(nats);
        }
        // A step's regulariser, class loss and objectives on interpolations are the mean of its batches'.
        let share = 1.0 / config.accumulate.max(1) as f64;
        if let Some((part, nats)) = classes {
            loss = (loss + (part * share)?)?;
            objectives.classes = Some(nats * share);
        }
        let interpolation = Interpolation {
            model,
            config,
            critic: self.whole.beside.critic,
            generator: self.whole.generator.as_ref(),
            progress: self.progress,
            lines,
            whole: self.whole.interpolated,
        };
        if let Some((part, values)) = interpolation.run(clean, &mut self.rng)? {
            loss = (loss + (part * share)?)?;
            objectives = objectives.plus(&values.scaled(share));
        }
        let mut value = 0.0;
        if let Some((part, of_part)) = regulariser {
            loss = (loss + (part * (weight * share))?)?;
            value = of_part * share;
        }
        if let Some(part) = commitment {
            loss = (loss + (part * share)?)?;
            codes.commitment *= share;
        }
        Ok(ShardResult {
            grads: loss.backward()?,
            cross_entropy,
            regulariser: value,
            codes,
            blend,
            blend_labels: blended.ids.len(),
            objectives,
        })
    }
}
