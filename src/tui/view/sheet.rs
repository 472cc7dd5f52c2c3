//! Samples and neighbours that are pictures, side by side as on a contact sheet, each with its label.
//!
//! ```text
//!   ▄▄▄▄     ▄▄▄▄     ▀▀▀█
//!      █    ▀  ▄▀       █
//!     █       ▄▀       █
//!   ▸ 7        2        7
//! ```

use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use ratatui::Frame;

use super::pictures::{picture_of, picture_size};
use super::text::fit;
use super::Screen;
use crate::app::{Item, Picker, State};
use crate::engine::pool::Neighbour;
use crate::report::visible;
use crate::tui::glyph::FilmStrip;
use crate::tui::hit::Hit;

impl Screen<'_> {
    /// Texts near the slider, each with its distance and label.
    pub(super) fn neighbour_sheet(
        &self,
        neighbours: &[Neighbour],
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let (size, mode) = (picture_size(state), self.painter.mode());
        for place in FilmStrip::new(area, neighbours.len(), 0, size, mode).frames {
            let Some(neighbour) = neighbours.get(place.index) else { continue };
            if let Some(picture) = picture_of(state, &neighbour.text, true) {
                self.painter.draw(&picture, place.glyph, frame.buffer_mut());
            }
            let sign = if neighbour.same_text { "=" } else { "" };
            let label = neighbour.label.as_deref().map(visible).unwrap_or_default();
            let caption = format!("{sign}{:.2} {label}", neighbour.distance);
            let style = if neighbour.same_text { self.theme.copy } else { self.theme.dim };
            let line = Line::styled(fit(&caption, place.caption.width), style);
            line.alignment(Alignment::Center).render(place.caption, frame.buffer_mut());
        }
    }

    pub(super) fn sheet(
        &mut self,
        picker: &Picker,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let matches: Vec<&Item> = picker.matches().map(|(_, item)| item).collect();
        let (size, mode) = (picture_size(state), self.painter.mode());
        let sheet = FilmStrip::sheet(area, matches.len(), picker.chosen(), size, mode);
        for place in &sheet.frames {
            let Some(item) = matches.get(place.index) else { continue };
            if let Some(picture) = picture_of(state, &item.text, true) {
                self.painter.draw(&picture, place.glyph, frame.buffer_mut());
            }
            let chosen = place.index == picker.chosen();
            let (mark, style) =
                if chosen { ("▸ ", self.theme.chosen) } else { ("", self.theme.dim) };
            let room = place.caption.width.saturating_sub(2);
            let label = Span::styled(fit(&visible(&item.detail), room), style);
            let line = Line::from(vec![Span::styled(mark, style), label]);
            line.alignment(Alignment::Center).render(place.caption, frame.buffer_mut());
            self.hits.add(place.place, Hit::Row(place.index));
        }
        self.hits.set_across(sheet.across);
    }
}
