//! The two ends: drawn, swapped, typed.

use rand::seq::index::sample;
use rand::Rng;
use tui_input::{Input, InputRequest};

use super::draw;
use crate::app::picker::{Item, Picker};
use crate::app::state::{EditedEnd, Notice, Overlay, Pick, State, Typing};

/// Characters of an end that is typed or pasted, at most.
const LONGEST: usize = 10_000;

/// The text of an end.
pub(super) fn text(state: &mut State, end: EditedEnd) -> &mut String {
    match end {
        EditedEnd::A => &mut state.scene.a,
        EditedEnd::B => &mut state.scene.b,
        EditedEnd::C => state.scene.palette.c.get_or_insert_default(),
        EditedEnd::D => state.scene.palette.d.get_or_insert_default(),
    }
}

/// Two other samples.
pub(super) fn random(state: &mut State) {
    if state.samples.len() < 2 {
        if state.model.is_some() {
            let message = "there are no samples to draw from: type the ends with a and b";
            state.notice = Notice::Error(message.to_owned());
        }
        return;
    }
    let drawn = sample(&mut state.rng, state.samples.len(), 2);
    state.scene.a.clone_from(&state.samples[drawn.index(0)].text);
    state.scene.b.clone_from(&state.samples[drawn.index(1)].text);
}

/// Opens the text field of an end.
pub(super) fn begin_typing(state: &mut State, end: EditedEnd) {
    if state.draws_pictures() {
        return draw::begin(state, end);
    }
    let before = text(state, end).clone();
    state.history.seal();
    state.overlay =
        Some(Overlay::Typing(Typing { end, input: Input::new(before.clone()), before }));
}

/// Opens the list of samples.
pub(super) fn begin_picking(state: &mut State, pick: Pick) {
    let items = state.samples.iter().map(|example| Item {
        text: example.text.clone(),
        detail: example.label.clone().unwrap_or_default(),
    });
    let picker = Picker::of_samples(items.collect(), state.domain());
    state.overlay = Some(Overlay::Picking(pick, picker));
}

/// Chooses any row of the list on top.
pub(super) fn random_row(state: &mut State) {
    if let Some(Overlay::Picking(_, picker)) = &mut state.overlay {
        let count = picker.matches().len();
        if count > 0 {
            picker.choose(state.rng.random_range(0..count));
        }
    }
}

/// Puts a sample in the place of an end.
pub(super) fn take_sample(state: &mut State, end: EditedEnd, sample: usize) {
    if let Some(example) = state.samples.get(sample) {
        let chosen = example.text.clone();
        *text(state, end) = chosen;
    }
}

/// A key in the text field; the end, or the list, follows.
pub(super) fn edit(state: &mut State, request: InputRequest) {
    if let Some(Overlay::Picking(_, picker)) = &mut state.overlay {
        picker.edit(request);
    }
    if let Some(Overlay::Typing(typing)) = &mut state.overlay {
        let full = typing.input.value().chars().count() >= LONGEST;
        if full && matches!(request, InputRequest::InsertChar(_)) {
            return;
        }
        typing.input.handle(request);
        follow(state);
    }
}

/// Pasted text: on one line into the field where one is open; anywhere else it is nothing, so that no letter of it runs a
/// command.
pub(super) fn paste(state: &mut State, pasted: &str) {
    if let Some(Overlay::Picking(_, picker)) = &mut state.overlay {
        picker.paste(pasted);
    }
    if let Some(Overlay::Typing(typing)) = &mut state.overlay {
        let room = LONGEST.saturating_sub(typing.input.value().chars().count());
        let line = pasted.trim_end_matches(['\r', '\n']).chars();
        let line = line.map(|c| if c.is_whitespace() { ' ' } else { c });
        for c in line.filter(|c| !c.is_control()).take(room) {
            typing.input.handle(InputRequest::InsertChar(c));
        }
        follow(state);
    }
}

fn follow(state: &mut State) {
    if let Some(typing) = state.typing() {
        let (end, typed) = (typing.end, typing.input.value().to_owned());
        *text(state, end) = typed;
    }
}
