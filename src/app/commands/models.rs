//! The commands of the screen of models.

use super::Entry;
use crate::app::actions::Command;
use crate::app::screen::{Scope, Screen};

/// One that counts on the screen of models.
const fn on_models(
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    let scope = Some(Scope::Screen(Screen::Models));
    Entry { command, name, scope, keys, help, hint }
}

/// In the order of the help.
pub(super) const COMMANDS: &[Entry] = &[
    on_models(Command::OpenModel, "open-model", &["enter"], "open the model", "open"),
    on_models(
        Command::CompareModel,
        "compare-model",
        &["c"],
        "compare the open model with this one on the same ladder",
        "compare",
    ),
    on_models(
        Command::RenameModel,
        "rename-model",
        &["n"],
        "give the model another name",
        "rename",
    ),
    on_models(
        Command::DuplicateModel,
        "duplicate-model",
        &["d"],
        "copy the model into the folder of models",
        "duplicate",
    ),
    on_models(
        Command::DeleteModel,
        "delete-model",
        &["delete", "D"],
        "delete the model from the disk, after its name was typed",
        "",
    ),
    on_models(
        Command::FilterModels,
        "filter-models",
        &["/"],
        "narrow the list down by letters of name, domain and kind",
        "filter",
    ),
    on_models(
        Command::TakeUpRun,
        "take-up-run",
        &["t"],
        "show the run of the model on the train screen, to go on with it",
        "run",
    ),
    on_models(Command::ListModels, "list-models", &["r"], "read the folders again", ""),
];
