//! How one forward pass runs: evaluation, or training with dropout from a seeded generator.

use crate::numeric::{self, AttentionArgs};
use candle_core::{Result, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;

/// Evaluation or training. One per thread: the generator inside is not shared.
#[derive(Debug, Default)]
pub struct Context {
    dropout: Option<RefCell<ChaCha8Rng>>,
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
        Self { dropout: Some(RefCell::new(ChaCha8Rng::seed_from_u64(seed))) }
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
}
