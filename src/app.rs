//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod canvas;
mod state;
mod update;

pub use actions::{find, Action, Command, Entry, Step, COMMANDS};
pub use canvas::{Brush, Canvas, Pen};
pub use state::{EditedEnd, Editing, Notice, RungView, State, RATIO_RANGE, RUNG_RANGE};
pub use update::{update, Effect};
