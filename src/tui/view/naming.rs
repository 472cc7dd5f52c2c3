//! The field for a direction's name.
//!
//! ```text
//! ╭ name of the direction ─────────────────────╮
//! │ › warmer▏                                  │
//! │ enter keeps the name · esc leaves it       │
//! ╰────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::{clip, fit};
use super::{row, Screen};
use crate::app::Naming;
use crate::report::visible;

impl Screen<'_> {
    pub(super) fn naming(&mut self, naming: &Naming, frame: &mut Frame<'_>, area: Rect) {
        let (width, height) = (area.width.min(60), area.height.min(4));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 3,
            width,
            height,
        };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border_focused)
            .title(Span::styled(" name of the direction ", self.theme.title))
            .padding(Padding::horizontal(1));
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        self.hits.cover();

        let field = row(inner, 0);
        let room = field.width.saturating_sub(3);
        let before: String = naming.input.value().chars().take(naming.input.cursor()).collect();
        let cursor = visible(&before).width() as u16;
        let skip = cursor.saturating_sub(room);
        let text = clip(&visible(naming.input.value()), skip, room);
        let line = Line::from(vec![Span::styled("› ", self.theme.chosen), Span::raw(text)]);
        frame.render_widget(line, field);
        let x = field.x + 2 + cursor - skip;
        frame.set_cursor_position((x.min(field.right().saturating_sub(1)), field.y));
        let hint = fit("enter keeps the name · esc leaves it as it was", inner.width);
        frame.render_widget(Line::styled(hint, self.theme.dim), row(inner, 1));
    }
}
