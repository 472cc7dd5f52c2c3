//! The tour: a box beside what it explains, pointing at it.
//!
//! ```text
//!      A x = 1                              = comes back exactly
//!      B return self.name                   ≠ comes back changed
//! ╭─▲─ 1 of 5 · two ends ────────────────────────╮
//! │ The model turns A and B into latents.        │
//! │ enter goes on · esc leaves the tour          │
//! ╰──────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::Screen;
use crate::app::{Command, Panel, Place, State, TOUR};
use crate::tui::hit::Hit;

/// What the keys do, below every step.
const KEYS: &str = "enter goes on · ← goes back · esc leaves the tour";

impl Screen<'_> {
    pub(super) fn tour(&mut self, step: usize, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let Some(tour) = TOUR.get(step) else { return };
        let mut lines: Vec<Line<'_>> =
            tour.lines(&state.keys).into_iter().map(Line::from).collect();
        lines.push(Line::styled(KEYS, self.theme.dim));
        let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(KEYS.width());
        let width = (widest as u16 + 4).min(area.width);
        let height = (lines.len() as u16 + 2).min(area.height);
        let about = self.about(tour.place, area);
        let (y, arrow) = beside(about, height, area);
        let x = about.x.min(area.right() - width).max(area.x);
        let place = Rect { x, y, width, height };
        let title = format!(" {} of {} · {} ", step + 1, TOUR.len(), tour.title);
        let mut block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border_focused)
            .padding(Padding::horizontal(1));
        let title = Span::styled(title, self.theme.title);
        let pointer = Span::styled(arrow.unwrap_or_default(), self.theme.chosen);
        block = match arrow {
            Some("▼") => block.title(title).title_bottom(pointer),
            _ => block.title(Line::from(vec![pointer, title])),
        };
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
        self.hits.add(place, Hit::Tour);
    }

    /// Where that is which a step explains; the middle of the screen where it is not shown.
    fn about(&self, place: Place, area: Rect) -> Rect {
        // The last line has hints of the same commands.
        let around = |these: fn(Hit) -> bool| self.hits.around(area.bottom() - 1, these);
        let found = match place {
            Place::Ends => around(|hit| matches!(hit, Hit::Command(Command::Type(_)))),
            Place::Ladder => around(|hit| matches!(hit, Hit::Rung(_))),
            Place::Slider => around(|hit| hit == Hit::Slider),
            // The tabs, which are a row of names.
            Place::Panels => around(|hit| hit == Hit::Panel(Panel::Mix)),
            Place::Hints => Some(Rect { y: area.bottom() - 1, height: 1, ..area }),
        };
        let middle = Rect { y: area.y + area.height / 3, height: 0, ..area };
        // The first row of what is as high as the screen, such as a panel in its frame.
        match found {
            Some(found) if found.height > area.height / 2 => Rect { height: 1, ..found },
            Some(found) => found,
            None => middle,
        }
    }
}

/// The row of a box of this height below or above something, and the arrow that points there.
fn beside(about: Rect, height: u16, area: Rect) -> (u16, Option<&'static str>) {
    if about.bottom() + height <= area.bottom() {
        (about.bottom(), Some("▲"))
    } else if about.y >= area.y + height {
        (about.y - height, Some("▼"))
    } else {
        // There is no room beside it.
        (area.bottom() - height, None)
    }
}
