//! A square grid of cells that keeps its rows and columns; where not all fit, those around the chosen one.
//!
//! ```text
//! A ▄▄▄ ✓   ▄▄▄ ✓
//!     █    ▀ ▄▀
//!   ▄█▄▄ ▐▄█▄▄ ✗▌
//! ```
//!
//! A cell has a column before it for the mark of the chosen one, and a blank more where it is a text, and one behind it for
//! the verdict.

use ratatui::layout::{Rect, Size};

use super::scale::fit;
use super::GlyphMode;

/// Columns beside what is drawn in a cell.
const MARKS: u16 = 2;
/// As many beside a text.
const TEXT_MARKS: u16 = 3;
/// A picture in fewer rows or columns of cells is none any more.
const LEAST: Size = Size::new(6, 3);
/// Columns of a text that still tells something.
const LEAST_TEXT: u16 = 14;
/// Rows of a text, at most.
const TEXT_ROWS: u16 = 3;

/// One cell's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridCell {
    /// Its column, from 0.
    pub column: usize,
    /// Its row, from 0.
    pub row: usize,
    /// All of it, for the mouse.
    pub place: Rect,
    /// What lies between its marks.
    pub inner: Rect,
}

/// Where the cells of a grid are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// Those in view, row by row.
    pub cells: Vec<GridCell>,
    /// What they take.
    pub area: Rect,
}

/// Cells of one size.
struct Plan {
    /// Columns before what is drawn.
    before: u16,
    inner: Size,
    /// From one cell to the next.
    step: Size,
}

impl Grid {
    /// A grid of pictures of one size, as large as all of them fit, or as many as fit in the smallest size.
    #[must_use]
    pub fn of_pictures(
        area: Rect,
        side: usize,
        chosen: (usize, usize),
        picture: (usize, usize),
        mode: GlyphMode,
    ) -> Self {
        let least = Size::new(LEAST.width + MARKS, LEAST.height);
        let (across, down) = capacity(area, side, least);
        let room = Size::new(
            (area.width / across as u16).saturating_sub(MARKS),
            area.height / down as u16,
        );
        let Some(glyph) = fit(picture, mode, room) else { return Self::default() };
        let inner = glyph.cells;
        let step = Size::new(inner.width + MARKS, inner.height);
        let plan = Plan { before: 1, inner, step };
        Self::at_places(&plan, area, side, chosen)
    }

    /// A grid of texts in equal columns.
    #[must_use]
    pub fn of_texts(area: Rect, side: usize, chosen: (usize, usize)) -> Self {
        // A blank column and, where there is room, a blank row stand between.
        let (across, down) = capacity(area, side, Size::new(LEAST_TEXT + TEXT_MARKS + 1, 1));
        let height = (area.height / down as u16).min(TEXT_ROWS + 1);
        let step = Size::new(area.width / across as u16, height);
        if step.width <= TEXT_MARKS + 1 || height == 0 {
            return Self::default();
        }
        let inner = Size::new(step.width - TEXT_MARKS - 1, (height - 1).max(1));
        Self::at_places(&Plan { before: 2, inner, step }, area, side, chosen)
    }

    fn at_places(plan: &Plan, area: Rect, side: usize, chosen: (usize, usize)) -> Self {
        let (across, down) = capacity(area, side, plan.step);
        let first = |chosen: usize, shown: usize| {
            chosen.min(side.saturating_sub(1)).saturating_sub(shown / 2).min(side - shown)
        };
        let (left, top) = (first(chosen.0, across), first(chosen.1, down));
        let cell = |i: usize| {
            let (x, y) = ((i % across) as u16, (i / across) as u16);
            let place = Rect {
                x: area.x + x * plan.step.width,
                y: area.y + y * plan.step.height,
                width: plan.before + plan.inner.width + 1,
                height: plan.inner.height,
            };
            let inner = Rect { x: place.x + plan.before, width: plan.inner.width, ..place };
            let (column, row) = (left + usize::from(x), top + usize::from(y));
            GridCell {
                column,
                row,
                place: place.intersection(area),
                inner: inner.intersection(area),
            }
        };
        let cells: Vec<GridCell> = (0..across * down).map(cell).collect();
        let area = cells.iter().map(|cell| cell.place).reduce(Rect::union).unwrap_or_default();
        Self { cells, area }
    }
}

/// Columns and rows of cells that an area holds, one at least and as many as the grid has at most.
fn capacity(area: Rect, side: usize, step: Size) -> (usize, usize) {
    let count = |room: u16, step: u16| usize::from(room / step.max(1)).clamp(1, side.max(1));
    (count(area.width, step.width), count(area.height, step.height))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(area: Rect, side: usize, chosen: (usize, usize)) -> Grid {
        Grid::of_pictures(area, side, chosen, (14, 14), GlyphMode::HalfBlocks)
    }

    #[test]
    fn all_cells_are_as_large_as_they_fit() {
        let grid = digits(Rect::new(0, 0, 90, 36), 5, (2, 2));
        assert_eq!(grid.cells.len(), 25);
        assert_eq!(grid.cells[0].inner.as_size(), Size::new(14, 7));
        assert_eq!(grid.area.as_size(), Size::new(80, 35));
        let grid = digits(Rect::new(0, 0, 90, 36), 9, (0, 0));
        assert_eq!((grid.cells.len(), grid.cells[0].inner.as_size()), (81, Size::new(8, 4)));
    }

    #[test]
    fn in_a_small_window_the_chosen_cell_is_in_view() {
        for chosen in [(0, 0), (8, 8), (4, 7)] {
            let grid = digits(Rect::new(3, 1, 37, 7), 9, chosen);
            assert_eq!(grid.cells.len(), 8);
            assert!(grid.cells.iter().any(|cell| (cell.column, cell.row) == chosen));
        }
        assert_eq!(digits(Rect::new(0, 0, 1, 1), 3, (0, 0)), Grid::default());
    }

    proptest! {
        #[test]
        fn cells_lie_inside_and_apart(
            width in 0u16..150, height in 0u16..50, side in 3usize..=9, x in 0usize..9, y in 0usize..9, texts: bool,
        ) {
            let area = Rect::new(2, 3, width, height);
            let grid = if texts { Grid::of_texts(area, side, (x, y)) } else { digits(area, side, (x, y)) };
            for (i, cell) in grid.cells.iter().enumerate() {
                prop_assert!(cell.column < side && cell.row < side);
                prop_assert_eq!(cell.place.intersection(area), cell.place);
                prop_assert_eq!(cell.inner.intersection(cell.place), cell.inner);
                for other in &grid.cells[..i] {
                    prop_assert!(!cell.place.intersects(other.place));
                }
            }
        }
    }
}
