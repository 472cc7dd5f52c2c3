//! The texts nearest to the latent at the slider: is the decode one that the model's texts have word by word?
//!
//! ```text
//! the decode at t is one of the 120 texts
//! = 0.000  return self.items[0]        label
//!   0.214  return self.items
//!
//! probable labels, read from the latent
//! POLITICS       ██████████▌      62 %
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::text::fit;
use super::{row, Screen};
use crate::app::{State, Texts};
use crate::engine::pool::Neighbour;
use crate::report::visible;

/// From this height on the probable labels have a heading.
const ROOMY: u16 = 12;
/// An eighth of a cell and more.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

impl Screen<'_> {
    pub(super) fn neighbours(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let (Texts::Read(count), Some(inspection)) = (state.directions.texts, &state.inspection)
        else {
            frame.render_widget(self.reading(state, area.width), row(area, 0));
            return;
        };
        let (text, style) = match inspection.in_pool {
            Some(true) => (format!("the decode at t is one of the {count} texts"), self.theme.copy),
            Some(false) => {
                (format!("the decode at t is none of the {count} texts"), self.theme.novel)
            }
            None => ("looking for the nearest texts …".to_owned(), self.theme.dim),
        };
        frame.render_widget(Line::styled(fit(&text, area.width), style), row(area, 0));
        let area = self.labels(&inspection.labels, frame, area);
        if state.draws_pictures() {
            let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
            return self.neighbour_sheet(&inspection.neighbours, state, frame, below);
        }
        for (y, neighbour) in (1..area.height).zip(&inspection.neighbours) {
            frame.render_widget(self.neighbour(neighbour, area.width), row(area, y));
        }
        let legend = inspection.neighbours.len() as u16 + 2;
        if legend < area.height {
            let text = "distances of latents; = the decode itself";
            frame.render_widget(
                Line::styled(fit(text, area.width), self.theme.dim),
                row(area, legend),
            );
        }
    }

    fn neighbour(&self, neighbour: &Neighbour, width: u16) -> Line<'static> {
        let sign = if neighbour.same_text { "=" } else { " " };
        let head = format!("{sign} {:.3}  ", neighbour.distance);
        let label = neighbour.label.as_deref().unwrap_or_default();
        let colour = self.theme.label(label);
        let label = fit(&visible(label), width / 4);
        let room = width.saturating_sub((head.width() + label.width()) as u16 + 1);
        let first = neighbour.text.lines().next().unwrap_or_default();
        let text = fit(&visible(first), room);
        let pad = usize::from(room).saturating_sub(text.width()) + 1;
        let style = if neighbour.same_text { self.theme.copy } else { Default::default() };
        Line::from(vec![
            Span::styled(head, if neighbour.same_text { style } else { self.theme.dim }),
            Span::styled(text, style),
            Span::raw(" ".repeat(pad)),
            Span::styled(label, colour),
        ])
    }

    /// Draws the probable labels at the foot of the panel and gives what is left of it.
    fn labels(&self, labels: &[(String, f32)], frame: &mut Frame<'_>, area: Rect) -> Rect {
        // The texts come first: a quarter of the rows at most, a heading where there is room.
        let count = labels.len().min(usize::from(area.height / 4)) as u16;
        let headed = u16::from(count > 0 && area.height >= ROOMY);
        let foot = area.height - count - headed;
        if headed > 0 {
            let heading = fit("probable labels, read from the latent", area.width);
            frame.render_widget(Line::styled(heading, self.theme.dim), row(area, foot));
        }
        let name = (area.width / 3).clamp(4, 24);
        let track = usize::from(area.width.saturating_sub(name + 7));
        for (y, (label, probability)) in (foot + headed..).zip(labels.iter().take(count.into())) {
            let colour = self.theme.label(label);
            let label = fit(&visible(label), name);
            let pad = usize::from(name).saturating_sub(label.width()) + 1;
            let line = Line::from(vec![
                Span::styled(label, colour),
                Span::raw(" ".repeat(pad)),
                Span::styled(bar(*probability, track), colour),
                Span::raw(format!("{:>4.0} %", 100.0 * probability)),
            ]);
            frame.render_widget(line, row(area, y));
        }
        Rect { height: foot, ..area }
    }

    /// How far the model's texts have been read.
    pub(super) fn reading(&self, state: &State, width: u16) -> Line<'static> {
        let text = match state.directions.texts {
            Texts::Unread => "the texts have not been read".to_owned(),
            Texts::Reading(done, total) => format!("reading the texts … {done} of {total}"),
            Texts::Read(_) => "looking for the nearest texts …".to_owned(),
        };
        Line::styled(fit(&text, width), self.theme.dim)
    }
}

/// A share as a bar, padded to `width` columns.
fn bar(share: f32, width: usize) -> String {
    // What is no number is no bar.
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * width as f32).round() as usize;
    let cell = |at: usize| EIGHTHS[eighths.saturating_sub(8 * at).min(8)];
    (0..width).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_long_as_shares_are_large() {
        assert_eq!(bar(0.0, 4), "    ");
        assert_eq!(bar(0.5, 4), "██  ");
        assert_eq!(bar(0.53, 4), "██▏ ");
        assert_eq!(bar(2.0, 3), "███");
        assert_eq!(bar(f32::NAN, 3), "   ");
        assert_eq!(bar(0.5, 0), "");
    }
}
