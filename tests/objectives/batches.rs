//! Accumulation, masked inputs, smoothed labels, sorted epochs, Adafactor.

use tvae_tui::model::{Bottleneck, Regulariser};
use tvae_tui::train::{
    Blend, Budget, Checkpoint, Kl, Noise, Optimiser, OptimiserKind, Report, TrainConfig,
};

use super::{config, resumes, state, Fixture};

fn cross_entropies(reports: &[Report]) -> Vec<f64> {
    let one = |report: &Report| match report {
        Report::Step { cross_entropy, .. } => Some(*cross_entropy),
        _ => None,
    };
    reports.iter().filter_map(one).collect()
}

#[test]
fn accumulated_batches_are_one_large_one() {
    // As many lines as the large batch takes: both runs see all of them at every step.
    let whole = TrainConfig {
        batch: 16,
        regulariser: Regulariser::None,
        noise: Noise::none(),
        blend: Blend::none(),
        // Where a gradient is only rounding, a small ε would make steps of it.
        optimiser: Optimiser { eps: 1e-3, ..Optimiser::default() },
        budget: Budget::Steps(10),
        ..config()
    };
    let parts = TrainConfig { batch: 4, accumulate: 4, ..whole.clone() };
    let fixture = Fixture::new(&whole, 16);
    let run = |config: &TrainConfig| {
        let dir = tempfile::tempdir().expect("folder");
        let reports = fixture.run(config, dir.path(), None, false);
        (state(dir.path()), cross_entropies(&reports))
    };
    // A report is of as many steps as there was time for: of one step there is one.
    let first = |config: &TrainConfig| {
        run(&TrainConfig { budget: Budget::Steps(1), ..config.clone() }).1[0]
    };
    let (of_whole, of_parts) = (first(&whole), first(&parts));
    assert!((of_whole - of_parts).abs() < 1e-4, "{of_whole} {of_parts}");
    let ((whole, _), (parts, _)) = (run(&whole), run(&parts));
    let mut moved = 0.0f32;
    for (name, a) in whole.iter().filter(|(name, _)| name.starts_with("p.")) {
        for (a, b) in a.iter().zip(&parts[name]) {
            assert!((a - b).abs() < 2e-5, "{name}: {a} {b}");
            moved = moved.max(*a);
        }
    }
    assert!(moved > 0.1);
}

#[test]
fn accumulated_batches_have_the_regulariser_of_one() {
    let whole = TrainConfig {
        batch: 16,
        bottleneck: Bottleneck::Gaussian,
        regulariser: Regulariser::Kl,
        reg_weight: 1.0,
        kl: Kl { free_bits: 0.0, anneal: 0.0 },
        noise: Noise::none(),
        blend: Blend::none(),
        budget: Budget::Steps(1),
        ..config()
    };
    let parts = TrainConfig { batch: 4, accumulate: 4, ..whole.clone() };
    let fixture = Fixture::new(&whole, 16);
    let divergence = |config: &TrainConfig| {
        let dir = tempfile::tempdir().expect("folder");
        match fixture.run(config, dir.path(), None, false).pop() {
            Some(Report::Step { regulariser, .. }) => regulariser,
            other => panic!("no step: {other:?}"),
        }
    };
    let (whole, parts) = (divergence(&whole), divergence(&parts));
    // The mean of the batches' quotients by their labels, and not the quotient of the sums: lines of other lengths weigh more.
    assert!((whole - parts).abs() < 0.25 * whole, "{whole} {parts}");
}

#[test]
fn a_run_with_every_option_of_batches_resumes_to_the_same_bits() {
    let config = TrainConfig {
        accumulate: 2,
        batch: 8,
        label_smoothing: 0.1,
        token_sort: true,
        noise: Noise { mlm: 0.15, ..Noise::default() },
        ..config()
    };
    resumes(&Fixture::new(&config, 200), &config);
}

#[test]
fn adafactor_learns_with_a_fraction_of_the_moments_and_resumes() {
    let adam = TrainConfig { budget: Budget::Steps(60), ..config() };
    let optimiser = Optimiser { kind: OptimiserKind::Adafactor, ..adam.optimiser.clone() };
    let adafactor = TrainConfig { optimiser, ..adam.clone() };
    let (state, reports) = resumes(&Fixture::new(&adafactor, 200), &adafactor);
    let losses = cross_entropies(&reports);
    assert!(losses.last() < losses.first().map(|l| l * 0.8).as_ref(), "{losses:?}");
    let size = |prefix: &str| -> usize {
        state.iter().filter(|(n, _)| n.starts_with(prefix)).map(|(_, v)| v.len()).sum()
    };
    assert!(size("v.") + size("vr.") + size("vc.") < size("p.") / 5);
    assert_eq!(size("m."), 0);
}

#[test]
fn smoothed_labels_keep_the_decoder_less_sure() {
    let sharp = TrainConfig { budget: Budget::Steps(60), ..config() };
    let smooth = TrainConfig { label_smoothing: 0.3, ..sharp.clone() };
    let last = |config: &TrainConfig| {
        let dir = tempfile::tempdir().expect("folder");
        let reports = Fixture::new(config, 200).run(config, dir.path(), None, false);
        let (checkpoint, ..) = Checkpoint::load(dir.path()).expect("a checkpoint");
        let figures = checkpoint.evaluation.expect("figures");
        (cross_entropies(&reports).last().copied().expect("a loss"), figures.cross_entropy)
    };
    let ((trained, measured), (sharp_trained, _)) = (last(&smooth), last(&sharp));
    // The loss in training is of smoothed labels, that of the evaluation is not.
    assert!(trained > sharp_trained + 0.3 && trained > measured + 0.3, "{trained} {measured}");
}
