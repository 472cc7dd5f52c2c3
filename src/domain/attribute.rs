//! Attributes: what a text of a domain has or measures, told from the text alone.

use serde::Serialize;

/// What values an attribute takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// A text has it (1) or has not (0).
    YesNo,
    /// A measure.
    Number,
    /// A measure of how long the text is: the other attributes are compared between texts of equal length, this is not.
    Length,
}

/// One attribute of a domain's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AttributeInfo {
    /// Its name for people, unique in the domain.
    pub name: &'static str,
    /// What it says, in one line.
    pub description: &'static str,
    /// What values it takes.
    pub kind: AttributeKind,
}

impl AttributeInfo {
    /// One that a text has or has not.
    pub(super) const fn yes_no(name: &'static str, description: &'static str) -> Self {
        Self { name, description, kind: AttributeKind::YesNo }
    }

    /// One that is measured.
    pub(super) const fn number(name: &'static str, description: &'static str) -> Self {
        Self { name, description, kind: AttributeKind::Number }
    }

    /// One that measures length.
    pub(super) const fn length(name: &'static str, description: &'static str) -> Self {
        Self { name, description, kind: AttributeKind::Length }
    }
}

/// The attribute of a domain without any other.
pub(super) const LENGTH: [AttributeInfo; 1] = [AttributeInfo::length("length", "characters")];

/// Characters of a text, as an attribute's value.
pub(super) fn length(text: &str) -> f32 {
    text.chars().count() as f32
}

/// Yes or no as a number.
pub(super) fn yes(holds: bool) -> f32 {
    f32::from(u8::from(holds))
}
