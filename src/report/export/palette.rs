//! A palette as JSON, a table, Markdown, SVG and, for pictures, PNG.

use std::fmt::Write;

use serde_json::{json, Value};

use super::markdown::{indent, plain};
use super::png::picture_sheet;
use super::svg::{Drawing, BAD, COLUMN, DIM, GOOD, INK, LINE, MARGIN, PIXEL};
use super::{ExportError, Format};
use crate::domain::{domain, Picture};
use crate::report::ladder::{judgement, rung_json, verdict_sign};
use crate::report::{picture_rows, visible, Rung};

/// Columns of the longest text of a cell in a drawing, the rest is cut.
const LONGEST: usize = 40;

/// A palette to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct PaletteDocument {
    /// The model's name.
    pub model: String,
    /// The domain of its sequences.
    pub domain: String,
    /// The texts of the corners: upper left, upper right, lower left, lower right.
    pub corners: [String; 4],
    /// The way along rows and columns.
    pub path: String,
    /// How latents were decoded.
    pub decoding: String,
    /// Cells of a side.
    pub size: usize,
    /// The cells, row by row; a cell's ratio is how far it lies to the right.
    pub cells: Vec<Rung>,
}

impl PaletteDocument {
    /// What a file of this format holds. The same palette gives the same bytes.
    ///
    /// # Errors
    /// A PNG of sequences that are no pictures.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, ExportError> {
        match format {
            Format::Json => Ok(format!("{:#}\n", self.json()).into_bytes()),
            Format::Markdown => Ok(self.markdown().into_bytes()),
            Format::Svg => Ok(self.svg().into_bytes()),
            Format::Png => {
                let none = || ExportError::NoPictures(self.domain.clone());
                let rows: Option<Vec<Vec<Picture>>> = self
                    .rows()
                    .map(|row| row.iter().map(|c| self.picture(&c.text)).collect())
                    .collect();
                Ok(picture_sheet(&rows.ok_or_else(none)?)?.bytes)
            }
        }
    }

    /// `a` to `d`, `model`, `path`, `decoding`, `size` and `cells`, each with `x`, `y`, `text` and verdict, row by row.
    #[must_use]
    pub fn json(&self) -> Value {
        let [a, b, c, d] = &self.corners;
        let cells: Vec<Value> = self
            .rows()
            .enumerate()
            .flat_map(|(y, row)| row.iter().map(move |cell| (y, cell)))
            .map(|(y, cell)| {
                let mut value = rung_json(&Rung { ratio: self.down(y), ..cell.clone() });
                let y = value["ratio"].take();
                let x = rung_json(cell)["ratio"].take();
                let fields = value.as_object_mut().map(std::mem::take).unwrap_or_default();
                let rest = fields.into_iter().filter(|(name, _)| name != "ratio");
                let places = [("x".to_owned(), x), ("y".to_owned(), y)];
                places.into_iter().chain(rest).collect()
            })
            .collect();
        json!({
            "a": a, "b": b, "c": c, "d": d,
            "model": self.model, "path": self.path, "decoding": self.decoding,
            "size": self.size, "cells": cells,
        })
    }

    /// For a terminal: pictures side by side, or a line per text.
    #[must_use]
    pub fn table(&self) -> String {
        if let Some(pictures) = self.captioned() {
            return picture_rows(&pictures, Some(self.size));
        }
        let mut out = String::from("   x     y  sequence\n────  ────  ────────\n");
        for (y, row) in self.rows().enumerate() {
            for cell in row {
                // Writing to a string does not fail.
                let _ = writeln!(
                    out,
                    "{:.2}  {:.2}  {}  {}",
                    cell.ratio,
                    self.down(y),
                    visible(&cell.text),
                    judgement(&cell.verdict)
                );
            }
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = format!("# A palette of the model {}\n\n", plain(&self.model));
        let _ =
            write!(out, "{0} × {0} cells, path {1}, {2}.\n\n", self.size, self.path, self.decoding);
        if self.picture("").is_none() {
            let mut corners = String::new();
            for (name, text) in ["A", "B", "C", "D"].into_iter().zip(&self.corners) {
                let _ = writeln!(corners, "{name}  {}", visible(text));
            }
            indent(&corners, &mut out);
            out.push('\n');
        }
        indent(&self.table(), &mut out);
        out
    }

    fn svg(&self) -> String {
        let mut drawing = Drawing::new();
        let about = format!("{} · palette · path {} · {}", self.model, self.path, self.decoding);
        drawing.line(&[(0, &visible(&about), DIM)]);
        for row in self.rows() {
            if self.picture("").is_some() {
                self.draw_pictures(row, &mut drawing);
            } else {
                self.draw_texts(row, &mut drawing);
            }
        }
        drawing.close()
    }

    fn draw_pictures(&self, row: &[Rung], drawing: &mut Drawing) {
        let (top, mut x, mut bottom) = (drawing.y, MARGIN, drawing.y);
        for cell in row {
            let Some(picture) = self.picture(&cell.text) else { continue };
            drawing.picture(&picture, (x, top));
            let width = picture.width() * PIXEL;
            let (mark, colour) = mark(cell);
            drawing.piece((x + width + 2, top + LINE * 3 / 4), mark, colour);
            x += width + 2 * COLUMN;
            bottom = bottom.max(top + picture.height() * PIXEL);
        }
        drawing.width = drawing.width.max(x);
        drawing.y = bottom + COLUMN;
    }

    fn draw_texts(&self, row: &[Rung], drawing: &mut Drawing) {
        let short = |cell: &Rung| -> String {
            let text = visible(&cell.text);
            let cut: String = text.chars().take(LONGEST).collect();
            if cut.len() < text.len() {
                format!("{cut}…")
            } else {
                cut
            }
        };
        let texts: Vec<String> = row.iter().map(short).collect();
        let pieces: Vec<(usize, &str, &str)> = texts
            .iter()
            .zip(row)
            .enumerate()
            .flat_map(|(i, (text, cell))| {
                let (sign, colour) = mark(cell);
                let column = i * (LONGEST + 5);
                [(column, sign, colour), (column + 2, text.as_str(), INK)]
            })
            .collect();
        drawing.line(&pieces);
    }

    /// Every cell as a picture under its verdict; none where texts are read.
    fn captioned(&self) -> Option<Vec<(String, Picture)>> {
        let cells = self.rows().enumerate().flat_map(|(y, row)| row.iter().map(move |c| (y, c)));
        cells
            .map(|(y, cell)| {
                let place = format!("{:.2} {:.2} {}", cell.ratio, self.down(y), mark(cell).0);
                Some((place, self.picture(&cell.text)?))
            })
            .collect()
    }

    fn rows(&self) -> impl Iterator<Item = &[Rung]> {
        self.cells.chunks(self.size.max(1))
    }

    /// How far down a row lies.
    fn down(&self, row: usize) -> f32 {
        row as f32 / self.size.saturating_sub(1).max(1) as f32
    }

    fn picture(&self, text: &str) -> Option<Picture> {
        domain(&self.domain).ok()?.picture(text)
    }
}

fn mark(cell: &Rung) -> (&'static str, &'static str) {
    (verdict_sign(&cell.verdict), if cell.verdict.is_valid() { GOOD } else { BAD })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Verdict;

    fn palette(name: &str, texts: &[String]) -> PaletteDocument {
        let kind = domain(name).expect("a domain");
        let cells = (0..9).map(|i| {
            let text = texts[i % texts.len()].clone();
            Rung { ratio: (i % 3) as f32 / 2.0, verdict: kind.verdict(&text), text, guided: false }
        });
        PaletteDocument {
            model: "m".into(),
            domain: name.into(),
            corners: [0, 1, 2, 3].map(|i| texts[i % texts.len()].clone()),
            path: "per-token".into(),
            decoding: "greedy".into(),
            size: 3,
            cells: cells.collect(),
        }
    }

    #[test]
    fn json_has_every_cell_at_its_place() {
        let json = palette("python", &["x = 1".into(), "f(".into()]).json();
        assert_eq!((json["a"].as_str(), json["d"].as_str()), (Some("x = 1"), Some("f(")));
        let cells = json["cells"].as_array().expect("cells");
        assert_eq!(cells.len(), 9);
        let wanted = r#"{"x":0.5,"y":1.0,"text":"f(","valid":false,"line":1,"column":2,"message":"'(' was never closed"}"#;
        assert_eq!(cells[7].to_string(), wanted);
    }

    #[test]
    fn texts_are_listed_and_pictures_drawn_in_every_format() {
        let texts = palette("python", &["x = 1".into(), "a\u{1b}b".into()]);
        let table = texts.table();
        assert_eq!(table.lines().count(), 11);
        assert!(table.contains("0.50  1.00  a␛b") && !table.contains('\u{1b}'), "{table}");
        assert!(matches!(texts.bytes(Format::Png), Err(ExportError::NoPictures(_))));
        let digits: Vec<String> =
            domain("mnist").expect("mnist").samples().into_iter().take(9).map(|s| s.text).collect();
        let digits = palette("mnist", &digits);
        assert!(digits.cells.iter().all(|cell| cell.verdict == Verdict::Valid));
        // Seven lines of half blocks under a caption, three times.
        assert_eq!(digits.table().lines().count(), 24);
        let png = digits.bytes(Format::Png).expect("a PNG");
        let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (44 * 8, 44 * 8));
        for document in [&texts, &digits] {
            for format in [Format::Json, Format::Markdown, Format::Svg] {
                let bytes = document.bytes(format).expect("bytes");
                assert_eq!(document.bytes(format).as_ref(), Ok(&bytes));
                let text = String::from_utf8(bytes).expect("text");
                assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            }
        }
    }
}
