//! The figures of many ladders: means with bootstrap intervals over pairs (Efron 1979), and the collapse guard.

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::pairs::partners;
use super::{Ladder, LadderMetrics, Units};

/// Bootstrap samples behind each interval.
pub const RESAMPLES: usize = 1000;

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean over pairs.
    pub value: f64,
    /// The 2.5th percentile of the bootstrap samples' means.
    pub low: f64,
    /// Their 97.5th percentile.
    pub high: f64,
}

/// The figures of [`LadderMetrics`] over all ladders; `None` (in JSON `null`) where no ladder has the figure.
///
/// Means are over the ladders that have a figure, each ladder weighing the same; `non_copy_validity` is over all
/// interior rungs that are no copy. `serde_json::to_value` gives the objects of `eval --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aggregate {
    /// Share of decoded ends that equal their input.
    pub endpoint_exact_match: Option<Estimate>,
    /// Valid share of the interior rungs.
    pub interior_validity: Option<Estimate>,
    /// Share of copies of an end among the interior rungs.
    pub copy_rate: Option<Estimate>,
    /// Valid share of the interior rungs that are no copy.
    pub non_copy_validity: Option<Estimate>,
    /// Share of interior rungs that are valid, no copy, and take content from both ends: the headline figure.
    pub blend_yield: Option<Estimate>,
    /// Nearness of valid non-copies to both ends, beyond that to the ends of another random pair.
    pub kinship: Option<Estimate>,
    /// Different texts over interior rungs.
    pub distinct: Option<Estimate>,
    /// Mean distance from an even transition.
    pub linear_deviation: Option<Estimate>,
    /// Largest step over the distance of the decoded ends.
    pub max_step: Option<Estimate>,
    /// Length of the path over the distance of the decoded ends.
    pub path_ratio: Option<Estimate>,
    /// Share of the most frequent text among all decoded ones.
    pub collapse: Option<Estimate>,
}

impl Aggregate {
    /// Measures `ladders`; `seed` decides the other pairs of kinship and the bootstrap samples.
    #[must_use]
    pub fn measure(ladders: &[Ladder], units: Units, seed: u64) -> Self {
        let partner = partners(ladders.len(), seed);
        let figures: Vec<LadderMetrics> = ladders
            .iter()
            .zip(&partner)
            .enumerate()
            .map(|(i, (ladder, &j))| {
                let other = (i != j).then(|| (ladders[j].a.as_str(), ladders[j].b.as_str()));
                LadderMetrics::measure(ladder, other, units)
            })
            .collect();
        let bootstrap = Bootstrap::new(ladders.len(), seed);
        let mean = |figure: &dyn Fn(&LadderMetrics) -> Option<f64>| {
            let parts: Vec<(f64, f64)> = figures
                .iter()
                .map(|f| figure(f).map_or((0.0, 0.0), |value| (value, 1.0)))
                .collect();
            bootstrap.estimate(&parts)
        };
        let non_copies: Vec<(f64, f64)> = figures
            .iter()
            .map(|f| {
                let weight = f.non_copies as f64;
                (f.non_copy_validity.unwrap_or(0.0) * weight, weight)
            })
            .collect();
        Self {
            endpoint_exact_match: mean(&|f| Some(f.endpoint_exact_match)),
            interior_validity: mean(&|f| f.interior_validity),
            copy_rate: mean(&|f| f.copy_rate),
            non_copy_validity: bootstrap.estimate(&non_copies),
            blend_yield: mean(&|f| f.blend_yield),
            kinship: mean(&|f| f.kinship),
            distinct: mean(&|f| f.distinct),
            linear_deviation: mean(&|f| f.linear_deviation),
            max_step: mean(&|f| f.max_step),
            path_ratio: mean(&|f| f.path_ratio),
            collapse: bootstrap.estimate(&most_frequent(ladders)),
        }
    }
}

/// For each ladder how many of its rungs are the text that is most frequent over all ladders, and of how many.
///
/// The text stays the same in all bootstrap samples: the maximum of each sample would be biased upwards, since a ladder
/// drawn twice repeats all its texts.
fn most_frequent(ladders: &[Ladder]) -> Vec<(f64, f64)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for rung in ladders.iter().flat_map(|ladder| &ladder.rungs) {
        *counts.entry(rung).or_default() += 1;
    }
    // The text itself breaks ties, so that the order in the map does not.
    let most = counts.into_iter().max_by_key(|&(text, count)| (count, text)).map(|(text, _)| text);
    ladders
        .iter()
        .map(|ladder| {
            let count = ladder.rungs.iter().filter(|rung| Some(rung.as_str()) == most).count();
            (count as f64, ladder.rungs.len() as f64)
        })
        .collect()
}

/// Bootstrap samples of the pairs, the same for every figure.
struct Bootstrap {
    /// For each sample how often each pair is in it.
    times: Vec<Vec<u32>>,
}

impl Bootstrap {
    fn new(pairs: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Another stream than the partners', or the same seed would tie the two choices together.
        rng.set_stream(1);
        let times = (0..RESAMPLES)
            .map(|_| {
                let mut times = vec![0; pairs];
                for _ in 0..pairs {
                    times[rng.random_range(0..pairs)] += 1;
                }
                times
            })
            .collect();
        Self { times }
    }

    /// Σ numerators / Σ denominators with its percentile interval; a pair without the figure is (0, 0).
    fn estimate(&self, parts: &[(f64, f64)]) -> Option<Estimate> {
        let ratio = |times: &dyn Fn(usize) -> f64| {
            let (mut above, mut below) = (0.0, 0.0);
            for (i, (numerator, denominator)) in parts.iter().enumerate() {
                above += times(i) * numerator;
                below += times(i) * denominator;
            }
            (below > 0.0).then(|| above / below)
        };
        let value = ratio(&|_| 1.0)?;
        let mut samples: Vec<f64> =
            self.times.iter().filter_map(|times| ratio(&|i| f64::from(times[i]))).collect();
        samples.sort_by(f64::total_cmp);
        let percentile = |share: f64| {
            let at = share * samples.len().saturating_sub(1) as f64;
            let below = at.floor() as usize;
            let low = samples.get(below).copied().unwrap_or(value);
            let high = samples.get(below + 1).copied().unwrap_or(low);
            low + (high - low) * at.fract()
        };
        Some(Estimate { value, low: percentile(0.025), high: percentile(0.975) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::tests::ladder;
    use super::*;

    fn value(estimate: Option<Estimate>) -> f64 {
        estimate.map_or(f64::NAN, |estimate| estimate.value)
    }

    #[test]
    fn means_weigh_ladders_the_same_and_non_copies_by_rung() {
        let ladders = [
            ladder("a = 1", &["a = 1", "a = 1", "a = 1", "a + 2"], "b + 2", true),
            ladder("c = 3", &["x", "y", "z", "w"], "d = 4", false),
        ];
        let all = Aggregate::measure(&ladders, Units::Lexemes, 0);
        assert_eq!(value(all.endpoint_exact_match), 1.0);
        assert_eq!(value(all.interior_validity), 0.5);
        assert_eq!(value(all.copy_rate), 0.375);
        assert_eq!(value(all.non_copy_validity), 0.2);
        assert_eq!(value(all.collapse), 4.0 / 12.0);
        // One valid non-copy in four, which shares one lexeme of three with A, two with B and none with the other pair.
        let kinship = (1.0 / 3.0) / 4.0 / 2.0;
        assert!((value(all.kinship) - kinship).abs() < 1e-12, "{:?}", all.kinship);
    }

    #[test]
    fn the_interval_is_that_of_the_mean() {
        // 400 pairs, half with a valid interior: the standard error of the mean is 0.025.
        let ladders: Vec<Ladder> =
            (0..400).map(|i| ladder("a", &[&format!("x{i}")], "b", i % 2 == 0)).collect();
        let validity = Aggregate::measure(&ladders, Units::Words, 5).interior_validity.unwrap();
        assert_eq!(validity.value, 0.5);
        assert!((validity.low - 0.451).abs() < 0.01, "{validity:?}");
        assert!((validity.high - 0.549).abs() < 0.01, "{validity:?}");
    }

    #[test]
    fn the_seed_decides_and_json_has_the_names() {
        let words = |i: usize| format!("b{}", " c".repeat(i));
        let ladders: Vec<Ladder> =
            (0..20).map(|i| ladder(&format!("a{i}"), &[&words(i)], "b", i % 3 == 0)).collect();
        let measure = |seed| Aggregate::measure(&ladders, Units::Words, seed);
        assert_eq!(measure(1), measure(1));
        assert_ne!(measure(1), measure(2));
        let json = serde_json::to_value(measure(1)).unwrap();
        let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "endpoint_exact_match",
                "interior_validity",
                "copy_rate",
                "non_copy_validity",
                "blend_yield",
                "kinship",
                "distinct",
                "linear_deviation",
                "max_step",
                "path_ratio",
                "collapse"
            ]
        );
        assert!(json["collapse"]["low"].as_f64() <= json["collapse"]["high"].as_f64());
    }

    #[test]
    fn no_ladders_no_figures() {
        let none = Aggregate::measure(&[], Units::Lexemes, 0);
        assert_eq!((none.endpoint_exact_match, none.collapse), (None, None));
        let one = Aggregate::measure(&[ladder("a", &["b"], "c", true)], Units::Words, 0);
        assert_eq!(one.kinship, None);
    }

    #[test]
    fn constant_output_collapses() {
        let ladders = vec![ladder("pass", &["pass"; 9], "pass", true); 50];
        let all = Aggregate::measure(&ladders, Units::Lexemes, 0);
        assert_eq!(all.collapse, Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
        assert_eq!(all.max_step, None);
    }
}
