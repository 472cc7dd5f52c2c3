//! A slider per direction: how far the edits on A, on B or on every point of the way go along it.
//!
//! ```text
//! on t, in σ                               effect/r
//! ▸* A to B       ╌╌╌╌╌╌╌┼━━●╌╌╌╌ +1.00 A    90/20%
//!  ± call         ╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌             71/4%
//! ```
//!
//! Below the rows stands what is known of the chosen one.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::measured::{does, shares};
use super::text::fit;
use super::{row, Screen};
use crate::app::{Command, DirectionRow, Origin, Panel, State, Texts};
use crate::engine::pool::Source;
use crate::engine::Target;
use crate::report::visible;
use crate::tui::hit::{strength_column, Hit};

/// From this width on validity and counts stand in the rows as well.
const ROOMY: u16 = 70;
/// Columns of the mark and the sign.
const HEAD: u16 = 3;
/// Columns of a figure beside the random one.
const FIGURE: u16 = 9;

/// Where the columns of a row stand.
struct Columns {
    name: u16,
    track: u16,
    roomy: bool,
}

impl Columns {
    fn of(width: u16) -> Self {
        let roomy = width >= ROOMY;
        let name = if roomy { 18 } else { (width / 4).clamp(6, 14) };
        let figures = if roomy { 3 * FIGURE } else { FIGURE };
        // The gap, the strength and the other targets stand between.
        let track = width.saturating_sub(HEAD + name + 1 + 6 + 3 + figures);
        Self { name, track, roomy }
    }
}

impl Screen<'_> {
    pub(super) fn directions(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let columns = Columns::of(area.width);
        self.head(state, &columns, frame, row(area, 0));
        let rows = state.directions.rows();
        let known = if area.height >= 12 { 6 } else { 0 };
        let read = matches!(state.directions.texts, Texts::Read(_));
        let told = u16::from(!read || rows.is_empty());
        let room = usize::from(area.height.saturating_sub(1 + known + told));
        let chosen = state.directions.chosen();
        let first = chosen.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
        let shown = rows.iter().enumerate().skip(first).take(room);
        let mut y = 1;
        for (index, direction) in shown {
            self.direction(state, (index, direction), &columns, frame, row(area, y));
            y += 1;
        }
        if !read {
            frame.render_widget(self.reading(state, area.width), row(area, y));
            y += 1;
        } else if rows.is_empty() {
            let text =
                "the texts are too few for directions: give more with --data, or make one with e";
            frame.render_widget(Line::styled(fit(text, area.width), self.theme.dim), row(area, y));
        }
        if known > 0 {
            let y = (area.y + y).min(area.bottom() - known);
            let place = Rect { y, height: known, ..area };
            self.measured(state, frame, place);
        }
    }

    /// What the strengths act on, and what the columns are.
    fn head(&mut self, state: &State, columns: &Columns, frame: &mut Frame<'_>, area: Rect) {
        let on = match state.directions.target {
            Target::A => "on A, in σ",
            Target::B => "on B, in σ",
            Target::Way => "on t, in σ",
        };
        frame.render_widget(Line::styled(on, self.theme.chosen), area);
        let place = Rect { width: area.width.min(on.width() as u16), ..area };
        self.hits.add(place, Hit::Command(Command::NextTarget));
        let names: &[&str] =
            if columns.roomy { &["effect/r", "valid/r", "texts"] } else { &["effect/r"] };
        let width = FIGURE * names.len() as u16;
        let text: String = names.iter().map(|n| format!("{n:>0$}", usize::from(FIGURE))).collect();
        let x = area.right().saturating_sub(width).max(place.right());
        let place = Rect { x, width: area.right() - x, ..area };
        frame.render_widget(Line::styled(text, self.theme.dim), place);
    }

    fn direction(
        &mut self,
        state: &State,
        (index, direction): (usize, &DirectionRow),
        columns: &Columns,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let chosen = index == state.directions.chosen();
        let target = state.directions.target;
        let strength = state.scene.strength(&direction.name, target);
        let along = state.scene.along.as_ref().is_some_and(|along| along.name == direction.name);
        let mark = match (chosen && state.focus == Panel::Directions, along) {
            (true, _) => "▸",
            (false, true) => "≡",
            (false, false) => " ",
        };
        let style = if chosen { self.theme.chosen } else { Default::default() };
        let name = fit(&visible(&direction.name), columns.name);
        let pad = usize::from(columns.name).saturating_sub(name.width()) + 1;
        let head = Line::from(vec![
            Span::styled(mark, self.theme.chosen),
            Span::styled(format!("{} ", sign(direction)), self.theme.key),
            Span::styled(name, style),
            Span::raw(" ".repeat(pad)),
        ]);
        frame.render_widget(head, area);
        self.hits.add(area, Hit::Direction(index));
        let track = Rect { x: area.x + HEAD + columns.name + 1, width: columns.track, ..area };
        let track = track.intersection(area);
        if track.width >= 5 {
            self.strength(strength, frame, track);
            self.hits.add(track, Hit::Strength(index));
        }
        let rest = Rect { x: track.right(), width: area.right() - track.right(), ..area };
        let number = if strength == 0.0 { String::new() } else { format!("{strength:+.2}") };
        let others: String = Target::ALL
            .into_iter()
            .filter(|&t| t != target && state.scene.strength(&direction.name, t) != 0.0)
            .map(Target::name)
            .collect();
        let mut tail = vec![
            Span::styled(format!("{number:>6}"), self.theme.handle),
            Span::styled(format!(" {others:<2}"), self.theme.key),
            Span::styled(figure(&self.effect(state, direction)), style),
        ];
        if columns.roomy {
            let valid = direction.measured.as_ref().map(|m| {
                let of = |effect: &crate::engine::pool::Effect| effect.figures.validity;
                shares(of(&m.effect), of(&m.control))
            });
            tail.push(Span::styled(figure(&valid.unwrap_or_default()), style));
            tail.push(Span::styled(figure(&counts(direction)), self.theme.dim));
        }
        frame.render_widget(Line::from(tail), rest);
    }

    /// What its steps do, beside the random ones; `…` while that is measured.
    fn effect(&self, state: &State, direction: &DirectionRow) -> String {
        match &direction.measured {
            Some(measured) => does(direction.named.source, measured),
            None if state.directions.measuring.as_ref() == Some(&direction.name) => "…".to_owned(),
            None => String::new(),
        }
    }

    /// A line with 0 in the middle and the handle where the strength is.
    fn strength(&self, strength: f32, frame: &mut Frame<'_>, track: Rect) {
        let (zero, handle) = (strength_column(track, 0.0), strength_column(track, strength));
        let between = zero.min(handle)..zero.max(handle);
        let spans: Vec<Span<'_>> = (track.x..track.right())
            .map(|x| {
                if x == handle && strength != 0.0 {
                    Span::styled("●", self.theme.handle)
                } else if x == zero {
                    Span::styled("┼", self.theme.track)
                } else if between.contains(&x) {
                    Span::styled("━", self.theme.handle)
                } else {
                    Span::styled("╌", self.theme.track)
                }
            })
            .collect();
        frame.render_widget(Line::from(spans), track);
    }
}

/// A sign for where a direction comes from.
fn sign(direction: &DirectionRow) -> &'static str {
    match (direction.origin, direction.named.source) {
        (Origin::Scene, _) => "~",
        (Origin::Own, _) | (_, Source::Own) => "*",
        (_, Source::YesNo) => "±",
        (_, Source::Number) => "#",
        (_, Source::Label) => "@",
        (_, Source::Component) => "P",
        (_, Source::Decoder) => "D",
    }
}

/// Texts with and without.
fn counts(direction: &DirectionRow) -> String {
    let named = &direction.named;
    match named.source {
        Source::YesNo | Source::Label => format!("{}/{}", named.with, named.without),
        Source::Own if named.with > 0 => format!("{}/{}", named.with, named.without),
        Source::Number => named.with.to_string(),
        Source::Component | Source::Decoder | Source::Own => String::new(),
    }
}

fn figure(text: &str) -> Cow<'static, str> {
    format!("{text:>0$}", usize::from(FIGURE)).into()
}
