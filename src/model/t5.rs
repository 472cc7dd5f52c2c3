//! The T5 decoder (Raffel et al. 2020), as transformers 4.3 computes it.

use super::config::Family;
use super::context::Context;
use super::weights::{Init, Scope, Store};
use super::{Config, Error};
use crate::numeric::decoder::relative_bucket;
use crate::numeric::{self, AttentionArgs, Bias, Projections, RelativeIndex};
use candle_core::{Result, Tensor};

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

struct Attention {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    norm: Tensor,
}

enum Inner {
    Relu(Tensor),
    GatedGelu(Tensor, Tensor),
}

/// T5's feed-forward sublayer with its norm and its residual.
pub(super) struct FeedForward {
    inner: Inner,
    outer: Tensor,
    norm: Tensor,
    eps: f64,
}

struct Block {
    own: Attention,
    cross: Attention,
    feed_forward: FeedForward,
}

/// The decoder: ids and a memory to hidden states and logits.
pub(super) struct Decoder {
    spec: DecoderSpec,
    dropout: f64,
    embedding: Tensor,
    head: Option<Tensor>,
    relative_bias: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
}

/// Deviations of the weights at the start.
#[derive(Clone, Copy)]
struct Scales {
    embedding: f64,
    query: f64,
    input: f64,
    output: f64,
    ff_output: f64,
    bias: f64,
}

impl Scales {
    /// `seed` starts as transformers' T5 does; `sphere` as a pre-norm transformer whose tied head
    /// is not scaled, with small embeddings and small outputs of every sublayer.
    fn new(config: &Config) -> Self {
        let t5 = &config.t5;
        let scale = |x: usize| t5.initializer_factor * (x as f64).powf(-0.5);
        match config.family() {
            Family::Seed => Self {
                embedding: t5.initializer_factor,
                query: scale(t5.d_model * t5.d_kv),
                input: scale(t5.d_model),
                output: scale(t5.num_heads * t5.d_kv),
                ff_output: scale(t5.d_ff),
                bias: scale(t5.d_model),
            },
            Family::Sphere => {
                let input = 0.03 * (192.0_f64 / t5.d_model as f64).sqrt();
                let output = 0.02 / (2.0_f64 * t5.num_decoder_layers as f64).sqrt();
                Self { embedding: 0.02, query: input, input, output, ff_output: output, bias: 0.02 }
            }
        }
    }
}

impl Attention {
    fn new(
        spec: &DecoderSpec,
        scales: Scales,
        prefix: &str,
        name: &str,
        store: &mut Store,
    ) -> std::result::Result<Self, Error> {
        let (d, width) = (spec.d_model, spec.heads * spec.d_kv);
        let mut scope = Scope::new(store, prefix);
        let mut get = |part: &str, shape: [usize; 2], std: f64| {
            scope.get(&format!("{name}.{part}.weight"), &shape, Init::Normal(std))
        };
        Ok(Self {
            q: get("q", [width, d], scales.query)?,
            k: get("k", [width, d], scales.input)?,
            v: get("v", [width, d], scales.input)?,
            o: get("o", [d, width], scales.output)?,
            norm: scope.get("layer_norm.weight", &[d], Init::Constant(1.0))?,
        })
    }
}

impl FeedForward {
    /// The sublayer below `prefix`, at the decoder's sizes.
    pub(super) fn new(
        config: &Config,
        prefix: &str,
        store: &mut Store,
    ) -> std::result::Result<Self, Error> {
        let (spec, scales) = (DecoderSpec::new(config), Scales::new(config));
        let mut scope = Scope::new(store, prefix);
        let mut inner = |name: &str| {
            let name = format!("DenseReluDense.{name}.weight");
            scope.get(&name, &[spec.d_ff, spec.d_model], Init::Normal(scales.input))
        };
        let inner = if spec.gated {
            Inner::GatedGelu(inner("wi_0")?, inner("wi_1")?)
        } else {
            Inner::Relu(inner("wi")?)
        };
        let outer = Init::Normal(scales.ff_output);
        Ok(Self {
            inner,
            outer: scope.get("DenseReluDense.wo.weight", &[spec.d_model, spec.d_ff], outer)?,
            norm: scope.get("layer_norm.weight", &[spec.d_model], Init::Constant(1.0))?,
            eps: spec.eps,
        })
    }

    /// `x` plus what the sublayer makes of it, dropping out at `rate`.
    pub(super) fn forward(&self, x: &Tensor, rate: f64, ctx: &Context) -> Result<Tensor> {
        let normed = numeric::rms_norm(x, &self.norm, self.eps)?;
        let inner = match &self.inner {
            Inner::Relu(wi) if !ctx.drops(rate) => {
                return x + numeric::feed_forward(&normed, wi, &self.outer)?;
            }
            Inner::Relu(wi) => numeric::linear_relu(&normed, wi, None)?,
            Inner::GatedGelu(wi_0, wi_1) => {
                let gate = numeric::gelu_new(&numeric::linear(&normed, wi_0, None)?)?;
                gate.mul(&numeric::linear(&normed, wi_1, None)?)?
            }
        };
        let inner = ctx.dropout(inner, rate)?;
        x + ctx.dropout(numeric::linear(&inner, &self.outer, None)?, rate)?
    }
}

impl Decoder {
    pub(super) fn new(config: &Config, store: &mut Store) -> std::result::Result<Self, Error> {
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
        let relative_bias = store.get(
            "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            &[spec.relative_attention_num_buckets, spec.heads],
            Init::Normal(scales.bias),
        )?;
        let blocks = (0..spec.layers)
            .map(|block| {
                let prefix = |layer: usize| format!("decoder.block.{block}.layer.{layer}");
                Ok(Block {
                    own: Attention::new(&spec, scales, &prefix(0), "SelfAttention", store)?,
                    cross: Attention::new(&spec, scales, &prefix(1), "EncDecAttention", store)?,
                    feed_forward: FeedForward::new(config, &prefix(2), store)?,
                })
            })
            .collect::<std::result::Result<_, Error>>()?;
        let norm =
            store.get("decoder.final_layer_norm.weight", &[spec.d_model], Init::Constant(1.0))?;
        let dropout = config.t5.dropout_rate;
        Ok(Self { spec, dropout, embedding, head, relative_bias, blocks, norm })
    }

    /// The embedding matrix that encoder and decoder share.
    pub(super) fn embedding(&self) -> &Tensor {
        &self.embedding
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
        let position = self.position_bias(ids.dim(1)?)?;
        let mut hidden = ctx.dropout(numeric::embedding(&self.embedding, ids)?, self.dropout)?;
        for block in &self.blocks {
            let normed = numeric::rms_norm(&hidden, &block.own.norm, self.spec.eps)?;
            let bias = Bias { values: &position, index: RelativeIndex::Direct };
            hidden = self.attend(&block.own, hidden, &normed, None, Some(bias), ctx)?;
            let normed = numeric::rms_norm(&hidden, &block.cross.norm, self.spec.eps)?;
            let over = Some((memory, memory_mask));
            hidden = self.attend(&block.cross, hidden, &normed, over, None, ctx)?;
            hidden = block.feed_forward.forward(&hidden, self.dropout, ctx)?;
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

    /// `scale` times the summed cross entropy of hidden states [n, d] against targets other than `ignore`; with label
    /// smoothing s, a share s of a target is spread evenly over the vocabulary.
    pub(super) fn cross_entropy(
        &self,
        hidden: &Tensor,
        targets: &[u32],
        ignore: u32,
        smoothing: f64,
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

    /// Self-attention where `over` is absent, else attention over that memory; with the residual.
    fn attend(
        &self,
        layer: &Attention,
        hidden: Tensor,
        normed: &Tensor,
        over: Option<(&Tensor, Option<&Tensor>)>,
        bias: Option<Bias<'_>>,
        ctx: &Context,
    ) -> Result<Tensor> {
        let keys_values = [&layer.k, &layer.v];
        let (first, second) = match over {
            None => {
                let weights = Tensor::cat(&[&layer.q, &layer.k, &layer.v], 0)?;
                (numeric::linear(normed, &weights, None)?, None)
            }
            Some((memory, _)) => {
                let kv = numeric::linear(memory, &Tensor::cat(&keys_values, 0)?, None)?;
                (numeric::linear(normed, &layer.q, None)?, Some(kv))
            }
        };
        let attended = ctx.attention(
            &AttentionArgs {
                input: match &second {
                    None => Projections::Joined(&first),
                    Some(kv) => Projections::Pair { q: &first, kv },
                },
                heads: self.spec.heads,
                scale: self.spec.attention_scale,
                causal: over.is_none(),
                key_mask: over.and_then(|(_, mask)| mask),
                bias,
            },
            self.dropout,
        )?;
        let attended = numeric::linear(&attended, &layer.o, None)?;
        hidden + ctx.dropout(attended, self.dropout)?
    }

    /// Scores [1, h, t, t] by relative position, shared by all layers.
    fn position_bias(&self, len: usize) -> Result<Tensor> {
        let spec = &self.spec;
        let buckets = spec.relative_attention_num_buckets;
        let ids: Vec<u32> = (0..len * len)
            .map(|at| (at / len).saturating_sub(at % len))
            .map(|distance| relative_bucket(distance, buckets, spec.max_distance) as u32)
            .collect();
        let ids = Tensor::from_vec(ids, len * len, self.embedding.device())?;
        numeric::embedding(&self.relative_bias, &ids)?
            .t()?
            .contiguous()?
            .reshape((1, spec.heads, len, len))
    }
}
