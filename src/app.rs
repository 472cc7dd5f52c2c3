//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod bindings;
mod keymap;
mod state;
mod update;

pub use actions::{find, Action, Command, Entry, Step, COMMANDS};
pub use bindings::{bindings, Context};
pub use keymap::{Key, KeyCode, KeyError, KeyMap, KeyMapError, Override, Row};
pub use state::{EditedEnd, Editing, Notice, RungView, State, RATIO_RANGE, RUNG_RANGE};
pub use update::{update, Effect};
