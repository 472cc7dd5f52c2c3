//! What a person can set about the explorer before it opens.

use std::fmt;
use std::str::FromStr;

use super::glyph::GlyphMode;
use super::theme::{Depth, Theme, ThemeName};
use crate::app::Override;
use crate::latent::Path;

/// Settings of the explorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The theme; none is what the environment asks for.
    pub theme: Option<ThemeName>,
    /// How pictures are drawn.
    pub glyphs: Glyphs,
    /// Rungs of the first ladder.
    pub rungs: usize,
    /// Way of the first ladder.
    pub path: Path,
    /// Whether the mouse is taken; where it is not, the terminal's own selection works.
    pub mouse: bool,
    /// Keys in place of the default ones.
    pub keys: Vec<Override>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: None,
            glyphs: Glyphs::Auto,
            rungs: 11,
            path: Path::PerToken,
            mouse: true,
            keys: Vec::new(),
        }
    }
}

impl Preferences {
    /// The theme in the colours that this process's terminal has.
    #[must_use]
    pub fn theme(&self) -> Theme {
        let variable = |name: &str| std::env::var(name).ok();
        let name = self.theme.unwrap_or_else(|| ThemeName::detect(variable));
        Theme::new(name, Depth::detect(variable))
    }

    /// How pictures are to be drawn on this process's terminal.
    #[must_use]
    pub fn glyph_mode(&self) -> GlyphMode {
        match self.glyphs {
            Glyphs::Auto => GlyphMode::detect(&|name| std::env::var(name).ok()),
            Glyphs::Pixels => GlyphMode::Pixels,
            _ => self.blocks(),
        }
    }

    /// How pictures are to be drawn where no terminal is asked: half blocks where nothing else was set.
    #[must_use]
    pub fn blocks(&self) -> GlyphMode {
        match self.glyphs {
            Glyphs::Auto | Glyphs::Pixels | Glyphs::Half => GlyphMode::HalfBlocks,
            Glyphs::Quadrant => GlyphMode::Quadrants,
            Glyphs::Octant => GlyphMode::Octants,
            Glyphs::Text => GlyphMode::Text,
        }
    }
}

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// The finest that the terminal is known to show.
    Auto,
    /// Two pixels a cell.
    Half,
    /// Four pixels a cell in two colours.
    Quadrant,
    /// Eight pixels a cell in two colours; needs a font with Unicode 16.
    Octant,
    /// Real pixels by the terminal's picture protocol.
    Pixels,
    /// Letters and signs only.
    Text,
}

impl Glyphs {
    /// Every way, with its name.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Auto, "auto"),
        (Self::Half, "half"),
        (Self::Quadrant, "quadrant"),
        (Self::Octant, "octant"),
        (Self::Pixels, "pixels"),
        (Self::Text, "text"),
    ];
}

impl fmt::Display for Glyphs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(way, _)| way == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for Glyphs {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(way, _)| *way).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
            format!("no glyphs `{name}`: expected one of {}", names.join(", "))
        })
    }
}
