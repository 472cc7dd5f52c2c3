//! The train screen: what is asked of a run before it starts, and the run that goes on.

mod form;
mod run;

use std::path::PathBuf;

pub use form::{Form, FormRow};
pub use run::{Chart, RunState, RunView, Series, StepFigures};

use crate::train::{Job, Look};

/// What is known of the data that the form names.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Looked {
    /// Nobody has looked.
    #[default]
    No,
    /// Somebody looks.
    Looking,
    /// This.
    At(Box<Look>),
    /// It could not be read.
    Failed(String),
}

/// What a person asks of a run while it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Steer {
    /// Save and stop.
    Stop,
    /// Stop and leave what was saved last.
    Discard,
    /// Wait, or go on.
    Pause(bool),
    /// Multiply the scheduled learning rate.
    Rate(f64),
}

/// What a key of the train screen does; some only before a run or only while there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrainCommand {
    /// A row of the form, or a moment of the run's ladder, further down or up.
    Row(bool),
    /// The next value of the row, or the next report of the charts, to the right or to the left.
    Turn(bool),
    /// Ten reports of the charts.
    TurnFar(bool),
    /// The run's ladder a moment later or earlier.
    Scrub(bool),
    /// Type a row's value; open the model of the moment that is shown.
    Enter,
    /// Start the run, or save and stop it, or go on with it.
    StartStop,
    /// Stop without saving.
    Discard,
    /// Pause, or go on.
    Pause,
    /// A higher or a lower learning rate.
    Rate(bool),
    /// The next chart.
    NextChart,
    /// A logarithmic scale or a linear one.
    Log,
    /// Charts and ladder as they are now.
    Now,
    /// From the run to the form of another one, or back.
    Prepare,
    /// Show every option, or those that matter to most.
    AllOptions,
    /// The row as the preset has it.
    Reset,
    /// The explorer's ends as those of the run's ladder.
    Pin,
    /// Look at the data again.
    Look,
}

impl TrainCommand {
    /// Whether it does something in the form or on the screen of a run.
    #[must_use]
    pub fn counts(self, in_form: bool) -> bool {
        match self {
            Self::Row(_) | Self::Turn(_) | Self::Enter | Self::StartStop | Self::Prepare => true,
            Self::AllOptions | Self::Reset | Self::Pin | Self::Look => in_form,
            _ => !in_form,
        }
    }
}

/// What leaving means while a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Save, then leave.
    Save,
    /// Leave what was saved last, then leave.
    Discard,
    /// Go on training.
    GoOn,
}

impl Ending {
    /// All of them, the one that loses nothing first.
    pub const ALL: [Self; 3] = [Self::Save, Self::Discard, Self::GoOn];

    /// What it does, for the list; `quit` says whether the program ends too.
    #[must_use]
    pub fn text(self, quit: bool) -> &'static str {
        match (self, quit) {
            (Self::Save, true) => {
                "save the run and quit; --resume or the models screen goes on with it"
            }
            (Self::Save, false) => "save the run and stop it",
            (Self::Discard, true) => "quit without saving: back to the last checkpoint",
            (Self::Discard, false) => "stop without saving: back to the last checkpoint",
            (Self::GoOn, _) => "go on training",
        }
    }
}

/// The train screen.
#[derive(Debug, Clone)]
pub struct Training {
    /// What is asked for.
    pub form: Form,
    /// The data of the form.
    pub looked: Looked,
    /// The run, from its start until another one is prepared.
    pub run: Option<RunView>,
    /// Whether the form is shown while there is a run.
    pub preparing: bool,
    /// Where models lie.
    pub folder: PathBuf,
    /// What the run was started with.
    pub(super) job: Option<Box<Job>>,
    /// Whether the program ends with the run.
    pub(super) quitting: bool,
    /// The number of the last look.
    pub(super) looks: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            form: Form::default(),
            looked: Looked::No,
            run: None,
            preparing: true,
            folder: PathBuf::new(),
            job: None,
            quitting: false,
            looks: 0,
        }
    }
}

impl Training {
    /// Whether a run goes on or waits.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.state.is_over())
    }

    /// Whether the screen shows the form.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.preparing || self.run.is_none()
    }

    /// The run, where it is what the screen shows.
    #[must_use]
    pub fn shown_run(&self) -> Option<&RunView> {
        self.run.as_ref().filter(|_| !self.preparing)
    }
}
