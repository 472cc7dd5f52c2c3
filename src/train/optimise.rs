//! The optimiser that a run's configuration names.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use super::config::{Optimiser, OptimiserKind};
use crate::numeric::adafactor::{Adafactor, AdafactorConfig};
use crate::numeric::adamw::{AdamW, AdamWConfig, StepStats};

/// An optimiser over named parameters, with its moments and the average of the weights.
pub enum Updater {
    /// Two moments per weight.
    AdamW(AdamW),
    /// A factored second moment.
    Adafactor(Adafactor),
}

impl Updater {
    /// The optimiser that `options` name; the flag of a parameter says whether weight decay applies.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(options: &Optimiser, params: Vec<(String, Var, bool)>) -> Result<Self> {
        let o = options;
        Ok(match o.kind {
            OptimiserKind::AdamW => Self::AdamW(AdamW::new(
                params,
                AdamWConfig {
                    beta1: o.beta1,
                    beta2: o.beta2,
                    eps: o.eps,
                    weight_decay: o.weight_decay,
                },
            )?),
            OptimiserKind::Adafactor => Self::Adafactor(Adafactor::new(
                params,
                AdafactorConfig {
                    scale_parameter: o.scale_parameter,
                    weight_decay: o.weight_decay,
                    ..AdafactorConfig::default()
                },
            )?),
        })
    }

    /// From now on every step keeps `ema ← decay · ema + (1 − decay) · weights`; `None` keeps no average.
    pub fn set_ema_decay(&mut self, decay: Option<f64>) {
        match self {
            Self::AdamW(own) => own.set_ema_decay(decay),
            Self::Adafactor(own) => own.set_ema_decay(decay),
        }
    }

    /// One step at rate `lr` with the sum of the given gradients, clipped to the norm `clip`.
    ///
    /// # Errors
    /// Gradients that do not fit their parameters.
    pub fn step(&mut self, grads: &[&GradStore], lr: f64, clip: Option<f64>) -> Result<StepStats> {
        match self {
            Self::AdamW(own) => own.step(grads, lr, clip),
            Self::Adafactor(own) => own.step(grads, lr, clip),
        }
    }

    /// The averaged weights by name.
    ///
    /// # Errors
    /// Those of candle.
    pub fn ema(&self) -> Result<Vec<(String, Tensor)>> {
        match self {
            Self::AdamW(own) => own.ema(),
            Self::Adafactor(own) => own.ema(),
        }
    }

    /// Everything that a resumed run needs, by name.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        match self {
            Self::AdamW(own) => own.state(),
            Self::Adafactor(own) => own.state(),
        }
    }

    /// Takes over what [`Updater::state`] gave, after `steps` steps.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        match self {
            Self::AdamW(own) => own.load_state(state, steps),
            Self::Adafactor(own) => own.load_state(state, steps),
        }
    }
}
