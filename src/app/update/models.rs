//! The screen of models: choosing, opening, renaming, duplicating, deleting.

use super::{comparison, engine, Effect};
use crate::app::history::History;
use crate::app::models::Listing;
use crate::app::prompt::{Ask, Prompt};
use crate::app::screen::Screen;
use crate::app::state::{Notice, Overlay, RungView, State, Strip};
use crate::corpus::Example;
use crate::engine::{check_name, LibraryChange, ModelEntry, ModelInfo, Palette, Reply, Scene};

fn tell(state: &mut State, text: String) {
    state.notice = Notice::Status(text);
}

pub(super) fn refuse(state: &mut State, message: String) {
    state.notice = Notice::Error(message);
}

/// Asks for all models anew.
pub(super) fn list(state: &mut State) {
    state.outbox.push(Effect::ListModels);
}

/// To another row.
pub(super) fn choose(state: &mut State, row: usize) {
    state.models.picker.choose(row);
}

/// A row up or down.
pub(super) fn step(state: &mut State, down: bool) {
    state.models.picker.step(down);
}

/// The chosen model, or a word on why there is none.
pub(super) fn chosen(state: &mut State) -> Option<ModelEntry> {
    let entry = state.models.chosen().cloned();
    if entry.is_none() {
        refuse(state, "choose a model first".to_owned());
    }
    entry
}

/// The chosen model where it can be opened.
pub(super) fn openable(state: &mut State) -> Option<ModelEntry> {
    let entry = chosen(state)?;
    if let Some(problem) = &entry.problem {
        refuse(state, format!("{} cannot be opened: {problem}", entry.full_name()));
        return None;
    }
    Some(entry)
}

/// Asks for the run of the chosen model.
pub(super) fn take_up(state: &mut State) {
    match state.models.chosen_run().map(std::path::Path::to_owned) {
        Some(folder) => state.outbox.push(Effect::TakeUp(folder)),
        None => {
            refuse(state, "no run lies in this model's folder: choose a trained one".to_owned())
        }
    }
}

/// Begins to open the chosen model in the place of the open one.
pub(super) fn open(state: &mut State) {
    let Some(entry) = openable(state) else { return };
    if state.is_open(&entry) {
        state.screen = Screen::Explore;
        return;
    }
    tell(state, format!("opening {} …", entry.full_name()));
    state.models.opening = Some(entry.opens.clone());
    state.outbox.push(Effect::OpenModel(entry.opens));
}

/// Another model is open: what belongs to the old one goes with it. The ends stay where they are of the same kind.
pub(super) fn opened(state: &mut State, given: String, info: ModelInfo, samples: Vec<Example>) {
    let same = state.model.as_ref().is_some_and(|model| model.domain == info.domain);
    let before = std::mem::take(&mut state.scene);
    let Scene { a, b, path, rungs, ratio, decoding, mut palette, .. } = before;
    let (a, b) = if same { (a, b) } else { Default::default() };
    if !same {
        palette = Palette { size: palette.size, ..Palette::default() };
    }
    state.scene = Scene { a, b, path, rungs, ratio, decoding, palette, ..Scene::default() };
    state.rungs = state.scene.places().into_iter().map(RungView::empty).collect();
    state.figures = None;
    state.point = RungView::empty(ratio);
    state.strip = Strip::default();
    state.inspection = None;
    state.history = History::default();
    state.directions = Default::default();
    state.token = 0;
    state.keep.model = given;
    state.keep.file = None;
    state.keep.exported = None;
    state.keep.exported_palette = None;
    state.keep.row = 0;
    state.models.opening = None;
    let of_the_old = match &state.overlay {
        Some(Overlay::Typing(_) | Overlay::Drawing(_)) => true,
        Some(Overlay::Picking(pick, _)) => pick.is_sample(),
        Some(Overlay::Prompt(prompt)) => !prompt.ask.is_about_models(),
        Some(Overlay::Help(_) | Overlay::Filter) | None => false,
    };
    if of_the_old {
        state.overlay = None;
    }
    let compared = state.comparison.as_ref().and_then(|other| other.model.as_ref());
    if compared.is_some_and(|other| other.domain != info.domain) {
        comparison::end(state);
    }
    let name = info.name.clone();
    engine::take(state, Reply::Ready { info, samples });
    tell(state, format!("opened {name}"));
    // Whoever opens a model wants to see it.
    if state.overlay.is_none() {
        state.screen = Screen::Explore;
    }
}

/// A model could not be opened; the old one stays.
pub(super) fn not_opened(state: &mut State, given: &str, message: String) {
    if state.models.opening.as_deref() == Some(given) {
        state.models.opening = None;
    }
    refuse(state, message);
}

/// Opens a question about the chosen model.
pub(super) fn ask(state: &mut State, ask: Ask) {
    let Some(entry) = chosen(state) else { return };
    let name = entry.full_name();
    if ask != Ask::DuplicateModel {
        if !entry.own {
            let why = "it can be duplicated, not renamed or deleted";
            return refuse(
                state,
                format!("{name} is no folder of its own among your models: {why}"),
            );
        }
        if state.is_in_use(&entry) {
            return refuse(state, format!("{name} is open: open another model first"));
        }
    }
    let answer = match ask {
        Ask::RenameModel => entry.name.clone(),
        Ask::DuplicateModel => free_name(state, &entry),
        _ => String::new(),
    };
    state.overlay = Some(Overlay::Prompt(Prompt::new(ask, answer).about(&name)));
    state.models.about = Some(name);
}

/// A name for a copy that no other model has.
fn free_name(state: &State, entry: &ModelEntry) -> String {
    let base = entry.full_name().replace('/', "-");
    let is_taken = |name: &String| state.models.entries().iter().any(|e| e.own && e.name == *name);
    let mut names =
        (1..).map(|k| if k == 1 { format!("{base}-copy") } else { format!("{base}-copy-{k}") });
    names.find(|name| !is_taken(name)).unwrap_or(base)
}

/// Takes an answer.
pub(super) fn answer(state: &mut State, ask: Ask, answer: &str) {
    let Some(from) = state.models.about.take() else { return };
    let to = answer.to_owned();
    let change = match ask {
        Ask::DeleteModel if answer != from => {
            return refuse(state, format!("not deleted: that is not its name, {from}"));
        }
        Ask::DeleteModel => LibraryChange::Delete(from),
        _ if to == from => return,
        _ => {
            if let Err(e) = check_name(&to) {
                return refuse(state, e.to_string());
            }
            match ask {
                Ask::RenameModel => LibraryChange::Rename { from, to },
                _ => LibraryChange::Duplicate { from, to },
            }
        }
    };
    let doing = match &change {
        LibraryChange::Rename { from, .. } => format!("renaming {from} …"),
        LibraryChange::Duplicate { from, .. } => format!("copying {from} …"),
        LibraryChange::Delete(name) => format!("deleting {name} …"),
    };
    tell(state, doing);
    state.models.changing += 1;
    state.outbox.push(Effect::ChangeModels(change));
}

/// All models were listed.
pub(super) fn listed(state: &mut State, listing: Listing) {
    let Listing { change, told, entries } = listing;
    let mut then = None;
    if let Some(change) = &change {
        state.models.changing = state.models.changing.saturating_sub(1);
        if told.as_ref().is_some_and(Result::is_ok) {
            then = match change {
                LibraryChange::Rename { to, .. } | LibraryChange::Duplicate { to, .. } => {
                    Some(&**to)
                }
                LibraryChange::Delete(_) => None,
            };
        }
    }
    state.models.list(entries, then);
    match told {
        Some(Ok(done)) => tell(state, done),
        Some(Err(reason)) => refuse(state, reason),
        None => {}
    }
}

/// Begins to narrow the list down.
pub(super) fn filter(state: &mut State) {
    state.overlay = Some(Overlay::Filter);
}
