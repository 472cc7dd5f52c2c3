//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod canvas;
mod directions;
mod history;
mod keymap;
mod picker;
mod state;
mod update;

pub use actions::{keys, Action, Command, Entry, Keys, Step, COMMANDS};
pub use canvas::{Brush, Canvas, Pen};
pub use directions::{DirectionRow, Directions, Marked, Origin, Texts};
pub use history::{Change, History};
pub use keymap::{Key, KeyCode, KeyError, KeyMap, KeyMapError, Override, Row};
pub use picker::{Item, Picker};
pub use state::{
    EditedEnd, Likeness, Naming, Notice, Overlay, Panel, Pick, RungView, State, Strip, Typing,
};
pub use update::{update, Effect};
