//! The last line: hints for the focused panel, or what went wrong.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::Screen;
use crate::app::{Command, Entry, Notice, Overlay, State};
use crate::report::visible;
use crate::tui::hit::Hit;

/// Commands whose hints are there at every width.
const ALWAYS: [Command; 4] = [Command::NextPanel, Command::Palette, Command::Help, Command::Quit];

impl Screen<'_> {
    pub(super) fn footer(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if let Notice::Error(message) = &state.notice {
            let text = format!("✗ {}  (q quits)", visible(message));
            frame.render_widget(Line::styled(fit(&text, area.width), self.theme.bad), area);
            return;
        }
        if state.typing().is_some() {
            let text = "enter keeps the end · esc leaves it as it was";
            frame.render_widget(Line::styled(text, self.theme.dim), area);
            return;
        }
        if let Some(Overlay::Filter) = &state.overlay {
            self.filter_field(state, frame, area);
            return;
        }
        let (always, others): (Vec<_>, Vec<_>) = state
            .commands()
            .filter(|e| !e.hint.is_empty() && state.hints_at(e))
            .map(|e| (e, hint_width(state, e)))
            .partition(|(e, _)| ALWAYS.contains(&e.command));
        // What leads to everything else stands at the right, whatever has no room.
        let width: u16 = always.iter().map(|(_, width)| width).sum();
        let left = Rect { width: area.width.saturating_sub(width), ..area };
        let right = Rect { x: left.right(), width: area.width - left.width, ..area };
        // A panel's or a screen's own hints come first.
        let (own, common): (Vec<_>, Vec<_>) = others.iter().partition(|(e, _)| state.is_special(e));
        self.hints(state, own.into_iter().chain(common), frame, left);
        self.hints(state, always.iter(), frame, right);
    }

    fn hints<'e>(
        &mut self,
        state: &State,
        entries: impl Iterator<Item = &'e (&'e Entry, u16)>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let mut x = area.x;
        for &(entry, width) in entries {
            if x + width > area.right() {
                break;
            }
            let place = Rect { x, width, ..area };
            let line = Line::from(vec![
                Span::styled(hint_key(state, entry), self.theme.key),
                Span::styled(format!(" {}", entry.hint), self.theme.dim),
            ]);
            frame.render_widget(line, place);
            self.hits.add(place, Hit::Command(entry.command));
            x += width;
        }
    }
}

/// The key of a hint; one of a pair stands for both.
fn hint_key(state: &State, entry: &Entry) -> String {
    let key = state.keys.keys(entry.command).first().map(ToString::to_string).unwrap_or_default();
    match key.as_str() {
        "left" => "←→".to_owned(),
        "[" => "[ ]".to_owned(),
        _ => key,
    }
}

/// Columns of a hint with the gap behind it.
fn hint_width(state: &State, entry: &Entry) -> u16 {
    (hint_key(state, entry).width() + entry.hint.width() + 3) as u16
}
