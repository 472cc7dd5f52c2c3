//! The texts nearest to the latent at the slider: is the decode one that the model's texts have word by word?
//!
//! ```text
//! the decode at t is one of the 120 texts
//! = 0.000  return self.items[0]        label
//!   0.214  return self.items
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{row, Screen};
use crate::app::{State, Texts};
use crate::engine::pool::Neighbour;
use crate::report::visible;

impl Screen<'_> {
    pub(super) fn neighbours(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let (Texts::Read(count), Some(inspection)) = (state.directions.texts, &state.inspection)
        else {
            frame.render_widget(self.reading(state, area.width), row(area, 0));
            return;
        };
        let (text, style) = match inspection.in_pool {
            Some(true) => (format!("the decode at t is one of the {count} texts"), self.theme.copy),
            Some(false) => {
                (format!("the decode at t is none of the {count} texts"), self.theme.novel)
            }
            None => ("looking for the nearest texts …".to_owned(), self.theme.dim),
        };
        frame.render_widget(Line::styled(fit(&text, area.width), style), row(area, 0));
        if state.draws_pictures() {
            let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
            return self.neighbour_sheet(&inspection.neighbours, state, frame, below);
        }
        for (y, neighbour) in (1..area.height).zip(&inspection.neighbours) {
            frame.render_widget(self.neighbour(neighbour, area.width), row(area, y));
        }
        let legend = inspection.neighbours.len() as u16 + 2;
        if legend < area.height {
            let text = "distances of latents; = the decode itself";
            frame.render_widget(
                Line::styled(fit(text, area.width), self.theme.dim),
                row(area, legend),
            );
        }
    }

    fn neighbour(&self, neighbour: &Neighbour, width: u16) -> Line<'static> {
        let sign = if neighbour.same_text { "=" } else { " " };
        let head = format!("{sign} {:.3}  ", neighbour.distance);
        let label = neighbour.label.as_deref().map(visible).unwrap_or_default();
        let label = fit(&label, width / 4);
        let room = width.saturating_sub((head.width() + label.width()) as u16 + 1);
        let first = neighbour.text.lines().next().unwrap_or_default();
        let text = fit(&visible(first), room);
        let pad = usize::from(room).saturating_sub(text.width()) + 1;
        let style = if neighbour.same_text { self.theme.copy } else { Default::default() };
        Line::from(vec![
            Span::styled(head, if neighbour.same_text { style } else { self.theme.dim }),
            Span::styled(text, style),
            Span::raw(" ".repeat(pad)),
            Span::styled(label, self.theme.key),
        ])
    }

    /// How far the model's texts have been read.
    pub(super) fn reading(&self, state: &State, width: u16) -> Line<'static> {
        let text = match state.directions.texts {
            Texts::Unread => "the texts have not been read".to_owned(),
            Texts::Reading(done, total) => format!("reading the texts … {done} of {total}"),
            Texts::Read(_) => "looking for the nearest texts …".to_owned(),
        };
        Line::styled(fit(&text, width), self.theme.dim)
    }
}
