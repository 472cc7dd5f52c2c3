//! Plain tables for a terminal: cells padded to the width of their column.

use unicode_width::UnicodeWidthStr;

use super::visible;

/// Which way a column's cells are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// Rows as lines, their cells made visible and padded to the columns' widths, two spaces between columns. Columns
/// beyond `align` are left-aligned. Nothing is padded at a line's end.
#[must_use]
pub fn columns(rows: &[Vec<String>], align: &[Align]) -> String {
    let rows: Vec<Vec<_>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|c| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.width()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate() {
            let padding = " ".repeat(widths[c] - cell.width());
            line += if c > 0 { "  " } else { "" };
            match align.get(c) {
                Some(Align::Right) => line.extend([padding.as_str(), cell]),
                _ => line.extend([cell, padding.as_str()]),
            }
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_line_up_by_their_width_on_the_screen() {
        let row = |cells: &[&str]| cells.iter().map(|&c| c.to_owned()).collect::<Vec<_>>();
        let rows = [row(&["name", "step", ""]), row(&["日本", "7", "x"]), row(&["a\x1b", "1000"])];
        let table = columns(&rows, &[Align::Left, Align::Right]);
        assert_eq!(table, "name  step\n日本     7  x\na␛    1000\n");
        assert_eq!(columns(&[], &[]), "");
    }
}
