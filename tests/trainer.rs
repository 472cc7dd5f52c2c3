//! A run in a thread, with a hand on it: what the train screen starts is what the command line starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use candle_core::Device;
use tvae_tui::corpus::Column;
use tvae_tui::train::{
    look, moments, Budget, Checkpoint, Control, DataOptions, Job, Progress, Report, Source, Told,
    TrainConfig, TrainError, Trainer,
};

fn config(steps: usize) -> TrainConfig {
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
        final_pairs: 2,
        budget: Budget::Steps(steps),
        eval_steps: 20,
        save_steps: 10,
        history: 2,
        seed: 5,
        ..TrainConfig::preset(tvae_tui::train::Preset::Tiny, "python")
    }
}

fn job(out: &Path, config: TrainConfig) -> Job {
    Job {
        config,
        lines: DataOptions {
            data: Source::Samples,
            valid: None,
            column: None,
            label_column: None,
            limit: None,
        },
        out: out.to_owned(),
        tokenizer: None,
        start_from: None,
        resume: false,
    }
}

/// All of a run's messages until it ends.
fn messages(job: Job) -> Vec<Told> {
    let (send, heard) = std::sync::mpsc::channel();
    let _trainer = Trainer::spawn(job, move |told| drop(send.send(told))).expect("a thread");
    let mut all = Vec::new();
    while let Ok(told) = heard.recv_timeout(Duration::from_secs(120)) {
        let ended = matches!(told, Told::Ended(_));
        all.push(told);
        if ended {
            return all;
        }
    }
    panic!("the run did not end: {all:?}");
}

/// Weights, moments and average of a checkpoint, as bits.
fn bits(dir: &Path) -> BTreeMap<String, Vec<u32>> {
    let (_, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
    let values = |tensor: candle_core::Tensor| {
        let values = tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("numbers");
        values.into_iter().map(f32::to_bits).collect()
    };
    tensors.into_iter().map(|(name, tensor)| (name, values(tensor))).collect()
}

#[test]
fn a_run_of_the_screen_and_one_of_the_command_line_end_in_the_same_bytes() {
    let here = tempfile::tempdir().expect("folder");
    let there = tempfile::tempdir().expect("folder");
    let out = there.path().join("model");
    let told = messages(job(here.path(), config(30)));
    assert!(matches!(told.last(), Some(Told::Ended(Ok(outcome))) if outcome.finished));

    let file = there.path().join("run.toml");
    let text = toml::to_string(&config(30)).expect("TOML");
    std::fs::write(&file, text).expect("written");
    Command::new(env!("CARGO_BIN_EXE_tvae-tui"))
        .args(["train", "--data", "samples", "--preset", "tiny", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .assert()
        .success();
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
        let read = |dir: &Path| std::fs::read(dir.join(name)).expect(name);
        assert_eq!(read(here.path()), read(&out), "{name}");
    }
    assert_eq!(bits(here.path()), bits(&out));
    let steps = |dir: &Path| -> Vec<usize> {
        moments(dir).expect("moments").into_iter().map(|(step, _)| step).collect()
    };
    assert_eq!(steps(here.path()), [20, 30]);
    assert_eq!(steps(&out), [20, 30]);
}

#[test]
fn the_ladder_and_the_lines_are_told_at_the_start_and_at_every_evaluation() {
    let dir = tempfile::tempdir().expect("folder");
    let pinned = Some(["x = 1".to_owned(), "return self.name".to_owned()]);
    let told = messages(job(dir.path(), TrainConfig { pinned, ..config(40) }));
    let ladders: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Report(report) => match &**report {
                Report::Ladder { step, ladder } => Some((*step, ladder.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(ladders.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [0, 20, 40]);
    for (_, ladder) in &ladders {
        assert_eq!((&*ladder.a, &*ladder.b), ("x = 1", "return self.name"));
        assert_eq!(ladder.rungs.len(), 11);
    }
    assert!(told.iter().any(|t| matches!(t, Told::Stage(_))));
    // What was told is in the log as well.
    let log = std::fs::read_to_string(dir.path().join("metrics.jsonl")).expect("a log");
    let logged = log.lines().filter(|line| line.contains("\"event\":\"ladder\"")).count();
    assert_eq!(logged, 3);
}

/// Does something when a report of a step comes.
struct At<F: FnMut(&Report)>(F);

impl<F: FnMut(&Report)> Progress for At<F> {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        (self.0)(report);
        Ok(())
    }
}

#[test]
fn a_pause_saves_and_the_run_goes_on_to_the_same_weights() {
    let paused = tempfile::tempdir().expect("folder");
    let straight = tempfile::tempdir().expect("folder");
    let control = Control::default();
    let mut seen = Vec::new();
    let hand = control.clone();
    let folder = paused.path().to_owned();
    let mut sink = At(|report: &Report| match report {
        Report::Step { step: 20, .. } => hand.pause(true),
        Report::Paused { step } => {
            let (checkpoint, ..) = Checkpoint::load(&folder).expect("saved before it waits");
            assert_eq!(checkpoint.step, *step);
            seen.push(*step);
            hand.pause(false);
        }
        _ => {}
    });
    let outcome = job(paused.path(), config(40)).run(Device::Cpu, &mut [&mut sink], &control);
    assert!(outcome.expect("a run").finished);
    assert_eq!(seen, [20]);
    let control = Control::default();
    let outcome = job(straight.path(), config(40)).run(Device::Cpu, &mut [], &control);
    assert!(outcome.expect("a run").finished);
    assert_eq!(bits(paused.path()), bits(straight.path()));
}

#[test]
fn stopping_without_saving_leaves_what_was_saved_last() {
    let dir = tempfile::tempdir().expect("folder");
    let control = Control::default();
    let hand = control.clone();
    let mut sink = At(|report: &Report| {
        if matches!(report, Report::Saved { step: 10, .. }) {
            hand.discard();
        }
    });
    let outcome = job(dir.path(), config(40)).run(Device::Cpu, &mut [&mut sink], &control);
    let outcome = outcome.expect("a run");
    assert!(outcome.discarded && !outcome.finished);
    assert_eq!(Checkpoint::load(dir.path()).expect("a checkpoint").0.step, 10);
    // It goes on from there, with the lines and the configuration that it was given.
    let (again, _) = Job::of_folder(dir.path()).expect("a run to take up");
    assert_eq!((again.lines.data.clone(), again.config.seed), (Source::Samples, 5));
    let outcome = again.run(Device::Cpu, &mut [], &Control::default()).expect("a run");
    assert!(outcome.finished);
}

#[test]
fn another_learning_rate_counts_from_the_next_step_and_is_kept() {
    let dir = tempfile::tempdir().expect("folder");
    let control = Control::default();
    let hand = control.clone();
    let mut rates = Vec::new();
    let mut sink = At(|report: &Report| match report {
        Report::Step { step, learning_rate, .. } => {
            rates.push(*learning_rate);
            match step {
                20 => hand.scale_rate(0.5),
                40 => hand.stop(),
                _ => {}
            }
        }
        Report::Rate { step, factor } => assert_eq!((*step, *factor), (20, 0.5)),
        _ => {}
    });
    let mut config = config(60);
    config.optimiser.decay = tvae_tui::train::Decay::Constant;
    config.optimiser.warmup = 0.0;
    let rate = config.optimiser.learning_rate;
    let outcome = job(dir.path(), config).run(Device::Cpu, &mut [&mut sink], &control);
    assert!(!outcome.expect("a run").finished);
    assert_eq!((rates.first(), rates.last()), (Some(&rate), Some(&(rate / 2.0))));
    let mut rates = Vec::new();
    let mut sink = At(|report: &Report| {
        if let Report::Step { learning_rate, .. } = report {
            rates.push(*learning_rate);
        }
    });
    let (again, _) = Job::of_folder(dir.path()).expect("a run to take up");
    again.run(Device::Cpu, &mut [&mut sink], &Control::default()).expect("a run");
    assert!(!rates.is_empty() && rates.iter().all(|r| (r - rate / 2.0).abs() < 1e-12));
}

#[test]
fn a_look_tells_of_the_data_and_of_what_a_run_would_cost() {
    let lines =
        |data| DataOptions { data, valid: None, column: None, label_column: None, limit: None };
    let found = look(&config(30), &lines(Source::Samples)).expect("a look");
    let estimate = found.estimate.expect("a run is possible");
    assert_eq!(estimate.lengths.len(), found.lines.len());
    assert!(estimate.parameters > 10_000 && estimate.tokens_per_second > 0.0);
    assert!((estimate.steps - 30.0).abs() < f64::EPSILON && estimate.minutes > 0.0);
    let small = estimate.memory;
    let large =
        look(&TrainConfig { batch: 64, d_model: 64, ..config(30) }, &lines(Source::Samples));
    let large = large.expect("a look").estimate.expect("a run is possible");
    assert!(large.memory > small);
    let short = TrainConfig { max_len: 4, ..config(30) };
    let none = look(&short, &lines(Source::Samples)).expect("a look").estimate;
    assert!(none.is_err() || none.is_ok_and(|e| e.too_long > 0));
    let table = tempfile::NamedTempFile::with_suffix(".tsv").expect("a file");
    std::fs::write(table.path(), "a\tx = 1\nb\ty = 2\n").expect("rows");
    let labelled = DataOptions {
        label_column: Some(Column::Number(9)),
        ..lines(Source::Path(table.path().to_owned()))
    };
    let error = look(&config(30), &labelled).expect_err("no such column").to_string();
    assert!(error.contains("no column 9"), "{error}");

    let missing = look(&config(30), &lines(Source::Path("no/such/file.txt".into())));
    assert!(missing.expect_err("no file").to_string().contains("no/such/file.txt"));
}
