//! What a screen is drawn with: the colours of its parts, and a painter for pictures.

use super::glyph::{Colours, GlyphMode, Painter, Pixels, Ramp, Shades};
use super::theme::{Depth, Theme, ThemeName};

/// Theme and painter, which agree in their colours.
#[derive(Debug)]
pub struct Look {
    /// The styles of the screen's parts.
    pub theme: Theme,
    /// What draws pictures.
    pub painter: Painter,
}

impl Look {
    /// A theme, and pictures drawn in this mode: dark ink on light themes, without colours where the theme has none.
    #[must_use]
    pub fn new(theme: Theme, mode: GlyphMode) -> Self {
        let colours = match (theme.name, theme.depth) {
            (ThemeName::Plain, _) => Colours::None,
            (_, Depth::True) => Colours::True,
            (_, Depth::Indexed) => Colours::Indexed,
            (_, Depth::Ansi) => Colours::Sixteen,
        };
        let shades = match theme.name {
            ThemeName::Light => Shades::Paper,
            _ => Shades::Grey,
        };
        let painter = Painter::new(mode, Ramp { shades, colours }, theme.dim);
        Self { theme, painter }
    }

    /// With what the terminal draws real pixels by.
    #[must_use]
    pub fn with_pixels(self, pixels: Option<Pixels>) -> Self {
        Self { painter: self.painter.with_pixels(pixels), ..self }
    }

    /// Without colours, pictures in half blocks.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(Theme::plain(), GlyphMode::HalfBlocks)
    }
}
