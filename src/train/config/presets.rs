//! Named starting points for every option.

use serde::{Deserialize, Serialize};

use super::{
    Blend, Budget, Classes, Critic, Cycle, Decay, Distill, Fsq, InterpolationInputs, Kl, Noise,
    Optimiser, Pixels, Smoothness, TrainConfig, Vq, Words,
};
use crate::domain::Edits;
use crate::model::{
    Bottleneck, Checkpointing, DecoderAttention, EncoderKind, Family, GridPooling, Regulariser,
};
use crate::numeric::{Isa, Precision};

/// A named starting point for every option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A few hundred thousand parameters: tries a data set out in a minute or two.
    Tiny,
    /// What two cores train to a useful model in an hour.
    Cpu,
    /// A larger model: what a GPU trains in twenty minutes and two cores in a day.
    Gpu,
    /// The original's method: tanh latents, its MMD, its schedule, no noise.
    Seed,
}

/// bf16 where the processor multiplies pairs of them: twice the rate, and loss curves that lie within the spread of two
/// seeds (`docs/bf16.md`). Elsewhere bf16 would only be slower.
fn fast_precision() -> Precision {
    if Isa::best().multiplies_bf16() {
        Precision::Bf16
    } else {
        Precision::F32
    }
}

impl TrainConfig {
    /// The values of a preset for a domain.
    #[must_use]
    pub fn preset(preset: Preset, domain: &str) -> Self {
        let cpu = Self {
            domain: domain.to_owned(),
            preset,
            argument_sets: Vec::new(),
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
            encoder: EncoderKind::Funnel,
            attention: DecoderAttention::default(),
            latent_tokens: if domain == "headlines" { 4 } else { 8 },
            latent_size: if domain == "headlines" { 64 } else { 32 },
            slots: true,
            queries: true,
            nesting: false,
            clauses: false,
            bottleneck: Bottleneck::Sphere,
            regulariser: Regulariser::MmdImq,
            reg_weight: 0.05,
            reg_max_tokens: 1024,
            projections: 64,
            kl: Kl::default(),
            vq: Vq::default(),
            fsq: Fsq::default(),
            pixels: Pixels::default(),
            noise: Noise::default(),
            blend: Blend::default(),
            optimiser: Optimiser::default(),
            batch: 256,
            shards: 2,
            checkpoint: Checkpointing::default(),
            precision: fast_precision(),
            budget: Budget::Minutes(60.0),
            held_out: 2000,
            pairs: 50,
            final_pairs: 500,
            eval_steps: 0,
            eval_minutes: 5.0,
            pinned: None,
            history: 10,
            tensorboard: false,
            save_minutes: 2.0,
            save_steps: 0,
            accumulate: 1,
            label_smoothing: 0.0,
            token_sort: false,
            interpolation_inputs: InterpolationInputs::Greedy,
            critic: Critic::default(),
            cycle: Cycle::default(),
            smoothness: Smoothness::default(),
            words: Words::default(),
            classes: Classes::default(),
            distill: Distill::default(),
        };
        let cpu = if domain == "mnist" { cpu.for_digits() } else { cpu };
        match preset {
            Preset::Cpu if domain == "mnist" => cpu,
            Preset::Cpu => cpu.for_lines(),
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
                pixels: Pixels::default(),
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

    /// What measurements came out best with on lines, of Python and of headlines, within an hour on two cores
    /// (`docs/ablations.md`).
    fn for_lines(self) -> Self {
        Self {
            latent_tokens: 16,
            latent_size: 32,
            nesting: true,
            clauses: true,
            noise: Noise { latent_max: 0.25, ..self.noise },
            blend: Blend { share: 0.8, points: 2, edits: Edits::OneRun, ..self.blend },
            words: Words { weight: 0.5 },
            batch: 64,
            optimiser: Optimiser { learning_rate: 1e-3, ..self.optimiser },
            ..self
        }
    }

    /// What differs for digits: every pixel keeps its place, so none is deleted, and there are no texts between two digits.
    fn for_digits(self) -> Self {
        Self {
            d_model: 128,
            d_ff: 512,
            encoder_blocks: vec![1, 1, 1],
            latent_tokens: 4,
            latent_size: 16,
            pixels: Pixels { pooling: GridPooling::Square, embeddings: true, neighbours: 0.0 },
            noise: Noise { delete: 0.0, substitute: 0.0, mask: 0.2, ..Noise::default() },
            blend: Blend::none(),
            batch: 64,
            optimiser: Optimiser { learning_rate: 1e-3, ..Optimiser::default() },
            ..self
        }
    }
}
