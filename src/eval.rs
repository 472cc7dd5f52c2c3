//! Judging models: figures on finished interpolation ladders that neither copying nor gibberish can raise.

mod aggregate;
pub mod controls;
pub mod digits;
mod metrics;
mod pairs;
mod pieces;
pub mod probe;
mod reference;
mod units;

pub use aggregate::{ladder_figures, Estimate, Estimates, Figure, RESAMPLES};
pub use metrics::{Ladder, LadderMetrics};
pub use pairs::sample_pairs;
pub use pieces::pieces;
pub use reference::Reference;
pub use units::{Parts, Units};
