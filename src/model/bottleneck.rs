//! Between encoder and decoder: hidden states to latent tokens, latent tokens to the memory.

use super::config::{Bottleneck, Family};
use super::context::Context;
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

/// The latent encoder and decoder.
pub(super) struct LatentMap {
    kind: Bottleneck,
    tokens: usize,
    to_latent: (Tensor, Tensor),
    /// Absent under `seed` where L = d.
    to_token: Option<(Tensor, Tensor)>,
    norm: Norm,
    slots: Option<Tensor>,
    null_memory: Option<Tensor>,
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
        let mut own = Scope::new(store, "tvae");
        let slots = if config.slots() {
            Some(own.get("slots", &[n, d], Init::Normal(0.02))?)
        } else {
            None
        };
        let null_memory =
            if seed { None } else { Some(own.get("null_memory", &[n, d], Init::Constant(0.0))?) };
        let upsampling = (!config.skip_upsample).then(|| Upsampling {
            stride: 1 << (config.funnel.block_sizes.len() - 1),
            target: config.t5.n_positions,
            separate_cls: config.funnel.separate_cls,
            truncate: config.funnel.truncate_seq,
        });
        Ok(Self {
            kind: config.bottleneck(),
            tokens: n,
            to_latent,
            to_token,
            norm,
            slots,
            null_memory,
            upsampling,
        })
    }

    /// Latents [b, n, L] of hidden states [b, s, d]: of the first n positions, or all where fewer.
    pub(super) fn encode(&self, hidden: &Tensor) -> Result<Tensor> {
        let count = self.tokens.min(hidden.dim(1)?);
        let first = hidden.narrow(1, 0, count)?.contiguous()?;
        let z = numeric::linear(&first, &self.to_latent.0, Some(&self.to_latent.1))?;
        match self.kind {
            Bottleneck::Tanh => z.tanh(),
            Bottleneck::Sphere => numeric::unit_rms(&z, SPHERE_EPS),
            Bottleneck::None => Ok(z),
        }
    }

    /// The nearest latents that the bottleneck can give; those under tanh are left as they are.
    pub(super) fn project(&self, z: &Tensor) -> Result<Tensor> {
        match self.kind {
            Bottleneck::Sphere => numeric::unit_rms(z, SPHERE_EPS),
            Bottleneck::Tanh | Bottleneck::None => Ok(z.clone()),
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

    /// The memory [b, m, d] that the decoder attends to.
    pub(super) fn memory(&self, z: &Tensor) -> Result<Tensor> {
        let mut memory = self.tokens(z)?;
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
