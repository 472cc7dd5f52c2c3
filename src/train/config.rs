//! What a training run is told: shape of the model, noise, optimiser, batches, budget; and the presets.

use serde::{Deserialize, Serialize};

use super::TrainError;
use crate::domain::{PAD_ID, START_ID};
use crate::model::{Bottleneck, Config, Family, Queries, Regulariser, SphereShape, TvaeConfig};
use crate::numeric::{Isa, Precision};

/// How long a run lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// A number of optimiser steps.
    Steps(usize),
    /// Minutes of training time, evaluation and checkpoints included, interruptions not.
    Minutes(f64),
}

/// A named starting point for every option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A few hundred thousand parameters: tries a data set out in a minute or two.
    Tiny,
    /// What two cores train to a useful model in an hour .
    Cpu,
    /// A larger model: what a GPU trains in twenty minutes and two cores in a day.
    Gpu,
    /// The original's method: tanh latents, its MMD, its schedule, no noise.
    Seed,
}

/// Corruption of the encoder's and decoder's inputs and of the latents; rates are per token unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// Share of encoder input tokens deleted. Ablation: 0.
    pub delete: f64,
    /// Share of encoder input tokens replaced by a random one. Ablation: 0.
    pub substitute: f64,
    /// Share of encoder input tokens replaced by `<mask>`. Ablation: 0.
    pub mask: f64,
    /// Share of the decoder's input tokens replaced by a random one. Ablation: 0.
    pub decoder: f64,
    /// Share of samples that get the null latent, so that syntax falls back on the language model. Ablation: 0.
    pub null_latent: f64,
    /// Largest standard deviation of the latent noise, z ← norm(z + σε), σ ~ U(0, max). Ablation: 0.
    pub latent_max: f64,
    /// Share of samples whose latent stays clean (σ = 0).
    pub latent_clean: f64,
    /// Share of the run over which the largest σ grows from 0.
    pub latent_ramp: f64,
}

impl Default for Noise {
    fn default() -> Self {
        Self {
            delete: 0.05,
            substitute: 0.05,
            mask: 0.05,
            decoder: 0.05,
            null_latent: 0.05,
            latent_max: 0.6,
            latent_clean: 0.25,
            latent_ramp: 0.3,
        }
    }
}

impl Noise {
    /// No corruption anywhere, as the original trains.
    #[must_use]
    pub fn none() -> Self {
        Self {
            delete: 0.0,
            substitute: 0.0,
            mask: 0.0,
            decoder: 0.0,
            null_latent: 0.0,
            latent_max: 0.0,
            latent_clean: 1.0,
            latent_ramp: 0.0,
        }
    }
}

/// Teaching the decoder what lies between two lines: part of every batch is joined by partners, and at a latent on the
/// way from a line to its partner the decoder is trained to give a text on the way ([`crate::domain::Domain::between`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Blend {
    /// Lines with a partner, as a share of the batch. Ablation: 0.
    pub share: f64,
    /// Points on the way that are taught per line with a partner.
    pub points: usize,
    /// Share of the run after which it begins.
    pub from: f64,
    /// Weight of these tokens in the loss; a line's own tokens weigh 1.
    pub weight: f64,
}

impl Default for Blend {
    fn default() -> Self {
        Self { share: 0.25, points: 1, from: 0.0, weight: 1.0 }
    }
}

impl Blend {
    /// None of it.
    #[must_use]
    pub fn none() -> Self {
        Self { share: 0.0, ..Self::default() }
    }
}

/// AdamW, its learning-rate schedule, and the average of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the run with a linearly growing rate.
    pub warmup: f64,
    /// How the rate falls after the warm-up.
    pub decay: Decay,
    /// The rate at the end, as a share of the peak (cosine only).
    pub final_share: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay, on matrices only.
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0 for no clipping.
    pub clip: f64,
    /// Decay of the exponential average of the weights, which is what is saved for use; 0 saves the weights themselves.
    pub ema: f64,
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// A half cosine down to `final_share`.
    Cosine,
    /// A straight line to 0 (the original's default).
    Linear,
    /// No change after the warm-up.
    Constant,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            learning_rate: 1.5e-3,
            warmup: 0.03,
            decay: Decay::Cosine,
            final_share: 0.05,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-8,
            weight_decay: 0.05,
            clip: 1.0,
            ema: 0.999,
        }
    }
}

/// Everything that decides a run. Read from TOML by `--config`, written to `trainer.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// What kind of sequences: `python`, `mnist`, `headlines` or `text`.
    pub domain: String,
    /// The preset that the other values started from.
    pub preset: Preset,
    /// Seed of every random draw.
    pub seed: u64,
    /// Name of the model whose weights the run starts from (`--start-from`); else they are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<String>,
    /// Model family.
    pub family: Family,
    /// Vocabulary of the tokenizer that the run trains.
    pub vocab: usize,
    /// Lines that the tokenizer is trained on, from the start of the data.
    pub tokenizer_lines: usize,
    /// Longest sequence in tokens, the end token included; longer lines are left out and counted.
    pub max_len: usize,
    /// Width of the transformer.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub d_ff: usize,
    /// Funnel layers per block; between blocks the sequence is pooled by two.
    pub encoder_blocks: Vec<usize>,
    /// T5 decoder layers.
    pub decoder_layers: usize,
    /// Latent tokens, n.
    pub latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Whether each latent token has a learned embedding. Ablation: false.
    pub slots: bool,
    /// Whether the latents are read from learned query tokens; else from the first n pooled positions. Ablation: false.
    pub queries: bool,
    /// What a latent token goes through. Ablation: tanh, none.
    pub bottleneck: Bottleneck,
    /// What keeps the latents spread out. Ablation: none, the original's MMD.
    pub regulariser: Regulariser,
    /// Weight of the regulariser; the original's is scheduled on top of it. Ablation: 0.
    pub reg_weight: f64,
    /// Latent tokens that the regulariser looks at, at most, per batch.
    pub reg_max_tokens: usize,
    /// Corruption.
    pub noise: Noise,
    /// Texts between two lines, taught at latents between theirs.
    pub blend: Blend,
    /// Optimiser and schedule.
    pub optimiser: Optimiser,
    /// Sequences per batch.
    pub batch: usize,
    /// Parts of a batch that are computed side by side, one thread each. Part of the result: sums are taken in shard order.
    pub shards: usize,
    /// Products with weights: f32, or bf16 with sums and weights kept in single precision. Our presets take bf16 where the
    /// processor has an instruction for it.
    pub precision: Precision,
    /// Length of the run.
    pub budget: Budget,
    /// Lines held out for evaluation when no validation file is given.
    pub held_out: usize,
    /// Pairs of held-out lines whose ladders are decoded at every evaluation.
    pub pairs: usize,
    /// Pairs of the last evaluation, which also reconstructs every held-out line.
    pub final_pairs: usize,
    /// Evaluate every so many steps; 0: by time.
    pub eval_steps: usize,
    /// Evaluate every so many minutes, where `eval_steps` is 0.
    pub eval_minutes: f64,
    /// Save a checkpoint every so many minutes.
    pub save_minutes: f64,
    /// Save a checkpoint every so many steps; 0: by time.
    pub save_steps: usize,
}

/// bf16 where the processor multiplies pairs of them: twice the rate, and loss curves that lie within the spread of two
/// seeds (`docs/bf16.md`). Elsewhere bf16 would only be slower.
fn fast_precision() -> Precision {
    if Isa::best() == Isa::Avx512Bf16 {
        Precision::Bf16
    } else {
        Precision::F32
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self::preset(Preset::Cpu, "python")
    }
}

impl TrainConfig {
    /// The values of a preset for a domain.
    #[must_use]
    pub fn preset(preset: Preset, domain: &str) -> Self {
        let cpu = Self {
            domain: domain.to_owned(),
            preset,
            seed: 0,
            start_from: None,
            family: Family::Sphere,
            vocab: if domain == "headlines" { 8192 } else { 4096 },
            tokenizer_lines: 200_000,
            // A digit of 14 × 14 is a token per pixel, one for the direction and one for the end.
            max_len: if domain == "mnist" { 200 } else { 64 },
            d_model: 192,
            heads: 4,
            d_ff: 768,
            encoder_blocks: vec![2, 2],
            decoder_layers: 3,
            latent_tokens: if domain == "headlines" { 4 } else { 8 },
            latent_size: if domain == "headlines" { 64 } else { 32 },
            slots: true,
            queries: true,
            bottleneck: Bottleneck::Sphere,
            regulariser: Regulariser::MmdImq,
            reg_weight: 0.05,
            reg_max_tokens: 1024,
            noise: Noise::default(),
            blend: Blend::default(),
            optimiser: Optimiser::default(),
            batch: 256,
            shards: 2,
            precision: fast_precision(),
            budget: Budget::Minutes(60.0),
            held_out: 2000,
            pairs: 50,
            final_pairs: 500,
            eval_steps: 0,
            eval_minutes: 5.0,
            save_minutes: 2.0,
            save_steps: 0,
        };
        match preset {
            Preset::Cpu => cpu,
            Preset::Tiny => Self {
                vocab: 1024,
                tokenizer_lines: 20_000,
                d_model: 64,
                heads: 2,
                d_ff: 128,
                encoder_blocks: vec![1, 1],
                decoder_layers: 1,
                latent_tokens: 4,
                latent_size: 16,
                batch: 64,
                optimiser: Optimiser { learning_rate: 3e-3, ..Optimiser::default() },
                budget: Budget::Minutes(2.0),
                held_out: 500,
                pairs: 20,
                eval_minutes: 0.5,
                save_minutes: 0.5,
                ..cpu
            },
            Preset::Gpu => Self {
                precision: Precision::F32,
                vocab: 6144,
                d_model: 320,
                heads: 5,
                d_ff: 1280,
                encoder_blocks: vec![2, 2, 2],
                decoder_layers: 5,
                latent_size: 48,
                batch: 1024,
                shards: 1,
                optimiser: Optimiser { learning_rate: 8e-4, ..Optimiser::default() },
                ..cpu
            },
            Preset::Seed => Self {
                precision: Precision::F32,
                family: Family::Seed,
                slots: false,
                queries: false,
                bottleneck: Bottleneck::Tanh,
                regulariser: Regulariser::MmdOriginal,
                reg_weight: 1.0,
                noise: Noise::none(),
                blend: Blend::none(),
                optimiser: Optimiser {
                    learning_rate: 1e-3,
                    warmup: 0.0,
                    decay: Decay::Linear,
                    beta2: 0.999,
                    weight_decay: 0.0,
                    ema: 0.0,
                    ..Optimiser::default()
                },
                ..cpu
            },
        }
    }

    /// The configuration of the model that this run trains, for a tokenizer of `vocab` words.
    ///
    /// # Errors
    /// [`TrainError::Model`] where the sizes do not fit together.
    pub fn model_config(&self, vocab: usize) -> Result<Config, TrainError> {
        let mut config = Config::sphere(SphereShape {
            vocab,
            d_model: self.d_model,
            heads: self.heads,
            d_ff: self.d_ff,
            encoder_blocks: self.encoder_blocks.clone(),
            decoder_layers: self.decoder_layers,
            latent_tokens: self.latent_tokens,
            latent_size: self.latent_size,
            max_len: self.max_len,
            pad: PAD_ID,
            eos: START_ID,
        })?;
        let seed = self.family == Family::Seed;
        if seed {
            // The original's encoder: a class position apart, upsampled latents, its activation.
            config.funnel.hidden_act = "gelu_new".to_owned();
            config.funnel.separate_cls = true;
            config.funnel.truncate_seq = true;
            config.skip_upsample = false;
        }
        config.tvae = Some(TvaeConfig {
            family: self.family,
            bottleneck: self.bottleneck,
            reg: self.regulariser,
            reg_weight: self.reg_weight,
            reg_max_tokens: self.reg_max_tokens,
            slots: self.slots,
            queries: if self.queries { Queries::Prepended } else { Queries::Pooled },
            latent_noise_max: self.noise.latent_max,
            latent_noise_clean: self.noise.latent_clean,
            latent_noise_ramp: self.noise.latent_ramp,
            input_delete: self.noise.delete,
            input_substitute: self.noise.substitute,
            input_mask: self.noise.mask,
            decoder_noise: self.noise.decoder,
            null_latent: self.noise.null_latent,
            domain: self.domain.clone(),
            max_len: self.max_len,
            bf16_agreement: None,
        });
        Ok(config)
    }

    /// Rejects values that no run can have, naming the option.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the option, its value and what was expected.
    pub fn validate(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        if self.heads == 0 || !self.d_model.is_multiple_of(self.heads) {
            return fail(format!(
                "d_model = {} must be a multiple of heads = {}",
                self.d_model, self.heads
            ));
        }
        for (name, value) in [
            ("batch", self.batch),
            ("shards", self.shards),
            ("d_model", self.d_model),
            ("d_ff", self.d_ff),
            ("decoder_layers", self.decoder_layers),
            ("latent_tokens", self.latent_tokens),
            ("latent_size", self.latent_size),
        ] {
            if value == 0 {
                return fail(format!("{name} must be at least 1"));
            }
        }
        if self.encoder_blocks.is_empty() || self.encoder_blocks.contains(&0) {
            return fail("encoder_blocks must name at least one layer per block".to_owned());
        }
        if self.shards > self.batch {
            return fail(format!("shards = {} is more than batch = {}", self.shards, self.batch));
        }
        if self.max_len < 4 {
            return fail(format!("max_len = {} must be at least 4", self.max_len));
        }
        let n = &self.noise;
        for (name, rate) in [
            ("noise.delete", n.delete),
            ("noise.substitute", n.substitute),
            ("noise.mask", n.mask),
            ("noise.decoder", n.decoder),
            ("noise.null_latent", n.null_latent),
            ("noise.latent_clean", n.latent_clean),
            ("noise.latent_ramp", n.latent_ramp),
            ("blend.share", self.blend.share),
            ("blend.from", self.blend.from),
            ("optimiser.warmup", self.optimiser.warmup),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return fail(format!("{name} = {rate} must be between 0 and 1"));
            }
        }
        if n.delete + n.substitute + n.mask > 1.0 {
            return fail("noise.delete, substitute and mask together exceed 1".to_owned());
        }
        if !(self.optimiser.learning_rate > 0.0 && self.optimiser.learning_rate.is_finite()) {
            return fail(format!(
                "learning_rate = {} must be above 0",
                self.optimiser.learning_rate
            ));
        }
        match self.budget {
            Budget::Steps(0) => fail("steps must be at least 1".to_owned()),
            Budget::Minutes(m) if !(m > 0.0 && m.is_finite()) => {
                fail(format!("minutes = {m} must be above 0"))
            }
            _ => Ok(()),
        }
    }
}
