//! Draws the state; changes nothing.
//!
//! ```text
//! tvae-tui  explore  python · 7.7 M parameters · 16×32 latents                         ready
//!      A x = 1                                      = comes back │ mix  latents
//!      B return self.name                    ≠ return self.value │ …
//!   0.00 x = 1                                                 ✓ │
//!   …                                                            │
//!   1.00 return self.value                                     ✓ │
//! 7/9 valid · 8 distinct · 3 blends · step 0.42 · per-token      │
//!        ▁▁▁▁▁▁▁▁████████▁▁███████▁▁▁▁▁▁▁▁                       │
//!        ╶────────┼────●────────┼────────╴                       │
//! t = 0.50  decode at the slider                               ✓ │
//! ←→ slide  r random  a type A  b type B  x swap  p path  ? help  q quit
//! ```
//!
//! Where the window is too narrow for two columns, the focused panel takes the ladder's place.

mod compare;
mod directions;
mod drawing;
mod ends;
mod footer;
mod header;
mod help;
mod keep;
mod ladder;
mod latents;
mod measured;
mod mix;
mod models;
mod neighbours;
mod palette;
mod picker;
mod pictures;
mod point;
mod preview;
mod prompt;
mod sheet;
mod slider;
#[cfg(test)]
mod tests;
mod text;
mod tour;
mod train;

use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Padding, Paragraph};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::glyph::Painter;
use super::hit::{Hit, HitMap};
use super::look::Look;
use super::theme::Theme;
use crate::app::{self, Notice, Overlay, Panel, State};
use crate::report::visible;

/// Below this nothing useful fits.
const SMALLEST: (u16, u16) = (24, 5);
/// Below this only the ladder and the slider's value are shown.
const SMALL: (u16, u16) = (60, 16);
/// From this width on a panel stands beside the ladder.
const WIDE: u16 = 104;

/// Draws the whole screen and tells where things are.
#[must_use]
pub fn view(state: &State, look: &Look, frame: &mut Frame<'_>) -> HitMap {
    let area = frame.area();
    let mut screen = Screen { theme: &look.theme, painter: &look.painter, hits: HitMap::default() };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let middle = Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area };
        let text = Paragraph::new("make the window larger").alignment(Alignment::Center);
        frame.render_widget(text, middle);
        return screen.hits;
    }
    if area.width < SMALL.0 || area.height < SMALL.1 {
        match state.screen {
            app::Screen::Explore => screen.small(state, frame, area),
            app::Screen::Train => screen.small_training(state, frame, area),
            app::Screen::Models => screen.small_models(state, frame, area),
        }
    } else {
        screen.whole(state, frame, area);
    }
    match &state.overlay {
        Some(Overlay::Help(first)) => screen.help(*first, state, frame, area),
        Some(Overlay::Picking(pick, picker)) => screen.picker(*pick, picker, state, frame, area),
        Some(Overlay::Drawing(drawing)) => screen.drawing(drawing, state, frame, area),
        Some(Overlay::Prompt(prompt)) => screen.prompt(prompt, frame, area),
        Some(Overlay::Typing(_) | Overlay::Filter) | None => {}
    }
    let explores = state.screen == app::Screen::Explore;
    if let (true, None, Some(step)) = (explores, &state.overlay, state.tour) {
        screen.tour(step, state, frame, area);
    }
    screen.hits
}

struct Screen<'a> {
    theme: &'a Theme,
    painter: &'a Painter,
    hits: HitMap,
}

/// One row of an area, `y` from its top.
fn row(area: Rect, y: u16) -> Rect {
    Rect { y: area.y + y.min(area.height), height: u16::from(y < area.height), ..area }
}

impl Screen<'_> {
    /// The ladder, or the focused panel, and the slider's value.
    fn small(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let last = row(area, area.height - 1);
        if state.focus == Panel::Palette {
            // It has a line for the chosen cell instead of the slider's.
            self.palette(state, frame, Rect { height: area.height - 1, ..area });
            return self.told(state, frame, last);
        }
        let above = Rect { height: area.height - 2, ..area };
        if state.focus == Panel::Ladder || state.overlay.is_some() {
            self.ladder(state, frame, above);
        } else {
            self.panel(state.focus, state, frame, above);
        }
        match &state.typing() {
            Some(typing) => self.field(typing, frame, row(area, area.height - 2)),
            None => self.slider(state, frame, row(area, area.height - 2)),
        }
        match &state.notice {
            Notice::Error(_) => self.told(state, frame, last),
            Notice::Status(_) => self.point_line(state, frame, last),
        }
    }

    /// What went wrong, or how things stand.
    fn told(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let (message, style) = match &state.notice {
            Notice::Error(message) => (message, self.theme.bad),
            Notice::Status(message) => (message, self.theme.dim),
        };
        let line = Line::styled(text::fit(&visible(message), area.width), style);
        frame.render_widget(line, area);
    }

    fn whole(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        self.header(state, frame, row(area, 0));
        self.footer(state, frame, row(area, area.height - 1));
        let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
        match state.screen {
            app::Screen::Explore => self.explorer(state, frame, body),
            app::Screen::Train => self.training(state, frame, body),
            app::Screen::Models => self.models(state, frame, body),
        }
    }

    /// The ladder, with a panel beside it or in its place.
    fn explorer(&mut self, state: &State, frame: &mut Frame<'_>, body: Rect) {
        if state.focus == Panel::Palette {
            // A grid needs all the room that there is.
            return self.palette_page(state, frame, body);
        }
        if body.width < WIDE {
            self.column(state, frame, body, state.focus);
            return;
        }
        if state.side == Panel::Compare {
            // Two ladders side by side take the whole width.
            self.column(state, frame, body, Panel::Compare);
            return;
        }
        let side = (body.width * 2 / 5).clamp(40, 64);
        let column = Rect { width: body.width - side - 1, ..body };
        self.column(state, frame, column, Panel::Ladder);
        let place = Rect { x: body.right() - side, width: side, ..body };
        self.framed(state.side, state, frame, place);
    }

    /// The ends, `main` (the ladder or a panel in its place), the slider and the decode at it.
    fn column(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect, main: Panel) {
        if state.draws_pictures() {
            return self.picture_column(state, frame, area, main);
        }
        let roomy = area.height >= 28;
        let mut y = u16::from(roomy);
        self.ends(state, frame, Rect { y: area.y + y, height: 2, ..area });
        y += if roomy { 3 } else { 2 };
        // The summary, the strip, the slider, its marks and the decode.
        let below = if roomy { 11 } else { 5 };
        let room = area.height.saturating_sub(y + below);
        let count = if main == Panel::Ladder { room.min(state.rungs.len() as u16) } else { room };
        let place = Rect { y: area.y + y, height: count, ..area };
        if main == Panel::Ladder {
            self.ladder(state, frame, place);
        } else {
            self.framed(main, state, frame, place);
        }
        y += count + u16::from(roomy);
        self.summary(state, frame, row(area, y));
        y += if roomy { 2 } else { 1 };
        self.strip(state, frame, row(area, y));
        self.slider(state, frame, row(area, y + 1));
        self.marks(frame, row(area, y + 2));
        y += if roomy { 4 } else { 3 };
        let rest = Rect { y: area.y + y, height: area.height.saturating_sub(y), ..area };
        if rest.height >= 4 {
            self.point(state, frame, Rect { height: rest.height.min(6), ..rest });
        } else {
            self.point_line(state, frame, row(rest, 0));
        }
    }

    /// A panel in a frame whose title are the tabs of all panels.
    fn framed(&mut self, panel: Panel, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if area.height < 3 {
            self.panel(panel, state, frame, area);
            return;
        }
        let focused = state.focus == panel;
        let border = if focused { self.theme.border_focused } else { self.theme.border };
        let block = Block::bordered()
            .border_type(if focused { BorderType::Thick } else { BorderType::Rounded })
            .border_style(border)
            .padding(Padding::horizontal(1));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        self.hits.add(area, Hit::Panel(panel));
        self.tabs(
            panel,
            state,
            frame,
            Rect { x: area.x + 2, width: area.width - 4, height: 1, ..area },
        );
        self.panel(panel, state, frame, inner);
    }

    /// ` mix  latents `, the shown one marked; where they do not all fit, those up to it.
    fn tabs(&mut self, shown: Panel, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let mut panels = state.panels();
        panels.retain(|panel| *panel != Panel::Ladder);
        let upto = panels.iter().position(|panel| *panel == shown).map_or(0, |at| at + 1);
        let width = |from: usize| -> usize {
            2 + panels[from..upto].iter().map(|panel| panel.name().width() + 1).sum::<usize>()
        };
        let first = (0..upto).find(|&from| width(from) <= usize::from(area.width)).unwrap_or(0);
        let mut x = area.x;
        for panel in panels.into_iter().skip(first) {
            let name =
                if panel == shown { format!("[{}]", panel.name()) } else { panel.name().into() };
            let width = name.width() as u16 + 1;
            if x + width > area.right() {
                break;
            }
            let style = if panel == shown { self.theme.chosen } else { self.theme.dim };
            let place = Rect { x, width, ..area };
            frame.render_widget(Line::styled(format!(" {name}"), style), place);
            self.hits.add(place, Hit::Panel(panel));
            x += width;
        }
        let gap = Rect { x, width: area.right().saturating_sub(x).min(1), ..area };
        frame.render_widget(Line::raw(" "), gap);
    }

    fn panel(&mut self, panel: Panel, state: &State, frame: &mut Frame<'_>, area: Rect) {
        match panel {
            Panel::Ladder => self.ladder(state, frame, area),
            Panel::Mix => self.mix(state, frame, area),
            Panel::Latents => self.latents(state, frame, area),
            Panel::Keep => self.keep(state, frame, area),
            Panel::Directions => self.directions(state, frame, area),
            Panel::Palette => self.palette(state, frame, area),
            Panel::Neighbours => self.neighbours(state, frame, area),
            Panel::Compare => self.compare(state, frame, area),
        }
    }
}
