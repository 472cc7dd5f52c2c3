//! What is kept: bookmarks with their notes, then the scenes before, the latest first.
//!
//! ```text
//! bookmarks
//! ▸ 1 half way there  0.50 x = 1 → return x
//! history, the latest first
//!   0.30 x = 1 → return x
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{row, Screen};
use crate::app::{Command, Kept, Panel, State};
use crate::engine::Scene;
use crate::report::visible;
use crate::tui::hit::Hit;

/// A line of the panel.
enum Row<'a> {
    Heading(&'static str),
    Hint(String),
    /// With its number among all that is kept.
    Kept(usize, Kept<'a>),
}

impl Screen<'_> {
    pub(super) fn keep(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let rows = rows(state);
        let chosen =
            rows.iter().position(|row| matches!(row, Row::Kept(at, _) if *at == state.keep.row));
        let room = usize::from(area.height);
        let first = chosen.unwrap_or(0).saturating_sub(room / 2);
        let first = first.min(rows.len().saturating_sub(room));
        for (y, line) in rows.into_iter().skip(first).take(room).enumerate() {
            let place = row(area, y as u16);
            match line {
                Row::Heading(text) => {
                    frame.render_widget(Line::styled(text, self.theme.title), place);
                }
                Row::Hint(text) => {
                    let text = fit(&text, place.width);
                    frame.render_widget(Line::styled(text, self.theme.dim), place);
                }
                Row::Kept(at, kept) => {
                    let chosen = state.focus == Panel::Keep && at == state.keep.row;
                    let line = self.kept(state, at, &kept, chosen, place.width);
                    frame.render_widget(line, place);
                    self.hits.add(place, Hit::Row(at));
                }
            }
        }
    }

    /// A bookmark with number and note, or a scene of the history, and what is decoded there.
    fn kept(
        &self,
        state: &State,
        at: usize,
        kept: &Kept<'_>,
        chosen: bool,
        width: u16,
    ) -> Line<'static> {
        let mark = if chosen { "▸ " } else { "  " };
        let Scene { ratio, a, b, .. } = kept.scene();
        let mut spans = vec![Span::styled(mark, self.theme.chosen)];
        if let Kept::Bookmark(bookmark) = kept {
            // The note takes half of the line at most, what it leaves is the scene's.
            let note = fit(&visible(&bookmark.note), width / 2);
            spans.push(Span::styled(format!("{} ", at + 1), self.theme.key));
            if !note.is_empty() {
                spans.push(Span::raw(note + "  "));
            }
        }
        let differs = differences(kept.scene(), &state.scene);
        spans.push(Span::styled(format!("{ratio:.2} {differs}"), self.theme.dim));
        let used: usize = spans.iter().map(Span::width).sum();
        let room = width.saturating_sub(used as u16 + 3);
        // Both ends have room: what the shorter one leaves is the longer one's.
        let (a, b) = (self.in_a_line(state, a), self.in_a_line(state, b));
        let half = room / 2;
        let for_a = (room.saturating_sub(b.width() as u16)).max(half);
        let a = fit(&a, for_a);
        let b = fit(&b, room.saturating_sub(a.width() as u16));
        spans.push(Span::styled(a, self.theme.end_a));
        spans.push(Span::styled(" → ", self.theme.dim));
        spans.push(Span::styled(b, self.theme.end_b));
        let line = Line::from(spans);
        if chosen {
            line.style(self.theme.selected)
        } else {
            line
        }
    }
}

/// What decides the decode of a scene beside its ends and its ratio, where it is not as in the present one.
fn differences(scene: &Scene, present: &Scene) -> String {
    let count = |all: &Scene| all.tokens.iter().flatten().count();
    let mut parts = Vec::new();
    if scene.path != present.path {
        parts.push(scene.path.to_string());
    }
    if scene.decoding != present.decoding {
        parts.push(scene.decoding.name().to_owned());
    }
    if scene.rungs != present.rungs {
        parts.push(format!("{} rungs", scene.rungs));
    }
    if scene.tokens != present.tokens {
        parts.push(format!("{} locked", count(scene)));
    }
    if scene.edits != present.edits {
        parts.push(format!("{} edits", scene.edits.len()));
    }
    parts.into_iter().map(|part| part + " ").collect()
}

fn rows(state: &State) -> Vec<Row<'_>> {
    let key = |command: Command| {
        let key = state.keys.keys(command).first().map(ToString::to_string);
        key.unwrap_or_else(|| "a command".to_owned())
    };
    let bookmarks = state.history.bookmarks().len();
    let mut rows = vec![Row::Heading("bookmarks")];
    if bookmarks == 0 {
        rows.push(Row::Hint(format!("  none yet: {} keeps what you see", key(Command::Bookmark))));
    }
    for (at, kept) in state.kept().into_iter().enumerate() {
        if at == bookmarks {
            rows.push(Row::Heading("history, the latest first"));
        }
        rows.push(Row::Kept(at, kept));
    }
    if state.kept().len() == bookmarks {
        rows.push(Row::Heading("history"));
        rows.push(Row::Hint("  nothing has changed yet".to_owned()));
    }
    rows
}
