//! Writing results for people and programs: ladders as tables, JSON and files, untrusted text made visible,
//! what changed between two texts.

mod columns;
mod diff;
mod evaluation;
mod export;
mod ladder;
mod visible;
mod xml;

pub use columns::{columns, Align};
pub use diff::changed;
pub use evaluation::{figures_table, rungs_block, FigureColumn};
pub use export::{Document, ExportError, Format, Part};
pub use ladder::{ladder_json, ladder_table, verdict_json, Rung};
pub use visible::{visible, Shown};
pub use xml::xml;
