//! The learned prior from the command line: fitted, told beside the standard one, kept with the model and drawn from.

use std::path::Path;

use assert_cmd::Command;
use candle_core::{DType, Device};
use serde_json::Value;
use tvae_tui::model::TransformerVae;

fn tvae(data_home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
    command.env("XDG_DATA_HOME", data_home).env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn text(command: &mut Command, args: &[&str]) -> String {
    let output = command.args(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("text")
}

fn refused(command: &mut Command, args: &[&str]) -> String {
    let failed = command.args(args).assert().code(1);
    String::from_utf8_lossy(&failed.get_output().stderr).into_owned()
}

/// A file of lines of a few forms, which lie in a small part of the latent space.
fn lines(dir: &Path) -> String {
    let names = ["value", "total", "index", "result", "node"];
    let line = |i: usize| match i % 3 {
        0 => format!("{} = {}[{}]", names[i % 5], names[i / 5 % 5], i % 17),
        1 => format!("return {} + {}", names[i % 5], names[i / 7 % 5]),
        _ => format!("assert len({}) == {}", names[i / 3 % 5], i % 29),
    };
    let file = dir.join("lines.txt");
    std::fs::write(&file, (0..300).map(line).collect::<Vec<_>>().join("\n")).expect("written");
    file.display().to_string()
}

#[test]
fn a_prior_is_kept_with_the_model_and_drawn_from() {
    let dir = tempfile::tempdir().expect("a folder");
    let home = dir.path().join("data");
    let lines = lines(dir.path());
    let folder = dir.path().join("model");
    std::fs::create_dir_all(&folder).expect("a folder");
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/python");
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(bundled.join(file), folder.join(file)).expect("copy");
    }
    let model = folder.display().to_string();
    let sample = |more: &[&str]| {
        let args = [&["sample", "-n", "3", "--json", "--model", &model], more].concat();
        text(&mut tvae(&home), &args)
    };
    let before = sample(&[]);
    let said = refused(&mut tvae(&home), &["sample", "--model", &model, "--prior", "flow"]);
    assert!(said.contains("tvae-tui prior --model"), "{said}");

    let short = ["--components", "3", "--steps", "40", "--samples", "12", "--json"];
    let fit = ["prior", "--model", &model, "--data", &lines];
    let document = text(&mut tvae(&home), &[&fit[..], &short[..]].concat());
    let document: Value = serde_json::from_str(&document).expect("one JSON document");
    let rows = document["priors"].as_array().expect("rows");
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["standard", "mixture", "flow"]);
    for row in rows {
        assert!(row["valid"].as_f64().is_some_and(|v| (0.0..=1.0).contains(&v)), "{row}");
        assert_eq!(row["samples"], 12);
    }
    let likelihood = |at: usize| rows[at]["log_likelihood"].as_f64().expect("a number");
    assert!(likelihood(1) > likelihood(0) && likelihood(2) > likelihood(0), "{rows:?}");
    // Latents on the sphere, at radii of normal draws, are nearly standard normal in length.
    assert!((likelihood(0) + 1.419).abs() < 0.05, "{}", likelihood(0));
    assert_eq!(rows[1]["components"], 3);
    assert!(folder.join("prior.safetensors").exists());

    let best = document["best"].as_str().expect("a kind");
    assert_eq!(sample(&[]), sample(&["--prior", best]), "auto is the better one");
    assert_eq!(sample(&["--prior", "standard"]), before);
    for kind in ["mixture", "flow"] {
        let drawn = sample(&["--prior", kind]);
        assert_ne!(drawn, before);
        assert_eq!(drawn, sample(&["--prior", kind]));
        assert_ne!(drawn, sample(&["--prior", kind, "--seed", "1"]));
    }
    let again = text(&mut tvae(&home), &[&fit[..], &short[..]].concat());
    assert_eq!(serde_json::from_str::<Value>(&again).expect("JSON"), document);

    // Other weights have other latents.
    let loaded = TransformerVae::load(&folder, &Device::Cpu).expect("the model");
    let name = "vae.encoder.token_to_latent.bias".to_owned();
    let parameters = loaded.parameters();
    let (_, bias) = parameters.iter().find(|(n, _)| *n == name).expect("a bias");
    let moved = (bias.as_tensor() + 1.0).expect("moved");
    loaded.set_parameters(&[(name, moved)]).expect("set");
    loaded.save(&folder, DType::F16).expect("saved");
    let said = refused(&mut tvae(&home), &["sample", "--model", &model]);
    assert!(said.contains("fitted to other weights") && said.contains("standard"), "{said}");
    assert_eq!(sample(&["--prior", "standard"]), before, "the decoder is the same");
    std::fs::write(folder.join("prior.safetensors"), "no tensors").expect("written");
    let said = refused(&mut tvae(&home), &["sample", "--model", &model]);
    assert!(said.contains("prior.safetensors"), "{said}");
}

#[test]
fn the_prior_of_a_bundled_model_lies_in_the_data_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let lines = lines(dir.path());
    let sample = || text(&mut tvae(dir.path()), &["sample", "-n", "3", "--json"]);
    let before = sample();
    let args = ["prior", "--data", &lines, "--kind", "mixture", "--components", "2", "--samples"];
    let table = text(&mut tvae(dir.path()), &[&args[..], &["8"][..]].concat());
    let first: Vec<&str> =
        table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["prior", "standard", "mixture"], "{table}");
    assert!(dir.path().join("tvae-tui/models/python.prior.safetensors").exists());
    assert_ne!(sample(), before);
    let said = refused(&mut tvae(dir.path()), &["sample", "--prior", "flow"]);
    assert!(said.contains("no flow was fitted"), "{said}");
    tvae(dir.path()).args(["sample", "--prior", "best"]).assert().code(2);
    tvae(dir.path()).args(["prior", "--data", &lines, "--kind", "standard"]).assert().code(2);
    std::fs::write(dir.path().join("one.txt"), "x = 1\n").expect("written");
    let one = dir.path().join("one.txt").display().to_string();
    let said = refused(&mut tvae(dir.path()), &["prior", "--data", &one]);
    assert!(said.contains("too few"), "{said}");
}
