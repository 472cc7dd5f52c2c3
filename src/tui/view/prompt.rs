//! One line that is asked for, in a small frame.
//!
//! ```text
//! ╭ save the session ──────────────────────────╮
//! │ › ~/.local/share/tvae-tui/sessions/x.json  │
//! │ a file's name · enter takes it · esc leaves │
//! ╰────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::{clip, fit};
use super::{row, Screen};
use crate::app::Prompt;
use crate::report::visible;

/// Columns of the frame at most, and its rows.
const SIZE: (u16, u16) = (80, 4);

/// What is asked for, and what it is about.
fn title(prompt: &Prompt, width: u16) -> String {
    let about = visible(&prompt.about);
    let gap = if about.is_empty() { "" } else { " " };
    let title = format!(" {}{gap}{about}", prompt.ask.title());
    format!("{} ", fit(&title, width.saturating_sub(5)))
}

impl Screen<'_> {
    pub(super) fn prompt(&mut self, prompt: &Prompt, frame: &mut Frame<'_>, area: Rect) {
        let (width, height) = (SIZE.0.min(area.width), SIZE.1.min(area.height));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 3,
            width,
            height,
        };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border_focused)
            .title(Span::styled(title(prompt, width), self.theme.title))
            .padding(Padding::horizontal(1));
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        self.hits.cover();

        let (line, room) = (row(inner, 0), inner.width.saturating_sub(3));
        let value = prompt.input.value();
        let before: String = value.chars().take(prompt.input.cursor()).collect();
        let cursor = visible(&before).width() as u16;
        let skip = cursor.saturating_sub(room);
        let text = clip(&visible(value), skip, room);
        let spans = vec![Span::styled("› ", self.theme.chosen), Span::raw(text)];
        frame.render_widget(Line::from(spans), line);
        let x = line.x + 2 + cursor - skip;
        frame.set_cursor_position((x.min(line.right().saturating_sub(1)), line.y));
        let hint = format!("{} · enter takes it · esc leaves", prompt.ask.hint());
        let hint = Line::styled(fit(&hint, inner.width), self.theme.dim);
        frame.render_widget(hint, row(inner, 1));
    }
}
