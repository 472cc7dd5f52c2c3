//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod history;
mod state;
mod update;

pub use actions::{find, Action, Command, Entry, Step, COMMANDS};
pub use history::{Change, History};
pub use state::{
    EditedEnd, Likeness, Notice, Overlay, Panel, RungView, State, Strip, Typing,
};
pub use update::{update, Effect};
