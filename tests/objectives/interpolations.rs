//! Critic, cycle and smoothness: gradients against differences, and what each lowers in a short run.

use std::collections::HashMap;

use candle_core::{Device, Tensor, Var};
use tvae_tui::model::{Regulariser, TransformerVae};
use tvae_tui::train::{
    run_part, Beside, Blend, Budget, Critic, CriticHead, CriticNet, CriticShape, Cycle, CycleKind,
    Distill, InterpolationInputs, Noise, Objectives, Report, Smoothness, StepInput, TrainConfig,
};

use super::{config, resumes, Fixture};

/// Nothing but the cross entropy and what a test adds to it; one shard.
fn plain() -> TrainConfig {
    TrainConfig {
        shards: 1,
        regulariser: Regulariser::None,
        noise: Noise::none(),
        blend: Blend::none(),
        interpolation_inputs: InterpolationInputs::Forced,
        ..config()
    }
}

fn values(var: &Var) -> Vec<f32> {
    var.flatten_all().and_then(|v| v.to_vec1::<f32>()).expect("numbers")
}

/// A model and a critic whose gradients are held to differences.
struct Bench {
    model: TransformerVae,
    critic: CriticNet,
    lines: Vec<Vec<u32>>,
}

impl Bench {
    fn new(config: &TrainConfig) -> Self {
        let shape = config.model_config(config.vocab).expect("a shape");
        let model = TransformerVae::new(shape, 5, &Device::Cpu).expect("a model");
        // A start at which latents matter: far larger weights between them and the decoder's states.
        for (name, var) in model.parameters() {
            if of_decoder(&name) && !name.ends_with("norm.weight") {
                var.set(&(var.as_tensor() * 10.0).expect("larger")).expect("set");
            }
        }
        let shape = CriticShape { d_model: config.d_model, heads: 2, d_ff: 24, layers: 1 };
        let critic = CriticNet::new(shape, config.critic.head, 3, &Device::Cpu).expect("a critic");
        let lines = (0..6u32).map(|i| (0..4 + i % 3).map(|k| 4 + (i * 31 + k * 7) % 300).collect());
        Self { model, critic, lines: lines.collect() }
    }

    fn step(&self, config: &TrainConfig) -> (HashMap<String, Vec<f32>>, Objectives) {
        let lines: Vec<&[u32]> = self.lines.iter().map(Vec::as_slice).collect();
        let input = StepInput {
            step: 3,
            progress: 1.0,
            sigma_max: 0.0,
            lines: &lines,
            partners: &[],
            between: None,
            vocab: config.vocab as u32,
        };
        let beside = Beside { critic: Some(&self.critic), ..Beside::default() };
        let shard = run_part(&self.model, config, input, &beside).expect("a step").remove(0);
        let all = self.model.parameters().into_iter().chain(self.critic.parameters().to_vec());
        let gradients = all
            .filter_map(|(name, var)| {
                let gradient = shard.grads.get(&var)?.flatten_all().and_then(|g| g.to_vec1());
                Some((name, gradient.expect("numbers")))
            })
            .collect();
        (gradients, shard.objectives)
    }

    /// Holds the gradient that an objective adds, at weight 1, to differences of its value at some numbers of the parameters
    /// whose names `of` accepts.
    fn check(
        &self,
        name: &str,
        (without, with): (&TrainConfig, &TrainConfig),
        of: &dyn Fn(&str) -> bool,
        value: &dyn Fn(&Objectives) -> Option<f64>,
    ) {
        let (off, none) = self.step(without);
        let (on, some) = self.step(with);
        assert_eq!(value(&none), None, "{name}");
        assert!(value(&some).is_some_and(|v| v > 0.0), "{name}: {some:?}");
        let all = self.model.parameters().into_iter().chain(self.critic.parameters().to_vec());
        let (mut checked, mut largest) = (0, 0.0f64);
        for (parameter, var) in all.filter(|(parameter, _)| of(parameter)) {
            let zeros = vec![0.0; var.elem_count()];
            let before = off.get(&parameter).unwrap_or(&zeros);
            let Some(after) = on.get(&parameter) else { panic!("{name}: {parameter} stays") };
            let gradient: Vec<f64> =
                after.iter().zip(before).map(|(a, b)| f64::from(a - b)).collect();
            let old = values(&var);
            let scale = gradient.iter().fold(1e-5f64, |m, g| m.max(g.abs()));
            largest = scale.max(largest);
            for at in (0..old.len()).step_by(1 + old.len() / 5) {
                let h = 3e-3f32;
                let moved = |delta: f32| {
                    let mut new = old.clone();
                    new[at] += delta;
                    let new = Tensor::from_vec(new, var.shape(), &Device::Cpu).expect("tensor");
                    var.set(&new).expect("set");
                    value(&self.step(with).1).expect("a value")
                };
                let numeric = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
                moved(0.0);
                let error = (numeric - gradient[at]).abs();
                assert!(
                    error < 4e-2 * scale,
                    "{name} {parameter} {at}: {numeric} {}",
                    gradient[at]
                );
                checked += 1;
            }
        }
        println!("{name}: {checked} numbers, the largest gradient {largest:.2e}");
        assert!(checked > 5 && largest > 1e-4, "{name}");
    }
}

/// The decoder's own matrices: the encoder's gradient leaves out what detached angles and targets would add.
fn of_decoder(name: &str) -> bool {
    name.starts_with("decoder.block.0.layer.1") || name == "vae.decoder.latent_to_token.weight"
}

#[test]
fn the_critics_gradients_are_differences_with_every_head() {
    for head in [CriticHead::FirstToken, CriticHead::Mean, CriticHead::MeanLinear] {
        let without = plain();
        let critic = Critic { weight: 1.0, share: 1.0, from: 0.0, head, layers: 1 };
        let with = TrainConfig { critic, ..plain() };
        let bench = Bench::new(&with);
        let name = format!("{head:?}");
        bench.check(&name, (&without, &with), &of_decoder, &|o| o.adversarial);
        bench.check(&name, (&without, &with), &|n| n.starts_with("critic."), &|o| o.critic);
        // The autoencoder's weight is not the critic's, and the critic's loss does not move the autoencoder.
        let double = Critic { weight: 2.0, ..with.critic.clone() };
        let double = TrainConfig { critic: double, ..plain() };
        let (off, once, twice) =
            (bench.step(&without).0, bench.step(&with).0, bench.step(&double).0);
        for (name, once) in &once {
            for (i, (once, twice)) in once.iter().zip(&twice[name]).enumerate() {
                let wanted = match off.get(name) {
                    Some(off) => 2.0 * once - off[i],
                    None => *once,
                };
                assert!((wanted - twice).abs() < 1e-4, "{name} {once} {twice}");
            }
        }
    }
}

#[test]
fn the_cycles_gradients_are_differences_both_ways_round() {
    for kind in [CycleKind::States, CycleKind::Vae] {
        let cycle = Cycle { weight: 1.0, share: 1.0, from: 0.0, kind };
        let with = TrainConfig { cycle, ..plain() };
        let bench = Bench::new(&with);
        let of = |name: &str| match kind {
            CycleKind::States => of_decoder(name),
            CycleKind::Vae => name.starts_with("vae.decoder"),
        };
        bench.check(&format!("{kind:?}"), (&plain(), &with), &of, &|o| o.cycle);
    }
}

#[test]
fn the_smoothness_gradient_is_a_difference() {
    let smoothness = Smoothness { weight: 1.0, share: 1.0, from: 0.0, delta: 0.1, positions: 3 };
    let with = TrainConfig { smoothness, ..plain() };
    let bench = Bench::new(&with);
    bench.check("smoothness", (&plain(), &with), &of_decoder, &|o| o.smoothness);
}

#[test]
fn shards_give_the_whole_batchs_share_of_rows() {
    let cycle = Cycle { weight: 1.0, share: 0.5, from: 0.0, kind: CycleKind::Vae };
    let config = TrainConfig { cycle, shards: 2, ..plain() };
    let bench = Bench::new(&config);
    let lines: Vec<&[u32]> = bench.lines.iter().map(Vec::as_slice).collect();
    let input = StepInput {
        step: 0,
        progress: 1.0,
        sigma_max: 0.0,
        lines: &lines,
        partners: &[],
        between: None,
        vocab: 384,
    };
    let beside = Beside::default();
    let shards = run_part(&bench.model, &config, input, &beside).expect("a step");
    let parts: Vec<f64> = shards.iter().filter_map(|s| s.objectives.cycle).collect();
    // A distance is at most 2: each shard's half of the mean at most 1.
    assert!(parts.len() == 2 && parts.iter().all(|p| (0.0..=1.0).contains(p)), "{parts:?}");
    // Before its time there is nothing.
    let late = TrainConfig { cycle: Cycle { from: 0.5, ..config.cycle.clone() }, ..config };
    let input = StepInput { progress: 0.4, ..input };
    let shards = run_part(&bench.model, &late, input, &beside).expect("a step");
    assert!(shards.iter().all(|s| s.objectives == Objectives::default()));
}

/// The mean over the second half of a run's steps; a report counts as often as it has steps, for a slow machine reports more
/// often.
fn late(reports: &[Report], value: &dyn Fn(&Objectives) -> Option<f64>) -> f64 {
    let mut all: Vec<(usize, f64)> = Vec::new();
    let mut before = 0;
    let last = reports.iter().rev().find_map(|report| match report {
        Report::Step { step, .. } => Some(*step),
        _ => None,
    });
    for report in reports {
        let Report::Step { step, objectives, .. } = report else { continue };
        let steps = step - std::mem::replace(&mut before, *step);
        if let Some(value) = value(objectives).filter(|_| 2 * step > last.unwrap_or(0)) {
            all.push((steps, value));
        }
    }
    assert!(!all.is_empty(), "{reports:?}");
    let sum: f64 = all.iter().map(|(steps, value)| *steps as f64 * value).sum();
    sum / all.iter().map(|(steps, _)| *steps as f64).sum::<f64>()
}

/// What an objective comes to in a short run without and with it; a weight of nearly nothing tells it and moves nothing.
fn compare(
    with: &dyn Fn(f64) -> TrainConfig,
    weight: f64,
    value: &dyn Fn(&Objectives) -> Option<f64>,
) -> (f64, f64) {
    let run = |weight: f64| {
        let config = TrainConfig { budget: Budget::Steps(100), ..with(weight) };
        let dir = tempfile::tempdir().expect("folder");
        late(&Fixture::new(&config, 200).run(&config, dir.path(), None, false), value)
    };
    let (without, with) = (run(1e-12), run(weight));
    println!("without {without:.5}, with {with:.5}");
    (without, with)
}

#[test]
fn every_objective_lowers_its_own_quantity() {
    let cycle = |kind| {
        move |weight| {
            let cycle = Cycle { weight, share: 0.5, from: 0.0, kind };
            TrainConfig { cycle, ..config() }
        }
    };
    for kind in [CycleKind::States, CycleKind::Vae] {
        let (without, with) = compare(&cycle(kind), 1.0, &|o| o.cycle);
        assert!(with < 0.7 * without, "{kind:?}: {without} {with}");
    }
    let smooth = |weight| {
        let smoothness = Smoothness { weight, share: 0.5, from: 0.0, ..Smoothness::default() };
        TrainConfig { smoothness, ..config() }
    };
    let (without, with) = compare(&smooth, 1.0, &|o| o.smoothness);
    assert!(with < 0.7 * without, "smoothness: {without} {with}");
    let critic = |weight| {
        let head = CriticHead::Mean;
        let critic = Critic { weight, share: 0.5, from: 0.0, head, layers: 1 };
        TrainConfig { critic, ..config() }
    };
    let (without, with) = compare(&critic, 5.0, &|o| o.adversarial);
    assert!(with < 0.9 * without, "critic: {without} {with}");
}

#[test]
fn a_critic_learns_to_tell_ratios() {
    let critic = Critic { weight: 1e-12, share: 1.0, from: 0.0, ..Critic::default() };
    let config = TrainConfig { critic, budget: Budget::Steps(160), ..config() };
    let dir = tempfile::tempdir().expect("folder");
    let reports = Fixture::new(&config, 200).run(&config, dir.path(), None, false);
    let beginning: Vec<Report> = reports
        .iter()
        .filter(|report| matches!(report, Report::Step { step, .. } if *step <= 80))
        .cloned()
        .collect();
    let first = late(&beginning, &|o| o.critic);
    let last = late(&reports, &|o| o.critic);
    println!("critic {first:.4} {last:.4}");
    // The best that can be told of everything alike, an eighth, costs 1/48 + 1/32.
    assert!(last < first && last < 0.8 * (1.0 / 48.0 + 1.0 / 32.0), "{first} {last}");
}

#[test]
fn a_run_with_every_objective_resumes_to_the_same_bits() {
    let config = TrainConfig {
        accumulate: 2,
        critic: Critic { weight: 0.5, from: 0.3, ..Critic::default() },
        cycle: Cycle { weight: 0.1, ..Cycle::default() },
        smoothness: Smoothness { weight: 1e-3, ..Smoothness::default() },
        distill: Distill { share: 0.15, from: 0.7, samples: 4, ..Distill::default() },
        ..config()
    };
    let (state, reports) = resumes(&Fixture::new(&config, 200), &config);
    assert!(state.keys().any(|name| name.starts_with("critic.layer.0")));
    assert!(state.keys().any(|name| name.starts_with("m.critic.layer.0")));
    let Some(Report::Step { objectives, .. }) = reports.last() else { panic!("no report") };
    assert!(objectives.critic.is_some() && objectives.adversarial.is_some());
    assert!(objectives.cycle.is_some() && objectives.smoothness.is_some());
    // What is off is not told of.
    let text = serde_json::to_string(&reports[0]).expect("JSON");
    assert!(text.contains("\"critic\"") && !text.contains("distilled"), "{text}");
    let Report::Step { objectives: again, .. } = serde_json::from_str(&text).expect("reads") else {
        panic!("{text}");
    };
    let Report::Step { objectives, .. } = &reports[0] else { panic!("no report") };
    let (found, told) = (again.critic.expect("a critic"), objectives.critic.expect("a critic"));
    // Reading a decimal number may miss by its last bit.
    assert!((found - told).abs() <= 1e-15, "{found} {told}");
    assert_eq!(again.distilled, None);
}
