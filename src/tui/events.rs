//! Events of a terminal as actions.

use ratatui::crossterm::event::{
    Event, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind,
};
use tui_input::backend::crossterm::to_input_request;

use super::hit::{Grip, HitMap};
use super::keys::key_of;
use crate::app::{
    draw_key, Action, Command, DrawAction, Drawing, Overlay, Panel, Screen, State, Step,
};

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
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                key_action(state, hits, *key, event)
            }
            Event::Paste(text) => Some(Action::Paste(text.clone())),
            Event::Mouse(mouse) if state.drawing().is_some() => {
                state.drawing().and_then(|drawing| stroke_of(drawing, hits, *mouse))
            }
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
                // A chart is read off where the mouse points.
                MouseEventKind::Moved if state.screen == Screen::Train => {
                    let (action, _) = hits.press(mouse.column, mouse.row)?;
                    matches!(action, Action::ReadAt(_)).then_some(action)
                }
                MouseEventKind::ScrollUp => Some(Action::Run(wheel(state, false))),
                MouseEventKind::ScrollDown => Some(Action::Run(wheel(state, true))),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What the wheel does on a screen: it slides, or goes through a list or the rows of the palette.
fn wheel(state: &State, down: bool) -> Command {
    let slides = state.screen == Screen::Explore && state.focus != Panel::Palette;
    match (slides, down) {
        (true, false) => Command::Slide(Step::Left),
        (true, true) => Command::Slide(Step::Right),
        (_, false) => Command::Up,
        (_, true) => Command::Down,
    }
}

/// What the mouse does on a canvas. A press beside it does nothing, so that no slip loses a drawing.
fn stroke_of(drawing: &Drawing, hits: &HitMap, mouse: MouseEvent) -> Option<Action> {
    let place = hits.canvas()?;
    let action = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            let (x, y) = place.pixel(mouse.column, mouse.row)?;
            DrawAction::Press(x, y)
        }
        MouseEventKind::Drag(MouseButton::Left) if drawing.canvas.is_drawing() => {
            let (x, y) = place.nearest(mouse.column, mouse.row);
            DrawAction::Go(x, y)
        }
        MouseEventKind::Up(MouseButton::Left) => DrawAction::Lift,
        _ => return None,
    };
    Some(Action::Draw(action))
}

fn key_action(state: &State, hits: &HitMap, key: KeyEvent, event: &Event) -> Option<Action> {
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
            let (chosen, across) = (picker.chosen(), hits.across());
            match name.as_str() {
                // Side by side the arrows go to all four sides.
                "left" if across > 1 => return Some(Action::ChooseRow(chosen.saturating_sub(1))),
                "right" if across > 1 => return Some(Action::ChooseRow(chosen + 1)),
                "up" if across > 1 => {
                    return Some(Action::ChooseRow(chosen.saturating_sub(across)))
                }
                "down" if across > 1 => return Some(Action::ChooseRow(chosen + across)),
                "up" | "ctrl+k" => return Some(Action::Run(Command::Up)),
                "down" | "ctrl+j" => return Some(Action::Run(Command::Down)),
                "pageup" => return Some(Action::ChooseRow(chosen.saturating_sub(PAGE * across))),
                "pagedown" => return Some(Action::ChooseRow(chosen + PAGE * across)),
                "ctrl+r" => return Some(Action::RandomRow),
                _ => {}
            }
        }
        if let Some(Overlay::Filter) = &state.overlay {
            match name.as_str() {
                "up" | "ctrl+k" => return Some(Action::Run(Command::Up)),
                "down" | "ctrl+j" => return Some(Action::Run(Command::Down)),
                _ => {}
            }
        }
        if state.drawing().is_some() {
            return draw_key(&name).map(Action::Draw);
        }
        if let Some(Overlay::Help(first)) = state.overlay {
            match name.as_str() {
                "pageup" => return Some(Action::ChooseRow(first.saturating_sub(PAGE))),
                "pagedown" => return Some(Action::ChooseRow(first + PAGE)),
                _ => {}
            }
        }
        let overlay = state.overlay.as_ref();
        if overlay.is_some_and(|overlay| !matches!(overlay, Overlay::Help(_))) {
            return to_input_request(event).map(Action::Edit);
        }
    }
    if state.overlay.is_none() && state.tour.is_some() && state.screen == Screen::Explore {
        match name.as_str() {
            "enter" | "right" => return Some(Action::NextStep),
            "left" => return Some(Action::PreviousStep),
            "esc" => return Some(Action::Leave),
            // Every other key does what it does without the tour.
            _ => {}
        }
    }
    state.keys.lookup(key, state.scopes()).map(Action::Run)
}
