//! Sliders: the one along the way and those of the latent tokens.

use crate::app::actions::Step;
use crate::app::state::State;
use crate::engine::{Along, Target, RATIO_RANGE};

/// On the grid of thousandths, within the range.
fn placed(ratio: f32) -> f32 {
    ((ratio * 1000.0).round() / 1000.0).clamp(*RATIO_RANGE.start(), *RATIO_RANGE.end())
}

/// To a ratio.
pub(super) fn to(state: &mut State, ratio: f32) {
    if ratio.is_finite() {
        state.scene.ratio = placed(ratio);
    }
}

/// By a step: on the grid, so that ten steps of 0.02 are 0.2 and 0 is met again.
pub(super) fn by(state: &mut State, step: Step) {
    to(state, state.scene.ratio + step.delta());
}

/// To a rung's place.
pub(super) fn to_rung(state: &mut State, rung: usize) {
    let last = state.rungs.len().saturating_sub(1);
    if let Some(rung) = state.rungs.get(rung.min(last)) {
        if let Some(Along { name, direction }) = state.scene.along.clone() {
            state.scene.set_strength(&name, &direction, Target::Way, rung.ratio);
            return;
        }
        // Not on the grid: the rung's text is to be met, wherever it lies.
        state.scene.ratio = rung.ratio;
    }
}

/// To the next place to a side where the verdict flips.
pub(super) fn to_seam(state: &mut State, right: bool) {
    let here = state.scene.ratio;
    let seam = if right {
        state.strip.seams().find(|&seam| seam > here + 5e-4)
    } else {
        state.strip.seams().rev().find(|&seam| seam < here - 5e-4)
    };
    if let Some(seam) = seam {
        to(state, seam);
    }
}

/// A latent token's own slider to a ratio.
pub(super) fn token_to(state: &mut State, token: usize, ratio: f32) {
    if token >= state.tokens() || !ratio.is_finite() {
        return;
    }
    state.token = token;
    if state.scene.tokens.len() <= token {
        state.scene.tokens.resize(state.tokens(), None);
    }
    state.scene.tokens[token] = Some(placed(ratio));
}

/// The chosen latent token's slider by a step, from where it stands.
pub(super) fn token_by(state: &mut State, step: Step) {
    token_to(state, state.token, state.token_ratio(state.token) + step.delta());
}

/// Locks the chosen latent token where it stands, or lets it follow the slider again.
pub(super) fn lock_token(state: &mut State) {
    match state.scene.tokens.get_mut(state.token).filter(|own| own.is_some()) {
        Some(own) => {
            *own = None;
            if state.scene.tokens.iter().all(Option::is_none) {
                state.scene.tokens.clear();
            }
        }
        None => token_to(state, state.token, state.token_ratio(state.token)),
    }
}
