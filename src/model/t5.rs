//! The T5 decoder (Raffel et al. 2020), as transformers 4.3 computes it.

mod encoder;
mod layers;

pub(super) use encoder::T5Encoder;
pub(super) use layers::FeedForward;
use layers::{Attention, Scales, Sees};

use super::config::{DecoderAttention, Family};
use super::context::Context;
use super::grid::GridEmbedding;
use super::nesting::NestingEmbedding;
use super::weights::{Init, Store};
use super::{Config, Error};
use crate::numeric::decoder::relative_bucket;
use crate::numeric::{self, Span};
use candle_core::{Result, Tensor};
use std::sync::Arc;

/// Distance from which all relative positions share the last bucket.
pub const MAX_DISTANCE: usize = 128;

/// What a decoder outside this module has to know besides the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderSpec {
    /// Width of the hidden states.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of one head.
    pub d_kv: usize,
    /// Width of the feed-forward layer.
    pub d_ff: usize,
    /// Number of layers.
    pub layers: usize,
    /// How far self-attention looks back.
    pub attention: DecoderAttention,
    /// Number of words.
    pub vocab: usize,
    /// Buckets of relative positions.
    pub relative_attention_num_buckets: usize,
    /// Distance from which all share the last bucket; 128.
    pub max_distance: usize,
    /// Whether the feed-forward layer is gated: gelu(wi_0·x) · (wi_1·x), and not relu(wi·x).
    pub gated: bool,
    /// Added to the mean square in norms.
    pub eps: f64,
    /// Factor of q·k in self- and cross-attention: 1 under `seed`, d_kv^-½ under `sphere`.
    pub attention_scale: f64,
    /// Factor of the hidden states before the head: d_model^-½ under `seed`, 1 under `sphere`.
    pub head_scale: f64,
    /// Whether the head is the embedding matrix `decoder.embed_tokens.weight`, and not `lm_head.weight`.
    pub tied: bool,
    /// Id in front of every decoder input.
    pub start: u32,
    /// Id that ends a sequence.
    pub eos: u32,
    /// Id of padding.
    pub pad: u32,
}

impl DecoderSpec {
    /// The specification of a configuration's decoder.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let t5 = &config.t5;
        let seed = config.family() == Family::Seed;
        let inverse_root = |width: usize| (width as f64).powf(-0.5);
        Self {
            d_model: t5.d_model,
            heads: t5.num_heads,
            d_kv: t5.d_kv,
            d_ff: t5.d_ff,
            layers: t5.num_decoder_layers,
            attention: config.attention(),
            vocab: t5.vocab_size,
            relative_attention_num_buckets: t5.relative_attention_num_buckets,
            max_distance: MAX_DISTANCE,
            gated: t5.feed_forward_proj == "gated-gelu",
            eps: t5.layer_norm_epsilon,
            attention_scale: if seed { 1.0 } else { inverse_root(t5.d_kv) },
            head_scale: if seed { inverse_root(t5.d_model) } else { 1.0 },
            tied: t5.tie_word_embeddings,
            start: t5.decoder_start_token_id,
            eos: config.eos(),
            pad: t5.pad_token_id,
        }
    }
}

/// One layer.
struct Block {
    own: Attention,
    cross: Attention,
    feed_forward: FeedForward,
    span: Span,
    dropout: f64,
}

/// The decoder: ids and a memory to hidden states and logits.
pub(super) struct Decoder {
    spec: DecoderSpec,
    dropout: f64,
    embedding: Tensor,
    grid: Option<Arc<GridEmbedding>>,
    nesting: Option<NestingEmbedding>,
    head: Option<Tensor>,
    relative_bias: Tensor,
    blocks: Vec<Arc<Block>>,
    norm: Tensor,
}

impl Decoder {
    pub(super) fn new(
        config: &Config,
        grid: Option<Arc<GridEmbedding>>,
        store: &mut Store,
    ) -> std::result::Result<Self, Error> {
        let (spec, scales) = (DecoderSpec::new(config), Scales::new(config));
        let table = [spec.vocab, spec.d_model];
        let own = "decoder.embed_tokens.weight";
        let mut names = vec![own, "shared_embedding.weight"];
        if spec.tied {
            names.push("lm_head.weight");
        }
        let embedding = store.get_tied(&names, &table, Init::Normal(scales.embedding))?;
        let head = if spec.tied {
            None
        } else {
            // PyTorch's own start of a linear map: transformers 4.3 leaves it alone.
            let bound = (spec.d_model as f64).powf(-0.5);
            Some(store.get("lm_head.weight", &table, Init::Uniform(-bound, bound))?)
        };
        let nesting = NestingEmbedding::new(config, store)?;
        let relative_bias = store.get(
            "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            &[spec.relative_attention_num_buckets, spec.heads],
            Init::Normal(scales.bias),
        )?;
        let blocks = (0..spec.layers)
            .map(|block| Block::new(config, block, store).map(Arc::new))
            .collect::<std::result::Result<_, Error>>()?;
        let norm =
            store.get("decoder.final_layer_norm.weight", &[spec.d_model], Init::Constant(1.0))?;
        let dropout = config.t5.dropout_rate;
        Ok(Self { spec, dropout, embedding, grid, nesting, head, relative_bias, blocks, norm })
    }

    /// The embedding matrix that encoder and decoder share.
    pub(super) fn embedding(&self) -> &Tensor {
        &self.embedding
    }

    /// What is added by open brackets and strings, where the model is told.
    pub(super) fn nesting(&self) -> Option<&NestingEmbedding> {
        self.nesting.as_ref()
    }

    pub(super) fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// Hidden states [b, t, d] behind the last norm.
    pub(super) fn hidden(
        &self,
        ids: &Tensor,
        memory: &Tensor,
        memory_mask: Option<&Tensor>,
        ctx: &Context,
    ) -> Result<Tensor> {
        let bias = self.position_bias(ids.dim(1)?)?;
        let mut hidden = numeric::embedding(&self.embedding, ids)?;
        if let Some(grid) = &self.grid {
            hidden = grid.add(&hidden)?;
        }
        if let Some(nesting) = &self.nesting {
            hidden = nesting.add(&hidden, ids)?;
        }
        hidden = ctx.dropout(hidden, self.dropout)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            if !ctx.recomputes().decoder_layer(layer) {
                hidden = block.forward(&hidden, (memory, memory_mask), &bias, ctx)?;
                continue;
            }
            let (again, mask) = (Arc::clone(block), memory_mask.cloned());
            let inputs = [&hidden, memory, &bias];
            hidden = ctx.recomputed(&inputs, &block.parameters(), move |inputs, ctx| {
                again.forward(&inputs[0], (&inputs[1], mask.as_ref()), &inputs[2], ctx)
            })?;
        }
        ctx.dropout(numeric::rms_norm(&hidden, &self.norm, self.spec.eps)?, self.dropout)
    }

    /// Logits [.., vocab] of hidden states [.., d].
    pub(super) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        numeric::linear(&self.scaled(hidden)?, head, None)
    }

    /// Hidden states as the head takes them.
    fn scaled(&self, hidden: &Tensor) -> Result<Tensor> {
        if (self.spec.head_scale - 1.0).abs() < f64::EPSILON {
            return Ok(hidden.clone());
        }
        hidden * self.spec.head_scale
    }

    /// `scale` times the summed cross entropy of hidden states [n, d] against targets other than `ignore`.
    pub(super) fn cross_entropy(
        &self,
        hidden: &Tensor,
        targets: &[u32],
        ignore: u32,
        smoothing: numeric::Smoothing,
        scale: f64,
    ) -> Result<Tensor> {
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        numeric::linear_cross_entropy(
            &self.scaled(hidden)?,
            head,
            targets,
            ignore,
            smoothing,
            scale,
        )
    }

    /// What is added to the scores of all layers: [1, h, t, t] by relative position, or within windows [h, reach] by how far
    /// back a key lies.
    fn position_bias(&self, len: usize) -> Result<Tensor> {
        let spec = &self.spec;
        let bucket = |distance: usize| {
            let buckets = spec.relative_attention_num_buckets;
            relative_bucket(distance, buckets, spec.max_distance) as u32
        };
        if !spec.attention.is_full() {
            let reach = spec.attention.span(0).reach(len);
            return relative_bias(&self.relative_bias, (0..reach).map(bucket).collect());
        }
        let back = (0..len * len).map(|at| (at / len).saturating_sub(at % len));
        let rows = relative_bias(&self.relative_bias, back.map(bucket).collect())?;
        rows.reshape((1, spec.heads, len, len))
    }
}

/// The biases [h, n] of n buckets, of a table [buckets, h].
fn relative_bias(table: &Tensor, buckets: Vec<u32>) -> Result<Tensor> {
    let ids = Tensor::new(buckets, table.device())?;
    numeric::embedding(table, &ids)?.t()?.contiguous()
}

impl Block {
    fn new(config: &Config, block: usize, store: &mut Store) -> std::result::Result<Self, Error> {
        let prefix = |layer: usize| format!("decoder.block.{block}.layer.{layer}");
        Ok(Self {
            own: Attention::new(config, &prefix(0), "SelfAttention", store)?,
            cross: Attention::new(config, &prefix(1), "EncDecAttention", store)?,
            feed_forward: FeedForward::new(config, &prefix(2), store)?,
            span: config.attention().span(block),
            dropout: config.t5.dropout_rate,
        })
    }

    fn parameters(&self) -> Vec<Tensor> {
        let attentions = self.own.parameters().chain(self.cross.parameters());
        attentions.chain(self.feed_forward.parameters()).cloned().collect()
    }

    /// Hidden states [b, t, d] behind the layer, with a memory [b, m, d] and its mask.
    fn forward(
        &self,
        hidden: &Tensor,
        (memory, mask): (&Tensor, Option<&Tensor>),
        bias: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        let hidden = self.own.itself(hidden, Sees::Past(self.span, bias), ctx)?;
        let hidden = self.cross.memory(&hidden, memory, mask, ctx)?;
        self.feed_forward.forward(&hidden, self.dropout, ctx)
    }
}
