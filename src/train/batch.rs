//! Which lines a step sees: shuffled epochs, lengths sorted within pools so that little padding is computed.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Batches whose lines are sorted together unless a whole epoch's are; larger pools pad less and shuffle less.
pub const POOL: usize = 50;

/// The order of lines over a run, a function of the seed and the step alone.
pub struct Sampler {
    lengths: Vec<u32>,
    /// Lines from the shortest to the longest.
    by_length: Vec<u32>,
    batch: usize,
    /// Batches whose lines are sorted together.
    pool_size: usize,
    seed: u64,
    epoch: Option<(usize, Vec<u32>)>,
    pool: Option<(usize, Vec<Vec<u32>>)>,
}

impl Sampler {
    /// A sampler over lines of the given lengths (tokens) that sorts the lines of so many batches together; `usize::MAX` for
    /// those of a whole epoch.
    #[must_use]
    pub fn new(lengths: Vec<u32>, batch: usize, pool_size: usize, seed: u64) -> Self {
        let batch = batch.min(lengths.len()).max(1);
        let mut by_length: Vec<u32> = (0..lengths.len() as u32).collect();
        by_length.sort_by_key(|&line| lengths[line as usize]);
        let pool_size = pool_size.clamp(1, (lengths.len() / batch).max(1));
        Self { lengths, by_length, batch, pool_size, seed, epoch: None, pool: None }
    }

    /// Lines to stand beside the batch at `step`: drawn from all that are no longer than its longest, so that they cost no
    /// padding.
    pub fn partners(&mut self, step: usize, count: usize) -> Vec<u32> {
        if count == 0 {
            return Vec::new();
        }
        let longest =
            self.batch(step).to_vec().iter().map(|&line| self.lengths[line as usize]).max();
        let longest = longest.unwrap_or(0);
        let fit = self.by_length.partition_point(|&line| self.lengths[line as usize] <= longest);
        let mut rng = self.rng(u64::MAX - step as u64);
        (0..count).map(|_| self.by_length[rng.random_range(0..fit)]).collect()
    }

    /// Batches in one pass over the data; the lines left over by the division wait for the next shuffle.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        (self.lengths.len() / self.batch).max(1)
    }

    /// The lines of the batch at `step`.
    pub fn batch(&mut self, step: usize) -> &[u32] {
        let per_epoch = self.batches_per_epoch();
        let (epoch, within) = (step / per_epoch, step % per_epoch);
        let pools = per_epoch.div_ceil(self.pool_size);
        let (pool, slot) = (within / self.pool_size, within % self.pool_size);
        let pool_id = epoch * pools + pool;
        if self.pool.as_ref().is_none_or(|(id, _)| *id != pool_id) {
            let batches = self.build_pool(epoch, pool, per_epoch, pool_id);
            self.pool = Some((pool_id, batches));
        }
        match &self.pool {
            Some((_, batches)) => &batches[slot],
            None => &[],
        }
    }

    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x005e_9e6c_e5a3);
        rng.set_stream(stream);
        rng
    }

    fn build_pool(
        &mut self,
        epoch: usize,
        pool: usize,
        per_epoch: usize,
        pool_id: usize,
    ) -> Vec<Vec<u32>> {
        if self.epoch.as_ref().is_none_or(|(id, _)| *id != epoch) {
            let mut order: Vec<u32> = (0..self.lengths.len() as u32).collect();
            order.shuffle(&mut self.rng(2 * epoch as u64));
            self.epoch = Some((epoch, order));
        }
        let order = self.epoch.as_ref().map_or(&[][..], |(_, order)| order);
        let first = pool * self.pool_size;
        let count = self.pool_size.min(per_epoch - first);
        let mut lines = order[first * self.batch..(first + count) * self.batch].to_vec();
        // The sort is stable: lines of equal length keep the epoch's shuffled order.
        lines.sort_by_key(|&line| self.lengths[line as usize]);
        let mut batches: Vec<Vec<u32>> = lines.chunks(self.batch).map(<[u32]>::to_vec).collect();
        let mut rng = self.rng(2 * pool_id as u64 + 1);
        batches.shuffle(&mut rng);
        // Within a batch as well: what looks at a batch's first rows must not see the shortest.
        batches.iter_mut().for_each(|batch| batch.shuffle(&mut rng));
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(n: u32) -> Vec<u32> {
        (0..n).map(|i| 3 + (i * 7919) % 40).collect()
    }

    #[test]
    fn every_line_is_seen_once_an_epoch() {
        let mut sampler = Sampler::new(lengths(1200), 10, POOL, 3);
        assert_eq!(sampler.batches_per_epoch(), 120);
        for epoch in 0..2 {
            let mut seen: Vec<u32> =
                (0..120).flat_map(|i| sampler.batch(epoch * 120 + i).to_vec()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..1200).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_step_alone_gives_what_a_run_gives() {
        let mut straight = Sampler::new(lengths(777), 8, POOL, 5);
        let all: Vec<Vec<u32>> = (0..300).map(|s| straight.batch(s).to_vec()).collect();
        for step in [0, 1, 49, 50, 96, 97, 250, 299] {
            assert_eq!(Sampler::new(lengths(777), 8, POOL, 5).batch(step), all[step]);
        }
        assert_ne!(Sampler::new(lengths(777), 8, POOL, 6).batch(0), all[0]);
    }

    #[test]
    fn batches_hold_lines_of_like_length() {
        let mut sampler = Sampler::new(lengths(5000), 50, POOL, 1);
        let l = lengths(5000);
        for step in 0..100 {
            let b: Vec<u32> = sampler.batch(step).iter().map(|&i| l[i as usize]).collect();
            let (lo, hi) = (b.iter().min().copied(), b.iter().max().copied());
            assert!(hi.zip(lo).is_some_and(|(h, l)| h - l <= 4));
        }
    }

    #[test]
    fn a_sorted_epoch_pads_least_and_is_no_curriculum() {
        let l = lengths(5000);
        let spread = |sampler: &mut Sampler| -> (u32, Vec<u32>) {
            let batches: Vec<Vec<u32>> = (0..100)
                .map(|step| sampler.batch(step).iter().map(|&i| l[i as usize]).collect())
                .collect();
            let longest: Vec<u32> =
                batches.iter().filter_map(|b: &Vec<u32>| b.iter().max().copied()).collect();
            (
                batches
                    .iter()
                    .zip(&longest)
                    .map(|(b, m)| b.iter().map(|x| m - x).sum::<u32>())
                    .sum(),
                longest,
            )
        };
        let mut sorted = Sampler::new(l.clone(), 50, usize::MAX, 1);
        let (padding, longest) = spread(&mut sorted);
        assert!(2 * padding < spread(&mut Sampler::new(l.clone(), 50, 10, 1)).0);
        assert!(!longest.is_sorted());
        let mut seen: Vec<u32> = (0..100).flat_map(|step| sorted.batch(step).to_vec()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..5000).collect::<Vec<_>>());
        let second = sorted.batch(130).to_vec();
        assert_eq!(second, Sampler::new(l, 50, usize::MAX, 1).batch(130));
    }

    #[test]
    fn partners_are_no_longer_than_their_batch() {
        let l = lengths(5000);
        let mut sampler = Sampler::new(l.clone(), 50, POOL, 1);
        let mut lengths_seen = std::collections::HashSet::new();
        for step in 0..100 {
            let longest = sampler.batch(step).iter().map(|&i| l[i as usize]).max();
            let partners = sampler.partners(step, 20);
            assert_eq!(partners, Sampler::new(l.clone(), 50, POOL, 1).partners(step, 20));
            assert!(partners.iter().all(|&i| Some(l[i as usize]) <= longest));
            lengths_seen.extend(partners.iter().map(|&i| l[i as usize]));
        }
        assert!(lengths_seen.len() > 30);
        assert!(sampler.partners(0, 0).is_empty());
    }

    #[test]
    fn fewer_lines_than_a_batch_still_give_one() {
        let mut sampler = Sampler::new(vec![3, 4, 5], 64, POOL, 0);
        assert_eq!(sampler.batch(0).len(), 3);
        assert_eq!(sampler.batch(9).len(), 3);
    }
}
