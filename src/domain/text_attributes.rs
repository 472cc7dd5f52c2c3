//! Attributes of free text, told from its characters.

use super::attribute::{length, yes, AttributeInfo};

/// The attributes, in the order of [`values`].
pub(super) const ATTRIBUTES: [AttributeInfo; 4] = [
    AttributeInfo::length("length", "characters"),
    AttributeInfo::yes_no("digit", "holds a digit"),
    AttributeInfo::number("upper case", "share of upper-case letters among the letters"),
    AttributeInfo::number("punctuation", "share of marks among the characters that are not blank"),
];

/// A text's values; a share of nothing has none.
pub(super) fn values(text: &str) -> Vec<Option<f32>> {
    let count = |accept: fn(char) -> bool| text.chars().filter(|&c| accept(c)).count();
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f32 / whole as f32);
    vec![
        Some(length(text)),
        Some(yes(text.contains(char::is_numeric))),
        share(count(char::is_uppercase), count(char::is_alphabetic)),
        share(count(|c| !c.is_alphanumeric() && !c.is_whitespace()), count(|c| !c.is_whitespace())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand() {
        assert_eq!(values("Äb, c!"), [Some(6.0), Some(0.0), Some(1.0 / 3.0), Some(0.4)]);
        assert_eq!(values("4 m"), [Some(3.0), Some(1.0), Some(0.0), Some(0.0)]);
        assert_eq!(values("?!"), [Some(2.0), Some(0.0), None, Some(1.0)]);
        assert_eq!(values(" "), [Some(1.0), Some(0.0), None, None]);
        assert_eq!(values("").len(), ATTRIBUTES.len());
    }
}
