//! Objectives on what lies between the lines of a batch: critic, cycle and smoothness. Formulas stand with their options.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use rand::seq::index::sample;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::{CycleKind, InterpolationInputs, TrainConfig};
use super::critic::CriticNet;
use super::mix::{distance, on_the_way, Place};
use super::objectives::Objectives;
use super::TrainError;
use crate::domain::{PAD_ID, START_ID};
use crate::latent::Latent;
use crate::model::{Batch, Context, Generator, TransformerVae};
use crate::numeric;

/// How far a line's states are mixed into those of its reconstruction for the critic, γ.
const GAMMA: f64 = 0.2;

/// Interpolated rows of every objective; 0 where it is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    critic: usize,
    cycle: usize,
    smoothness: usize,
}

impl Rows {
    /// Those of so many lines; a single one has nothing beside it to go to.
    #[must_use]
    pub fn of(lines: usize, config: &TrainConfig, progress: f64) -> Self {
        let count = |share: f64, on: bool| {
            if on && lines > 1 {
                ((share * lines as f64).ceil() as usize).min(lines)
            } else {
                0
            }
        };
        let (c, y, s) = (&config.critic, &config.cycle, &config.smoothness);
        Self {
            critic: count(c.share, c.weight > 0.0),
            cycle: count(y.share, y.weight > 0.0 && progress >= y.from),
            smoothness: count(s.share, s.weight > 0.0 && progress >= s.from),
        }
    }

    /// Those of a batch of so many lines, dealt to shards in turn.
    #[must_use]
    pub fn of_batch(lines: usize, shards: usize, config: &TrainConfig, progress: f64) -> Self {
        (0..shards).fold(Self::default(), |sum, shard| {
            let own = lines.saturating_sub(shard).div_ceil(shards);
            let own = Self::of(own, config, progress);
            Self {
                critic: sum.critic + own.critic,
                cycle: sum.cycle + own.cycle,
                smoothness: sum.smoothness + own.smoothness,
            }
        })
    }

    fn most(self) -> usize {
        self.critic.max(self.cycle).max(self.smoothness)
    }

    /// Rows whose states a decoder computes: the short way round of the cycle needs none.
    fn decoded(self, config: &TrainConfig) -> usize {
        let cycle = if config.cycle.kind == CycleKind::States { self.cycle } else { 0 };
        self.critic.max(cycle).max(self.smoothness)
    }

    /// Whether texts are decoded greedily for them.
    #[must_use]
    pub fn need_generator(self, config: &TrainConfig) -> bool {
        self.decoded(config) > 0 && config.interpolation_inputs == InterpolationInputs::Greedy
    }
}

/// What a shard computes the objectives from.
pub struct Interpolation<'a> {
    /// The model.
    pub model: &'a TransformerVae,
    /// The run's configuration.
    pub config: &'a TrainConfig,
    /// The critic, where there is one.
    pub critic: Option<&'a CriticNet>,
    /// What decodes greedily, where that is asked for.
    pub generator: Option<&'a Generator>,
    /// Share of the run done.
    pub progress: f64,
    /// The shard's lines, without their partners.
    pub lines: &'a [&'a [u32]],
    /// Rows of the whole batch.
    pub whole: Rows,
}

/// Texts as decoder inputs and the positions that belong to them.
struct Inputs {
    /// `[rows, t]`, a start id and the text.
    ids: Tensor,
    /// `[rows, t]`, 1 for the text's positions and its end's.
    mask: Tensor,
    /// Positions of every row.
    lengths: Vec<usize>,
}

impl Interpolation<'_> {
    /// The objectives' part of the loss, and their values, of the latents `clean` [rows, n, L]; nothing where all are off.
    ///
    /// # Errors
    /// Those of the model and of the numeric core.
    pub fn run(
        &self,
        clean: &Tensor,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<(Tensor, Objectives)>, TrainError> {
        let rows = Rows::of(self.lines.len(), self.config, self.progress);
        if rows.most() == 0 {
            return Ok(None);
        }
        let next = |row: usize| ((row + 1) % self.lines.len()) as u32;
        let places: Vec<Place> = (0..rows.most())
            .map(|row| Place { a: row as u32, b: next(row), ratio: rng.random_range(0.0..0.5) })
            .collect();
        let z = on_the_way(self.model, clean, &places)?; // [rows, n, L]
        let mut parts = Parts::default();
        if rows.cycle > 0 && self.config.cycle.kind == CycleKind::Vae {
            let z = z.narrow(0, 0, rows.cycle)?.detach();
            let again = self.model.latents(&self.model.reconstruct(&z)?)?;
            self.cycle(&again, &z, &mut parts)?;
        }
        let decoded = rows.decoded(self.config);
        if decoded > 0 {
            self.decoded(clean, &z.narrow(0, 0, decoded)?, &places, rows, rng, &mut parts)?;
        }
        Ok(parts.loss.map(|loss| (loss, parts.values)))
    }

    /// How passes with a gradient run: without dropout.
    fn context(&self) -> Context {
        Context::eval().checkpointing(self.config.checkpoint)
    }

    /// The objectives that need decoder states at the interpolated latents `z` [decoded, n, L].
    fn decoded(
        &self,
        clean: &Tensor,
        z: &Tensor,
        places: &[Place],
        rows: Rows,
        rng: &mut ChaCha8Rng,
        parts: &mut Parts,
    ) -> Result<(), TrainError> {
        let (model, config) = (self.model, self.config);
        let decoded = z.dim(0)?;
        let inputs = self.inputs(self.texts(z)?, decoded)?;
        let (mut latents, mut ids) = (z.clone(), inputs.ids.clone());
        if rows.smoothness > 0 {
            let ahead: Vec<Place> = places[..rows.smoothness]
                .iter()
                .map(|place| Place { ratio: place.ratio + config.smoothness.delta, ..*place })
                .collect();
            latents = Tensor::cat(&[&latents, &on_the_way(model, clean, &ahead)?], 0)?;
            ids = Tensor::cat(&[&ids, &ids.narrow(0, 0, rows.smoothness)?], 0)?;
        }
        let hidden = model.decode_hidden(&ids, &model.memory(&latents)?, None, &self.context())?;
        if let Some(critic) = self.critic.filter(|_| rows.critic > 0) {
            let own = |x: &Tensor| x.narrow(0, 0, rows.critic);
            let ratios: Vec<f32> = places[..rows.critic].iter().map(|p| p.ratio as f32).collect();
            let ratios = Tensor::from_vec(ratios, rows.critic, model.device())?;
            let (states, mask) = (own(&hidden)?.contiguous()?, own(&inputs.mask)?.contiguous()?);
            self.critic(critic, (&states, &mask, &ratios), clean, parts)?;
        }
        if rows.cycle > 0 && config.cycle.kind == CycleKind::States {
            let own = |x: &Tensor| x.narrow(0, 0, rows.cycle)?.contiguous();
            let expected = model.expected_embeddings(&own(&hidden)?)?;
            let mask = own(&inputs.mask)?;
            let again = model.encode_embedded(&expected, &mask, &self.context())?;
            self.cycle(&again, &own(z)?, parts)?;
        }
        if rows.smoothness > 0 {
            self.smoothness(&hidden, &inputs, (rows.smoothness, decoded), rng, parts)?;
        }
        Ok(())
    }

    /// Both sides' losses: the critic reads states without moving them, the autoencoder moves them against frozen weights.
    fn critic(
        &self,
        critic: &CriticNet,
        (states, mask, ratios): (&Tensor, &Tensor, &Tensor),
        clean: &Tensor,
        parts: &mut Parts,
    ) -> Result<(), TrainError> {
        let rows = states.dim(0)?;
        let mean = 1.0 / self.whole.critic.max(1) as f64;
        let told = critic.ratios(&states.detach(), mask, false)?;
        let (real, real_mask) = self.real_states(&clean.narrow(0, 0, rows)?.detach())?;
        let told_real = critic.ratios(&real, &real_mask, false)?;
        let own = ((told - ratios)?.sqr()?.sum_all()? + told_real.sqr()?.sum_all()?)? * mean;
        parts.values.critic = Some(parts.add(&own?, 1.0)?);
        if self.progress >= self.config.critic.from {
            let told = critic.ratios(states, mask, true)?;
            let against = (told.sqr()?.sum_all()? * mean)?;
            parts.values.adversarial = Some(parts.add(&against, self.config.critic.weight)?);
        }
        Ok(())
    }

    /// States [rows, t, d] of the first lines at their own latents: under their texts, and where their greedy decodes reach,
    /// mixed with those under the decodes. Without a gradient.
    fn real_states(&self, clean: &Tensor) -> Result<(Tensor, Tensor), TrainError> {
        let rows = clean.dim(0)?;
        let memory = self.model.memory(&clean.contiguous()?)?;
        let states = |ids: &Tensor| self.model.decode_hidden(ids, &memory, None, &Context::eval());
        let texts = Some(self.lines[..rows].iter().map(|line| line.to_vec()).collect());
        let own = self.inputs(texts, rows)?;
        let given = states(&own.ids)?.detach();
        let Some(decodes) = self.texts(clean)? else { return Ok((given, own.mask)) };
        let t = own.ids.dim(1)?;
        // What a decode has beyond the text has nothing to be mixed with.
        let decodes = decodes.into_iter().map(|mut ids| {
            ids.truncate(t - 1);
            ids
        });
        let mut decodes: Vec<Vec<u32>> = decodes.collect();
        // A row as long as the longest text, so that both have the same shape.
        decodes.push(vec![PAD_ID; t - 1]);
        let inputs = self.inputs(Some(decodes), rows + 1)?;
        let again = states(&inputs.ids.narrow(0, 0, rows)?.contiguous()?)?.detach();
        let reached = inputs.mask.narrow(0, 0, rows)?.contiguous()?.unsqueeze(2)?;
        let apart = (again - &given)?.broadcast_mul(&(reached * (1.0 - GAMMA))?)?;
        Ok(((given + apart)?, own.mask))
    }

    fn cycle(&self, again: &Tensor, z: &Tensor, parts: &mut Parts) -> Result<(), TrainError> {
        let value = (distance(again, z)? * (1.0 / self.whole.cycle.max(1) as f64))?;
        parts.values.cycle = Some(parts.add(&value, self.config.cycle.weight)?);
        Ok(())
    }

    /// Compares states [rows.., t, d] of the first `count` rows with those from row `ahead` on, at some of their positions.
    fn smoothness(
        &self,
        hidden: &Tensor,
        inputs: &Inputs,
        (count, ahead): (usize, usize),
        rng: &mut ChaCha8Rng,
        parts: &mut Parts,
    ) -> Result<(), TrainError> {
        let options = &self.config.smoothness;
        let (_, t, d) = hidden.dims3()?;
        let device = self.model.device();
        let (mut here, mut there, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, &length) in inputs.lengths[..count].iter().enumerate() {
            let some = options.positions.min(length);
            for position in sample(rng, length, some) {
                here.push((row * t + position) as u32);
                there.push(((ahead + row) * t + position) as u32);
                weights.push(1.0 / some as f32);
            }
        }
        let n = here.len();
        let flat = hidden.reshape(((), d))?;
        let at = |positions: Vec<u32>| -> candle_core::Result<Tensor> {
            numeric::embedding(&flat, &Tensor::from_vec(positions, n, device)?)
        };
        // The head is linear: a difference of logits is the head's product with a difference of states.
        let change = self.model.head(&(at(there)? - at(here)?)?)?; // [n, vocab]
        let weights = Tensor::from_vec(weights, n, device)?;
        let sum = change.sqr()?.mean(1)?.mul(&weights)?.sum_all()?;
        let rows = self.whole.smoothness.max(1) as f64;
        let value = (sum * (1.0 / (rows * options.delta * options.delta)))?;
        parts.values.smoothness = Some(parts.add(&value, options.weight)?);
        Ok(())
    }

    /// What is decoded greedily at latents [rows, n, L]; `None` where the nearer lines are read.
    fn texts(&self, z: &Tensor) -> Result<Option<Vec<Vec<u32>>>, TrainError> {
        let Some(generator) = self.generator else { return Ok(None) };
        let (_, tokens, size) = z.dims3()?;
        let values = z.detach().to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
        let values = values.flatten_all()?.to_vec1::<f32>()?;
        let latents: Vec<Latent> = values
            .chunks_exact(tokens * size)
            .map(|v| Latent { tokens, size, values: v.to_vec() })
            .collect();
        // An untrained decoder never ends: nothing longer than the lines is of use.
        let longest = self.lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let batch = Batch { latents: &latents, max_len: longest + 1, drafts: &[], threads: 1 };
        let decoded = generator.decode(self.model, batch, &mut |_| ControlFlow::Continue(()))?;
        let mut rows = decoded.map(|decoded| decoded.rows).unwrap_or_default();
        rows.iter_mut().for_each(|row| row.truncate(longest));
        Ok(Some(rows))
    }

    /// Decoder inputs of texts; of the first lines where there are none.
    fn inputs(&self, texts: Option<Vec<Vec<u32>>>, rows: usize) -> Result<Inputs, TrainError> {
        let texts =
            texts.unwrap_or_else(|| self.lines[..rows].iter().map(|line| line.to_vec()).collect());
        let t = texts.iter().map(Vec::len).max().unwrap_or(0) + 1;
        let mut ids = vec![PAD_ID; rows * t];
        let mut mask = vec![0f32; rows * t];
        for (row, text) in texts.iter().enumerate() {
            ids[row * t] = START_ID;
            ids[row * t + 1..=row * t + text.len()].copy_from_slice(text);
            mask[row * t..=row * t + text.len()].fill(1.0);
        }
        let device = self.model.device();
        Ok(Inputs {
            ids: Tensor::from_vec(ids, (rows, t), device)?,
            mask: Tensor::from_vec(mask, (rows, t), device)?,
            lengths: texts.iter().map(|text| text.len() + 1).collect(),
        })
    }
}

/// What has been added up so far.
#[derive(Default)]
struct Parts {
    loss: Option<Tensor>,
    values: Objectives,
}

impl Parts {
    /// Adds an objective with its weight to the loss; its value. A step's objectives are the mean of its batches'.
    fn add(&mut self, objective: &Tensor, weight: f64) -> Result<f64, TrainError> {
        let part = (objective * weight)?;
        self.loss = Some(match &self.loss {
            Some(loss) => (loss + part)?,
            None => part,
        });
        Ok(f64::from(objective.to_dtype(DType::F32)?.to_scalar::<f32>()?))
    }
}
