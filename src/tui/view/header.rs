//! The first line: the screen, what it is about, and how things stand.
//!
//! ```text
//! tvae-tui  explore  python · 4.5 M parameters · 8×32 latents                ready
//! tvae-tui  [explore] models  python · 4.5 M parameters · …                  ready
//! ```
//!
//! Where there is room every screen has a tab.

use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{Screen, WIDE};
use crate::app::{self, Command, Notice, State};
use crate::report::{count, visible};
use crate::tui::hit::Hit;

const PROGRAM: &str = "tvae-tui";

impl Screen<'_> {
    pub(super) fn header(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        frame.render_widget(Line::styled(PROGRAM, self.theme.title), area);
        let mut x = area.x + PROGRAM.len() as u16 + 1;
        for screen in app::Screen::ALL {
            let shown = screen == state.screen;
            let name = match (shown, area.width >= WIDE) {
                (true, true) => format!(" [{}]", screen.name()),
                (true, false) | (false, true) => format!(" {}", screen.name()),
                (false, false) => continue,
            };
            let place = Rect { x, width: name.width() as u16, ..area };
            let style = if shown { self.theme.chosen } else { self.theme.dim };
            frame.render_widget(Line::styled(name, style), place.intersection(area));
            self.hits.add(place, Hit::Command(Command::Show(screen)));
            x += place.width;
        }
        let rest = Rect { x, width: area.right().saturating_sub(x), ..area };
        let about = match state.screen {
            app::Screen::Explore => self.open_model(state),
            app::Screen::Train => self.shown_run(state),
            app::Screen::Models => Vec::new(),
        };
        frame.render_widget(Line::from(about), rest);
        self.status(state, frame, rest);
    }

    /// Name, domain and size of the run that is shown.
    fn shown_run(&self, state: &State) -> Vec<Span<'static>> {
        let Some(run) = state.training.shown_run() else { return Vec::new() };
        let mut about = format!(" · {} · {}", run.config.domain, run.config.length());
        if run.parameters > 0 {
            let millions = run.parameters as f64 / 1e6;
            about += &format!(" · {millions:.2} M parameters · {} lines", count(run.lines as u64));
        }
        let name = Span::raw(format!("  {}", visible(&run.name())));
        vec![name, Span::styled(about, self.theme.dim)]
    }

    /// Name, domain and size of the open model.
    fn open_model(&self, state: &State) -> Vec<Span<'static>> {
        let Some(m) = &state.model else { return Vec::new() };
        let millions = m.parameters as f64 / 1e6;
        let domain = if m.domain == m.name { String::new() } else { format!(" · {}", m.domain) };
        let shape = format!(
            "{domain} · {millions:.1} M parameters · {}×{} latents",
            m.latent_tokens, m.latent_size
        );
        let name = Span::raw(format!("  {}", visible(&m.name)));
        vec![name, Span::styled(shape, self.theme.dim)]
    }

    /// How things stand, at the right.
    fn status(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let Notice::Status(text) = &state.notice else { return };
        // Where it runs into what stands before it, a gap tells them apart.
        let text = fit(&format!("  {}", visible(text)), area.width);
        let width = text.width() as u16;
        let place = Rect { x: area.right() - width, width, ..area };
        let line = Line::styled(text, self.theme.dim).alignment(Alignment::Right);
        frame.render_widget(line, place);
    }
}
