//! Lines over the steps of a run, with a cursor that reads them off.
//!
//! ```text
//! ╭ loss · cross entropy ⠶ regulariser • ──╮
//! │5.20│⠑⢄                                 │
//! │    │  ⠉⠒⠤⣀⡀                            │
//! │2.10│       ⠈⠉⠉⠒⠒⠤⠤⠤⣀⣀⣀                 │
//! │    ╰───────────────────                │
//! │   0                                640 │
//! ╰────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, BorderType, Chart, Dataset, GraphType, Widget};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::app::Series;

/// What each line is drawn with, so that colour is not all that tells them apart.
const MARKERS: [(Marker, &str); 4] =
    [(Marker::Braille, "⠶"), (Marker::Dot, "•"), (Marker::Bar, "▄"), (Marker::Block, "█")];

/// One chart.
pub struct LineChart<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// Its lines.
    pub series: &'a [Series],
    /// Whether the scale is logarithmic.
    pub log: bool,
    /// Steps that it shows, from and to.
    pub steps: (f64, f64),
    /// The step that is read off.
    pub cursor: Option<f64>,
    /// Whether it has the keys.
    pub focused: bool,
    /// Its colours.
    pub theme: &'a Theme,
}

impl LineChart<'_> {
    /// Where its lines are drawn when the chart takes `area`: what a mouse points at.
    #[must_use]
    pub fn plot(&self, area: Rect) -> Rect {
        let inner = Block::bordered().inner(area);
        let left = (self.label_width() as u16).min(inner.width / 3) + 1;
        Rect {
            x: inner.x + left.min(inner.width),
            width: inner.width.saturating_sub(left),
            height: inner.height.saturating_sub(2),
            ..inner
        }
    }

    /// The lines within the steps that are shown, on the scale.
    fn lines(&self) -> Vec<Vec<(f64, f64)>> {
        let (from, to) = self.steps;
        let scaled = |value: f64| if self.log { value.log10() } else { value };
        let lines = self.series.iter().map(|series| {
            let shown = series.points.iter().filter(|(x, _)| (from..=to).contains(x));
            // A logarithm shows what is above 0.
            let shown = shown.map(|&(x, y)| (x, scaled(y))).filter(|(_, y)| y.is_finite());
            shown.collect()
        });
        lines.collect()
    }

    /// The lowest and the highest value, a little apart.
    fn bounds(lines: &[Vec<(f64, f64)>]) -> (f64, f64) {
        let values = || lines.iter().flatten().map(|(_, y)| *y);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if !low.is_finite() {
            return (0.0, 1.0);
        }
        let room = if high > low { 0.05 * (high - low) } else { 0.05 * high.abs().max(1e-9) };
        // What is never below 0 is not drawn as if it could be.
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        ((low - room).max(floor), high + room)
    }

    fn label(&self, value: f64) -> String {
        number(if self.log { 10f64.powf(value) } else { value })
    }

    fn label_width(&self) -> usize {
        let (low, high) = Self::bounds(&self.lines());
        self.label(low).width().max(self.label(high).width())
    }

    /// The title with the name, sign and colour of every line.
    fn heading(&self, width: u16) -> Line<'static> {
        let mut spans = vec![Span::styled(format!(" {} ", self.title), self.theme.title)];
        if self.series.len() > 1 {
            for (at, series) in self.series.iter().enumerate().take(MARKERS.len()) {
                spans.push(Span::styled(
                    format!("{} {} ", MARKERS[at].1, series.name),
                    self.style(at),
                ));
            }
        }
        if self.log {
            spans.push(Span::styled("log ", self.theme.dim));
        }
        let mut line = Line::from(spans);
        while line.width() > usize::from(width) && line.spans.len() > 1 {
            line.spans.pop();
        }
        line
    }

    fn style(&self, series: usize) -> Style {
        self.theme.series[series % self.theme.series.len()]
    }
}

impl Widget for LineChart<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let border = if self.focused { self.theme.border_focused } else { self.theme.border };
        let block = Block::bordered()
            .border_type(if self.focused { BorderType::Thick } else { BorderType::Rounded })
            .border_style(border)
            .title(self.heading(area.width.saturating_sub(2)));
        let lines = self.lines();
        if lines.iter().all(Vec::is_empty) {
            let inner = block.inner(area);
            block.render(area, buffer);
            Line::styled("nothing yet", self.theme.dim).render(inner, buffer);
            return;
        }
        let (low, high) = Self::bounds(&lines);
        let cursor = self.cursor.map(|step| [(step, low), (step, high)]);
        let mut sets = Vec::new();
        if let Some(cursor) = &cursor {
            sets.push(
                Dataset::default()
                    .marker(Marker::Braille)
                    .graph_type(GraphType::Line)
                    .style(self.theme.dim)
                    .data(cursor),
            );
        }
        // The thin ones last: what is drawn later lies on top.
        for (at, line) in lines.iter().enumerate().take(MARKERS.len()).rev() {
            let graph = if line.len() > 1 { GraphType::Line } else { GraphType::Scatter };
            let marker = MARKERS[at].0;
            sets.push(
                Dataset::default()
                    .marker(marker)
                    .graph_type(graph)
                    .style(self.style(at))
                    .data(line),
            );
        }
        let (from, to) = self.steps;
        let width = self.label_width();
        let y = [low, high].map(|value| format!("{:>width$}", self.label(value)));
        Chart::new(sets)
            .block(block)
            .legend_position(None)
            .x_axis(
                Axis::default()
                    .bounds([from, to.max(from + 1.0)])
                    .labels([format!("{from:.0}"), format!("{to:.0}")])
                    .style(self.theme.dim),
            )
            .y_axis(Axis::default().bounds([low, high]).labels(y).style(self.theme.dim))
            .render(area, buffer);
    }
}

/// A number in few characters: `0.25`, `1.2e-4`, `3.4k`.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{value:.1e}"),
        size if size < 0.1 => format!("{value:.4}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 1e4 => format!("{value:.0}"),
        size if size < 1e7 => format!("{:.1}k", value / 1e3),
        _ => format!("{:.1}M", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Depth, ThemeName};

    fn chart<'a>(series: &'a [Series], theme: &'a Theme) -> LineChart<'a> {
        LineChart {
            title: "loss",
            series,
            log: false,
            steps: (0.0, 100.0),
            cursor: None,
            focused: false,
            theme,
        }
    }

    #[test]
    fn numbers_are_short_and_keep_what_matters() {
        for (value, text) in [
            (0.0, "0"),
            (0.00012, "1.2e-4"),
            (0.0341, "0.0341"),
            (2.345, "2.35"),
            (1520.4, "1520"),
            (15204.0, "15.2k"),
            (-3.0, "-3.00"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_logarithm_leaves_out_what_it_cannot_show() {
        let theme = Theme::new(ThemeName::Plain, Depth::Ansi);
        let series = [Series { name: "a", points: vec![(1.0, 0.0), (2.0, 10.0), (3.0, 100.0)] }];
        let chart = LineChart { log: true, ..chart(&series, &theme) };
        assert_eq!(chart.lines(), [vec![(2.0, 1.0), (3.0, 2.0)]]);
    }

    #[test]
    fn the_plot_is_where_the_lines_are_drawn() {
        let theme = Theme::new(ThemeName::Plain, Depth::Ansi);
        let points = (0..=100).map(|x| (f64::from(x), f64::from(x) * 3.0)).collect();
        let series = [Series { name: "a", points }];
        let area = Rect::new(0, 0, 40, 12);
        let plot = chart(&series, &theme).plot(area);
        let mut buffer = Buffer::empty(area);
        chart(&series, &theme).render(area, &mut buffer);
        let is_line = |x: u16, y: u16| {
            buffer[(x, y)].symbol().chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
        };
        let drawn: Vec<u16> = (0..40).filter(|&x| (0..12).any(|y| is_line(x, y))).collect();
        assert_eq!((drawn.first(), drawn.last()), (Some(&plot.x), Some(&(plot.right() - 1))));
    }
}
