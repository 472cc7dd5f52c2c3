//! Draws the state; changes nothing.
//!
//! ```text
//! tvae-tui  python · 4.5 M parameters · 8×32 latents                     ready
//!      A x = 1                                             = comes back exactly
//!      B return self.name                                  ≠ comes back changed
//!   0.00 x = 1                                                                ✓
//!   …
//!   1.00 return self.value                                                    ✓
//! 7/9 valid between the ends · path per-token
//!        ╶────────────┼──────────●──────────────┼────────────╴
//! t = 0.50  decode at the slider                                             ✓
//! ←→ slide  r random  a type A  b type B  x swap  p path  ? help  q quit
//! ```

use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use ratatui::Frame;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::hit::{column_of, Hit, HitMap};
use super::theme::Theme;
use crate::app::{Command, EditedEnd, Notice, RungView, State, COMMANDS};
use crate::domain::Verdict;
use crate::report::visible;

/// Below this nothing useful fits.
const SMALLEST: (u16, u16) = (24, 5);
/// Below this only the ladder and the slider's value are shown.
const SMALL: (u16, u16) = (60, 16);
/// Columns of a ratio, `" 0.50  "`.
const RATIO: u16 = 7;

/// Draws the whole screen and tells where things are.
#[must_use]
pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>) -> HitMap {
    let area = frame.area();
    let mut screen = Screen { theme, hits: HitMap::default() };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let middle = Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area };
        let text = Paragraph::new("make the window larger").alignment(Alignment::Center);
        frame.render_widget(text, middle);
        return screen.hits;
    }
    if area.width < SMALL.0 || area.height < SMALL.1 {
        screen.small(state, frame, area);
    } else {
        screen.whole(state, frame, area);
    }
    if state.help {
        screen.help(frame, area);
    }
    screen.hits
}

struct Screen<'a> {
    theme: &'a Theme,
    hits: HitMap,
}

/// One row of an area, `y` from its top.
fn row(area: Rect, y: u16) -> Rect {
    Rect { y: area.y + y.min(area.height), height: u16::from(y < area.height), ..area }
}

impl Screen<'_> {
    /// The ladder and the slider's value.
    fn small(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let ladder = Rect { height: area.height - 2, ..area };
        self.ladder(state, frame, ladder);
        match &state.editing {
            Some(_) => self.end(state, EditedEnd::A, frame, row(area, area.height - 2)),
            None => self.slider(state, frame, row(area, area.height - 2)),
        }
        let text = format!("t = {:.3}  {}", state.point.ratio, visible(&state.point.text));
        let line = self.judged(&text, Style::new(), state.point.verdict.as_ref(), area.width);
        let line = match &state.notice {
            Notice::Error(message) => {
                Line::styled(fit(&visible(message), area.width), self.theme.bad)
            }
            Notice::Status(_) => line,
        };
        frame.render_widget(line, row(area, area.height - 1));
    }

    fn whole(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let roomy = area.height >= 30;
        self.title(state, frame, row(area, 0));
        let mut y = if roomy { 2 } else { 1 };
        self.end(state, EditedEnd::A, frame, row(area, y));
        self.end(state, EditedEnd::B, frame, row(area, y + 1));
        y += if roomy { 3 } else { 2 };
        let below = if roomy { 11 } else { 6 };
        let room = area.height.saturating_sub(y + below);
        let count = room.min(state.rungs.len() as u16);
        self.ladder(state, frame, Rect { y: area.y + y, height: count, ..area });
        y += count + u16::from(roomy);
        self.summary(state, frame, row(area, y));
        y += if roomy { 2 } else { 1 };
        self.slider(state, frame, row(area, y));
        self.marks(frame, row(area, y + 1));
        y += if roomy { 3 } else { 2 };
        let framed = area.height.saturating_sub(y) > 4;
        self.point(state, frame, area, y, framed);
        self.footer(state, frame, row(area, area.height - 1));
    }

    fn title(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let mut spans = vec![Span::styled("tvae-tui", self.theme.title)];
        if let Some(m) = &state.model {
            let millions = m.parameters as f64 / 1e6;
            spans.push(Span::raw(format!("  {}", visible(&m.name))));
            let domain =
                if m.domain == m.name { String::new() } else { format!(" · {}", m.domain) };
            let shape = format!(
                "{domain} · {millions:.1} M parameters · {}×{} latents",
                m.latent_tokens, m.latent_size
            );
            spans.push(Span::styled(shape, self.theme.dim));
        }
        frame.render_widget(Line::from(spans), area);
        if let Notice::Status(text) = &state.notice {
            let line = Line::styled(text.clone(), self.theme.dim).alignment(Alignment::Right);
            // Only where it does not run into the title.
            let width = text.width() as u16;
            if area.width > width {
                let place = Rect { x: area.right() - width, width, ..area };
                frame.render_widget(line, place);
            }
        }
    }

    /// An end with whether it comes back, or the field in which it is typed.
    fn end(&mut self, state: &State, end: EditedEnd, frame: &mut Frame<'_>, area: Rect) {
        let end = match (&state.editing, area.width < SMALL.0) {
            (Some(editing), true) => editing.end,
            _ => end,
        };
        let (name, text) = match end {
            EditedEnd::A => ("A", &state.ends.a),
            EditedEnd::B => ("B", &state.ends.b),
        };
        if let Some(editing) = state.editing.as_ref().filter(|e| e.end == end) {
            let prefix = format!("{name:>5} › ");
            let room = area.width.saturating_sub(prefix.width() as u16 + 1);
            let shown = visible(editing.input.value()).into_owned();
            let before: String =
                editing.input.value().chars().take(editing.input.cursor()).collect();
            let cursor = visible(&before).width() as u16;
            let skip = cursor.saturating_sub(room);
            let line = Line::from(vec![
                Span::styled(prefix.clone(), self.theme.chosen),
                Span::raw(clip(&shown, skip, room)),
            ]);
            frame.render_widget(line, area);
            let x = area.x + prefix.width() as u16 + cursor - skip;
            frame.set_cursor_position((x.min(area.right().saturating_sub(1)), area.y));
            return;
        }
        let (sign, style) = match state.reconstructed(end) {
            Some(true) => ("= comes back exactly", self.theme.good),
            Some(false) => ("≠ comes back changed", self.theme.bad),
            None => ("…", self.theme.dim),
        };
        // The same columns as the rungs below.
        let room = area.width.saturating_sub(RATIO + 1 + sign.width() as u16);
        let text = fit(&visible(text), room);
        let pad = usize::from(room + 1) - text.width().min(usize::from(room));
        let line = Line::from(vec![
            Span::styled(format!("{name:>6} "), self.theme.title),
            Span::raw(text),
            Span::raw(" ".repeat(pad)),
            Span::styled(sign, style),
        ]);
        frame.render_widget(line, area);
        self.hits.add(area, Hit::Command(Command::Type(end)));
    }

    /// The rungs; where they do not all fit, those around the slider.
    fn ladder(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let (count, room) = (state.rungs.len(), usize::from(area.height));
        let chosen = state.nearest_rung();
        let first = chosen.saturating_sub(room / 2).min(count.saturating_sub(room));
        for (y, index) in (first..count.min(first + room)).enumerate() {
            let place = row(area, y as u16);
            let above = index.checked_sub(1).and_then(|i| state.rungs.get(i));
            let line = self.rung(&state.rungs[index], above, index == chosen, place.width);
            frame.render_widget(line, place);
            self.hits.add(place, Hit::Rung(index));
        }
    }

    fn rung(
        &self,
        rung: &RungView,
        above: Option<&RungView>,
        chosen: bool,
        width: u16,
    ) -> Line<'static> {
        let mark = if chosen { "▸" } else { " " };
        let ratio_style = if chosen { self.theme.chosen } else { self.theme.dim };
        let (verdict, verdict_style) = self.verdict(rung.verdict.as_ref());
        // The reason takes what the text leaves, half of the line at most.
        let text = visible(&rung.text);
        let room = width.saturating_sub(RATIO + 1);
        let half = room / 2;
        let least = 1.max(room.saturating_sub(text.width() as u16 + 1).max(half));
        let verdict = fit(&verdict, least.min(room));
        let room = room.saturating_sub(verdict.width() as u16);
        let text = fit(&text, room);
        let pad = usize::from(room) - text.width().min(usize::from(room));
        let mut spans = vec![Span::styled(format!("{mark}{:>5.2} ", rung.ratio), ratio_style)];
        if rung.verdict.is_none() {
            spans.push(Span::styled(text, self.theme.dim));
        } else {
            let (start, end) = above.map_or((0, 0), |a| changed(&visible(&a.text), &text));
            spans.push(Span::raw(text[..start].to_owned()));
            spans.push(Span::styled(text[start..end].to_owned(), self.theme.changed));
            spans.push(Span::raw(text[end..].to_owned()));
        }
        spans.push(Span::raw(" ".repeat(pad + 1)));
        spans.push(Span::styled(verdict, verdict_style));
        Line::from(spans)
    }

    /// `✓`, or `✗` with column and reason.
    fn verdict(&self, verdict: Option<&Verdict>) -> (String, Style) {
        match verdict {
            None => ("…".to_owned(), self.theme.dim),
            Some(Verdict::Valid) => ("✓".to_owned(), self.theme.good),
            Some(Verdict::Invalid { line: 1, column, message }) => {
                (format!("✗ {column}: {}", visible(message)), self.theme.bad)
            }
            Some(Verdict::Invalid { line, column, message }) => {
                (format!("✗ {line}:{column}: {}", visible(message)), self.theme.bad)
            }
        }
    }

    /// A text with its verdict behind it.
    fn judged(
        &self,
        text: &str,
        style: Style,
        verdict: Option<&Verdict>,
        width: u16,
    ) -> Line<'static> {
        let (verdict, verdict_style) = self.verdict(verdict);
        let room = width.saturating_sub(2);
        let verdict = fit(&verdict, room.saturating_sub(text.width() as u16).max(1));
        let text = fit(text, room.saturating_sub(verdict.width() as u16));
        Line::from(vec![
            Span::styled(text, style),
            Span::raw("  "),
            Span::styled(verdict, verdict_style),
        ])
    }

    fn summary(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let valid = match state.interior_validity() {
            Some((valid, all)) => format!("{valid}/{all} valid between the ends"),
            None => "decoding the ladder …".to_owned(),
        };
        let text = format!("{valid} · path {} · {} rungs", state.ends.path, state.rungs.len());
        frame.render_widget(Line::styled(fit(&text, area.width), self.theme.dim), area);
    }

    fn slider(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let track = track(area);
        let handle = column_of(track, state.point.ratio);
        let ends = [column_of(track, 0.0), column_of(track, 1.0)];
        let mut spans = Vec::with_capacity(usize::from(track.width));
        for x in track.x..track.right() {
            spans.push(if x == handle {
                Span::styled("●", self.theme.chosen)
            } else if ends.contains(&x) {
                Span::raw("┼")
            } else if x < ends[0] || x > ends[1] {
                Span::styled("╌", self.theme.dim)
            } else {
                Span::raw("─")
            });
        }
        frame.render_widget(Line::from(spans), track);
        self.hits.add(track, Hit::Slider);
    }

    fn marks(&self, frame: &mut Frame<'_>, area: Rect) {
        let track = track(area);
        for (ratio, label) in [(-0.5, "-0.5"), (0.0, "A"), (0.5, "0.5"), (1.0, "B"), (1.5, "1.5")] {
            let width = label.len() as u16;
            let x = column_of(track, ratio).saturating_sub(width / 2);
            let x = x.clamp(area.x, area.right().saturating_sub(width));
            let place = Rect { x, width, ..area };
            frame.render_widget(Line::styled(label, self.theme.dim), place);
        }
    }

    /// The decode at the slider: framed where there is room.
    fn point(&self, state: &State, frame: &mut Frame<'_>, area: Rect, y: u16, framed: bool) {
        let ratio = format!("t = {:.3}", state.point.ratio);
        let style = if state.point.verdict.is_some() { Style::new() } else { self.theme.dim };
        let text = visible(&state.point.text);
        if !framed {
            let line = self.judged(
                &format!("{ratio}  {text}"),
                style,
                state.point.verdict.as_ref(),
                area.width,
            );
            frame.render_widget(line, row(area, y));
            return;
        }
        let place = Rect { y: area.y + y, height: 4, ..area }.intersection(area);
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.theme.dim)
            .title(Span::styled(format!(" {ratio} "), self.theme.chosen))
            .padding(Padding::horizontal(1));
        let inner = block.inner(place);
        frame.render_widget(block, place);
        let (verdict, verdict_style) = self.verdict(state.point.verdict.as_ref());
        let text = Line::styled(
            fit(&text, inner.width),
            style.add_modifier(ratatui::style::Modifier::BOLD),
        );
        frame.render_widget(text, row(inner, 0));
        frame.render_widget(Line::styled(fit(&verdict, inner.width), verdict_style), row(inner, 1));
    }

    fn footer(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        if let Notice::Error(message) = &state.notice {
            let text = format!("✗ {}  (q quits)", visible(message));
            frame.render_widget(Line::styled(fit(&text, area.width), self.theme.bad), area);
            return;
        }
        if state.editing.is_some() {
            let text = "enter decodes · esc leaves the end as it was";
            frame.render_widget(Line::styled(text, self.theme.dim), area);
            return;
        }
        let mut x = area.x;
        for entry in COMMANDS.iter().filter(|e| !e.hint.is_empty()) {
            let key = if entry.hint == "slide" { "←→" } else { entry.keys[0] };
            let width = (key.width() + entry.hint.width() + 3) as u16;
            if x + width > area.right() {
                break;
            }
            let place = Rect { x, width, ..area };
            let line = Line::from(vec![
                Span::styled(key, self.theme.key),
                Span::styled(format!(" {}", entry.hint), self.theme.dim),
            ]);
            frame.render_widget(line, place);
            if entry.hint != "slide" {
                self.hits.add(place, Hit::Command(entry.command));
            }
            x += width;
        }
    }

    fn help(&self, frame: &mut Frame<'_>, area: Rect) {
        let entries: Vec<_> = COMMANDS.iter().filter(|e| !e.help.is_empty()).collect();
        let lines: Vec<Line<'_>> = entries
            .iter()
            .map(|e| {
                let keys = e.keys.join(" ");
                Line::from(vec![
                    Span::styled(format!("{keys:<18}"), self.theme.key),
                    Span::raw(e.help),
                ])
            })
            .chain(["mouse             drag the slider, click a rung, end or hint".into()])
            .collect();
        let (width, height) = (66.min(area.width), (lines.len() as u16 + 2).min(area.height));
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .title(Span::styled(" help ", self.theme.title))
            .padding(Padding::horizontal(1));
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
    }
}

/// The slider's place: a little inside of its row.
fn track(area: Rect) -> Rect {
    let inset = if area.width > 40 { 3 } else { 0 };
    Rect { x: area.x + inset, width: area.width - 2 * inset, ..area }
}

/// The part of `text` that differs from the line above: where the common start ends and the common end begins.
fn changed(above: &str, text: &str) -> (usize, usize) {
    let start: usize = above
        .chars()
        .zip(text.chars())
        .take_while(|(a, b)| a == b)
        .map(|(_, b)| b.len_utf8())
        .sum();
    let (above, rest) = (&above[start.min(above.len())..], &text[start..]);
    let end: usize = above
        .chars()
        .rev()
        .zip(rest.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(_, b)| b.len_utf8())
        .sum();
    (start, text.len() - end)
}

/// `text` in at most `width` columns, cut with `…`.
fn fit(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        out.push(c);
        used += w;
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// The part of `text` from column `skip` on that fits in `width` columns.
fn clip(text: &str, skip: u16, width: u16) -> String {
    let (mut at, mut out) = (0, String::new());
    for c in text.chars() {
        let w = c.width().unwrap_or(0) as u16;
        if at >= skip && at + w <= skip + width {
            out.push(c);
        }
        at += w;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changed_part_is_between_common_start_and_end() {
        assert_eq!(changed("x = f(1)", "x = g(1)"), (4, 5));
        assert_eq!(changed("aa", "aaa"), (2, 3));
        assert_eq!(changed("é1", "é2"), (2, 3));
        assert_eq!(changed("same", "same"), (4, 4));
        assert_eq!(changed("longer", "lr"), (1, 1));
    }

    #[test]
    fn text_is_cut_to_columns_not_to_characters() {
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(clip("abcdef", 2, 3), "cde");
    }
}
