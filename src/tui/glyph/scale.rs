//! How large a picture is drawn, and its dots at that size.

use ratatui::layout::Size;

use super::GlyphMode;
use crate::domain::Picture;

/// A size that a picture is drawn at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// The cells that it takes.
    pub cells: Size,
    /// Its dots, across and down; a cell at the edge may not be filled.
    pub dots: (usize, usize),
}

/// The largest size in this room: a whole multiple of the picture's, or whatever fits where it is smaller.
pub(super) fn fit(picture: (usize, usize), mode: GlyphMode, room: Size) -> Option<Fit> {
    let largest = (f64::from(room.width) / picture.0 as f64)
        .min(2.0 * f64::from(room.height) / picture.1 as f64);
    let times = largest / mode.native();
    at(picture, mode, if times >= 1.0 { times.floor() } else { times }, room)
}

/// The size at so many times the one at which a pixel is whole dots, if that fits into the room.
pub(super) fn at(
    (width, height): (usize, usize),
    mode: GlyphMode,
    times: f64,
    room: Size,
) -> Option<Fit> {
    if width == 0 || height == 0 || room.width == 0 || room.height == 0 {
        return None;
    }
    let (across, down) = mode.dots();
    let columns = times * mode.native() * width as f64;
    let rows = times * mode.native() * height as f64 / 2.0;
    // What is a little too large for the room only by rounding is no matter.
    let dots = |cells: f64, per_cell: usize| ((cells * per_cell as f64).round() as usize).max(1);
    let dots = (dots(columns, across), dots(rows, down));
    let cells = (dots.0.div_ceil(across), dots.1.div_ceil(down));
    if cells.0 > usize::from(room.width) || cells.1 > usize::from(room.height) {
        return None;
    }
    Some(Fit { cells: Size::new(cells.0 as u16, cells.1 as u16), dots })
}

/// The picture's levels at another size, row by row: the mean of what lies under each dot, without what is not known; where
/// nothing is known, `None`.
pub(super) fn mean(picture: &Picture, (columns, rows): (usize, usize)) -> Vec<Option<f32>> {
    let across = shares(picture.width(), columns);
    let down = shares(picture.height(), rows);
    let mut out = Vec::with_capacity(columns * rows);
    for ys in &down {
        for xs in &across {
            let (mut sum, mut weight) = (0.0, 0.0);
            for &(y, h) in ys {
                for &(x, w) in xs {
                    if let Some(level) = picture.level(x, y) {
                        sum += w * h * f32::from(level);
                        weight += w * h;
                    }
                }
            }
            out.push((weight > 0.0).then(|| sum / weight));
        }
    }
    out
}

/// For each of `to` equal parts of a line the places of `from` equal ones that it covers, and how much of it.
fn shares(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    // In units of 1 / (from · to) everything is whole.
    (0..to)
        .map(|part| {
            let (start, end) = (part * from, (part + 1) * from);
            (start / to..end.div_ceil(to))
                .map(|place| {
                    let covered = end.min((place + 1) * to) - start.max(place * to);
                    (place, covered as f32 / from as f32)
                })
                .collect()
        })
        .collect()
}
