//! Judgements as Markdown and plain tables.

use std::fmt::Write;

use super::visible;
use crate::eval::{Estimate, Estimates};

/// Figures that are no shares and are shown as they are.
const PLAIN: [&str; 7] = [
    "edit_distance",
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

/// A ladder's rungs with their ratios and verdicts, indented as a Markdown block of code.
#[must_use]
pub fn rungs_block(rungs: &[String], valid: &[bool]) -> String {
    let last = rungs.len().saturating_sub(1).max(1);
    let mut out = String::new();
    for (k, (text, valid)) in rungs.iter().zip(valid).enumerate() {
        let mark = if *valid { '✓' } else { '✗' };
        let _ = writeln!(out, "    {:.1}  {mark} {}", k as f64 / last as f64, visible(text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let block = rungs_block(&["a".into(), "\u{1b}[2J".into()], &[true, false]);
        assert_eq!(block.lines().next(), Some("    0.0  ✓ a"));
        assert!(!block.contains('\u{1b}'));
    }
}
