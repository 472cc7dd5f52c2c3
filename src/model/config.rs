//! The model's configuration: the original's `config.json`, with what is new under the key `tvae`.

mod nesting;
mod options;
mod parts;
mod shape;

pub use nesting::NestingConfig;
pub use options::{Bottleneck, Family, LabelsConfig, Queries, Regulariser, TvaeConfig};
pub use parts::{AttentionType, FunnelConfig, Pooling, T5Config};
pub use shape::{AttentionKind, DecoderAttention, EncoderKind, GridConfig, GridPooling};

use super::Error;
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    funnel: FunnelConfig,
    t5: T5Config,
    n_latent_tokens: usize,
    latent_size: usize,
    #[serde(default)]
    skip_upsample: bool,
    #[serde(default)]
    vae_encoder_model: String,
    #[serde(default)]
    vae_decoder_model: String,
    #[serde(default = "yes")]
    use_reg_loss: bool,
    #[serde(default = "schedule_k")]
    reg_schedule_k: f64,
    #[serde(default = "schedule_b")]
    reg_schedule_b: f64,
}

fn yes() -> bool {
    true
}

fn schedule_k() -> f64 {
    0.0025
}

fn schedule_b() -> f64 {
    6.25
}

/// A model's whole configuration. Keys of the original that are not named here are kept and saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Config {
    /// The encoder.
    pub funnel: FunnelConfig,
    /// The decoder.
    pub t5: T5Config,
    /// Latent tokens, n.
    pub n_latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Whether the decoder sees the latent tokens themselves and not their repetition.
    pub skip_upsample: bool,
    /// What stands between latents and memory: "" (layer norm), `t5_norm` or `no_norm`.
    pub vae_decoder_model: String,
    /// Whether the original's regulariser counts.
    pub use_reg_loss: bool,
    /// Slope of the original's schedule of the regulariser's weight.
    pub reg_schedule_k: f64,
    /// Offset of that schedule.
    pub reg_schedule_b: f64,
    /// What is new; absent in the original's files, which behave as the original.
    pub tvae: Option<TvaeConfig>,
    document: Map<String, Value>,
}

/// Sizes of a `sphere` model, for [`Config::sphere`].
#[derive(Debug, Clone, PartialEq)]
pub struct SphereShape {
    /// Number of words.
    pub vocab: usize,
    /// Width of the hidden states.
    pub d_model: usize,
    /// Attention heads; divides `d_model`.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub d_ff: usize,
    /// Layers in each encoder block.
    pub encoder_blocks: Vec<usize>,
    /// Decoder layers.
    pub decoder_layers: usize,
    /// Latent tokens, n.
    pub latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Longest sequence in tokens, the end included.
    pub max_len: usize,
    /// Id of padding; 1 in our tokenizers.
    pub pad: u32,
    /// Id that starts and ends a sequence; 0 in our tokenizers.
    pub eos: u32,
}

impl Config {
    /// A `sphere` configuration with every other option at its default.
    ///
    /// # Errors
    /// Where the sizes do not fit together.
    pub fn sphere(shape: SphereShape) -> Result<Self, Error> {
        let SphereShape { vocab, d_model, heads, d_ff, max_len, pad, eos, .. } = shape;
        if heads == 0 || d_model % heads != 0 {
            return Err(Error::Config(format!(
                "d_model {d_model} is no multiple of {heads} heads"
            )));
        }
        let repeats = vec![1; shape.encoder_blocks.len()];
        let document = json!({
            "model_type": "transformer_vae",
            "n_latent_tokens": shape.latent_tokens,
            "latent_size": shape.latent_size,
            "set_seq_size": max_len,
            "skip_upsample": true,
            "vae_encoder_model": "",
            "vae_decoder_model": "",
            "use_reg_loss": true,
            "reg_schedule_k": schedule_k(),
            "reg_schedule_b": schedule_b(),
            "vocab_size": vocab,
            "funnel": {
                "model_type": "funnel", "vocab_size": vocab, "block_sizes": shape.encoder_blocks,
                "block_repeats": repeats, "d_model": d_model, "n_head": heads,
                "d_head": d_model / heads, "d_inner": d_ff, "hidden_act": "relu",
                "hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0,
                "initializer_range": 0.1, "initializer_std": null, "layer_norm_eps": 1e-9,
                "attention_type": "relative_shift", "pooling_type": "mean", "separate_cls": false,
                "truncate_seq": false, "pool_q_only": true, "n_positions": max_len,
                "pad_token_id": pad, "decoder_start_token_id": eos
            },
            "t5": {
                "model_type": "t5", "vocab_size": vocab, "d_model": d_model,
                "d_kv": d_model / heads, "d_ff": d_ff, "num_layers": shape.decoder_layers,
                "num_decoder_layers": shape.decoder_layers, "num_heads": heads,
                "relative_attention_num_buckets": 32, "dropout_rate": 0.0,
                "layer_norm_epsilon": 1e-6, "initializer_factor": 1.0,
                "feed_forward_proj": "relu", "n_positions": max_len,
                "tie_word_embeddings": true, "pad_token_id": pad,
                "decoder_start_token_id": eos, "eos_token_id": eos
            },
            "tvae": TvaeConfig { max_len, ..TvaeConfig::default() },
        });
        Self::try_from(document)
    }

    /// Reads a configuration file's text.
    ///
    /// # Errors
    /// Where it is no JSON, a key is missing or has an impossible value, or `tvae` has an unknown key.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, Error> {
        let value: Value =
            serde_json::from_slice(text.as_ref()).map_err(|e| Error::Config(e.to_string()))?;
        Self::try_from(value)
    }

    /// The text of the configuration file, with every key that was read.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::from(self.clone()))
    }

    /// The family; `seed` without the key `tvae`.
    #[must_use]
    pub fn family(&self) -> Family {
        self.tvae.as_ref().map_or(Family::Seed, |t| t.family)
    }

    /// The bottleneck in use; tanh under `seed`.
    #[must_use]
    pub fn bottleneck(&self) -> Bottleneck {
        self.sphere_options().map_or(Bottleneck::Tanh, |t| t.bottleneck)
    }

    /// Vectors of the `vq` codebook; 0 without one.
    #[must_use]
    pub fn codebook(&self) -> usize {
        self.sphere_options().and_then(|t| t.codebook).unwrap_or(0)
    }

    /// Levels of `fsq`, repeated along a latent token's numbers; none without it.
    #[must_use]
    pub fn fsq_levels(&self) -> &[usize] {
        self.sphere_options().map_or(&[], |t| &t.fsq_levels)
    }

    /// Whether slot embeddings are in use.
    #[must_use]
    pub fn slots(&self) -> bool {
        self.sphere_options().is_some_and(|t| t.slots)
    }

    /// Learned query tokens in front of the encoder's input; 0 where there are none.
    #[must_use]
    pub fn prepended(&self) -> usize {
        match self.sphere_options() {
            Some(t) if t.queries == Queries::Prepended => self.n_latent_tokens,
            _ => 0,
        }
    }

    /// Which encoder the model has.
    #[must_use]
    pub fn encoder(&self) -> EncoderKind {
        self.tvae.as_ref().map_or(EncoderKind::Funnel, |t| t.encoder)
    }

    /// How far the decoder's self-attention looks back.
    #[must_use]
    pub fn attention(&self) -> DecoderAttention {
        self.tvae.as_ref().map_or_else(DecoderAttention::default, |t| t.attention)
    }

    /// How sequences lie on a picture; `None` where they are none.
    #[must_use]
    pub fn grid(&self) -> Option<GridConfig> {
        self.sphere_options().and_then(|t| t.grid)
    }

    /// Tokens that open and close brackets and strings; `None` where the decoder is not told what is open.
    #[must_use]
    pub fn nesting(&self) -> Option<&NestingConfig> {
        self.sphere_options().and_then(|t| t.nesting.as_ref())
    }

    /// Labels that a layer tells from latents; `None` where there is no such layer. Read in both families.
    #[must_use]
    pub fn labels(&self) -> Option<&LabelsConfig> {
        self.tvae.as_ref().and_then(|t| t.labels.as_ref())
    }

    /// Layers of the T5 encoder; the decoder's number where the file does not say.
    #[must_use]
    pub fn t5_encoder_layers(&self) -> usize {
        self.t5.num_layers.unwrap_or(self.t5.num_decoder_layers)
    }

    /// Longest sequence in tokens, the end included.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.sphere_options().map_or(self.t5.n_positions, |t| t.max_len)
    }

    /// Name of the domain that the model was trained on; empty where unknown.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.tvae.as_ref().map_or("", |t| &t.domain)
    }

    /// Number of words.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.t5.vocab_size
    }

    /// Id that ends a sequence.
    #[must_use]
    pub fn eos(&self) -> u32 {
        self.t5.eos_token_id.unwrap_or(self.t5.decoder_start_token_id)
    }

    fn sphere_options(&self) -> Option<&TvaeConfig> {
        self.tvae.as_ref().filter(|t| t.family == Family::Sphere)
    }

    fn check(&self) -> Result<(), Error> {
        let (f, t) = (&self.funnel, &self.t5);
        let fail = |text: String| Err(Error::Config(text));
        if f.block_sizes.is_empty() || f.block_sizes.len() != f.block_repeats.len() {
            return fail("`funnel.block_sizes` and `funnel.block_repeats` differ in length".into());
        }
        if f.d_model != t.d_model || f.d_model == 0 || f.d_model % 2 != 0 {
            return fail(format!(
                "`funnel.d_model` {} and `t5.d_model` {} have to be equal and even",
                f.d_model, t.d_model
            ));
        }
        if !matches!(f.hidden_act.as_str(), "gelu_new" | "gelu" | "relu") {
            return fail(format!("`funnel.hidden_act` {:?} is not supported", f.hidden_act));
        }
        if !matches!(t.feed_forward_proj.as_str(), "relu" | "gated-gelu") {
            return fail(format!(
                "`t5.feed_forward_proj` {:?} is not supported",
                t.feed_forward_proj
            ));
        }
        if !matches!(self.vae_decoder_model.as_str(), "" | "t5_norm" | "no_norm") {
            return fail(format!("`vae_decoder_model` {:?} is unknown", self.vae_decoder_model));
        }
        if t.relative_attention_num_buckets < 2 {
            return fail("`t5.relative_attention_num_buckets` has to be 2 or more".into());
        }
        if !self.attention().is_possible() {
            return fail(format!(
                "`tvae.attention.window` {} has to be 2 or more",
                self.attention().window
            ));
        }
        if self.encoder() == EncoderKind::T5 {
            if self.prepended() == 0 && self.n_latent_tokens != 1 {
                return fail(format!(
                    "`n_latent_tokens` {} has to be 1 where the T5 encoder has no queries",
                    self.n_latent_tokens
                ));
            }
            if self.t5_encoder_layers() == 0 {
                return fail("`t5.num_layers` has to be 1 or more".into());
            }
            if !self.skip_upsample {
                return fail("`skip_upsample` has to be true with the T5 encoder".into());
            }
        }
        if self.grid().is_some_and(|grid| grid.side == 0) {
            return fail("`tvae.grid.side` has to be 1 or more".into());
        }
        if let Some(nesting) = self.nesting() {
            for (key, kinds, most) in [
                ("open", nesting.open.len(), NestingConfig::BRACKETS),
                ("quote", nesting.quote.len(), NestingConfig::QUOTES),
            ] {
                if kinds > most {
                    return fail(format!(
                        "`tvae.nesting.{key}` names {kinds} kinds, and {most} are told apart"
                    ));
                }
            }
        }
        if let Some(code) = self.nesting().and_then(NestingConfig::unknown_role) {
            return fail(format!("`tvae.nesting.roles` has `{code}`, which stands for nothing"));
        }
        if self.labels().is_some_and(|labels| labels.names.len() < 2) {
            return fail("`tvae.labels.names` has to hold 2 or more".into());
        }
        self.check_codes()?;
        let sizes = [
            ("n_latent_tokens", self.n_latent_tokens),
            ("latent_size", self.latent_size),
            ("t5.vocab_size", t.vocab_size),
            ("t5.num_decoder_layers", t.num_decoder_layers),
            ("t5.num_heads", t.num_heads),
            ("t5.d_kv", t.d_kv),
            ("t5.d_ff", t.d_ff),
            ("t5.n_positions", t.n_positions),
            ("funnel.n_head", f.n_head),
            ("funnel.d_head", f.d_head),
            ("funnel.d_inner", f.d_inner),
            ("funnel.block_sizes", f.block_sizes.iter().copied().min().unwrap_or(0)),
            ("funnel.block_repeats", f.block_repeats.iter().copied().min().unwrap_or(0)),
        ];
        match sizes.iter().find(|(_, size)| *size == 0) {
            Some((key, _)) => fail(format!("`{key}` has to be 1 or more")),
            None => Ok(()),
        }
    }

    fn check_codes(&self) -> Result<(), Error> {
        let fail = |text: String| Err(Error::Config(text));
        match self.bottleneck() {
            Bottleneck::Vq if self.codebook() < 2 => fail(format!(
                "under `tvae`: `codebook` is {}, and `vq` needs 2 vectors or more",
                self.codebook()
            )),
            Bottleneck::Fsq => {
                let levels = self.fsq_levels();
                let product = levels.iter().try_fold(1u32, |n, &l| n.checked_mul(l as u32));
                if levels.is_empty() || levels.iter().any(|&l| l < 2) || product.is_none() {
                    return fail(format!(
                        "under `tvae`: `fsq_levels` is {levels:?}, expected whole numbers of 2 or more like [8, 5, 5, 5]"
                    ));
                }
                if !self.latent_size.is_multiple_of(levels.len()) {
                    return fail(format!(
                        "`latent_size` {} is no multiple of the {} numbers of `fsq_levels`",
                        self.latent_size,
                        levels.len()
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl TryFrom<Value> for Config {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self, Error> {
        let Value::Object(mut document) = value else {
            return Err(Error::Config("expected a JSON object".into()));
        };
        let tvae = match document.shift_remove("tvae") {
            None | Some(Value::Null) => None,
            Some(tvae) => Some(
                serde_json::from_value::<TvaeConfig>(tvae)
                    .map_err(|e| Error::Config(format!("under `tvae`: {e}")))?,
            ),
        };
        let known: Known = serde_json::from_value(Value::Object(document.clone()))
            .map_err(|e| Error::Config(e.to_string()))?;
        if !known.vae_encoder_model.is_empty() {
            return Err(Error::Config(format!(
                "`vae_encoder_model` {:?} is unknown",
                known.vae_encoder_model
            )));
        }
        let config = Self {
            funnel: known.funnel,
            t5: known.t5,
            n_latent_tokens: known.n_latent_tokens,
            latent_size: known.latent_size,
            skip_upsample: known.skip_upsample,
            vae_decoder_model: known.vae_decoder_model,
            use_reg_loss: known.use_reg_loss,
            reg_schedule_k: known.reg_schedule_k,
            reg_schedule_b: known.reg_schedule_b,
            tvae,
            document,
        };
        config.check()?;
        Ok(config)
    }
}

impl From<Config> for Value {
    fn from(config: Config) -> Self {
        let known = Known {
            funnel: config.funnel,
            t5: config.t5,
            n_latent_tokens: config.n_latent_tokens,
            latent_size: config.latent_size,
            skip_upsample: config.skip_upsample,
            vae_encoder_model: String::new(),
            vae_decoder_model: config.vae_decoder_model,
            use_reg_loss: config.use_reg_loss,
            reg_schedule_k: config.reg_schedule_k,
            reg_schedule_b: config.reg_schedule_b,
        };
        let mut document = Self::Object(config.document);
        merge(&mut document, json!(known));
        if let (Some(tvae), Self::Object(object)) = (config.tvae, &mut document) {
            object.insert("tvae".into(), json!(tvae));
        }
        document
    }
}

/// Writes `new` over `old`, object by object; keys that only `old` has stay.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                match old.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None if value.is_null() => {}
                    None => {
                        old.insert(key, value);
                    }
                }
            }
        }
        (old, new) => *old = new,
    }
}
