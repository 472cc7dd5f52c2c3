//! Text inside of XML.

use super::visible;

/// A text that shows as it is inside of an element: nothing in it acts, and nothing is refused by XML.
#[must_use]
pub fn xml(text: &str) -> String {
    let shown = visible(text);
    let mut out = String::with_capacity(shown.len());
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // U+FFFE and U+FFFF are no characters of XML.
            c if u32::from(c) & 0xFFFE == 0xFFFE => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_controls_and_what_is_no_character_are_shown() {
        assert_eq!(xml("a<b && c>\u{1b}[m\u{ffff}"), "a&lt;b &amp;&amp; c&gt;␛[m\u{fffd}");
    }
}
