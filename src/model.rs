//! The Transformer-VAE: Funnel encoder, latent tokens, T5 decoder; the original's family and ours.

mod axes;
mod bottleneck;
mod codes;
mod config;
mod context;
mod encoder;
mod error;
mod flow;
mod funnel;
mod generate;
mod grid;
mod growth;
mod labels;
mod mmd;
mod nesting;
mod plan;
mod score;
mod soft;
mod t5;
#[cfg(test)]
mod tests;
mod weights;

pub use bottleneck::{kl_divergence, Encoded};
pub use config::{
    AttentionKind, AttentionType, Bottleneck, Config, DecoderAttention, EncoderKind, Family,
    FunnelConfig, GridConfig, GridPooling, LabelsConfig, NestingConfig, Pooling, Queries,
    Regulariser, SphereShape, T5Config, TvaeConfig,
};
pub use context::{Checkpointing, Context};
pub use error::Error;
pub use flow::Flow;
pub use generate::{Agreement, Batch, Decoded, Generator};
pub use mmd::{mmd_imq, mmd_original, mmd_rbf, Mmd};
pub use score::{Given, Score};
pub use t5::{DecoderSpec, MAX_DISTANCE};
pub use weights::{remove_left_overs, write_atomically};

use crate::numeric;
use bottleneck::LatentMap;
use candle_core::{DType, Device, Tensor, Var};
use encoder::Encoder;
use grid::GridEmbedding;
use nesting::NestingEmbedding;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use t5::Decoder;
use weights::{Init, Store};

/// Name of the embedding matrix; the head too where it is tied.
pub const EMBEDDING: &str = "decoder.embed_tokens.weight";
/// Name of the `vq` codebook [K, L], which moves to the means of what is assigned to it and has no gradient.
pub const CODEBOOK: &str = "tvae.codebook";

/// The original's loss and its parts, each a scalar.
#[derive(Debug, Clone)]
pub struct SeedLoss {
    /// `decoder_ce` + weight · `reg_loss`.
    pub loss: Tensor,
    /// Mean cross entropy over tokens that are not padding.
    pub decoder_ce: Tensor,
    /// MMD / B · n.
    pub reg_loss: Tensor,
    /// The schedule's weight of `reg_loss`.
    pub reg_weight: f64,
}

/// A whole model.
pub struct TransformerVae {
    config: Config,
    device: Device,
    encoder: Encoder,
    queries: Option<Tensor>,
    grid: Option<Arc<GridEmbedding>>,
    latent: LatentMap,
    decoder: Decoder,
    vars: BTreeMap<String, Var>,
    /// Tensors of the checkpoint that the model does not use, saved again.
    rest: HashMap<String, Tensor>,
}

impl std::fmt::Debug for TransformerVae {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformerVae").field("config", &self.config).finish_non_exhaustive()
    }
}

impl TransformerVae {
    /// A new model; equal seeds give equal parameters on every machine.
    ///
    /// # Errors
    /// Where memory for the parameters cannot be had.
    pub fn new(config: Config, seed: u64, device: &Device) -> Result<Self, Error> {
        Self::build(config, Store::draw(seed, device), device)
    }

    /// Opens a checkpoint's folder: `config.json` with `model.safetensors` or `pytorch_model.bin`.
    ///
    /// # Errors
    /// Where a file cannot be read, is no model, or does not fit the configuration.
    pub fn load(dir: &Path, device: &Device) -> Result<Self, Error> {
        let path = dir.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let config = Config::from_json(text)?;
        Self::build(config, Store::file(weights::read(dir)?, device), device)
    }

    /// A model from a configuration's text and a safetensors file in memory.
    ///
    /// # Errors
    /// As [`TransformerVae::load`].
    pub fn from_bytes(
        config: impl AsRef<[u8]>,
        safetensors: &[u8],
        device: &Device,
    ) -> Result<Self, Error> {
        let config = Config::from_json(config)?;
        Self::build(config, Store::file(weights::parse(safetensors)?, device), device)
    }

    fn build(config: Config, mut store: Store, device: &Device) -> Result<Self, Error> {
        let grid = GridEmbedding::new(&config, &mut store)?.map(Arc::new);
        let decoder = Decoder::new(&config, grid.clone(), &mut store)?;
        let encoder = Encoder::new(&config, &mut store)?;
        let latent = LatentMap::new(&config, &mut store)?;
        let queries = match config.prepended() {
            0 => None,
            n => Some(store.get("tvae.queries", &[n, config.t5.d_model], Init::Normal(0.02))?),
        };
        let (vars, rest) = store.finish();
        let device = device.clone();
        Ok(Self { config, device, encoder, queries, grid, latent, decoder, vars, rest })
    }

    /// Saves `model.safetensors` in this type and `config.json`, each file whole or not at all.
    ///
    /// Under `seed` the shared embedding stands under each of the original's names.
    ///
    /// # Errors
    /// Where a file cannot be written; the files that were there stay then.
    pub fn save(&self, dir: &Path, dtype: DType) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        let mut tensors = BTreeMap::new();
        for (name, var) in &self.vars {
            let tensor = var.as_detached_tensor().to_dtype(dtype)?.to_device(&Device::Cpu)?;
            tensors.insert(name.clone(), tensor);
        }
        if self.config.family() == Family::Seed {
            let embedding = tensors[EMBEDDING].clone();
            if self.config.t5.tie_word_embeddings {
                tensors.insert("lm_head.weight".into(), embedding.clone());
            }
            tensors.insert("shared_embedding.weight".into(), embedding);
        }
        for (name, tensor) in &self.rest {
            tensors.entry(name.clone()).or_insert_with(|| tensor.clone());
        }
        weights::write(&dir.join("model.safetensors"), &tensors)?;
        write_atomically(&dir.join("config.json"), self.config.to_json().as_bytes())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Notes in the configuration how far decodes in bf16 agree; not under `seed`, whose configuration is the original's.
    pub fn set_bf16_agreement(&mut self, share: Option<f64>) {
        if let Some(tvae) = &mut self.config.tvae {
            tvae.bf16_agreement = share;
        }
    }

    /// The device that holds the parameters.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// All parameters by name, sorted; a shared one once, under its first name.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Var)> {
        self.vars.iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// Overwrites the parameters of these names.
    ///
    /// # Errors
    /// Where a name is unknown or a shape differs; the parameters before it are written then.
    pub fn set_parameters(&self, values: &[(String, Tensor)]) -> Result<(), Error> {
        for (name, value) in values {
            let var = self.vars.get(name).ok_or_else(|| Error::Unknown(name.clone()))?;
            if var.dims() != value.dims() {
                return Err(Error::Shape {
                    name: name.clone(),
                    found: value.dims().to_vec(),
                    expected: var.dims().to_vec(),
                });
            }
            var.set(&value.to_dtype(DType::F32)?.to_device(&self.device)?)?;
        }
        Ok(())
    }

    /// Whether weight decay applies to a parameter: not to biases, norms and what is ours alone
    /// (slots, queries, null memory).
    #[must_use]
    pub fn decays(name: &str) -> bool {
        let norm = name.contains("layer_norm") || name.starts_with("vae.decoder.norm.weight");
        !(norm || name.contains("bias") || name.starts_with("tvae."))
    }

    /// Whether an optimiser moves a parameter by its gradient: all but the codebook.
    #[must_use]
    pub fn trains(name: &str) -> bool {
        name != CODEBOOK
    }

    /// What a decoder outside this module has to know besides [`Self::parameters`].
    #[must_use]
    pub fn decoder_spec(&self) -> DecoderSpec {
        self.decoder.spec().clone()
    }

    /// The encoder's hidden states [b, s', d] of ids (u32) and mask (f32, 1 = token) [b, s];
    /// queries stand in front where there are any. The T5 encoder without queries gives one state, the mean.
    ///
    /// # Errors
    /// Where shapes or ids do not fit.
    pub fn encoder_states(
        &self,
        ids: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> candle_core::Result<Tensor> {
        let (ids, mask) = self.lengthen(ids, mask)?;
        let hidden = numeric::embedding(self.decoder.embedding(), &ids)?;
        self.states_of_embedded(&hidden, &mask, ctx)
    }

    /// What the decoder adds to its inputs at the first positions, `[positions × d_model]`; nothing without a grid.
    pub(super) fn position_values(&self) -> Result<Vec<f32>, Error> {
        Ok(self.grid.as_ref().map(|grid| grid.values()).transpose()?.unwrap_or_default())
    }

    /// What its tokens do to brackets and strings, where the decoder is told what is open.
    #[must_use]
    pub fn nesting(&self) -> Option<&numeric::Nesting> {
        self.decoder.nesting().map(NestingEmbedding::nesting)
    }

    /// What the decoder adds by open brackets and strings; nothing where the model is not told.
    pub(super) fn nesting_values(&self) -> Result<Option<(numeric::Nesting, Vec<f32>)>, Error> {
        Ok(self.decoder.nesting().map(NestingEmbedding::values).transpose()?)
    }

    /// The encoder's hidden states of embedded texts [b, s, d] and their mask [b, s].
    fn states_of_embedded(
        &self,
        hidden: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> candle_core::Result<Tensor> {
        let placed = self.grid.as_ref().map(|grid| grid.add(hidden)).transpose()?;
        let hidden = placed.as_ref().unwrap_or(hidden);
        let Some(queries) = &self.queries else {
            return self.encoder.forward(hidden, mask, ctx);
        };
        let (n, d) = queries.dims2()?;
        let b = hidden.dim(0)?;
        let queries = queries.unsqueeze(0)?.broadcast_as((b, n, d))?.contiguous()?;
        let hidden = Tensor::cat(&[&queries, hidden], 1)?;
        let mask = Tensor::cat(&[&mask.ones_like()?.narrow(1, 0, 1)?.repeat((1, n))?, mask], 1)?;
        self.encoder.forward(&hidden, &mask, ctx)
    }

    /// With pooled latents a short batch gets the padding that n latents need; the original pads all to one length.
    fn lengthen(&self, ids: &Tensor, mask: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let config = &self.config;
        let needed = config.n_latent_tokens << (config.funnel.block_sizes.len() - 1);
        let (b, s) = ids.dims2()?;
        let pooled = config.encoder().is_funnel() && self.queries.is_none();
        if !pooled || s >= needed {
            return Ok((ids.clone(), mask.clone()));
        }
        let pad = Tensor::full(config.t5.pad_token_id, (b, needed - s), ids.device())?;
        Ok((Tensor::cat(&[ids, &pad], 1)?, mask.pad_with_zeros(1, 0, needed - s)?))
    }

    /// Latents [b, n, L] of ids (u32) and mask (f32, 1 = token) [b, s], behind the bottleneck.
    ///
    /// # Errors
    /// Where shapes or ids do not fit.
    pub fn encode(
        &self,
        ids: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> candle_core::Result<Tensor> {
        self.latent.encode(&self.encoder_states(ids, mask, ctx)?)
    }

    /// As [`Self::encode`] in training: with the posterior or the codes, where there are any. `normal` draws standard normal
    /// numbers of a shape and is asked under `gaussian` only.
    ///
    /// # Errors
    /// Where shapes or ids do not fit; those of `normal`.
    pub fn encode_to_train(
        &self,
        ids: &Tensor,
        mask: &Tensor,
        ctx: &Context,
        normal: &mut dyn FnMut((usize, usize, usize)) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Encoded> {
        self.latent.encode_to_train(&self.encoder_states(ids, mask, ctx)?, normal)
    }

    /// Latents [b, n, L] of the encoder's hidden states [b, s', d].
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn latents(&self, states: &Tensor) -> candle_core::Result<Tensor> {
        self.latent.encode(states)
    }

    /// Latents [b, n, L] mapped back to d_model [b, n, d] and normed, before slots and upsampling.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn reconstruct(&self, z: &Tensor) -> candle_core::Result<Tensor> {
        self.latent.tokens(z)
    }

    /// The memory [b, m, d] that the decoder attends to.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn memory(&self, z: &Tensor) -> candle_core::Result<Tensor> {
        self.latent.memory(z, z)
    }

    /// As [`Self::memory`], but where the decoder is told labels, those of `clean` [b, n, L]: what a line is does not change with the
    /// noise on its latents.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn memory_of_noisy(&self, z: &Tensor, clean: &Tensor) -> candle_core::Result<Tensor> {
        self.latent.memory(z, clean)
    }

    /// The learned memory [b, n, d] of no latent (`sphere`).
    ///
    /// # Errors
    /// Under `seed`, which has none.
    pub fn null_memory(&self, batch: usize) -> candle_core::Result<Tensor> {
        self.latent.null_memory(batch)
    }

    /// Latents brought back to where the bottleneck puts them: radius √L per token on the sphere, the nearest codes under
    /// `vq` and `fsq`, unchanged otherwise.
    ///
    /// # Errors
    /// What candle reports.
    pub fn project(&self, z: &Tensor) -> candle_core::Result<Tensor> {
        self.latent.project(z)
    }

    /// Logits [b, t, vocab] of decoder inputs (u32) [b, t] over a memory [b, m, d], whose mask
    /// [b, m] has 1 for what counts.
    ///
    /// # Errors
    /// Where shapes or ids do not fit.
    pub fn decode(
        &self,
        ids: &Tensor,
        memory: &Tensor,
        memory_mask: Option<&Tensor>,
        ctx: &Context,
    ) -> candle_core::Result<Tensor> {
        self.decoder.logits(&self.decode_hidden(ids, memory, memory_mask, ctx)?)
    }

    /// As [`Self::decode`], but the hidden states [b, t, d] in front of the head.
    ///
    /// # Errors
    /// Where shapes or ids do not fit.
    pub fn decode_hidden(
        &self,
        ids: &Tensor,
        memory: &Tensor,
        memory_mask: Option<&Tensor>,
        ctx: &Context,
    ) -> candle_core::Result<Tensor> {
        self.decoder.hidden(ids, memory, memory_mask, ctx)
    }

    /// Logits [n, vocab] of hidden states [n, d].
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn head(&self, hidden: &Tensor) -> candle_core::Result<Tensor> {
        self.decoder.logits(hidden)
    }

    /// `scale` times the summed cross entropy, in nats, of hidden states [n, d] in front of the head against targets other
    /// than `ignore`. The logits never stand in memory as a whole.
    ///
    /// # Errors
    /// Where shapes do not fit, or a target is no word.
    pub fn cross_entropy(
        &self,
        hidden: &Tensor,
        targets: &[u32],
        ignore: u32,
        smoothing: numeric::Smoothing,
        scale: f64,
    ) -> candle_core::Result<Tensor> {
        self.decoder.cross_entropy(hidden, targets, ignore, smoothing, scale)
    }

    /// The original's weight of its regulariser at a step: sigmoid(step · k − b), or 0 without it.
    #[must_use]
    pub fn seed_reg_weight(&self, step: usize) -> f64 {
        if !self.config.use_reg_loss {
            return 0.0;
        }
        let x = step as f64 * self.config.reg_schedule_k - self.config.reg_schedule_b;
        1.0 / (1.0 + (-x).exp())
    }

    /// The original's loss of logits [n, vocab] and their targets, where those equal to `ignore` do
    /// not count, and of latents [b, n, L] against prior samples [N, L] at a training step.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn seed_loss(
        &self,
        logits: &Tensor,
        targets: &[u32],
        ignore: u32,
        latent: &Tensor,
        prior: &Tensor,
        step: usize,
    ) -> candle_core::Result<SeedLoss> {
        let decoder_ce = numeric::cross_entropy(logits, targets, ignore, 0.0)?;
        let reg_loss = mmd_original(latent, prior)?;
        let reg_weight = self.seed_reg_weight(step);
        let loss = (&decoder_ce + (&reg_loss * reg_weight)?)?;
        Ok(SeedLoss { loss, decoder_ce, reg_loss, reg_weight })
    }
}
