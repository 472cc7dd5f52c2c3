//! The tour: from step to step, or out of it.

use super::Effect;
use crate::app::state::State;
use crate::app::tour::TOUR;

/// To the step behind or before; behind the last one the tour is over.
pub(super) fn turn(state: &mut State, forward: bool) {
    let Some(step) = state.tour else { return };
    let next = if forward { step + 1 } else { step.saturating_sub(1) };
    if next < TOUR.len() {
        state.tour = Some(next);
    } else {
        leave(state);
    }
}

/// Leaves it; it is not shown again by itself.
pub(super) fn leave(state: &mut State) {
    if state.tour.take().is_some() {
        state.outbox.push(Effect::TourIsSeen);
    }
}
