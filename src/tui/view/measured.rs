//! What is known of the chosen direction: where it comes from, and what steps along it do beside random ones.
//!
//! ```text
//! call · 40 texts have it, 80 not
//! ±2 σ       flips   valid    kept
//! along       71 %    98 %    80 %
//! random       4 %    99 %    97 %
//! marked: 2 in set 1, 1 in set 2 · not saved
//! ```

use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::Frame;

use super::text::fit;
use super::{row, Screen};
use crate::app::{Command, DirectionRow, Origin, State, Texts, COMMANDS};
use crate::engine::pool::{Effect, Measurement, Source};
use crate::report::visible;

/// Commands that are hinted at while nothing is marked.
const MAKING: [Command; 4] =
    [Command::Along, Command::FromEnds, Command::Arithmetic, Command::FromMarked];

impl Screen<'_> {
    pub(super) fn measured(&self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let Some(direction) = state.directions.chosen_row() else { return };
        let mut lines =
            vec![String::new(), format!("{} · {}", visible(&direction.name), origin(direction))];
        match &direction.measured {
            Some(measured) if measured.texts > 0 => lines.extend(table(direction, measured)),
            Some(_) => lines.push("there are too few texts to measure on".to_owned()),
            None if matches!(state.directions.texts, Texts::Read(_)) => {
                lines.push("measuring what steps along it do …".to_owned());
            }
            None => lines.push("measured once the texts are read".to_owned()),
        }
        lines.push(marks(state));
        for (y, line) in lines.iter().enumerate() {
            let style = if y == 1 { Default::default() } else { self.theme.dim };
            frame.render_widget(Line::styled(fit(line, area.width), style), row(area, y as u16));
        }
    }
}

/// Where a direction comes from, in words.
fn origin(direction: &DirectionRow) -> String {
    let named = &direction.named;
    let (with, without) = (named.with, named.without);
    match (direction.origin, named.source) {
        (Origin::Scene, _) => "known from an edit alone".to_owned(),
        (_, Source::Own) if with > 0 => format!("from {without} marked to {with} others"),
        (_, Source::Own) => "1 σ is all of the way".to_owned(),
        (_, Source::YesNo) => format!("{with} texts have it, {without} not"),
        (_, Source::Label) => format!("label of {with} texts, not of {without}"),
        (_, Source::Number) => format!("more of it, over {with} texts"),
        (_, Source::Component) => format!("where {with} texts vary most"),
        (_, Source::Decoder) => "what the decoder hears best".to_owned(),
    }
}

/// Three lines: what is measured, along the direction, along a random one.
fn table(direction: &DirectionRow, measured: &Measurement) -> [String; 3] {
    let effect = &measured.effect;
    let most = effect.steps.iter().fold(0f32, |most, step| most.max(step.strength.abs()));
    let what = match direction.named.source {
        Source::YesNo | Source::Label => "flips",
        Source::Number => "changes",
        Source::Component | Source::Decoder | Source::Own => "changed",
    };
    let line = |name: &str, effect: &Effect| {
        let figures = &effect.figures;
        let share = |share: f64| format!("{:.0} %", 100.0 * share);
        let does = match direction.named.source {
            Source::YesNo | Source::Label => figures.flip_rate.map(share),
            Source::Number => figures.mean_change.map(|change| format!("{change:+.2}")),
            Source::Component | Source::Decoder | Source::Own => Some(share(figures.changed)),
        };
        let (does, valid) = (does.unwrap_or_default(), share(figures.validity));
        format!("{name:<8}{does:>9}{valid:>8}{:>8}", share(figures.preservation))
    };
    let head = format!("±{most} σ");
    [
        format!("{head:<8}{what:>9}{:>8}{:>8}", "valid", "kept"),
        line("along", effect),
        line("random", &measured.control),
    ]
}

/// How many points are marked, and whether something is to be saved; else how new directions are made.
fn marks(state: &State) -> String {
    let [one, two] = [0, 1].map(|set| state.directions.marked[set].len());
    let mut parts = Vec::new();
    if one + two > 0 {
        parts.push(format!("marked: {one} in set 1, {two} in set 2"));
    }
    if state.directions.unsaved {
        parts.push("not saved".to_owned());
    }
    if parts.is_empty() {
        let shown = COMMANDS.iter().filter(|entry| MAKING.contains(&entry.command));
        parts.extend(shown.filter_map(|entry| {
            let key = state.keys.keys(entry.command).first()?;
            Some(format!("{key} {}", entry.hint))
        }));
    }
    parts.join(" · ")
}

/// What steps do, beside the random ones, in a few columns.
pub(super) fn does(source: Source, measured: &Measurement) -> String {
    let (effect, control) = (&measured.effect.figures, &measured.control.figures);
    match source {
        Source::YesNo | Source::Label => match (effect.flip_rate, control.flip_rate) {
            (Some(effect), Some(control)) => shares(effect, control),
            _ => String::new(),
        },
        Source::Number => match (effect.mean_change, control.mean_change) {
            (Some(effect), Some(control)) => format!("{effect:+.1}/{control:+.1}"),
            _ => String::new(),
        },
        Source::Component | Source::Decoder | Source::Own => {
            shares(effect.changed, control.changed)
        }
    }
}

/// Two shares in per cent.
pub(super) fn shares(effect: f64, control: f64) -> String {
    format!("{:.0}/{:.0}%", 100.0 * effect, 100.0 * control)
}
