//! The models that there are, and what is known of the chosen one.
//!
//! ```text
//!   name              domain    size    saved      exact valid blend kind
//! ▸ python open       python    9.2 MB             65.4  88.3  7.8   bundled
//!   digits            mnist     3.2 MB  2026-11-25 61.0  97.1  12.3  trained
//!     step-1200       mnist     3.2 MB  2026-11-25 58.4  96.0  11.9  snapshot
//!  python ────────────────────────────────────────────────────────────────────
//!  kind         bundled                 parameters   4.5 M
//!  domain       python                  size         9.2 MB
//! ```
//!
//! Where there is room the facts stand beside the list; a small window has the names and a line.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders, Padding};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::{clip, fit};
use super::{row, Screen, WIDE};
use crate::app::{model_facts, Notice, State};
use crate::engine::{Figures, ModelEntry};
use crate::report::{bytes, count, date, share, visible};
use crate::tui::hit::Hit;

/// Rows of the facts below the list.
const FACTS: u16 = 8;
/// Columns of a fact where they stand in columns.
const FACT: u16 = 38;
/// Columns of the word that names a fact.
const WORD: usize = 13;

/// A column of the list behind the name: its heading, its columns, and what stands there.
struct Column {
    heading: &'static str,
    width: u16,
    of: fn(&ModelEntry) -> String,
}

/// From the first on, as many as there is room for.
const COLUMNS: [Column; 9] = [
    Column { heading: "domain", width: 10, of: |e| e.domain.clone() },
    Column { heading: "size", width: 8, of: |e| bytes(e.bytes) },
    Column { heading: "saved", width: 11, of: |e| e.saved.map(date).unwrap_or_default() },
    Column { heading: "exact", width: 6, of: |e| percent(e, |f| f.exact_match) },
    Column { heading: "valid", width: 6, of: |e| percent(e, |f| f.interior_validity) },
    Column { heading: "blend", width: 6, of: |e| percent(e, |f| f.blend_yield) },
    Column { heading: "kind", width: 9, of: |e| e.kind.name().to_owned() },
    Column { heading: "copy", width: 6, of: |e| percent(e, |f| f.copy_rate) },
    Column { heading: "numbers", width: 8, of: |e| e.parameters.map(count).unwrap_or_default() },
];

fn percent(entry: &ModelEntry, of: fn(&Figures) -> f64) -> String {
    entry.figures().map(|figures| format!("{:.1}", 100.0 * of(figures))).unwrap_or_default()
}

/// The figures of a model, or what else is known of it.
fn in_a_line(entry: &ModelEntry) -> String {
    if let Some(figures) = entry.figures() {
        let Figures { exact_match, interior_validity, blend_yield, .. } = figures;
        let [exact, valid, blend] =
            [exact_match, interior_validity, blend_yield].map(|f| share(*f));
        return format!("exact {exact}, valid {valid}, blend {blend}");
    }
    let facts = model_facts(entry).into_iter().skip(1);
    facts.map(|(word, fact)| format!("{word} {fact}")).collect::<Vec<_>>().join(", ")
}

impl Screen<'_> {
    pub(super) fn models(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if area.width >= WIDE {
            let side = (area.width * 2 / 5).clamp(40, 56);
            let list = Rect { width: area.width - side - 1, ..area };
            self.model_list(state, frame, list);
            let place = Rect { x: area.right() - side, width: side, ..area };
            self.model_facts(state, frame, place, Borders::LEFT);
            return;
        }
        let facts = FACTS.min(area.height / 2);
        let list = Rect { height: area.height - facts, ..area };
        self.model_list(state, frame, list);
        let place = Rect { y: list.bottom(), height: facts, ..area };
        self.model_facts(state, frame, place, Borders::TOP);
    }

    /// The list, and a line on the chosen one or on what went wrong.
    pub(super) fn small_models(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let list = Rect { height: area.height - 1, ..area };
        self.model_list(state, frame, list);
        let last = row(area, area.height - 1);
        if let Some(crate::app::Overlay::Filter) = &state.overlay {
            return self.filter_field(state, frame, last);
        }
        let (text, style) = match &state.notice {
            Notice::Error(message) => (visible(message).into_owned(), self.theme.bad),
            Notice::Status(_) => {
                let line = state.models.chosen().map(in_a_line).unwrap_or_default();
                (visible(&line).into_owned(), self.theme.dim)
            }
        };
        frame.render_widget(Line::styled(fit(&text, last.width), style), last);
    }

    fn model_list(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if area.height == 0 {
            return;
        }
        // Names have three tenths at least, and what the columns leave.
        let least = (area.width * 3 / 10).max(16);
        let mut columns = Vec::new();
        let mut used = 0;
        for column in &COLUMNS {
            if used + column.width > area.width.saturating_sub(least) {
                break;
            }
            used += column.width;
            columns.push(column);
        }
        let name = area.width - used;
        self.headings(state, &columns, name, frame, row(area, 0));
        let list = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let (total, room) = (state.models.shown().len(), usize::from(list.height));
        if total == 0 {
            let text = match (state.models.is_listed(), state.models.entries().is_empty()) {
                (false, _) => "reading the folders …",
                (true, true) => "there is no model yet: train one",
                (true, false) => "nothing matches: type less",
            };
            frame.render_widget(Line::styled(text, self.theme.dim), row(list, 0));
        }
        let chosen = state.models.row();
        let first = chosen.saturating_sub(room / 2).min(total.saturating_sub(room));
        for (y, (index, entry)) in
            state.models.shown().enumerate().skip(first).take(room).enumerate()
        {
            let place = row(list, y as u16);
            let mut line = self.model_line(state, entry, index == chosen, name);
            for column in &columns {
                let text = fit(&visible(&(column.of)(entry)), column.width - 1);
                let pad = usize::from(column.width).saturating_sub(text.width());
                let text = format!("{text}{}", " ".repeat(pad));
                line.push_span(Span::styled(text, self.theme.dim));
            }
            let style = if index == chosen { self.theme.selected } else { Default::default() };
            frame.render_widget(line.style(style), place);
            self.hits.add(place, Hit::Row(index));
        }
    }

    fn headings(
        &self,
        state: &State,
        columns: &[&Column],
        name: u16,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let query = state.models.query().value();
        let first = if query.is_empty() {
            "  name".to_owned()
        } else {
            let (shown, all) = (state.models.shown().len(), state.models.entries().len());
            format!("  {shown} of {all}: {}", visible(query))
        };
        let first = fit(&first, name.saturating_sub(1));
        let pad = usize::from(name).saturating_sub(first.width());
        let mut line = Line::from(format!("{first}{}", " ".repeat(pad)));
        for column in columns {
            let width = usize::from(column.width);
            line.push_span(Span::raw(format!("{:<width$}", column.heading)));
        }
        frame.render_widget(line.style(self.theme.dim), area);
    }

    /// The name, within its run, and whether it is open, compared or being opened.
    fn model_line(
        &self,
        state: &State,
        entry: &ModelEntry,
        chosen: bool,
        width: u16,
    ) -> Line<'static> {
        let mark = if chosen { "▸ " } else { "  " };
        let within = if entry.run.is_some() { "  " } else { "" };
        let (sign, style) = if state.models.opening() == Some(&entry.opens) {
            (" …", self.theme.dim)
        } else if state.is_open(entry) {
            (" open", self.theme.good)
        } else if state.is_compared(entry) {
            (" compared", self.theme.copy)
        } else if entry.problem.is_some() {
            (" ✗", self.theme.bad)
        } else {
            ("", self.theme.dim)
        };
        let room = width.saturating_sub(3 + (within.len() + sign.width()) as u16);
        let name = fit(&visible(&entry.name), room);
        let used = 2 + within.len() + name.width() + sign.width();
        Line::from(vec![
            Span::styled(mark, self.theme.chosen),
            Span::raw(within),
            Span::raw(name),
            Span::styled(sign, style),
            Span::raw(" ".repeat(usize::from(width).saturating_sub(used))),
        ])
    }

    /// What is known of the chosen model, in as many columns as there is room for.
    fn model_facts(&self, state: &State, frame: &mut Frame<'_>, area: Rect, border: Borders) {
        let Some(entry) = state.models.chosen() else { return };
        let name = fit(&visible(&entry.full_name()), area.width.saturating_sub(6));
        let mut block = Block::new()
            .borders(border)
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border)
            .padding(Padding::left(1));
        if border == Borders::TOP {
            block = block.title(Span::styled(format!(" {name} "), self.theme.title));
        }
        let mut inner = block.inner(area);
        frame.render_widget(block, area);
        if border == Borders::LEFT {
            frame.render_widget(Line::styled(name, self.theme.title), row(inner, 0));
            inner = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        }
        let across = (inner.width / FACT).max(1);
        let width = inner.width / across;
        let facts = model_facts(entry);
        for (at, (word, fact)) in facts.iter().enumerate() {
            let (x, y) = (at as u16 / inner.height.max(1), at as u16 % inner.height.max(1));
            if x >= across || inner.height == 0 {
                break;
            }
            let here = Rect { x: inner.x + x * width, width, ..row(inner, y) };
            let room = width.saturating_sub(WORD as u16 + 1);
            let style = if *word == "problem" { self.theme.bad } else { Default::default() };
            let line = Line::from(vec![
                Span::styled(format!("{word:<WORD$}"), self.theme.dim),
                Span::styled(fit(&visible(fact), room), style),
            ]);
            frame.render_widget(line, here);
        }
    }

    /// The field for what narrows the list down.
    pub(super) fn filter_field(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let input = state.models.query();
        let hint = "  enter keeps it · esc shows all";
        let room = area.width.saturating_sub(3);
        let before: String = input.value().chars().take(input.cursor()).collect();
        let cursor = visible(&before).width() as u16;
        let skip = cursor.saturating_sub(room);
        let text = clip(&visible(input.value()), skip, room);
        let left = room.saturating_sub(text.width() as u16);
        let line = Line::from(vec![
            Span::styled("/ ", self.theme.chosen),
            Span::raw(text),
            Span::styled(fit(hint, left), self.theme.dim),
        ]);
        frame.render_widget(line, area);
        let x = area.x + 2 + cursor - skip;
        frame.set_cursor_position((x.min(area.right().saturating_sub(1)), area.y));
    }
}
