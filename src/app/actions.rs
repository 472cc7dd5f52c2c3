//! Everything that can happen, and the one table of commands behind keys, help, hints and mouse.

use tui_input::InputRequest;

use super::state::EditedEnd;
use crate::engine::Reply;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A command of the table.
    Run(Command),
    /// The slider was put somewhere.
    SlideTo(f32),
    /// A rung was chosen, from 0.
    ChooseRung(usize),
    /// A key inside a text field.
    Edit(InputRequest),
    /// The text field is done.
    Accept,
    /// The text field, or the help, is left.
    Leave,
    /// The engine told something.
    Engine(Reply),
}

/// A command that a key can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Slide by a step to either side.
    Slide(Step),
    /// Slide to a tenth.
    Tenth(u8),
    /// Choose the rung above or below.
    RungUp,
    /// Choose the rung below.
    RungDown,
    /// New random ends.
    Random,
    /// Swap the ends.
    Swap,
    /// Type an end.
    Type(EditedEnd),
    /// The next way between the ends.
    NextPath,
    /// One rung more.
    MoreRungs,
    /// One rung less.
    FewerRungs,
    /// Show or hide the help.
    Help,
    /// Leave the program.
    Quit,
}

/// How far and to which side the slider moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Keys, as `shift+left`, `r`, `?`.
    pub keys: &'static [&'static str],
    /// What it does, for the help.
    pub help: &'static str,
    /// A word for the line of hints; empty where it has no place there.
    pub hint: &'static str,
}

const fn entry(
    command: Command,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    Entry { command, keys, help, hint }
}

/// All commands, in the order of the help.
pub const COMMANDS: &[Entry] = &[
    entry(Command::Slide(Step::Left), &["left", "h"], "slide by 0.02 towards A", "slide"),
    entry(Command::Slide(Step::Right), &["right", "l"], "slide by 0.02 towards B", ""),
    entry(Command::Slide(Step::CoarseLeft), &["shift+left", "H"], "slide by 0.1 towards A", ""),
    entry(Command::Slide(Step::CoarseRight), &["shift+right", "L"], "slide by 0.1 towards B", ""),
    entry(Command::Slide(Step::FineLeft), &["alt+left", "alt+h"], "slide by 0.005 towards A", ""),
    entry(Command::Slide(Step::FineRight), &["alt+right", "alt+l"], "slide by 0.005 towards B", ""),
    entry(Command::RungUp, &["up", "k"], "to the rung above", ""),
    entry(Command::RungDown, &["down", "j"], "to the rung below", ""),
    entry(Command::Tenth(0), &["0", "home"], "to A (1 … 9: to a tenth)", ""),
    entry(Command::Tenth(1), &["1"], "", ""),
    entry(Command::Tenth(2), &["2"], "", ""),
    entry(Command::Tenth(3), &["3"], "", ""),
    entry(Command::Tenth(4), &["4"], "", ""),
    entry(Command::Tenth(5), &["5"], "", ""),
    entry(Command::Tenth(6), &["6"], "", ""),
    entry(Command::Tenth(7), &["7"], "", ""),
    entry(Command::Tenth(8), &["8"], "", ""),
    entry(Command::Tenth(9), &["9"], "", ""),
    entry(Command::Tenth(10), &["end"], "to B", ""),
    entry(Command::Random, &["r"], "two new random ends", "random"),
    entry(Command::Type(EditedEnd::A), &["a"], "type end A", "type A"),
    entry(Command::Type(EditedEnd::B), &["b"], "type end B", "type B"),
    entry(Command::Swap, &["x"], "swap the ends", "swap"),
    entry(Command::NextPath, &["p"], "another way: per token, all at once, linear", "path"),
    entry(Command::MoreRungs, &["+", "="], "one rung more (33 at most)", ""),
    entry(Command::FewerRungs, &["-"], "one rung less (3 at least)", ""),
    entry(Command::Help, &["?", "f1"], "show or hide this help", "help"),
    entry(Command::Quit, &["q", "ctrl+c"], "quit", "quit"),
];

/// The command that a key is bound to.
#[must_use]
pub fn find(key: &str) -> Option<Command> {
    COMMANDS.iter().find(|e| e.keys.contains(&key)).map(|e| e.command)
}
