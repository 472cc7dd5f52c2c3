//! Untrusted text for a terminal: what would act on the screen, or not show on it, becomes a visible symbol.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Combining marks that one letter may carry; more would climb over the neighbouring lines.
const MARKS: usize = 4;

/// `text` with every control, escape, bidirectional override and zero-width character as a visible symbol.
///
/// C0 controls and DEL become their control pictures (`␛`, `␊`, `␉`), everything else `⟨U+202E⟩`. Combining marks
/// stay where they sit on a letter. The result has no line break and can be printed as it is.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    Shown::new(text).text
}

/// A text made visible that still knows where its bytes went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<'a> {
    /// What [`visible`] gives.
    pub text: Cow<'a, str>,
    /// Where in the original text a replaced character ends, and by how many bytes all so far have grown.
    grown: Vec<(usize, usize)>,
}

impl<'a> Shown<'a> {
    /// Makes a text visible.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let mut grown: Vec<(usize, usize)> = Vec::new();
        let mut shown = String::new();
        let mut kept = 0;
        for (at, c) in acting(text) {
            shown.push_str(&text[kept..at]);
            kept = at + c.len_utf8();
            match c {
                '\0'..='\x1f' => shown.push(char::from_u32(0x2400 + c as u32).unwrap_or('?')),
                '\x7f' => shown.push('␡'),
                _ => shown.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
            }
            // A symbol is never shorter than what it stands for.
            grown.push((kept, shown.len() - kept));
        }
        if kept == 0 {
            return Self { text: Cow::Borrowed(text), grown };
        }
        shown.push_str(&text[kept..]);
        Self { text: Cow::Owned(shown), grown }
    }

    /// Where a byte of the original text, at the beginning of a character, stands in the visible one.
    #[must_use]
    pub fn offset(&self, original: usize) -> usize {
        let before = self.grown.partition_point(|(end, _)| *end <= original);
        let by = before.checked_sub(1).map_or(0, |last| self.grown[last].1);
        (original + by).min(self.text.len())
    }
}

/// The characters of a text that would act on a terminal, or not show, with their places.
fn acting(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    // Whether a mark has a letter to sit on, and how many sit there.
    let (mut base, mut marks) = (false, 0);
    text.char_indices().filter(move |&(_, c)| {
        let width = c.width();
        let acts = match width {
            _ if hidden(c) => true,
            None => true,
            Some(0) => !base || marks >= MARKS,
            Some(_) => false,
        };
        (base, marks) = match (acts, width) {
            (true, _) => (false, 0),
            (false, Some(0)) => (base, marks + 1),
            (false, _) => (true, 0),
        };
        acts
    })
}

/// Controls, and Unicode's default ignorable, format and line separating characters.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x06DD | 0x070F | 0x08E2 | 0x180B..=0x180F | 0x3164 | 0xFEFF | 0xFFA0
            | 0x0600..=0x0605 | 0x0890..=0x0891 | 0x115F..=0x1160 | 0x17B4..=0x17B5
            | 0x200B..=0x200F // zero width space and joiners, direction marks
            | 0x2028..=0x202E // line and paragraph separators, bidirectional overrides
            | 0x2060..=0x206F // invisible operators, bidirectional isolates
            | 0xFE00..=0xFE0F // variation selectors
            | 0xFFF0..=0xFFFB
            | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF // tags, more variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn ordinary_text_is_borrowed() {
        for text in ["", "x = 'naïve'", "日本語 🙂", "e\u{301}te\u{301}", "a\u{a0}b", "हिन्दी"]
        {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_shown() {
        assert_eq!(visible("a\x1b[31mb\r\n\tc\0\x7f"), "a␛[31mb␍␊␉c␀␡");
        assert_eq!(visible("\u{9b}31m"), "⟨U+009B⟩31m");
        assert_eq!(visible("x\u{202e}y\u{2066}z"), "x⟨U+202E⟩y⟨U+2066⟩z");
        assert_eq!(visible("ad\u{200b}min\u{feff}"), "ad⟨U+200B⟩min⟨U+FEFF⟩");
        assert_eq!(visible("a\u{2028}b\u{ad}\u{e0041}"), "a⟨U+2028⟩b⟨U+00AD⟩⟨U+E0041⟩");
        assert_eq!(visible("\u{115f}\u{3164}"), "⟨U+115F⟩⟨U+3164⟩");
    }

    #[test]
    fn marks_need_a_letter_and_stay_few() {
        assert_eq!(visible("\u{301}a"), "⟨U+0301⟩a");
        assert_eq!(visible("\n\u{301}"), "␊⟨U+0301⟩");
        let heap: String = std::iter::once('a').chain(std::iter::repeat_n('\u{301}', 9)).collect();
        assert!(visible(&heap).starts_with("a\u{301}\u{301}\u{301}\u{301}⟨U+0301⟩"));
    }

    #[test]
    fn bytes_are_found_again_behind_symbols() {
        let shown = Shown::new("é\x1b[2J\u{202e}x");
        assert_eq!(shown.text, "é␛[2J⟨U+202E⟩x");
        assert_eq!([0, 2, 3, 6, 9, 10].map(|at| shown.offset(at)), [0, 2, 5, 8, 20, 21]);
        assert_eq!(Shown::new("").offset(7), 0);
    }

    proptest! {
        #[test]
        fn every_character_keeps_its_place_or_its_symbol(text in any::<String>()) {
            let shown = Shown::new(&text);
            let mut last = 0;
            for (at, c) in text.char_indices() {
                let (start, end) = (shown.offset(at), shown.offset(at + c.len_utf8()));
                prop_assert_eq!(start, last);
                let piece = &shown.text[start..end];
                let same = piece.chars().eq([c]);
                prop_assert!(same || piece.starts_with('⟨') || piece.chars().count() == 1);
                last = end;
            }
            prop_assert_eq!(last, shown.text.len());
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(|c| hidden(c) || c.width().is_none()));
            prop_assert!(text.is_empty() || shown.width() > 0);
            prop_assert_eq!(visible(&shown), shown.as_ref());
        }
    }
}
