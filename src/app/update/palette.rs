//! The palette: choosing cells, its size, its corners, and asking for it while it is shown.

use super::{ends, focus, keep, request, Effect};
use crate::app::actions::Command;
use crate::app::state::{EditedEnd, Panel, State};
use crate::engine::{Kind, Scene, PALETTE_RANGE};

/// Draws samples for the corners that no scene has chosen: a model has just been opened.
pub(super) fn draw_corners(state: &mut State) {
    let taken = [state.scene.a.as_str(), state.scene.b.as_str()];
    let drawn = state.palette.draw(&state.samples, 2, &taken);
    for (corner, text) in state.palette.drawn.iter_mut().zip(drawn) {
        *corner = text;
    }
    fit(state);
}

/// Gives a scene without corners those that were drawn, and the cells the scene's size.
pub(super) fn fit(state: &mut State) {
    let palette = &mut state.scene.palette;
    for (corner, drawn) in [&mut palette.c, &mut palette.d].into_iter().zip(&state.palette.drawn) {
        corner.get_or_insert_with(|| drawn.clone());
    }
    state.palette.resize(palette.size);
}

/// Does one of its own commands.
pub(super) fn run(state: &mut State, command: Command) {
    match command {
        Command::CellLeft => step(state, -1, 0),
        Command::CellRight => step(state, 1, 0),
        Command::MoreCells => resize(state, state.scene.palette.size + 1),
        Command::FewerCells => resize(state, state.scene.palette.size.saturating_sub(1)),
        Command::TakeCell(end) => take_cell(state, end),
        Command::TakeNearest => take_cell(state, state.palette.nearest_corner()),
        Command::ChangeCorner => ends::begin_typing(state, state.palette.nearest_corner()),
        Command::RandomCorners => random(state),
        // The others are done elsewhere.
        _ => {}
    }
}

/// Chooses a cell; the palette takes the keys.
pub(super) fn choose(state: &mut State, x: usize, y: usize) {
    focus(state, Panel::Palette);
    state.palette.choose(x, y);
}

/// To a cell beside the chosen one.
pub(super) fn step(state: &mut State, right: isize, down: isize) {
    let (x, y) = state.palette.cursor();
    state.palette.choose(x.saturating_add_signed(right), y.saturating_add_signed(down));
}

/// Another size, where there may be one.
fn resize(state: &mut State, size: usize) {
    if PALETTE_RANGE.contains(&size) {
        state.scene.palette.size = size;
    }
}

/// The decode of the chosen cell becomes a corner.
fn take_cell(state: &mut State, end: EditedEnd) {
    match whole_cell(state) {
        Some(text) => *ends::text(state, end) = text,
        None => keep::refuse(
            state,
            "the cell is not decoded yet: take it when the palette is shown and the cell is whole",
        ),
    }
}

/// Four other samples.
fn random(state: &mut State) {
    if state.samples.is_empty() {
        let message = "there are no samples to draw from: change a corner by hand with e";
        return keep::refuse(state, message);
    }
    let drawn = state.palette.draw(&state.samples, EditedEnd::ALL.len(), &[]);
    for (end, text) in EditedEnd::ALL.into_iter().zip(drawn) {
        *ends::text(state, end) = text;
    }
}

/// Copies the decode of the chosen cell.
pub(super) fn copy_cell(state: &mut State) {
    let Some(text) = whole_cell(state) else {
        return keep::refuse(state, "the cell is not whole yet: copy it again when it is");
    };
    let (x, y) = state.palette.place(state.palette.cursor());
    state.outbox.push(Effect::Copy { what: format!("the cell at {x:.2}, {y:.2}"), text });
}

/// Copies the palette as a table.
pub(super) fn copy(state: &mut State) {
    let Some(palette) = state.whole_palette() else {
        return keep::refuse(state, "the palette is not whole yet: copy it again when it is");
    };
    let what = format!("the palette of {0} × {0} cells", palette.size);
    state.outbox.push(Effect::Copy { what, text: palette.table() });
}

fn whole_cell(state: &State) -> Option<String> {
    let cell = state.palette.chosen()?;
    cell.verdict.as_ref().map(|_| cell.text.clone())
}

/// All of it is to be decoded anew.
pub(super) fn anew(state: &mut State) -> Option<Effect> {
    state.palette.forget();
    ask(state)
}

/// What has to be decoded because the scene was `before`, or because the palette has come into view.
pub(super) fn follow(state: &mut State, before: &Scene) -> Option<Effect> {
    if !state.scene.same_palette(before) {
        state.palette.resize(state.scene.palette.size);
        state.palette.forget();
    }
    ask(state)
}

/// Asks for it once, and only while it is shown: it is more work than everything else on the screen.
fn ask(state: &mut State) -> Option<Effect> {
    if state.side != Panel::Palette || state.palette.asked {
        return None;
    }
    let effect = request(state, Kind::Palette)?;
    state.palette.asked = true;
    Some(effect)
}
