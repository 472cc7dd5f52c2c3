//! Pictures in the characters of a plain text, for standard output and Markdown.

use unicode_width::UnicodeWidthStr;

use crate::domain::Picture;

/// Columns between two pictures.
const GAP: usize = 2;
/// Columns that pictures beside each other take at most, unless they are asked for in one row.
const WIDTH: usize = 100;

/// A picture's lines, two pixels a character: ink or none. No line ends with a blank.
pub(super) fn half_blocks(picture: &Picture) -> Vec<String> {
    let ink = |x, y| picture.level(x, y).is_some_and(|level| level > Picture::FULL / 3);
    let rows = (0..picture.height()).step_by(2);
    rows.map(|y| {
        let row: String = (0..picture.width())
            .map(|x| match (ink(x, y), ink(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        row.trim_end().to_owned()
    })
    .collect()
}

/// Pictures beside each other, each with its caption above: `across` in a row, or as many as 100 columns hold. No line ends
/// with a blank.
#[must_use]
pub fn picture_rows(pictures: &[(String, Picture)], across: Option<usize>) -> String {
    let widest = pictures.iter().map(|(caption, p)| p.width().max(caption.width())).max();
    let width = widest.unwrap_or(0) + GAP;
    let across = across.unwrap_or((WIDTH + GAP) / width.max(1)).max(1);
    let mut out = String::new();
    for row in pictures.chunks(across) {
        let cells: Vec<Vec<String>> = row
            .iter()
            .map(|(caption, p)| std::iter::once(caption.clone()).chain(half_blocks(p)).collect())
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for y in 0..height {
            let mut line = String::new();
            for cell in &cells {
                let part = cell.get(y).map_or("", String::as_str);
                line.push_str(part);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(part.width())));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(ink: &[usize]) -> Picture {
        let level = |i: usize| Some(if ink.contains(&i) { Picture::FULL } else { 0 });
        Picture::new(3, 3, (0..9).map(level).collect())
    }

    #[test]
    fn pictures_stand_beside_each_other_under_their_captions() {
        let all = vec![
            ("0.0 ✓".to_owned(), picture(&[0, 4, 8])),
            ("1.0 ✗".to_owned(), picture(&[2, 6])),
            ("x".to_owned(), picture(&[])),
        ];
        let wanted = "0.0 ✓  1.0 ✗\n▀▄       ▀\n  ▀    ▀\nx\n\n\n";
        assert_eq!(picture_rows(&all, Some(2)), wanted);
        assert_eq!(picture_rows(&all, None).lines().count(), 3);
        assert_eq!(picture_rows(&[], None), "");
    }
}
