//! What was decoded lately: drafts for points nearby.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::latent::Latent;
use crate::numeric::decoder::Draft;

/// Decodes that are remembered: a few ladders and a slide between their rungs.
const CAPACITY: usize = 256;
/// Squared distance, as a share of a latent's squared norm, from which a neighbour's decode is no guide any more.
const NEAR: f32 = 0.1;

#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<(Vec<f32>, Vec<u32>)>>);

impl Recent {
    /// For each latent the decode of the nearest that is remembered, where one is near.
    pub(super) fn drafts(&self, latents: &[Latent]) -> Vec<Draft> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latents
            .iter()
            .map(|latent| {
                let norm: f32 = latent.values.iter().map(|v| v * v).sum();
                let distance = |other: &[f32]| -> f32 {
                    latent.values.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
                };
                known
                    .iter()
                    .filter(|(values, _)| values.len() == latent.values.len())
                    .map(|(values, ids)| (distance(values), ids))
                    .filter(|(distance, _)| *distance <= NEAR * norm)
                    .min_by(|a, b| a.0.total_cmp(&b.0))
                    .map_or(Draft::Nothing, |(_, ids)| Draft::Tokens(ids.clone()))
            })
            .collect()
    }

    /// Remembers decodes; the oldest are forgotten.
    pub(super) fn add(&self, latents: &[Latent], rows: &[Vec<u32>]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (latent, ids) in latents.iter().zip(rows) {
            known.retain(|(values, _)| values != &latent.values);
            known.push_back((latent.values.clone(), ids.clone()));
        }
        let surplus = known.len().saturating_sub(CAPACITY);
        known.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Latent {
        Latent { tokens: 1, size: 2, values: vec![x, 1.0] }
    }

    #[test]
    fn the_nearest_is_the_draft_and_the_far_are_none() {
        let recent = Recent::default();
        assert_eq!(recent.drafts(&[at(0.0)]), [Draft::Nothing]);
        recent.add(&[at(0.0), at(0.2)], &[vec![1], vec![2]]);
        let drafts = recent.drafts(&[at(0.05), at(0.15), at(9.0)]);
        assert_eq!(drafts, [Draft::Tokens(vec![1]), Draft::Tokens(vec![2]), Draft::Nothing]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let recent = Recent::default();
        for i in 0..2 * CAPACITY {
            recent.add(&[at(100.0 * i as f32)], &[vec![i as u32]]);
        }
        assert_eq!(recent.drafts(&[at(0.0)]), [Draft::Nothing]);
        let last = 2 * CAPACITY - 1;
        assert_eq!(recent.drafts(&[at(100.0 * last as f32)]), [Draft::Tokens(vec![last as u32])]);
    }
}
