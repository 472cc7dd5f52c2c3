//! Events of a terminal as actions.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use tui_input::backend::crossterm::to_input_request;

use super::hit::HitMap;
use super::keys::key_of;
use crate::app::{find, Action, Command, State, Step};

/// Characters of a paste that are taken; a whole file by mistake must not hold the screen up.
const LONGEST_PASTE: usize = 4096;

/// The action that an event means in this state; none for most.
#[must_use]
pub fn action_of(state: &State, hits: &HitMap, event: &Event) -> Option<Action> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => key_action(state, *key, event),
        Event::Mouse(mouse) if state.editing.is_none() => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) if state.help => Some(Action::Leave),
            MouseEventKind::Down(MouseButton::Left) => hits.press(mouse.column, mouse.row),
            MouseEventKind::Drag(MouseButton::Left) => hits.drag(mouse.column),
            MouseEventKind::ScrollUp => Some(Action::Run(Command::Slide(Step::Left))),
            MouseEventKind::ScrollDown => Some(Action::Run(Command::Slide(Step::Right))),
            _ => None,
        },
        _ => None,
    }
}

/// An event as those that [`action_of`] knows: what is pasted into a text field becomes the keys that would type it, on
/// one line; anywhere else a paste is nothing, so that no letter of it runs a command.
pub fn typed(event: Event, state: &State) -> Vec<Event> {
    let Event::Paste(text) = event else { return vec![event] };
    if state.editing.is_none() {
        return Vec::new();
    }
    text.trim_end_matches(['\r', '\n'])
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(LONGEST_PASTE)
        .map(|c| Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)))
        .collect()
}

fn key_action(state: &State, key: KeyEvent, event: &Event) -> Option<Action> {
    let name = key_of(key).map(|key| key.to_string());
    if state.editing.is_some() {
        return match name.as_deref() {
            Some("enter") => Some(Action::Accept),
            Some("esc") => Some(Action::Leave),
            Some("ctrl+c") => Some(Action::Run(Command::Quit)),
            _ => to_input_request(event).map(Action::Edit),
        };
    }
    let name = name?;
    if state.help && name == "esc" {
        return Some(Action::Leave);
    }
    find(&name).map(Action::Run)
}
