//! Writing results for people and programs: ladders as tables and JSON, untrusted text made visible.

mod evaluation;
mod ladder;
mod visible;

pub use evaluation::{figures_table, rungs_block, FigureColumn};
pub use ladder::{ladder_json, ladder_table, verdict_json, Rung};
pub use visible::visible;
