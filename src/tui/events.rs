//! Events of a terminal as actions.

use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind, MouseButton, MouseEventKind};
use tui_input::backend::crossterm::to_input_request;

use super::hit::HitMap;
use super::keys::key_of;
use crate::app::{find, Action, Command, State, Step};

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
