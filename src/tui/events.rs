//! Events of a terminal as actions.

use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind, MouseButton, MouseEventKind};
use tui_input::backend::crossterm::to_input_request;

use super::hit::{Grip, HitMap};
use super::keys::key_of;
use crate::app::{Action, Command, Overlay, State, Step};

/// Rows that a page key goes up or down in a list.
const PAGE: usize = 10;

/// What the hands are doing: the slider that the mouse holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hands {
    grip: Option<Grip>,
}

impl Hands {
    /// The action that an event means in this state; none for most.
    pub fn action_of(&mut self, state: &State, hits: &HitMap, event: &Event) -> Option<Action> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => key_action(state, *key, event),
            Event::Paste(text) => Some(Action::Paste(text.clone())),
            Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => {
                    let Some((action, grip)) = hits.press(mouse.column, mouse.row) else {
                        // A click beside what lies on top leaves it.
                        return state.overlay.is_some().then_some(Action::Leave);
                    };
                    self.grip = grip;
                    Some(action)
                }
                MouseEventKind::Drag(MouseButton::Left) => {
                    self.grip.map(|grip| grip.drag(mouse.column))
                }
                MouseEventKind::Up(_) => {
                    self.grip = None;
                    None
                }
                _ if state.overlay.is_some() => None,
                MouseEventKind::ScrollUp => Some(Action::Run(Command::Slide(Step::Left))),
                MouseEventKind::ScrollDown => Some(Action::Run(Command::Slide(Step::Right))),
                _ => None,
            },
            _ => None,
        }
    }
}

fn key_action(state: &State, key: KeyEvent, event: &Event) -> Option<Action> {
    let key = key_of(key)?;
    let name = key.to_string();
    if name == "ctrl+c" {
        return Some(Action::Run(Command::Quit));
    }
    if state.overlay.is_some() {
        match name.as_str() {
            "esc" => return Some(Action::Leave),
            "enter" => return Some(Action::Accept),
            _ => {}
        }
        if let Some(Overlay::Picking(_, picker)) = &state.overlay {
            match name.as_str() {
                "up" | "ctrl+k" => return Some(Action::Run(Command::Up)),
                "down" | "ctrl+j" => return Some(Action::Run(Command::Down)),
                "pageup" => return Some(Action::ChooseRow(picker.chosen().saturating_sub(PAGE))),
                "pagedown" => return Some(Action::ChooseRow(picker.chosen() + PAGE)),
                _ => {}
            }
        }
        if matches!(
            state.overlay,
            Some(Overlay::Typing(_) | Overlay::Picking(..) | Overlay::Naming(_))
        ) {
            return to_input_request(event).map(Action::Edit);
        }
    }
    state.keys.lookup(key, Some(state.focus)).map(Action::Run)
}
