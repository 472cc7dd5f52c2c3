//! A run that goes on: how far it is, its charts, the ladder that is decoded again and again, and a few lines.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;
use unicode_width::UnicodeWidthStr;

use super::super::text::fit;
use super::super::{row, Screen};
use crate::app::{Chart, RunState, RunView, StepFigures};
use crate::domain::{domain, Domain, Picture};
use crate::report::{changed, visible};
use crate::train::{clock, ShownLadder};
use crate::tui::chart::{number, LineChart};
use crate::tui::glyph::{caption, thumbnail, FilmStrip, StripItem};
use crate::tui::highlight::{self, Syntax};
use crate::tui::hit::Hit;

/// Rows of the charts, with their frames, where there is room.
const CHART: u16 = 12;
/// Rows of a ladder with its heading.
const LADDER: u16 = 12;
/// From this width on two charts stand side by side.
const WIDE: u16 = 100;
/// Cells of a picture within a line.
const THUMBNAIL: usize = 5;
/// Reports of the chart of the recent ones, at least.
const FEWEST: usize = 8;
/// Dots of a chart's column.
const DOTS: usize = 2;

/// What a place of a chart shows.
struct Pane<'a> {
    chart: Chart,
    steps: (f64, f64),
    title: &'a str,
    focused: bool,
}

impl Screen<'_> {
    pub(super) fn run(&mut self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        self.gauge(run, frame, row(area, 0));
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if let RunState::Failed(message) = &run.state {
            let text = Paragraph::new(visible(message).into_owned()).wrap(Wrap { trim: true });
            let place = Rect { height: body.height.min(3), ..body };
            frame.render_widget(text.style(self.theme.bad), place);
            let rest =
                Rect { y: body.y + place.height, height: body.height - place.height, ..body };
            return self.run_body(run, frame, rest);
        }
        self.run_body(run, frame, body);
    }

    fn run_body(&mut self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        if run.steps.is_empty() && run.ladders.is_empty() {
            let notes: Vec<Line<'_>> =
                run.notes.iter().map(|note| Line::raw(visible(note).into_owned())).collect();
            return frame.render_widget(Paragraph::new(notes).wrap(Wrap { trim: true }), area);
        }
        // The ladder is what a person watches: charts take what it leaves, and go where that is too little.
        let charts = area.height.saturating_sub(LADDER + 1).min(CHART);
        let charts = if charts >= 5 { charts } else { 0 };
        if charts > 0 {
            self.charts(run, frame, Rect { height: charts, ..area });
        }
        let below = area.height - charts;
        let values = u16::from(below > 4);
        if values == 1 {
            let line = self.values(run, area.width);
            frame.render_widget(line, row(area, charts));
        }
        let rest =
            Rect { y: area.y + charts + values, height: below.saturating_sub(values), ..area };
        if area.width < WIDE || rest.height < LADDER {
            return self.moment(run, frame, rest);
        }
        let side = area.width * 2 / 5;
        let left = Rect { width: area.width - side - 1, ..rest };
        let right = Rect { x: left.right() + 1, width: side, ..rest };
        self.moment(run, frame, left);
        let second = if run.chart == Chart::HeldOut { Chart::Loss } else { Chart::HeldOut };
        let height = right.height.min(CHART);
        let pane = Pane { chart: second, steps: whole(run), title: second.title(), focused: false };
        self.chart(run, &pane, frame, Rect { height, ..right });
        let rest = Rect { y: right.y + height, height: right.height - height, ..right };
        self.evaluation(run, frame, rest);
    }

    /// What the run is doing, how much of it is done, and when it will be over.
    fn gauge(&self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        let style = match run.state {
            RunState::Failed(_) => self.theme.bad,
            RunState::Paused | RunState::Pausing | RunState::Stopping => self.theme.warning,
            _ => self.theme.good,
        };
        let mut spans = vec![Span::styled(format!("{:<9} ", run.state.word()), style)];
        if let RunState::Preparing(stage) = &run.state {
            spans.push(Span::raw(fit(&visible(stage), area.width.saturating_sub(10))));
            return frame.render_widget(Line::from(spans), area);
        }
        let (progress, step) = run.last().map_or((0.0, 0), |last| (last.progress, last.step));
        let mut parts = vec![format!("{:3.0} %", 100.0 * progress), format!("step {step}")];
        if let Some(left) = run.seconds_left().filter(|_| !run.state.is_over()) {
            parts.push(format!("{} left", clock(left)));
        }
        if let Some(last) = run.last() {
            parts.push(format!("{} tokens/s", number(last.tokens_per_second)));
        }
        if let Some(saved) = run.saved {
            parts.push(format!("saved at {saved}"));
        }
        if (run.rate - 1.0).abs() > 1e-9 {
            parts.push(format!("rate × {:.2}", run.rate));
        }
        let text = parts.join("  ");
        let room = usize::from(area.width).saturating_sub(12 + text.width());
        let width = room.min(40);
        let full = (progress.clamp(0.0, 1.0) * width as f64).round() as usize;
        spans.push(Span::styled("█".repeat(full), self.theme.handle));
        spans.push(Span::styled("░".repeat(width - full), self.theme.track));
        spans.push(Span::raw(format!(" {text}")));
        frame.render_widget(Line::from(spans), area);
    }

    /// The chosen chart: its last reports, each with a dot of its own, beside all of them.
    fn charts(&mut self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        let all = whole(run);
        let (chart, title) = (run.chart, run.chart.title());
        if area.width < 60 {
            let pane = Pane { chart, steps: all, title, focused: true };
            return self.chart(run, &pane, frame, area);
        }
        let width = area.width / 2;
        let left = Rect { width, ..area };
        let right = Rect { x: area.x + width, width: area.width - width, ..area };
        // A quarter of the reports, each with a dot of its own.
        let dots = usize::from(width.saturating_sub(10)) * DOTS;
        let recent = (run.steps.len() / 4).clamp(FEWEST, FEWEST.max(dots));
        let first = run.steps.len().saturating_sub(recent);
        let from = run.steps.get(first).map_or(0.0, |figures| figures.step as f64);
        let recent = format!("{title} · recent");
        let pane = Pane { chart, steps: (from, all.1), title: &recent, focused: true };
        self.chart(run, &pane, frame, left);
        let pane = Pane { chart, steps: all, title: &format!("{title} · all"), focused: false };
        self.chart(run, &pane, frame, right);
    }

    fn chart(&mut self, run: &RunView, pane: &Pane<'_>, frame: &mut Frame<'_>, area: Rect) {
        let &Pane { chart, steps, title, focused } = pane;
        let series = run.series(chart);
        let cursor = run.cursor.and_then(|at| run.steps.get(at)).map(|figures| figures.step as f64);
        let cursor = cursor.filter(|step| (steps.0..=steps.1).contains(step));
        let theme = self.theme;
        let drawn =
            LineChart { title, series: &series, log: run.log, steps, cursor, focused, theme };
        let (from, to) = (steps.0 as usize, steps.1 as usize);
        self.hits.add(drawn.plot(area), Hit::Steps { from, to });
        frame.render_widget(drawn, area);
    }

    /// The figures of the step that is read off.
    fn values(&self, run: &RunView, width: u16) -> Line<'static> {
        let Some(f) = run.read_off() else { return Line::default() };
        let StepFigures { cross_entropy, regulariser, learning_rate, grad_norm, .. } = f;
        let mut parts =
            vec![format!("step {}", f.step), format!("cross entropy {cross_entropy:.3}")];
        parts.extend(f.blend.map(|blend| format!("between {blend:.3}")));
        parts.push(format!("regulariser {}", number(*regulariser)));
        parts.push(format!("rate {}", number(*learning_rate)));
        parts.push(format!("norm {}", number(*grad_norm)));
        parts.push(format!("{} lines", number(f.lines as f64)));
        let held_out = run.series(Chart::HeldOut);
        for series in held_out.iter().take(4) {
            if let Some(value) = series.at(f.step as f64) {
                parts.push(format!("{} {value:.1}", series.name.trim_end_matches(" %")));
            }
        }
        let style = if run.cursor.is_some() { self.theme.chosen } else { self.theme.dim };
        Line::styled(fit(&parts.join(" · "), width), style)
    }

    /// The pinned ladder of the moment that is shown, and what a few lines came back as.
    fn moment(&mut self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        let Some((at, (step, ladder))) =
            run.shown_moment().and_then(|at| Some((at, run.ladders.get(at)?)))
        else {
            return;
        };
        let domain = domain(&run.config.domain).ok();
        let interior = ladder.rungs.get(1..ladder.rungs.len().saturating_sub(1)).unwrap_or(&[]);
        let valid = interior.iter().filter(|rung| rung.valid).count();
        let heading = format!(
            "ladder at step {step} ({} of {}) · {valid}/{} valid",
            at + 1,
            run.ladders.len(),
            interior.len()
        );
        let style = if run.moment.is_some() { self.theme.chosen } else { self.theme.title };
        frame.render_widget(Line::styled(fit(&heading, area.width), style), row(area, 0));
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let pictures: Option<Vec<Picture>> = domain.and_then(|domain| {
            ladder.rungs.iter().map(|rung| domain.picture(&rung.text)).collect()
        });
        let used = match &pictures {
            Some(pictures) => self.moment_film(ladder, pictures, domain, frame, below),
            None => self.moment_rungs(ladder, domain, frame, below),
        };
        let rest = Rect { y: below.y + used, height: below.height.saturating_sub(used), ..below };
        self.moment_lines(run, *step, domain, frame, rest);
    }

    fn moment_rungs(
        &self,
        ladder: &ShownLadder,
        domain: Option<&dyn Domain>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) -> u16 {
        let count = ladder.rungs.len();
        let room = usize::from(area.height).min(count);
        // Where not all fit, they are thinned out evenly: the ends always stand.
        let shown = (0..room).map(|y| if room < 2 { 0 } else { y * (count - 1) / (room - 1) });
        let mut above = &*ladder.a;
        for (y, at) in shown.enumerate() {
            let rung = &ladder.rungs[at];
            let (mark, style) = self.valid(rung.valid, domain);
            let spans = match domain {
                Some(domain) => {
                    let changed = changed(above, &rung.text, |text| domain.units(text));
                    let marks = domain.marks(&rung.text);
                    highlight::spans(&rung.text, &marks, &changed, &Syntax::new(self.theme))
                }
                None => vec![Span::raw(visible(&rung.text).into_owned())],
            };
            let mut line = vec![
                Span::styled(format!("{:>6.2} ", rung.ratio), self.theme.dim),
                Span::styled(format!("{mark} "), style),
            ];
            line.extend(highlight::cut(spans, area.width.saturating_sub(9)));
            frame.render_widget(Line::from(line), row(area, y as u16));
            above = &rung.text;
        }
        room as u16
    }

    fn moment_film(
        &self,
        ladder: &ShownLadder,
        pictures: &[Picture],
        domain: Option<&dyn Domain>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) -> u16 {
        let size = |of: &dyn Fn(&Picture) -> usize| pictures.iter().map(of).max().unwrap_or(0);
        let (width, height) = (size(&Picture::width), size(&Picture::height));
        if width == 0 || height == 0 {
            // A model that has learnt nothing draws nothing.
            frame.render_widget(Line::styled("  no pictures yet", self.theme.dim), row(area, 0));
            return 1;
        }
        let room = Rect { height: area.height.saturating_sub(area.height / 3), ..area };
        let mode = self.painter.mode();
        let count = pictures.len();
        let strip = FilmStrip::new(room, count, count / 2, (width, height), mode);
        let pictures: Vec<Picture> =
            pictures.iter().map(|picture| picture.clone().cropped(width, height)).collect();
        let item = |at: usize| {
            let rung = ladder.rungs.get(at)?;
            let (sign, style) = self.valid(rung.valid, domain);
            let place = format!("{:.2}", rung.ratio);
            let caption = caption(&place, (sign.to_owned(), style), false, self.theme);
            Some(StripItem { picture: pictures.get(at)?, caption })
        };
        strip.draw(item, self.painter, frame.buffer_mut());
        let end = strip.frames.iter().map(|frame| frame.place.bottom()).max();
        end.map_or(0, |bottom| bottom - area.y)
    }

    fn moment_lines(
        &self,
        run: &RunView,
        step: usize,
        domain: Option<&dyn Domain>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let at = run.samples.partition_point(|(at, _)| *at <= step);
        let Some((_, samples)) = at.checked_sub(1).and_then(|at| run.samples.get(at)) else {
            return;
        };
        let shown = |text: &str| match domain.and_then(|domain| domain.picture(text)) {
            Some(picture) => thumbnail(&picture, THUMBNAIL),
            None => visible(text).into_owned(),
        };
        // Two rows each, behind a heading with a blank line in front.
        let room = usize::from(area.height.saturating_sub(2)) / 2;
        if room == 0 || samples.is_empty() {
            return;
        }
        let mut lines = vec![
            Line::default(),
            Line::styled("held-out lines and what comes back", self.theme.title),
        ];
        for sample in samples.iter().take(room) {
            let same = sample.text == sample.decoded;
            let (mark, style) =
                if same { ("=", self.theme.good) } else { ("≠", self.theme.warning) };
            let text = fit(&shown(&sample.text), area.width.saturating_sub(4));
            lines.push(Line::styled(format!("    {text}"), self.theme.dim));
            let text = fit(&shown(&sample.decoded), area.width.saturating_sub(4));
            lines
                .push(Line::from(vec![Span::styled(format!("  {mark} "), style), Span::raw(text)]));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// The last figures on held-out lines.
    fn evaluation(&self, run: &RunView, frame: &mut Frame<'_>, area: Rect) {
        let step = run.shown_moment().and_then(|at| run.ladders.get(at)).map(|(step, _)| *step);
        let at = run.evaluations.partition_point(|(at, _)| Some(*at) <= step);
        let Some((step, figures)) = at.checked_sub(1).and_then(|at| run.evaluations.get(at)) else {
            return;
        };
        let line = |name: &str, value: f64| {
            Line::from(vec![
                Span::styled(format!("  {name:<22}"), self.theme.dim),
                Span::raw(format!("{:5.1} %", 100.0 * value)),
            ])
        };
        let mut lines = vec![
            Line::styled(format!("figures at step {step}"), self.theme.title),
            line("tokens right", figures.token_accuracy),
            line("lines exact", figures.exact_match),
            line("interior rungs valid", figures.interior_validity),
            line("rungs that copy an end", figures.copy_rate),
            line("distinct rungs", figures.distinct),
        ];
        match figures.mean_absolute_error {
            Some(error) => lines.push(line("error of pixels", error)),
            // Pictures have no pieces that could blend.
            None => lines.push(line("rungs that blend", figures.blend_yield)),
        }
        lines.extend(figures.foreground_accuracy.map(|ink| line("ink that is ink again", ink)));
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// The steps of the whole run so far.
fn whole(run: &RunView) -> (f64, f64) {
    let last = run.last().map_or(0, |last| last.step);
    (0.0, last.max(1) as f64)
}
