//! The commands of the train screen.

use super::Entry;
use crate::app::actions::Command;
use crate::app::screen::{Scope, Screen};
use crate::app::training::TrainCommand;

const fn on_train(
    command: TrainCommand,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    let scope = Some(Scope::Screen(Screen::Train));
    Entry { command: Command::Train(command), name, scope, keys, help, hint }
}

/// In the order of the help.
pub(super) const COMMANDS: &[Entry] = &[
    on_train(
        TrainCommand::StartStop,
        "start-or-stop",
        &["s"],
        "start the run; save and stop it; go on with it",
        "start/stop",
    ),
    on_train(
        TrainCommand::Enter,
        "train-enter",
        &["enter"],
        "give the row a value; open the model of the moment that is shown",
        "set/open",
    ),
    on_train(
        TrainCommand::Turn(false),
        "train-left",
        &["left", "h"],
        "the value before; the charts a report back",
        "",
    ),
    on_train(
        TrainCommand::Turn(true),
        "train-right",
        &["right", "l"],
        "the next value; the charts a report on",
        "",
    ),
    on_train(
        TrainCommand::TurnFar(false),
        "train-far-left",
        &["shift+left", "H"],
        "the charts ten reports back",
        "",
    ),
    on_train(
        TrainCommand::TurnFar(true),
        "train-far-right",
        &["shift+right", "L"],
        "the charts ten reports on",
        "",
    ),
    on_train(TrainCommand::Pause, "pause", &["space"], "pause, with a checkpoint; go on", "pause"),
    on_train(
        TrainCommand::Scrub(false),
        "moment-back",
        &[","],
        "the ladder a moment back",
        "moments",
    ),
    on_train(TrainCommand::Scrub(true), "moment-on", &["."], "the ladder a moment on", ""),
    on_train(TrainCommand::NextChart, "next-chart", &["c"], "the next chart", "chart"),
    on_train(TrainCommand::Log, "log-scale", &["g"], "a logarithmic scale, or a linear one", "log"),
    on_train(
        TrainCommand::Rate(true),
        "rate-up",
        &["+"],
        "a higher learning rate, by a quarter",
        "rate",
    ),
    on_train(
        TrainCommand::Rate(false),
        "rate-down",
        &["-"],
        "a lower learning rate, by a fifth",
        "",
    ),
    on_train(TrainCommand::Now, "now", &["end"], "charts and ladder as they are now", ""),
    on_train(
        TrainCommand::Discard,
        "discard-run",
        &["X"],
        "stop without saving: back to the last checkpoint",
        "",
    ),
    on_train(
        TrainCommand::Prepare,
        "prepare-run",
        &["n"],
        "prepare another run, or back",
        "new run",
    ),
    on_train(
        TrainCommand::AllOptions,
        "all-options",
        &["o"],
        "every option, or those that matter",
        "all",
    ),
    on_train(
        TrainCommand::Reset,
        "reset-option",
        &["backspace", "delete"],
        "the option as its preset has it",
        "",
    ),
    on_train(
        TrainCommand::Pin,
        "pin-ends",
        &["p"],
        "let the run show the ladder between the explorer's A and B",
        "pin",
    ),
    on_train(TrainCommand::Look, "look-at-data", &["r"], "look at the data again", ""),
];
