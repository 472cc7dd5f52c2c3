//! The palette: a grid of decodes between four corners, with what is known of the chosen cell beside or below it.
//!
//! ```text
//!  mix  directions  latents  neighbours  keep [palette]      25/25 valid · 5×5 · per-token · greedy
//! A ▄▄▄ ✓   ▄▄▄ ✓  ▄▄▄ ✓B            x 0.50  y 0.25  ✓
//!     █    ▀ ▄▀    ▀▀█                  ▄▄▄▄▄▄
//!   ▄█▄▄ ▐▄█▄▄ ✗▌   █                 ▄▀    ▄▀
//!   …                                A  label 2  = comes back
//! ```
//!
//! Texts stand in columns, cut where they are too long; the chosen one is whole below.

use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::pictures::{picture_of, picture_size};
use super::text::{clip, fit};
use super::{row, Screen};
use crate::app::{Command, EditedEnd, Panel, RungView, State};
use crate::report::{verdict_sign, visible};
use crate::tui::glyph::{Grid, GridCell};
use crate::tui::hit::Hit;

/// From this width on the chosen cell and the corners stand beside a grid of pictures.
const WIDE: u16 = 72;
/// Columns for them, at least.
const BESIDE: u16 = 26;
/// Rows of the corners and of the line above the chosen cell, beside the grid.
const ABOUT: u16 = 7;
/// Rows of the chosen text below a grid of texts: its place, and the text itself.
const BELOW: u16 = 4;
/// From this height on the corners stand below a grid of texts.
const ROOMY: u16 = 24;
/// A grid in a smaller place tells nothing.
const SMALLEST: (u16, u16) = (14, 3);

impl Screen<'_> {
    /// The palette in the place of everything else.
    pub(super) fn palette_page(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let head = row(area, 0);
        self.tabs(
            Panel::Palette,
            state,
            frame,
            Rect { width: head.width.saturating_sub(1), ..head },
        );
        let summary = palette_summary(state);
        let tabs: usize = state.panels().iter().map(|panel| panel.name().width() + 1).sum();
        if usize::from(head.width) > tabs + 3 + summary.width() {
            let line = Line::styled(summary, self.theme.dim);
            frame.render_widget(line.alignment(Alignment::Right), head);
        }
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if !state.draws_pictures() {
            return self.palette_of_texts(state, frame, body);
        }
        if body.width < WIDE {
            return self.palette(state, frame, body);
        }
        let room = Rect { width: body.width - BESIDE, ..body };
        let grid = self.cells(state, frame, room);
        let x = grid.right() + 2;
        let beside = Rect { x, width: body.right().saturating_sub(x), ..body };
        self.chosen_and_corners(state, frame, beside);
    }

    /// The grid with a line for the chosen cell below it.
    pub(super) fn palette(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            let line = Line::styled(fit("too small for a palette", area.width), self.theme.dim);
            return frame.render_widget(line, row(area, 0));
        }
        let above = Rect { height: area.height - 1, ..area };
        let grid = self.cells(state, frame, above);
        let last = grid.bottom().max(area.y).saturating_sub(area.y);
        self.cell_line(state, frame, row(area, last.min(area.height - 1)));
    }

    /// Texts in columns, the chosen one whole below, and the corners where there is room.
    fn palette_of_texts(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let corners = if area.height >= ROOMY { 5 } else { 0 };
        let below = BELOW + corners;
        if area.height < below + SMALLEST.1 {
            return self.palette(state, frame, area);
        }
        let room = Rect { height: area.height - below, ..area };
        let grid = self.cells(state, frame, room);
        let y = (grid.bottom() + 1).clamp(area.y, area.bottom() - below);
        let at = |dy: u16, height: u16| Rect { y: y + dy, height, ..area };
        if corners > 0 {
            for (dy, end) in EditedEnd::ALL.into_iter().enumerate() {
                self.corner_line(state, end, frame, at(dy as u16, 1));
            }
        }
        self.cell_line(state, frame, at(corners, 1));
        if let Some(cell) = state.palette.chosen() {
            let style = if cell.verdict.is_some() { Style::new() } else { self.theme.dim };
            let line = Line::from(self.highlighted(state, &cell.text, &cell.text)).style(style);
            let text = Paragraph::new(line).wrap(Wrap { trim: false });
            frame.render_widget(text, at(corners + 1, BELOW - 1));
        }
    }

    /// Draws the cells in view and tells what they took.
    fn cells(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) -> Rect {
        let (side, cursor) = (state.palette.size(), state.palette.cursor());
        let grid = if state.draws_pictures() {
            let (size, mode) = (picture_size(state), self.painter.mode());
            Grid::of_pictures(area, side, cursor, size, mode)
        } else {
            Grid::of_texts(area, side, cursor)
        };
        for place in &grid.cells {
            let Some(cell) = state.palette.cells().get(place.row * side + place.column) else {
                continue;
            };
            self.cell(state, cell, frame, place);
            self.marks_of(state, cell, frame, place);
            self.hits.add(place.place, Hit::Cell(place.column, place.row));
        }
        grid.area
    }

    fn cell(&self, state: &State, cell: &RungView, frame: &mut Frame<'_>, place: &GridCell) {
        let whole = cell.verdict.is_some();
        if state.draws_pictures() {
            if let Some(picture) = picture_of(state, &cell.text, whole) {
                self.painter.draw(&picture, place.inner, frame.buffer_mut());
            }
            return;
        }
        let style = if whole { Style::new() } else { self.theme.dim };
        for (y, line) in broken(&visible(&cell.text), place.inner).into_iter().enumerate() {
            frame.render_widget(Line::styled(line, style), row(place.inner, y as u16));
        }
    }

    /// The verdict behind a cell, the corner's letter before it, and bars on both sides of the chosen one.
    fn marks_of(&self, state: &State, cell: &RungView, frame: &mut Frame<'_>, place: &GridCell) {
        let at = (place.column, place.row);
        let left = Rect { width: 1, ..place.place };
        let right = Rect { x: place.inner.right(), width: 1, ..place.place };
        if at == state.palette.cursor() {
            for y in 0..place.place.height {
                frame.render_widget(Line::styled("▐", self.theme.chosen), row(left, y));
                frame.render_widget(Line::styled("▌", self.theme.chosen), row(right, y));
            }
            if place.place.height == 1 {
                frame.render_widget(Line::styled("▸", self.theme.chosen), left);
            }
        }
        let corner = state.palette.corner_at(at);
        if let Some(end) = corner.filter(|_| at != state.palette.cursor() || place.place.height > 1)
        {
            frame.render_widget(Line::styled(end.name(), self.corner_style(end)), row(left, 0));
        }
        let (mark, style) = match &cell.verdict {
            None => ("…", self.theme.dim),
            Some(verdict) => (verdict_sign(verdict), self.verdict_style(verdict)),
        };
        frame.render_widget(Line::styled(mark, style), row(right, 0));
    }

    /// The chosen cell large, and the corners with what comes back of each.
    fn chosen_and_corners(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        self.cell_line(state, frame, row(area, 0));
        let height = area.height.saturating_sub(ABOUT).min(area.width / 2);
        let place = Rect { y: area.y + 1, height, ..area };
        if let Some(cell) = state.palette.chosen() {
            if let Some(picture) = picture_of(state, &cell.text, cell.verdict.is_some()) {
                self.painter.draw(&picture, place, frame.buffer_mut());
            }
        }
        for (y, end) in EditedEnd::ALL.into_iter().enumerate() {
            self.corner_line(state, end, frame, row(area, 2 + height + y as u16));
        }
    }

    /// A corner's text, or its label where texts are pictures, and whether it comes back.
    fn corner_line(&mut self, state: &State, end: EditedEnd, frame: &mut Frame<'_>, area: Rect) {
        if area.height == 0 {
            return;
        }
        let text = state.scene.corners()[end as usize];
        let cell = state.palette.corner(end).filter(|cell| cell.verdict.is_some());
        let (sign, style) = match cell {
            Some(cell) if cell.text == text => ("  = comes back", self.theme.good),
            Some(_) => ("  ≠ changed", self.theme.bad),
            None => ("  …", self.theme.dim),
        };
        let told = match (state.draws_pictures(), state.label(text)) {
            (false, _) => visible(text).into_owned(),
            (true, Some(label)) => format!("label {}", visible(label)),
            (true, None) => "own".to_owned(),
        };
        let room = area.width.saturating_sub(3 + sign.width() as u16);
        let line = Line::from(vec![
            Span::styled(format!("{}  ", end.name()), self.corner_style(end)),
            Span::raw(fit(&told, room)),
            Span::styled(sign, style),
        ]);
        frame.render_widget(line, area);
        self.hits.add(area, Hit::Command(Command::Pick(end)));
    }

    pub(super) fn corner_style(&self, end: EditedEnd) -> Style {
        match end {
            EditedEnd::A => self.theme.end_a,
            EditedEnd::B => self.theme.end_b,
            EditedEnd::C => self.theme.series[2],
            EditedEnd::D => self.theme.series[3],
        }
    }

    /// Where the chosen cell lies and its verdict, or the field in which a corner is typed.
    pub(super) fn cell_line(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if let Some(typing) = state.typing() {
            return self.field(typing, frame, area);
        }
        let Some(cell) = state.palette.chosen() else { return };
        let (x, y) = state.palette.place(state.palette.cursor());
        let place = format!("x {x:.2}  y {y:.2}  ");
        let (verdict, style) = self.verdict(cell);
        let room = area.width.saturating_sub(place.width() as u16);
        let line = Line::from(vec![
            Span::styled(place, self.theme.chosen),
            Span::styled(fit(&verdict, room), style),
        ]);
        frame.render_widget(line, area);
    }
}

/// Validity, size, path and decoding.
fn palette_summary(state: &State) -> String {
    let told = match state.palette.validity() {
        Some((valid, all)) => format!("{valid}/{all} valid"),
        None => "decoding …".to_owned(),
    };
    let (size, scene) = (state.palette.size(), &state.scene);
    format!("{told} · {size}×{size} · {} · {}", scene.path, scene.decoding.name())
}

/// A text in the lines of a place, the last one cut.
fn broken(text: &str, place: Rect) -> Vec<String> {
    let (width, count) = (place.width, place.height);
    let part = |y: u16| {
        if y + 1 == count {
            return fit(&clip(text, y * width, u16::MAX - y * width), width);
        }
        clip(text, y * width, width)
    };
    (0..count).map(part).take_while(|line| !line.is_empty()).collect()
}
