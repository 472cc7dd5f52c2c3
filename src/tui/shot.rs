//! Pictures of the screen: what was drawn, as plain text or as an SVG that looks like the terminal. The same screen gives
//! the same bytes.

mod blocks;
mod lines;

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::theme::depth::{indexed, ANSI};
use super::theme::ThemeName;
use crate::report::{visible, xml};

/// Size of a cell. Both are multiples of eight, so that eighths of a block are whole numbers.
const CELL: (usize, usize) = (8, 16);
/// Width of the frame around the screen.
const FRAME: usize = 12;
/// From a cell's top to the line on which letters stand.
const BASELINE: usize = 12;
/// Letters of this size are about as wide as a cell.
const FONT_SIZE: &str = "13.3";

/// A screen that was drawn, and where its cursor stood.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    /// The cells.
    pub buffer: &'a Buffer,
    /// The cursor, where it was shown.
    pub cursor: Option<Position>,
    /// The theme, which decides what the terminal's own colours are.
    pub theme: ThemeName,
}

/// What a cell looks like. Cells of one look are drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: [u8; 3],
    paper: [u8; 3],
    modifier: Modifier,
}

impl Shot<'_> {
    /// The screen as text, a line per row, without spaces at the ends and without colours.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for y in self.rows() {
            let mut line = String::new();
            self.row(y, |_, _, symbol, _| line.push_str(symbol));
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// The screen as an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        let area = self.buffer.area;
        let (width, height) = (usize::from(area.width) * CELL.0, usize::from(area.height) * CELL.1);
        let (full_width, full_height) = (width + 2 * FRAME, height + 2 * FRAME);
        let [ink, paper] = self.own_colours();
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full_width}\" height=\"{full_height}\" \
             viewBox=\"0 0 {full_width} {full_height}\">"
        );
        let (paper, edge) = (hex(paper), hex(blend(ink, paper, 0.25)));
        let _ = writeln!(
            out,
            "<rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{paper}\" stroke=\"{edge}\"/>",
            full_width - 1,
            full_height - 1
        );
        let _ = writeln!(
            out,
            "<g transform=\"translate({FRAME} {FRAME})\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
             font-size=\"{FONT_SIZE}\" xml:space=\"preserve\" shape-rendering=\"crispEdges\">"
        );
        for y in self.rows() {
            self.draw_row(y, &mut out);
        }
        out.push_str("</g>\n</svg>\n");
        out
    }

    fn rows(&self) -> std::ops::Range<u16> {
        self.buffer.area.top()..self.buffer.area.bottom()
    }

    /// Calls with column, width in cells, visible symbol and look of every symbol of a row. Cells that a wide symbol
    /// covers are left out.
    fn row(&self, y: u16, mut each: impl FnMut(usize, usize, &str, Look)) {
        let area = self.buffer.area;
        let mut x = area.left();
        while x < area.right() {
            let Some(cell) = self.buffer.cell((x, y)) else { return };
            let symbol = symbol(cell);
            let width = symbol.width().clamp(1, usize::from(area.right() - x));
            let look = self.look(cell, Position::new(x, y));
            each(usize::from(x - area.left()), width, &symbol, look);
            x += width as u16;
        }
    }

    fn draw_row(&self, y: u16, out: &mut String) {
        let top = usize::from(y - self.buffer.area.top()) * CELL.1;
        let mut papers: Vec<(usize, usize, [u8; 3])> = Vec::new();
        let mut runs: Vec<Run> = Vec::new();
        let own = self.own_colours()[1];
        let (mut shapes, mut strokes) = (String::new(), Vec::<lines::Line>::new());
        self.row(y, |x, width, symbol, look| {
            match papers.last_mut() {
                Some((from, cells, paper)) if *from + *cells == x && *paper == look.paper => {
                    *cells += width;
                }
                _ => papers.push((x, width, look.paper)),
            }
            let place = (x * CELL.0, top);
            if blocks::draw(symbol, place, &hex(look.ink), &mut shapes) {
                return;
            }
            if let Some(line) = lines::Line::of(symbol, look.ink, x) {
                match strokes.last_mut() {
                    Some(last) if last.goes_on_with(&line) => last.cells += 1,
                    _ => strokes.push(line),
                }
                return;
            }
            let plain = !look.modifier.intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT);
            if symbol.trim().is_empty() && plain {
                return;
            }
            match runs.last_mut() {
                Some(run)
                    if run.look == look && run.x + run.cells == x && width == 1 && !run.wide =>
                {
                    run.text.push_str(symbol);
                    run.cells += width;
                }
                _ => runs.push(Run {
                    x,
                    cells: width,
                    wide: width > 1,
                    look,
                    text: symbol.to_owned(),
                }),
            }
        });
        for (x, cells, paper) in papers.into_iter().filter(|(.., paper)| *paper != own) {
            let (x, width) = (x * CELL.0, cells * CELL.0);
            let (height, fill) = (CELL.1, hex(paper));
            let _ = writeln!(
                out,
                "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
            );
        }
        out.push_str(&shapes);
        for line in strokes {
            line.draw(top, out);
        }
        for run in runs {
            run.draw(top + BASELINE, out);
        }
    }

    /// The colours of a cell with everything that changes them: reverse, dim, the cursor.
    fn look(&self, cell: &Cell, at: Position) -> Look {
        let [own_ink, own_paper] = self.own_colours();
        let mut ink = rgb(cell.fg).unwrap_or(own_ink);
        let mut paper = rgb(cell.bg).unwrap_or(own_paper);
        let modifier = cell.modifier;
        if modifier.contains(Modifier::REVERSED) != (self.cursor == Some(at)) {
            std::mem::swap(&mut ink, &mut paper);
        }
        if modifier.contains(Modifier::DIM) {
            ink = blend(ink, paper, 0.6);
        }
        if modifier.contains(Modifier::HIDDEN) {
            ink = paper;
        }
        let shown =
            Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        Look { ink, paper, modifier: modifier & shown }
    }

    /// The terminal's own colours: of text and of the background.
    fn own_colours(&self) -> [[u8; 3]; 2] {
        match self.theme {
            ThemeName::Light => [[0x24, 0x29, 0x2F], [0xFF, 0xFF, 0xFF]],
            ThemeName::HighContrast => [[0xFF, 0xFF, 0xFF], [0, 0, 0]],
            _ => [[0xD5, 0xD9, 0xE8], [0x16, 0x17, 0x20]],
        }
    }
}

/// Letters of one look, side by side.
struct Run {
    x: usize,
    cells: usize,
    /// A wide symbol stands alone, so that its neighbours keep their columns.
    wide: bool,
    look: Look,
    text: String,
}

impl Run {
    fn draw(&self, baseline: usize, out: &mut String) {
        let (x, width, ink) = (self.x * CELL.0, self.cells * CELL.0, hex(self.look.ink));
        let _ =
            write!(out, "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{width}\" fill=\"{ink}\"");
        let has = |modifier| self.look.modifier.contains(modifier);
        if has(Modifier::BOLD) {
            out.push_str(" font-weight=\"bold\"");
        }
        if has(Modifier::ITALIC) {
            out.push_str(" font-style=\"italic\"");
        }
        match (has(Modifier::UNDERLINED), has(Modifier::CROSSED_OUT)) {
            (true, true) => out.push_str(" text-decoration=\"underline line-through\""),
            (true, false) => out.push_str(" text-decoration=\"underline\""),
            (false, true) => out.push_str(" text-decoration=\"line-through\""),
            (false, false) => {}
        }
        let _ = writeln!(out, ">{}</text>", xml(&self.text));
    }
}

/// What a cell shows; nothing in it acts on a terminal.
fn symbol(cell: &Cell) -> String {
    let shown = visible(cell.symbol());
    if shown.is_empty() {
        " ".to_owned()
    } else {
        shown.into_owned()
    }
}

/// The values of a colour; none for the terminal's own.
fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(indexed(index)),
        named => ANSI.iter().find(|(name, _)| *name == named).map(|(_, value)| *value),
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// `share` of one colour and the rest of another.
fn blend(a: [u8; 3], b: [u8; 3], share: f32) -> [u8; 3] {
    [0, 1, 2].map(|i| (share * f32::from(a[i]) + (1.0 - share) * f32::from(b[i])).round() as u8)
}

#[cfg(test)]
mod tests;
