//! The help: every command with its keys.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use ratatui::Frame;

use super::Screen;
use crate::app::{State, COMMANDS};

impl Screen<'_> {
    pub(super) fn help(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let shown = COMMANDS
            .iter()
            .filter(|e| !e.help.is_empty() && state.offers(e.command))
            .filter(|e| e.panel.is_none_or(|panel| panel == state.focus));
        // The focused panel's own first: they are the least known.
        let (own, common): (Vec<_>, Vec<_>) = shown.partition(|e| e.panel.is_some());
        let shown = own.into_iter().chain(common);
        let lines: Vec<Line<'_>> = shown
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
        let (width, height) = (84.min(area.width), (lines.len() as u16 + 2).min(area.height));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .title(Span::styled(" help ", self.theme.title))
            .padding(Padding::horizontal(1));
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
        self.hits.cover();
    }
}
