//! Two models on the same ladder, side by side; where the texts are pictures, one above the other.
//!
//! ```text
//! python                                   │ my-model
//!   0.00 x = 1                        =A ✓ │ x = 1                               =A ✓
//! ▸ 0.50 x = foo(   new ✗ 8: '(' was never │ return x                            new ✓
//! 7/9 valid · 8 distinct · 3 blends        │ 8/9 valid · 9 distinct · 4 blends
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;

use super::ladder::counts;
use super::text::fit;
use super::{row, Screen};
use crate::app::{Comparison, State};
use crate::report::visible;
use crate::tui::hit::Hit;

/// Below this many columns a ladder leaves out what its rungs are beside the ends.
const NARROW: u16 = 30;

impl Screen<'_> {
    pub(super) fn compare(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let Some(other) = &state.comparison else { return };
        if state.draws_pictures() {
            return self.compare_films(state, other, frame, area);
        }
        let width = area.width.saturating_sub(3) / 2;
        let left = Rect { width, ..area };
        let right =
            Rect { x: area.x + width + 3, width: area.width.saturating_sub(width + 3), ..area };
        for y in 0..area.height {
            let gap = Rect { x: left.right() + 1, width: 1, ..row(area, y) };
            frame.render_widget(Line::styled("│", self.theme.border), gap.intersection(area));
        }
        let last = area.height.saturating_sub(1);
        self.names(state, other, frame, (row(left, 0), row(right, 0)));
        self.two_summaries(state, other, frame, (row(left, last), row(right, last)));

        let (count, room) = (state.rungs.len(), usize::from(area.height.saturating_sub(2)));
        let chosen = state.nearest_rung();
        let first = chosen.saturating_sub(room / 2).min(count.saturating_sub(room));
        for (y, index) in (first..count.min(first + room)).enumerate() {
            let y = 1 + y as u16;
            let here = row(left, y);
            let place = self.place(state, index, index == chosen);
            let like = self.likeness(state, index);
            let like = if width < NARROW { Span::raw("") } else { like };
            let line = self.rung_line(state, &state.rungs, index, place, like, here.width);
            frame.render_widget(line, here);
            self.hits.add(here, Hit::Rung(index));
            let here = row(right, y);
            let like = self.like(state.other_likeness(index));
            let like = if width < NARROW { Span::raw("") } else { like };
            let place = Span::raw("");
            let line = self.rung_line(state, &other.rungs, index, place, like, here.width);
            frame.render_widget(line, here);
            self.hits.add(here, Hit::Rung(index));
        }
    }

    /// Both ladders as strips of film, each with its model's name above and its summary behind it.
    fn compare_films(
        &mut self,
        state: &State,
        other: &Comparison,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let half = area.height / 2;
        let top = Rect { height: half, ..area };
        let below = Rect { y: area.y + half, height: area.height - half, ..area };
        self.names(state, other, frame, (row(top, 0), row(below, 0)));
        let behind = |place: Rect| {
            let width = place.width * 3 / 5;
            Rect { x: place.right() - width, width, ..row(place, 0) }
        };
        self.two_summaries(state, other, frame, (behind(top), behind(below)));
        let film =
            |place: Rect| Rect { y: place.y + 1, height: place.height.saturating_sub(1), ..place };
        self.film(state, frame, film(top));
        let like = |index: usize| self.like(state.other_likeness(index));
        let strip = self.film_of(state, &other.rungs, &like, frame, film(below));
        for frame in &strip.frames {
            self.hits.add(frame.place, Hit::Rung(frame.index));
        }
    }

    /// The models' names, in their places.
    fn names(&self, state: &State, other: &Comparison, frame: &mut Frame<'_>, at: (Rect, Rect)) {
        let name = state.model.as_ref().map_or("", |model| &model.name);
        let second = match &other.model {
            Some(model) => visible(&model.name).into_owned(),
            None => format!("opening {} …", visible(&other.given)),
        };
        let name = fit(&visible(name), at.0.width);
        frame.render_widget(Line::styled(name, self.theme.title), at.0);
        frame.render_widget(Line::styled(fit(&second, at.1.width), self.theme.title), at.1);
    }

    /// What the ladders are worth, in their places.
    fn two_summaries(
        &self,
        state: &State,
        other: &Comparison,
        frame: &mut Frame<'_>,
        at: (Rect, Rect),
    ) {
        let mut line = |parts: Option<Vec<String>>, place: Rect| {
            let coming =
                || if place == at.1 && other.model.is_none() { "" } else { "decoding …" };
            let text = parts.map_or_else(|| coming().to_owned(), |parts| parts.join(" · "));
            frame.render_widget(Line::styled(fit(&text, place.width), self.theme.dim), place);
        };
        line(counts(state, &state.rungs, state.figures.as_ref()), at.0);
        let mut parts = counts(state, &other.rungs, other.figures.as_ref());
        if let Some(parts) = parts.as_mut().filter(|_| state.is_beyond_comparison()) {
            // Latent tokens and directions are a model's own.
            parts.insert(0, "plain ladder".to_owned());
        }
        line(parts, at.1);
    }
}
