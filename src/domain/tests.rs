//! What every domain owes, and marks, units, pictures and samples with known values.

use proptest::prelude::*;

use super::*;
use crate::corpus::mnist_text::{Digit, Direction, Size};

const NAMES: [&str; 4] = ["python", "mnist", "headlines", "text"];

fn named(name: &str) -> &'static dyn Domain {
    domain(name).expect("a domain")
}

fn digit(size: Size) -> Digit {
    let side = size.side();
    Digit { size, levels: (0..side * side).map(|i| (i % 65) as u8).collect() }
}

#[test]
fn every_sample_is_valid_and_digits_and_headlines_are_labelled() {
    for name in NAMES {
        let samples = named(name).samples();
        assert!(samples.len() >= 40, "{name}");
        for sample in &samples {
            assert!(named(name).verdict(&sample.text).is_valid(), "{name}: {}", sample.text);
            assert_eq!(sample.label.is_some(), matches!(name, "mnist" | "headlines"));
        }
    }
    let count = |name: &str| {
        let mut counts = std::collections::BTreeMap::new();
        for sample in named(name).samples() {
            *counts.entry(sample.label.expect("a label")).or_insert(0) += 1;
        }
        counts
    };
    let digits = count("mnist");
    assert_eq!((digits.len(), digits.values().all(|&n| n == 30)), (10, true));
    let categories = count("headlines");
    assert!(categories.len() >= 6 && categories.values().all(|&n| n >= 8), "{categories:?}");
    // The first training digit of MNIST, a five.
    let sides = [9_999, 786, 785, 197, 3]
        .map(|max_len| named("mnist").samples_within(max_len)[0].text.lines().count());
    assert_eq!(sides, [28, 28, 14, 9, 9]);
    let first = &named("mnist").samples()[0];
    assert_eq!(first.label.as_deref(), Some("5"));
    assert!(first.text.starts_with("00 down ! !"));
}

#[test]
fn free_text_can_be_asked_to_be_more() {
    let valid = |name: &str, text: &str| named(name).verdict(text).is_valid();
    assert!(valid("text/json", r#"{"a": [1, 2]}"#) && !valid("text/json", "a: 1"));
    assert!(valid("text/python", "x = 1") && !valid("text/python", "x = "));
    let pattern = "text/regex:[A-Z][a-z]+";
    assert!(valid(pattern, "Ada") && !valid(pattern, "Ada Lovelace"));
    assert!(!valid("text/regex:.*", " ") && !valid("text/regex:(?s).*", "a\u{7}"));
    // A name is one domain, however often it is asked for.
    assert!(std::ptr::addr_eq(named(pattern), named(pattern)));
    assert_eq!(named(pattern).name(), pattern);
    for (name, part) in [
        ("text/xml", "text/regex:PATTERN"),
        ("text/", "no domain"),
        ("text/regex:[", "no regular expression: unclosed character class"),
    ] {
        let error = domain(name).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn python_is_marked_whether_it_parses_or_not() {
    use TokenClass::*;
    let marks = |text: &'static str| -> Vec<(&str, TokenClass)> {
        let marks = named("python").marks(text);
        marks.into_iter().map(|m| (&text[m.range], m.class)).collect()
    };
    assert_eq!(
        marks("return self.get(x, 'é')[0]  # why"),
        [
            ("return", Keyword),
            ("self", Name),
            (".", Operator),
            ("get", Call),
            ("(", Bracket),
            ("x", Name),
            (",", Operator),
            ("'é'", String),
            (")", Bracket),
            ("[", Bracket),
            ("0", Number),
            ("]", Bracket),
            ("# why", Comment),
        ]
    );
    assert_eq!(
        marks("a.b = ('§"),
        [
            ("a", Name),
            (".", Operator),
            ("b", Attribute),
            ("=", Operator),
            ("(", Bracket),
            ("'", String),
            ("§", Plain),
        ]
    );
    assert!(named("headlines").marks("A plain line").is_empty());
}

#[test]
fn units_are_lexemes_words_or_characters() {
    let units = |name: &str, text: &'static str| -> Vec<&str> {
        named(name).units(text).into_iter().map(|range| &text[range]).collect()
    };
    assert_eq!(units("python", "x=foo( 'a b')"), ["x", "=", "foo", "(", "'a b'", ")"]);
    assert_eq!(units("headlines", " Größe  zählt "), ["Größe", "zählt"]);
    assert_eq!(units("mnist", "0 é"), ["0", " ", "é"]);
}

#[test]
fn a_digit_reads_downward_and_upward_and_other_texts_one_way() {
    let five = digit(Size::Small);
    let both = [Direction::Down, Direction::Up].map(|direction| five.write(direction));
    for text in &both {
        assert_eq!(named("mnist").readings(text), both);
    }
    for name in ["python", "headlines", "text"] {
        assert_eq!(named(name).readings("x = 1"), ["x = 1"]);
    }
}

#[test]
fn digits_are_pictures_in_both_directions_and_texts_are_none() {
    for size in Size::ALL {
        for direction in [Direction::Down, Direction::Up] {
            let text = digit(size).write(direction);
            let picture = named("mnist").picture(&text).expect("a picture");
            assert_eq!(picture, Picture::from(&digit(size)));
            assert!(picture.is_whole());
        }
    }
    assert_eq!(named("python").picture("x = 1"), None);
}

#[test]
fn a_text_cut_short_is_a_picture_with_unknown_pixels() {
    let mnist = named("mnist");
    let whole = digit(Size::Small).write(Direction::Down);
    let known = |text: &str| {
        let picture = mnist.picture(text).expect("a picture");
        let all = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
        let known: Vec<_> = all.filter(|&(x, y)| picture.level(x, y).is_some()).collect();
        (picture.width(), known)
    };
    assert_eq!(known(""), (14, vec![]));
    assert_eq!(known("00 down ! a"), (14, vec![(0, 0), (1, 0)]));
    let rows: Vec<&str> = whole.split('\n').collect();
    let (side, pixels) = known(&(rows[..3].join("\n") + "\n03 down !"));
    assert_eq!((side, pixels.len(), pixels.last()), (14, 43, Some(&(0, 3))));
    // Upwards the rows come from the bottom.
    assert_eq!(known("13 up ! a"), (14, vec![(0, 13), (1, 13)]));
    assert_eq!(known("08 up !").0, 9);
    // A token that is no pixel is background.
    let picture = mnist.picture("00 down é a").expect("a picture");
    assert_eq!((picture.level(0, 0), picture.level(1, 0)), (Some(0), Some(64)));
}

#[test]
fn pictures_have_as_many_levels_as_pixels() {
    let picture = Picture::new(2, 2, vec![Some(200), None, Some(3)]);
    let levels: Vec<_> =
        [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)].map(|(x, y)| picture.level(x, y)).to_vec();
    assert_eq!(levels, [Some(64), None, Some(3), None, None]);
    assert!(!picture.is_whole());
    assert!(Picture::new(1, 1, vec![Some(0), None]).is_whole());
}

proptest! {
    #[test]
    fn marks_and_units_lie_in_order_on_characters(text in ".{0,40}|[a-c1 .'\"(#\n=é]{0,40}") {
        for name in NAMES {
            let marks = named(name).marks(&text).into_iter().map(|m| m.range).collect();
            for ranges in [marks, named(name).units(&text)] {
                let mut end = 0;
                for range in ranges {
                    prop_assert!(range.start >= end && range.end > range.start);
                    prop_assert!(text.get(range.clone()).is_some());
                    end = range.end;
                }
            }
            if let Some(picture) = named(name).picture(&text) {
                prop_assert_eq!(picture.width(), picture.height());
            }
        }
    }
}

#[test]
fn directions_of_labels_say_where_they_lead() {
    assert_eq!(named("mnist").label_direction("7"), "more like a 7");
    assert_eq!(named("mnist").label_direction("8"), "more like an 8");
    assert_eq!(named("headlines").label_direction("POLITICS"), "POLITICS");
}
