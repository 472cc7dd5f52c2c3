//! The decode at the slider: framed where there is room, shaded by the decoder's probabilities on request.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Wrap};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{row, Screen};
use crate::app::State;
use crate::report::visible;

impl Screen<'_> {
    /// One line: ratio, text, verdict.
    pub(super) fn point_line(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let ratio = format!("t = {:.3}  ", state.scene.ratio);
        let (verdict, verdict_style) = self.verdict(&state.point);
        let text = self.in_a_line(state, &state.point.text);
        let room = area.width.saturating_sub(ratio.width() as u16 + 2);
        let verdict = fit(&verdict, room.saturating_sub(text.width() as u16).max(1));
        let room = room.saturating_sub(verdict.width() as u16);
        let line = Line::from(vec![
            Span::styled(ratio, self.theme.chosen),
            Span::styled(fit(&text, room), self.point_style(state)),
            Span::raw("  "),
            Span::styled(verdict, verdict_style),
        ]);
        frame.render_widget(line, area);
    }

    fn point_style(&self, state: &State) -> Style {
        if state.point.verdict.is_some() {
            Style::new()
        } else {
            self.theme.dim
        }
    }

    /// A frame of four to six rows.
    pub(super) fn point(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border)
            .title(Span::styled(format!(" t = {:.3} ", state.scene.ratio), self.theme.chosen))
            .padding(Padding::horizontal(1));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let text = match state.inspection.as_ref().filter(|_| state.probabilities) {
            Some(inspection) => self.shaded(&inspection.tokens),
            None => {
                let text = &state.point.text;
                Line::from(self.highlighted(state, text, text)).style(self.point_style(state))
            }
        };
        let place = Rect { height: inner.height.saturating_sub(1), ..inner };
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), place);
        let (verdict, style) = self.verdict(&state.point);
        let last = row(inner, inner.height.saturating_sub(1));
        frame.render_widget(Line::styled(fit(&verdict, inner.width), style), last);
    }

    /// Tokens on a ground that shows how probable each is; those below a half are underlined as well.
    fn shaded(&self, tokens: &[crate::engine::TokenProbability]) -> Line<'static> {
        let spans = tokens.iter().map(|token| {
            let text = if token.text.is_empty() { "⏎".into() } else { visible(&token.text) };
            let mut style = Style::new().fg(self.theme.ramp(token.probability));
            if token.probability < 0.5 {
                style = style.add_modifier(Modifier::UNDERLINED);
            }
            Span::styled(text.into_owned(), style)
        });
        Line::from(spans.collect::<Vec<_>>())
    }
}
