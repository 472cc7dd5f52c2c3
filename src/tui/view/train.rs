//! The train screen: the form before a run, the charts, the ladder and the samples of one that goes on.
//!
//! ```text
//! running  ███████████░░░░░░░░░░░░░  31 %  step 1240  2:30 left  saved at 1200
//! ╭ loss · recent ─────────────────────╮╭ loss · all ────────────────────────╮
//! │                                    ││                                    │
//! ╰────────────────────────────────────╯╰────────────────────────────────────╯
//! step 1240 · cross entropy 2.31 · regulariser 0.010 · rate 2.9e-3 · …
//! ladder at step 1200 (4 of 4)              ╭ held out ──────────────────────╮
//!   0.00 x = 1                            ✓ │                                │
//!   …                                       ╰────────────────────────────────╯
//! ```

mod form;
mod run;

use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::Frame;

use super::text::fit;
use super::{row, Screen};
use crate::app::{Notice, State};
use crate::report::visible;

impl Screen<'_> {
    /// All but the last line, which tells what went wrong or how things stand.
    pub(super) fn small_training(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        self.training(state, frame, Rect { height: area.height - 1, ..area });
        let (text, style) = match &state.notice {
            Notice::Error(message) => (message, self.theme.bad),
            Notice::Status(text) => (text, self.theme.dim),
        };
        let line = Line::styled(fit(&visible(text), area.width), style);
        frame.render_widget(line, row(area, area.height - 1));
    }

    pub(super) fn training(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        match state.training.shown_run() {
            Some(run) => self.run(run, frame, area),
            None => self.form(state, frame, area),
        }
    }
}
