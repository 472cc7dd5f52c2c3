//! What T5's encoder and decoder layers are made of: attention and feed-forward sublayers with their norms and residuals.

use super::{Context, DecoderSpec};
use crate::model::config::Family;
use crate::model::weights::{Init, Scope, Store};
use crate::model::{Config, Error};
use crate::numeric::{self, AttentionArgs, Bias, Projections, RelativeIndex, Span, WindowedArgs};
use candle_core::{Result, Tensor};

/// An attention sublayer with its norm and its residual.
pub(in crate::model) struct Attention {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    norm: Tensor,
    heads: usize,
    scale: f64,
    eps: f64,
    dropout: f64,
}

/// What a position of self-attention sees.
pub(in crate::model) enum Sees<'a> {
    /// Itself and positions in front of it, with a bias [1, h, t, t] where it is [`Span::All`], else [h, reach] by how far
    /// back they lie.
    Past(Span, &'a Tensor),
    /// All positions that a mask [b, s] counts, with a bias [1, h, s, s].
    Counted(&'a Tensor, &'a Tensor),
}

enum Inner {
    Relu(Tensor),
    GatedGelu(Tensor, Tensor),
}

/// T5's feed-forward sublayer with its norm and its residual.
pub(in crate::model) struct FeedForward {
    inner: Inner,
    outer: Tensor,
    norm: Tensor,
    eps: f64,
}

/// Deviations of the weights at the start.
#[derive(Clone, Copy)]
pub(in crate::model) struct Scales {
    pub(super) embedding: f64,
    pub(super) query: f64,
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) ff_output: f64,
    pub(super) bias: f64,
}

impl Scales {
    /// `seed` starts as transformers' T5 does; `sphere` as a pre-norm transformer whose tied head
    /// is not scaled, with small embeddings and small outputs of every sublayer.
    pub(super) fn new(config: &Config) -> Self {
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
    pub(super) fn new(
        config: &Config,
        prefix: &str,
        name: &str,
        store: &mut Store,
    ) -> std::result::Result<Self, Error> {
        let (spec, scales) = (DecoderSpec::new(config), Scales::new(config));
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
            heads: spec.heads,
            scale: spec.attention_scale,
            eps: spec.eps,
            dropout: config.t5.dropout_rate,
        })
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        [&self.q, &self.k, &self.v, &self.o, &self.norm].into_iter()
    }

    /// `hidden` [b, t, d] plus what it hears of itself.
    pub(super) fn itself(&self, hidden: &Tensor, sees: Sees<'_>, ctx: &Context) -> Result<Tensor> {
        let normed = numeric::rms_norm(hidden, &self.norm, self.eps)?;
        let weights = Tensor::cat(&[&self.q, &self.k, &self.v], 0)?;
        let qkv = numeric::linear(&normed, &weights, None)?; // [b, t, 3 · width]
        let (bias, mask) = match sees {
            Sees::Past(Span::All, bias) => (bias, None),
            Sees::Counted(bias, mask) => (bias, Some(mask)),
            Sees::Past(span, bias) => {
                let args = WindowedArgs { qkv: &qkv, bias, scale: self.scale, span };
                return self.added(hidden, &ctx.windowed_attention(&args, self.dropout)?, ctx);
            }
        };
        let args = AttentionArgs {
            input: Projections::Joined(&qkv),
            heads: self.heads,
            scale: self.scale,
            causal: mask.is_none(),
            key_mask: mask,
            bias: Some(Bias { values: bias, index: RelativeIndex::Direct }),
        };
        self.added(hidden, &ctx.attention(&args, self.dropout)?, ctx)
    }

    /// `hidden` [b, t, d] plus what it hears of a memory [b, m, d], of which a mask [b, m] has 1 for what counts.
    pub(super) fn memory(
        &self,
        hidden: &Tensor,
        memory: &Tensor,
        mask: Option<&Tensor>,
        ctx: &Context,
    ) -> Result<Tensor> {
        let normed = numeric::rms_norm(hidden, &self.norm, self.eps)?;
        let kv = numeric::linear(memory, &Tensor::cat(&[&self.k, &self.v], 0)?, None)?;
        let q = numeric::linear(&normed, &self.q, None)?;
        let args = AttentionArgs {
            input: Projections::Pair { q: &q, kv: &kv },
            heads: self.heads,
            scale: self.scale,
            causal: false,
            key_mask: mask,
            bias: None,
        };
        self.added(hidden, &ctx.attention(&args, self.dropout)?, ctx)
    }

    fn added(&self, hidden: &Tensor, attended: &Tensor, ctx: &Context) -> Result<Tensor> {
        hidden + ctx.dropout(numeric::linear(attended, &self.o, None)?, self.dropout)?
    }
}

impl FeedForward {
    /// The sublayer below `prefix`, at the decoder's sizes.
    pub(in crate::model) fn new(
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

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        let inner = match &self.inner {
            Inner::Relu(wi) => [Some(wi), None],
            Inner::GatedGelu(wi_0, wi_1) => [Some(wi_0), Some(wi_1)],
        };
        inner.into_iter().flatten().chain([&self.outer, &self.norm])
    }

    /// `x` plus what the sublayer makes of it, dropping out at `rate`.
    pub(in crate::model) fn forward(&self, x: &Tensor, rate: f64, ctx: &Context) -> Result<Tensor> {
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
