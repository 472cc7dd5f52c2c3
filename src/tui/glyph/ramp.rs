//! Grey levels as colours.

use ratatui::style::Color;

use super::Colours;
use crate::domain::Picture;

/// The shades from background to ink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shades {
    /// White on black.
    #[default]
    Grey,
    /// Black on white.
    Paper,
    /// Blue over green to yellow.
    Viridis,
    /// Black over violet to pale yellow.
    Magma,
    /// Black over red to pale yellow.
    Inferno,
    /// Blue over grey to yellow, the same for nearly all eyes.
    Cividis,
}

impl Shades {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Grey, Self::Paper, Self::Viridis, Self::Magma, Self::Inferno, Self::Cividis];

    /// Its name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Paper => "paper",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Inferno => "inferno",
            Self::Cividis => "cividis",
        }
    }
}

/// Shades with the colours that the terminal has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ramp {
    /// From background to ink.
    pub shades: Shades,
    /// What the terminal can show. With sixteen colours all shades are grey.
    pub colours: Colours,
}

impl Ramp {
    /// Red, green and blue of a level from 0 to [`Picture::FULL`].
    pub(super) fn rgb(self, level: f32) -> [u8; 3] {
        let share = f64::from(level / f32::from(Picture::FULL)).clamp(0.0, 1.0);
        let grey = (share * 255.0).round() as u8;
        let gradient = match self.shades {
            Shades::Grey => return [grey; 3],
            Shades::Paper => return [255 - grey; 3],
            Shades::Viridis => colorous::VIRIDIS,
            Shades::Magma => colorous::MAGMA,
            Shades::Inferno => colorous::INFERNO,
            Shades::Cividis => colorous::CIVIDIS,
        };
        gradient.eval_continuous(share).into_array()
    }

    /// The terminal's colour for a level; the default one where there are none.
    pub(super) fn colour(self, level: f32) -> Color {
        let rgb = self.rgb(level);
        match self.colours {
            Colours::None => Color::Reset,
            Colours::Sixteen => sixteen(rgb),
            Colours::Indexed => Color::Indexed(indexed(rgb)),
            Colours::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
        }
    }
}

/// The nearest of the four greys that every terminal has, by luminance (ITU-R BT.601).
fn sixteen([r, g, b]: [u8; 3]) -> Color {
    let luminance = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    match luminance {
        l if l < 48.0 => Color::Black,
        l if l < 140.0 => Color::DarkGray,
        l if l < 220.0 => Color::Gray,
        _ => Color::White,
    }
}

/// The nearest of xterm's 256 colours: its 24 greys for what is nearly grey, else its cube of 6 × 6 × 6.
fn indexed([r, g, b]: [u8; 3]) -> u8 {
    let spread = r.max(g).max(b) - r.min(g).min(b);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    if spread <= 8 {
        return match mean {
            0..=3 => 16,
            247.. => 231,
            mean => 232 + ((mean.saturating_sub(3)) / 10).min(23) as u8,
        };
    }
    let step = |value: u8| match value {
        0..=47 => 0,
        48..=114 => 1,
        value => (value - 35) / 40,
    };
    16 + 36 * step(r) + 6 * step(g) + step(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_nearest_colour_that_there_is() {
        let ramp = |shades, colours| Ramp { shades, colours };
        let full = f32::from(Picture::FULL);
        assert_eq!(ramp(Shades::Grey, Colours::True).colour(full), Color::Rgb(255, 255, 255));
        assert_eq!(ramp(Shades::Grey, Colours::True).colour(32.0), Color::Rgb(128, 128, 128));
        assert_eq!(ramp(Shades::Paper, Colours::True).colour(0.0), Color::Rgb(255, 255, 255));
        assert_eq!(ramp(Shades::Viridis, Colours::True).colour(0.0), Color::Rgb(68, 1, 84));
        assert_eq!(ramp(Shades::Viridis, Colours::None).colour(9.0), Color::Reset);
        let greys = [0.0, 20.0, 45.0, full].map(|l| ramp(Shades::Grey, Colours::Sixteen).colour(l));
        assert_eq!(greys, [Color::Black, Color::DarkGray, Color::Gray, Color::White]);
    }

    #[test]
    fn indexed_colours_are_xterms() {
        // Grey 244 is 128, colour 196 pure red, 16 black, 231 white.
        assert_eq!([[128; 3], [0; 3], [255; 3]].map(indexed), [244, 16, 231]);
        assert_eq!(indexed([8, 8, 8]), 232);
        assert_eq!(indexed([238, 238, 238]), 255);
        assert_eq!(indexed([255, 0, 0]), 196);
        assert_eq!(indexed([95, 135, 175]), 67);
    }
}
