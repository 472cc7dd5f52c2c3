//! Latents in, token ids out: the model's tensors on one side, the decoder on slices on the other.

use std::ops::ControlFlow;

use candle_core::{DType, Tensor};

use super::{Context, Error, TransformerVae, EMBEDDING};
use crate::latent::Latent;
use crate::numeric::decoder::{
    Beam, Decoder, DecoderSpec, DecoderWeights, GenerateOptions, LayerWeights, Step,
};

/// `<mask>` in the tokenizers that this program trains.
const MASK_ID: u32 = 2;

/// The decoder's weights packed for generation, a snapshot of a model at one moment.
pub struct Generator {
    decoder: Decoder,
    eos: u32,
    /// Padding, and for our own models the mask token: never part of a text.
    suppress: Vec<u32>,
}

impl Generator {
    /// Packs the decoder of `model`.
    ///
    /// # Errors
    /// When a decoder parameter is missing or has another shape than the configuration says.
    pub fn new(model: &TransformerVae) -> Result<Self, Error> {
        let (spec, weights) = decoder_weights(model)?;
        let own = model.config().tvae.is_some();
        let t5 = &model.config().t5;
        Ok(Self {
            decoder: Decoder::new(spec, weights)?,
            eos: model.config().eos(),
            suppress: if own { vec![t5.pad_token_id, MASK_ID] } else { vec![t5.pad_token_id] },
        })
    }

    fn options(&self, max_len: usize) -> GenerateOptions {
        GenerateOptions { max_len, eos: Some(self.eos), suppress: self.suppress.clone() }
    }

    /// Greedy decodes of all latents as one batch, without start and end tokens.
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn greedy(
        &self,
        model: &TransformerVae,
        latents: &[Latent],
        max_len: usize,
    ) -> Result<Vec<Vec<u32>>, Error> {
        let decoded = self.stream(model, latents, max_len, &mut |_| ControlFlow::Continue(()))?;
        Ok(decoded.unwrap_or_default())
    }

    /// As [`Generator::greedy`], telling `on_step` every token as it comes; `None` when it breaks off.
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn stream(
        &self,
        model: &TransformerVae,
        latents: &[Latent],
        max_len: usize,
        on_step: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Vec<Vec<u32>>>, Error> {
        if latents.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let memory = model.memory_values(latents)?;
        let options = self.options(max_len);
        match self.decoder.generate(&memory, latents.len(), &options, on_step) {
            Ok(rows) => Ok(Some(rows)),
            Err(crate::numeric::decoder::DecoderError::Cancelled) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The `beams` most probable decodes of every latent, best first.
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn beams(
        &self,
        model: &TransformerVae,
        latents: &[Latent],
        beams: usize,
        max_len: usize,
    ) -> Result<Vec<Vec<Beam>>, Error> {
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let memory = model.memory_values(latents)?;
        Ok(self.decoder.beam_search(&memory, latents.len(), beams, &self.options(max_len))?)
    }
}

/// The decoder's shape and parameters, as the decoder on slices takes them.
fn decoder_weights(model: &TransformerVae) -> Result<(DecoderSpec, DecoderWeights), Error> {
    let spec = model.decoder_spec();
    let vars: std::collections::HashMap<String, candle_core::Var> =
        model.parameters().into_iter().collect();
    let get = |name: String| -> Result<Vec<f32>, Error> {
        let var = vars.get(&name).ok_or_else(|| Error::Missing(name.clone()))?;
        Ok(var.as_detached_tensor().to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
    };
    let layers = (0..spec.layers)
        .map(|i| {
            let at = |rest: &str| get(format!("decoder.block.{i}.layer.{rest}.weight"));
            let attention = |name: &str| -> Result<[Vec<f32>; 4], Error> {
                let part = |part: &str| at(&format!("{name}.{part}"));
                Ok([part("q")?, part("k")?, part("v")?, part("o")?])
            };
            let inner: &[&str] = if spec.gated { &["wi_0", "wi_1"] } else { &["wi"] };
            Ok(LayerWeights {
                self_norm: at("0.layer_norm")?,
                self_attention: attention("0.SelfAttention")?,
                cross_norm: at("1.layer_norm")?,
                cross_attention: attention("1.EncDecAttention")?,
                ff_norm: at("2.layer_norm")?,
                ff_in: inner
                    .iter()
                    .map(|name| at(&format!("2.DenseReluDense.{name}")))
                    .collect::<Result<_, _>>()?,
                ff_out: at("2.DenseReluDense.wo")?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let bias = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
    let weights = DecoderWeights {
        embedding: get(EMBEDDING.to_owned())?,
        relative_bias: get(bias.to_owned())?,
        layers,
        final_norm: get("decoder.final_layer_norm.weight".to_owned())?,
        head: if spec.tied { None } else { Some(get("lm_head.weight".to_owned())?) },
    };
    let spec = DecoderSpec {
        d_model: spec.d_model,
        heads: spec.heads,
        d_kv: spec.d_kv,
        d_ff: spec.d_ff,
        layers: spec.layers,
        vocab: spec.vocab,
        buckets: spec.relative_attention_num_buckets,
        max_distance: spec.max_distance,
        gated: spec.gated,
        eps: spec.eps as f32,
        attention_scale: spec.attention_scale as f32,
        head_scale: spec.head_scale as f32,
        start_id: spec.start,
    };
    Ok((spec, weights))
}

impl TransformerVae {
    /// Latents of lines given as ids without specials; the end token is added, rows are padded together.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn encode_lines(&self, lines: &[Vec<u32>]) -> Result<Vec<Latent>, Error> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let (rows, len) = (lines.len(), lines.iter().map(Vec::len).max().unwrap_or(0) + 1);
        let mut ids = vec![self.config().t5.pad_token_id; rows * len];
        let mut mask = vec![0f32; rows * len];
        for (row, line) in lines.iter().enumerate() {
            let at = row * len;
            ids[at..at + line.len()].copy_from_slice(line);
            ids[at + line.len()] = self.config().eos();
            mask[at..=at + line.len()].fill(1.0);
        }
        let ids = Tensor::from_vec(ids, (rows, len), self.device())?;
        let mask = Tensor::from_vec(mask, (rows, len), self.device())?;
        let latent = self.encode(&ids, &mask, &Context::eval())?.detach(); // [rows, n, L]
        let (_, tokens, size) = latent.dims3()?;
        let values = latent.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(values
            .chunks_exact(tokens * size)
            .map(|v| Latent { tokens, size, values: v.to_vec() })
            .collect())
    }

    /// The decoder's memory for latents, `[rows × m × d_model]`, row-major.
    ///
    /// # Errors
    /// When a latent has another shape than the model's.
    pub fn memory_values(&self, latents: &[Latent]) -> Result<Vec<f32>, Error> {
        let (tokens, size) = (self.config().n_latent_tokens, self.config().latent_size);
        if let Some(other) = latents
            .iter()
            .find(|l| (l.tokens, l.size, l.values.len()) != (tokens, size, tokens * size))
        {
            return Err(Error::LatentShape {
                found: (other.tokens, other.size),
                expected: (tokens, size),
            });
        }
        let values: Vec<f32> = latents.iter().flat_map(|l| l.values.iter().copied()).collect();
        let latent = Tensor::from_vec(values, (latents.len(), tokens, size), self.device())?;
        // After slerp, extrapolation or an edit the latent is put back where the decoder was trained.
        let memory = self.memory(&self.project(&latent)?)?.detach();
        Ok(memory.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
    }
}
