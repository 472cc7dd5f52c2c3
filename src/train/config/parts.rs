//! The groups of options within a run's configuration.

use serde::{Deserialize, Serialize};

use crate::domain::Edits;
use crate::model::GridPooling;

/// How long a run lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// A number of optimiser steps.
    Steps(usize),
    /// Minutes of training time, evaluation and checkpoints included, interruptions not.
    Minutes(f64),
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
    /// Share of encoder input tokens chosen as in BERT's masked language modelling (Devlin et al. 2019) and in the original's
    /// collator: of these 80 % become `<mask>`, 10 % a random token, 10 % stay. The other rates apply to the rest. The
    /// original's value is 0.15; ablation: 0.
    pub mlm: f64,
    /// Share of samples whose encoder reads the same thing written another way ([`crate::domain::Domain::readings`]): a latent then
    /// holds what is said and not how. Nothing happens in domains that write a thing in one way. Ablation: 0.
    pub reading: f64,
    /// Share of the decoder's input tokens replaced by a random one. Ablation: 0.
    pub decoder: f64,
    /// Share of samples whose decoder reads `<mask>` in place of every token but the first: the latent alone has to tell them, as it has
    /// without teacher forcing. Where neighbouring tokens tell most of the next one, as in pictures, latents learn faster by it.
    /// Ablation: 0.
    pub blind: f64,
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
            mlm: 0.0,
            reading: 0.0,
            decoder: 0.05,
            blind: 0.0,
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
            mlm: 0.0,
            reading: 0.0,
            decoder: 0.0,
            blind: 0.0,
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
    /// Which of the texts on the way is taught. Ablation: any.
    pub edits: Edits,
}

impl Default for Blend {
    fn default() -> Self {
        Self { share: 0.25, points: 1, from: 0.0, weight: 1.0, edits: Edits::default() }
    }
}

impl Blend {
    /// None of it.
    #[must_use]
    pub fn none() -> Self {
        Self { share: 0.0, ..Self::default() }
    }
}

/// The optimiser, its learning-rate schedule, and the average of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// What turns gradients into steps.
    pub kind: OptimiserKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the run with a linearly growing rate.
    pub warmup: f64,
    /// How the rate falls after the warm-up.
    pub decay: Decay,
    /// The rate at the end, as a share of the peak (cosine only).
    pub final_share: f64,
    /// Decay of the first moment (AdamW).
    pub beta1: f64,
    /// Decay of the second moment (AdamW).
    pub beta2: f64,
    /// Added to the root of the second moment (AdamW).
    pub eps: f64,
    /// Whether a step is relative to the size of its weights, max(1e-3, RMS(weights)) (Adafactor). The paper's way; the
    /// original's is false.
    pub scale_parameter: bool,
    /// Decoupled weight decay, on matrices only.
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0 for no clipping.
    pub clip: f64,
    /// Decay of the exponential average of the weights, which is what is saved for use; 0 saves the weights themselves.
    pub ema: f64,
}

/// What turns gradients into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Two moments per weight (Loshchilov and Hutter 2019).
    AdamW,
    /// The second moment as a row and a column, no first (Shazeer and Stern 2018): the memory of a fraction of a moment.
    Adafactor,
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
            kind: OptimiserKind::AdamW,
            learning_rate: 1.5e-3,
            warmup: 0.03,
            decay: Decay::Cosine,
            final_share: 0.05,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-8,
            scale_parameter: false,
            weight_decay: 0.05,
            clip: 1.0,
            ema: 0.999,
        }
    }
}

/// What is made of it that a sequence is a picture (domain `mnist`); nothing elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pixels {
    /// How the Funnel encoder pools between blocks. Ablation: `sequence`, as text.
    pub pooling: GridPooling,
    /// Whether rows and columns have learned embeddings. Ablation: false.
    pub embeddings: bool,
    /// How far the label of a pixel reaches to neighbouring intensities, in levels of 64: a level d away gets a share that
    /// falls with exp(−d / neighbours). Evaluations are without. Ablation: 0.
    pub neighbours: f64,
}
