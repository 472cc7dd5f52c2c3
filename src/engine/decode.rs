//! From latents to judged texts, greedy or guided.

use std::ops::ControlFlow;

use super::{Decoding, EngineError, LatentModel, RowUpdate};
use crate::domain::Verdict;
use crate::latent::Latent;
use crate::report::Rung;

/// Rows of a guided search between two chances to break off: nobody waits for long.
const SEARCHED: usize = 4;

/// A decoded text.
#[derive(Debug, Clone, PartialEq)]
pub struct Decode {
    /// The text as the model gave it.
    pub text: String,
    /// The domain's judgement.
    pub verdict: Verdict,
    /// Whether a guided search found it because the greedy decode was not valid.
    pub guided: bool,
}

impl Decode {
    /// As the rung at `ratio`.
    #[must_use]
    pub fn at(self, ratio: f32) -> Rung {
        Rung { ratio, text: self.text, verdict: self.verdict, guided: self.guided }
    }
}

/// Decodes latents as one batch; where a greedy decode is not valid and `decoding` is guided, what a search finds takes its
/// place. `on_step` is called with the rows that have news, or with none between searches, and can break off.
///
/// # Errors
/// The model's; [`EngineError::Cancelled`] where `on_step` broke off.
pub fn decode(
    model: &dyn LatentModel,
    latents: &[Latent],
    decoding: Decoding,
    on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
) -> Result<Vec<Decode>, EngineError> {
    let mut found: Vec<Decode> = model
        .decode(latents, on_step)?
        .into_iter()
        .map(|text| Decode { verdict: model.verdict(&text), text, guided: false })
        .collect();
    if decoding == Decoding::Greedy {
        return Ok(found);
    }
    let wrong: Vec<usize> = (0..found.len()).filter(|&i| !found[i].verdict.is_valid()).collect();
    for block in wrong.chunks(SEARCHED) {
        if on_step(&[]).is_break() {
            return Err(EngineError::Cancelled);
        }
        let own: Vec<Latent> = block.iter().map(|&i| latents[i].clone()).collect();
        for (&i, text) in block.iter().zip(model.search(&own)?) {
            if let Some(text) = text {
                found[i] = Decode { verdict: model.verdict(&text), text, guided: true };
            }
        }
    }
    Ok(found)
}
