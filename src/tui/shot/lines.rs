//! Lines of frames and sliders as strokes that meet at the cells' edges.

use std::fmt::Write;

use super::{hex, CELL};

/// A line character, or several that make one long line.
pub(super) struct Line {
    shape: char,
    /// Which arms go from the middle to the left, right, upper and lower edge.
    arms: [bool; 4],
    strength: u8,
    ink: [u8; 3],
    /// The first column.
    x: usize,
    /// How many of it stand side by side.
    pub cells: usize,
}

impl Line {
    /// A symbol at a column as a line; none where it is none.
    pub fn of(symbol: &str, ink: [u8; 3], x: usize) -> Option<Self> {
        let mut chars = symbol.chars();
        let (Some(shape), None) = (chars.next(), chars.next()) else { return None };
        let (arms, strength) = arms(shape)?;
        Some(Self { shape, arms, strength, ink, x, cells: 1 })
    }

    /// Whether the next cell makes this line longer.
    pub fn goes_on_with(&self, next: &Self) -> bool {
        let level = self.arms == [true, true, false, false];
        level && (self.shape, self.ink, self.x + self.cells) == (next.shape, next.ink, next.x)
    }

    /// Draws the line in a row of cells with this upper edge.
    pub fn draw(&self, top: usize, out: &mut String) {
        let (width, height) = CELL;
        let (left, right, bottom) = (self.x * width, (self.x + self.cells) * width, top + height);
        // Half a pixel further, so that a stroke of one pixel covers whole ones.
        let middle = format!("{}.5", left + width / 2);
        let centre = format!("{}.5", top + height / 2);
        let path = match self.shape {
            '╭' => format!("M{right} {centre}Q{middle} {centre} {middle} {bottom}"),
            '╮' => format!("M{left} {centre}Q{middle} {centre} {middle} {bottom}"),
            '╯' => format!("M{left} {centre}Q{middle} {centre} {middle} {top}"),
            '╰' => format!("M{right} {centre}Q{middle} {centre} {middle} {top}"),
            _ => {
                let level = match (self.arms[0], self.arms[1]) {
                    (true, true) => format!("M{left} {centre}H{right}"),
                    (true, false) => format!("M{left} {centre}H{middle}"),
                    (false, true) => format!("M{middle} {centre}H{right}"),
                    (false, false) => String::new(),
                };
                let upright = match (self.arms[2], self.arms[3]) {
                    (true, true) => format!("M{middle} {top}V{bottom}"),
                    (true, false) => format!("M{middle} {top}V{centre}"),
                    (false, true) => format!("M{middle} {centre}V{bottom}"),
                    (false, false) => String::new(),
                };
                level + &upright
            }
        };
        let (ink, strength) = (hex(self.ink), self.strength);
        let dashes = match self.shape {
            '╌' | '╎' => " stroke-dasharray=\"2 2\"",
            '┄' | '┆' => " stroke-dasharray=\"1 1\"",
            _ => "",
        };
        // Curves are not made of whole pixels.
        let smooth =
            if "╭╮╯╰".contains(self.shape) { " shape-rendering=\"auto\"" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"{strength}\" fill=\"none\"{dashes}{smooth}/>"
        );
    }
}

/// The arms of a line character, left, right, up, down, and its strength.
fn arms(shape: char) -> Option<([bool; 4], u8)> {
    const O: bool = false;
    const I: bool = true;
    Some(match shape {
        '─' | '╌' | '┄' => ([I, I, O, O], 1),
        '│' | '╎' | '┆' => ([O, O, I, I], 1),
        '┌' | '╭' => ([O, I, O, I], 1),
        '┐' | '╮' => ([I, O, O, I], 1),
        '└' | '╰' => ([O, I, I, O], 1),
        '┘' | '╯' => ([I, O, I, O], 1),
        '├' => ([O, I, I, I], 1),
        '┤' => ([I, O, I, I], 1),
        '┬' => ([I, I, O, I], 1),
        '┴' => ([I, I, I, O], 1),
        '┼' => ([I, I, I, I], 1),
        '╴' => ([I, O, O, O], 1),
        '╶' => ([O, I, O, O], 1),
        '╵' => ([O, O, I, O], 1),
        '╷' => ([O, O, O, I], 1),
        '━' => ([I, I, O, O], 2),
        '┃' => ([O, O, I, I], 2),
        '┏' => ([O, I, O, I], 2),
        '┓' => ([I, O, O, I], 2),
        '┗' => ([O, I, I, O], 2),
        '┛' => ([I, O, I, O], 2),
        _ => return None,
    })
}
