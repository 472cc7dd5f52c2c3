//! Where the shards of a step wait for each other.

use std::sync::{Condvar, Mutex, PoisonError};

use candle_core::Tensor;

use super::TrainError;

/// Where shards show one another their latents: the only time that they wait for each other.
pub(super) struct Meeting {
    shown: Mutex<(Vec<Option<Tensor>>, bool)>,
    news: Condvar,
}

impl Meeting {
    /// For so many shards.
    pub(super) fn new(shards: usize) -> Self {
        Self { shown: Mutex::new((vec![None; shards], false)), news: Condvar::new() }
    }

    /// Shows a shard's latents, waits for the others', and gives all in the order of the shards.
    pub(super) fn exchange(
        &self,
        shard: usize,
        latents: Tensor,
    ) -> Result<Vec<Tensor>, TrainError> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.0[shard] = Some(latents);
        self.news.notify_all();
        loop {
            let all: Option<Vec<Tensor>> = shown.0.iter().cloned().collect();
            if let Some(all) = all {
                return Ok(all);
            }
            if shown.1 {
                return Err(TrainError::ShardGaveUp);
            }
            shown = self.news.wait(shown).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the others that a shard left, when the guard goes: nobody waits for one that failed or panicked.
    pub(super) fn leave(&self) -> Leave<'_> {
        Leave(self)
    }

    fn give_up(&self) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.news.notify_all();
    }
}

/// A shard that is at work.
pub(super) struct Leave<'a>(&'a Meeting);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
