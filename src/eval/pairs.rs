//! Random pairs of held-out items, and random partners among pairs, under a fixed seed.

use std::collections::HashSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `pairs` random pairs of two different items of `0..n_items`, the same for the same seed on every machine.
///
/// No two pairs have the same members, in either order, until all possible pairs have been drawn; then they start
/// again. Fewer than two items make no pair.
#[must_use]
pub fn sample_pairs(n_items: usize, pairs: usize, seed: u64) -> Vec<(usize, usize)> {
    if n_items < 2 {
        return Vec::new();
    }
    let possible = n_items.saturating_mul(n_items - 1) / 2;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = HashSet::new();
    let mut drawn = Vec::with_capacity(pairs);
    while drawn.len() < pairs {
        let a = rng.random_range(0..n_items);
        let other = rng.random_range(0..n_items - 1);
        let b = if other < a { other } else { other + 1 };
        if seen.insert((a.min(b), a.max(b))) {
            drawn.push((a, b));
        }
        if seen.len() == possible {
            seen.clear();
        }
    }
    drawn
}

/// For each of `len` pairs the index of another one: one random cycle through all (Sattolo 1986).
pub(super) fn partners(len: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut partner: Vec<usize> = (0..len).collect();
    for i in (1..len).rev() {
        partner.swap(i, rng.random_range(0..i));
    }
    partner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_two_members_and_do_not_repeat() {
        let pairs = sample_pairs(20, 190, 7);
        let members: HashSet<_> = pairs.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
        assert_eq!((pairs.len(), members.len()), (190, 190));
        assert!(pairs.iter().all(|&(a, b)| a != b && a < 20 && b < 20));
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(sample_pairs(1000, 50, 1), sample_pairs(1000, 50, 1));
        assert_ne!(sample_pairs(1000, 50, 1), sample_pairs(1000, 50, 2));
        assert_eq!(sample_pairs(1000, 50, 1)[..20], sample_pairs(1000, 20, 1));
    }

    #[test]
    fn few_items_repeat_and_one_makes_none() {
        assert_eq!(sample_pairs(2, 5, 0).len(), 5);
        assert!(sample_pairs(1, 5, 0).is_empty());
        assert!(sample_pairs(0, 5, 0).is_empty());
    }

    #[test]
    fn nobody_is_their_own_partner() {
        for len in [2, 3, 100] {
            let partner = partners(len, 3);
            assert!(partner.iter().enumerate().all(|(i, &other)| i != other));
            assert_eq!(partner.iter().collect::<HashSet<_>>().len(), len);
        }
    }
}
