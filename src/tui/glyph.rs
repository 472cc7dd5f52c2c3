//! Grey pictures in a terminal: blocks of two colours a cell, plain characters, or real pixels.
//!
//! A cell is taken to be twice as high as it is wide, so that a pixel comes out square in every mode. A picture is drawn
//! at a whole multiple of its size where it fits, else smaller by area mean, in the middle of its place.

mod cells;
mod grid;
mod mode;
mod pixels;
mod ramp;
mod scale;
mod strip;
mod thumbnail;

use std::cell::RefCell;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

pub use grid::{Grid, GridCell};
pub use mode::GlyphMode;
pub use pixels::Pixels;
pub use ramp::{Ramp, Shades};
pub use strip::{caption, FilmStrip, Frame, StripItem};
pub use thumbnail::thumbnail;

use crate::domain::Picture;

/// Draws pictures in one mode.
#[derive(Debug)]
pub struct Painter {
    mode: GlyphMode,
    ramp: Ramp,
    unknown: Style,
    /// Encoding pixels is slow: what was encoded stays from frame to frame, though drawing changes nothing else.
    pixels: Option<RefCell<Pixels>>,
}

impl Painter {
    /// For a mode; `unknown` is the style of dots that stand for pixels that are not known yet. Without
    /// [`Painter::set_pixels`], [`GlyphMode::Pixels`] draws half blocks.
    #[must_use]
    pub fn new(mode: GlyphMode, ramp: Ramp, unknown: Style) -> Self {
        Self { mode, ramp, unknown, pixels: None }
    }

    /// What the terminal draws real pixels by; none where it cannot.
    pub fn set_pixels(&mut self, pixels: Option<Pixels>) {
        self.pixels = pixels.map(RefCell::new);
    }

    /// The mode that is drawn in: the one that was asked for, or half blocks where the terminal has no pixels.
    #[must_use]
    pub fn mode(&self) -> GlyphMode {
        match self.mode {
            GlyphMode::Pixels if self.pixels.is_none() => GlyphMode::HalfBlocks,
            mode => mode,
        }
    }

    /// Changes the colours.
    pub fn set_ramp(&mut self, ramp: Ramp, unknown: Style) {
        (self.ramp, self.unknown) = (ramp, unknown);
    }

    /// The colour of a level; the default one where there are no colours.
    pub(super) fn colour(&self, level: u8) -> Color {
        self.ramp.colour(f32::from(level))
    }

    /// Whether there are colours.
    pub(super) fn has_colours(&self) -> bool {
        self.ramp.colours.is_some()
    }

    /// Draws a picture as [`Painter::draw`] does, but in characters only, and tells the dots that it came out as.
    pub(super) fn draw_dots(
        &self,
        picture: &Picture,
        mode: GlyphMode,
        place: Rect,
        buf: &mut Buffer,
    ) -> Option<(Rect, (usize, usize))> {
        let place = place.intersection(buf.area);
        let fit = scale::fit((picture.width(), picture.height()), mode, place.as_size())?;
        Some((cells::draw(picture, mode, self.ramp, self.unknown, place, buf), fit.dots))
    }

    /// Draws a picture in the middle of a place and tells which cells it took. What is not known of it is shown as
    /// dots; such a picture is drawn in half blocks where others are pixels, since it changes at every step.
    pub fn draw(&self, picture: &Picture, place: Rect, buf: &mut Buffer) -> Rect {
        let place = place.intersection(buf.area);
        if let (GlyphMode::Pixels, Some(pixels), true) =
            (self.mode, &self.pixels, picture.is_whole())
        {
            let drawn = pixels.borrow_mut().draw(picture, self.ramp, place, buf);
            if let Some(drawn) = drawn {
                return drawn;
            }
        }
        cells::draw(picture, self.mode(), self.ramp, self.unknown, place, buf)
    }
}

#[cfg(test)]
mod tests;
