//! The canvas on the screen: its pixels with the cursor between brackets, and the pixel under the mouse.
//!
//! ```text
//!     ██████
//!   ████  ████
//!         [ ]█
//!       ████
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::glyph::{GlyphMode, Painter};
use crate::app::Canvas;
use crate::domain::Picture;

/// Where a canvas was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanvasPlace {
    /// The cells that it took.
    pub cells: Rect,
    /// Its dots, across and down.
    dots: (usize, usize),
    /// Dots of a cell, one above the other.
    down: usize,
    side: usize,
}

impl CanvasPlace {
    /// The pixel at a cell; where two share a cell, the upper one.
    #[must_use]
    pub fn pixel(&self, column: u16, row: u16) -> Option<(usize, usize)> {
        let inside = self.cells.contains(Position::new(column, row));
        inside.then(|| self.nearest(column, row))
    }

    /// The pixel at a cell or, where the cell is outside, the nearest: a line that is dragged over the edge goes on along it.
    #[must_use]
    pub fn nearest(&self, column: u16, row: u16) -> (usize, usize) {
        let across = column.saturating_sub(self.cells.x).min(self.cells.width.saturating_sub(1));
        let down = row.saturating_sub(self.cells.y).min(self.cells.height.saturating_sub(1));
        self.of_dot(usize::from(across), usize::from(down) * self.down)
    }

    /// The pixel that a dot belongs to.
    fn of_dot(&self, x: usize, y: usize) -> (usize, usize) {
        let pixel = |at: usize, dots: usize| (at * self.side / dots.max(1)).min(self.side - 1);
        (pixel(x, self.dots.0), pixel(y, self.dots.1))
    }
}

/// Draws a canvas in the middle of an area, in half blocks, or in characters where the painter draws text, with the cursor
/// in a style of its own. `None` where there is no room at all.
pub fn draw(
    canvas: &Canvas,
    painter: &Painter,
    cursor: Style,
    area: Rect,
    buf: &mut Buffer,
) -> Option<CanvasPlace> {
    let (mode, down) = match painter.mode() {
        GlyphMode::Text => (GlyphMode::Text, 1),
        _ => (GlyphMode::HalfBlocks, 2),
    };
    let picture = Picture::from(&canvas.digit());
    let (cells, dots) = painter.draw_dots(&picture, mode, area, buf)?;
    let place = CanvasPlace { cells, dots, down, side: canvas.side() };
    let colours = painter.has_colours() && mode == GlyphMode::HalfBlocks;
    let under = |x: usize, y: usize| place.of_dot(x, y) == canvas.cursor();
    for position in cells.positions() {
        let x = usize::from(position.x - cells.x);
        let y = usize::from(position.y - cells.y) * down;
        let (first, last) = (under(x, y), y + down <= dots.1 && under(x, y + down - 1));
        if !first && !last {
            continue;
        }
        let (left, right) = (x > 0 && under(x - 1, y), x + 1 < dots.0 && under(x + 1, y));
        let cell = &mut buf[position];
        if first && last && (left || right) {
            // A pixel of several columns keeps its level between brackets.
            let symbol = match (left, right) {
                (false, _) => '[',
                (_, false) => ']',
                _ => ' ',
            };
            let (x, y) = canvas.cursor();
            let ground = painter.colour(picture.level(x, y).unwrap_or(0));
            if symbol != ' ' || colours {
                cell.set_char(symbol).set_style(cursor);
            }
            if colours {
                cell.set_bg(ground);
            }
        } else if colours {
            // Half a cell, in the cursor's colour; the other half keeps its own.
            let other = place.of_dot(x, if first { y + 1 } else { y });
            let ground = painter.colour(picture.level(other.0, other.1).unwrap_or(0));
            cell.set_char(if first && last {
                '█'
            } else if first {
                '▀'
            } else {
                '▄'
            });
            cell.set_style(cursor).set_bg(ground);
        } else {
            cell.set_char('+').set_style(cursor);
        }
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Brush;
    use crate::corpus::mnist_text::Size;
    use crate::tui::glyph::{Ramp, Shades};
    use crate::tui::theme::Depth;
    use proptest::prelude::*;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;
    use ratatui::Terminal;

    fn painter(mode: GlyphMode, colours: Option<Depth>) -> Painter {
        Painter::new(mode, Ramp { shades: Shades::Grey, colours }, Style::new())
    }

    fn seven(size: Size) -> Canvas {
        let mut canvas = Canvas::new(size);
        let side = canvas.side();
        canvas.go(side / 4, side / 4);
        canvas.press();
        canvas.go(side - side / 4 - 1, side / 4);
        canvas.go(side / 3, side - side / 5 - 1);
        canvas.lift();
        canvas
    }

    fn accent() -> Style {
        Style::new().fg(Color::Red)
    }

    fn screen(canvas: &Canvas, mode: GlyphMode, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        let painter = painter(mode, Some(Depth::True));
        terminal
            .draw(|frame| {
                draw(canvas, &painter, accent(), frame.area(), frame.buffer_mut());
            })
            .expect("drawn");
        terminal.backend().to_string()
    }

    #[test]
    fn a_seven_and_the_cursor() {
        let blocks = GlyphMode::HalfBlocks;
        insta::assert_snapshot!("canvas_14", screen(&seven(Size::Small), blocks, 32, 14));
        insta::assert_snapshot!("canvas_14_small", screen(&seven(Size::Small), blocks, 20, 8));
        insta::assert_snapshot!("canvas_28", screen(&seven(Size::Default), blocks, 60, 28));
        insta::assert_snapshot!(
            "canvas_text",
            screen(&seven(Size::Small), GlyphMode::Text, 30, 14)
        );
    }

    #[test]
    fn the_cursor_has_its_own_colour_in_half_a_cell_too() {
        let mut canvas = Canvas::new(Size::Small);
        let painter = painter(GlyphMode::HalfBlocks, Some(Depth::True));
        for (y, symbol) in [(4, "▀"), (5, "▄")] {
            canvas.go(3, y);
            let mut buf = Buffer::empty(Rect::new(0, 0, 14, 7));
            draw(&canvas, &painter, accent(), buf.area, &mut buf);
            assert_eq!((buf[(3, 2)].symbol(), buf[(3, 2)].fg), (symbol, Color::Red));
            assert_eq!(buf.content.iter().filter(|c| c.fg == Color::Red).count(), 1);
        }
    }

    #[test]
    fn a_click_goes_to_the_pixel_that_is_drawn_there() {
        let painter = painter(GlyphMode::HalfBlocks, Some(Depth::True));
        let mut canvas = Canvas::new(Size::Small);
        canvas.brush = Brush::Hard;
        let mut buf = Buffer::empty(Rect::new(0, 0, 40, 20));
        let area = Rect::new(2, 1, 32, 15);
        let place = draw(&canvas, &painter, accent(), area, &mut buf).expect("room");
        assert_eq!(place.cells, Rect::new(4, 1, 28, 14));
        assert_eq!(place.pixel(4, 1), Some((0, 0)));
        assert_eq!(place.pixel(9, 3), Some((2, 2)));
        assert_eq!(place.pixel(31, 14), Some((13, 13)));
        assert_eq!((place.pixel(3, 1), place.pixel(4, 15)), (None, None));
        assert_eq!(place.nearest(0, 99), (0, 13));
        let (x, y) = place.pixel(9, 3).expect("a pixel");
        canvas.go(x, y);
        canvas.press();
        canvas.go(12, 12);
        draw(&canvas, &painter, accent(), area, &mut buf);
        assert_eq!(buf[(9, 3)].bg, Color::Rgb(255, 255, 255));
    }

    proptest! {
        #[test]
        fn every_cell_has_a_pixel_and_no_size_panics(
            width in 0u16..70, height in 0u16..40, x in 0usize..28, y in 0usize..28,
            mode in prop::sample::select(GlyphMode::ALL.to_vec()),
            size in prop::sample::select(Size::ALL.to_vec()), colours in any::<bool>(),
        ) {
            let mut canvas = seven(size);
            canvas.go(x, y);
            let painter = painter(mode, colours.then_some(Depth::True));
            let mut buf = Buffer::empty(Rect::new(0, 0, 70, 40));
            let area = Rect::new(1, 1, width, height);
            if let Some(place) = draw(&canvas, &painter, accent(), area, &mut buf) {
                for position in place.cells.positions() {
                    let pixel = place.pixel(position.x, position.y);
                    prop_assert!(pixel.is_some_and(|(x, y)| x < canvas.side() && y < canvas.side()));
                }
                // Where every pixel has a dot the cursor is to be seen.
                if place.dots.0 >= canvas.side() && place.dots.1 >= canvas.side() {
                    prop_assert!(buf.content.iter().any(|c| c.fg == Color::Red));
                }
            }
        }
    }
}
