//! What changed from one text to another.

use std::ops::Range;

use similar::{capture_diff_slices, Algorithm, DiffTag};

/// The parts of `text` that are not in `above`, as bytes, by the longest common subsequence of their units (Myers 1986).
///
/// `units` splits a text into the parts that are compared. Neighbouring changed units are one range, blanks between them
/// included; what was only taken away leaves no range.
pub fn changed(
    above: &str,
    text: &str,
    units: impl Fn(&str) -> Vec<Range<usize>>,
) -> Vec<Range<usize>> {
    let ranges = units(text);
    let old: Vec<&str> = units(above).into_iter().filter_map(|range| above.get(range)).collect();
    let new: Vec<&str> = ranges.iter().filter_map(|range| text.get(range.clone())).collect();
    capture_diff_slices(Algorithm::Myers, &old, &new)
        .into_iter()
        .filter(|op| op.tag() != DiffTag::Equal)
        .filter_map(|op| {
            let parts = ranges.get(op.new_range())?;
            Some(parts.first()?.start..parts.last()?.end)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::domain;
    use proptest::prelude::*;

    fn parts(name: &str, above: &str, text: &'static str) -> Vec<&'static str> {
        let domain = domain(name).expect("a domain");
        changed(above, text, |t| domain.units(t)).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn known_changes() {
        assert_eq!(parts("python", "x = f(1)", "x = f(1)"), [""; 0]);
        assert_eq!(parts("python", "x = f(1)", "y = f(2)"), ["y", "2"]);
        // Two insertions at once: more than a common beginning and end tell.
        assert_eq!(parts("python", "f(a, b)", "f(a[0], b.c)"), ["[0]", ".c"]);
        assert_eq!(parts("python", "f(a, b)", "f(a)"), [""; 0]);
        assert_eq!(parts("python", "return x", "return not  x or y"), ["not", "or y"]);
        assert_eq!(parts("python", "", "a b"), ["a b"]);
        let (above, text) = ("Rain Fell on the Old Market", "Snow Fell on a Market Größe");
        assert_eq!(parts("headlines", above, text), ["Snow", "a", "Größe"]);
        assert_eq!(parts("mnist", "00 down ! !", "00 down ! a"), ["a"]);
    }

    proptest! {
        #[test]
        fn without_its_changes_a_text_is_part_of_the_one_above(a in "[a-c =(]{0,30}", b in "[a-cé =(]{0,30}") {
            for name in ["python", "headlines", "mnist"] {
                let domain = domain(name).expect("a domain");
                let changes = changed(&a, &b, |t| domain.units(t));
                let kept = domain.units(&b).into_iter().filter(|unit| {
                    !changes.iter().any(|c| c.start <= unit.start && unit.end <= c.end)
                });
                // In order, each of them somewhere in the text above.
                let mut above = domain.units(&a).into_iter();
                for unit in kept {
                    prop_assert!(above.any(|old| a[old] == b[unit.clone()]));
                }
            }
        }
    }
}
