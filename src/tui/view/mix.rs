//! A slider per latent token: token by token from A to B.
//!
//! ```text
//! ▸ 1 ╌╌╌┼──■──────┼╌╌╌  0.20
//!   2 ╌╌╌┼────●────┼╌╌╌  0.50
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;

use super::{row, Screen};
use crate::app::{Panel, State};
use crate::tui::hit::Hit;

impl Screen<'_> {
    pub(super) fn mix(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let count = state.tokens();
        let room = usize::from(area.height);
        let first = state.token.saturating_sub(room / 2).min(count.saturating_sub(room));
        for (y, token) in (first..count.min(first + room)).enumerate() {
            let place = row(area, y as u16);
            let chosen = token == state.token && state.focus == Panel::Mix;
            let locked = state.scene.tokens.get(token).copied().flatten().is_some();
            let ratio = state.token_ratio(token);
            let style = if chosen { self.theme.chosen } else { self.theme.dim };
            let mark = if chosen { "▸" } else { " " };
            let head = Span::styled(format!("{mark}{:>2} ", token + 1), style);
            frame.render_widget(Line::from(head), Rect { width: place.width.min(4), ..place });
            self.hits.add(place, Hit::Row(token));
            let track = Rect { x: place.x + 4, width: place.width.saturating_sub(11), ..place };
            self.track(ratio, locked, frame, track);
            self.hits.add(track, Hit::Token(token));
            let tail = Rect { x: track.right(), width: place.right() - track.right(), ..place };
            frame.render_widget(Line::styled(format!(" {ratio:>6.3}"), style), tail);
        }
        let legend = count as u16;
        if legend < area.height {
            let text = "■ locked   ● follows the slider";
            frame.render_widget(Line::styled(text, self.theme.dim), row(area, legend));
        }
    }
}
