//! What a screen is drawn with: the colours of its parts, and a painter for pictures.

use super::glyph::{GlyphMode, Painter, Pixels, Ramp, Shades};
use super::theme::{Theme, ThemeName};

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
        Self { painter: Painter::new(mode, ramp(&theme), theme.dim), theme }
    }

    /// Another theme; pictures follow it.
    pub fn set_theme(&mut self, theme: Theme) {
        self.painter.set_ramp(ramp(&theme), theme.dim);
        self.theme = theme;
    }

    /// What the terminal draws real pixels by; none where it cannot.
    pub fn set_pixels(&mut self, pixels: Option<Pixels>) {
        self.painter.set_pixels(pixels);
    }

    /// Without colours, pictures in half blocks.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(Theme::plain(), GlyphMode::HalfBlocks)
    }
}

/// The shades of a theme's pictures.
fn ramp(theme: &Theme) -> Ramp {
    let colours = (theme.name != ThemeName::Plain).then_some(theme.depth);
    let shades = match theme.name {
        ThemeName::Light => Shades::Paper,
        _ => Shades::Grey,
    };
    Ramp { shades, colours }
}
