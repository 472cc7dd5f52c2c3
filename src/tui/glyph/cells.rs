//! Pictures in the characters of cells.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Style};
use ratatui::symbols::pixel::{OCTANTS, QUADRANTS};

use super::scale::{fit, mean};
use super::{GlyphMode, Ramp};
use crate::domain::Picture;

/// From background to ink. The dot is left out: it stands for what is not known.
const CHARACTERS: [char; 9] = [' ', ':', '-', '=', '+', '*', '#', '%', '@'];
/// The most dots of a cell.
const MOST_DOTS: usize = 8;
/// From here on a dot is ink where there are no colours.
const INK: f32 = Picture::FULL as f32 * 0.4;

/// A part of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dot {
    /// A level of the picture.
    Level(f32),
    /// Of the picture, but not known yet.
    Unknown,
    /// Beside the picture.
    Outside,
}

/// Draws a picture in the middle of a place and tells which cells it took.
pub(super) fn draw(
    picture: &Picture,
    mode: GlyphMode,
    ramp: Ramp,
    unknown: Style,
    place: Rect,
    buf: &mut Buffer,
) -> Rect {
    let room = Size::new(place.width, place.height);
    let Some(fit) = fit((picture.width(), picture.height()), mode, room) else {
        return Rect { width: 0, height: 0, ..place };
    };
    let taken = centred(place, fit.cells);
    let levels = mean(picture, fit.dots);
    let (across, down) = mode.dots();
    // Dots before the picture where it does not fill its cells.
    let left = (usize::from(taken.width) * across - fit.dots.0) / 2;
    let top = (usize::from(taken.height) * down - fit.dots.1) / 2;
    let dot = |x: usize, y: usize| match (x.checked_sub(left), y.checked_sub(top)) {
        (Some(x), Some(y)) if x < fit.dots.0 && y < fit.dots.1 => {
            levels[y * fit.dots.0 + x].map_or(Dot::Unknown, Dot::Level)
        }
        _ => Dot::Outside,
    };
    for (row, y) in taken.rows().zip(0..) {
        for (cell, x) in row.columns().zip(0..) {
            let mut dots = [Dot::Outside; MOST_DOTS];
            let dots = &mut dots[..across * down];
            for (i, d) in dots.iter_mut().enumerate() {
                *d = dot(x * across + i % across, y * down + i / across);
            }
            let (symbol, style) = paint(dots, mode, ramp, unknown);
            if let Some(cell) = buf.cell_mut((cell.x, cell.y)) {
                cell.reset();
                cell.set_char(symbol).set_style(style);
            }
        }
    }
    taken
}

/// A size in the middle of a place.
pub(super) fn centred(place: Rect, size: Size) -> Rect {
    Rect {
        x: place.x + place.width.saturating_sub(size.width) / 2,
        y: place.y + place.height.saturating_sub(size.height) / 2,
        width: size.width.min(place.width),
        height: size.height.min(place.height),
    }
}

/// The character and style of a cell, its dots row by row.
fn paint(dots: &[Dot], mode: GlyphMode, ramp: Ramp, unknown: Style) -> (char, Style) {
    let known = dots.iter().any(|d| matches!(d, Dot::Level(_)));
    if !known {
        return match (dots.contains(&Dot::Unknown), mode) {
            (false, _) => (' ', Style::new()),
            (true, GlyphMode::Text) => ('.', unknown),
            (true, _) => ('·', unknown),
        };
    }
    let level = |d: &Dot| match d {
        Dot::Level(level) => *level,
        _ => 0.0,
    };
    if mode == GlyphMode::Text {
        let share = level(&dots[0]) / f32::from(Picture::FULL);
        let at = (share * (CHARACTERS.len() - 1) as f32).round() as usize;
        return (CHARACTERS[at.min(CHARACTERS.len() - 1)], Style::new());
    }
    if ramp.colours.is_none() {
        return (symbol(mode, dots, |d| level(d) >= INK), Style::new());
    }
    // A half block beside the picture keeps the terminal's own background; smaller parts count as background.
    if let (GlyphMode::HalfBlocks | GlyphMode::Pixels, [top, bottom]) = (mode, dots) {
        let edge = |symbol, d| (symbol, Style::new().fg(ramp.colour(level(d))).bg(Color::Reset));
        match (top, bottom) {
            (Dot::Outside, _) => return edge('▄', bottom),
            (_, Dot::Outside) => return edge('▀', top),
            _ => {}
        }
    }
    two_colours(dots, mode, ramp, level)
}

/// The two colours that stand for the dots above and below their mean, and the character that puts them there.
fn two_colours(
    dots: &[Dot],
    mode: GlyphMode,
    ramp: Ramp,
    level: impl Fn(&Dot) -> f32,
) -> (char, Style) {
    let all = |keep: &dyn Fn(f32) -> bool| {
        let (sum, count) = dots
            .iter()
            .map(&level)
            .filter(|&l| keep(l))
            .fold((0.0, 0.0), |(sum, count), l| (sum + l, count + 1.0));
        (count > 0.0).then_some(sum / count)
    };
    let mean = all(&|_| true).unwrap_or(0.0);
    let style = |ink, ground| Style::new().fg(ramp.colour(ink)).bg(ramp.colour(ground));
    match (all(&|l| l > mean), all(&|l| l <= mean)) {
        (Some(ink), Some(ground)) if ramp.colour(ink) != ramp.colour(ground) => {
            (symbol(mode, dots, |d| level(d) > mean), style(ink, ground))
        }
        // One colour; the character is still chosen so that copied text shows the shape.
        _ if mean >= INK => ('█', style(mean, mean)),
        _ => (' ', style(mean, mean)),
    }
}

/// The block that has these dots set.
fn symbol(mode: GlyphMode, dots: &[Dot], set: impl Fn(&Dot) -> bool) -> char {
    let bits = dots.iter().rev().fold(0, |bits, d| bits << 1 | usize::from(set(d)));
    match mode {
        GlyphMode::Octants => OCTANTS[bits & 255],
        GlyphMode::Quadrants => QUADRANTS[bits & 15],
        _ => [' ', '▀', '▄', '█'][bits & 3],
    }
}
