//! How one forward pass runs: evaluation, or training with dropout from a seeded generator, and what it keeps for the
//! backward pass.

use crate::numeric::{self, AttentionArgs, WindowedArgs};
use candle_core::{Result, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// Which layers keep nothing but their inputs for the backward pass, and are computed again there (Chen et al. 2016). It
/// costs up to two fifths more time and changes no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpointing {
    /// Every layer of the encoder; false.
    pub encoder: bool,
    /// Every so many decoder layers, from the first on: 1 all of them, 2 every other one; 0, none of them.
    pub every: usize,
}

impl Checkpointing {
    /// Whether a decoder layer is among them, layers counted from 0.
    #[must_use]
    pub fn decoder_layer(self, layer: usize) -> bool {
        self.every > 0 && layer.is_multiple_of(self.every)
    }
}

/// Evaluation or training. One per thread: the generator inside is not shared.
#[derive(Debug, Default)]
pub struct Context {
    dropout: Option<RefCell<ChaCha8Rng>>,
    checkpointing: Checkpointing,
}

impl Context {
    /// Without dropout.
    #[must_use]
    pub fn eval() -> Self {
        Self::default()
    }

    /// With dropout at the configuration's rates; equal seeds drop equal numbers.
    #[must_use]
    pub fn train(seed: u64) -> Self {
        let dropout = Some(RefCell::new(ChaCha8Rng::seed_from_u64(seed)));
        Self { dropout, ..Self::default() }
    }

    /// The same with these layers computed again in the backward pass.
    #[must_use]
    pub fn checkpointing(self, checkpointing: Checkpointing) -> Self {
        Self { checkpointing, ..self }
    }

    /// Which layers are computed again in the backward pass.
    #[must_use]
    pub(super) fn recomputes(&self) -> Checkpointing {
        self.checkpointing
    }

    /// What `layer` gives for `inputs`, without what it computes on the way. `parameters` are those that it reads.
    pub(super) fn recomputed(
        &self,
        inputs: &[&Tensor],
        parameters: &[Tensor],
        layer: impl Fn(&[Tensor], &Self) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Result<Tensor> {
        // The second run drops out what the first one did.
        let before = self.dropout.as_ref().map(|rng| rng.borrow().clone());
        let detached: Vec<Tensor> = inputs.iter().map(|x| x.detach()).collect();
        let output = layer(&detached, self)?.detach();
        numeric::recomputed(&output, inputs, parameters, move |inputs| {
            let again = Self { dropout: before.clone().map(RefCell::new), ..Self::default() };
            layer(inputs, &again)
        })
    }

    /// Whether anything drops out at `rate`.
    #[must_use]
    pub fn drops(&self, rate: f64) -> bool {
        self.dropout.is_some() && rate > 0.0
    }

    /// `x` with a share of `rate` of its numbers at zero and the others scaled up, in training.
    ///
    /// # Errors
    /// What candle reports.
    pub fn dropout(&self, x: Tensor, rate: f64) -> Result<Tensor> {
        let Some(rng) = self.dropout.as_ref().filter(|_| rate > 0.0) else {
            return Ok(x);
        };
        let keep = (1.0 / (1.0 - rate)) as f32;
        let mut rng = rng.borrow_mut();
        let mask: Vec<f32> = (0..x.elem_count())
            .map(|_| if rng.random::<f64>() < rate { 0.0 } else { keep })
            .collect();
        x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)
    }

    /// Attention whose probabilities drop out at `rate` in training; the fused one otherwise.
    ///
    /// # Errors
    /// What candle reports.
    pub fn attention(&self, args: &AttentionArgs<'_>, rate: f64) -> Result<Tensor> {
        if !self.drops(rate) {
            return numeric::attention(args);
        }
        numeric::composed_attention(args, &|weights| self.dropout(weights, rate))
    }

    /// The same within windows.
    ///
    /// # Errors
    /// What candle reports.
    pub fn windowed_attention(&self, args: &WindowedArgs<'_>, rate: f64) -> Result<Tensor> {
        if !self.drops(rate) {
            return numeric::windowed_attention(args);
        }
        numeric::composed_windowed_attention(args, &|weights| self.dropout(weights, rate))
    }
}
