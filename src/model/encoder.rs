//! The encoder that a configuration asks for.

use super::config::EncoderKind;
use super::context::Context;
use super::funnel::Funnel;
use super::t5::T5Encoder;
use super::weights::Store;
use super::{Config, Error};
use candle_core::{Result, Tensor};

/// Embedded tokens to hidden states.
pub(super) enum Encoder {
    Funnel(Funnel),
    T5(T5Encoder),
}

impl Encoder {
    pub(super) fn new(config: &Config, store: &mut Store) -> std::result::Result<Self, Error> {
        Ok(match config.encoder() {
            EncoderKind::Funnel => Self::Funnel(Funnel::new(config, store)?),
            EncoderKind::T5 => Self::T5(T5Encoder::new(config, store)?),
        })
    }

    /// Hidden states [b, s', d] of embedded positions [b, s, d]; `mask` [b, s] has 1 for tokens.
    pub(super) fn forward(&self, hidden: &Tensor, mask: &Tensor, ctx: &Context) -> Result<Tensor> {
        match self {
            Self::Funnel(funnel) => funnel.forward(hidden, mask, ctx),
            Self::T5(encoder) => encoder.forward(hidden, mask, ctx),
        }
    }
}
