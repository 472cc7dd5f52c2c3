//! Where on the screen things are, for the mouse.

use ratatui::layout::{Position, Rect};

use crate::app::{Action, Command, RATIO_RANGE};

/// Something that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// The slider.
    Slider,
    /// A rung, from 0.
    Rung(usize),
    /// A command's hint or an end.
    Command(Command),
}

/// All of them, as drawn last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitMap {
    places: Vec<(Rect, Hit)>,
}

impl HitMap {
    /// Notes a place.
    pub fn add(&mut self, place: Rect, hit: Hit) {
        self.places.push((place, hit));
    }

    /// What a press of the button at a cell means.
    #[must_use]
    pub fn press(&self, column: u16, row: u16) -> Option<Action> {
        let at = Position::new(column, row);
        let (place, hit) = self.places.iter().find(|(place, _)| place.contains(at))?;
        Some(match hit {
            Hit::Slider => Action::SlideTo(ratio_at(*place, column)),
            Hit::Rung(rung) => Action::ChooseRung(*rung),
            Hit::Command(command) => Action::Run(*command),
        })
    }

    /// What dragging to a column means: the slider follows, wherever the row.
    #[must_use]
    pub fn drag(&self, column: u16) -> Option<Action> {
        let (place, _) = self.places.iter().find(|(_, hit)| *hit == Hit::Slider)?;
        Some(Action::SlideTo(ratio_at(*place, column)))
    }
}

/// The column of a ratio on a slider.
pub(super) fn column_of(place: Rect, ratio: f32) -> u16 {
    let (low, high) = (RATIO_RANGE.start(), RATIO_RANGE.end());
    let share = ((ratio - low) / (high - low)).clamp(0.0, 1.0);
    place.x + (share * f32::from(place.width.saturating_sub(1))).round() as u16
}

fn ratio_at(place: Rect, column: u16) -> f32 {
    let (low, high) = (RATIO_RANGE.start(), RATIO_RANGE.end());
    let cells = f32::from(place.width.saturating_sub(1)).max(1.0);
    let share = (f32::from(column) - f32::from(place.x)) / cells;
    // To a thousandth, as the keys move.
    ((low + share.clamp(0.0, 1.0) * (high - low)) * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_on_the_slider_goes_where_the_handle_is_drawn() {
        let place = Rect::new(3, 7, 81, 1);
        let mut hits = HitMap::default();
        hits.add(place, Hit::Slider);
        hits.add(Rect::new(0, 0, 10, 1), Hit::Rung(4));
        for ratio in [-0.5f32, -0.25, 0.0, 0.5, 1.0, 1.5] {
            let column = column_of(place, ratio);
            let Some(Action::SlideTo(got)) = hits.press(column, 7) else { panic!("no slide") };
            assert!((got - ratio).abs() < 0.013, "{ratio} {got}");
        }
        assert_eq!(hits.drag(0), Some(Action::SlideTo(-0.5)));
        assert_eq!(hits.press(9, 0), Some(Action::ChooseRung(4)));
        assert_eq!(hits.press(50, 3), None);
    }
}
