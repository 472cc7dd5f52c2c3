//! What a run tells comes back from its event file under the tags that a person looks for.

use std::collections::BTreeMap;

use super::*;
use crate::domain::domain;
use crate::report::event_reader::{at, events, fields, integer};
use crate::train::{Evaluation, Objectives, ShownRung};

/// The values of a file by step and tag.
fn values(board: &TensorBoard<'_>) -> BTreeMap<(u64, String), Vec<u8>> {
    let mut found = BTreeMap::new();
    for event in &events(board.file.path())[1..] {
        for (_, value) in fields(&at(event, &[5])) {
            let tag = String::from_utf8(at(&value, &[1])).expect("a tag");
            found.insert((integer(&at(event, &[2])), tag), value);
        }
    }
    found
}

fn step() -> Report {
    Report::Step {
        step: 40,
        progress: 0.5,
        seconds: 3.0,
        cross_entropy: 2.5,
        blend: None,
        regulariser: 0.125,
        grad_norm: 1.0,
        learning_rate: 1e-3,
        tokens_per_second: 1000.0,
        lines: 640,
        objectives: Objectives::default(),
        commitment: None,
        perplexity: None,
    }
}

fn ladder(texts: &[&str]) -> ShownLadder {
    let rungs = texts.iter().map(|text| ShownRung {
        ratio: 0.0,
        text: (*text).to_owned(),
        valid: !text.contains('('),
    });
    ShownLadder { a: texts[0].to_owned(), b: texts[1].to_owned(), rungs: rungs.collect() }
}

#[test]
fn figures_are_scalars_and_ladders_and_samples_are_texts_that_can_be_shown() {
    let dir = tempfile::tempdir().expect("folder");
    let python = domain("python").expect("python");
    let mut board = TensorBoard::open(dir.path(), 0, python).expect("a board");
    let figures = Evaluation { exact_match: 0.75, ..Evaluation::default() };
    let lines =
        vec![Reconstruction { text: "x = 1".to_owned(), decoded: "x = \u{1b}[2J".to_owned() }];
    for report in [
        step(),
        Report::Evaluation { step: 40, seconds: 3.0, figures },
        Report::Ladder { step: 40, ladder: ladder(&["x = 1", "f(\u{1b}"]) },
        Report::Samples { step: 40, lines },
        Report::Saved { step: 40, best: true },
    ] {
        board.report(&report).expect("written");
    }
    let found = values(&board);
    let value = |tag: &str| &found[&(40, tag.to_owned())];
    for (tag, number) in [
        ("train/cross_entropy", 2.5_f32),
        ("train/regulariser", 0.125),
        ("train/lines", 640.0),
        ("held_out/exact_match", 0.75),
        ("held_out/blend_yield", 0.0),
    ] {
        assert_eq!(at(value(tag), &[2]), number.to_le_bytes(), "{tag}");
    }
    assert!(!found.contains_key(&(40, "train/blend".to_owned())), "there is none");
    let text = |tag: &str| String::from_utf8(at(value(tag), &[8, 8])).expect("a text");
    assert_eq!(text("ladder"), "    0.0  ✓ x = 1\n    1.0  ✗ f(␛\n");
    assert_eq!(text("samples"), "    x = 1\n    ≠ x = ␛[2J\n\n");
    assert!(!found.keys().any(|(_, tag)| tag.contains("picture")), "code is no picture");
}

#[test]
fn digits_are_pictures_too() {
    let dir = tempfile::tempdir().expect("folder");
    let mnist = domain("mnist").expect("mnist");
    let mut board = TensorBoard::open(dir.path(), 0, mnist).expect("a board");
    let digits: Vec<String> = mnist.samples_within(200).into_iter().map(|e| e.text).collect();
    let ladder = ladder(&[&digits[0], &digits[1], &digits[2]]);
    board.report(&Report::Ladder { step: 7, ladder }).expect("written");
    let found = values(&board);
    let image = at(&found[&(7, "ladder/picture".to_owned())], &[4]);
    let png = at(&image, &[4]);
    let decoder = png::Decoder::new(std::io::Cursor::new(png));
    let info = decoder.read_info().expect("a PNG file");
    let size = (u64::from(info.info().height), u64::from(info.info().width));
    assert_eq!(size, (integer(&at(&image, &[1])), integer(&at(&image, &[2]))));
    assert!(size.1 > 2 * size.0, "three digits beside each other: {size:?}");
}
