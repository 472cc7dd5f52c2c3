//! Options of the trainer beside the cross entropy of lines: what each does, and that a run with it resumes to the same bits.

mod batches;
mod classes;
mod distillation;
mod interpolations;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use tvae_tui::domain::{domain, Codec};
use tvae_tui::model::TransformerVae;
use tvae_tui::numeric::Precision;
use tvae_tui::train::{
    encode_corpus, train, Budget, Checkpoint, Critic, Cycle, Distill, Inputs, Noise, Pixels,
    Preset, Progress, Report, Smoothness, StopSignal, TrainConfig, TrainError, TrainingData,
};

/// Lines of Python made from a few forms.
fn lines(n: usize) -> Vec<String> {
    let names = ["value", "total", "index", "result", "node", "items", "self.size", "count"];
    let calls = ["len", "max", "load_file", "parse", "self.update", "np.sum"];
    (0..n)
        .map(|i| {
            let (a, b) = (names[i % 8], names[(i / 8 + 3) % 8]);
            let f = calls[(i / 3) % 6];
            match i % 3 {
                0 => format!("{a} = {f}({b}, {})", i % 17),
                1 => format!("return {a} + {b}"),
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
        max_len: 32,
        batch: 16,
        shards: 2,
        precision: Precision::F32,
        held_out: 20,
        pairs: 2,
        final_pairs: 2,
        budget: Budget::Steps(40),
        eval_steps: 1_000,
        save_steps: 1_000,
        ..TrainConfig::preset(Preset::Tiny, "python")
    }
}

struct Fixture {
    codec: Codec,
    train: TrainingData,
    held_out: TrainingData,
    /// A model whose weights its runs start from.
    start: Option<PathBuf>,
}

/// Keeps the step reports and raises the signal when one of the given step comes.
struct Watch {
    stop_at: usize,
    stop: StopSignal,
    steps: Vec<Report>,
}

impl Progress for Watch {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        if let Report::Step { step, .. } = report {
            self.steps.push(report.clone());
            if *step >= self.stop_at {
                self.stop.flag().store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

impl Fixture {
    /// `n` training lines and some held-out ones.
    fn new(config: &TrainConfig, n: usize) -> Self {
        let texts = lines(n + 20);
        let mut iter = texts.iter().map(String::as_str);
        let python = domain("python").expect("python is a domain");
        let codec = python.train_codec(&mut iter, config.vocab).expect("tokenizer");
        let encode = |l: &[String]| {
            encode_corpus(&codec, l, config.max_len, &mut |_| ()).expect("encoded lines")
        };
        Self { train: encode(&texts[..n]), held_out: encode(&texts[n..]), codec, start: None }
    }

    /// Runs to the end or to `stop_at`, from the start or from what lies in `dir`; the step reports.
    fn run(
        &self,
        config: &TrainConfig,
        dir: &Path,
        stop_at: Option<usize>,
        resume: bool,
    ) -> Vec<Report> {
        self.attempt(config, dir, stop_at, resume).expect("a run")
    }

    /// Why there is no such run.
    fn refused(&self, config: &TrainConfig, dir: &Path) -> String {
        self.attempt(config, dir, None, false).expect_err("no such run").to_string()
    }

    fn attempt(
        &self,
        config: &TrainConfig,
        dir: &Path,
        stop_at: Option<usize>,
        resume: bool,
    ) -> Result<Vec<Report>, TrainError> {
        let load = |dir| TransformerVae::load(dir, &Device::Cpu).expect("a model");
        let inputs = Inputs {
            domain: domain("python").expect("python is a domain"),
            codec: &self.codec,
            train: &self.train,
            held_out: &self.held_out,
            examiner: None,
            data_name: "made up",
            start: self.start.as_deref().map(load),
            device: Device::Cpu,
        };
        let resume = resume.then(|| {
            let (checkpoint, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
            (checkpoint, tensors)
        });
        let stop = StopSignal::new();
        let stop_at = stop_at.unwrap_or(usize::MAX);
        let mut watch = Watch { stop_at, stop: stop.clone(), steps: Vec::new() };
        train(config, &inputs, dir, resume, &mut [&mut watch], &stop)?;
        Ok(watch.steps)
    }
}

/// What a run left in `training.safetensors`.
fn state(dir: &Path) -> HashMap<String, Vec<f32>> {
    let (_, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
    let values =
        |t: Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("float32 values");
    tensors.into_iter().map(|(name, t)| (name, values(t))).collect()
}

/// Holds a run that is stopped and resumed to an uninterrupted one, bit by bit; what both left, and the reports.
fn resumes(fixture: &Fixture, config: &TrainConfig) -> (HashMap<String, Vec<f32>>, Vec<Report>) {
    let (whole, parts) =
        (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let reports = fixture.run(config, whole.path(), None, false);
    fixture.run(config, parts.path(), Some(20), false);
    fixture.run(config, parts.path(), None, true);
    let (whole, parts) = (state(whole.path()), state(parts.path()));
    assert_eq!(whole.len(), parts.len());
    for (name, values) in &whole {
        let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(values), bits(&parts[name]), "{name}");
    }
    (whole, reports)
}

#[test]
fn options_that_no_run_can_have_are_named() {
    let fails = |config: TrainConfig| config.validate().expect_err("no such run").to_string();
    let noise = Noise { mlm: 1.5, ..Noise::none() };
    assert!(fails(TrainConfig { noise, ..config() }).contains("noise.mlm = 1.5"));
    assert!(fails(TrainConfig { accumulate: 0, ..config() }).contains("accumulate"));
    assert!(fails(TrainConfig { label_smoothing: -0.1, ..config() }).contains("label_smoothing"));
    let critic = Critic { weight: -1.0, ..Critic::default() };
    assert!(fails(TrainConfig { critic, ..config() }).contains("critic.weight = -1"));
    let cycle = Cycle { share: 2.0, ..Cycle::default() };
    assert!(fails(TrainConfig { cycle, ..config() }).contains("cycle.share = 2"));
    let smoothness = Smoothness { delta: 0.0, ..Smoothness::default() };
    assert!(fails(TrainConfig { smoothness, ..config() }).contains("smoothness.delta = 0"));
    let distill = Distill { share: 0.6, ..Distill::default() };
    let text = fails(TrainConfig { distill, ..config() });
    assert!(text.contains("distill.share = 0.6") && text.contains("0.5"), "{text}");
    let pixels = Pixels { embeddings: true, ..Pixels::default() };
    assert!(fails(TrainConfig { pixels, ..config() }).contains("need a domain of pictures"));
    let pixels = Pixels { neighbours: 1.0, ..Pixels::default() };
    assert!(fails(TrainConfig { pixels, ..config() }).contains("pixels.neighbours = 1"));
    let digits = TrainConfig::preset(Preset::Tiny, "mnist");
    digits.validate().expect("a preset");
    let noise = Noise { delete: 0.1, ..digits.noise.clone() };
    assert!(fails(TrainConfig { noise, ..digits.clone() }).contains("noise.delete = 0.1"));
    assert!(fails(TrainConfig { max_len: 60, ..digits }).contains("max_len = 83"));
}

#[test]
fn configurations_from_before_these_options_are_read() {
    let json = serde_json::to_value(TrainConfig { batch: 7, ..config() }).expect("JSON");
    let mut old = json.as_object().expect("an object").clone();
    for key in [
        "accumulate",
        "label_smoothing",
        "token_sort",
        "interpolation_inputs",
        "critic",
        "cycle",
        "smoothness",
        "distill",
        "pixels",
        "classes",
    ] {
        old.remove(key).expect("an option");
    }
    old["optimiser"].as_object_mut().expect("a group").remove("kind");
    old["noise"].as_object_mut().expect("a group").remove("mlm");
    let read: TrainConfig = serde_json::from_value(old.into()).expect("reads");
    assert_eq!(read, TrainConfig { batch: 7, ..config() });
}

#[test]
fn presets_and_argument_sets_combine_on_the_command_line() {
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("lines.txt");
    std::fs::write(&data, lines(120).join("\n")).expect("data");
    let run = |preset: &str, out: &Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
        command.args(["train", "--steps", "2", "--preset", preset, "--data"]).arg(&data);
        command.arg("--out").arg(out).output().expect("the program runs")
    };
    let out = dir.path().join("run");
    let done = run("tiny,syntax,30Seq,16th_5_tkn,adafactor", &out);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(out.join("trainer.json")).expect("trainer.json");
    let trainer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let config = &trainer["config"];
    assert_eq!(config["argument_sets"][3], "adafactor");
    assert_eq!((&config["preset"], &config["domain"]), (&"tiny".into(), &"python".into()));
    assert_eq!((&config["latent_size"], &config["max_len"]), (&48.into(), &30.into()));
    let wrong = run("tiny,nonsense", &dir.path().join("none"));
    assert_eq!(wrong.status.code(), Some(2));
    let message = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(message.contains("nonsense") && message.contains("tenth_5_tkn"), "{message}");
}
