//! Training as a person meets it: a resumed run equals an uninterrupted one, and no kill loses the model.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use tvae_tui::domain::{domain, Codec};
use tvae_tui::engine::{LatentModel, LoadedModel};
use tvae_tui::model::{Bottleneck, Regulariser, TransformerVae};
use tvae_tui::numeric::Precision;
use tvae_tui::train::{
    encode_corpus, run_shards, train, Blend, Budget, Checkpoint, FindBetween, Inputs, Noise,
    Preset, Progress, Report, ShardResult, StepInput, StopSignal, TrainConfig, TrainError,
    TrainingData,
};

/// Lines of Python made from a few forms: enough to train on, nothing taken from anywhere.
fn lines(n: usize) -> Vec<String> {
    let names = ["value", "total", "index", "result", "node", "items", "self.size", "count"];
    let calls = ["len", "max", "load_file", "parse", "self.update", "np.sum"];
    (0..n)
        .map(|i| {
            let (a, b) = (names[i % 8], names[(i / 8 + 3) % 8]);
            let f = calls[(i / 3) % 6];
            match i % 4 {
                0 => format!("{a} = {f}({b}, {})", i % 17),
                1 => format!("return {a} + {b}"),
                2 => format!("assert {f}({a}) == {}", i % 29),
                _ => format!("{a}.append({b}[{}])", i % 11),
            }
        })
        .collect()
}

fn config() -> TrainConfig {
    TrainConfig {
        vocab: 384,
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1, 1],
        decoder_layers: 1,
        latent_tokens: 2,
        latent_size: 8,
        batch: 16,
        held_out: 20,
        pairs: 2,
        final_pairs: 4,
        budget: Budget::Steps(60),
        eval_steps: 30,
        save_steps: 10,
        ..TrainConfig::preset(Preset::Tiny, "python")
    }
}

/// Raises the signal when a report of the given step comes.
struct StopAt(usize, StopSignal);

impl Progress for StopAt {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        if matches!(report, Report::Step { step, .. } if *step >= self.0) {
            self.1.flag().store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

struct Fixture {
    codec: Codec,
    train: TrainingData,
    held_out: TrainingData,
}

impl Fixture {
    fn new(config: &TrainConfig) -> Self {
        let texts = lines(400);
        let mut iter = texts.iter().map(String::as_str);
        let python = domain("python").expect("python is a domain");
        let codec = python.train_codec(&mut iter, config.vocab).expect("tokenizer");
        let encode = |l: &[String]| {
            encode_corpus(&codec, l, config.max_len, &mut |_| ()).expect("encoded lines")
        };
        Self { train: encode(&texts[..360]), held_out: encode(&texts[360..]), codec }
    }

    fn run(&self, config: &TrainConfig, dir: &Path, stop_at: Option<usize>, resume: bool) -> bool {
        let inputs = Inputs {
            domain: domain("python").expect("python is a domain"),
            codec: &self.codec,
            train: &self.train,
            held_out: &self.held_out,
            examiner: None,
            data_name: "made up",
            start: None,
            device: Device::Cpu,
        };
        let resume = resume.then(|| {
            let (checkpoint, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
            (checkpoint, tensors)
        });
        let stop = StopSignal::new();
        let mut sink = StopAt(stop_at.unwrap_or(usize::MAX), stop.clone());
        train(config, &inputs, dir, resume, &mut [&mut sink], &stop).expect("a run").finished
    }
}

fn bits(dir: &Path) -> HashMap<String, Vec<u32>> {
    let (_, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
    let values =
        |t: Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("float32 values");
    tensors
        .into_iter()
        .map(|(name, t)| (name, values(t).into_iter().map(f32::to_bits).collect()))
        .collect()
}

#[test]
fn a_resumed_run_ends_in_the_same_bits() {
    for shards in [1, 2] {
        let config = TrainConfig { shards, ..config() };
        let fixture = Fixture::new(&config);
        let whole = tempfile::tempdir().expect("folder");
        let parts = tempfile::tempdir().expect("folder");
        assert!(fixture.run(&config, whole.path(), None, false));
        assert!(!fixture.run(&config, parts.path(), Some(20), false));
        assert!(!fixture.run(&config, parts.path(), Some(40), true));
        assert!(fixture.run(&config, parts.path(), None, true));
        let (whole, parts) = (bits(whole.path()), bits(parts.path()));
        assert_eq!(whole.len(), parts.len());
        for (name, values) in &whole {
            assert_eq!(values, &parts[name], "{name} with {shards} shards");
        }
    }
}

#[test]
fn training_lowers_the_loss_and_leaves_a_model_that_opens() {
    let config = TrainConfig { budget: Budget::Steps(120), ..config() };
    let fixture = Fixture::new(&config);
    let dir = tempfile::tempdir().expect("folder");
    struct Losses(Vec<f64>);
    impl Progress for Losses {
        fn report(&mut self, report: &Report) -> Result<(), TrainError> {
            if let Report::Step { cross_entropy, .. } = report {
                self.0.push(*cross_entropy);
            }
            Ok(())
        }
    }
    let mut losses = Losses(Vec::new());
    let inputs = Inputs {
        domain: domain("python").expect("python is a domain"),
        codec: &fixture.codec,
        train: &fixture.train,
        held_out: &fixture.held_out,
        examiner: None,
        data_name: "made up",
        start: None,
        device: Device::Cpu,
    };
    let stop = StopSignal::new();
    let outcome =
        train(&config, &inputs, dir.path(), None, &mut [&mut losses], &stop).expect("a run");
    assert!(outcome.finished && outcome.checkpoint.evaluation.is_some());
    assert!(losses.0.last() < losses.0.first().map(|l| l * 0.8).as_ref());
    for folder in [dir.path().to_owned(), dir.path().join("best")] {
        let model = LoadedModel::from_folder(&folder).expect("the model opens");
        let latents = model.encode(&["value = len(total, 3)".to_owned()]).expect("a latent");
        assert_eq!((latents[0].tokens, latents[0].size), (2, 8));
    }
}

#[test]
fn every_family_and_ablation_takes_steps_and_opens() {
    let sphere = config();
    let mut seed = TrainConfig::preset(Preset::Seed, "python");
    seed = TrainConfig {
        family: seed.family,
        bottleneck: seed.bottleneck,
        regulariser: seed.regulariser,
        reg_weight: seed.reg_weight,
        noise: seed.noise,
        optimiser: seed.optimiser,
        slots: seed.slots,
        queries: seed.queries,
        shards: seed.shards,
        max_len: 32,
        ..config()
    };
    let tanh = TrainConfig { bottleneck: Bottleneck::Tanh, slots: false, ..sphere.clone() };
    let bare = TrainConfig {
        bottleneck: Bottleneck::None,
        regulariser: Regulariser::None,
        noise: Noise::none(),
        ..sphere.clone()
    };
    let pooled =
        TrainConfig { queries: false, regulariser: Regulariser::MmdOriginal, ..sphere.clone() };
    for (name, config) in [("seed", seed), ("tanh", tanh), ("bare", bare), ("pooled", pooled)] {
        let config = TrainConfig { budget: Budget::Steps(12), eval_steps: 6, ..config };
        let fixture = Fixture::new(&config);
        let dir = tempfile::tempdir().expect("folder");
        assert!(fixture.run(&config, dir.path(), None, false), "{name}");
        let model = LoadedModel::from_folder(dir.path()).expect(name);
        let latents = model.encode(&["total = len(items, 3)".to_owned()]).expect(name);
        assert!(latents[0].values.iter().all(|v| v.is_finite()), "{name}");
    }
}

/// The gradients of all parameters, summed over the shards of one step.
fn gradients(config: &TrainConfig, lines: &[Vec<u32>]) -> (Vec<(String, Vec<f32>)>, [f64; 2]) {
    let model = TransformerVae::new(config.model_config(384).expect("shape"), 3, &Device::Cpu)
        .expect("a model");
    let lines: Vec<&[u32]> = lines.iter().map(Vec::as_slice).collect();
    let input = StepInput {
        step: 9_000,
        progress: 0.5,
        sigma_max: 0.0,
        lines: &lines,
        partners: &[],
        between: None,
        vocab: 384,
    };
    let shards = run_shards(&model, config, input).expect("a step");
    let sums = model
        .parameters()
        .into_iter()
        .filter_map(|(name, var)| {
            let parts = shards.iter().filter_map(|s| s.grads.get(&var));
            let parts = parts.map(|g| g.flatten_all().and_then(|g| g.to_vec1::<f32>()));
            let add = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
            Some((name, parts.map(|p| p.expect("numbers")).reduce(add)?))
        })
        .collect();
    let total = |f: fn(&ShardResult) -> f64| shards.iter().map(f).sum();
    (sums, [total(|s| s.cross_entropy), total(|s| s.regulariser)])
}

#[test]
fn shards_give_the_whole_batchs_gradients() {
    use rand::Rng;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
    let lines: Vec<Vec<u32>> = (0..14)
        .map(|_| (0..rng.random_range(3..9)).map(|_| rng.random_range(4..384)).collect())
        .collect();
    for regulariser in [
        Regulariser::MmdImq,
        Regulariser::MmdOriginal,
        Regulariser::MmdRbf,
        Regulariser::SlicedWasserstein,
    ] {
        // No noise: shards draw theirs from streams of their own.
        let shards = |shards| TrainConfig {
            shards,
            precision: Precision::F32,
            regulariser,
            reg_weight: 20.0,
            reg_max_tokens: 10_000,
            noise: Noise::none(),
            ..config()
        };
        let (whole, wanted) = gradients(&shards(1), &lines);
        for count in [2, 3] {
            let (sum, found) = gradients(&shards(count), &lines);
            for (wanted, found) in wanted.iter().zip(found) {
                assert!((wanted - found).abs() < 1e-4 * wanted.abs().max(1.0), "{wanted} {found}");
            }
            assert_eq!(whole.len(), sum.len());
            let norm = |x: &[f32]| x.iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
            let all = whole.iter().map(|(_, g)| norm(g).powi(2)).sum::<f64>().sqrt();
            for ((name, a), (_, b)) in whole.iter().zip(&sum) {
                let apart: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
                // What is zero in theory is rounding, and measured by the whole gradient.
                let scale = norm(a).max(1e-3 * all);
                assert!(norm(&apart) < 1e-3 * scale, "{name} {} {}", norm(&apart), norm(a));
            }
        }
    }
}

/// The gradients of a step in which every line has a partner, with or without texts between them.
fn blended(find: Option<FindBetween<'_>>, weight: f64) -> (Vec<(String, Vec<f32>)>, ShardResult) {
    let config = TrainConfig {
        shards: 1,
        precision: Precision::F32,
        noise: Noise::none(),
        blend: Blend { share: 1.0, points: 2, weight, ..Blend::default() },
        ..config()
    };
    let model = TransformerVae::new(config.model_config(384).expect("shape"), 3, &Device::Cpu)
        .expect("a model");
    let all: Vec<Vec<u32>> =
        (0..8u32).map(|i| (0..5 + i % 3).map(|k| 4 + i * 9 + k).collect()).collect();
    let all: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
    let (lines, partners) = all.split_at(4);
    let input = StepInput {
        step: 3,
        progress: 0.5,
        sigma_max: 0.0,
        lines,
        partners,
        between: find,
        vocab: 384,
    };
    let mut shards = run_shards(&model, &config, input).expect("a step");
    let shard = shards.pop().expect("a shard");
    let gradients = model
        .parameters()
        .into_iter()
        .filter_map(|(name, var)| {
            let values = shard.grads.get(&var)?.flatten_all().and_then(|g| g.to_vec1::<f32>());
            Some((name, values.expect("numbers")))
        })
        .collect();
    (gradients, shard)
}

#[test]
fn texts_between_lines_move_the_decoder_and_the_encoder() {
    let find = |a: &[u32], b: &[u32], ratio: f64, _: &mut rand_chacha::ChaCha8Rng| {
        assert!((0.05..0.95).contains(&ratio));
        Some([&a[..2], &b[2..]].concat())
    };
    let (without, none) = blended(None, 1.0);
    let (with, some) = blended(Some(&find), 1.0);
    let (double, _) = blended(Some(&find), 2.0);
    assert_eq!((none.blend, none.blend_labels), (0.0, 0));
    // Four pairs, two texts each, and the end tokens.
    assert!(some.blend_labels >= 8 * 6 && some.blend > 0.0);
    assert!((some.cross_entropy - none.cross_entropy).abs() < 1e-3);
    let mut moved = [false; 2];
    for (((name, a), (_, b)), (_, c)) in without.iter().zip(&with).zip(&double) {
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            // The texts' part of the gradient grows with their weight.
            assert!((2.0 * (b - a) - (c - a)).abs() < 1e-4 + 1e-2 * (c - a).abs(), "{name}");
        }
        let differs = a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-6);
        moved[0] |= differs && name.starts_with("encoder");
        moved[1] |= differs && name.starts_with("decoder.block");
    }
    assert_eq!(moved, [true, true]);
}

#[test]
fn a_run_can_start_from_another_models_weights() {
    let dir = tempfile::tempdir().expect("folder");
    write_data(dir.path());
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let config = dir.path().join("config.toml");
    let done =
        command(dir.path(), &first).arg("--config").arg(&config).args(["--steps", "30"]).status();
    assert!(done.expect("a run").success());
    let done = command(dir.path(), &second)
        .arg("--config")
        .arg(&config)
        .args(["--steps", "1", "--learning-rate", "1e-9", "--start-from"])
        .arg(&first)
        .status();
    assert!(done.expect("a run").success());
    let text = ["total = len(items, 3)".to_owned()];
    let latent = |dir: &Path| {
        LoadedModel::from_folder(dir).and_then(|m| m.encode(&text)).expect("a latent").remove(0)
    };
    let (a, b) = (latent(&first), latent(&second));
    assert!(a.values.iter().zip(&b.values).all(|(a, b)| (a - b).abs() < 2e-2), "{a:?} {b:?}");
    let trainer = std::fs::read_to_string(second.join("trainer.json")).expect("trainer.json");
    assert!(trainer.contains("\"start_from\": \"first\""));
}

fn write_data(dir: &Path) {
    std::fs::write(dir.join("lines.txt"), lines(400).join("\n")).expect("data");
    let file = toml::to_string(&TrainConfig { budget: Budget::Steps(100_000), ..config() })
        .expect("configuration");
    let config = file.replace("save_steps = 10", "save_steps = 2");
    std::fs::write(dir.join("config.toml"), config).expect("configuration");
}

fn command(dir: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
    command.arg("train").arg("--data").arg(dir.join("lines.txt")).arg("--out").arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn killed_twenty_times_at_random_the_checkpoint_always_loads() {
    let dir = tempfile::tempdir().expect("folder");
    write_data(dir.path());
    let out = dir.path().join("run");
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
    let mut last = 0;
    let mut kills = 0;
    while kills < 20 {
        let mut command = command(dir.path(), &out);
        if out.join("training.safetensors").exists() {
            command.arg("--resume");
        } else {
            command.arg("--config").arg(dir.path().join("config.toml"));
        }
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(rng.random_range(150..900)));
        assert!(child.try_wait().expect("status").is_none(), "the run ended by itself");
        child.kill().expect("kill");
        child.wait().expect("wait");
        kills += 1;
        if out.join("training.safetensors").exists() {
            let (checkpoint, _, _) = Checkpoint::load(&out).expect("the training state loads");
            assert!(checkpoint.step >= last, "a step that was saved is lost");
            last = checkpoint.step;
            let model = LoadedModel::from_folder(&out).expect("the model loads");
            model.encode(&["return total".to_owned()]).expect("the model encodes");
        }
    }
    assert!(last > 0, "no run got as far as a checkpoint");
    // A run that goes on clears away what the killed ones left half written.
    let done = command(dir.path(), &out).args(["--resume", "--steps", "1"]).status();
    assert!(done.expect("the program runs").success());
    let left = std::fs::read_dir(&out)
        .expect("folder")
        .filter_map(|e| e.ok()?.file_name().into_string().ok());
    assert_eq!(left.filter(|name| name.ends_with(".tmp")).count(), 0);
}

#[cfg(unix)]
#[test]
fn a_signal_saves_and_stops() {
    let dir = tempfile::tempdir().expect("folder");
    write_data(dir.path());
    for signal in ["INT", "TERM"] {
        let out = dir.path().join(signal);
        let mut command = command(dir.path(), &out);
        command.arg("--config").arg(dir.path().join("config.toml"));
        let mut child = command.spawn().expect("the program starts");
        while !out.join("trainer.json").exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = format!("kill -{signal} {}", child.id());
        Command::new("sh").arg("-c").arg(kill).status().expect("kill");
        assert_eq!(child.wait().expect("status").code(), Some(130));
        Checkpoint::load(&out).expect("the training state loads");
        let log = std::fs::read_to_string(out.join("metrics.jsonl")).expect("log");
        assert!(log.trim_end().ends_with('}') && log.contains("\"stopped\""));
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_that_loses_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    write_data(dir.path());
    let out = dir.path().join("run");
    let mut child = command(dir.path(), &out)
        .arg("--config")
        .arg(dir.path().join("config.toml"))
        .spawn()
        .expect("the program starts");
    while !out.join("trainer.json").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("kill");
    child.wait().expect("wait");
    let (before, _, _) = Checkpoint::load(&out).expect("a checkpoint");
    // Files may not grow past 64 KiB: every checkpoint write fails as on a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 128; exec {} train --data {} --out {} --resume",
        env!("CARGO_BIN_EXE_tvae-tui"),
        dir.path().join("lines.txt").display(),
        out.display()
    );
    let output = Command::new("sh").arg("-c").arg(script).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("safetensors"), "the message names the file: {message}");
    let (after, _, _) = Checkpoint::load(&out).expect("the checkpoint is still there");
    assert_eq!(after.step, before.step);
    LoadedModel::from_folder(&out).expect("the model still loads");
    let left: Vec<_> = std::fs::read_dir(&out)
        .expect("folder")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.contains("tmp"))
        .collect();
    assert!(left.is_empty(), "temporary files are removed: {left:?}");
}

#[test]
fn a_loss_that_is_not_finite_stops_with_the_batch_saved() {
    // An absurd rate overflows within a few steps.
    let mut config = config();
    config.optimiser.learning_rate = 1e30;
    config.optimiser.clip = 0.0;
    config.optimiser.warmup = 0.0;
    config.blend = Blend::none();
    let fixture = Fixture::new(&config);
    let dir = tempfile::tempdir().expect("folder");
    let inputs = Inputs {
        domain: domain("python").expect("python is a domain"),
        codec: &fixture.codec,
        train: &fixture.train,
        held_out: &fixture.held_out,
        examiner: None,
        data_name: "made up",
        start: None,
        device: Device::Cpu,
    };
    let result = train(&config, &inputs, dir.path(), None, &mut [], &StopSignal::new());
    assert!(matches!(result, Err(TrainError::NotFinite { .. })));
    let text = std::fs::read_to_string(dir.path().join("failed-batch.json")).expect("the batch");
    let batch: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(batch["lines"].as_array().map(Vec::len), Some(16));
}
