//! The original's configurations of the two transformers, as far as the model reads them.

use serde::{Deserialize, Serialize};

/// How the encoder scores positions; both give the same scores (Dai et al. 2020, A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionType {
    /// All relative positions, shifted.
    RelativeShift,
    /// Products of sines and cosines.
    Factorized,
}

/// How two neighbouring positions become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// Their maximum, number by number.
    Max,
}

/// The encoder's part of the configuration (`funnel`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunnelConfig {
    /// Layers in each block; between blocks the sequence is pooled by two.
    pub block_sizes: Vec<usize>,
    /// How often each layer of a block runs with the same parameters.
    pub block_repeats: Vec<usize>,
    /// Width of the hidden states.
    pub d_model: usize,
    /// Attention heads.
    pub n_head: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Width of the feed-forward layer.
    pub d_inner: usize,
    /// Activation of the feed-forward layer: `gelu_new`, `gelu` or `relu`.
    pub hidden_act: String,
    /// Dropout on embedded positions and sublayer outputs.
    pub hidden_dropout: f64,
    /// Dropout on attention probabilities.
    pub attention_dropout: f64,
    /// Dropout behind the activation.
    pub activation_dropout: f64,
    /// Upper end of the uniform initialisation of the attention's own parameters.
    pub initializer_range: f64,
    /// Deviation of weights at the start; by fan-in and fan-out where absent.
    #[serde(default)]
    pub initializer_std: Option<f64>,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f64,
    /// The attention's form.
    pub attention_type: AttentionType,
    /// Pooling between blocks.
    pub pooling_type: Pooling,
    /// Whether the first position stays out of pooling and of positional scores.
    pub separate_cls: bool,
    /// Whether the last position is dropped in pooling with `separate_cls`.
    pub truncate_seq: bool,
    /// Whether a block's first layer pools its queries only.
    pub pool_q_only: bool,
}

/// The decoder's part of the configuration (`t5`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct T5Config {
    /// Number of words.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub d_model: usize,
    /// Width of one head.
    pub d_kv: usize,
    /// Width of the feed-forward layer.
    pub d_ff: usize,
    /// Number of layers of the T5 encoder, where the model has that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_layers: Option<usize>,
    /// Number of decoder layers.
    pub num_decoder_layers: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Buckets of relative positions.
    pub relative_attention_num_buckets: usize,
    /// Dropout everywhere in the decoder.
    pub dropout_rate: f64,
    /// Added to the mean square in norms.
    pub layer_norm_epsilon: f64,
    /// Scale of the initialisation.
    pub initializer_factor: f64,
    /// `relu` or `gated-gelu`.
    pub feed_forward_proj: String,
    /// Longest sequence; the length to which latents are upsampled.
    pub n_positions: usize,
    /// Whether the head is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// Id of padding.
    pub pad_token_id: u32,
    /// Id in front of every decoder input.
    pub decoder_start_token_id: u32,
    /// Id that ends a sequence; the start id where absent.
    #[serde(default)]
    pub eos_token_id: Option<u32>,
}
