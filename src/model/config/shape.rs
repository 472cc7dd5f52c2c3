//! Which encoder a model has, and how far its decoder's layers look back.

use crate::numeric::Span;
use serde::{Deserialize, Serialize};

/// The encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// Funnel-Transformer: the sequence is pooled by two from block to block (Dai et al. 2020).
    #[default]
    Funnel,
    /// The T5 encoder: no pooling between layers (Raffel et al. 2020).
    T5,
}

/// What a decoder layer's self-attention sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// Everything in front of a position.
    #[default]
    Full,
    /// The position's own block; blocks of odd layers begin half a window later, so that information crosses.
    Blocks,
    /// The last positions (Beltagy et al. 2020).
    Sliding,
}

/// How far the decoder's self-attention looks back. Cross-attention to the latents always sees them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecoderAttention {
    /// What a layer sees; `full`. Ablation: `blocks`, `sliding`.
    pub kind: AttentionKind,
    /// Positions of a block, or of the sliding window; 60. Not read with `full`.
    pub window: usize,
}

impl Default for DecoderAttention {
    fn default() -> Self {
        Self { kind: AttentionKind::Full, window: 60 }
    }
}

impl DecoderAttention {
    /// What a position of this layer sees, layers counted from 0.
    #[must_use]
    pub fn span(self, layer: usize) -> Span {
        let size = self.window;
        match self.kind {
            AttentionKind::Full => Span::All,
            AttentionKind::Blocks => {
                Span::Block { size, shift: if layer.is_multiple_of(2) { 0 } else { size / 2 } }
            }
            AttentionKind::Sliding => Span::Sliding { size },
        }
    }

    /// Whether every layer sees everything, as where nothing is said of it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kind == AttentionKind::Full
    }

    /// Whether blocks and windows are large enough to be any.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.is_full() || self.window >= 2
    }
}

impl EncoderKind {
    /// Whether it is the Funnel, as where nothing is said of it.
    #[must_use]
    pub fn is_funnel(&self) -> bool {
        *self == Self::Funnel
    }
}
