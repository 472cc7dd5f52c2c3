//! Judgements as Markdown and plain tables.

use std::fmt::Write;

use super::ladder::invalid_sign;
use super::visible;
use crate::domain::{Domain, Picture};
use crate::eval::{Estimate, Estimates};

/// Figures that are no shares and are shown as they are.
const PLAIN: [&str; 17] = [
    "edit_distance",
    "mean_absolute_error",
    "mean_absolute_difference",
    "other_mean_absolute_difference",
    "cosine",
    "other_cosine",
    "nearest",
    "nearest_interior",
    "nearest_cross_fade",
    "nearest_real",
    "nearest_samples",
    "kinship",
    "linear_deviation",
    "max_step",
    "path_ratio",
    "fluency",
    "latent_dependence",
];

/// One column of a table of figures.
#[derive(Debug, Clone, Copy)]
pub struct FigureColumn<'a> {
    /// Its heading.
    pub heading: &'a str,
    /// Its figures; a figure that it lacks stays empty.
    pub figures: &'a [&'a Estimates],
}

/// The name of a figure for people.
fn title(name: &str) -> String {
    name.replace('_', " ")
}

/// A figure with its interval, a share in per cent.
fn cell(name: &str, estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    if PLAIN.contains(&name) {
        format!("{value:.3} ({low:.3} … {high:.3})")
    } else {
        format!("{:.1} % ({:.1} … {:.1})", 100.0 * value, 100.0 * low, 100.0 * high)
    }
}

/// A Markdown table of figures with their 95 % intervals, one row per figure of the first column.
#[must_use]
pub fn figures_table(columns: &[FigureColumn<'_>]) -> String {
    let mut rows: Vec<Vec<String>> = vec![["figure"]
        .into_iter()
        .chain(columns.iter().map(|c| c.heading))
        .map(str::to_owned)
        .collect()];
    let names = columns.first().into_iter().flat_map(|c| c.figures.iter());
    for (name, _) in names.flat_map(|figures| figures.iter()) {
        let mut row = vec![title(name)];
        for column in columns {
            let found = column.figures.iter().find_map(|figures| figures.get(name));
            row.push(found.map_or_else(String::new, |estimate| cell(name, estimate)));
        }
        if row[1..].iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    let widths: Vec<usize> = (0..=columns.len())
        .map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        if i == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            let _ = writeln!(out, "| {} |", rules.join(" | "));
        }
    }
    out
}

/// A ladder's rungs with their ratios and verdicts in a domain, indented as a Markdown block of code.
#[must_use]
pub fn rungs_block(rungs: &[String], valid: &[bool], domain: Option<&dyn Domain>) -> String {
    let last = rungs.len().saturating_sub(1).max(1);
    let mut out = String::new();
    for (k, (text, valid)) in rungs.iter().zip(valid).enumerate() {
        let mark = if *valid { "✓" } else { invalid_sign(domain) };
        let _ = writeln!(out, "    {:.1}  {mark} {}", k as f64 / last as f64, visible(text));
    }
    out
}

/// Columns of a row of pictures at most.
const PICTURES_WIDTH: usize = 200;

/// Pictures side by side in half blocks, a caption below each, indented as a Markdown block of code; in several rows where they
/// are too wide for one. A pixel that is not known is background.
#[must_use]
pub fn pictures_block(pictures: &[Picture], captions: &[String]) -> String {
    let width = pictures.iter().map(Picture::width).max().unwrap_or(0);
    let caption = |i: usize| captions.get(i).map_or("", String::as_str);
    let mut out = String::new();
    for (row, block) in pictures.chunks((PICTURES_WIDTH / (width + 1)).max(1)).enumerate() {
        let first = row * (PICTURES_WIDTH / (width + 1)).max(1);
        let height = block.iter().map(Picture::height).max().unwrap_or(0);
        for y in (0..height).step_by(2) {
            let cells = block.iter().map(|picture| {
                let inked = |x, y| picture.level(x, y).is_some_and(|level| level >= INK);
                let cell = |x| match (inked(x, y), inked(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                };
                (0..width).map(cell).collect::<String>()
            });
            let _ = writeln!(out, "{}", line_of(cells));
        }
        let captions = (first..first + block.len()).map(|i| format!("{:<width$}", caption(i)));
        let _ = writeln!(out, "{}", line_of(captions));
    }
    out
}

/// From here on a pixel is drawn.
const INK: u8 = Picture::FULL / 2;

fn line_of(cells: impl Iterator<Item = String>) -> String {
    format!("    {}", cells.collect::<Vec<_>>().join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::domain;
    use crate::eval::Figure;

    #[test]
    fn figures_stand_in_columns_with_their_intervals() {
        let shares = Figure { name: "copy_rate", parts: vec![(1.0, 4.0); 3] };
        let steps = Figure { name: "max_step", parts: vec![(0.5, 1.0); 3] };
        let empty = Figure { name: "novelty", parts: vec![(0.0, 0.0); 3] };
        let a = Estimates::of(&[shares.clone(), steps, empty], 0);
        let b = Estimates::of(&[shares], 0);
        let table = figures_table(&[
            FigureColumn { heading: "model", figures: &[&a] },
            FigureColumn { heading: "copy", figures: &[&b] },
        ]);
        assert_eq!(
            table,
            "| figure    | model                 | copy                 |\n\
             | --------- | --------------------- | -------------------- |\n\
             | copy rate | 25.0 % (25.0 … 25.0)  | 25.0 % (25.0 … 25.0) |\n\
             | max step  | 0.500 (0.500 … 0.500) |                      |\n"
        );
    }

    #[test]
    fn rungs_are_shown_safely() {
        let rungs = ["a".into(), "\u{1b}[2J".into()];
        let block = rungs_block(&rungs, &[true, false], None);
        assert_eq!(block.lines().next(), Some("    0.0  ✓ a"));
        assert!(block.contains("    1.0  ✗ "));
        let headlines = rungs_block(&rungs, &[true, false], domain("headlines").ok());
        assert!(headlines.contains("    1.0  ~ "));
        assert!(!block.contains('\u{1b}'));
    }

    #[test]
    fn pictures_stand_side_by_side_above_their_captions() {
        let picture = |inked: [u8; 4]| {
            Picture::new(2, 2, inked.into_iter().map(|on| Some(on * Picture::FULL)).collect())
        };
        let pictures = [picture([1, 0, 1, 1]), picture([0, 1, 0, 0])];
        assert_eq!(pictures_block(&pictures, &["A".into(), "B".into()]), "    █▄  ▀\n    A  B\n");
        let wide = vec![Picture::new(28, 28, Vec::new()); 11];
        let block = pictures_block(&wide, &[]);
        assert_eq!(block.lines().count(), 2 * 15);
        assert!(block.lines().all(|line| line.chars().count() <= PICTURES_WIDTH + 4));
    }
}
