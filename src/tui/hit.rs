//! Where on the screen things are, for the mouse.

use std::ops::RangeInclusive;

use ratatui::layout::{Position, Rect};

use super::canvas::CanvasPlace;
use crate::app::{Action, Command, Panel};
use crate::engine::{RATIO_RANGE, STRENGTH_RANGE};

/// Something that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// The slider.
    Slider,
    /// A latent token's own slider, from 0.
    Token(usize),
    /// A direction's strength, from 0.
    Strength(usize),
    /// A direction's row, from 0.
    Direction(usize),
    /// A rung, from 0.
    Rung(usize),
    /// A cell of the palette, column and row from 0.
    Cell(usize, usize),
    /// A row of the focused panel, from 0.
    Row(usize),
    /// A panel or its tab.
    Panel(Panel),
    /// A command's hint or an end.
    Command(Command),
    /// A chart's lines, from one step to another.
    Steps {
        /// The step at its left.
        from: usize,
        /// The step at its right.
        to: usize,
    },
    /// The tour's box.
    Tour,
}

impl Hit {
    /// What a press of the button at a column of its place means.
    fn press(self, place: Rect, column: u16) -> Action {
        match self {
            Self::Slider => Action::SlideTo(ratio_at(place, column)),
            Self::Token(token) => Action::SlideToken(token, ratio_at(place, column)),
            Self::Strength(row) => Action::SetStrength(row, strength_at(place, column)),
            Self::Direction(row) => Action::ChooseDirection(row),
            Self::Rung(rung) => Action::ChooseRung(rung),
            Self::Cell(x, y) => Action::ChooseCell(x, y),
            Self::Row(row) => Action::ChooseRow(row),
            Self::Panel(panel) => Action::Focus(panel),
            Self::Command(command) => Action::Run(command),
            Self::Steps { from, to } => {
                let step = value_in(place, column, &(from as f32..=to as f32));
                Action::ReadAt(step.round() as usize)
            }
            Self::Tour => Action::NextStep,
        }
    }

    fn is_slider(self) -> bool {
        matches!(self, Self::Slider | Self::Token(_) | Self::Strength(_) | Self::Steps { .. })
    }
}

/// All of them, as drawn last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitMap {
    places: Vec<(Rect, Hit)>,
    canvas: Option<CanvasPlace>,
    across: usize,
}

impl HitMap {
    /// Notes a place; what is noted later lies on top.
    pub fn add(&mut self, place: Rect, hit: Hit) {
        self.places.push((place, hit));
    }

    /// All of the places above a row that are noted for one of `these`, as one.
    #[must_use]
    pub fn around(&self, above: u16, these: impl Fn(Hit) -> bool) -> Option<Rect> {
        let places = self.places.iter().filter(|(place, hit)| place.y < above && these(*hit));
        places.map(|(place, _)| *place).reduce(Rect::union)
    }

    /// Forgets all places: something lies on top of them.
    pub fn cover(&mut self) {
        self.places.clear();
        self.canvas = None;
        self.across = 0;
    }

    /// Notes how many items of the list on top stand in a row, where that is more than one.
    pub fn set_across(&mut self, across: usize) {
        self.across = across;
    }

    /// Items of the list on top that stand in a row.
    #[must_use]
    pub fn across(&self) -> usize {
        self.across.max(1)
    }

    /// Notes where a canvas lies.
    pub fn add_canvas(&mut self, place: CanvasPlace) {
        self.canvas = Some(place);
    }

    /// Where the canvas lies, if one is drawn.
    #[must_use]
    pub fn canvas(&self) -> Option<&CanvasPlace> {
        self.canvas.as_ref()
    }

    /// What a press of the button at a cell means, and the slider that it takes hold of.
    #[must_use]
    pub fn press(&self, column: u16, row: u16) -> Option<(Action, Option<Grip>)> {
        let at = Position::new(column, row);
        let &(place, hit) = self.places.iter().rev().find(|(place, _)| place.contains(at))?;
        Some((hit.press(place, column), hit.is_slider().then_some(Grip { place, hit })))
    }
}

/// A slider that the mouse holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grip {
    place: Rect,
    hit: Hit,
}

impl Grip {
    /// What dragging to a column means: the slider follows, wherever the row.
    #[must_use]
    pub fn drag(self, column: u16) -> Action {
        self.hit.press(self.place, column)
    }
}

/// The column of a ratio on a slider.
pub(super) fn column_of(place: Rect, ratio: f32) -> u16 {
    column_in(place, ratio, &RATIO_RANGE)
}

/// The ratio of a column on a slider; columns beside it are its ends.
pub(super) fn ratio_at(place: Rect, column: u16) -> f32 {
    // To a thousandth, as the keys move.
    (value_in(place, column, &RATIO_RANGE) * 1000.0).round() / 1000.0
}

/// The column of a strength on a direction's slider.
pub(super) fn strength_column(place: Rect, strength: f32) -> u16 {
    column_in(place, strength, &STRENGTH_RANGE)
}

/// The strength of a column on a direction's slider: 0 on the whole of the column that shows 0.
fn strength_at(place: Rect, column: u16) -> f32 {
    if column == strength_column(place, 0.0) {
        return 0.0;
    }
    value_in(place, column, &STRENGTH_RANGE)
}

fn column_in(place: Rect, value: f32, range: &RangeInclusive<f32>) -> u16 {
    let (low, high) = (range.start(), range.end());
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    place.x + (share * f32::from(place.width.saturating_sub(1))).round() as u16
}

fn value_in(place: Rect, column: u16, range: &RangeInclusive<f32>) -> f32 {
    let (low, high) = (range.start(), range.end());
    let cells = f32::from(place.width.saturating_sub(1)).max(1.0);
    let share = (f32::from(column) - f32::from(place.x)) / cells;
    low + share.clamp(0.0, 1.0) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_on_a_slider_goes_where_the_handle_is_drawn() {
        let place = Rect::new(3, 7, 81, 1);
        let mut hits = HitMap::default();
        hits.add(place, Hit::Slider);
        hits.add(Rect::new(3, 8, 81, 1), Hit::Token(2));
        hits.add(Rect::new(0, 0, 10, 1), Hit::Rung(4));
        for ratio in [-0.5f32, -0.25, 0.0, 0.5, 1.0, 1.5] {
            let column = column_of(place, ratio);
            let Some((Action::SlideTo(got), Some(grip))) = hits.press(column, 7) else {
                panic!("no slide")
            };
            assert!((got - ratio).abs() < 0.013, "{ratio} {got}");
            assert_eq!(grip.drag(0), Action::SlideTo(-0.5));
        }
        let Some((Action::SlideToken(2, _), Some(grip))) = hits.press(9, 8) else {
            panic!("no token")
        };
        assert_eq!(grip.drag(200), Action::SlideToken(2, 1.5));
        assert_eq!(hits.press(9, 0), Some((Action::ChooseRung(4), None)));
        assert_eq!(hits.press(50, 3), None);
    }

    #[test]
    fn a_directions_slider_is_dragged_from_end_to_end_and_meets_0() {
        for width in [11, 12, 40] {
            let place = Rect::new(5, 2, width, 1);
            let mut hits = HitMap::default();
            hits.add(place, Hit::Strength(3));
            let column = strength_column(place, 0.0);
            let (action, grip) = hits.press(column, 2).expect("a slider");
            assert_eq!(action, Action::SetStrength(3, 0.0));
            let grip = grip.expect("a grip");
            assert_eq!(grip.drag(0), Action::SetStrength(3, -3.0));
            assert_eq!(grip.drag(500), Action::SetStrength(3, 3.0));
        }
    }

    #[test]
    fn what_lies_on_top_is_hit() {
        let mut hits = HitMap::default();
        hits.add(Rect::new(0, 0, 10, 10), Hit::Panel(Panel::Mix));
        hits.add(Rect::new(2, 2, 3, 1), Hit::Row(1));
        assert_eq!(hits.press(3, 2), Some((Action::ChooseRow(1), None)));
        assert_eq!(hits.press(3, 3), Some((Action::Focus(Panel::Mix), None)));
        hits.add(Rect::new(0, 4, 2, 1), Hit::Row(2));
        hits.add(Rect::new(0, 9, 2, 1), Hit::Row(3));
        let rows = hits.around(9, |hit| matches!(hit, Hit::Row(_)));
        assert_eq!(rows, Some(Rect::new(0, 2, 5, 3)));
        hits.cover();
        assert_eq!(hits.press(3, 3), None);
    }
}
