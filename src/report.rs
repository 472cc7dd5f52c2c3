//! Writing results for people and programs: ladders as tables, JSON and files, untrusted text made visible,
//! what changed between two texts.

mod amounts;
mod blocks;
mod columns;
mod compared;
mod diff;
mod evaluation;
mod export;
mod ladder;
mod probe;
mod tensorboard;
mod visible;
mod xml;

pub use amounts::{bytes, count, date, duration, share};
pub use blocks::picture_rows;
pub use columns::{columns, Align};
pub use compared::{Compared, Comparison};
pub use diff::changed;
pub use evaluation::{figures_table, pictures_block, rungs_block, FigureColumn};
pub use export::{
    picture_sheet, scaled_sheet, Document, ExportError, Format, PaletteDocument, Part,
};
pub use ladder::{invalid_sign, ladder_json, ladder_table, verdict_json, verdict_sign, Rung};
pub use probe::{confusion_table, probe_table};
#[cfg(test)]
pub(crate) use tensorboard::reader as event_reader;
pub use tensorboard::{EventFile, EventValue, Png};
pub use visible::{visible, Shown};
pub use xml::xml;
