//! Figures of digits: how well they are given back, and for what a classifier takes the rungs of ladders.

use crate::corpus::mnist_text::{Digit, Size, LEVELS};
use crate::domain::Opinion;
use crate::eval::{Figure, Parts};

/// A pixel is ink from half of full ink on.
const INK: u8 = (LEVELS - 1) / 2;

/// A digit's picture and that of the text that it came back as, read leniently in the digit's size.
#[must_use]
pub fn both(text: &str, back: &str) -> (Digit, Digit) {
    let size = Size::of_text(text);
    (Digit::read(text, size).0, Digit::read(back, size).0)
}

/// By digit, of digits and what they come back as: `mean_absolute_error`, the mean absolute difference of all pixels from 0 for
/// background to 1 for ink; `foreground_accuracy`, the share of the digits' inked pixels that are ink in the other, too; and
/// `iou`, the inked pixels of both over those of either.
#[must_use]
pub fn reconstruction_figures(pairs: &[(Digit, Digit)]) -> Vec<Figure> {
    let error = |(own, other): &(Digit, Digit)| {
        let (own, other) = (Parts::Picture(own.clone()), Parts::Picture(other.clone()));
        (own.distance(&other), 1.0)
    };
    let inked = |(own, other): &(Digit, Digit)| {
        let (mut own_ink, mut both, mut either) = (0, 0, 0);
        for (own, other) in own.levels.iter().zip(&other.levels) {
            let (own, other) = (*own >= INK, *other >= INK);
            own_ink += usize::from(own);
            both += usize::from(own && other);
            either += usize::from(own || other);
        }
        [own_ink, both, either].map(|count| count as f64)
    };
    let inks: Vec<[f64; 3]> = pairs.iter().map(inked).collect();
    vec![
        Figure { name: "mean_absolute_error", parts: pairs.iter().map(error).collect() },
        Figure {
            name: "foreground_accuracy",
            parts: inks.iter().map(|&[own, both, _]| (both, own)).collect(),
        },
        Figure {
            name: "iou",
            parts: inks.iter().map(|&[_, both, either]| (both, either)).collect(),
        },
    ]
}

/// A ladder between two digits as a classifier sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The classes of A and B, where they are known.
    pub ends: [Option<u8>; 2],
    /// What each rung is taken for, those at the ends included.
    pub rungs: Vec<Opinion>,
}

impl Seen {
    /// What the interior rungs are taken for.
    fn interior(&self) -> &[Opinion] {
        match self.rungs.as_slice() {
            [_, interior @ .., _] => interior,
            _ => &[],
        }
    }

    /// Both classes, where they are known.
    #[must_use]
    pub fn classes(&self) -> Option<(u8, u8)> {
        Some((self.ends[0]?, self.ends[1]?))
    }

    /// Whether the first and the last rung pass for digits.
    #[must_use]
    pub fn has_credible_ends(&self) -> bool {
        let ends = [self.rungs.first(), self.rungs.last()];
        ends.into_iter().flatten().all(|opinion| opinion.is_credible())
    }

    /// Whether the rungs are first of A's class and then, without a way back or a third class, of B's.
    fn switches_once(&self, (a, b): (u8, u8)) -> bool {
        let of_a = self.rungs.iter().take_while(|opinion| opinion.class == a).count();
        let rest = &self.rungs[of_a..];
        of_a > 0 && !rest.is_empty() && rest.iter().all(|opinion| opinion.class == b)
    }
}

/// By pair: the share of interior rungs that pass for digits, of those whose class is neither end's, of those in pairs of one
/// class that keep it, and whether a pair of two classes changes from one to the other once. The names are for these four, in
/// this order.
#[must_use]
pub fn ladder_figures(seen: &[Seen], names: [&'static str; 4]) -> Vec<Figure> {
    let share = |seen: &Seen, which: &dyn Fn(&Opinion) -> bool| {
        let interior = seen.interior();
        (interior.iter().filter(|o| which(o)).count() as f64, interior.len() as f64)
    };
    let credible = |seen: &Seen| share(seen, &|opinion| opinion.is_credible());
    let third = |seen: &Seen| {
        let Some((a, b)) = seen.classes() else { return (0.0, 0.0) };
        share(seen, &|opinion| opinion.class != a && opinion.class != b)
    };
    let kept = |seen: &Seen| match seen.classes() {
        Some((a, b)) if a == b => share(seen, &|opinion| opinion.class == a),
        _ => (0.0, 0.0),
    };
    let once = |seen: &Seen| match seen.classes() {
        Some((a, b)) if a != b => (f64::from(seen.switches_once((a, b))), 1.0),
        _ => (0.0, 0.0),
    };
    let [passing, stray, same, switching] = names;
    let parts = |figure: &dyn Fn(&Seen) -> (f64, f64)| seen.iter().map(figure).collect();
    vec![
        Figure { name: passing, parts: parts(&credible) },
        Figure { name: stray, parts: parts(&third) },
        Figure { name: same, parts: parts(&kept) },
        Figure { name: switching, parts: parts(&once) },
    ]
}

/// By ladder: the mean of what its interior rungs have, such as their distances to the nearest digit.
#[must_use]
pub fn interior_mean(name: &'static str, values: &[Vec<Option<f64>>]) -> Figure {
    let parts = values.iter().map(|rungs| {
        let interior = rungs.iter().take(rungs.len().saturating_sub(1)).skip(1);
        interior.flatten().fold((0.0, 0.0), |sum, value| (sum.0 + value, sum.1 + 1.0))
    });
    Figure { name, parts: parts.collect() }
}
