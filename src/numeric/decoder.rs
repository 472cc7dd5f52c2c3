//! A T5 decoder on slices, for generation: weights laid out once, a preallocated key/value cache, all rows in one batch.
//!
//! A row that has ended leaves the batch at once: it costs no product and no logits any more. Drafts let a row take several
//! steps in one pass, with the same result.

mod beam;
mod greedy;
mod pass;
mod sample;
mod weights;

use std::ops::ControlFlow;

pub use super::kernel::Precision;
pub use beam::{Beam, Guide};
pub use greedy::Effort;
pub use weights::{relative_bucket, DecoderSpec, DecoderWeights, LayerWeights};

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
    /// Threads that share the work, this one included; the result does not depend on it.
    pub threads: usize,
}

/// A guess at what a row will say. Greedy decoding with drafts gives the same as without, in fewer passes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Draft {
    /// None.
    #[default]
    Nothing,
    /// These tokens, without start and end.
    Tokens(Vec<u32>),
    /// What another row of the batch has said by then.
    Row(usize),
}

/// What one step of generation gave.
#[derive(Debug)]
pub struct Step<'a> {
    /// Its number, from 0.
    pub index: usize,
    /// Row, token, and whether the row has ended with it; several of a row, in order, where a draft was right.
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
    pub fn new(
        spec: DecoderSpec,
        weights: DecoderWeights,
        precision: Precision,
    ) -> Result<Self, DecoderError> {
        Ok(Self { packed: Packed::new(spec, weights, precision)? })
    }

    /// Greedy decodes of `rows` memories, `memory` being `[rows, m, d_model]`; ids come without start and end. `drafts`
    /// may have one guess for each row. `on_step` sees every pass's tokens and can break off.
    ///
    /// # Errors
    /// A memory that does not divide into rows; [`DecoderError::Cancelled`].
    pub fn generate(
        &self,
        memory: &[f32],
        rows: usize,
        options: &GenerateOptions,
        drafts: &[Draft],
        on_step: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
    ) -> Result<(Vec<Vec<u32>>, Effort), DecoderError> {
        greedy::generate(&self.packed, memory, rows, options, drafts, on_step)
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
        beam::search(&self.packed, memory, rows, beams.max(1), options, &mut beam::Unguided, false)
    }

    /// One continuation per row drawn token by token; a temperature of 1 draws from the distribution as it is.
    ///
    /// # Errors
    /// A memory that does not divide into rows.
    pub fn sample(
        &self,
        memory: &[f32],
        rows: usize,
        options: &GenerateOptions,
        temperature: f32,
        rng: &mut dyn rand::RngCore,
    ) -> Result<Vec<Vec<u32>>, DecoderError> {
        sample::sample(&self.packed, memory, rows, options, temperature, rng)
    }

    /// The most probable accepted continuation of each row that a search with so many beams finds, first in its list;
    /// without one, what was still going on at the longest length. The guide is asked about whole hypotheses.
    ///
    /// # Errors
    /// A memory that does not divide into rows.
    pub fn guided_search(
        &self,
        memory: &[f32],
        rows: usize,
        beams: usize,
        options: &GenerateOptions,
        guide: &mut dyn Guide,
    ) -> Result<Vec<Vec<Beam>>, DecoderError> {
        beam::search(&self.packed, memory, rows, beams.max(1), options, guide, true)
    }
}
