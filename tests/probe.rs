//! Probes of a model's latents from the command line: figures beside controls, what is taken, and what is refused.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use candle_core::Device;
use serde_json::Value;
use tvae_tui::corpus::mnist_text::{Digit, Direction, Size};
use tvae_tui::corpus::Example;
use tvae_tui::domain::domain;
use tvae_tui::engine::probe::{probe, ProbeProtocol};
use tvae_tui::engine::{LatentModel, LoadedModel};
use tvae_tui::model::TransformerVae;
use tvae_tui::train::{Preset, TrainConfig};

fn tvae() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
    command.env("XDG_DATA_HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn json(args: &[&str]) -> Value {
    let output = tvae().args(args).arg("--json").assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("one JSON document")
}

fn refused(args: &[&str]) -> String {
    let failed = tvae().args(args).assert().code(1);
    let said = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A table of lines of three forms, of which the form is the label.
fn table(file: &Path, from: usize, count: usize) -> PathBuf {
    let names = ["value", "total", "index", "result", "node"];
    let line = |i: usize| match i % 3 {
        0 => format!("item\t{} = {}[{}]", names[i % 5], names[i / 5 % 5], i),
        1 => format!("sum\treturn {} + {} - {i}", names[i % 5], names[i / 7 % 5]),
        _ => format!("check\tassert len({}) == {}", names[i / 3 % 5], i),
    };
    let lines: Vec<String> = (from..from + count).map(line).collect();
    std::fs::write(file, lines.join("\n")).expect("written");
    file.to_owned()
}

#[test]
fn a_probe_reads_labels_from_latents_the_same_every_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = table(&dir.path().join("held.tsv"), 0, 120).display().to_string();
    let args = ["probe", "--data", &data, "--label-column", "0"];
    let found = json(&args);
    for name in ["linear_svm", "rbf_svm", "majority", "tfidf_linear_svm"] {
        let accuracy = &found[name]["accuracy"];
        let of = |key: &str| accuracy[key].as_f64().unwrap_or_else(|| panic!("{name} {found}"));
        assert!(of("low") <= of("value") && of("value") <= of("high"), "{name} {accuracy}");
        assert_eq!((&found[name]["train"], &found[name]["test"]), (&84.into(), &36.into()));
    }
    let value = |name: &str| found[name]["accuracy"]["value"].as_f64().expect("a number");
    assert!(value("linear_svm") > 0.9 && value("rbf_svm") > 0.9, "{found}");
    assert!(value("majority") < 0.5, "{found}");
    assert_eq!(found["confusion"]["classes"], serde_json::json!(["check", "item", "sum"]));
    assert_eq!((&found["data"], &found["train"]), (&"held.tsv".into(), &Value::Null));
    assert_eq!((&found["items"], &found["seed"]), (&120.into(), &0.into()));
    assert_eq!(json(&args), found);
    assert_ne!(json(&[&args[..], &["--seed", "1"]].concat())["rbf_svm"], found["rbf_svm"]);

    // A training file of its own: what both have is not trained on.
    let train = table(&dir.path().join("train.tsv"), 60, 150).display().to_string();
    let more = ["--train", &train, "--items", "100", "--train-items", "80"];
    let found = json(&[&args[..], &more].concat());
    assert_eq!((&found["items"], &found["train_items"]), (&100.into(), &80.into()));
    assert_eq!(
        (&found["linear_svm"]["train"], &found["linear_svm"]["test"]),
        (&80.into(), &100.into())
    );
    assert_eq!(found["rbf_svm"]["train"], 70);
    assert_eq!(found["left_out"]["repeated"], 60);

    let page = tvae().args(args).arg("--markdown").assert().success().get_output().stdout.clone();
    let page = String::from_utf8(page).expect("text");
    assert!(page.contains("| latents, linear SVM |") && page.contains("of the words' accuracy"));
    assert!(page.contains("| check "), "{page}");
}

#[test]
fn what_has_no_labels_to_read_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).expect("written");
        file.display().to_string()
    };
    let lines = write("lines.txt", "x = 1\ny = 2\nz = 3\n");
    assert!(refused(&["probe", "--data", &lines]).contains("--label-column"));
    let of = |data: &str| refused(&["probe", "--data", data, "--label-column", "0"]);
    let one = write("one.tsv", "a\tx = 1\na\ty = 2\na\tz = 3\n");
    assert!(of(&one).contains("all 3 items have the label `a`"));
    let few = write("few.tsv", "a\tx = 1\nb\ty = 2\nc\tz = 3\n");
    assert!(of(&few).contains("too few for 3 classes"));
    let blank = write("blank.tsv", "\tx = 1\n \ty = 2\n");
    assert!(of(&blank).contains("none of the held-out items (2 read) has a label"));
    let long =
        write("long.tsv", &format!("a\t{}1\nb\t{}2\n", "x + ".repeat(500), "y + ".repeat(500)));
    assert!(of(&long).contains("longer than"));
    assert!(
        refused(&["probe", "--data", &few, "--label-column", "kind"]).contains("no column `kind`")
    );
    tvae().args(["probe", "--data", &lines, "--items", "1"]).assert().code(2);
    tvae().args(["probe", "--data", &lines, "--train-items", "5"]).assert().code(2);
    tvae().args(["probe", "--data", &lines, "--json", "--markdown"]).assert().code(2);
}

/// A model of digits at 9×9 that was never trained.
fn untrained() -> LoadedModel {
    let config = TrainConfig {
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1],
        decoder_layers: 1,
        latent_tokens: 4,
        latent_size: 16,
        max_len: 84,
        ..TrainConfig::preset(Preset::Tiny, "mnist")
    };
    let mnist = domain("mnist").expect("a domain");
    let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("a codec");
    let shape = config.model_config(codec.vocab_size()).expect("a shape");
    let model = TransformerVae::new(shape, 5, &Device::Cpu).expect("a model");
    LoadedModel::assemble("digits".into(), model, codec).expect("parts that fit")
}

#[test]
fn a_digit_is_probed_once_and_has_no_words() {
    let model = untrained();
    let both = |e: &Example| {
        let up = Digit::read(&e.text, Size::Tiny).0.write(Direction::Up);
        [e.clone(), Example { text: up, label: e.label.clone() }]
    };
    let data: Vec<Example> = model.samples().iter().flat_map(both).collect();
    let protocol = ProbeProtocol { data: &data, train: None, items: 200, train_items: 1, seed: 1 };
    let found = probe(&model, protocol, &mut |_| true).expect("probed").expect("to the end");
    assert_eq!((found.items, found.left_out.repeated), (200, data.len() / 2));
    assert_eq!(found.probe.confusion.classes.join(""), "0123456789");
    assert_eq!(found.probe.tfidf_linear_svm, None);
    assert_eq!((found.latent_tokens, found.latent_size), (4, 16));
    let linear = &found.probe.linear_svm;
    assert_eq!((linear.train, linear.test, linear.features), (140, 60, 64));
    assert_eq!(found.probe.confusion.matrix.iter().flatten().sum::<usize>(), 60);

    let mut calls = 0;
    let stopped = probe(&model, protocol, &mut |_| {
        calls += 1;
        calls < 3
    });
    assert_eq!(stopped, Ok(None), "while encoding");
}
