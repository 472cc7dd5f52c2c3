//! Regularisers and bottlenecks: gradients, what each lowers, shards, codes, and runs that resume to the bit.

mod small_run;

use candle_core::{Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use small_run::{bits, config, Fixture};
use tvae_tui::engine::{LatentModel, LoadedModel, Scene};
use tvae_tui::latent::{Direction, Geometry, Path};
use tvae_tui::model::{
    kl_divergence, mmd_imq, mmd_original, mmd_rbf, Bottleneck, Regulariser, TransformerVae,
    CODEBOOK,
};
use tvae_tui::numeric::adamw::{AdamW, AdamWConfig};
use tvae_tui::numeric::Precision;
use tvae_tui::train::{
    free_bits, run_shards, sliced_wasserstein, Budget, Fsq, Kl, Noise, Report, StepInput,
    TrainConfig, Vq,
};

fn random(shape: &[usize], seed: u64) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| rng.random_range(-1.5..1.5)).collect();
    Var::from_vec(values, shape, &Device::Cpu).expect("a variable")
}

fn scalar(x: &Tensor) -> f64 {
    f64::from(x.to_scalar::<f32>().expect("a scalar"))
}

/// Holds the gradient of `f` to central differences at some numbers of `var`.
fn check(name: &str, var: &Var, h: f32, f: &dyn Fn(&Tensor) -> Result<Tensor>) {
    let grads = f(var).expect("forward").backward().expect("backward");
    let numbers = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("numbers");
    let (gradient, values) = (numbers(grads.get(var).expect("a gradient")), numbers(var));
    let scale = gradient.iter().fold(1e-4f64, |m, g| m.max(f64::from(g.abs())));
    for at in (0..values.len()).step_by(1 + values.len() / 17) {
        let moved = |by: f32| {
            let mut values = values.clone();
            values[at] += by;
            let moved = Tensor::from_vec(values, var.shape(), &Device::Cpu).expect("a tensor");
            scalar(&f(&moved).expect("forward"))
        };
        let slope = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
        let error = (slope - f64::from(gradient[at])).abs();
        assert!(error < 2e-2 * scale, "{name}, number {at}: {slope} {}", gradient[at]);
    }
}

#[test]
fn the_gradients_of_the_regularisers_are_those_of_their_values() {
    let (z, prior) = (random(&[24, 6], 1), random(&[24, 6], 2).detach());
    check("imq", &z, 3e-2, &|z| mmd_imq(z, &prior)? * 100.0);
    check("rbf", &z, 3e-2, &|z| mmd_rbf(z, &prior)? * 100.0);
    let rows = |z: &Tensor| z.reshape((8, 3, 6));
    check("original", &z, 3e-2, &|z| mmd_original(&rows(z)?, &prior)? * 100.0);
    let lines = random(&[9, 6], 3).detach();
    let sliced = |z: &Tensor| sliced_wasserstein(z, (z, 0), &prior, &lines)? * 10.0;
    // The order of projections must not change on the way: a small step.
    check("sliced Wasserstein", &z, 1e-3, &sliced);
    let log_variance = random(&[24, 6], 4);
    check("divergence", &z, 1e-2, &|z| kl_divergence(z, &log_variance)?.sum_all());
    check("divergence", &log_variance, 1e-2, &|v| kl_divergence(&z, v)?.sum_all());
}

#[test]
fn the_sliced_distance_is_known_in_one_dimension_and_shares_add_up() {
    let column = |x: &[f32]| Tensor::from_slice(x, (x.len(), 1), &Device::Cpu).expect("a column");
    let (z, prior, line) = (column(&[3.0, -1.0, 0.5]), column(&[0.0, 1.0, -2.0]), column(&[1.0]));
    // Sorted: −1, 0.5, 3 against −2, 0, 1.
    let whole = scalar(&sliced_wasserstein(&z, (&z, 0), &prior, &line).expect("a distance"));
    assert!((whole - (1.0 + 0.25 + 4.0) / 3.0).abs() < 1e-6, "{whole}");
    let part = |first: usize, rows: usize| {
        let own = z.narrow(0, first, rows).expect("rows");
        scalar(&sliced_wasserstein(&own, (&z, first), &prior, &line).expect("a distance"))
    };
    assert!((part(0, 1) + part(1, 2) - whole).abs() < 1e-6);
}

#[test]
fn rbf_is_small_for_the_prior_and_large_for_a_collapse() {
    let draw = || Tensor::randn(0f32, 1.0, (400, 8), &Device::Cpu).expect("draws");
    let collapsed = draw().narrow(0, 0, 1).and_then(|t| t.repeat((400, 1))).expect("a collapse");
    let value = |x: &Tensor| scalar(&mmd_rbf(x, &draw()).expect("a discrepancy"));
    assert!(value(&draw()).abs() < 0.05, "{}", value(&draw()));
    assert!(value(&collapsed) > 1.0, "{}", value(&collapsed));
}

#[test]
fn numbers_below_their_free_bits_count_as_these() {
    let (counts, free) = free_bits(&[0.4, 8.0, 1.0], 4, 0.25);
    assert_eq!(counts, [0.0, 1.0, 0.0]);
    assert!((free - 2.0).abs() < 1e-9, "two numbers at 4 rows · 0.25 nats");
    assert_eq!(free_bits(&[0.4, 8.0], 4, 0.0), (vec![1.0, 1.0], 0.0));
}

fn some_lines() -> Vec<Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut line = || (0..rng.random_range(3..9)).map(|_| rng.random_range(4..384)).collect();
    (0..14).map(|_| line()).collect()
}

fn new_model(config: &TrainConfig) -> TransformerVae {
    let shape = config.model_config(384).expect("a shape");
    TransformerVae::new(shape, 3, &Device::Cpu).expect("a model")
}

fn input<'a>(lines: &'a [&'a [u32]], step: usize) -> StepInput<'a> {
    StepInput {
        step,
        progress: 0.5,
        sigma_max: 0.0,
        lines,
        partners: &[],
        between: None,
        vocab: 384,
    }
}

/// A quiet configuration of a regulariser on a bottleneck.
fn quiet(bottleneck: Bottleneck, regulariser: Regulariser) -> TrainConfig {
    TrainConfig {
        bottleneck,
        regulariser,
        precision: Precision::F32,
        reg_max_tokens: 10_000,
        noise: Noise::none(),
        shards: 2,
        ..config()
    }
}

/// Values of a regulariser over some optimiser steps on the same lines and draws.
fn regulariser_over(config: &TrainConfig, steps: usize) -> Vec<f64> {
    let (model, lines) = (new_model(config), some_lines());
    let lines: Vec<&[u32]> = lines.iter().map(Vec::as_slice).collect();
    let parameters = model.parameters().into_iter().map(|(n, v)| (n, v, false)).collect();
    let constants = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.0 };
    let mut optimiser = AdamW::new(parameters, constants).expect("an optimiser");
    (0..steps)
        .map(|_| {
            let shards = run_shards(&model, config, input(&lines, 9_000)).expect("a step");
            let grads: Vec<_> = shards.iter().map(|s| &s.grads).collect();
            optimiser.step(&grads, 3e-3, Some(1.0)).expect("a step");
            shards.iter().map(|s| s.regulariser).sum()
        })
        .collect()
}

#[test]
fn every_regulariser_lowers_its_own_quantity() {
    let weight = |reg_weight: f64, config: TrainConfig| TrainConfig { reg_weight, ..config };
    for (bottleneck, regulariser) in [
        (Bottleneck::Sphere, Regulariser::MmdImq),
        (Bottleneck::Sphere, Regulariser::MmdRbf),
        (Bottleneck::Sphere, Regulariser::SlicedWasserstein),
        (Bottleneck::Tanh, Regulariser::SlicedWasserstein),
        (Bottleneck::None, Regulariser::MmdRbf),
        (Bottleneck::Gaussian, Regulariser::MmdRbf),
        (Bottleneck::Gaussian, Regulariser::Kl),
    ] {
        let config = weight(10.0, quiet(bottleneck, regulariser));
        let values = regulariser_over(&config, 25);
        let (first, last) = (values[0], values[values.len() - 1]);
        assert!(last < 0.8 * first, "{bottleneck:?} {regulariser:?}: {first} {last}");
    }
}

/// Summed gradients by name and the regulariser's value of one step.
fn gradients(config: &TrainConfig) -> (Vec<(String, Vec<f32>)>, f64) {
    let (model, lines) = (new_model(config), some_lines());
    let lines: Vec<&[u32]> = lines.iter().map(Vec::as_slice).collect();
    let shards = run_shards(&model, config, input(&lines, 9_000)).expect("a step");
    let add = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
    let sums = model.parameters().into_iter().filter_map(|(name, var)| {
        let parts = shards.iter().filter_map(|s| s.grads.get(&var));
        let parts = parts.map(|g| g.flatten_all().and_then(|g| g.to_vec1::<f32>()));
        Some((name, parts.map(|p| p.expect("numbers")).reduce(add)?))
    });
    (sums.collect(), shards.iter().map(|s| s.regulariser).sum())
}

#[test]
fn shards_see_the_whole_batchs_free_bits() {
    // So heavy that the cross entropy, whose draws are each shard's own, does not matter.
    let kl = Kl { free_bits: 0.13, anneal: 0.0 };
    let base = quiet(Bottleneck::Gaussian, Regulariser::Kl);
    let base = TrainConfig { reg_weight: 1e6, kl, ..base };
    let (whole, wanted) = gradients(&TrainConfig { shards: 1, ..base.clone() });
    for shards in [2, 3] {
        let (sum, found) = gradients(&TrainConfig { shards, ..base.clone() });
        assert!((found - wanted).abs() < 1e-4 * wanted, "{wanted} {found}");
        for ((name, a), (_, b)) in whole.iter().zip(&sum) {
            if !name.starts_with("vae.encoder") && !name.starts_with("tvae.log_variance") {
                continue;
            }
            let largest = a.iter().fold(0f32, |m, x| m.max(x.abs()));
            assert!(largest > 0.0, "{name}");
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 2e-3 * largest, "{name}: {a} {b}");
            }
        }
    }
    // Free bits above everything leave no gradient at all of it.
    let free = Kl { free_bits: 1e3, anneal: 0.0 };
    let (without, value) = gradients(&TrainConfig { kl: free, ..base });
    assert!(value > 1e3);
    let norm =
        |g: &[(String, Vec<f32>)]| -> f32 { g.iter().flat_map(|(_, g)| g).map(|x| x * x).sum() };
    assert!(norm(&without) < 1e-6 * norm(&whole));
}

#[test]
fn the_weight_of_the_divergence_grows_over_the_run() {
    let weight = |progress: f64| {
        let config = quiet(Bottleneck::Gaussian, Regulariser::Kl);
        let config =
            TrainConfig { reg_weight: 2.0, kl: Kl { anneal: 0.4, free_bits: 0.0 }, ..config };
        tvae_tui::train::regulariser_weight(&config, &new_model(&config), 0, progress)
    };
    assert_eq!([weight(0.0), weight(0.4), weight(0.9)], [0.0, 2.0, 2.0]);
    assert!((weight(0.1) - 0.5).abs() < 1e-12);
}

fn vq() -> TrainConfig {
    TrainConfig {
        vq: Vq { codes: 12, ..Vq::default() },
        latent_tokens: 3,
        ..quiet(Bottleneck::Vq, Regulariser::None)
    }
}

fn fsq() -> TrainConfig {
    TrainConfig { fsq: Fsq { levels: vec![5, 4] }, ..quiet(Bottleneck::Fsq, Regulariser::None) }
}

#[test]
fn runs_with_codes_and_posteriors_resume_to_the_bit_and_learn() {
    let gaussian = TrainConfig { reg_weight: 0.05, ..quiet(Bottleneck::Gaussian, Regulariser::Kl) };
    for config in [vq(), fsq(), gaussian] {
        let config = TrainConfig { budget: Budget::Steps(80), eval_steps: 80, ..config };
        let name = config.bottleneck;
        let fixture = Fixture::new(&config);
        let whole = tempfile::tempdir().expect("a folder");
        let parts = tempfile::tempdir().expect("a folder");
        let reports = fixture.run(&config, whole.path(), None, false);
        fixture.run(&config, parts.path(), Some(40), false);
        fixture.run(&config, parts.path(), None, true);
        let (a, b) = (bits(whole.path()), bits(parts.path()));
        assert_eq!(a.len(), b.len());
        for (tensor, values) in &a {
            assert_eq!(values, &b[tensor], "{tensor} of {name:?}");
        }
        assert_eq!(a.contains_key("vq.counts"), name == Bottleneck::Vq);
        assert!(!a.keys().any(|k| k == "m.tvae.codebook"), "no moments of what has no gradient");

        let figures = |report: &Report| match report {
            Report::Step { cross_entropy, perplexity, commitment, .. } => {
                (*cross_entropy, *perplexity, *commitment)
            }
            other => panic!("{other:?}"),
        };
        let (first, last) = (figures(&reports[0]), figures(&reports[reports.len() - 1]));
        assert!(last.0 < 0.8 * first.0, "{name:?}: {} {}", first.0, last.0);
        assert_eq!(last.1.is_some(), name != Bottleneck::Gaussian);
        assert_eq!(last.2.is_some(), name == Bottleneck::Vq);
        assert!(last.1.is_none_or(|p| p > 1.5), "more than one code is in use: {last:?}");
    }
}

/// The codes that the latents of a ladder are made of, L numbers each.
fn ladder_codes(model: &LoadedModel, path: Path) -> Vec<Vec<f32>> {
    let texts = ["value = len(node, 3)".to_owned(), "return total + items".to_owned()];
    let ends = model.encode(&texts).expect("latents");
    let scene = Scene { path, rungs: 9, ..Scene::default() };
    let rungs = scene.ladder(&ends[0], &ends[1], Geometry::Codes).expect("a ladder");
    let seen = model.nearest(rungs).expect("codes");
    assert_eq!([&seen[0], &seen[8]], [&ends[0], &ends[1]], "the ends are codes already");
    seen.iter().flat_map(|l| l.values.chunks(l.size).map(<[f32]>::to_vec)).collect()
}

#[test]
fn a_ladder_between_codes_holds_nothing_but_codes() {
    for config in [vq(), fsq()] {
        let config = TrainConfig { budget: Budget::Steps(40), eval_steps: 20, ..config };
        let fixture = Fixture::new(&config);
        let dir = tempfile::tempdir().expect("a folder");
        fixture.run(&config, dir.path(), None, false);
        let model = LoadedModel::from_folder(dir.path()).expect("the model opens");
        assert_eq!(model.info().geometry, Geometry::Codes);
        let parameters = model.model().parameters();
        let codebook = parameters.iter().find(|(name, _)| name == CODEBOOK).map(|(_, var)| {
            var.flatten_all().and_then(|v| v.to_vec1::<f32>()).expect("the codebook")
        });
        for path in Path::ALL {
            for code in ladder_codes(&model, path) {
                let known = match &codebook {
                    Some(codebook) => codebook.chunks(code.len()).any(|c| c == code),
                    None => code.chunks(2).all(|pair| {
                        [-1.0, -0.5, 0.0, 0.5, 1.0].contains(&pair[0])
                            && [-1.0, -0.5, 0.0, 0.5].contains(&pair[1])
                    }),
                };
                assert!(known, "{code:?} on {path}");
            }
        }
        // A step along a direction ends at a code as well, and the decoder takes both.
        let latent = model.encode(&["return total".to_owned()]).expect("a latent").remove(0);
        let shape = (latent.tokens, latent.size);
        let upwards = Direction::new(shape.0, shape.1, &vec![1.0; shape.0 * shape.1], 2.0);
        let stepped = upwards.expect("a direction").step(&latent, 1.5, Geometry::Codes);
        let stepped = model.nearest(vec![stepped.expect("a step")]).expect("a code");
        assert!(model.model().codes_of(&stepped).expect("codes").is_some());
        let again = model.nearest(stepped.clone()).expect("a code");
        assert_eq!(again, stepped);
        assert_ne!(stepped[0], latent);
        from_the_command_line(dir.path());
    }
}

/// Codes stand beside latents; draws are codes, uniform ones or from a mixture that was fitted to them.
fn from_the_command_line(folder: &std::path::Path) {
    let model = folder.display().to_string();
    let tvae = |args: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
        command.args(args).args(["--model", &model]).assert()
    };
    let told = |args: &[&str]| {
        String::from_utf8(tvae(args).success().get_output().stdout.clone()).expect("text")
    };
    let line: serde_json::Value =
        serde_json::from_str(&told(&["encode", "return total"])).expect("a JSON line");
    let (latent, codes) = (line["latent"].as_array(), line["codes"].as_array());
    assert_eq!(latent.map(Vec::len), codes.map(Vec::len), "a code per latent token");
    let draw = |seed: &str| told(&["sample", "-n", "4", "--json", "--seed", seed]);
    assert_eq!(draw("1"), draw("1"));
    let before = draw("1");
    let data = folder.join("lines.txt").display().to_string();
    std::fs::write(&data, small_run::lines(200).join("\n")).expect("written");
    let fit = ["prior", "--data", &data, "--components", "3", "--samples", "6", "--json"];
    let found: serde_json::Value = serde_json::from_str(&told(&fit)).expect("JSON");
    let likelihood = |at: usize| found["priors"][at]["log_likelihood"].as_f64().expect("a number");
    assert!(likelihood(1) > likelihood(0) && found["best"] == "mixture", "{found}");
    assert_ne!(draw("1"), before);
    assert_eq!(
        told(&["sample", "-n", "4", "--json", "--seed", "1", "--prior", "standard"]),
        before
    );
    let refused = tvae(&["prior", "--data", &data, "--kind", "flow"]).code(1);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("codes have no density"), "{said}");
}

#[test]
fn what_does_not_fit_together_is_told_by_name() {
    let said = |config: TrainConfig| config.validate().expect_err("no such run").to_string();
    let kl = quiet(Bottleneck::Sphere, Regulariser::Kl);
    assert!(said(kl).contains("bottleneck = gaussian"));
    assert!(said(quiet(Bottleneck::Vq, Regulariser::MmdImq)).contains("regulariser = none"));
    let levels = TrainConfig { fsq: Fsq { levels: vec![5, 5, 5] }, ..fsq() };
    assert!(said(levels).contains("fsq.levels = [5, 5, 5]"));
    let decay = TrainConfig { vq: Vq { decay: 1.0, ..Vq::default() }, ..vq() };
    assert!(said(decay).contains("vq.decay = 1"));
    let bits = TrainConfig { kl: Kl { free_bits: -1.0, anneal: 0.0 }, ..vq() };
    assert!(said(bits).contains("kl.free_bits = -1"));
    for config in [vq(), fsq(), config()] {
        assert!(config.validate().is_ok());
    }
}
