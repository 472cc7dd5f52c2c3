//! How pictures can be drawn, and what a terminal says of itself.

use crate::tui::theme::ThemeName;

/// How a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GlyphMode {
    /// Two pixels a cell, each with its own colour; every font has them.
    HalfBlocks,
    /// Four dots of two colours a cell.
    Quadrants,
    /// Eight dots of two colours a cell; the characters came with Unicode 16 and few fonts have them.
    Octants,
    /// Characters by darkness, without colours.
    Text,
    /// Real pixels, by the protocol of kitty or iTerm2 or as sixels.
    Pixels,
}

impl GlyphMode {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::HalfBlocks, Self::Quadrants, Self::Octants, Self::Text, Self::Pixels];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfBlocks => "half-blocks",
            Self::Quadrants => "quadrants",
            Self::Octants => "octants",
            Self::Text => "text",
            Self::Pixels => "pixels",
        }
    }

    /// The best mode that the environment promises. `variable` gives the value of an environment variable.
    ///
    /// Text for `NO_COLOR`, a dumb terminal or a locale that is not UTF-8; pixels where the terminal is known for them and
    /// no multiplexer stands between; else half blocks. Quadrants and octants are for a person to choose: no variable tells
    /// what a font has.
    #[must_use]
    pub fn detect(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let terminal = Terminal::new(variable);
        if ThemeName::detect(variable) == ThemeName::Plain || !terminal.is_utf8() {
            Self::Text
        } else if terminal.has_pixels() {
            Self::Pixels
        } else {
            Self::HalfBlocks
        }
    }

    /// Dots of a cell, across and down.
    pub(super) fn dots(self) -> (usize, usize) {
        match self {
            Self::HalfBlocks | Self::Pixels => (1, 2),
            Self::Quadrants => (2, 2),
            Self::Octants => (2, 4),
            Self::Text => (1, 1),
        }
    }

    /// Columns that a pixel takes where it is whole dots and square.
    pub(super) fn native(self) -> f64 {
        match self {
            Self::HalfBlocks | Self::Pixels | Self::Quadrants => 1.0,
            Self::Octants => 0.5,
            Self::Text => 2.0,
        }
    }
}

impl std::fmt::Display for GlyphMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What the environment says of the terminal.
struct Terminal<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    name: String,
    program: String,
}

impl<'a> Terminal<'a> {
    fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let told = |name| variable(name).unwrap_or_default();
        Self { variable, name: told("TERM"), program: told("TERM_PROGRAM") }
    }

    fn told(&self, name: &str) -> String {
        (self.variable)(name).unwrap_or_default()
    }

    /// The first of the locale's variables that is set decides; where none is, nothing speaks against it.
    fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| self.told(name));
        let Some(locale) = locale.into_iter().find(|value| !value.is_empty()) else { return true };
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    fn is_kitty(&self) -> bool {
        self.name == "xterm-kitty" || !self.told("KITTY_WINDOW_ID").is_empty()
    }

    fn has_pixels(&self) -> bool {
        let between = !self.told("TMUX").is_empty()
            || self.name.starts_with("screen")
            || self.name.starts_with("tmux");
        let known = matches!(
            self.program.as_str(),
            "iTerm.app" | "WezTerm" | "ghostty" | "mintty" | "rio" | "contour"
        ) || matches!(self.name.as_str(), "xterm-ghostty" | "mlterm" | "contour")
            || self.name == "foot"
            || self.name.starts_with("foot-");
        !between && (known || self.is_kitty())
    }
}
