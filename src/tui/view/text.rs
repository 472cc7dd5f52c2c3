//! Text cut to columns, and what changed between two texts.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The part of `text` that differs from the line above: where the common start ends and the common end begins.
pub(super) fn changed(above: &str, text: &str) -> (usize, usize) {
    let start: usize = above
        .chars()
        .zip(text.chars())
        .take_while(|(a, b)| a == b)
        .map(|(_, b)| b.len_utf8())
        .sum();
    let (above, rest) = (&above[start.min(above.len())..], &text[start..]);
    let end: usize = above
        .chars()
        .rev()
        .zip(rest.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(_, b)| b.len_utf8())
        .sum();
    (start, text.len() - end)
}

/// `text` in at most `width` columns, cut with `…`.
pub(super) fn fit(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        out.push(c);
        used += w;
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// The part of `text` from column `skip` on that fits in `width` columns.
pub(super) fn clip(text: &str, skip: u16, width: u16) -> String {
    let (mut at, mut out) = (0, String::new());
    for c in text.chars() {
        let w = c.width().unwrap_or(0) as u16;
        if at >= skip && at + w <= skip + width {
            out.push(c);
        }
        at += w;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changed_part_is_between_common_start_and_end() {
        assert_eq!(changed("x = f(1)", "x = g(1)"), (4, 5));
        assert_eq!(changed("aa", "aaa"), (2, 3));
        assert_eq!(changed("é1", "é2"), (2, 3));
        assert_eq!(changed("same", "same"), (4, 4));
        assert_eq!(changed("longer", "lr"), (1, 1));
    }

    #[test]
    fn text_is_cut_to_columns_not_to_characters() {
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(clip("abcdef", 2, 3), "cde");
    }
}
