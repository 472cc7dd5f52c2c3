//! What is asked of a run, what its data look like, and what it would cost.
//!
//! ```text
//! ▸ domain                 python          │ samples: 312 lines
//!   data                   samples         │   x = foo(y)
//!   …                                      │ tokens per line ▁▂▅█▇▃▁
//! kinds of sequences: …                    │ 0.1 M parameters · about 0.1 GB · 5,400 tokens/s
//! ```

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;

use super::super::text::fit;
use super::super::{row, Screen};
use crate::app::{FormRow, Looked, State};
use crate::report::visible;
use crate::train::{Estimate, Look};
use crate::tui::chart::number;
use crate::tui::glyph::thumbnail;
use crate::tui::hit::Hit;

/// Columns of a row's name, with the mark in front.
const NAME: u16 = 27;
/// From this width on the data stand beside the form.
const WIDE: u16 = 100;
/// Rows of the explanation.
const ABOUT: u16 = 2;
/// Bars of a histogram, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Cells of a picture within a line.
const THUMBNAIL: usize = 5;

impl Screen<'_> {
    pub(super) fn form(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if area.width >= WIDE {
            let width = area.width / 2;
            self.rows(state, frame, Rect { width, ..area });
            let rest = Rect { x: area.x + width + 1, width: area.width - width - 1, ..area };
            return self.looked(state, frame, rest);
        }
        // The cost of the run is worth two rows; the data take what the form leaves.
        let form = &state.training.form;
        let rows = form.rows().len() as u16 + ABOUT + 1;
        let height = rows.min(area.height.saturating_sub(6).max(area.height * 2 / 3));
        self.rows(state, frame, Rect { height, ..area });
        let rest = Rect { y: area.y + height, height: area.height.saturating_sub(height), ..area };
        self.looked(state, frame, rest);
    }

    fn rows(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let form = &state.training.form;
        let rows = form.rows();
        let room = usize::from(area.height.saturating_sub(ABOUT + 1)).max(1);
        let chosen = form.row.min(rows.len() - 1);
        let first = chosen.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
        for (y, (at, &item)) in rows.iter().enumerate().skip(first).take(room).enumerate() {
            let place = row(area, y as u16);
            frame.render_widget(self.form_row(state, item, at == chosen, place.width), place);
            self.hits.add(place, Hit::Row(at));
        }
        let shown = rows.len().min(room) as u16;
        let about = Rect {
            y: area.y + shown + 1,
            height: area.height.saturating_sub(shown + 1).min(ABOUT),
            ..area
        };
        let text = Paragraph::new(rows[chosen].about()).wrap(Wrap { trim: true });
        frame.render_widget(text.style(self.theme.dim), about);
    }

    fn form_row(&self, state: &State, item: FormRow, chosen: bool, width: u16) -> Line<'static> {
        let form = &state.training.form;
        let mark = if chosen { "▸ " } else { "  " };
        let style = if chosen { self.theme.chosen } else { self.theme.dim };
        let name = fit(item.name(), NAME - 3);
        let value = form.value(item);
        let shown = match (value.is_empty(), item.choices().is_empty()) {
            (true, _) => "–".to_owned(),
            (false, true) => visible(&value).into_owned(),
            // The arrows go through these.
            (false, false) if chosen => format!("‹ {} ›", visible(&value)),
            (false, false) => visible(&value).into_owned(),
        };
        let changed = if form.is_changed(item) { " *" } else { "" };
        let room = width.saturating_sub(NAME + changed.len() as u16);
        let value_style = if chosen { self.theme.selected } else { ratatui::style::Style::new() };
        Line::from(vec![
            Span::styled(format!("{mark}{name:<width$}", width = usize::from(NAME) - 2), style),
            Span::styled(fit(&shown, room), value_style),
            Span::styled(changed, self.theme.warning),
        ])
    }

    /// The data of the form and the cost of its run.
    fn looked(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let say = |text: &str, style| {
            Paragraph::new(visible(text).into_owned()).style(style).wrap(Wrap { trim: true })
        };
        match &state.training.looked {
            Looked::No => {}
            Looked::Looking => {
                frame.render_widget(say("looking at the data …", self.theme.dim), area);
            }
            Looked::Failed(message) => frame.render_widget(say(message, self.theme.bad), area),
            Looked::At(look) => {
                let mut lines = vec![self.data_line(look, area.width)];
                match &look.estimate {
                    Ok(estimate) => lines.extend(Self::cost(estimate, area.width)),
                    Err(message) => {
                        lines
                            .push(Line::styled(fit(&visible(message), area.width), self.theme.bad));
                    }
                }
                lines.push(Line::default());
                lines.extend(self.preview_lines(state, look, area.width));
                frame.render_widget(Paragraph::new(lines), area);
            }
        }
    }

    fn data_line(&self, look: &Look, width: u16) -> Line<'static> {
        let more = if look.more { "the first " } else { "" };
        let skipped = match look.skipped {
            0 => String::new(),
            rows => format!(", {rows} bad rows skipped"),
        };
        let text = format!("{more}{} lines{skipped}", look.lines.len());
        Line::styled(fit(&text, width), self.theme.title)
    }

    fn cost(estimate: &Estimate, width: u16) -> Vec<Line<'static>> {
        let long = match estimate.too_long {
            0 => String::new(),
            lines => format!(", {lines} longer than max_len"),
        };
        let (bars, longest) = histogram(&estimate.lengths, usize::from(width).saturating_sub(44));
        let minutes = estimate.minutes;
        let minutes = if minutes < 1.0 { format!("{minutes:.1}") } else { format!("{minutes:.0}") };
        let lines = [
            format!("tokens per line 1 {bars} {longest}{long}"),
            format!(
                "{:.2} M parameters · about {:.1} GB of memory",
                estimate.parameters as f64 / 1e6,
                estimate.memory as f64 / 1e9,
            ),
            format!(
                "about {} steps in {minutes} minutes, {} lines, at {} tokens/s",
                number(estimate.steps.round()),
                number(estimate.lines.round()),
                number(estimate.tokens_per_second)
            ),
        ];
        lines.into_iter().map(|text| Line::raw(fit(&text, width))).collect()
    }

    fn preview_lines(&self, state: &State, look: &Look, width: u16) -> Vec<Line<'static>> {
        let domain = crate::domain::domain(&state.training.form.config.domain).ok();
        let line = |text: &String| {
            let picture = domain.and_then(|domain| domain.picture(text));
            let text = match picture {
                Some(picture) => format!(
                    "{}  {}×{}",
                    thumbnail(&picture, THUMBNAIL),
                    picture.width(),
                    picture.height()
                ),
                None => visible(text).into_owned(),
            };
            Line::styled(format!("  {}", fit(&text, width.saturating_sub(2))), self.theme.dim)
        };
        look.lines.iter().take(40).map(line).collect()
    }
}

/// How many sequences have each length up to the longest, as bars, in `width` columns at most.
fn histogram(lengths: &[usize], width: usize) -> (String, usize) {
    let longest = lengths.iter().copied().max().unwrap_or(1);
    let bins = width.clamp(4, 32).min(longest);
    let mut counts = vec![0usize; bins];
    for &length in lengths {
        counts[(length.max(1) - 1) * bins / longest] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &usize| match count {
        0 => ' ',
        count => BARS[(count * (BARS.len() - 1)).div_ceil(most)],
    };
    (counts.iter().map(bar).collect(), longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_how_many_have_each_length() {
        assert_eq!(histogram(&[1, 1, 1, 1, 2, 4], 4), ("█▃ ▃".to_owned(), 4));
        assert_eq!(histogram(&[], 20), (" ".to_owned(), 1));
        let (bars, longest) = histogram(&(1..=100).collect::<Vec<_>>(), 10);
        assert_eq!((bars.chars().count(), longest), (10, 100));
    }
}
