//! How one forward pass runs: evaluation, or training with dropout from a seeded generator.

use crate::numeric::{self, AttentionArgs, RelativeIndex};
use candle_core::{DType, Result, Tensor, D};
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
        if self.dropout.is_none() || rate <= 0.0 {
            return numeric::attention(args);
        }
        let (b, sq, width) = args.q.dims3()?;
        let (sk, h, device) = (args.k.dim(1)?, args.heads, args.q.device());
        let split =
            |x: &Tensor, s: usize| x.reshape((b, s, h, width / h))?.transpose(1, 2)?.contiguous();
        let (q, k, v) = (split(args.q, sq)?, split(args.k, sk)?, split(args.v, sk)?);
        let mut scores = (q.matmul(&k.t()?.contiguous()?)? * args.scale)?;
        if let Some(bias) = &args.bias {
            let values = match &bias.index {
                RelativeIndex::Direct => bias.values.clone(),
                RelativeIndex::Table(table) => {
                    let (vb, vh, _, _) = bias.values.dims4()?;
                    let index = Tensor::from_slice(table, (1, 1, sq, sk), device)?
                        .expand((vb, vh, sq, sk))?
                        .contiguous()?;
                    bias.values.contiguous()?.gather(&index, 3)?
                }
            };
            scores = scores.broadcast_add(&values)?;
        }
        if let Some(mask) = args.key_mask {
            let mask = mask.to_dtype(DType::F32)?.reshape((b, 1, 1, sk))?;
            scores = scores.broadcast_add(&((mask - 1.0)? * 1e9)?)?;
        }
        if args.causal {
            let future: Vec<f32> =
                (0..sq * sk).map(|x| if x % sk > x / sk { -1e9 } else { 0.0 }).collect();
            scores = scores.broadcast_add(&Tensor::from_vec(future, (1, 1, sq, sk), device)?)?;
        }
        let top = scores.max_keepdim(D::Minus1)?.detach();
        let weights = scores.broadcast_sub(&top)?.exp()?;
        let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        self.dropout(weights, rate)?
            .matmul(&v)?
            .transpose(1, 2)?
            .contiguous()?
            .reshape((b, sq, width))
    }
}
