//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod canvas;
mod commands;
mod directions;
mod drawing;
mod history;
mod keep;
mod keymap;
mod picker;
mod prompt;
mod state;
mod tour;
mod update;

pub use actions::{Action, Command, Step};
pub use canvas::{Brush, Canvas, Pen};
pub use commands::{keys, Entry, Keys, COMMANDS};
pub use directions::{DirectionRow, Directions, Marked, Origin, Texts};
pub use drawing::{draw_key, DrawAction, DrawKey, Drawing, DRAW_KEYS};
pub use history::{Change, History};
pub use keep::{Keep, Kept, Outcome};
pub use keymap::{Key, KeyCode, KeyError, KeyMap, KeyMapError, Override, Row};
pub use picker::{Item, Picker};
pub use prompt::{Ask, Prompt};
pub use state::{
    EditedEnd, Likeness, Notice, Overlay, Panel, Pick, RungView, State, Strip, Typing,
};
pub use tour::{Place, TourStep, TOUR};
pub use update::{update, Effect};
