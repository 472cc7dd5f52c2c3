//! Fused operations with backward passes for float32 on the CPU, and the decoder's hot loop.
//!
//! Every operation runs in the thread that calls it: the trainer gives each shard of a batch its own thread. On another
//! device, or for another number type, the same functions compose candle's operations.
//! Knows no file, no terminal and no domain.

mod activation;
pub mod adamw;
mod attention;
pub mod decoder;
mod linear;
mod loss;
mod norm;
mod slices;

pub use activation::{gelu_new, relu};
pub use attention::{attention, composed_attention, AttentionArgs, Bias, RelativeIndex};
pub use linear::{embedding, linear};
pub use loss::{cross_entropy, cross_entropy_sum};
pub use norm::{layer_norm, rms_norm, unit_rms};
