//! A list that is narrowed down by typing, with a preview of the chosen item.
//!
//! ```text
//! ╭ end A ─────────────────────────── 3 of 120 ╮
//! │ › items                                    │
//! │ ▸ return self.items[0]                     │
//! │   for item in items: pass                  │
//! ╰────────────────────────────────────────────╯
//! ```

use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::{clip, fit};
use super::{row, Screen};
use crate::app::{EditedEnd, Pick, Picker, State};
use crate::report::visible;
use crate::tui::hit::Hit;

impl Screen<'_> {
    pub(super) fn picker(
        &mut self,
        pick: Pick,
        picker: &Picker,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        // A question needs no more rows than it has answers.
        let most = if matches!(pick, Pick::Ending { .. }) { picker.len() as u16 + 3 } else { 28 };
        let (width, height) = (area.width.min(112), area.height.saturating_sub(2).clamp(3, most));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height.min(area.height)) / 3,
            width,
            height: height.min(area.height),
        };
        let title = match pick {
            Pick::End(EditedEnd::A) => " end A ",
            Pick::End(EditedEnd::B) => " end B ",
            Pick::End(EditedEnd::C) => " corner C ",
            Pick::End(EditedEnd::D) => " corner D ",
            Pick::Command => " commands ",
            Pick::Third => " C of A − B + C ",
            Pick::Ending { quit: true } => " quit while a run goes on ",
            Pick::Ending { quit: false } => " stop the run ",
        };
        let count = format!(" {} of {} ", picker.matches().len(), picker.len());
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border_focused)
            .title(Span::styled(title, self.theme.title))
            .title(Line::styled(count, self.theme.dim).alignment(Alignment::Right))
            .padding(Padding::horizontal(1));
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        self.hits.cover();

        self.query(picker, &self.query_hint(pick, state), frame, row(inner, 0));
        let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        let list = self.beside(pick, picker, state, frame, list);
        let count = picker.matches().len();
        if count == 0 {
            let text = "nothing matches: type less";
            frame.render_widget(Line::styled(text, self.theme.dim), row(list, 0));
        }
        if pick.is_sample() && state.draws_pictures() {
            self.sheet(picker, state, frame, list);
        } else {
            self.list(pick, picker, frame, list);
        }
    }

    /// An item a row, those around the chosen one.
    fn list(&mut self, pick: Pick, picker: &Picker, frame: &mut Frame<'_>, list: Rect) {
        let room = usize::from(list.height);
        let count = picker.matches().len();
        let first = picker.chosen().saturating_sub(room / 2).min(count.saturating_sub(room));
        for (y, (_, item)) in picker.matches().skip(first).take(room).enumerate() {
            let chosen = first + y == picker.chosen();
            let here = row(list, y as u16);
            let detail_style = if pick.is_sample() { self.theme.dim } else { self.theme.key };
            let detail = fit(&visible(&item.detail), here.width / 3);
            let room = here.width.saturating_sub(3 + detail.width() as u16);
            let text = fit(&visible(&item.text), room);
            let pad = usize::from(room).saturating_sub(text.width());
            let line = Line::from(vec![
                Span::styled(if chosen { "▸ " } else { "  " }, self.theme.chosen),
                Span::raw(text),
                Span::raw(" ".repeat(pad + 1)),
                Span::styled(detail, detail_style),
            ]);
            let style = if chosen { self.theme.selected } else { Default::default() };
            frame.render_widget(line.style(style), here);
            self.hits.add(here, Hit::Row(first + y));
        }
    }

    /// What has been typed, with the cursor, or a hint where nothing has been.
    fn query(&self, picker: &Picker, hint: &str, frame: &mut Frame<'_>, area: Rect) {
        let room = area.width.saturating_sub(3);
        let before: String = picker.input.value().chars().take(picker.input.cursor()).collect();
        let cursor = visible(&before).width() as u16;
        let skip = cursor.saturating_sub(room);
        let text = clip(&visible(picker.input.value()), skip, room);
        let mut line = Line::from(vec![Span::styled("› ", self.theme.chosen), Span::raw(text)]);
        if picker.input.value().is_empty() {
            line.push_span(Span::styled(fit(hint, room), self.theme.dim));
        }
        frame.render_widget(line, area);
        let x = area.x + 2 + cursor - skip;
        frame.set_cursor_position((x.min(area.right().saturating_sub(1)), area.y));
    }
}
