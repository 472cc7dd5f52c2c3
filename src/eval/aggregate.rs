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

/// One figure's part of every pair, as numerator and denominator: the figure is Σ numerators / Σ denominators.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name in the reports.
    pub name: &'static str,
    /// A pair that does not have the figure is (0, 0).
    pub parts: Vec<(f64, f64)>,
}

impl Figure {
    /// A figure that is a mean over the pairs that have it.
    #[must_use]
    pub fn mean(name: &'static str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let parts = values.map(|value| value.map_or((0.0, 0.0), |value| (value, 1.0))).collect();
        Self { name, parts }
    }
}

/// The figures of [`LadderMetrics`] over all ladders, and `collapse`: the share of the most frequent text.
///
/// Means are over the ladders that have a figure, each ladder weighing the same; `non_copy_validity` is over all
/// interior rungs that are no copy. `seed` decides the other pairs of kinship.
#[must_use]
pub fn ladder_figures(ladders: &[Ladder], units: Units, seed: u64) -> Vec<Figure> {
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
    let mean = |name, figure: fn(&LadderMetrics) -> Option<f64>| {
        Figure::mean(name, figures.iter().map(figure))
    };
    let non_copies = figures.iter().map(|f| {
        let weight = f.non_copies as f64;
        (f.non_copy_validity.unwrap_or(0.0) * weight, weight)
    });
    vec![
        mean("endpoint_exact_match", |f| Some(f.endpoint_exact_match)),
        mean("interior_validity", |f| f.interior_validity),
        mean("copy_rate", |f| f.copy_rate),
        Figure { name: "non_copy_validity", parts: non_copies.collect() },
        mean("blend_yield", |f| f.blend_yield),
        mean("kinship", |f| f.kinship),
        mean("distinct", |f| f.distinct),
        mean("linear_deviation", |f| f.linear_deviation),
        mean("max_step", |f| f.max_step),
        mean("path_ratio", |f| f.path_ratio),
        Figure { name: "collapse", parts: most_frequent(ladders) },
    ]
}

/// Figures with their intervals; `None` (in JSON `null`) where no pair has the figure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimates(Vec<(&'static str, Option<Estimate>)>);

impl Estimates {
    /// The figures of `ladders`.
    #[must_use]
    pub fn of_ladders(ladders: &[Ladder], units: Units, seed: u64) -> Self {
        Self::of(&ladder_figures(ladders, units, seed), seed)
    }

    /// The figures with intervals from bootstrap samples that `seed` draws.
    #[must_use]
    pub fn of(figures: &[Figure], seed: u64) -> Self {
        let bootstrap = Bootstrap::new(figures.first().map_or(0, |f| f.parts.len()), seed);
        Self(figures.iter().map(|f| (f.name, bootstrap.estimate(&f.parts))).collect())
    }

    /// The differences `b` − `a` of figures over the same pairs, with paired intervals: both are taken from the same
    /// bootstrap samples.
    #[must_use]
    pub fn of_differences(a: &[Figure], b: &[Figure], seed: u64) -> Self {
        let bootstrap = Bootstrap::new(a.first().map_or(0, |f| f.parts.len()), seed);
        let difference =
            |(a, b): (&Figure, &Figure)| (a.name, bootstrap.difference(&a.parts, &b.parts));
        Self(a.iter().zip(b).map(difference).collect())
    }

    /// The figure of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Estimate> {
        self.0.iter().find(|(other, _)| *other == name).and_then(|(_, estimate)| *estimate)
    }

    /// Adds a figure that was estimated over other items than pairs.
    pub fn push(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Some of the figures under other names: those that are here, in this order.
    #[must_use]
    pub fn renamed(&self, names: &[(&str, &'static str)]) -> Self {
        let known = |name: &str| self.0.iter().find(|(other, _)| *other == name);
        Self(names.iter().filter_map(|&(from, to)| Some((to, known(from)?.1))).collect())
    }

    /// All figures in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<Estimate>)> + '_ {
        self.0.iter().copied()
    }
}

impl Serialize for Estimates {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
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
        self.interval(|times| ratio(parts, times))
    }

    /// The difference of two such ratios, `b` − `a`.
    fn difference(&self, a: &[(f64, f64)], b: &[(f64, f64)]) -> Option<Estimate> {
        self.interval(|times| Some(ratio(b, times)? - ratio(a, times)?))
    }

    fn interval(&self, figure: impl Fn(Times<'_>) -> Option<f64>) -> Option<Estimate> {
        let value = figure(&|_| 1.0)?;
        let mut samples: Vec<f64> =
            self.times.iter().filter_map(|times| figure(&|i| f64::from(times[i]))).collect();
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

/// How often each pair is taken.
type Times<'a> = &'a dyn Fn(usize) -> f64;

/// Σ numerators / Σ denominators with pairs taken so many times; `None` where no pair has the figure.
fn ratio(parts: &[(f64, f64)], times: Times<'_>) -> Option<f64> {
    let (mut above, mut below) = (0.0, 0.0);
    for (i, (numerator, denominator)) in parts.iter().enumerate() {
        above += times(i) * numerator;
        below += times(i) * denominator;
    }
    (below > 0.0).then(|| above / below)
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
        let all = Estimates::of_ladders(&ladders, Units::Lexemes, 0);
        assert_eq!(value(all.get("endpoint_exact_match")), 1.0);
        assert_eq!(value(all.get("interior_validity")), 0.5);
        assert_eq!(value(all.get("copy_rate")), 0.375);
        assert_eq!(value(all.get("non_copy_validity")), 0.2);
        assert_eq!(value(all.get("collapse")), 4.0 / 12.0);
        // One valid non-copy in four, which shares one lexeme of three with A, two with B and none with the other pair.
        let kinship = (1.0 / 3.0) / 4.0 / 2.0;
        assert!((value(all.get("kinship")) - kinship).abs() < 1e-12, "{:?}", all.get("kinship"));
    }

    #[test]
    fn the_interval_is_that_of_the_mean() {
        // 400 pairs, half with a valid interior: the standard error of the mean is 0.025.
        let ladders: Vec<Ladder> =
            (0..400).map(|i| ladder("a", &[&format!("x{i}")], "b", i % 2 == 0)).collect();
        let validity =
            Estimates::of_ladders(&ladders, Units::Words, 5).get("interior_validity").unwrap();
        assert_eq!(validity.value, 0.5);
        assert!((validity.low - 0.451).abs() < 0.01, "{validity:?}");
        assert!((validity.high - 0.549).abs() < 0.01, "{validity:?}");
    }

    #[test]
    fn the_seed_decides_and_json_has_the_names() {
        let words = |i: usize| format!("b{}", " c".repeat(i));
        let ladders: Vec<Ladder> =
            (0..20).map(|i| ladder(&format!("a{i}"), &[&words(i)], "b", i % 3 == 0)).collect();
        let measure = |seed| Estimates::of_ladders(&ladders, Units::Words, seed);
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
    fn paired_differences_are_narrower_than_their_parts() {
        let of = |bonus: f64| {
            let values =
                (0..200).map(|i| Some(f64::from(i % 10) + bonus + f64::from(i % 3) / 10.0));
            vec![Figure::mean("distinct", values)]
        };
        let difference = Estimates::of_differences(&of(0.0), &of(0.5), 1).get("distinct").unwrap();
        assert!((difference.value - 0.5).abs() < 1e-9);
        assert!(difference.low > 0.49 && difference.high < 0.51, "{difference:?}");
        let alone = Estimates::of(&of(0.0), 1).get("distinct").unwrap();
        assert!(alone.high - alone.low > 0.5);
    }

    #[test]
    fn no_ladders_no_figures() {
        let none = Estimates::of_ladders(&[], Units::Lexemes, 0);
        assert_eq!((none.get("endpoint_exact_match"), none.get("collapse")), (None, None));
        let one = Estimates::of_ladders(&[ladder("a", &["b"], "c", true)], Units::Words, 0);
        assert_eq!(one.get("kinship"), None);
    }

    #[test]
    fn constant_output_collapses() {
        let ladders = vec![ladder("pass", &["pass"; 9], "pass", true); 50];
        let all = Estimates::of_ladders(&ladders, Units::Lexemes, 0);
        assert_eq!(all.get("collapse"), Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
        assert_eq!(all.get("max_step"), None);
    }
}
