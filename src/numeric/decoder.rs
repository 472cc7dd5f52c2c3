//! A T5 decoder on slices, for generation: weights laid out once, a preallocated key/value cache, all rows in one batch.
//!
//! A row that has ended leaves the batch at once: it costs no product and no logits any more.

mod beam;
mod state;
mod weights;

use std::ops::ControlFlow;

pub use beam::Beam;
pub use weights::{relative_bucket, DecoderSpec, DecoderWeights, LayerWeights};

use state::State;
use weights::Packed;

/// Why the decoder could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum DecoderError {
    /// A weight has another number of values than the specification asks for.
    #[error("decoder weight `{name}` holds {found} numbers, expected {expected}")]
    Weight {
        /// Which one.
        name: String,
        /// Numbers found.
        found: usize,
        /// Numbers expected.
        expected: usize,
    },
    /// The memory is no whole number of rows and positions.
    #[error("a memory of {found} numbers does not divide into {rows} rows of width {d_model}")]
    Memory {
        /// Numbers found.
        found: usize,
        /// Rows asked for.
        rows: usize,
        /// Width of a position.
        d_model: usize,
    },
    /// The caller broke off.
    #[error("cancelled")]
    Cancelled,
}

/// When and with what generation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Tokens per row at most, the end token included.
    pub max_len: usize,
    /// The id that ends a row; `None` never stops early.
    pub eos: Option<u32>,
    /// Ids that are never generated, such as padding.
    pub suppress: Vec<u32>,
}

/// What one step of generation gave.
#[derive(Debug)]
pub struct Step<'a> {
    /// Its number, from 0.
    pub index: usize,
    /// For every row that was still going: row, token, and whether the row has ended with it.
    pub tokens: &'a [(usize, u32, bool)],
}

/// The decoder: immutable, shared freely between threads.
pub struct Decoder {
    packed: Packed,
}

impl Decoder {
    /// Lays the weights out for generation.
    ///
    /// # Errors
    /// [`DecoderError::Weight`] naming the first weight that does not fit the specification.
    pub fn new(spec: DecoderSpec, weights: DecoderWeights) -> Result<Self, DecoderError> {
        Ok(Self { packed: Packed::new(spec, weights)? })
    }

    /// Greedy decodes of `rows` memories, `memory` being `[rows, m, d_model]`; ids come without start and end.
    /// `on_step` sees every step's tokens and can break off.
    ///
    /// # Errors
    /// A memory that does not divide into rows; [`DecoderError::Cancelled`].
    pub fn generate(
        &self,
        memory: &[f32],
        rows: usize,
        options: &GenerateOptions,
        on_step: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<u32>>, DecoderError> {
        let mut out = vec![Vec::new(); rows];
        let mut state = State::new(&self.packed, memory, rows, rows, options.max_len)?;
        let mut live: Vec<usize> = (0..rows).collect();
        let mut ids = vec![self.packed.spec.start_id; rows];
        let mut told = Vec::with_capacity(rows);
        for index in 0..options.max_len {
            if live.is_empty() {
                break;
            }
            let logits = state.step(&live, &ids, index);
            told.clear();
            for (&row, logits) in live.iter().zip(logits.chunks_exact_mut(self.packed.spec.vocab)) {
                let id = argmax(logits, &options.suppress);
                let ended = options.eos == Some(id);
                if !ended {
                    out[row].push(id);
                }
                told.push((row, id, ended || index + 1 == options.max_len));
            }
            if on_step(&Step { index, tokens: &told }).is_break() {
                return Err(DecoderError::Cancelled);
            }
            live.clear();
            ids.clear();
            for &(row, id, ended) in &told {
                if !ended {
                    live.push(row);
                    ids.push(id);
                }
            }
        }
        Ok(out)
    }

    /// The `beams` most probable continuations found per row, best first by log probability per token.
    ///
    /// # Errors
    /// A memory that does not divide into rows.
    pub fn beam_search(
        &self,
        memory: &[f32],
        rows: usize,
        beams: usize,
        options: &GenerateOptions,
    ) -> Result<Vec<Vec<Beam>>, DecoderError> {
        beam::search(&self.packed, memory, rows, beams.max(1), options)
    }
}

/// The id of the largest logit, the first where several are equal. Suppressed ones are overwritten.
fn argmax(logits: &mut [f32], suppress: &[u32]) -> u32 {
    for &id in suppress {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
    let top = super::slices::max(logits);
    logits.iter().position(|&l| l == top).unwrap_or(0) as u32
}
