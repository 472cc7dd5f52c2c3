//! The ladder: a rung a row, with what changed since the rung above, what it is beside the ends, and its verdict.
//!
//! ```text
//!   0.00 x = 1                                   =A ✓
//! ▸ 0.50 x = foo(                               new ✗ 8: '(' was never closed
//! ```
//!
//! Along a direction a rung is known by its strength, `+1.2σ`.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{row, Screen};
use crate::app::{Likeness, Notice, RungView, State};
use crate::domain::{Domain, Verdict};
use crate::eval::LadderMetrics;
use crate::report::{changed, invalid_sign, verdict_sign, visible};
use crate::tui::highlight::{self, Syntax};
use crate::tui::hit::Hit;

/// Columns of a ratio, `" 0.50  "`.
pub(super) const RATIO: u16 = 7;

impl Screen<'_> {
    /// The rungs; where they do not all fit, those around the slider.
    pub(super) fn ladder(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if let (None, Notice::Error(message)) = (&state.model, &state.notice) {
            // The model did not open: what is to be done about it takes the ladder's place.
            let text = Paragraph::new(visible(message).into_owned()).wrap(Wrap { trim: true });
            return frame.render_widget(text, area);
        }
        if state.draws_pictures() {
            return self.film(state, frame, area);
        }
        let (count, room) = (state.rungs.len(), usize::from(area.height));
        let chosen = state.nearest_rung();
        let first = chosen.saturating_sub(room / 2).min(count.saturating_sub(room));
        for (y, index) in (first..count.min(first + room)).enumerate() {
            let place = row(area, y as u16);
            let line = self.rung(state, index, index == chosen, place.width);
            frame.render_widget(line, place);
            self.hits.add(place, Hit::Rung(index));
        }
    }

    fn rung(&self, state: &State, index: usize, chosen: bool, width: u16) -> Line<'static> {
        let (place, like) = (self.place(state, index, chosen), self.likeness(state, index));
        self.rung_line(state, &state.rungs, index, place, like, width)
    }

    /// Where a rung lies, marked where the slider is nearest to it.
    pub(super) fn place(&self, state: &State, index: usize, chosen: bool) -> Span<'static> {
        let ratio = state.rungs.get(index).map_or(0.0, |rung| rung.ratio);
        let mark = if chosen { "▸" } else { " " };
        let place = match state.scene.along {
            Some(_) if ratio.abs() < 0.05 => format!("{mark} 0.0σ "),
            Some(_) => format!("{mark}{ratio:>+4.1}σ "),
            None => format!("{mark}{ratio:>5.2} "),
        };
        Span::styled(place, if chosen { self.theme.chosen } else { self.theme.dim })
    }

    /// A rung of a ladder behind its `place`, with what differs from the rung above, `like` and its verdict.
    pub(super) fn rung_line(
        &self,
        state: &State,
        rungs: &[RungView],
        index: usize,
        place: Span<'static>,
        like: Span<'static>,
        width: u16,
    ) -> Line<'static> {
        let Some(rung) = rungs.get(index) else { return Line::default() };
        let above = index.checked_sub(1).and_then(|i| rungs.get(i));
        let (verdict, verdict_style) = self.verdict(rung);
        // The reason takes what the text leaves, half of the line at most.
        let text = visible(&rung.text);
        let room = width.saturating_sub((place.width() + 1 + like.width()) as u16);
        let half = room / 2;
        let least = 1.max(room.saturating_sub(text.width() as u16 + 1).max(half));
        let verdict = fit(&verdict, least.min(room));
        let room = room.saturating_sub(verdict.width() as u16);
        let mut spans = vec![place];
        if rung.verdict.is_none() {
            spans.push(Span::styled(fit(&text, room), self.theme.dim));
        } else {
            let above = above.map_or(&*rung.text, |above| &*above.text);
            spans.extend(highlight::cut(self.highlighted(state, above, &rung.text), room));
        }
        let used: usize = spans[1..].iter().map(Span::width).sum();
        let pad = usize::from(room).saturating_sub(used);
        spans.push(Span::raw(" ".repeat(pad + 1)));
        spans.push(like);
        spans.push(Span::styled(verdict, verdict_style));
        Line::from(spans)
    }

    /// A text with the colours of its parts, what differs from `above` marked.
    pub(super) fn highlighted(&self, state: &State, above: &str, text: &str) -> Vec<Span<'static>> {
        let Some(domain) = state.domain() else {
            return vec![Span::raw(visible(text).into_owned())];
        };
        let changed = changed(above, text, |text| domain.units(text));
        highlight::spans(text, &domain.marks(text), &changed, &Syntax::new(self.theme))
    }

    /// `=A` or `=B` for a copy of an end, `=D` for a text of the data, `new` for none of them.
    pub(super) fn likeness(&self, state: &State, rung: usize) -> Span<'static> {
        self.like(state.likeness(rung))
    }

    /// A likeness in four columns.
    pub(super) fn like(&self, likeness: Option<Likeness>) -> Span<'static> {
        match likeness {
            Some(Likeness::CopyOfA) => Span::styled(" =A ", self.theme.copy),
            Some(Likeness::CopyOfB) => Span::styled(" =B ", self.theme.copy),
            Some(Likeness::Known) => Span::styled(" =D ", self.theme.copy),
            Some(Likeness::Novel) => Span::styled("new ", self.theme.novel),
            None => Span::raw("    "),
        }
    }

    /// `✓`, `✗` with column and reason, or `~` with how it is unlike real ones; a `g` in front where a guided search found the text.
    pub(super) fn verdict(&self, rung: &RungView) -> (String, Style) {
        let (sign, style) = self.sign(rung);
        let reason = rung.verdict.as_ref().and_then(reason);
        (reason.map_or_else(|| sign.clone(), |reason| format!("{sign} {reason}")), style)
    }

    /// The sign of that alone.
    pub(super) fn sign(&self, rung: &RungView) -> (String, Style) {
        let (sign, style) = match &rung.verdict {
            None => ("…", self.theme.dim),
            Some(verdict) => (verdict_sign(verdict), self.verdict_style(verdict)),
        };
        (if rung.guided { format!("g{sign}") } else { sign.to_owned() }, style)
    }

    /// Sign and colour of whether a domain takes a text, where no more than that is known.
    pub(super) fn valid(&self, valid: bool, domain: Option<&dyn Domain>) -> (&'static str, Style) {
        if valid {
            ("✓", self.theme.good)
        } else {
            self.invalid(domain)
        }
    }

    /// The colour of a verdict's sign.
    pub(super) fn verdict_style(&self, verdict: &Verdict) -> Style {
        match verdict {
            Verdict::Valid => self.theme.good,
            Verdict::Invalid { .. } => self.theme.bad,
            Verdict::Unlike(_) => self.theme.warning,
        }
    }

    /// Sign and colour of what a domain does not take, where no verdict says why.
    pub(super) fn invalid(&self, domain: Option<&dyn Domain>) -> (&'static str, Style) {
        let held = domain.is_some_and(|domain| domain.held_to().is_some());
        (invalid_sign(domain), if held { self.theme.warning } else { self.theme.bad })
    }

    /// Validity, variety and smoothness in one line.
    pub(super) fn summary(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if let Some(along) = &state.scene.along {
            let line =
                Line::styled(fit(&along_summary(state, &along.name), area.width), self.theme.dim);
            frame.render_widget(line, area);
            return;
        }
        let mut parts = counts(state, &state.rungs, state.figures.as_ref())
            .unwrap_or_else(|| vec!["decoding the ladder …".to_owned()]);
        match state.scene.edits.len() {
            0 => {}
            1 => parts.push("1 edit".to_owned()),
            edits => parts.push(format!("{edits} edits")),
        }
        parts.push(state.scene.path.to_string());
        parts.push(state.scene.decoding.name().to_owned());
        let line = Line::styled(fit(&parts.join(" · "), area.width), self.theme.dim);
        frame.render_widget(line, area);
    }
}

/// Why a text is not valid, with its column, and its line where that is not the first.
fn reason(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Valid => None,
        Verdict::Unlike(why) => Some(why.to_string()),
        Verdict::Invalid { line: 1, column, message } => {
            Some(format!("{column}: {}", visible(message)))
        }
        Verdict::Invalid { line, column, message } => {
            Some(format!("{line}:{column}: {}", visible(message)))
        }
    }
}

/// Validity, variety and smoothness of a whole ladder between the ends.
pub(super) fn counts(
    state: &State,
    rungs: &[RungView],
    figures: Option<&LadderMetrics>,
) -> Option<Vec<String>> {
    let (valid, all) = RungView::interior_validity(rungs)?;
    let figures = figures?;
    let of = |share: Option<f64>| (share.unwrap_or(0.0) * all as f64).round();
    let mut parts =
        vec![format!("{valid}/{all} valid"), format!("{} distinct", of(figures.distinct))];
    // Pieces of both ends, and distances in units, are those of words, not of pixels.
    if !state.draws_pictures() {
        parts.push(format!("{} blends", of(figures.blend_yield)));
        parts.extend(figures.max_step.map(|step| format!("step {step:.2}")));
    }
    Some(parts)
}

/// Validity and variety of a ladder along a direction.
fn along_summary(state: &State, name: &str) -> String {
    let rungs = &state.rungs;
    let verdicts: Option<Vec<bool>> =
        rungs.iter().map(|rung| Some(rung.verdict.as_ref()?.is_valid())).collect();
    let counts = match verdicts {
        Some(verdicts) => {
            let valid = verdicts.into_iter().filter(|valid| *valid).count();
            let texts: std::collections::HashSet<&str> = rungs.iter().map(|r| &*r.text).collect();
            format!("{valid}/{} valid · {} distinct", rungs.len(), texts.len())
        }
        None => "decoding the ladder …".to_owned(),
    };
    let (name, ratio) = (visible(name), state.scene.ratio);
    format!("{counts} · along {name} at t = {ratio:.2} · {}", state.scene.decoding.name())
}
