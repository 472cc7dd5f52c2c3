//! The two ends, each with what it comes back as, or the field in which one is typed.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::ladder::RATIO;
use super::text::{clip, fit};
use super::{row, Screen};
use crate::app::{Command, EditedEnd, State, Typing};
use crate::report::visible;
use crate::tui::hit::Hit;

/// From this width on an end's label stands beside it.
const LABELLED: u16 = 60;

impl Screen<'_> {
    pub(super) fn ends(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        for (y, end) in [EditedEnd::A, EditedEnd::B].into_iter().enumerate() {
            let place = row(area, y as u16);
            match state.typing().filter(|typing| typing.end == end) {
                Some(typing) => self.field(typing, frame, place),
                None => self.end(state, end, frame, place),
            }
        }
    }

    fn end(&mut self, state: &State, end: EditedEnd, frame: &mut Frame<'_>, area: Rect) {
        let text = state.scene.corners()[end as usize];
        let name = Span::styled(format!("     {} ", end.name()), self.corner_style(end));
        let (sign, style) = match state.reconstruction(end) {
            Some(rung) if rung.text == text => ("= comes back".to_owned(), self.theme.good),
            Some(_) if state.draws_pictures() => {
                ("≠ comes back changed".to_owned(), self.theme.bad)
            }
            Some(rung) => (format!("≠ {}", visible(&rung.text)), self.theme.bad),
            // The ladder does not begin and end with them.
            None if state.scene.along.is_some() => (String::new(), self.theme.dim),
            None => ("…".to_owned(), self.theme.dim),
        };
        let (label, colour) = match state.label(text) {
            Some(label) if area.width >= LABELLED && !state.draws_pictures() => {
                (format!("{}  ", fit(&visible(label), area.width / 5)), self.theme.label(label))
            }
            _ => (String::new(), self.theme.dim),
        };
        let text = self.in_a_line(state, text);
        // The same columns as the rungs below; what comes back has what the end leaves, half of the line at least.
        let room = area.width.saturating_sub(RATIO + 1 + label.width() as u16);
        let sign = fit(&sign, (room.saturating_sub(text.width() as u16)).max(room / 2).min(room));
        let room = room.saturating_sub(sign.width() as u16);
        let text = fit(&text, room);
        let pad = usize::from(room + 1) - text.width().min(usize::from(room));
        let line = Line::from(vec![
            name,
            Span::raw(text),
            Span::raw(" ".repeat(pad)),
            Span::styled(label, colour),
            Span::styled(sign, style),
        ]);
        frame.render_widget(line, area);
        self.hits.add(area, Hit::Command(Command::Type(end)));
    }

    /// The text field of an end.
    pub(super) fn field(&self, typing: &Typing, frame: &mut Frame<'_>, area: Rect) {
        let prefix = format!("{:>5} › ", typing.end.name());
        let room = area.width.saturating_sub(prefix.width() as u16 + 1);
        let shown = visible(typing.input.value()).into_owned();
        let before: String = typing.input.value().chars().take(typing.input.cursor()).collect();
        let cursor = visible(&before).width() as u16;
        let skip = cursor.saturating_sub(room);
        let line = Line::from(vec![
            Span::styled(prefix.clone(), self.theme.chosen),
            Span::raw(clip(&shown, skip, room)),
        ]);
        frame.render_widget(line, area);
        let x = area.x + prefix.width() as u16 + cursor - skip;
        frame.set_cursor_position((x.min(area.right().saturating_sub(1)), area.y));
    }
}
