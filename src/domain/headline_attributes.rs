//! Attributes of headlines, told from their words and marks.

use super::attribute::{length, yes, AttributeInfo};

/// The attributes, in the order of [`values`].
pub(super) const ATTRIBUTES: [AttributeInfo; 8] = [
    AttributeInfo::length("words", "words between blanks"),
    AttributeInfo::length("length", "characters"),
    AttributeInfo::yes_no("digit", "holds a digit"),
    AttributeInfo::yes_no("question", "ends with a question mark, quotation marks aside"),
    AttributeInfo::yes_no("how or why", "holds the word how or why"),
    AttributeInfo::yes_no("quotation", "holds quotation marks in pairs"),
    AttributeInfo::yes_no("colon", "holds a colon between words"),
    AttributeInfo::yes_no("title case", "every long word begins with a capital"),
];

/// Letters from which a word counts as long: shorter ones may be lower-case in titles.
const LONG_WORD: usize = 4;

/// A text's values; a text without words has only lengths.
pub(super) fn values(text: &str) -> Vec<Option<f32>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let has = |holds: &dyn Fn() -> bool| (!words.is_empty()).then(|| yes(holds()));
    let how_or_why = |word: &&str| {
        let letters = word.trim_matches(|c: char| !c.is_alphanumeric());
        ["how", "why"].iter().any(|asked| letters.eq_ignore_ascii_case(asked))
    };
    let colon = |word: &&str| word.strip_suffix(':').is_some_and(|before| !before.is_empty());
    let before_last = words.len().saturating_sub(1);
    vec![
        Some(words.len() as f32),
        Some(length(text)),
        has(&|| text.contains(|c: char| c.is_numeric())),
        has(&|| text.trim_end().trim_end_matches(is_quote).ends_with(['?', '？'])),
        has(&|| words.iter().any(how_or_why)),
        has(&|| is_quoting(text)),
        has(&|| words[..before_last].iter().any(colon)),
        title_case(&words).map(yes),
    ]
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»')
}

/// Whether a quotation opens and closes again. A single mark inside a word or behind it may be an apostrophe: it has to
/// open in front of a word to close behind one.
fn is_quoting(text: &str) -> bool {
    let pairs = [('"', '"'), ('“', '”'), ('‘', '’'), ('«', '»'), ('\'', '\'')];
    pairs.iter().any(|&(open, close)| {
        let opening = text.char_indices().find(|&(at, c)| {
            let inside_word = text[..at].ends_with(char::is_alphanumeric);
            c == open && !inside_word
        });
        let Some((at, _)) = opening else { return false };
        let rest = &text[at + open.len_utf8()..];
        rest.char_indices().any(|(at, c)| {
            let after = &rest[at + c.len_utf8()..];
            c == close && at > 0 && !after.starts_with(char::is_alphanumeric)
        })
    })
}

/// Whether the long words begin with capitals; `None` where fewer than two are long.
fn title_case(words: &[&str]) -> Option<bool> {
    let long: Vec<&str> = words
        .iter()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.starts_with(char::is_alphabetic))
        .filter(|word| word.chars().count() >= LONG_WORD)
        .collect();
    (long.len() >= 2).then(|| long.iter().all(|word| word.starts_with(char::is_uppercase)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> Option<f32> {
        let at = ATTRIBUTES.iter().position(|info| info.name == name).unwrap();
        values(text)[at]
    }

    #[test]
    fn yes_and_no_by_hand() {
        let cases = [
            ("digit", "5 lakes worth a detour", "Five lakes worth a detour"),
            ("question", "Who paid for the bridge?", "Who paid for the bridge"),
            ("question", "“Who paid for the bridge?”", "Who paid? Nobody says"),
            ("how or why", "Here's Why the river froze", "Showers when the river froze"),
            ("how or why", "How: the long way home", "Anyhow the long way home"),
            ("quotation", "Mayor says \"no\" to trams", "Mayor says no to 12\" pipes"),
            ("quotation", "Mayor says ‘no’ to trams", "The mayor’s no to the trams’ line"),
            ("quotation", "Mayor: 'not now' to trams", "The mayor's no to drivers' wish"),
            ("colon", "Opinion: leave the trams alone", "Trams leave at 10:30 alone"),
            ("title case", "The Mayor Leaves for the Coast", "The mayor leaves for the Coast"),
        ];
        for (name, with, without) in cases {
            assert_eq!(value(with, name), Some(1.0), "{name}: {with}");
            assert_eq!(value(without, name), Some(0.0), "{name}: {without}");
        }
    }

    #[test]
    fn lengths_and_what_has_no_words() {
        assert_eq!(value("Two  words", "words"), Some(2.0));
        assert_eq!(value("Zürich", "length"), Some(6.0));
        assert_eq!(value("Oh no", "title case"), None);
        let nothing = values("  ");
        assert_eq!(nothing.len(), ATTRIBUTES.len());
        assert_eq!((nothing[0], nothing[1]), (Some(0.0), Some(2.0)));
        assert!(nothing[2..].iter().all(Option::is_none));
    }
}
