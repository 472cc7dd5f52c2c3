//! A list of samples that are pictures, side by side as on a contact sheet, each with its label.
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
use crate::report::visible;
use crate::tui::glyph::FilmStrip;
use crate::tui::hit::Hit;

impl Screen<'_> {
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
