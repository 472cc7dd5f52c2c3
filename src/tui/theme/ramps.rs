//! Colours of amounts: from negative to positive, and from nothing to all.

use colorous::{Gradient, CIVIDIS, GREYS, RED_BLUE, VIRIDIS, YELLOW_GREEN_BLUE};
use ratatui::style::Color;

use super::ThemeName;

/// The middle of a ramp on a dark background: just above it.
const DARK_MIDDLE: [f32; 3] = [42.0, 44.0, 58.0];

/// Colour of a value from −1 to 1.
pub(super) fn diverging(theme: ThemeName, value: f32) -> Color {
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    let (negative, middle, positive) = match theme {
        ThemeName::Plain => return Color::Reset,
        // White in the middle, red where positive.
        ThemeName::Light => return at(RED_BLUE, (1.0 - value) / 2.0),
        ThemeName::Dark => ([86.0, 156.0, 255.0], DARK_MIDDLE, [255.0, 158.0, 100.0]),
        ThemeName::HighContrast => ([0.0, 200.0, 255.0], [0.0; 3], [255.0, 215.0, 0.0]),
        ThemeName::ColourBlind => ([86.0, 180.0, 233.0], DARK_MIDDLE, [230.0, 159.0, 0.0]),
    };
    let end: [f32; 3] = if value < 0.0 { negative } else { positive };
    let [r, g, b] =
        [0, 1, 2].map(|i| (middle[i] + value.abs() * (end[i] - middle[i])).round() as u8);
    Color::Rgb(r, g, b)
}

/// Colour of a share from 0 to 1.
pub(super) fn sequential(theme: ThemeName, share: f32) -> Color {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    match theme {
        ThemeName::Plain => Color::Reset,
        ThemeName::Dark => at(VIRIDIS, share),
        ThemeName::Light => at(YELLOW_GREEN_BLUE, share),
        ThemeName::HighContrast => at(GREYS, 1.0 - share),
        ThemeName::ColourBlind => at(CIVIDIS, share),
    }
}

fn at(gradient: Gradient, share: f32) -> Color {
    let colour = gradient.eval_continuous(f64::from(share));
    Color::Rgb(colour.r, colour.g, colour.b)
}
