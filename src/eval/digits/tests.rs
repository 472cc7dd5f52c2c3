//! Ladders made by hand, whose figures are known, and what the classifier says of real digits and of what is none.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::corpus::mnist_text::{Digit, Direction, Size};
use crate::domain::{domain, DigitClassifier, Opinion};
use crate::eval::{controls, Estimates, Ladder, LadderMetrics, Units};

const NAMES: [&str; 4] = ["credible", "third", "kept", "once"];

fn grey(level: u8) -> Digit {
    Digit { size: Size::Small, levels: vec![level; 196] }
}

fn text(digit: &Digit) -> String {
    digit.write(Direction::Down)
}

/// The bundled digits.
fn samples() -> Material {
    let mnist = domain("mnist").unwrap();
    Material::new(mnist, Size::Small, mnist.samples(), None, (100, 0))
}

fn seen(ends: (u8, u8), rungs: &[(u8, f32)]) -> Seen {
    Seen {
        ends: [Some(ends.0), Some(ends.1)],
        rungs: rungs.iter().map(|&(class, probability)| Opinion { class, probability }).collect(),
    }
}

fn values(seen: &[Seen]) -> [Option<f64>; 4] {
    let estimates = Estimates::of(&ladder_figures(seen, NAMES), 0);
    NAMES.map(|name| estimates.get(name).map(|estimate| estimate.value))
}

#[test]
fn a_ladder_of_two_classes_changes_once_or_not() {
    let sure = |classes: &[u8]| classes.iter().map(|&class| (class, 0.95)).collect::<Vec<_>>();
    let once = seen((3, 8), &sure(&[3, 3, 3, 8, 8]));
    assert_eq!(values(&[once]), [Some(1.0), Some(0.0), None, Some(1.0)]);
    for (classes, third) in [
        ([3, 8, 3, 8, 8], 0.0),
        ([3, 3, 5, 8, 8], 1.0 / 3.0),
        ([3, 3, 3, 3, 3], 0.0),
        ([8, 8, 8, 8, 8], 0.0),
        ([8, 8, 3, 3, 3], 0.0),
    ] {
        let found = values(&[seen((3, 8), &sure(&classes))]);
        assert_eq!(found, [Some(1.0), Some(third), None, Some(0.0)], "{classes:?}");
    }
}

#[test]
fn a_ladder_of_one_class_keeps_it_in_shares_and_unsure_rungs_do_not_pass() {
    let rungs = [(4, 1.0), (4, 0.9), (9, 0.5), (4, 0.89), (4, 0.2), (4, 1.0)];
    let found = values(&[seen((4, 4), &rungs)]);
    assert_eq!(found, [Some(0.25), Some(0.25), Some(0.75), None]);
    let unlabelled = Seen { ends: [None, Some(4)], ..seen((4, 4), &rungs) };
    assert_eq!(values(&[unlabelled]), [Some(0.25), None, None, None]);
    assert!(seen((4, 4), &rungs).has_credible_ends());
    assert!(!seen((4, 4), &rungs[..3]).has_credible_ends());
}

#[test]
fn reconstructions_have_known_figures() {
    let figures = |pairs: &[(Digit, Digit)]| {
        let estimates = Estimates::of(&reconstruction_figures(pairs), 0);
        ["mean_absolute_error", "foreground_accuracy", "iou"]
            .map(|name| estimates.get(name).map(|estimate| estimate.value))
    };
    let mut half = grey(0);
    half.levels[..98].fill(64);
    let mut quarter = grey(0);
    quarter.levels[49..98].fill(40);
    quarter.levels[98..147].fill(31);
    assert_eq!(figures(&[(half.clone(), half.clone())]), [Some(0.0), Some(1.0), Some(1.0)]);
    assert_eq!(figures(&[(half.clone(), grey(0))]), [Some(0.5), Some(0.0), Some(0.0)]);
    let found = figures(&[(half.clone(), quarter)]);
    let error = (49.0 * 64.0 + 49.0 * 24.0 + 49.0 * 31.0) / (196.0 * 64.0);
    assert!((found[0].unwrap() - error).abs() < 1e-12, "{found:?}");
    assert_eq!(found[1..], [Some(0.5), Some(0.5)]);
    // A blank picture has no ink to be found again.
    assert_eq!(figures(&[(grey(0), grey(0))]), [Some(0.0), None, None]);
    let flipped = (grey(0), half);
    assert_eq!(figures(&[flipped])[1..], [None, Some(0.0)]);
}

#[test]
fn ladders_of_pixels_have_known_distances() {
    let (a, b) = (text(&grey(0)), text(&grey(64)));
    let measure = |ladder: &Ladder| LadderMetrics::measure(ladder, None, Units::Pixels);
    let near = |found: Option<f64>, wanted: f64| (found.unwrap_or(9.0) - wanted).abs() < 0.01;
    let fade = measure(&controls::cross_fade(&a, &b, 11, &|_| true));
    assert!(near(fade.linear_deviation, 0.0) && near(fade.max_step, 0.1), "{fade:?}");
    assert!(near(fade.path_ratio, 1.0) && near(fade.distinct, 1.0), "{fade:?}");
    let jump = measure(&controls::copy(&a, &b, 11, &|_| true));
    assert!(near(jump.linear_deviation, 2.5 / 9.0) && near(jump.max_step, 1.0), "{jump:?}");
    assert!(near(jump.copy_rate, 1.0), "{jump:?}");
    let constant =
        Ladder { rungs: vec![text(&grey(32)); 11], ..controls::copy(&a, &b, 11, &|_| true) };
    let constant = measure(&constant);
    assert_eq!((constant.max_step, constant.path_ratio), (None, None));
    assert!(near(constant.distinct, 1.0 / 9.0), "{constant:?}");
    assert_eq!(constant.blend_yield, None);
}

#[test]
fn the_mean_of_interior_rungs_leaves_out_the_ends_and_what_is_not_known() {
    let rungs = vec![Some(9.0), Some(1.0), None, Some(2.0), Some(9.0)];
    assert_eq!(interior_mean("nearest", &[rungs, vec![Some(1.0)]]).parts, [(3.0, 2.0), (0.0, 0.0)]);
}

#[test]
fn a_classifier_of_two_hundred_digits_knows_most_others_and_nothing_else() {
    let material = samples();
    assert_eq!((material.judged.len(), material.known.len()), (100, 200));
    let train = || Yardstick::new(&material, Size::Small, 7, &mut |_, _| true).unwrap().unwrap();
    let yardstick = train();
    let digits: Vec<Digit> = material.judged.iter().map(|e| yardstick.read(&e.text)).collect();
    let opinions = yardstick.opinions(&digits).unwrap();
    let right = opinions.iter().zip(&material.judged).filter(|(o, e)| Some(o.class) == class_of(e));
    let right = right.count();
    println!("{right} of 100 right");
    assert!(right >= 70, "{right} of 100 right");
    assert!(yardstick.nearest(&digits).iter().all(|d| d.is_some_and(|d| 0.0 < d && d < 0.3)));

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut noise = |ink: f64| {
        let levels = (0..196).map(|_| if rng.random_bool(ink) { 64 } else { 0 }).collect();
        Digit { size: Size::Small, levels }
    };
    let blank = [grey(0), grey(1), grey(64)].into_iter();
    let others: Vec<Digit> = blank.chain([0.02, 0.1, 0.3, 0.5].map(&mut noise)).collect();
    for (i, opinion) in yardstick.opinions(&others).unwrap().into_iter().enumerate() {
        assert!(!opinion.is_credible(), "{i}: {opinion:?}");
    }
    assert_eq!(train().opinions(&digits).unwrap(), opinions, "the same seed, the same classifier");
}

#[test]
fn training_stops_when_asked_and_needs_digits() {
    let material = samples();
    let stopped = Yardstick::new(&material, Size::Small, 0, &mut |step, _| step < 2).unwrap();
    assert!(stopped.is_none());
    assert!(DigitClassifier::train(&[], &[], 0, &mut |_, _| true).is_err());
    assert!(DigitClassifier::train(&[grey(1)], &[], 0, &mut |_, _| true).is_err());
}
