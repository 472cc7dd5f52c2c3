//! What a running decode tells: the first tokens at once, then as often as a screen can show.

use std::time::{Duration, Instant};

use super::RowUpdate;
use crate::domain::Codec;

/// Between two tellings: half a frame. Turning tokens into text for nobody to see costs more than decoding them.
const PAUSE: Duration = Duration::from_millis(8);

pub(super) struct News {
    ids: Vec<Vec<u32>>,
    ended: Vec<bool>,
    /// Rows with tokens that were not told yet.
    fresh: Vec<bool>,
    told: Option<Instant>,
}

impl News {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            ids: vec![Vec::new(); rows],
            ended: vec![false; rows],
            fresh: vec![false; rows],
            told: None,
        }
    }

    /// Takes a step's tokens in.
    pub(super) fn take(&mut self, tokens: &[(usize, u32, bool)]) {
        for &(row, id, ended) in tokens {
            // The token that ends a row is not part of its text.
            if id != 0 {
                self.ids[row].push(id);
            }
            self.ended[row] = ended;
            self.fresh[row] = true;
        }
    }

    /// The rows with news, or nothing where it is too early; every row's first tokens are told at once.
    pub(super) fn tell(&mut self, codec: &Codec) -> Vec<RowUpdate> {
        if self.told.is_some_and(|at| at.elapsed() < PAUSE) {
            return Vec::new();
        }
        if self.fresh.iter().zip(&self.ids).all(|(fresh, ids)| *fresh || !ids.is_empty()) {
            self.told = Some(Instant::now());
        }
        let fresh = self.fresh.iter_mut().enumerate().filter(|(_, fresh)| **fresh);
        fresh
            .map(|(row, fresh)| {
                *fresh = false;
                (row, codec.decode(&self.ids[row]).unwrap_or_default(), self.ended[row])
            })
            .collect()
    }
}
