//! Which encoder a model has, how far its decoder's layers look back, and how its sequences lie on a picture.

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

/// How the encoder's blocks shrink a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridPooling {
    /// As any sequence: by two, wherever a row ends.
    #[default]
    Sequence,
    /// By two within a row: every row keeps its place.
    Rows,
    /// By two in both dimensions, as images are pooled.
    Square,
}

impl GridPooling {
    /// Rows and columns that become one.
    #[must_use]
    pub fn window(self) -> Option<(usize, usize)> {
        match self {
            Self::Sequence => None,
            Self::Rows => Some((1, 2)),
            Self::Square => Some((2, 2)),
        }
    }
}

/// A sequence that is a square picture, read row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridConfig {
    /// Cells of a row, and rows.
    pub side: usize,
    /// Tokens in front of the first cell.
    pub before: usize,
    /// How the Funnel encoder pools them; `sequence`. Not read by the T5 encoder.
    #[serde(default)]
    pub pooling: GridPooling,
    /// Whether rows and columns have learned embeddings, in encoder and decoder; false.
    #[serde(default)]
    pub embeddings: bool,
}
