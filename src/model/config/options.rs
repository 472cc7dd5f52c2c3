//! What this program adds to the original's configuration, under the key `tvae`.

use super::{DecoderAttention, EncoderKind, GridConfig, NestingConfig};
use serde::{Deserialize, Serialize};

/// Which of the two families a model belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The original: token-type attention, unscaled T5 attention, head on h·d^-½, its initialisation.
    Seed,
    /// Ours: masked pooling, scaled decoder attention, slots, queries, latents on a sphere.
    #[default]
    Sphere,
}

/// What stands between the encoder and a latent token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// Each number through tanh, as the original.
    Tanh,
    /// Each latent token scaled to radius √L.
    #[default]
    Sphere,
    /// Nothing.
    None,
    /// A mean and a variance: drawn from in training, the mean in use (Kingma and Welling 2014). Its regulariser is `kl`.
    Gaussian,
    /// The nearest vector of a codebook (van den Oord et al. 2017).
    Vq,
    /// Each number rounded to one of a few levels (Mentzer et al. 2023).
    Fsq,
}

impl Bottleneck {
    /// Whether latent tokens are codes: there is nothing between two of them.
    #[must_use]
    pub fn is_discrete(self) -> bool {
        matches!(self, Self::Vq | Self::Fsq)
    }

    /// Whether training adds latent noise: a posterior brings its own, and rounding is noise enough.
    #[must_use]
    pub fn takes_noise(self) -> bool {
        matches!(self, Self::Tanh | Self::Sphere | Self::None)
    }
}

/// The regulariser on latent tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulariser {
    /// None at all.
    None,
    /// The original's biased MMD with its kernel and its division by the batch.
    MmdOriginal,
    /// Unbiased multi-scale inverse multiquadric MMD (Tolstikhin et al. 2018).
    #[default]
    MmdImq,
    /// Unbiased multi-scale Gaussian MMD (Gretton et al. 2012).
    MmdRbf,
    /// Sliced Wasserstein distance over random projections (Kolouri et al. 2019).
    SlicedWasserstein,
    /// Divergence of the posterior from N(0, I), with free bits; for the bottleneck `gaussian` (Kingma et al. 2016).
    Kl,
}

/// Which encoder positions become latent tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queries {
    /// Learned query tokens in front of the sequence, never pooled.
    #[default]
    Prepended,
    /// The first positions of the pooled sequence, as the original.
    Pooled,
}

/// Labels that a linear layer tells from latents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsConfig {
    /// Their names, in the order of the layer's outputs.
    pub names: Vec<String>,
    /// Whether the decoder is told the most probable one, so that what is between two labels is of one of them.
    #[serde(default)]
    pub decoder: bool,
}

/// What this program adds to the original's configuration; stands under `tvae`.
///
/// Under [`Family::Seed`] the options of shape (`bottleneck`, `slots`, `queries`) are not read: the
/// model is the original's. The noise options are only carried here; the trainer applies them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TvaeConfig {
    /// The family; `sphere` where left out.
    pub family: Family,
    /// The bottleneck; `sphere`. Ablation: `tanh` or `none`.
    pub bottleneck: Bottleneck,
    /// Vectors of the codebook, with the bottleneck `vq` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codebook: Option<usize>,
    /// Levels of a latent token's numbers, repeated along it, with the bottleneck `fsq` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fsq_levels: Vec<usize>,
    /// The regulariser; `mmd_imq`. Ablation: `none` or `mmd_original`.
    pub reg: Regulariser,
    /// Its weight in the loss; 0.05.
    pub reg_weight: f64,
    /// At most this many latent tokens enter it; 1,024.
    pub reg_max_tokens: usize,
    /// Whether a learned embedding is added to each latent token of the memory; true.
    pub slots: bool,
    /// Which positions become latent tokens; `prepended`. Ablation: `pooled`.
    pub queries: Queries,
    /// The encoder; `funnel`. Ablation: `t5`. Read in both families.
    #[serde(skip_serializing_if = "EncoderKind::is_funnel")]
    pub encoder: EncoderKind,
    /// How far the decoder's self-attention looks back; everywhere. Read in both families.
    #[serde(skip_serializing_if = "DecoderAttention::is_full")]
    pub attention: DecoderAttention,
    /// How sequences lie on a picture; absent where they are none, or nothing is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridConfig>,
    /// Tokens that open and close brackets and strings, where the decoder is told what is open; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesting: Option<NestingConfig>,
    /// Labels that a layer tells from latents; absent where there is no such layer. Read in both families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsConfig>,
    /// Largest deviation of the latent noise, σmax; 0.6. Ablation: 0.
    pub latent_noise_max: f64,
    /// Share of samples without latent noise; 0.25.
    pub latent_noise_clean: f64,
    /// Share of the training over which σmax grows from 0; 0.3.
    pub latent_noise_ramp: f64,
    /// Rate of deleted input tokens; 0.05.
    pub input_delete: f64,
    /// Rate of substituted input tokens; 0.05.
    pub input_substitute: f64,
    /// Rate of masked input tokens; 0.05.
    pub input_mask: f64,
    /// Rate of replaced decoder inputs; 0.05.
    pub decoder_noise: f64,
    /// Share of samples decoded from the null latent; 0.05.
    pub null_latent: f64,
    /// Name of the domain that the model was trained on; empty where unknown.
    pub domain: String,
    /// Longest sequence in tokens, the end included; 40.
    pub max_len: usize,
    /// Share of tokens of greedy ladders that weights in bf16 leave as they are, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bf16_agreement: Option<f64>,
}

impl Default for TvaeConfig {
    fn default() -> Self {
        Self {
            family: Family::default(),
            bottleneck: Bottleneck::default(),
            codebook: None,
            fsq_levels: Vec::new(),
            reg: Regulariser::default(),
            reg_weight: 0.05,
            reg_max_tokens: 1024,
            slots: true,
            queries: Queries::default(),
            encoder: EncoderKind::default(),
            attention: DecoderAttention::default(),
            grid: None,
            nesting: None,
            labels: None,
            latent_noise_max: 0.6,
            latent_noise_clean: 0.25,
            latent_noise_ramp: 0.3,
            input_delete: 0.05,
            input_substitute: 0.05,
            input_mask: 0.05,
            decoder_noise: 0.05,
            null_latent: 0.05,
            domain: String::new(),
            max_len: 40,
            bf16_agreement: None,
        }
    }
}
