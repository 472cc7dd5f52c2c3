//! The last line: hints for the focused panel, or what went wrong.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::Screen;
use crate::app::{Command, Entry, Notice, State, COMMANDS};
use crate::report::visible;
use crate::tui::hit::Hit;

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
        let mut x = area.x;
        let hinted = COMMANDS.iter().filter(|e| !e.hint.is_empty());
        let (own, common): (Vec<_>, Vec<_>) = hinted
            .filter(|e| e.panel.is_none_or(|p| p == state.focus))
            .partition(|e| e.panel.is_some());
        let hidden = |command: Command| {
            // What a panel's own key takes the place of is not hinted at.
            let keys = state.keys.keys(command);
            keys.first()
                .is_some_and(|&key| state.keys.lookup(key, Some(state.focus)) != Some(command))
        };
        let all = own.into_iter().chain(common.into_iter().filter(|e| !hidden(e.command)));
        let with_keys = all.filter_map(|entry| Some((entry, shown_key(state, entry.command)?)));
        // Where to read more, and the way out, have their place whatever else there is room for.
        let (last, first): (Vec<_>, Vec<_>) =
            with_keys.partition(|(e, _)| matches!(e.command, Command::Help | Command::Quit));
        let width = |(entry, key): &(&Entry, String)| (key.width() + entry.hint.width() + 3) as u16;
        let mut room = area.width.saturating_sub(last.iter().map(width).sum());
        let first = first.into_iter().take_while(|hint| {
            let fits = width(hint) <= room;
            room = room.saturating_sub(width(hint));
            fits
        });
        for hint in first.collect::<Vec<_>>().into_iter().chain(last) {
            let width = width(&hint);
            let (entry, key) = hint;
            if x + width > area.right() {
                break;
            }
            let place = Rect { x, width, ..area };
            let line = Line::from(vec![
                Span::styled(key, self.theme.key),
                Span::styled(format!(" {}", entry.hint), self.theme.dim),
            ]);
            frame.render_widget(line, place);
            self.hits.add(place, Hit::Command(entry.command));
            x += width;
        }
    }
}

/// The first key of a command as the hints show it: left stands for left and right.
fn shown_key(state: &State, command: Command) -> Option<String> {
    let key = state.keys.keys(command).first()?.to_string();
    Some(match key.as_str() {
        "left" => "←→".to_owned(),
        "[" => "[ ]".to_owned(),
        _ => key,
    })
}
