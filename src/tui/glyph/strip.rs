//! Pictures side by side, each with a line below it, as on a strip of film.
//!
//! ```text
//!   ▄▄▄▄     ▄▄▄▄     ▄▄▄▄
//!      █    ▀  ▄▀    ▀▄▄▀
//!     █       ▄▀     █  █
//!  0.00 ✓ ▸0.50 ✗   1.00 ✓
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::scale::{at, fit};
use super::{GlyphMode, Painter};
use crate::domain::Picture;
use crate::tui::Theme;

/// Columns of a caption, `▸-0.50 ✓`.
const CAPTION: u16 = 8;
/// Columns between two pictures.
const GAP: u16 = 1;
/// So many times its own size a picture is drawn, the largest that shows all of them first.
const TIMES: [f64; 6] = [4.0, 3.0, 2.0, 1.0, 0.75, 0.5];
/// Where not all are in view, so many are wanted before pictures are made smaller.
const WANTED: usize = 3;
/// As many of a sheet.
const WANTED_OF_SHEET: usize = 12;

/// One picture's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Which picture it is, from 0.
    pub index: usize,
    /// All of it, for the mouse.
    pub place: Rect,
    /// Where the picture is drawn.
    pub glyph: Rect,
    /// The line below it.
    pub caption: Rect,
}

/// What is drawn in a frame.
#[derive(Debug, Clone)]
pub struct StripItem<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// The line below it.
    pub caption: Line<'a>,
}

/// Where the pictures of a ladder are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilmStrip {
    /// Those in view, in order.
    pub frames: Vec<Frame>,
    /// Pictures of a full row.
    pub across: usize,
}

/// A size of frames and how many of them there is room for.
#[derive(Debug, Clone, Copy)]
struct Plan {
    glyph: Size,
    frame: u16,
    across: usize,
    down: usize,
    /// Blank rows between rows of frames.
    gap: u16,
}

impl Plan {
    fn new(area: Rect, glyph: Size, gap: u16) -> Self {
        let frame = glyph.width.max(CAPTION).min(area.width);
        let across = (area.width + GAP) / (frame + GAP);
        let down = (area.height + gap) / (glyph.height + 1 + gap);
        Self { glyph, frame, across: usize::from(across), down: usize::from(down), gap }
    }

    fn capacity(&self) -> usize {
        self.across * self.down
    }
}

impl FilmStrip {
    /// Places `count` pictures of one size in an area: as large as all of them can be shown, in even rows; where they
    /// cannot, as many as fit around the chosen one, which is always in view.
    #[must_use]
    pub fn new(
        area: Rect,
        count: usize,
        chosen: usize,
        picture: (usize, usize),
        mode: GlyphMode,
    ) -> Self {
        let Some(few) = plan(area, count, picture, mode, WANTED) else {
            return Self::default();
        };
        // Twice as many in view are worth smaller pictures.
        let twice = 2 * few.capacity();
        let many = plan(area, count, picture, mode, twice).filter(|p| p.capacity() >= twice);
        let plan = many.unwrap_or(few);
        let shown = count.min(plan.capacity());
        let rows = shown.div_ceil(plan.across);
        let across = shown.div_ceil(rows) as u16;
        let chosen = chosen.min(count - 1);
        let first = chosen.saturating_sub(shown / 2).min(count - shown);
        Self::at_places(&plan, area, first, shown, across)
    }

    /// Places the pictures of a long list in rows that stay as they are while one after the other is chosen; the row of the
    /// chosen one is in view. They are smaller than on a strip, so that more are seen at once.
    #[must_use]
    pub fn sheet(
        area: Rect,
        count: usize,
        chosen: usize,
        picture: (usize, usize),
        mode: GlyphMode,
    ) -> Self {
        let Some(plan) = plan(area, count, picture, mode, WANTED_OF_SHEET) else {
            return Self::default();
        };
        let across = plan.across.min(count).max(1);
        let rows = count.div_ceil(across);
        let down = rows.min(plan.down.max(1));
        let row = chosen.min(count - 1) / across;
        let first = row.saturating_sub(down / 2).min(rows - down) * across;
        let shown = (down * across).min(count - first);
        Self::at_places(&plan, area, first, shown, across as u16)
    }

    fn at_places(plan: &Plan, area: Rect, first: usize, shown: usize, across: u16) -> Self {
        let width = across * (plan.frame + GAP) - GAP;
        let left = area.x + (area.width - width) / 2;
        let step = plan.glyph.height + 1 + plan.gap;
        let frames = (0..shown)
            .map(|i| {
                let (column, row) = (i as u16 % across, i as u16 / across);
                let place = Rect {
                    x: left + column * (plan.frame + GAP),
                    y: area.y + row * step,
                    width: plan.frame,
                    height: plan.glyph.height + 1,
                };
                let glyph = Rect { height: plan.glyph.height, ..place };
                let caption = Rect { y: glyph.bottom(), height: 1, ..place };
                Frame { index: first + i, place, glyph, caption }
            })
            .collect();
        Self { frames, across: usize::from(across) }
    }

    /// Draws the items that are in view; `items` gives that of a picture's number.
    pub fn draw<'a>(
        &self,
        items: impl Fn(usize) -> Option<StripItem<'a>>,
        painter: &Painter,
        buf: &mut Buffer,
    ) {
        for frame in &self.frames {
            let Some(item) = items(frame.index) else { continue };
            painter.draw(item.picture, frame.glyph, buf);
            item.caption.alignment(Alignment::Center).render(frame.caption, buf);
        }
    }
}

/// The largest frames that show all, else those of the picture's own size, or smaller ones where hardly any would fit.
fn plan(
    area: Rect,
    count: usize,
    picture: (usize, usize),
    mode: GlyphMode,
    wanted: usize,
) -> Option<Plan> {
    if count == 0 || area.width == 0 || area.height == 0 {
        return None;
    }
    let room = Size::new(area.width, area.height - 1);
    let plans: Vec<(f64, Plan)> = TIMES
        .into_iter()
        .filter_map(|times| Some((times, at(picture, mode, times, room)?.cells)))
        .flat_map(|(times, glyph)| [1, 0].map(|gap| (times, Plan::new(area, glyph, gap))))
        .collect();
    let all = plans.iter().find(|(_, p)| p.capacity() >= count);
    let small = || plans.iter().filter(|(times, _)| *times <= 1.0);
    let some = || small().find(|(_, p)| p.capacity() >= wanted.min(count));
    let most = || small().max_by_key(|(_, p)| p.capacity());
    all.or_else(some).or_else(most).map(|(_, plan)| *plan).or_else(|| {
        // Not even one at half its size: as large as there is room for.
        let glyph = fit(picture, mode, room).map_or(Size::ZERO, |fit| fit.cells);
        Some(Plan::new(area, glyph, 0))
    })
}

/// The line below a picture: where it lies and whether it is valid; an ellipsis while that is not known.
#[must_use]
pub fn caption(
    place: &str,
    (sign, style): (String, Style),
    chosen: bool,
    theme: &Theme,
) -> Line<'static> {
    let (pointer, place_style) = if chosen { ("▸", theme.chosen) } else { ("", Style::new()) };
    Line::from(vec![
        Span::styled(format!("{pointer}{place}"), place_style),
        Span::raw(" "),
        Span::styled(sign, style),
    ])
}
