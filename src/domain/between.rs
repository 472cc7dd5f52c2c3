//! Texts between two texts: subsets of the edits that turn one into the other.

use std::collections::HashSet;

use rand::seq::SliceRandom;
use rand::{Rng, RngCore};

use super::{distance, Edits};

/// Random subsets of edits that are tried beside the contiguous ones.
const SUBSETS: usize = 24;
/// Candidates that are shown to the domain at most; the nearest to the wanted ratio come first.
const TRIES: usize = 12;
/// How far from the wanted ratio a text may stand.
const TOLERANCE: f64 = 0.25;
/// How far one whose edits are the one run may stand.
const NEAR: f64 = 0.15;
/// Edits that the one run may have more or fewer than wanted: where it ends decides whether the text is valid.
const SLACK: usize = 2;
/// What a text that has content of both ends may cost in nearness to the wanted ratio.
const BLEND: f64 = 0.2;

/// What a part of a text is to the edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A name or a word: content.
    Word,
    /// A literal: content.
    Value,
    /// A keyword, an operator, punctuation.
    Syntax,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
}

/// A part of a text that is edited as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its characters.
    pub text: &'a str,
    /// What it is.
    pub sort: Sort,
    /// Whether a blank stands in front.
    pub spaced: bool,
    /// Whether a blank stands behind.
    pub spaced_after: bool,
    /// Where it stands in its text.
    pub index: usize,
}

impl Part<'_> {
    fn is_content(&self) -> bool {
        matches!(self.sort, Sort::Word | Sort::Value)
    }
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Part<'_>> {
    text.split_whitespace()
        .enumerate()
        .map(|(index, text)| Part {
            text,
            sort: Sort::Word,
            spaced: true,
            spaced_after: true,
            index,
        })
        .collect()
}

/// One place of the alignment: a part of A, of B, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    a: Option<usize>,
    b: Option<usize>,
}

/// A text made of `a` with some edits towards `b` that `accept` takes, at about `ratio` of the way.
///
/// Edits are the columns of an alignment that differ. Brackets are edited with their partners. Of the candidates (runs
/// of neighbouring edits, all but such runs, random subsets) the one is taken that is nearest to the ratio, with content
/// of both where there is such a one. With [`Edits::OneRun`] the run of that name comes first, where its text is accepted,
/// has content of both and is near the ratio.
pub(super) fn between(
    (a, b): (&[Part<'_>], &[Part<'_>]),
    ratio: f64,
    which: Edits,
    accept: &dyn Fn(&str) -> bool,
    rng: &mut dyn RngCore,
) -> Option<String> {
    let (whole_a, whole_b) = (texts(a), texts(b));
    if which == Edits::OneRun && (b.len(), &whole_b) < (a.len(), &whole_a) {
        return between((b, a), 1.0 - ratio, which, accept, rng);
    }
    let columns = align(a, b);
    let groups = groups(a, b, &columns);
    let edits: usize = groups.iter().map(Vec::len).sum();
    if edits < 2 {
        return None;
    }
    let wanted = ((ratio * edits as f64).round() as usize).clamp(1, edits - 1);
    let (own_a, own_b) = (contents(a), contents(b));
    // A text of these columns from B, how far it is from the ratio, and whether it has content of both.
    let mix = |taken: &[bool]| {
        let (parts, from_b): (Vec<Part<'_>>, Vec<bool>) = apply(a, b, &columns, taken).unzip();
        let text = join(&parts, &from_b);
        let mixed = texts(&parts);
        if mixed == whole_a || mixed == whole_b {
            return None;
        }
        let (from_a, from_b) = (distance(&whole_a, &mixed), distance(&whole_b, &mixed));
        let off = (from_a / (from_a + from_b) - ratio).abs();
        let has = |own: &HashSet<&str>, other: &HashSet<&str>| {
            parts.iter().any(|p| p.is_content() && own.contains(p.text) && !other.contains(p.text))
        };
        let blend = has(&own_a, &own_b) && has(&own_b, &own_a);
        (off <= TOLERANCE).then_some((off, blend, text))
    };
    if which == Edits::OneRun {
        for taken in one_run(&groups, wanted, columns.len()) {
            let near = mix(&taken).filter(|&(off, blend, _)| blend && off < NEAR);
            if let Some((.., text)) = near.filter(|(.., text)| accept(text)) {
                return Some(text);
            }
        }
    }
    let mut seen = HashSet::new();
    let mut found: Vec<(f64, String)> = Vec::new();
    for taken in subsets(&groups, wanted, a, b, &columns, rng) {
        let Some((off, blend, text)) = mix(&taken) else { continue };
        if !seen.insert(text.clone()) {
            continue;
        }
        // A little chance, so that of equally good ones not always the leftmost is taken.
        let cost = off + if blend { 0.0 } else { BLEND } + 0.03 * rng.random::<f64>();
        found.push((cost, text));
    }
    found.sort_by(|x, y| x.0.total_cmp(&y.0));
    found.into_iter().take(TRIES).map(|(_, text)| text).find(|text| accept(text))
}

fn texts<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    parts.iter().map(|p| p.text).collect()
}

fn contents<'a>(parts: &[Part<'a>]) -> HashSet<&'a str> {
    parts.iter().filter(|p| p.is_content()).map(|p| p.text).collect()
}

/// What it costs to put one part for another, where a deletion or an insertion costs 1.
fn substitution(a: &Part<'_>, b: &Part<'_>) -> f64 {
    if a.text == b.text {
        return 0.0;
    }
    match (a.sort, b.sort) {
        (Sort::Word, Sort::Word) => 0.9,
        (Sort::Value, Sort::Value) => 0.95,
        (Sort::Word, Sort::Value) | (Sort::Value, Sort::Word) => 1.1,
        (Sort::Syntax, Sort::Syntax) => 1.5,
        (Sort::Open, Sort::Open) | (Sort::Close, Sort::Close) => 1.3,
        _ => 3.0,
    }
}

/// The cheapest alignment (Needleman and Wunsch 1970).
fn align(a: &[Part<'_>], b: &[Part<'_>]) -> Vec<Column> {
    let width = b.len() + 1;
    let mut cost = vec![0.0f64; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[i * width + j] = match (i, j) {
                (0, _) => j as f64,
                (_, 0) => i as f64,
                _ => (cost[(i - 1) * width + j - 1] + substitution(&a[i - 1], &b[j - 1]))
                    .min(cost[(i - 1) * width + j] + 1.0)
                    .min(cost[i * width + j - 1] + 1.0),
            };
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut columns = Vec::with_capacity(a.len().max(b.len()));
    while i > 0 || j > 0 {
        let here = cost[i * width + j];
        let both = i > 0
            && j > 0
            && cost[(i - 1) * width + j - 1] + substitution(&a[i - 1], &b[j - 1]) <= here;
        if both {
            (i, j) = (i - 1, j - 1);
            columns.push(Column { a: Some(i), b: Some(j) });
        } else if i > 0 && (j == 0 || cost[(i - 1) * width + j] + 1.0 <= here) {
            i -= 1;
            columns.push(Column { a: Some(i), b: None });
        } else {
            j -= 1;
            columns.push(Column { a: None, b: Some(j) });
        }
    }
    columns.reverse();
    columns
}

/// The partner of every bracket.
fn partners(parts: &[Part<'_>]) -> Vec<Option<usize>> {
    let mut out = vec![None; parts.len()];
    let mut open = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        match part.sort {
            Sort::Open => open.push(i),
            Sort::Close => {
                if let Some(from) = open.pop() {
                    (out[from], out[i]) = (Some(i), Some(from));
                }
            }
            _ => {}
        }
    }
    out
}

/// Columns that differ, those of a pair of brackets together, in the order of their first ones.
fn groups(a: &[Part<'_>], b: &[Part<'_>], columns: &[Column]) -> Vec<Vec<usize>> {
    let same = |c: &Column| matches!((c.a, c.b), (Some(i), Some(j)) if a[i].text == b[j].text);
    let mut leader: Vec<usize> = (0..columns.len()).collect();
    fn root(leader: &[usize], mut i: usize) -> usize {
        while leader[i] != i {
            i = leader[i];
        }
        i
    }
    for (parts, of_a) in [(a, true), (b, false)] {
        let mut column_of = vec![0; parts.len()];
        for (at, column) in columns.iter().enumerate() {
            if let Some(i) = if of_a { column.a } else { column.b } {
                column_of[i] = at;
            }
        }
        for (i, partner) in partners(parts).into_iter().enumerate() {
            let Some(j) = partner.filter(|&j| j > i) else { continue };
            let (x, y) = (column_of[i], column_of[j]);
            if !same(&columns[x]) && !same(&columns[y]) {
                let (x, y) = (root(&leader, x), root(&leader, y));
                leader[x.max(y)] = x.min(y);
            }
        }
    }
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut group_of = vec![usize::MAX; columns.len()];
    for (at, _) in columns.iter().enumerate().filter(|(_, c)| !same(c)) {
        let first = root(&leader, at);
        if group_of[first] == usize::MAX {
            group_of[first] = out.len();
            out.push(Vec::new());
        }
        out[group_of[first]].push(at);
    }
    out
}

/// `count` or more edits in the order of the groups, as columns to take from B; all others where `invert` is set.
fn take(
    groups: &[Vec<usize>],
    order: impl Iterator<Item = usize>,
    count: usize,
    invert: bool,
    columns: usize,
) -> Vec<bool> {
    let mut taken = vec![invert; columns];
    let mut done = 0;
    for group in order {
        if done >= count {
            break;
        }
        groups[group].iter().for_each(|&at| taken[at] = !invert);
        done += groups[group].len();
    }
    taken
}

/// The `count` last edits as columns to take from B, and a few more or fewer, the nearest first.
fn one_run(groups: &[Vec<usize>], count: usize, columns: usize) -> Vec<Vec<bool>> {
    let edits: usize = groups.iter().map(Vec::len).sum();
    let counts = (0..=SLACK).flat_map(|by| [count.checked_add(by), count.checked_sub(by)]);
    counts
        .skip(1)
        .flatten()
        .filter(|count| (1..edits).contains(count))
        .map(|count| take(groups, (0..groups.len()).rev(), count, false, columns))
        .collect()
}

/// Sets of columns to take from B, each of about `wanted` edits.
fn subsets(
    groups: &[Vec<usize>],
    wanted: usize,
    a: &[Part<'_>],
    b: &[Part<'_>],
    columns: &[Column],
    rng: &mut dyn RngCore,
) -> Vec<Vec<bool>> {
    let edits: usize = groups.iter().map(Vec::len).sum();
    let mut out = Vec::new();
    for first in 0..groups.len() {
        out.push(take(groups, first..groups.len(), wanted, false, columns.len()));
        out.push(take(groups, first..groups.len(), edits - wanted, true, columns.len()));
    }
    // Putting a name for a name breaks nothing, so half of the random orders begin with such edits.
    let harmless = |group: &Vec<usize>| {
        group.iter().all(|&at| match (columns[at].a, columns[at].b) {
            (Some(i), Some(j)) => a[i].is_content() && b[j].is_content(),
            _ => false,
        })
    };
    let mut order: Vec<usize> = (0..groups.len()).collect();
    for round in 0..SUBSETS {
        order.shuffle(rng);
        if round % 2 == 0 {
            order.sort_by_key(|&group| !harmless(&groups[group]));
        }
        let invert = round % 4 >= 2;
        let count = if invert { edits - wanted } else { wanted };
        out.push(take(groups, order.iter().copied(), count, invert, columns.len()));
    }
    out
}

/// The parts that are left when the marked columns come from B and the others from A, and which are B's.
fn apply<'s, 'a>(
    a: &'s [Part<'a>],
    b: &'s [Part<'a>],
    columns: &'s [Column],
    from_b: &'s [bool],
) -> impl Iterator<Item = (Part<'a>, bool)> + 's {
    columns.iter().zip(from_b).filter_map(move |(column, &from_b)| {
        let part = if from_b { column.b.map(|j| b[j]) } else { column.a.map(|i| a[i]) };
        Some((part?, from_b))
    })
}

/// The parts as a text, with blanks as they stood where they stood together, else as the marks around them like it.
fn join(parts: &[Part<'_>], from_b: &[bool]) -> String {
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let runs_on = out.ends_with(is_name) && part.text.starts_with(is_name);
        let spaced = i > 0 && {
            let before = &parts[i - 1];
            let together = from_b[i - 1] == from_b[i] && before.index + 1 == part.index;
            if together {
                part.spaced
            } else {
                spaced(before, part)
            }
        };
        if spaced || runs_on {
            out.push(' ');
        }
        out.push_str(part.text);
    }
    out
}

/// Whether a blank belongs between two parts that did not stand together.
fn spaced(before: &Part<'_>, part: &Part<'_>) -> bool {
    match (before.sort, part.sort) {
        (Sort::Open, _) | (_, Sort::Close) => false,
        (Sort::Word | Sort::Value | Sort::Close, Sort::Open) => false,
        (_, Sort::Syntax) if matches!(part.text, "," | "." | ":") => false,
        (Sort::Syntax, _) if before.text == "." => false,
        (Sort::Syntax, Sort::Syntax) => before.spaced_after && part.spaced,
        (Sort::Syntax, _) => before.spaced_after,
        (_, Sort::Syntax) => part.spaced,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::domain::domain;

    fn at(name: &str, a: &str, b: &str, ratio: f64, seed: u64) -> Option<String> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        domain(name).ok()?.between((a, b), ratio, Edits::Any, &mut rng)
    }

    fn split<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
        match name {
            "python" => {
                crate::domain::python_lexemes::lexemes(text).iter().map(|l| l.text).collect()
            }
            _ => text.split_whitespace().collect(),
        }
    }

    #[test]
    fn texts_between_are_valid_new_and_about_where_they_should_be() {
        for (name, least) in [("python", 0.8), ("headlines", 0.95)] {
            let domain = domain(name).unwrap();
            let (mut off, mut tried) = (Vec::new(), 0);
            let samples: Vec<String> = domain.samples().into_iter().map(|s| s.text).collect();
            for (i, pair) in samples.windows(2).enumerate() {
                for step in 1..10 {
                    tried += 1;
                    let ratio = f64::from(step) / 10.0;
                    let Some(text) = at(name, &pair[0], &pair[1], ratio, i as u64) else {
                        continue;
                    };
                    assert!(domain.verdict(&text).is_valid(), "{text}");
                    assert!(text != pair[0] && text != pair[1]);
                    let x = split(name, &text);
                    let [a, b] = [&pair[0], &pair[1]].map(|end| distance(&split(name, end), &x));
                    off.push((a / (a + b) - ratio).abs());
                }
            }
            let mean = off.iter().sum::<f64>() / off.len() as f64;
            assert!(
                off.len() as f64 > least * f64::from(tried),
                "{name}: {} of {tried}",
                off.len()
            );
            assert!(mean < 0.05, "{name}: {mean}");
        }
    }

    #[test]
    fn what_holds_no_two_edits_has_nothing_between() {
        for (a, b) in [("x = 1", "x = 1"), ("x = 1", "x = 2"), ("", ""), ("", "x = 1")] {
            if let Some(text) = at("python", a, b, 0.5, 0) {
                assert!(text != a && text != b, "{text}");
            }
        }
        assert_eq!(at("python", "x = 1", "x = 1", 0.5, 0), None);
        assert_eq!(at("mnist", "a b", "c d", 0.5, 0), None);
    }

    #[test]
    fn blanks_follow_the_lines_that_parts_come_from() {
        let texts: HashSet<String> = (0..20)
            .filter_map(|seed| at("python", "f(a, b)", "return self.get(key, 1)", 0.5, seed))
            .collect();
        assert!(!texts.is_empty());
        for text in &texts {
            assert!(!text.contains("  ") && !text.contains("( ") && !text.contains(" )"), "{text}");
        }
    }

    #[test]
    fn the_one_run_is_the_same_from_both_ends_and_whatever_is_drawn() {
        let python = domain("python").unwrap();
        let between = |a: &str, b: &str, ratio: f64, seed: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            python.between((a, b), ratio, Edits::OneRun, &mut rng).unwrap()
        };
        // The shorter text leads.
        let (a, b) = ("total = price * count", "self.name = compute(first, second, third)");
        for ratio in [0.4, 0.5, 0.6] {
            let text = between(a, b, ratio, 0);
            assert!((1..9).all(|seed| between(a, b, ratio, seed) == text), "{text}");
            assert_eq!(between(b, a, 1.0 - ratio, 3), text);
            assert!(text.starts_with("total") && text.contains("third"), "{text}");
        }
    }

    #[test]
    fn where_the_one_run_is_not_valid_another_text_is_found() {
        let python = domain("python").unwrap();
        let samples: Vec<String> = python.samples().into_iter().map(|s| s.text).collect();
        let found = |edits| {
            let pairs = samples.windows(2).enumerate();
            let text = |(i, pair): (usize, &[String])| {
                let mut rng = ChaCha8Rng::seed_from_u64(i as u64);
                python.between((&pair[0], &pair[1]), 0.5, edits, &mut rng)
            };
            pairs.map(text).collect::<Vec<_>>()
        };
        let (any, one) = (found(Edits::Any), found(Edits::OneRun));
        assert!(one.iter().flatten().all(|text| python.verdict(text).is_valid()));
        let none = |texts: &[Option<String>]| texts.iter().filter(|t| t.is_none()).count();
        assert!(none(&one) <= none(&any));
        assert!(one.iter().zip(&any).any(|(one, any)| one != any));
    }

    proptest! {
        #[test]
        fn any_texts_at_any_ratio(a in ".{0,40}", b in "[a-c ()\\[\\]=+.,'0-9]{0,40}", ratio in 0.0f64..=1.0) {
            for name in ["python", "headlines", "text"] {
                if let Some(text) = at(name, &a, &b, ratio, 1) {
                    prop_assert!(domain(name).unwrap().verdict(&text).is_valid());
                }
            }
        }
    }
}
