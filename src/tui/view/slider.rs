//! The slider along the way, with its marks below and the validity of the decodes above.
//!
//! ```text
//!    ✗✗▁▁▁▁▁▁▁▁▁▁▁▁▁✗✗▁▁▁▁▁▁▁▁▁·····
//!    ╌╌╌╌╌╌╌┼────●────────┼╌╌╌╌╌╌╌╌
//!    -0.5   A    0.5      B       1.5
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;

use super::Screen;
use crate::app::State;
use crate::tui::hit::{column_of, ratio_at, Hit};

impl Screen<'_> {
    /// Where along the slider the decode is valid (`▁`), where not (`✗`; `~` of headlines), and where nothing is known yet (`·`).
    pub(super) fn strip(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let track = track(area);
        let cell = (ratio_at(track, track.right()) - ratio_at(track, track.x))
            / f32::from(track.width.max(2) - 1);
        let (invalid, style) = self.invalid(state.domain());
        let spans: Vec<Span<'_>> = (track.x..track.right())
            .map(|x| {
                let middle = ratio_at(track, x);
                match state.strip.valid_within(middle - cell / 2.0, middle + cell / 2.0) {
                    Some(true) => Span::styled("▁", self.theme.good),
                    Some(false) => Span::styled(invalid, style),
                    None => Span::styled("·", self.theme.dim),
                }
            })
            .collect();
        frame.render_widget(Line::from(spans), track);
        self.hits.add(track, Hit::Slider);
    }

    pub(super) fn slider(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let track = track(area);
        self.track(state.scene.ratio, false, frame, track);
        self.hits.add(track, Hit::Slider);
    }

    /// A slider's line with its handle: a square one where it is locked.
    pub(super) fn track(&self, ratio: f32, locked: bool, frame: &mut Frame<'_>, track: Rect) {
        let handle = column_of(track, ratio);
        let ends = [column_of(track, 0.0), column_of(track, 1.0)];
        let mut spans = Vec::with_capacity(usize::from(track.width));
        for x in track.x..track.right() {
            spans.push(if x == handle {
                Span::styled(if locked { "■" } else { "●" }, self.theme.handle)
            } else if x == ends[0] {
                Span::styled("┼", self.theme.end_a)
            } else if x == ends[1] {
                Span::styled("┼", self.theme.end_b)
            } else if x < ends[0] || x > ends[1] {
                Span::styled("╌", self.theme.track)
            } else {
                Span::styled("─", self.theme.track)
            });
        }
        frame.render_widget(Line::from(spans), track);
    }

    pub(super) fn marks(&self, frame: &mut Frame<'_>, area: Rect) {
        let track = track(area);
        for (ratio, label) in [(-0.5, "-0.5"), (0.0, "A"), (0.5, "0.5"), (1.0, "B"), (1.5, "1.5")] {
            let width = label.len() as u16;
            let x = column_of(track, ratio).saturating_sub(width / 2);
            let x = x.clamp(area.x, area.right().saturating_sub(width));
            let place = Rect { x, width, ..area };
            frame.render_widget(Line::styled(label, self.theme.dim), place);
        }
    }
}

/// The slider's place: a little inside of its row.
fn track(area: Rect) -> Rect {
    let inset = if area.width > 40 { 3 } else { 0 };
    Rect { x: area.x + inset, width: area.width - 2 * inset, ..area }
}
