//! The canvas on which an end is drawn, and what comes back of the drawing.
//!
//! ```text
//! ╭ draw A ─────────────────── soft brush · pen up ╮
//! │     the canvas          │    what comes back   │
//! │ space pen down or up  e erase  …  enter keep   │
//! ╰────────────────────────────────────────────────╯
//! ```

use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph, Wrap};
use ratatui::Frame;

use super::pictures::picture_of;
use super::{row, Screen};
use crate::app::{Drawing, EditedEnd, Pen, State, DRAW_KEYS};
use crate::tui::canvas;

/// The largest that is of use.
const LARGEST: (u16, u16) = (102, 34);
/// From these on there is a picture beside the canvas, a line above both, a second line of hints.
const WIDE: u16 = 34;
const HIGH: u16 = 12;

impl Screen<'_> {
    pub(super) fn drawing(
        &mut self,
        drawing: &Drawing,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let (width, height) = (area.width.min(LARGEST.0), area.height.min(LARGEST.1));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        let canvas = &drawing.canvas;
        let name = drawing.end.name();
        let rung = match drawing.end {
            EditedEnd::A => state.rungs.first(),
            EditedEnd::B => state.rungs.last(),
            EditedEnd::C | EditedEnd::D => state.palette.corner(drawing.end),
        };
        let pen = match (canvas.pen, canvas.is_drawing()) {
            (Pen::Draw, true) => "pen down",
            (Pen::Draw, false) => "pen up",
            (Pen::Erase, true) => "eraser down",
            (Pen::Erase, false) => "eraser up",
        };
        let tools = format!(" {} brush · {pen} ", canvas.brush.name());
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.border_focused)
            .title(Span::styled(format!(" draw {name} "), self.theme.title))
            .title(Line::styled(tools, self.theme.chosen).alignment(Alignment::Right))
            .padding(Padding::horizontal(1));
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        self.hits.cover();

        let roomy = inner.height >= HIGH;
        let hints = if roomy { 2 } else { 1 }.min(inner.height);
        let above = Rect { height: inner.height - hints, ..inner };
        let below = Rect { y: above.bottom(), height: hints, ..inner };
        self.draw_hints(frame, below);
        let (mut left, mut right) = (above, Rect { width: 0, ..above });
        if inner.width >= WIDE {
            left.width = inner.width / 2;
            right = Rect { x: left.right(), width: inner.width - left.width, ..above };
        }
        if roomy && right.width > 0 {
            let heading = Line::styled("what comes back", self.theme.dim);
            frame.render_widget(heading.alignment(Alignment::Center), row(right, 0));
            for half in [&mut left, &mut right] {
                half.y += 1;
                half.height -= 1;
            }
        }
        let handle = self.theme.handle;
        let placed = canvas::draw(canvas, self.painter, handle, left, frame.buffer_mut());
        if let Some(placed) = placed {
            self.hits.add_canvas(placed);
        }
        let back = rung
            .filter(|_| state.scene.along.is_none())
            .and_then(|r| picture_of(state, &r.text, r.verdict.is_some()));
        if let Some(picture) = back.filter(|_| right.width > 0) {
            self.painter.draw(&picture, right, frame.buffer_mut());
        }
    }

    fn draw_hints(&self, frame: &mut Frame<'_>, area: Rect) {
        let own = DRAW_KEYS.iter().filter(|row| !row.hint.is_empty());
        let own = own.filter_map(|row| Some((*row.keys.first()?, row.hint)));
        let all = [("enter", "keep"), ("esc", "leave"), ("mouse", "draws")].into_iter();
        // A hint is not broken between its words.
        let hints = own.chain(all).flat_map(|(key, hint)| {
            let hint = hint.replace(' ', "\u{a0}");
            [
                Span::styled(key, self.theme.key),
                Span::styled(format!("\u{a0}{hint}  "), self.theme.dim),
            ]
        });
        let line = Line::from_iter(hints);
        frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: true }), area);
    }
}
