//! The models that a person has: those that come with the program, those in the folder of models, and runs elsewhere.
//!
//! A listing reads configurations and the heads of weight files, never the weights. Only folders directly below the folder
//! of models are ever renamed or deleted, by a name that cannot lead out of it.

mod change;
mod entry;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::loaded::bundled_models;
pub use entry::{Figures, ModelEntry, ModelKind, Shape, Training};

/// Folder, within a run's, of the model with the best figures.
const BEST: &str = "best";
/// Folder, within a run's, of the models that it has been.
const HISTORY: &str = "history";
/// What is read of a run.
const TRAINER_FILE: &str = "trainer.json";
/// Characters of a model's name at most.
const LONGEST_NAME: usize = 100;

/// Why a model cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// A name that no folder can have.
    #[error("`{name}` cannot be a model's name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no such model.
    #[error("no model `{name}`: expected {known}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        known: String,
    },
    /// It comes with the program.
    #[error("`{0}` comes with the program: it can be duplicated, not renamed or deleted")]
    Bundled(String),
    /// It lies elsewhere or within a run.
    #[error(
        "`{0}` is not a folder of its own in the folder of models: it can be duplicated, not renamed or deleted"
    )]
    Elsewhere(String),
    /// Another model has the name.
    #[error("there is a model `{0}` already: choose another name")]
    Taken(String),
    /// The system names no folder for data.
    #[error("there is no folder of models: set HOME or XDG_DATA_HOME")]
    NoFolder,
    /// Something on the disk failed.
    #[error("{file}: {reason}")]
    File {
        /// What.
        file: String,
        /// Why.
        reason: String,
    },
}

impl LibraryError {
    fn file(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::File { file: path.display().to_string(), reason: reason.to_string() }
    }
}

/// A change of the folder of models. Models are meant by [`ModelEntry::full_name`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LibraryChange {
    /// Another name for a model.
    Rename {
        /// The model.
        from: String,
        /// The name.
        to: String,
    },
    /// A copy in the folder of models.
    Duplicate {
        /// The model.
        from: String,
        /// The copy's name.
        to: String,
    },
    /// A model that is no longer wanted.
    Delete(String),
}

/// Where models are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    /// The folder of models.
    models: Option<PathBuf>,
    /// A folder whose runs are listed as well.
    runs: Option<PathBuf>,
    /// Folders of models that are listed wherever they lie.
    others: Vec<PathBuf>,
}

impl Library {
    /// The models in the folder `models`, and the runs in the folder `runs`.
    #[must_use]
    pub fn new(models: Option<PathBuf>, runs: Option<PathBuf>) -> Self {
        Self { models, runs, others: Vec::new() }
    }

    /// Lists this folder as well, where it is one.
    pub fn add(&mut self, folder: &Path) {
        if folder.is_dir() && !self.others.iter().any(|other| other == folder) {
            self.others.push(folder.to_owned());
        }
    }

    /// The folder of models.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.models.as_deref()
    }

    /// All models: bundled ones, those of the folder and those that lie elsewhere, these two by name; what is within a run
    /// stands behind it. A folder that holds no model that can be read is listed with the reason.
    #[must_use]
    pub fn list(&self) -> Vec<ModelEntry> {
        let own = self.models.iter().flat_map(|models| folders_in(models)).collect::<Vec<_>>();
        // A folder of that name is what opens.
        let hidden = |name: &str| own.iter().any(|folder| name_of(folder) == name);
        let mut entries: Vec<ModelEntry> = bundled_models()
            .filter(|bundled| !hidden(bundled.name))
            .map(|bundled| ModelEntry::of_bundled(&bundled))
            .collect();
        for folder in &own {
            add_with_snapshots(&mut entries, ModelEntry::of_folder(folder, true));
        }
        let runs = self.runs.iter().flat_map(|runs| folders_in(runs));
        let runs = runs.filter(|folder| folder.join(TRAINER_FILE).is_file());
        let mut elsewhere: Vec<PathBuf> = runs.chain(self.others.iter().cloned()).collect();
        elsewhere.sort();
        for folder in elsewhere {
            let Some(place) = real(&folder) else { continue };
            let is_listed =
                |entry: &ModelEntry| entry.folder.as_ref().and_then(real) == Some(place.clone());
            if !entries.iter().any(is_listed) {
                add_with_snapshots(&mut entries, ModelEntry::of_folder(&folder, false));
            }
        }
        entries
    }

    /// The model of this full name, or of this folder.
    ///
    /// # Errors
    /// [`LibraryError::Unknown`] with the names that there are.
    pub fn find(&self, name: &str) -> Result<ModelEntry, LibraryError> {
        let all = self.list();
        if let Some(entry) = all.iter().find(|entry| entry.full_name() == name) {
            return Ok(entry.clone());
        }
        let folder = Path::new(name);
        if folder.is_dir() {
            return Ok(ModelEntry::of_folder(folder, false));
        }
        let names: Vec<String> = all.iter().map(ModelEntry::full_name).collect();
        let known = format!("a model folder, or one of: {}", names.join(", "));
        Err(LibraryError::Unknown { name: name.to_owned(), known })
    }

    /// Does a change and says what was done.
    ///
    /// # Errors
    /// Why it cannot be done; everything is then as it was.
    pub fn change(&self, change: &LibraryChange) -> Result<String, LibraryError> {
        match change {
            LibraryChange::Rename { from, to } => {
                self.rename(from, to)?;
                Ok(format!("{from} is now {to}"))
            }
            LibraryChange::Duplicate { from, to } => {
                self.duplicate(from, to)?;
                Ok(format!("{to} is a copy of {from}"))
            }
            LibraryChange::Delete(name) => {
                self.delete(name)?;
                Ok(format!("{name} is deleted"))
            }
        }
    }
}

/// Puts a model in, and behind it what its run has kept: the best, then those of its history by step.
fn add_with_snapshots(entries: &mut Vec<ModelEntry>, entry: ModelEntry) {
    let Some(folder) = entry.folder.clone() else { return };
    let (run, is_run) = (entry.name.clone(), entry.training.is_some());
    entries.push(entry);
    if !is_run {
        return;
    }
    let mut history = folders_in(&folder.join(HISTORY));
    history.sort_by_key(|snapshot| step_of(snapshot));
    let best = Some(folder.join(BEST)).filter(|best| best.is_dir());
    for snapshot in best.into_iter().chain(history) {
        entries.push(ModelEntry::of_folder(&snapshot, false).within(&run));
    }
}

/// Whether a folder in the folder of models may have this name.
///
/// # Errors
/// [`LibraryError::Name`] with the reason.
pub fn check_name(name: &str) -> Result<(), LibraryError> {
    let wrong = |reason| Err(LibraryError::Name { name: name.to_owned(), reason });
    if name.is_empty() {
        return wrong("it is empty");
    }
    if name.chars().count() > LONGEST_NAME {
        return wrong("it has more than 100 characters");
    }
    if name.starts_with('.') {
        return wrong("it starts with a dot");
    }
    if name.trim() != name || name.ends_with('.') {
        return wrong("it has a blank around it or a dot at its end");
    }
    if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        return wrong("it has a character that separates folders or that some systems forbid");
    }
    if name.chars().any(char::is_control) {
        return wrong("it has a control character");
    }
    Ok(())
}

/// The folders in a folder that are not hidden, by name.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<PathBuf> =
        paths.filter(|path| !name_of(path).starts_with('.') && path.is_dir()).collect();
    folders.sort_by_key(|folder| (name_of(folder).to_lowercase(), name_of(folder)));
    folders
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

/// Where a folder really lies.
fn real(folder: impl AsRef<Path>) -> Option<PathBuf> {
    folder.as_ref().canonicalize().ok()
}

/// The number behind `step-`; folders of other names stand behind all.
fn step_of(snapshot: &Path) -> (u64, String) {
    let name = name_of(snapshot);
    let step = name.strip_prefix("step-").and_then(|step| step.parse().ok());
    (step.unwrap_or(u64::MAX), name)
}
