//! What the explorer does outside of itself: requests, files, the clipboard, colours.

use std::io;
use std::path::{Path, PathBuf};

use super::engines::{Engines, News};
use super::look::Look;
use super::terminal::Host;
use super::theme::Theme;
use crate::app::{update, Action, Effect, Outcome, State};
use crate::engine::{save_directions, Session};
use crate::model::write_atomically;
use crate::report::{ExportError, Format};
use crate::train::runs::history;
use crate::train::{Checkpoint, Job, Report, TrainError};

/// What effects act on.
pub(super) struct Stage<'a, H> {
    /// What decodes, and what else runs beside the loop.
    pub engines: &'a mut Engines,
    /// The process around the loop.
    pub host: &'a mut H,
    /// What is drawn with.
    pub look: Look,
}

impl<H: Host> Stage<'_, H> {
    /// Takes an action in and does what follows from it.
    pub(super) fn act(&mut self, state: &mut State, action: Action) {
        for effect in update(state, action) {
            if let Some(outcome) = self.perform(effect) {
                // Telling how it went asks for nothing but decodes.
                for effect in update(state, Action::Done(outcome)) {
                    let _ = self.perform(effect);
                }
            }
        }
    }

    /// Takes in what was told from beside the loop.
    pub(super) fn hear(&mut self, state: &mut State, news: News) {
        let action = self.engines.take(news);
        self.act_on(state, action);
    }

    /// As [`Stage::act`], where there is something to do.
    pub(super) fn act_on(&mut self, state: &mut State, action: Option<Action>) {
        if let Some(action) = action {
            self.act(state, action);
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Outcome> {
        match effect {
            Effect::Decode(request) => {
                self.engines.request(request);
                None
            }
            Effect::DecodeOther(request) => {
                self.engines.request_other(request);
                None
            }
            Effect::OpenModel(model) => failed(self.engines.open(&model)),
            Effect::Compare(model) => failed(self.engines.compare(&model)),
            Effect::EndComparison => {
                self.engines.end_comparison();
                None
            }
            Effect::ListModels => failed(self.engines.list(None)),
            Effect::ChangeModels(change) => failed(self.engines.list(Some(change))),
            Effect::Look { generation, config, lines } => {
                failed(self.engines.look((generation, config, lines)))
            }
            Effect::Train(job) => failed(self.engines.train(*job)),
            Effect::Steer(steer) => {
                self.engines.steer(steer);
                None
            }
            Effect::TakeUp(folder) => Some(match run_of(&folder) {
                Ok((job, reports, at)) => Outcome::TakenUp(Box::new(job), reports, Box::new(at)),
                Err(e) => Outcome::Failed(e.to_string()),
            }),
            Effect::Copy { what, text } => Some(match self.host.copy(&text) {
                Ok(()) => Outcome::Told(format!("copied {what}")),
                Err(e) => Outcome::Failed(format!("{what} could not be copied: {e}")),
            }),
            Effect::Save { file, session, replace } => Some(save(&file, &session, replace)),
            Effect::Open(file) => Some(match Session::read(&at_home(&file)) {
                Ok(session) => Outcome::Opened(at_home(&file), Box::new(session)),
                Err(e) => Outcome::Failed(e.to_string()),
            }),
            Effect::Export { file, document, replace } => {
                let bytes = |format| document.bytes(format);
                Some(export(&file, &bytes, replace).map_or_else(|told| told, Outcome::Exported))
            }
            Effect::ExportPalette { file, palette, replace } => {
                let bytes = |format| palette.bytes(format);
                let written = export(&file, &bytes, replace);
                Some(written.map_or_else(|told| told, Outcome::ExportedPalette))
            }
            Effect::SaveDirections { file, own } => Some(match save_directions(&file, &own) {
                Ok(()) => Outcome::SavedDirections(file),
                Err(e) => Outcome::Failed(e.to_string()),
            }),
            Effect::NextTheme => {
                let Theme { name, depth, .. } = self.look.theme;
                self.look.set_theme(Theme::new(name.next(), depth));
                Some(Outcome::Told(format!("theme {}", self.look.theme.name)))
            }
            Effect::TourIsSeen => {
                self.host.remember_tour();
                None
            }
        }
    }
}

/// What is told where something could not be started.
fn failed(started: io::Result<()>) -> Option<Outcome> {
    started.err().map(|e| Outcome::Failed(format!("the system gives no thread: {e}")))
}

/// A run of before, with its reports and where it stands.
fn run_of(folder: &Path) -> Result<(Job, Vec<Report>, Checkpoint), TrainError> {
    let (job, at) = Job::of_folder(folder)?;
    Ok((job, history(folder)?, at))
}

fn save(file: &Path, session: &Session, replace: bool) -> Outcome {
    let file = at_home(file);
    if !replace && file.exists() {
        return taken(&file);
    }
    match session.write(&file) {
        Ok(()) => Outcome::Saved(file),
        Err(e) => Outcome::Failed(e.to_string()),
    }
}

/// Writes what a file of its name's format holds, and tells where it lies or what went wrong.
fn export(
    file: &Path,
    bytes: &dyn Fn(Format) -> Result<Vec<u8>, ExportError>,
    replace: bool,
) -> Result<PathBuf, Outcome> {
    let file = at_home(file);
    let bytes = Format::of(&file).and_then(bytes).map_err(|e| Outcome::Failed(e.to_string()))?;
    if !replace && file.exists() {
        return Err(taken(&file));
    }
    match write_atomically(&file, &bytes) {
        Ok(()) => Ok(file),
        Err(e) => Err(Outcome::Failed(e.to_string())),
    }
}

fn taken(file: &Path) -> Outcome {
    Outcome::Failed(format!("{} is there already: give another name", file.display()))
}

/// `~/` is the home folder, as in a shell.
fn at_home(file: &Path) -> PathBuf {
    match (file.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => file.to_owned(),
    }
}
