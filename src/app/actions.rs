//! Everything that can happen, and the commands that a key can be bound to.

use tui_input::InputRequest;

use super::drawing::DrawAction;
use super::keep::Outcome;
use super::screen::Screen;
use super::state::{EditedEnd, Panel};
use super::training::TrainCommand;
use crate::corpus::Example;
use crate::engine::{ModelInfo, Reply};
use crate::train::{Look, Told};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A command of the table.
    Run(Command),
    /// The slider was put somewhere.
    SlideTo(f32),
    /// A latent token's own slider was put somewhere.
    SlideToken(usize, f32),
    /// A rung was chosen, from 0.
    ChooseRung(usize),
    /// A row of the focused panel was chosen, from 0.
    ChooseRow(usize),
    /// Any row of the list on top, by chance.
    RandomRow,
    /// Something was done on the canvas.
    Draw(DrawAction),
    /// A cell of the palette was chosen, column and row from 0.
    ChooseCell(usize, usize),
    /// A panel was chosen.
    Focus(Panel),
    /// A direction was chosen, from 0.
    ChooseDirection(usize),
    /// A direction's strength on the current target was put somewhere.
    SetStrength(usize, f32),
    /// A key inside a text field.
    Edit(InputRequest),
    /// Text was pasted.
    Paste(String),
    /// The text field is done.
    Accept,
    /// What lies on top is left.
    Leave,
    /// The engine told something.
    Engine(Reply),
    /// The engine of the model that the open one is compared with told something.
    Other(Reply),
    /// Another model is open, in the place of the one before.
    Opened {
        /// What opened it: a name or a folder.
        given: String,
        /// What it is.
        info: ModelInfo,
        /// Texts to begin with.
        samples: Vec<Example>,
    },
    /// Another model could not be opened.
    NotOpened {
        /// What was to open it.
        given: String,
        /// Why, and what to do.
        message: String,
    },
    /// To the next step of the tour.
    NextStep,
    /// To the step of the tour before.
    PreviousStep,
    /// The run told something.
    Trained(Told),
    /// What the look of this number found.
    Looked(u64, Result<Box<Look>, String>),
    /// A step of a chart is to be read off.
    ReadAt(usize),
    /// What became of an effect.
    Done(Outcome),
}

impl Action {
    /// Whether it tells how things went, and is nothing that a person did.
    #[must_use]
    pub fn is_news(&self) -> bool {
        matches!(
            self,
            Self::Engine(_)
                | Self::Other(_)
                | Self::Opened { .. }
                | Self::NotOpened { .. }
                | Self::Trained(_)
                | Self::Looked(..)
                | Self::Done(_)
        )
    }
}

/// A command that a key can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Slide by a step to either side.
    Slide(Step),
    /// Slide to a tenth.
    Tenth(u8),
    /// Slide to where the verdict flips next, to the left.
    SeamLeft,
    /// Slide to where the verdict flips next, to the right.
    SeamRight,
    /// To the row above: a rung, a latent token, a direction.
    Up,
    /// To the row below.
    Down,
    /// New random ends.
    Random,
    /// Swap the ends.
    Swap,
    /// Type an end.
    Type(EditedEnd),
    /// Pick an end from the samples.
    Pick(EditedEnd),
    /// Draw an end.
    Draw(EditedEnd),
    /// Find a command by its name.
    Palette,
    /// The next way between the ends.
    NextPath,
    /// The way with the best ladder.
    BestPath,
    /// Greedy or guided decoding.
    NextDecoding,
    /// One rung more.
    MoreRungs,
    /// One rung less.
    FewerRungs,
    /// Move a latent token's own slider.
    SlideToken(Step),
    /// Let a latent token follow the slider, or stand where it is.
    LockToken,
    /// Let all latent tokens follow the slider.
    FreeTokens,
    /// Go along the chosen direction, on the current target.
    Strength(Step),
    /// Edit A, B or every point of the way.
    NextTarget,
    /// Take the chosen direction's edit away from the current target.
    RemoveEdit,
    /// Let the ladder go along the chosen direction, or from A to B again.
    Along,
    /// Put the point in one of the two marked sets, from 0, or take it out.
    Mark(u8),
    /// Make a direction from the second marked set to the first.
    FromMarked,
    /// Make the direction from the label of A to that of B.
    FromLabels,
    /// Make a direction from A to B.
    FromEnds,
    /// A − B + C, with C from the samples.
    Arithmetic,
    /// Name an own direction.
    NameDirection,
    /// Delete an own direction.
    DeleteDirection,
    /// Save the own directions with the model.
    SaveDirections,
    /// To a panel.
    Panel(Panel),
    /// To the cell of the palette to the left.
    CellLeft,
    /// To the cell of the palette to the right.
    CellRight,
    /// A column and a row of the palette more.
    MoreCells,
    /// A column and a row of the palette less.
    FewerCells,
    /// The decode of the chosen cell becomes a corner.
    TakeCell(EditedEnd),
    /// The decode of the chosen cell becomes the corner nearest to it.
    TakeNearest,
    /// Type or draw the corner nearest to the chosen cell.
    ChangeCorner,
    /// New random corners.
    RandomCorners,
    /// Show or hide how probable the decoder finds each token.
    Probabilities,
    /// The next panel.
    NextPanel,
    /// The panel before.
    PreviousPanel,
    /// Take the last change back.
    Undo,
    /// Do it again.
    Redo,
    /// Keep what is decoded, with a note.
    Bookmark,
    /// Change a bookmark's note.
    Note,
    /// Remove a bookmark.
    Remove,
    /// Go to a bookmark or a scene of the history.
    Jump,
    /// Save the session to a file.
    SaveSession,
    /// Open a session's file.
    OpenSession,
    /// Write the ladder to a file.
    Export,
    /// Copy the decode at the slider.
    CopyPoint,
    /// Copy the ladder.
    CopyLadder,
    /// The next theme.
    NextTheme,
    /// Show the tour.
    Tour,
    /// To another screen.
    Show(Screen),
    /// Open the chosen model.
    OpenModel,
    /// Compare the open model with the chosen one.
    CompareModel,
    /// Close the model that the open one is compared with.
    EndComparison,
    /// Give the chosen model another name.
    RenameModel,
    /// Copy the chosen model.
    DuplicateModel,
    /// Delete the chosen model.
    DeleteModel,
    /// Narrow the list of models down.
    FilterModels,
    /// List the models anew.
    ListModels,
    /// Show or hide the help.
    Help,
    /// Something of the train screen.
    Train(TrainCommand),
    /// Show the run of the chosen model.
    TakeUpRun,
    /// Leave the program.
    Quit,
}

/// How far and to which side a slider moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// −0.005.
    FineLeft,
    /// −0.02.
    Left,
    /// −0.1.
    CoarseLeft,
    /// +0.005.
    FineRight,
    /// +0.02.
    Right,
    /// +0.1.
    CoarseRight,
}

impl Step {
    /// The change of the ratio.
    #[must_use]
    pub fn delta(self) -> f32 {
        match self {
            Self::FineLeft => -0.005,
            Self::Left => -0.02,
            Self::CoarseLeft => -0.1,
            Self::FineRight => 0.005,
            Self::Right => 0.02,
            Self::CoarseRight => 0.1,
        }
    }
}
