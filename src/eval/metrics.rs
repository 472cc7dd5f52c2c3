//! The figures of one finished ladder.

use std::collections::{BTreeSet, HashSet};

use super::{pieces, Parts, Units};

/// A decoded ladder with the ends that were encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// The text A that ratio 0 stands for.
    pub a: String,
    /// The text B that ratio 1 stands for.
    pub b: String,
    /// The decoded texts x₀ … xₙ at even ratios from 0 to 1, both ends included.
    pub rungs: Vec<String>,
    /// For each rung whether the domain accepts it; a missing entry counts as not valid.
    pub valid: Vec<bool>,
}

impl Ladder {
    /// The interior rungs with their places: all but the first and the last.
    pub fn interior(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.rungs.len().saturating_sub(1);
        self.rungs.iter().map(String::as_str).enumerate().take(end).skip(1)
    }

    /// Whether rung `k` is accepted and not blank.
    #[must_use]
    pub fn accepts(&self, k: usize) -> bool {
        self.valid.get(k) == Some(&true) && self.rungs.get(k).is_some_and(|t| !t.trim().is_empty())
    }

    /// Whether a text equals A, B or a decoded end.
    #[must_use]
    pub fn is_copy(&self, text: &str) -> bool {
        let ends = [self.rungs.first(), self.rungs.last(), Some(&self.a), Some(&self.b)];
        ends.into_iter().flatten().any(|end| end == text)
    }

    /// The interior rungs that are accepted and no copy.
    #[must_use]
    pub fn valid_non_copies(&self) -> Vec<&str> {
        self.interior()
            .filter(|&(k, text)| self.accepts(k) && !self.is_copy(text))
            .map(|(_, text)| text)
            .collect()
    }

    /// By how much this ladder is the better one of several between the same ends: accepted interior rungs, then different
    /// ones, then the smallest largest step.
    #[must_use]
    pub fn rank(&self, units: Units) -> f64 {
        let figures = LadderMetrics::measure(self, None, units);
        let or = |figure: Option<f64>, otherwise| figure.unwrap_or(otherwise);
        // Shares of at most some hundred rungs: one step of a weight outweighs all that follows.
        or(figures.interior_validity, 0.0) * 1e6 + or(figures.distinct, 0.0) * 1e3
            - or(figures.max_step, 100.0).min(100.0)
    }
}

/// The figures of one ladder; `None` where a figure has no meaning for it.
///
/// Interior rungs are all but the first and the last. A rung that is blank is never valid here. A copy is a rung equal
/// to A, B, x₀ or xₙ. Distances d are Levenshtein over the longer length, in the domain's units, and of digits the mean absolute
/// difference of their pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct LadderMetrics {
    /// ½ ([x₀ = A] + [xₙ = B]).
    pub endpoint_exact_match: f64,
    /// Valid share of the interior rungs; `None` without interior rungs.
    pub interior_validity: Option<f64>,
    /// Share of copies among the interior rungs.
    pub copy_rate: Option<f64>,
    /// Valid share of the interior rungs that are no copy; `None` where all are.
    pub non_copy_validity: Option<f64>,
    /// Interior rungs that are no copy: the weight of `non_copy_validity`.
    pub non_copies: usize,
    /// Share of interior rungs that are valid, no copy, and hold a content piece that only A has and one that only B
    /// has; `None` for digits, which have no pieces.
    pub blend_yield: Option<f64>,
    /// Mean over the interior rungs of [valid][no copy] · min(1 − d(A, x), 1 − d(B, x)), minus the same with the ends of
    /// another pair; `None` without another pair.
    pub kinship: Option<f64>,
    /// Different texts over the number of interior rungs.
    pub distinct: Option<f64>,
    /// Mean over the interior rungs of |pₖ − k/n|, pₖ = d(A, xₖ) / (d(A, xₖ) + d(B, xₖ)); `None` where A = B.
    ///
    /// Copy then jump gives 0.22 (the rung at ½ halfway) to 0.28 with eleven rungs.
    pub linear_deviation: Option<f64>,
    /// Largest d(xₖ, xₖ₊₁) / d(x₀, xₙ); `None` where the decoded ends are the same.
    pub max_step: Option<f64>,
    /// Sum of d(xₖ, xₖ₊₁) / d(x₀, xₙ); `None` where the decoded ends are the same.
    pub path_ratio: Option<f64>,
}

impl LadderMetrics {
    /// Measures one ladder; `other` holds the ends of another random pair, the yardstick of kinship.
    #[must_use]
    pub fn measure(ladder: &Ladder, other: Option<(&str, &str)>, units: Units) -> Self {
        let rungs: Vec<Parts<'_>> = ladder.rungs.iter().map(|rung| units.parts(rung)).collect();
        let (a, b) = (units.parts(&ladder.a), units.parts(&ladder.b));
        let (a_pieces, b_pieces) = (pieces(&ladder.a, units), pieces(&ladder.b, units));
        let only_a: BTreeSet<&String> = a_pieces.difference(&b_pieces).collect();
        let only_b: BTreeSet<&String> = b_pieces.difference(&a_pieces).collect();
        let other = other.map(|(a, b)| (units.parts(a), units.parts(b)));

        let (first, last) = (ladder.rungs.first(), ladder.rungs.last());
        let end = rungs.len().saturating_sub(1);
        let interior = end.saturating_sub(1);
        let (mut valid, mut copies, mut fresh, mut blends) = (0, 0, 0, 0);
        let (mut own, mut foreign) = (0.0, 0.0);
        let (mut deviation, mut placed) = (0.0, 0);
        let mut texts = HashSet::new();
        for (k, text) in ladder.interior() {
            let (rung, accepted, copy) = (&rungs[k], ladder.accepts(k), ladder.is_copy(text));
            let (from_a, from_b) = (a.distance(rung), b.distance(rung));
            texts.insert(text);
            valid += usize::from(accepted);
            copies += usize::from(copy);
            if accepted && !copy {
                fresh += 1;
                let held = pieces(text, units);
                let holds =
                    |only: &BTreeSet<&String>| only.iter().any(|piece| held.contains(*piece));
                blends += usize::from(holds(&only_a) && holds(&only_b));
                own += (1.0 - from_a).min(1.0 - from_b);
                if let Some((a, b)) = &other {
                    foreign += (1.0 - a.distance(rung)).min(1.0 - b.distance(rung));
                }
            }
            if from_a + from_b > 0.0 {
                deviation += (from_a / (from_a + from_b) - k as f64 / end as f64).abs();
                placed += 1;
            }
        }

        let span = match (rungs.first(), rungs.last()) {
            (Some(first), Some(last)) => first.distance(last),
            _ => 0.0,
        };
        let steps: Vec<f64> = rungs.windows(2).map(|pair| pair[0].distance(&pair[1])).collect();
        let over_span = |length: f64| (span > 0.0).then(|| length / span);
        let share = |count: f64, of: usize| (of > 0).then(|| count / of as f64);
        let non_copies = interior - copies;
        Self {
            endpoint_exact_match: 0.5
                * (f64::from(first == Some(&ladder.a)) + f64::from(last == Some(&ladder.b))),
            interior_validity: share(valid as f64, interior),
            copy_rate: share(copies as f64, interior),
            non_copy_validity: share(fresh as f64, non_copies),
            non_copies,
            blend_yield: share(blends as f64, interior).filter(|_| units != Units::Pixels),
            kinship: other.as_ref().and_then(|_| share(own - foreign, interior)),
            distinct: share(texts.len() as f64, interior),
            linear_deviation: share(deviation, placed),
            max_step: over_span(steps.iter().copied().fold(0.0, f64::max)),
            path_ratio: over_span(steps.iter().sum()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ladder whose decoded ends are A and B.
    pub fn ladder(a: &str, interior: &[&str], b: &str, valid: bool) -> Ladder {
        let rungs = std::iter::once(a).chain(interior.iter().copied()).chain([b]);
        let rungs: Vec<String> = rungs.map(str::to_owned).collect();
        let mut marks = vec![valid; rungs.len()];
        (marks[0], marks[rungs.len() - 1]) = (true, true);
        Ladder { a: a.into(), b: b.into(), rungs, valid: marks }
    }

    fn near(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() < 1e-12)
    }

    const A: &str = "alpha(1, 2)";
    const B: &str = "beta[3][4]";

    #[test]
    fn copy_then_jump_scores_nothing_but_validity() {
        let copies = ladder(A, &[A, A, A, A, B, B, B, B, B], B, true);
        let figures = LadderMetrics::measure(&copies, Some(("x = 1", "y = 2")), Units::Lexemes);
        assert_eq!(figures.endpoint_exact_match, 1.0);
        assert!(near(figures.interior_validity, 1.0));
        assert!(near(figures.copy_rate, 1.0));
        assert_eq!((figures.non_copy_validity, figures.non_copies), (None, 0));
        assert!(near(figures.blend_yield, 0.0));
        assert!(near(figures.kinship, 0.0));
        assert!(near(figures.distinct, 2.0 / 9.0));
        assert!(near(figures.linear_deviation, 2.5 / 9.0), "{figures:?}");
        assert!(near(figures.max_step, 1.0));
        assert!(near(figures.path_ratio, 1.0));
    }

    #[test]
    fn a_perfect_splice_is_linear_and_blends() {
        let word = |k: usize, side: &str| format!("{side}{}", char::from(b'a' + k as u8));
        let line = |split: usize| {
            (0..10)
                .map(|k| word(k, if k < 10 - split { "left" } else { "right" }))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let lines: Vec<String> = (0..=10).map(line).collect();
        let interior: Vec<&str> = lines[1..10].iter().map(String::as_str).collect();
        let splice = ladder(&lines[0], &interior, &lines[10], true);
        let figures = LadderMetrics::measure(&splice, Some(("no word", "of these")), Units::Words);
        assert!(near(figures.copy_rate, 0.0));
        assert!(near(figures.non_copy_validity, 1.0));
        assert!(near(figures.blend_yield, 1.0));
        assert!(near(figures.distinct, 1.0));
        assert!(near(figures.linear_deviation, 0.0));
        assert!(near(figures.max_step, 0.1));
        assert!(near(figures.path_ratio, 1.0));
        // The mean of min(k, 10 − k) / 10 over k = 1…9; nothing is near the other pair.
        assert!(near(figures.kinship, 2.5 / 9.0), "{figures:?}");
        let near_anything =
            LadderMetrics::measure(&splice, Some((&lines[0], &lines[10])), Units::Words);
        assert!(near(near_anything.kinship, 0.0));
    }

    #[test]
    fn constant_output_has_no_path() {
        let mut constant = ladder("x = 1", &["pass"; 9], "y = 2", true);
        constant.rungs[0] = "pass".into();
        constant.rungs[10] = "pass".into();
        let figures = LadderMetrics::measure(&constant, None, Units::Lexemes);
        assert_eq!(figures.endpoint_exact_match, 0.0);
        assert!(near(figures.interior_validity, 1.0));
        assert!(near(figures.copy_rate, 1.0));
        assert!(near(figures.distinct, 1.0 / 9.0));
        assert_eq!((figures.max_step, figures.path_ratio, figures.kinship), (None, None, None));
    }

    #[test]
    fn gibberish_is_distinct_and_nothing_else() {
        let words = ["alpha beta )", "((", "]]", "+", "= =", "1 2", "; ;", "if", "in"];
        let gibberish = ladder(A, &words, B, false);
        let figures = LadderMetrics::measure(&gibberish, Some((A, B)), Units::Lexemes);
        for zero in [figures.interior_validity, figures.non_copy_validity, figures.blend_yield] {
            assert!(near(zero, 0.0));
        }
        assert!(near(figures.kinship, 0.0));
        assert!(near(figures.distinct, 1.0));
        assert!(figures.path_ratio.is_some_and(|ratio| ratio > 5.0), "{figures:?}");
    }

    #[test]
    fn of_several_ladders_the_valid_then_the_varied_then_the_smooth_one_ranks_first() {
        let rank = |rungs: &[&str], valid| ladder("a b", rungs, "c d", valid).rank(Units::Words);
        let smooth = rank(&["a d", "a d c", "c d c"], true);
        let varied = rank(&["x y z", "a", "c d c"], true);
        let copies = rank(&["a b", "a b", "c d"], true);
        let wrong = rank(&["a d", "a d c", "c d c"], false);
        assert!(smooth > varied && varied > copies && copies > wrong);
    }

    #[test]
    fn a_blank_rung_is_never_valid() {
        let blank = ladder(A, &["", "  "], B, true);
        let figures = LadderMetrics::measure(&blank, None, Units::Lexemes);
        assert!(near(figures.interior_validity, 0.0));
        assert!(near(figures.non_copy_validity, 0.0));
    }

    #[test]
    fn a_blend_needs_pieces_of_both_ends() {
        let a = "get_name(user, 10)";
        let b = "setAge('user', 20)";
        let rungs = ["get_age(user, 10)", "name(user)", "f(name, 20)", "user(getter)", "g(10, 20)"];
        let figures = LadderMetrics::measure(&ladder(a, &rungs, b, true), None, Units::Lexemes);
        assert!(near(figures.blend_yield, 3.0 / 5.0), "{figures:?}");
    }

    #[test]
    fn short_and_broken_ladders_do_not_panic() {
        for rungs in 0..3 {
            let ladder = Ladder {
                a: "x".into(),
                b: "x".into(),
                rungs: vec!["x".into(); rungs],
                valid: Vec::new(),
            };
            let figures = LadderMetrics::measure(&ladder, None, Units::Characters);
            assert_eq!(figures.interior_validity, None);
        }
    }
}
