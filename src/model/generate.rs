//! Latents in, token ids out: the model's tensors on one side, the decoder on slices on the other.

use std::ops::ControlFlow;

use candle_core::{DType, Tensor};

use super::{Context, Error, TransformerVae, EMBEDDING};
use crate::latent::Latent;
use crate::numeric::decoder::{
    Beam, Decoder, DecoderError, DecoderSpec, DecoderWeights, Draft, Effort, GenerateOptions,
    Guide, LayerWeights, Precision, Step,
};

/// `<mask>` in the tokenizers that this program trains.
const MASK_ID: u32 = 2;

/// Share of tokens from which weights in bf16 are the default.
const ENOUGH_AGREEMENT: f64 = 0.995;

/// How far greedy decodes with weights in bf16 are those in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreement {
    /// Tokens of the longer of both decodes, ends included.
    pub tokens: usize,
    /// Tokens that are the same at the same place.
    pub same_tokens: usize,
    /// Decodes.
    pub rows: usize,
    /// Decodes that are the same throughout.
    pub same_rows: usize,
    /// Seconds that decoding in single precision took.
    pub f32_seconds: f64,
    /// Seconds that decoding in bf16 took.
    pub bf16_seconds: f64,
}

impl Agreement {
    /// Measures batches of latents.
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn measure<'a>(
        model: &TransformerVae,
        batches: impl Iterator<Item = &'a [Latent]>,
        max_len: usize,
    ) -> Result<Self, Error> {
        let single = Generator::with_precision(model, Precision::F32)?;
        let half = Generator::with_precision(model, Precision::Bf16)?;
        let mut total = Self::default();
        for latents in batches {
            let clock = std::time::Instant::now();
            let wanted = single.greedy(model, latents, max_len)?;
            total.f32_seconds += clock.elapsed().as_secs_f64();
            let clock = std::time::Instant::now();
            let found = half.greedy(model, latents, max_len)?;
            total.bf16_seconds += clock.elapsed().as_secs_f64();
            for (a, b) in wanted.iter().zip(&found) {
                // The end is a token too: rows of different lengths differ in theirs.
                total.tokens += a.len().max(b.len()) + 1;
                let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
                total.same_tokens += same + usize::from(a.len() == b.len());
                total.rows += 1;
                total.same_rows += usize::from(a == b);
            }
        }
        Ok(total)
    }

    /// Share of tokens that are the same; 1 of none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.tokens == 0 {
            1.0
        } else {
            self.same_tokens as f64 / self.tokens as f64
        }
    }
}

/// Threads of a generation at most: more of them wait for one another longer than they compute.
const MOST_THREADS: usize = 8;

/// The decoder's weights packed for generation, a snapshot of a model at one moment.
pub struct Generator {
    decoder: Decoder,
    precision: Precision,
    threads: usize,
    eos: u32,
    /// Padding, and for our own models the mask token: never part of a text.
    suppress: Vec<u32>,
}

/// One batch to decode greedily.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// What to decode.
    pub latents: &'a [Latent],
    /// Tokens per row at most, the end token included.
    pub max_len: usize,
    /// A guess at each row, or none at all: makes the work less and the result no other.
    pub drafts: &'a [Draft],
    /// Threads; 0 takes the machine's cores.
    pub threads: usize,
}

/// What became of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Ids of every row, without start and end tokens.
    pub rows: Vec<Vec<u32>>,
    /// What it cost.
    pub effort: Effort,
}

impl Generator {
    /// Packs the decoder of `model` in single precision.
    ///
    /// # Errors
    /// When a decoder parameter is missing or has another shape than the configuration says.
    pub fn new(model: &TransformerVae) -> Result<Self, Error> {
        Self::with_precision(model, Precision::F32)
    }

    /// The precision that a model's configuration asks for: bf16 where it was measured to leave at least 99.5 % of tokens as
    /// they are.
    #[must_use]
    pub fn default_precision(model: &TransformerVae) -> Precision {
        let measured = model.config().tvae.as_ref().and_then(|t| t.bf16_agreement);
        measured.map_or(Precision::F32, Self::default_for)
    }

    /// The default precision of a model of which bf16 leaves this share of tokens as they are.
    #[must_use]
    pub fn default_for(agreement: f64) -> Precision {
        if agreement >= ENOUGH_AGREEMENT {
            Precision::Bf16
        } else {
            Precision::F32
        }
    }

    /// Packs the decoder of `model` with weights of this precision; sums stay in single precision.
    ///
    /// # Errors
    /// As [`Generator::new`].
    pub fn with_precision(model: &TransformerVae, precision: Precision) -> Result<Self, Error> {
        let (spec, weights) = decoder_weights(model)?;
        let own = model.config().tvae.is_some();
        let t5 = &model.config().t5;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            decoder: Decoder::new(spec, weights, precision)?,
            precision,
            threads: cores.min(MOST_THREADS),
            eos: model.config().eos(),
            suppress: if own { vec![t5.pad_token_id, MASK_ID] } else { vec![t5.pad_token_id] },
        })
    }

    /// Precision of the packed weights.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    fn options(&self, max_len: usize, threads: usize) -> GenerateOptions {
        let threads = if threads == 0 { self.threads } else { threads };
        GenerateOptions { max_len, eos: Some(self.eos), suppress: self.suppress.clone(), threads }
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
        let batch = Batch { latents, max_len, drafts: &[], threads: 0 };
        Ok(self.decode(model, batch, on_step)?.map(|decoded| decoded.rows))
    }

    /// Greedy decodes of a batch, and what they cost; `on_step` sees the tokens as they come, `None` when it breaks off.
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn decode(
        &self,
        model: &TransformerVae,
        batch: Batch<'_>,
        on_step: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Decoded>, Error> {
        let rows = batch.latents.len();
        if rows == 0 {
            return Ok(Some(Decoded::default()));
        }
        let memory = model.memory_values(batch.latents)?;
        let options = self.options(batch.max_len, batch.threads);
        match self.decoder.generate(&memory, rows, &options, batch.drafts, on_step) {
            Ok((rows, effort)) => Ok(Some(Decoded { rows, effort })),
            Err(DecoderError::Cancelled) => Ok(None),
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
        Ok(self.decoder.beam_search(&memory, latents.len(), beams, &self.options(max_len, 0))?)
    }

    /// Draws one decode per row of a memory `[rows × m × d_model]`; at a temperature of 1 from the distribution as it is.
    ///
    /// # Errors
    /// A memory that does not divide into rows.
    pub fn sample(
        &self,
        memory: &[f32],
        rows: usize,
        max_len: usize,
        temperature: f32,
        rng: &mut dyn rand::RngCore,
    ) -> Result<Vec<Vec<u32>>, Error> {
        Ok(self.decoder.sample(memory, rows, &self.options(max_len, 0), temperature, rng)?)
    }

    /// For every latent the accepted decodes that a search of so many beams finds, the most probable per token first; see
    /// [`Decoder::guided_search`].
    ///
    /// # Errors
    /// Those of the model; shapes that do not fit it.
    pub fn guided(
        &self,
        model: &TransformerVae,
        latents: &[Latent],
        beams: usize,
        max_len: usize,
        guide: &mut dyn Guide,
    ) -> Result<Vec<Vec<Beam>>, Error> {
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let memory = model.memory_values(latents)?;
        let options = self.options(max_len, 0);
        Ok(self.decoder.guided_search(&memory, latents.len(), beams, &options, guide)?)
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
        positions: model.position_values()?,
        nesting: model.nesting_values()?,
        relative_bias: get(bias.to_owned())?,
        layers,
        final_norm: get("decoder.final_layer_norm.weight".to_owned())?,
        head: if spec.tied { None } else { Some(get("lm_head.weight".to_owned())?) },
    };
    let spans = (0..spec.layers).map(|layer| spec.attention.span(layer)).collect();
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
        spans,
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

    /// Latents as a tensor [rows, n, L].
    pub(super) fn latent_tensor(&self, latents: &[Latent]) -> Result<Tensor, Error> {
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
        Ok(Tensor::from_vec(values, (latents.len(), tokens, size), self.device())?)
    }

    /// The decoder's memory for latents, `[rows × m × d_model]`, row-major.
    ///
    /// # Errors
    /// When a latent has another shape than the model's.
    pub fn memory_values(&self, latents: &[Latent]) -> Result<Vec<f32>, Error> {
        let latent = self.latent_tensor(latents)?;
        // After slerp, extrapolation or an edit the latent is put back where the decoder was trained.
        let memory = self.memory(&self.project(&latent)?)?.detach();
        Ok(memory.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
    }
}
