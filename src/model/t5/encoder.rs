//! The T5 encoder (Raffel et al. 2020), as transformers computes it: the encoder of the author's earlier T5-VAE, a baseline
//! beside the Funnel.

use super::layers::{Attention, FeedForward, Scales, Sees};
use super::{relative_bias, Context, MAX_DISTANCE};
use crate::model::weights::{Init, Store};
use crate::model::{Config, Error};
use crate::numeric::{self, decoder::relative_bucket};
use candle_core::{Result, Tensor};
use std::sync::Arc;

/// The encoder: embedded tokens to hidden states, or to their mean.
pub(in crate::model) struct T5Encoder {
    relative_bias: Tensor,
    blocks: Vec<Arc<Block>>,
    norm: Tensor,
    eps: f64,
    dropout: f64,
    /// Whether all states become one: their mean over what the mask counts. Else there are queries in front.
    mean: bool,
}

/// One layer.
struct Block {
    own: Attention,
    feed_forward: FeedForward,
    dropout: f64,
}

impl T5Encoder {
    pub(in crate::model) fn new(
        config: &Config,
        store: &mut Store,
    ) -> std::result::Result<Self, Error> {
        let t5 = &config.t5;
        let relative_bias = store.get(
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            &[t5.relative_attention_num_buckets, t5.num_heads],
            Init::Normal(Scales::new(config).bias),
        )?;
        let blocks = (0..config.t5_encoder_layers())
            .map(|block| {
                let prefix = |layer: usize| format!("encoder.block.{block}.layer.{layer}");
                Ok(Arc::new(Block {
                    own: Attention::new(config, &prefix(0), "SelfAttention", store)?,
                    feed_forward: FeedForward::new(config, &prefix(1), store)?,
                    dropout: t5.dropout_rate,
                }))
            })
            .collect::<std::result::Result<_, Error>>()?;
        let norm =
            store.get("encoder.final_layer_norm.weight", &[t5.d_model], Init::Constant(1.0))?;
        Ok(Self {
            relative_bias,
            blocks,
            norm,
            eps: t5.layer_norm_epsilon,
            dropout: t5.dropout_rate,
            mean: config.prepended() == 0,
        })
    }

    /// Hidden states [b, s, d] of embedded positions [b, s, d], or their mean [b, 1, d]; `mask` [b, s] has 1 for tokens.
    pub(in crate::model) fn forward(
        &self,
        hidden: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        let bias = self.position_bias(hidden.dim(1)?)?;
        let mut hidden = ctx.dropout(hidden.clone(), self.dropout)?;
        for block in &self.blocks {
            if !ctx.recomputes().encoder {
                hidden = block.forward(&hidden, &bias, mask, ctx)?;
                continue;
            }
            let (again, mask) = (Arc::clone(block), mask.clone());
            hidden =
                ctx.recomputed(&[&hidden, &bias], &block.parameters(), move |inputs, ctx| {
                    again.forward(&inputs[0], &inputs[1], &mask, ctx)
                })?;
        }
        let normed = numeric::rms_norm(&hidden, &self.norm, self.eps)?;
        let hidden = ctx.dropout(normed, self.dropout)?;
        if !self.mean {
            return Ok(hidden);
        }
        // A row without any token is the mean of its padding, and not a division by nothing.
        let counted = mask.sum_keepdim(1)?; // [b, 1]
        let empty = counted.eq(0.0)?.to_dtype(mask.dtype())?;
        let mask = mask.broadcast_add(&empty)?;
        let share = mask.broadcast_div(&mask.sum_keepdim(1)?)?.unsqueeze(2)?; // [b, s, 1]
        hidden.broadcast_mul(&share)?.sum_keepdim(1)
    }

    /// Scores [1, h, s, s] by relative position, keys in front of a query and behind it apart; shared by all layers.
    fn position_bias(&self, len: usize) -> Result<Tensor> {
        let (buckets, heads) = self.relative_bias.dims2()?;
        let pairs = (0..len * len).map(|at| bucket(at / len, at % len, buckets) as u32);
        let rows = relative_bias(&self.relative_bias, pairs.collect())?;
        rows.reshape((1, heads, len, len))
    }
}

/// T5's bucket of a pair of positions: half of the buckets for keys up to the query, half for those behind it.
fn bucket(query: usize, key: usize, buckets: usize) -> usize {
    let half = buckets / 2;
    let distance = relative_bucket(query.abs_diff(key), half, MAX_DISTANCE);
    distance + if key > query { half } else { 0 }
}

impl Block {
    fn parameters(&self) -> Vec<Tensor> {
        self.own.parameters().chain(self.feed_forward.parameters()).cloned().collect()
    }

    fn forward(
        &self,
        hidden: &Tensor,
        bias: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        let hidden = self.own.itself(hidden, Sees::Counted(bias, mask), ctx)?;
        self.feed_forward.forward(&hidden, self.dropout, ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn pairs_fall_into_the_buckets_of_transformers() {
        // `_relative_position_bucket` of key - query, bidirectional, 32 buckets, largest distance 128.
        let wanted =
            [(-200, 15), (-20, 10), (-8, 8), (-3, 3), (0, 0), (3, 19), (20, 26), (200, 31)];
        for (distance, wanted) in wanted {
            let key = (300i32 + distance) as usize;
            assert_eq!(bucket(300, key, 32), wanted, "{distance}");
        }
    }
}
