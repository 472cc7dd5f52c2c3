//! Ladders that no model made: what the figures of a model stand beside.

use super::{Ladder, Units};
use crate::corpus::mnist_text::{Digit, Direction, Size};

/// A copied up to the middle, B from there on.
#[must_use]
pub fn copy(a: &str, b: &str, rungs: usize, is_valid: &dyn Fn(&str) -> bool) -> Ladder {
    let middle = rungs / 2;
    control(a, b, rungs, is_valid, &|k| if k < middle { a.to_owned() } else { b.to_owned() })
}

/// The left part of A with the right part of B, cut between units.
#[must_use]
pub fn splice(
    a: &str,
    b: &str,
    rungs: usize,
    units: Units,
    is_valid: &dyn Fn(&str) -> bool,
) -> Ladder {
    // Where every unit begins, and the end.
    let cuts = |text: &str| -> Vec<usize> {
        let start = |unit: &&str| unit.as_ptr() as usize - text.as_ptr() as usize;
        units.split(text).iter().map(start).chain([text.len()]).collect()
    };
    let (a_cuts, b_cuts) = (cuts(a), cuts(b));
    let last = rungs.saturating_sub(1).max(1);
    let part = |cuts: &[usize], k: usize| {
        let count = cuts.len() - 1;
        cuts[(count * k + last / 2) / last]
    };
    control(a, b, rungs, is_valid, &|k| {
        let left = &a[..part(&a_cuts, last - k)];
        let right = &b[part(&b_cuts, last - k)..];
        format!("{left}{right}")
    })
}

/// The pictures of A and B laid over each other, B ever stronger.
#[must_use]
pub fn cross_fade(a: &str, b: &str, rungs: usize, is_valid: &dyn Fn(&str) -> bool) -> Ladder {
    let size = Size::of_text(a);
    let (one, two) = (Digit::read(a, size).0, Digit::read(b, size).0);
    let last = rungs.saturating_sub(1).max(1);
    control(a, b, rungs, is_valid, &|k| {
        let mixed = |(&a, &b): (&u8, &u8)| {
            ((usize::from(a) * (last - k) + usize::from(b) * k + last / 2) / last) as u8
        };
        let levels = one.levels.iter().zip(&two.levels).map(mixed).collect();
        Digit { size, levels }.write(Direction::Down)
    })
}

fn control(
    a: &str,
    b: &str,
    rungs: usize,
    is_valid: &dyn Fn(&str) -> bool,
    rung: &dyn Fn(usize) -> String,
) -> Ladder {
    let rungs: Vec<String> = (0..rungs).map(rung).collect();
    let valid = rungs.iter().map(|text| is_valid(text)).collect();
    Ladder { a: a.to_owned(), b: b.to_owned(), rungs, valid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_jumps_once_in_the_middle() {
        let ladder = copy("a", "b", 11, &|_| true);
        assert_eq!(ladder.rungs.concat(), "aaaaabbbbbb");
    }

    #[test]
    fn splice_goes_from_one_end_to_the_other() {
        let ladder = splice("one two three", "1 2 3 4", 5, Units::Words, &|text| text != "1 2 3 4");
        assert_eq!(ladder.rungs[0], "one two three");
        assert_eq!(ladder.rungs[4], "1 2 3 4");
        assert_eq!(ladder.rungs[2], "one two 3 4");
        assert_eq!(ladder.valid, [true, true, true, true, false]);
        assert_eq!(splice("é", "", 3, Units::Characters, &|_| true).rungs, ["é", "é", ""]);
    }

    #[test]
    fn a_cross_fade_is_the_straight_way_between_two_pictures() {
        let grey = |level| Digit { size: Size::Tiny, levels: vec![level; 81] };
        let text = |level| grey(level).write(Direction::Down);
        let ladder = cross_fade(&text(10), &text(60), 11, &|_| true);
        let wanted: Vec<String> = (0..11).map(|k| text(10 + 5 * k)).collect();
        assert_eq!(ladder.rungs, wanted);
        let figures = super::super::LadderMetrics::measure(&ladder, None, Units::Pixels);
        let near = |value: Option<f64>, wanted: f64| (value.unwrap_or(9.0) - wanted).abs() < 1e-9;
        assert!(near(figures.linear_deviation, 0.0), "{figures:?}");
        assert!(near(figures.max_step, 0.1) && near(figures.path_ratio, 1.0), "{figures:?}");
        assert_eq!((figures.endpoint_exact_match, figures.blend_yield), (1.0, None));
    }
}
