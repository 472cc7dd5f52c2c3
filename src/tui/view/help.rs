//! The help: every command with its keys, a part at a time where they do not all fit.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use ratatui::Frame;

use super::Screen;
use crate::app::State;

impl Screen<'_> {
    pub(super) fn help(&mut self, first: usize, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let lines: Vec<Line<'_>> = state
            .helped()
            .into_iter()
            .map(|e| {
                let keys: Vec<String> =
                    state.keys.keys(e.command).iter().map(ToString::to_string).collect();
                Line::from(vec![
                    Span::styled(format!("{:<20}", keys.join(" ")), self.theme.key),
                    Span::raw(e.help),
                ])
            })
            .chain([
                "mouse               drag a slider, click a rung, an end, a tab or a hint".into()
            ])
            .collect();
        let count = lines.len();
        let (width, height) = (84.min(area.width), (count as u16 + 2).min(area.height));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        let mut block = Block::bordered()
            .border_type(BorderType::Rounded)
            .title(Span::styled(" help ", self.theme.title))
            .padding(Padding::horizontal(1));
        let room = usize::from(block.inner(place).height);
        let first = first.min(count.saturating_sub(room));
        if count > room {
            let rows = format!(" ↑↓ {}–{} of {count} ", first + 1, (first + room).min(count));
            block = block.title_bottom(Line::styled(rows, self.theme.key).right_aligned());
        }
        let lines: Vec<Line<'_>> = lines.into_iter().skip(first).take(room).collect();
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
        self.hits.cover();
    }
}
