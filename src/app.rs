//! State, actions and update of the explorer: no I/O, no tensors, no terminal.

mod actions;
mod canvas;
mod commands;
mod comparison;
mod directions;
mod drawing;
mod history;
mod keep;
mod keymap;
mod likeness;
mod models;
mod palette;
mod picker;
mod prompt;
mod screen;
mod state;
mod tour;
mod training;
mod update;

pub use actions::{Action, Command, Step};
pub use canvas::{Brush, Canvas, Pen};
pub use commands::{keys, Entry, Keys, COMMANDS};
pub use comparison::Comparison;
pub use directions::{DirectionRow, Directions, Marked, Origin, Texts};
pub use drawing::{draw_key, DrawAction, DrawKey, Drawing, DRAW_KEYS};
pub use history::{Change, History};
pub use keep::{Keep, Kept, Outcome};
pub use keymap::{Context, Key, KeyCode, KeyError, KeyMap, KeyMapError, Override, Row};
pub use likeness::Likeness;
pub use models::{model_facts, Listing, Models};
pub use palette::PaletteView;
pub use picker::{Item, Picker};
pub use prompt::{Ask, Prompt};
pub use screen::{Scope, Screen};
pub use state::{EditedEnd, Notice, Overlay, Panel, Pick, RungView, State, Strip, Typing};
pub use tour::{Place, TourStep, TOUR};
pub use training::{
    Chart, Ending, Form, FormRow, Looked, RunState, RunView, Series, Steer, StepFigures,
    TrainCommand, Training,
};
pub use update::{update, Effect};
