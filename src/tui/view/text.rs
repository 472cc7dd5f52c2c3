//! Text cut to columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
        // A mark whose letter is left out has nothing to sit on.
        let orphan = w == 0 && out.is_empty();
        if at >= skip && at + w <= skip + width && !orphan {
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
    fn text_is_cut_to_columns_not_to_characters() {
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(clip("abcdef", 2, 3), "cde");
        assert_eq!(clip("ae\u{301}b", 2, 3), "b");
    }
}
