//! How far pictures are from the nearest digit of a set: an honest blend lies near real digits.

use multiversion::multiversion;

use crate::corpus::mnist_text::{Digit, LEVELS};

/// Pixels whose differences are summed between two looks at whether the rest is worth it.
const STRIDE: usize = 49;

/// A set of digits of one size, in the order of their ink.
#[derive(Debug)]
pub struct Neighbours {
    pixels: usize,
    /// The sum of each digit's levels.
    ink: Vec<u32>,
    /// Their levels, one digit after the other.
    levels: Vec<u8>,
}

impl Neighbours {
    /// The set of these digits; those of another size than the first are left out.
    #[must_use]
    pub fn new(digits: &[Digit]) -> Self {
        let pixels = digits.first().map_or(1, |digit| digit.levels.len());
        let mut sorted: Vec<(u32, &[u8])> = digits
            .iter()
            .filter(|digit| digit.levels.len() == pixels)
            .map(|digit| (ink(&digit.levels), digit.levels.as_slice()))
            .collect();
        sorted.sort_unstable();
        Self {
            pixels,
            ink: sorted.iter().map(|&(ink, _)| ink).collect(),
            levels: sorted.iter().flat_map(|&(_, levels)| levels.iter().copied()).collect(),
        }
    }

    /// For each picture the smallest mean absolute difference of pixels, background being 0 and ink 1, to a digit of the set;
    /// `None` in an empty set and for pictures of another size. Computed by all cores.
    #[must_use]
    pub fn distances(&self, pictures: &[Digit]) -> Vec<Option<f64>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = pictures.len().div_ceil(cores).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = pictures
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || part.iter().map(|p| self.distance(p)).collect::<Vec<_>>())
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    fn distance(&self, picture: &Digit) -> Option<f64> {
        if picture.levels.len() != self.pixels || self.ink.is_empty() {
            return None;
        }
        let smallest = smallest(&self.levels, &self.ink, &picture.levels, ink(&picture.levels));
        Some(f64::from(smallest) / (f64::from(LEVELS - 1) * self.pixels as f64))
    }
}

fn ink(levels: &[u8]) -> u32 {
    levels.iter().map(|&level| u32::from(level)).sum()
}

/// The smallest sum of absolute differences to a row of `levels`, whose rows have the sums `inks`, in rising order.
///
/// Two pictures differ by no less than their inks do, so the search goes from the picture's own ink outward and ends where the
/// inks alone are too far apart.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn smallest(levels: &[u8], inks: &[u32], picture: &[u8], ink: u32) -> u32 {
    let mut above = inks.partition_point(|&other| other < ink);
    let mut below = above;
    let mut best = u32::MAX;
    loop {
        let up = inks.get(above).map(|other| other - ink).filter(|&apart| apart < best);
        let down = below.checked_sub(1).map(|i| ink - inks[i]).filter(|&apart| apart < best);
        let row = match (up, down) {
            (None, None) => return best,
            (Some(up), Some(down)) if down < up => {
                below -= 1;
                below
            }
            (Some(_), _) => {
                above += 1;
                above - 1
            }
            (None, Some(_)) => {
                below -= 1;
                below
            }
        };
        let other = &levels[row * picture.len()..(row + 1) * picture.len()];
        let mut sum = 0u32;
        for (a, b) in picture.chunks(STRIDE).zip(other.chunks(STRIDE)) {
            sum += a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
            if sum >= best {
                break;
            }
        }
        best = best.min(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Size;
    use rand::{Rng, SeedableRng};

    #[test]
    fn the_nearest_is_that_of_comparing_with_all() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut digit = || {
            let most = rng.random_range(0..65u8);
            let levels = (0..81).map(|_| rng.random_range(0..=most)).collect();
            Digit { size: Size::Tiny, levels }
        };
        let set: Vec<Digit> = (0..300).map(|_| digit()).collect();
        let pictures: Vec<Digit> = (0..40).map(|_| digit()).chain([set[7].clone()]).collect();
        let difference = |a: &Digit, b: &Digit| -> u32 {
            a.levels.iter().zip(&b.levels).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
        };
        let wanted = pictures.iter().map(|picture| {
            let least = set.iter().map(|other| difference(picture, other)).min();
            least.map(|least| f64::from(least) / (64.0 * 81.0))
        });
        let found = Neighbours::new(&set).distances(&pictures);
        assert_eq!(found, wanted.collect::<Vec<_>>());
        assert_eq!(found.last(), Some(&Some(0.0)));
    }

    #[test]
    fn nothing_is_near_nothing() {
        let small = Digit { size: Size::Small, levels: vec![0; 196] };
        let tiny = Digit { size: Size::Tiny, levels: vec![0; 81] };
        assert_eq!(Neighbours::new(&[]).distances(std::slice::from_ref(&small)), [None]);
        assert_eq!(Neighbours::new(&[small]).distances(&[tiny]), [None]);
    }
}
