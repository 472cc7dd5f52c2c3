//! Colours, in one place; nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

/// The styles of the explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Names and headings.
    pub title: Style,
    /// What stands back: ratios, hints, text that is still coming.
    pub dim: Style,
    /// Valid.
    pub good: Style,
    /// Invalid, and errors.
    pub bad: Style,
    /// What changed since the rung above.
    pub changed: Style,
    /// The rung at the slider, and the handle.
    pub chosen: Style,
    /// Keys in hints and help.
    pub key: Style,
}

impl Theme {
    /// With colours.
    #[must_use]
    pub fn colours() -> Self {
        let plain = Style::new();
        Self {
            title: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            dim: plain.fg(Color::DarkGray),
            good: plain.fg(Color::Green),
            bad: plain.fg(Color::LightRed),
            changed: plain.fg(Color::Yellow),
            chosen: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            key: plain.fg(Color::Cyan),
        }
    }

    /// Without: weight and underline only.
    #[must_use]
    pub fn plain() -> Self {
        let plain = Style::new();
        Self {
            title: plain.add_modifier(Modifier::BOLD),
            dim: plain.add_modifier(Modifier::DIM),
            good: plain,
            bad: plain.add_modifier(Modifier::BOLD),
            changed: plain.add_modifier(Modifier::UNDERLINED),
            chosen: plain.add_modifier(Modifier::BOLD),
            key: plain.add_modifier(Modifier::BOLD),
        }
    }

    /// Colours unless the environment has `NO_COLOR` (no-color.org).
    #[must_use]
    pub fn from_environment() -> Self {
        match std::env::var_os("NO_COLOR") {
            Some(value) if !value.is_empty() => Self::plain(),
            _ => Self::colours(),
        }
    }
}
