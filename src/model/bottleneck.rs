//! Between encoder and decoder: hidden states to latent tokens, latent tokens to the memory.

mod fsq;
mod gaussian;
#[cfg(test)]
mod tests;
mod vq;

pub use gaussian::kl_divergence;

use fsq::Fsq;
use gaussian::Gaussian;
use vq::Vq;

use super::config::{Bottleneck, Family};
use super::context::Context;
use super::labels::LabelLayer;
use super::t5::FeedForward;
use super::weights::{Init, Scope, Store};
use super::{Config, Error};
use crate::numeric;
use candle_core::{DType, Result, Tensor};

/// Added to the mean square when a latent token is brought to the sphere.
const SPHERE_EPS: f64 = 1e-6;

enum Norm {
    Nothing,
    Layer(Tensor, Tensor, f64),
    FeedForward(Box<FeedForward>),
}

#[derive(Clone, Copy)]
struct Upsampling {
    stride: usize,
    target: usize,
    separate_cls: bool,
    truncate: bool,
}

/// The bottleneck with what it needs.
enum Kind {
    Tanh,
    Sphere,
    Nothing,
    Gaussian(Gaussian),
    Vq(Vq),
    Fsq(Fsq),
}

/// A batch's latents as training sees them.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// What ladders go between, as [`TransformerVae::encode`](super::TransformerVae::encode) gives it [b, n, L].
    pub clean: Tensor,
    /// What the decoder is given: a draw from the posterior under `gaussian`, else `clean`.
    pub latent: Tensor,
    /// log σ² [b, n, L] of the posterior, whose mean is `clean`, under `gaussian`.
    pub log_variance: Option<Tensor>,
    /// The latents [b, n, L] in front of the codebook, under `vq`.
    pub unquantised: Option<Tensor>,
    /// Indices of the codes, latent token after latent token, under `vq` and `fsq`.
    pub codes: Vec<u32>,
}

/// `codes` with the gradient of `z`: their difference in value is a constant (Bengio et al. 2013).
fn straight_through(codes: &Tensor, z: &Tensor) -> Result<Tensor> {
    // Exactly 0 is added, so the codes stay what they are to the bit.
    codes.detach() + (z - z.detach())?
}

/// The latent encoder and decoder.
pub(super) struct LatentMap {
    kind: Kind,
    tokens: usize,
    to_latent: (Tensor, Tensor),
    /// Absent under `seed` where L = d.
    to_token: Option<(Tensor, Tensor)>,
    norm: Norm,
    slots: Option<Tensor>,
    null_memory: Option<Tensor>,
    labels: Option<LabelLayer>,
    upsampling: Option<Upsampling>,
}

impl LatentMap {
    pub(super) fn new(config: &Config, store: &mut Store) -> std::result::Result<Self, Error> {
        let (d, size, n) = (config.t5.d_model, config.latent_size, config.n_latent_tokens);
        let seed = config.family() == Family::Seed;
        // PyTorch's own start of a linear map.
        let uniform = |inputs: usize| {
            let bound = (inputs as f64).powf(-0.5);
            Init::Uniform(-bound, bound)
        };
        let mut scope = Scope::new(store, "vae");
        let to_latent = scope.linear("encoder.token_to_latent", [size, d], uniform(d))?;
        let to_token = if size == d && seed {
            None
        } else {
            Some(scope.linear("decoder.latent_to_token", [d, size], uniform(size))?)
        };
        let norm = match config.vae_decoder_model.as_str() {
            "no_norm" => Norm::Nothing,
            "t5_norm" => {
                Norm::FeedForward(Box::new(FeedForward::new(config, "vae.decoder.norm", store)?))
            }
            _ => {
                let (weight, bias) = scope.norm("decoder.norm", d)?;
                Norm::Layer(weight, bias, config.funnel.layer_norm_eps)
            }
        };
        let device = store.device().clone();
        let mut own = Scope::new(store, "tvae");
        let kind = match config.bottleneck() {
            Bottleneck::Tanh => Kind::Tanh,
            Bottleneck::Sphere => Kind::Sphere,
            Bottleneck::None => Kind::Nothing,
            Bottleneck::Gaussian => Kind::Gaussian(Gaussian::new(&mut own, [size, d])?),
            Bottleneck::Vq => Kind::Vq(Vq::new(&mut own, [config.codebook(), size])?),
            Bottleneck::Fsq => Kind::Fsq(Fsq::new(config.fsq_levels(), size, &device)?),
        };
        let slots = if config.slots() {
            Some(own.get("slots", &[n, d], Init::Normal(0.02))?)
        } else {
            None
        };
        let null_memory =
            if seed { None } else { Some(own.get("null_memory", &[n, d], Init::Constant(0.0))?) };
        let labels = LabelLayer::new(config, &mut own)?;
        let upsampling = (!config.skip_upsample).then(|| Upsampling {
            stride: 1 << (config.funnel.block_sizes.len() - 1),
            target: config.t5.n_positions,
            separate_cls: config.funnel.separate_cls,
            truncate: config.funnel.truncate_seq,
        });
        Ok(Self {
            kind,
            tokens: n,
            to_latent,
            to_token,
            norm,
            slots,
            null_memory,
            labels,
            upsampling,
        })
    }

    /// Latents [b, n, L] of hidden states [b, s, d]: of the first n positions, or all where fewer. The mean under `gaussian`.
    pub(super) fn encode(&self, hidden: &Tensor) -> Result<Tensor> {
        let z = self.to_latent(&self.first(hidden)?)?;
        match &self.kind {
            Kind::Tanh => z.tanh(),
            Kind::Fsq(fsq) => fsq.nearest(&fsq.bound(&z)?),
            Kind::Sphere | Kind::Vq(_) => self.project(&z),
            Kind::Nothing | Kind::Gaussian(_) => Ok(z),
        }
    }

    /// As [`Self::encode`], with what training needs beside the latents; `normal` draws standard normal numbers of a shape
    /// and is asked under `gaussian` only.
    pub(super) fn encode_to_train(
        &self,
        hidden: &Tensor,
        normal: &mut dyn FnMut((usize, usize, usize)) -> Result<Tensor>,
    ) -> Result<Encoded> {
        let plain = |clean: Tensor| Encoded {
            latent: clean.clone(),
            clean,
            log_variance: None,
            unquantised: None,
            codes: Vec::new(),
        };
        match &self.kind {
            Kind::Tanh | Kind::Sphere | Kind::Nothing => Ok(plain(self.encode(hidden)?)),
            Kind::Gaussian(gaussian) => {
                let first = self.first(hidden)?;
                let mean = self.to_latent(&first)?;
                let log_variance = gaussian.log_variance(&first)?;
                let latent = gaussian::draw(&mean, &log_variance, &normal(mean.dims3()?)?)?;
                Ok(Encoded { latent, log_variance: Some(log_variance), ..plain(mean) })
            }
            Kind::Vq(vq) => {
                let z = self.to_latent(&self.first(hidden)?)?;
                let (codes, indices) = vq.nearest(&z)?;
                let indices = indices.to_vec1::<u32>()?;
                Ok(Encoded { unquantised: Some(z), codes: indices, ..plain(codes) })
            }
            Kind::Fsq(fsq) => {
                let codes = self.encode(hidden)?;
                Ok(Encoded { codes: fsq.indices(&codes)?, ..plain(codes) })
            }
        }
    }

    fn first(&self, hidden: &Tensor) -> Result<Tensor> {
        let count = self.tokens.min(hidden.dim(1)?);
        hidden.narrow(1, 0, count)?.contiguous()
    }

    fn to_latent(&self, hidden: &Tensor) -> Result<Tensor> {
        numeric::linear(hidden, &self.to_latent.0, Some(&self.to_latent.1))
    }

    /// The nearest latents that the bottleneck can give; those under tanh are left as they are. The gradient of a code goes
    /// straight through.
    pub(super) fn project(&self, z: &Tensor) -> Result<Tensor> {
        match &self.kind {
            Kind::Sphere => numeric::unit_rms(z, SPHERE_EPS),
            Kind::Vq(vq) => Ok(vq.nearest(z)?.0),
            Kind::Fsq(fsq) => fsq.nearest(z),
            Kind::Tanh | Kind::Nothing | Kind::Gaussian(_) => Ok(z.clone()),
        }
    }

    /// Indices of the codes nearest to latents [b, n, L], latent token after latent token; none without codes.
    pub(super) fn codes(&self, z: &Tensor) -> Result<Option<Vec<u32>>> {
        match &self.kind {
            Kind::Vq(vq) => Ok(Some(vq.nearest(z)?.1.to_vec1()?)),
            Kind::Fsq(fsq) => fsq.indices(z).map(Some),
            _ => Ok(None),
        }
    }

    /// How many symbols each place of a latent token's code has: one place under `vq`, L under `fsq`; none without codes.
    pub(super) fn symbols(&self) -> Result<Vec<usize>> {
        match &self.kind {
            Kind::Vq(vq) => Ok(vec![vq.codes()?]),
            Kind::Fsq(fsq) => fsq.levels(),
            _ => Ok(Vec::new()),
        }
    }

    /// The symbols of the codes nearest to latents [b, n, L], latent token after latent token; none without codes.
    pub(super) fn symbols_of(&self, z: &Tensor) -> Result<Vec<u32>> {
        match &self.kind {
            Kind::Vq(vq) => vq.nearest(z)?.1.to_vec1(),
            Kind::Fsq(fsq) => fsq.digits(z),
            _ => Ok(Vec::new()),
        }
    }

    /// The latent tokens [N, L] of such symbols.
    pub(super) fn codes_with(&self, symbols: Vec<u32>) -> Result<Tensor> {
        match &self.kind {
            Kind::Vq(vq) => vq.vectors(symbols),
            Kind::Fsq(fsq) => fsq.codes(symbols),
            _ => candle_core::bail!("the latents of this model are no codes"),
        }
    }

    /// Latents [b, n, L] as tokens [b, n, d], normed.
    pub(super) fn tokens(&self, z: &Tensor) -> Result<Tensor> {
        let tokens = match &self.to_token {
            Some((weight, bias)) => numeric::linear(z, weight, Some(bias))?,
            None => z.clone(),
        };
        match &self.norm {
            Norm::Nothing => Ok(tokens),
            Norm::Layer(weight, bias, eps) => numeric::layer_norm(&tokens, weight, bias, *eps),
            Norm::FeedForward(layer) => layer.forward(&tokens, 0.0, &Context::eval()),
        }
    }

    /// The linear part of [`Self::tokens`] for latents of size L, row-major [d, L]: the weight and, of a layer norm, what it
    /// does to a difference up to scale, which is to take its mean out and to weigh its rows.
    pub(super) fn token_matrix(&self, size: usize) -> Result<Vec<f64>> {
        let read = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let mut matrix = match &self.to_token {
            Some((weight, _)) => read(weight)?,
            None => (0..size * size).map(|at| f64::from(u8::from(at % (size + 1) == 0))).collect(),
        };
        if let Norm::Layer(weight, ..) = &self.norm {
            let rows = read(weight)?;
            for column in 0..size {
                let mean =
                    matrix.iter().skip(column).step_by(size).sum::<f64>() / rows.len() as f64;
                for (row, weight) in rows.iter().enumerate() {
                    let value = &mut matrix[row * size + column];
                    *value = weight * (*value - mean);
                }
            }
        }
        Ok(matrix)
    }

    /// What tells labels, where there is such a layer.
    pub(super) fn labels(&self) -> Option<&LabelLayer> {
        self.labels.as_ref()
    }

    /// The memory [b, m, d] that the decoder attends to: of latents `z`, and of the label of `clean` where it is told that.
    pub(super) fn memory(&self, z: &Tensor, clean: &Tensor) -> Result<Tensor> {
        let mut memory = self.tokens(z)?;
        if let Some(told) = self.labels.as_ref().map(|l| l.embedded(clean)).transpose()?.flatten() {
            memory = memory.broadcast_add(&told)?;
        }
        if let Some(slots) = &self.slots {
            memory = memory.broadcast_add(&slots.narrow(0, 0, memory.dim(1)?)?)?;
        }
        match self.upsampling {
            Some(upsampling) => upsampling.apply(&memory),
            None => Ok(memory),
        }
    }

    /// The learned memory [b, n, d] of no latent at all.
    pub(super) fn null_memory(&self, batch: usize) -> Result<Tensor> {
        let Some(memory) = &self.null_memory else {
            candle_core::bail!("a model of the seed family has no null latent")
        };
        let (n, d) = memory.dims2()?;
        memory.unsqueeze(0)?.broadcast_as((batch, n, d))?.contiguous()
    }
}

impl Upsampling {
    /// Repeats every token but the first; what is missing at the end are zeros, as in the original.
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        if self.stride == 1 {
            return Ok(x.clone());
        }
        let (b, n, d) = x.dims3()?;
        let front = usize::from(self.separate_cls);
        let rest = x.narrow(1, front, n - front)?.contiguous()?;
        let repeated = rest.unsqueeze(2)?.broadcast_as((b, n - front, self.stride, d))?;
        let mut repeated = repeated.contiguous()?.reshape((b, (n - front) * self.stride, d))?;
        if self.separate_cls && self.truncate {
            repeated = repeated.pad_with_zeros(1, 0, self.stride - 1)?;
        }
        let limit = self.target - front;
        if repeated.dim(1)? > limit {
            repeated = repeated.narrow(1, 0, limit)?;
        }
        if front == 0 {
            return repeated.contiguous();
        }
        Tensor::cat(&[&x.narrow(1, 0, front)?, &repeated], 1)
    }
}
