//! A document as a drawing on white paper: rungs as lines of text, or as pictures side by side.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::png::grey;
use super::{Document, Part};
use crate::domain::Picture;
use crate::report::ladder::{judgement, verdict_sign};
use crate::report::{visible, xml, Rung};

/// Width of a column of letters.
pub(super) const COLUMN: usize = 8;
/// Height of a line.
pub(super) const LINE: usize = 20;
/// Around everything.
pub(super) const MARGIN: usize = 16;
/// Side of a picture's pixel.
pub(super) const PIXEL: usize = 4;
pub(super) const INK: &str = "#1f2328";
pub(super) const DIM: &str = "#656d76";
pub(super) const GOOD: &str = "#116329";
pub(super) const BAD: &str = "#a40e26";

/// What has been drawn and how far it reaches.
#[derive(Default)]
pub(super) struct Drawing {
    shapes: String,
    pub(super) width: usize,
    pub(super) y: usize,
}

pub(super) fn write(document: &Document) -> String {
    let mut drawing = Drawing::new();
    for part in &document.parts {
        if !part.title.is_empty() {
            drawing.line(&[(0, &visible(&part.title), INK)]);
        }
        let about = format!("{} · path {} · {}", document.model, part.path, part.decoding);
        drawing.line(&[(0, &visible(&about), DIM)]);
        if document.picture(&part.a).is_some() {
            drawing.pictures(document, part);
        } else {
            drawing.texts(part);
        }
        drawing.y += LINE / 2;
    }
    drawing.close()
}

impl Drawing {
    pub(super) fn new() -> Self {
        Self { y: MARGIN, ..Self::default() }
    }

    /// A line of pieces, each at its column and in its colour.
    pub(super) fn line(&mut self, pieces: &[(usize, &str, &str)]) {
        let baseline = self.y + LINE * 3 / 4;
        for (column, text, colour) in pieces.iter().filter(|(_, text, _)| !text.is_empty()) {
            self.piece((MARGIN + column * COLUMN, baseline), text, colour);
        }
        self.y += LINE;
    }

    pub(super) fn piece(&mut self, (x, baseline): (usize, usize), text: &str, colour: &str) {
        let width = text.width() * COLUMN;
        self.width = self.width.max(x + width);
        // Writing to a string does not fail.
        let _ = writeln!(
            self.shapes,
            "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{width}\" fill=\"{colour}\">{}</text>",
            xml(text)
        );
    }

    fn texts(&mut self, part: &Part) {
        self.line(&[(5, "A", DIM), (8, &visible(&part.a), INK)]);
        self.line(&[(5, "B", DIM), (8, &visible(&part.b), INK)]);
        let widest = part.rungs.iter().chain(&part.point).map(|r| visible(&r.text).width()).max();
        let verdicts = 10 + widest.unwrap_or(0);
        for rung in &part.rungs {
            self.rung(rung, verdicts, DIM);
        }
        if let Some(point) = &part.point {
            self.y += LINE / 2;
            self.rung(point, verdicts, INK);
        }
    }

    fn rung(&mut self, rung: &Rung, verdicts: usize, ratio: &str) {
        let colour = if rung.verdict.is_valid() { GOOD } else { BAD };
        self.line(&[
            (0, &format!("{:>6.3}", rung.ratio), ratio),
            (8, &visible(&rung.text), INK),
            (verdicts, &judgement(&rung.verdict), colour),
        ]);
    }

    fn pictures(&mut self, document: &Document, part: &Part) {
        let (top, mut x, mut bottom) = (self.y, MARGIN, self.y);
        for rung in part.rungs.iter().chain(&part.point) {
            let Some(picture) = document.picture(&rung.text) else { continue };
            self.picture(&picture, (x, top));
            let below = top + picture.height() * PIXEL;
            let colour = if rung.verdict.is_valid() { GOOD } else { BAD };
            let mark = (verdict_sign(&rung.verdict), colour);
            self.piece((x, below + LINE * 3 / 4), &format!("{:.2}", rung.ratio), DIM);
            self.piece((x + 5 * COLUMN, below + LINE * 3 / 4), mark.0, mark.1);
            x += picture.width().max(14) * PIXEL + COLUMN;
            bottom = bottom.max(below + LINE);
        }
        self.width = self.width.max(x);
        self.y = bottom;
    }

    /// White ink on black, as in the data set; neighbours of one grey are one shape.
    pub(super) fn picture(&mut self, picture: &Picture, (left, top): (usize, usize)) {
        let (width, height) = (picture.width() * PIXEL, picture.height() * PIXEL);
        let _ = writeln!(
            self.shapes,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"#000000\"/>"
        );
        for y in 0..picture.height() {
            let row: Vec<u8> = (0..picture.width()).map(|x| grey(picture, x, y)).collect();
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let value = run[0];
                if value > 0 {
                    let (at, wide) = (left + x * PIXEL, run.len() * PIXEL);
                    let _ = writeln!(
                        self.shapes,
                        "<rect x=\"{at}\" y=\"{}\" width=\"{wide}\" height=\"{PIXEL}\" fill=\"#{value:02x}{value:02x}{value:02x}\"/>",
                        top + y * PIXEL
                    );
                }
                x += run.len();
            }
        }
    }

    pub(super) fn close(self) -> String {
        let (width, height) = (self.width + MARGIN, self.y + MARGIN / 2);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13.3\" \
             xml:space=\"preserve\" shape-rendering=\"crispEdges\">\n{}</g>\n</svg>\n",
            self.shapes
        )
    }
}
