//! Judging models: figures on finished interpolation ladders that neither copying nor gibberish can raise.

mod aggregate;
mod metrics;
mod pairs;
mod pieces;
mod python;
mod units;

pub use aggregate::{Aggregate, Estimate, RESAMPLES};
pub use metrics::{Ladder, LadderMetrics};
pub use pairs::sample_pairs;
pub use pieces::pieces;
pub use python::lexemes;
pub use units::Units;
