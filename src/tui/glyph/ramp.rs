//! Grey levels as colours.

use ratatui::style::Color;

use crate::domain::Picture;
use crate::tui::theme::Depth;

/// The shades from background to ink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shades {
    /// White on black.
    #[default]
    Grey,
    /// Black on white.
    Paper,
}

/// Shades with the colours that the terminal has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ramp {
    /// From background to ink.
    pub shades: Shades,
    /// What the terminal can show; none where there are to be no colours.
    pub colours: Option<Depth>,
}

impl Ramp {
    /// Red, green and blue of a level from 0 to [`Picture::FULL`].
    pub(super) fn rgb(self, level: f32) -> [u8; 3] {
        let share = (level / f32::from(Picture::FULL)).clamp(0.0, 1.0);
        let grey = (share * 255.0).round() as u8;
        match self.shades {
            Shades::Grey => [grey; 3],
            Shades::Paper => [255 - grey; 3],
        }
    }

    /// The terminal's colour for a level; the default one where there are none.
    pub(super) fn colour(self, level: f32) -> Color {
        let [r, g, b] = self.rgb(level);
        self.colours.map_or(Color::Reset, |depth| depth.nearest(Color::Rgb(r, g, b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_nearest_colour_that_there_is() {
        let colour = |shades, colours, level: f32| Ramp { shades, colours }.colour(level);
        let full = f32::from(Picture::FULL);
        assert_eq!(colour(Shades::Grey, Some(Depth::True), full), Color::Rgb(255, 255, 255));
        assert_eq!(colour(Shades::Grey, Some(Depth::True), 32.0), Color::Rgb(128, 128, 128));
        assert_eq!(colour(Shades::Paper, Some(Depth::True), 0.0), Color::Rgb(255, 255, 255));
        assert_eq!(colour(Shades::Paper, None, 9.0), Color::Reset);
        assert_eq!(colour(Shades::Grey, Some(Depth::Indexed), 32.0), Color::Indexed(244));
        let greys = [0.0, 32.0, full].map(|level| colour(Shades::Grey, Some(Depth::Ansi), level));
        assert_eq!(greys, [Color::Black, Color::DarkGray, Color::White]);
    }
}
