//! Where along the slider decodes are valid: a coarse grid, then ever finer where the verdict flips.

use super::RATIO_RANGE;

/// Distances of the even grids that are decoded, the first to show something soon, the second to find what lies between.
const GRIDS: [f32; 2] = [0.05, 0.0125];
/// Flips are located to within this ratio.
const FINEST: f32 = 0.0025;

/// A judged point of the slider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StripSample {
    /// Where.
    pub ratio: f32,
    /// Whether the decode there is valid.
    pub valid: bool,
}

/// What is known of a slider so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Refinement {
    /// By ratio.
    samples: Vec<StripSample>,
    /// Even grids that are done.
    grids: usize,
}

impl Refinement {
    /// The ratios to decode next; none when all is known as finely as it will be.
    pub(super) fn next(&self) -> Vec<f32> {
        let flips: Vec<f32> = self
            .samples
            .windows(2)
            .filter(|w| w[0].valid != w[1].valid && w[1].ratio - w[0].ratio > FINEST)
            .map(|w| (w[0].ratio + w[1].ratio) / 2.0)
            .collect();
        if !flips.is_empty() {
            return flips;
        }
        let Some(distance) = GRIDS.get(self.grids) else { return Vec::new() };
        let (low, high) = (*RATIO_RANGE.start(), *RATIO_RANGE.end());
        let cells = ((high - low) / distance).round() as usize;
        let grid = (0..=cells).map(|k| low + (high - low) * k as f32 / cells as f32);
        grid.filter(|&ratio| !self.knows(ratio)).collect()
    }

    fn knows(&self, ratio: f32) -> bool {
        let at = self.samples.partition_point(|s| s.ratio < ratio - 1e-4);
        self.samples.get(at).is_some_and(|s| s.ratio <= ratio + 1e-4)
    }

    /// Takes judged points in: all that [`Refinement::next`] asked for.
    pub(super) fn add(&mut self, found: impl Iterator<Item = StripSample>) {
        let was_even = self.next_is_grid();
        self.samples.extend(found);
        self.samples.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        self.grids += usize::from(was_even);
    }

    fn next_is_grid(&self) -> bool {
        self.samples
            .windows(2)
            .all(|w| w[0].valid == w[1].valid || w[1].ratio - w[0].ratio <= FINEST)
    }

    pub(super) fn samples(&self) -> &[StripSample] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refine(valid: impl Fn(f32) -> bool) -> (Refinement, usize) {
        let (mut strip, mut decodes) = (Refinement::default(), 0);
        loop {
            let next = strip.next();
            if next.is_empty() {
                return (strip, decodes);
            }
            decodes += next.len();
            strip.add(next.into_iter().map(|ratio| StripSample { ratio, valid: valid(ratio) }));
        }
    }

    #[test]
    fn where_nothing_flips_only_the_grids_are_decoded() {
        let (strip, decodes) = refine(|_| true);
        assert_eq!((strip.samples().len(), decodes), (161, 161));
    }

    proptest! {
        #[test]
        fn every_flip_wider_than_the_grid_is_found_finely(from in -0.4f32..1.2, width in 0.03f32..0.2) {
            let (strip, decodes) = refine(|ratio| !(from..from + width).contains(&ratio));
            prop_assert!(decodes < 200);
            let flips: Vec<f32> = strip.samples().windows(2).filter(|w| w[0].valid != w[1].valid).map(|w| {
                assert!(w[1].ratio - w[0].ratio <= FINEST + 1e-6);
                w[0].ratio
            }).collect();
            prop_assert_eq!(flips.len(), 2);
            prop_assert!((flips[0] - from).abs() <= 2.0 * FINEST);
            prop_assert!((flips[1] - from - width).abs() <= 2.0 * FINEST);
        }
    }
}
