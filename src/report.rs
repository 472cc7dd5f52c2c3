//! Writing results for people and programs: ladders as tables and JSON, untrusted text made visible,
//! what changed between two texts.

mod diff;
mod evaluation;
mod ladder;
mod visible;

pub use diff::changed;
pub use evaluation::{figures_table, rungs_block, FigureColumn};
pub use ladder::{ladder_json, ladder_table, verdict_json, Rung};
pub use visible::{visible, Shown};
