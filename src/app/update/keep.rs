//! Keeping: bookmarks, the session's file, exports, the clipboard.

use std::path::PathBuf;

use super::{directions, ends, models, palette, train, Effect};
use crate::app::keep::{Kept, Outcome};
use crate::app::prompt::{Ask, Prompt};
use crate::app::state::{Notice, Overlay, Panel, State};
use crate::engine::{Bookmark, Session};
use crate::report::{ladder_table, Document};

/// Asks for something.
pub(super) fn ask(state: &mut State, ask: Ask) {
    if state.model.is_none() {
        return refuse(state, "the model is still being opened");
    }
    let path = |path: &PathBuf| path.display().to_string();
    let answer = match ask {
        Ask::Bookmark => String::new(),
        Ask::Note(at) => match state.history.bookmarks().get(at) {
            Some(bookmark) => bookmark.note.clone(),
            None => return,
        },
        Ask::Save | Ask::Open => match &state.keep.file {
            Some(file) => path(file),
            None => path(&state.keep.folder.join(default_name(state))),
        },
        Ask::Export => match &state.keep.exported {
            Some(file) => path(file),
            None => "ladder.svg".to_owned(),
        },
        Ask::ExportPalette => match &state.keep.exported_palette {
            Some(file) => path(file),
            None => "palette.svg".to_owned(),
        },
        Ask::Direction => match state.directions.chosen_row() {
            Some(row) => row.name.clone(),
            None => return,
        },
        Ask::RenameModel | Ask::DuplicateModel | Ask::DeleteModel => {
            return models::ask(state, ask)
        }
        // The train screen asks for these itself.
        Ask::Option(_) | Ask::Budget => return,
    };
    state.history.seal();
    state.overlay = Some(Overlay::Prompt(Prompt::new(ask, answer)));
}

/// A file's name for the session of this model.
fn default_name(state: &State) -> String {
    let name = state.model.as_ref().map_or("session", |model| &model.name);
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    format!("{}.json", name.chars().map(plain).collect::<String>())
}

/// Takes an answer.
pub(super) fn answer(state: &mut State, prompt: &Prompt) {
    let text = prompt.answer().to_owned();
    let mut bookmarks = state.history.bookmarks().to_vec();
    let file = PathBuf::from(&text);
    match prompt.ask {
        Ask::Bookmark => {
            bookmarks.push(Bookmark { note: text, scene: state.scene.clone() });
            tell(state, format!("kept as bookmark {}", bookmarks.len()));
            state.history.change_bookmarks(&state.scene, bookmarks);
        }
        Ask::Note(at) => {
            let Some(bookmark) = bookmarks.get_mut(at).filter(|b| b.note != text) else { return };
            bookmark.note = text;
            state.history.change_bookmarks(&state.scene, bookmarks);
        }
        Ask::Direction => directions::rename(state, &text),
        Ask::Option(row) => train::answer(state, row, &text),
        Ask::Budget => train::answer_budget(state, &text),
        ask if ask.is_about_models() => models::answer(state, ask, &text),
        _ if text.is_empty() => refuse(state, "there is no file without a name: give one"),
        Ask::Save => {
            let replace = state.keep.file.as_ref() == Some(&file);
            let session = Box::new(state.session());
            state.outbox.push(Effect::Save { file, session, replace });
        }
        Ask::Open => state.outbox.push(Effect::Open(file)),
        Ask::Export => {
            let Some((part, model)) = state.whole_ladder().zip(state.model.as_ref()) else {
                return refuse(
                    state,
                    "the ladder is still being decoded: export it when it is whole",
                );
            };
            let (model, domain) = (model.name.clone(), model.domain.clone());
            let document = Box::new(Document { model, domain, parts: vec![part] });
            let replace = state.keep.exported.as_ref() == Some(&file);
            state.outbox.push(Effect::Export { file, document, replace });
        }
        Ask::ExportPalette => {
            let Some(palette) = state.whole_palette() else {
                return refuse(
                    state,
                    "the palette is still being decoded: export it when it is whole",
                );
            };
            let replace = state.keep.exported_palette.as_ref() == Some(&file);
            let palette = Box::new(palette);
            state.outbox.push(Effect::ExportPalette { file, palette, replace });
        }
        // These are taken before.
        Ask::RenameModel | Ask::DuplicateModel | Ask::DeleteModel => {}
    }
}

/// The number of the chosen bookmark.
fn chosen_bookmark(state: &mut State) -> Option<usize> {
    let found = Some(state.keep.row).filter(|&row| row < state.history.bookmarks().len());
    if found.is_none() {
        refuse(state, "choose a bookmark first");
    }
    found
}

/// Asks for another note of the chosen bookmark.
pub(super) fn ask_note(state: &mut State) {
    if let Some(at) = chosen_bookmark(state) {
        ask(state, Ask::Note(at));
    }
}

/// Removes the chosen bookmark.
pub(super) fn remove(state: &mut State) {
    let Some(at) = chosen_bookmark(state) else { return };
    let mut bookmarks = state.history.bookmarks().to_vec();
    bookmarks.remove(at);
    state.history.change_bookmarks(&state.scene, bookmarks);
    tell(state, "the bookmark is gone: undo brings it back".to_owned());
}

/// To the chosen bookmark or scene of the history.
pub(super) fn jump(state: &mut State) {
    let Some(scene) = state.kept().get(state.keep.row).map(|kept| kept.scene().clone()) else {
        return refuse(state, "there is nothing to go to yet");
    };
    state.history.seal();
    let is_past = matches!(state.kept().get(state.keep.row), Some(Kept::Past(_)));
    state.scene = scene;
    fit(state);
    if is_past {
        // Where one came from stands first among the history now.
        state.keep.row = state.history.bookmarks().len();
    }
}

/// The decode at the slider.
pub(super) fn copy_point(state: &mut State) {
    if state.focus == Panel::Palette {
        return palette::copy_cell(state);
    }
    if state.point.verdict.is_none() {
        return refuse(state, "the decode is not whole yet: copy it again when it is");
    }
    let what = format!("the decode at t = {:.3}", state.point.ratio);
    state.outbox.push(Effect::Copy { what, text: state.point.text.clone() });
}

/// The ladder as a table.
pub(super) fn copy_ladder(state: &mut State) {
    if state.focus == Panel::Palette {
        return palette::copy(state);
    }
    let Some(part) = state.whole_ladder() else {
        return refuse(state, "the ladder is not whole yet: copy it again when it is");
    };
    let what = format!("the ladder of {} rungs", part.rungs.len());
    state.outbox.push(Effect::Copy { what, text: ladder_table(&part.rungs) });
}

/// What became of it.
pub(super) fn take(state: &mut State, outcome: Outcome) {
    match outcome {
        Outcome::Saved(file) => {
            tell(state, format!("saved to {}", file.display()));
            state.keep.file = Some(file);
        }
        Outcome::Exported(file) => {
            tell(state, format!("exported to {}", file.display()));
            state.keep.exported = Some(file);
        }
        Outcome::ExportedPalette(file) => {
            tell(state, format!("exported to {}", file.display()));
            state.keep.exported_palette = Some(file);
        }
        Outcome::Opened(file, session) => open(state, file, *session),
        Outcome::SavedDirections(file) => directions::saved(state, &file),
        Outcome::Models(listing) => models::listed(state, *listing),
        Outcome::TakenUp(job, reports, at) => train::taken_up(state, *job, &reports, &at),
        Outcome::Told(text) => tell(state, text),
        Outcome::Failed(message) => state.notice = Notice::Error(message),
    }
}

/// Goes on with a session that was read. What was there before can be gone back to.
fn open(state: &mut State, file: PathBuf, session: Session) {
    if session.model != state.keep.model {
        let message = format!(
            "this session is of the model {}: open it with `tvae-tui --session FILE`",
            session.model
        );
        state.notice = Notice::Error(message);
        return;
    }
    tell(state, format!("opened {}", file.display()));
    let before = std::mem::replace(&mut state.scene, session.scene);
    state.history.go_on_with(Some(before), session.history, session.bookmarks);
    state.keep.file = Some(file);
    fit(state);
}

/// What a file says of latent tokens that the model does not have is left out.
pub(super) fn fit(state: &mut State) {
    let tokens = state.tokens();
    state.scene.tokens.truncate(tokens);
    state.token = state.token.min(tokens.saturating_sub(1));
    palette::fit(state);
}

/// A row of the panel, taken into its range.
pub(super) fn choose(state: &mut State, row: usize) {
    let last = state.kept().len().saturating_sub(1);
    state.keep.row = row.min(last);
}

fn tell(state: &mut State, text: String) {
    state.notice = Notice::Status(text);
}

pub(super) fn refuse(state: &mut State, message: &str) {
    state.notice = Notice::Error(message.to_owned());
}

/// A key or pasted text in the field on top.
pub(super) fn edit(state: &mut State, change: Change<'_>) {
    match (&mut state.overlay, change) {
        (Some(Overlay::Prompt(prompt)), Change::Key(request)) => prompt.edit(request),
        (Some(Overlay::Prompt(prompt)), Change::Paste(text)) => prompt.paste(text),
        (Some(Overlay::Filter), Change::Key(request)) => state.models.picker.edit(request),
        (Some(Overlay::Filter), Change::Paste(text)) => state.models.picker.paste(text),
        (_, Change::Key(request)) => ends::edit(state, request),
        (_, Change::Paste(text)) => ends::paste(state, text),
    }
}

/// What changes a field.
pub(super) enum Change<'a> {
    Key(tui_input::InputRequest),
    Paste(&'a str),
}
