//! The latents of A, of the point and of B as heat maps: a row per latent token, a cell per number.
//!
//! Two numbers share a cell's upper and lower half. Without colours the sign of the larger one is written.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::Frame;

use super::{row, Screen};
use crate::app::State;
use crate::latent::Latent;
use crate::tui::theme::ThemeName;

impl Screen<'_> {
    pub(super) fn latents(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let Some(inspection) = &state.inspection else {
            frame.render_widget(Line::styled("reading the latents …", self.theme.dim), area);
            return;
        };
        let (a, point, b) = (&inspection.a, &inspection.point, &inspection.b);
        let maps = [("A", a), ("t", point), ("B", b)];
        let mut y = 0;
        for (name, latent) in maps {
            if y + 1 >= area.height {
                return;
            }
            let title = format!("{name}  {}×{}", latent.tokens, latent.size);
            frame.render_widget(Line::styled(title, self.theme.title), row(area, y));
            y += 1;
            y += self.heat(
                latent,
                None,
                frame,
                Rect { y: area.y + y, height: area.height - y, ..area },
            );
        }
        if y + 1 < area.height {
            let title = "B − A  where the ends differ";
            frame.render_widget(Line::styled(title, self.theme.title), row(area, y));
            let rest = Rect { y: area.y + y + 1, height: area.height - y - 1, ..area };
            self.heat(b, Some(a), frame, rest);
        }
    }

    /// Draws a latent, or its difference from another; returns the rows that it took.
    fn heat(
        &self,
        latent: &Latent,
        minus: Option<&Latent>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) -> u16 {
        let size = latent.size.max(1);
        let scale = if minus.is_some() { 3.0 } else { 2.0 };
        let value = |token: usize, i: usize| {
            let at = |latent: &Latent| latent.values.get(token * size + i).copied().unwrap_or(0.0);
            (at(latent) - minus.map_or(0.0, at)) / scale
        };
        // Two latent tokens a row, in the halves of its cells.
        let rows = (latent.tokens.div_ceil(2) as u16).min(area.height);
        for y in 0..rows {
            let (upper, lower) = (usize::from(y) * 2, usize::from(y) * 2 + 1);
            let cells = usize::from(area.width).min(size);
            let spans: Vec<Span<'_>> = (0..cells)
                .map(|i| {
                    let (above, below) = (
                        value(upper, i),
                        if lower < latent.tokens { value(lower, i) } else { 0.0 },
                    );
                    if self.theme.name == ThemeName::Plain {
                        let larger = if above.abs() >= below.abs() { above } else { below };
                        let sign = match larger {
                            x if x > 0.5 => "#",
                            x if x > 0.15 => "+",
                            x if x < -0.5 => "=",
                            x if x < -0.15 => "-",
                            _ => "·",
                        };
                        return Span::raw(sign);
                    }
                    let style = Style::new().fg(self.theme.heat(above)).bg(self.theme.heat(below));
                    Span::styled("▀", style)
                })
                .collect();
            frame.render_widget(Line::from(spans), row(area, y));
        }
        rows
    }
}
