//! Fused operations with backward passes for float32 on the CPU, and the decoder's hot loop.
//!
//! Every operation runs in the thread that calls it: the trainer gives each shard of a batch its own thread. On another
//! device, or for another number type, the same functions compose candle's operations.
//! Knows no file, no terminal and no domain.

mod activation;
pub mod adafactor;
pub mod adamw;
mod attention;
mod clause;
pub mod decoder;
mod feed_forward;
mod kernel;
mod linear;
mod loss;
pub mod memory;
mod nesting;
mod norm;
mod open;
mod recompute;
mod relative;
mod similarity;
mod slices;
mod team;
mod window;

pub use activation::{gelu_new, relu};
pub use attention::{
    attention, composed_attention, AttentionArgs, Bias, Projections, RelativeIndex,
};
pub use clause::{Clauses, Key, Role};
pub use feed_forward::feed_forward;
pub use kernel::{Isa, Precision};
pub use linear::{embedding, linear, linear_relu};
pub use loss::{cross_entropy, cross_entropy_sum, linear_cross_entropy, Near, Smoothing};
pub use nesting::{Nested, Turn};
pub use norm::{layer_norm, rms_norm, unit_rms};
pub use open::{Nesting, Open};
pub use recompute::recomputed;
pub use relative::relative_scores;
pub use similarity::{similarity_sum, Similarity};
pub use slices::with_precision;
pub use team::Place;
pub use window::{composed_windowed_attention, windowed_attention, Span, WindowedArgs};
