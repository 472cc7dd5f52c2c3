//! The chosen sample of a list, whole: its text or picture, its label, the verdict and its attributes.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use ratatui::Frame;

use super::pictures::picture_of;
use super::text::fit;
use super::{row, Screen};
use crate::app::{Pick, Picker, RungView, State};
use crate::corpus::Example;
use crate::domain::{AttributeInfo, AttributeKind, Domain};
use crate::report::visible;

/// From this width on a list has a preview beside it.
const WIDE: u16 = 60;

/// An attribute as people read it: the name of what is there, a number with its name.
fn told(info: &AttributeInfo, value: Option<f32>) -> Option<String> {
    let value = value?;
    match info.kind {
        AttributeKind::YesNo => (value > 0.5).then(|| info.name.to_owned()),
        AttributeKind::Length => Some(format!("{} {value:.0}", info.name)),
        AttributeKind::Number if value.fract() == 0.0 => Some(format!("{} {value:.0}", info.name)),
        AttributeKind::Number => Some(format!("{} {value:.2}", info.name)),
    }
}

impl Screen<'_> {
    /// Draws the chosen sample beside the list where there is room, and tells what is left for the list.
    pub(super) fn beside(
        &self,
        pick: Pick,
        picker: &Picker,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) -> Rect {
        if !pick.is_sample() {
            return area;
        }
        if area.width < WIDE || area.height < 6 {
            return area;
        }
        let width = (area.width * 2 / 5).clamp(28, 48);
        let list = Rect { width: area.width - width - 3, ..area };
        for y in area.top()..area.bottom() {
            let place = Rect { x: list.right() + 1, y, width: 1, height: 1 };
            frame.render_widget(Span::styled("│", self.theme.border), place);
        }
        let place = Rect { x: area.right() - width, width, ..area };
        let sample = picker.chosen_item().and_then(|item| state.samples.get(item));
        if let (Some(sample), Some(domain)) = (sample, state.domain()) {
            self.preview(sample, domain, state, frame, place);
        }
        list
    }

    fn preview(
        &self,
        sample: &Example,
        domain: &dyn Domain,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let mut y = 0;
        if let Some(label) = &sample.label {
            let told = fit(&format!("label {}", visible(label)), area.width);
            frame.render_widget(Line::styled(told, self.theme.label(label)), row(area, 0));
            y = 1;
        }
        // The attributes take five rows at most, the text or picture what is left.
        let below = 5.min(area.height / 2);
        let room = area.height.saturating_sub(y + below);
        let place = Rect { y: area.y + y, height: room, ..area };
        y += match picture_of(state, &sample.text, true) {
            Some(picture) => {
                let drawn = self.painter.draw(&picture, place, frame.buffer_mut());
                (drawn.bottom() - place.y).min(room)
            }
            None => {
                // No more of it than there can be on the screen.
                let cells = usize::from(place.width) * usize::from(place.height);
                let text: String = sample.text.chars().take(cells).collect();
                let spans = self.highlighted(state, &text, &text);
                let line = Line::from(spans);
                // Breaking between words takes a little more than the columns alone.
                let rows = line.width().div_ceil(usize::from(place.width.max(1)));
                let rows = (rows + rows / 4 + usize::from(rows > 1)) as u16;
                frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: false }), place);
                rows.min(room)
            }
        };
        y += u16::from(area.height > y + below);
        let judged = RungView {
            ratio: 0.0,
            text: String::new(),
            verdict: Some(domain.verdict(&sample.text)),
            guided: false,
        };
        let (verdict, style) = self.verdict(&judged);
        frame.render_widget(Line::styled(fit(&verdict, area.width), style), row(area, y));
        let values = domain.attribute_values(&sample.text);
        let attributes = domain.attributes().iter().zip(values);
        let (there, measured): (Vec<_>, Vec<_>) =
            attributes.partition(|(info, _)| info.kind == AttributeKind::YesNo);
        let line = |of: Vec<(&AttributeInfo, Option<f32>)>| {
            let told: Vec<String> = of.into_iter().filter_map(|(i, v)| told(i, v)).collect();
            Line::from(told.join(" · "))
        };
        let lines: Vec<Line<'_>> =
            [line(there), line(measured)].into_iter().filter(|line| line.width() > 0).collect();
        let rest = Rect { y: area.y + y + 1, height: area.height.saturating_sub(y + 1), ..area };
        let facts = Paragraph::new(lines).style(self.theme.dim).wrap(Wrap { trim: true });
        frame.render_widget(facts, rest);
    }

    /// What a query can say beside letters, while nothing is typed.
    pub(super) fn query_hint(&self, pick: Pick, state: &State) -> String {
        if !pick.is_sample() {
            return String::new();
        }
        let mut hints = Vec::new();
        if let Some(label) = state.samples.iter().find_map(|sample| sample.label.as_ref()) {
            let word = label.split_whitespace().next().unwrap_or_default();
            hints.push(format!("label:{}", visible(word)));
        }
        let attributes = state.domain().map_or(&[] as &[AttributeInfo], |d| d.attributes());
        let word = |info: &AttributeInfo| info.name.replace(' ', "-");
        let has = attributes.iter().filter(|info| info.kind == AttributeKind::YesNo);
        if let Some(info) = has.clone().find(|info| info.name == "call").or(has.clone().next()) {
            hints.push(format!("has:{}", word(info)));
        }
        let length = attributes.iter().find(|info| info.name == "length");
        let measured = length.or(attributes.iter().find(|i| i.kind == AttributeKind::Number));
        if let Some(info) = measured {
            let bound = if info.kind == AttributeKind::Length { "40" } else { "1.5" };
            hints.push(format!("{}>{bound}", word(info)));
        }
        hints.push("ctrl-r any".to_owned());
        hints.join("  ")
    }
}
