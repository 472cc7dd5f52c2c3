//! The figures of ladders by what their pairs have in common.

use super::{Judge, Line, Stratum};
use crate::eval::digits::{class_of, Seen};
use crate::eval::{Estimates, Ladder};

/// A set of pairs: what they have in common, and which of all they are.
type Set = (String, Vec<bool>);

impl Judge<'_> {
    /// The figures by set; `seen` are the ladders as the classifier sees them, or none.
    pub(super) fn strata(
        &self,
        ladders: &[Ladder],
        pairs: &[(&Line<'_>, &Line<'_>)],
        seen: &[Seen],
    ) -> Vec<Stratum> {
        let sets =
            if self.pictures { by_class(pairs, seen) } else { self.by_length_and_ends(ladders) };
        sets.into_iter()
            .map(|(pairs_with, belongs)| {
                let own: Vec<Ladder> = chosen(ladders, &belongs);
                let seed = self.protocol.seed;
                let mut interpolation = Estimates::of(&self.figures(&own), seed);
                let seen: Vec<Seen> = chosen(seen, &belongs);
                if !seen.is_empty() {
                    interpolation.push(Estimates::of(&super::digits::of_ladders(&seen), seed));
                }
                Stratum { pairs_with, pairs: own.len(), interpolation }
            })
            .collect()
    }

    /// By the longer end's length, and by whether both ends come back exactly.
    fn by_length_and_ends(&self, ladders: &[Ladder]) -> Vec<Set> {
        let length = |l: &Ladder| self.units.split(&l.a).len().max(self.units.split(&l.b).len());
        let of_each: Vec<usize> = ladders.iter().map(length).collect();
        let mut lengths = of_each.clone();
        lengths.sort_unstable();
        let at = |share: usize| lengths.get(lengths.len() * share / 3).copied().unwrap_or(0);
        let (short, long) = (at(1), at(2));
        let exact = |l: &Ladder| l.rungs.first() == Some(&l.a) && l.rungs.last() == Some(&l.b);
        let within = |range: std::ops::RangeInclusive<usize>| {
            of_each.iter().map(|l| range.contains(l)).collect()
        };
        vec![
            (format!("at most {short} units"), within(0..=short)),
            (format!("{} to {long} units", short + 1), within(short + 1..=long)),
            (format!("more than {long} units"), within(long + 1..=usize::MAX)),
            ("both ends exact".to_owned(), ladders.iter().map(exact).collect()),
            ("an end not exact".to_owned(), ladders.iter().map(|l| !exact(l)).collect()),
        ]
    }
}

/// By whether both ends are of one class, where the digits have labels, and by whether both decoded ends pass for digits, where
/// a classifier has seen them.
fn by_class(pairs: &[(&Line<'_>, &Line<'_>)], seen: &[Seen]) -> Vec<Set> {
    let mut sets = Vec::new();
    let classes: Option<Vec<(u8, u8)>> =
        pairs.iter().map(|(a, b)| Some((class_of(a.example)?, class_of(b.example)?))).collect();
    if let Some(classes) = classes {
        let same = |same: bool| classes.iter().map(|(a, b)| (a == b) == same).collect();
        sets.push(("one class".to_owned(), same(true)));
        sets.push(("two classes".to_owned(), same(false)));
    }
    if !seen.is_empty() {
        let credible =
            |wanted: bool| seen.iter().map(|s| s.has_credible_ends() == wanted).collect();
        sets.push(("both ends credible".to_owned(), credible(true)));
        sets.push(("an end not credible".to_owned(), credible(false)));
    }
    sets
}

fn chosen<T: Clone>(all: &[T], which: &[bool]) -> Vec<T> {
    all.iter().zip(which).filter(|(_, chosen)| **chosen).map(|(item, _)| item.clone()).collect()
}
