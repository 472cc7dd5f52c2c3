//! A run's event files, opened by the real TensorBoard. It is installed from its package index into the system's folder for
//! temporary files, once; where that is not possible the test says so and checks nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Prints what TensorBoard finds in a folder as JSON.
const SCRIPT: &str = r"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

found = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0, 'tensors': 0})
found.Reload()
tags = found.Tags()
print(json.dumps({
    'scalars': {tag: [[e.step, e.value] for e in found.Scalars(tag)] for tag in tags['scalars']},
    'images': {tag: [[e.step, e.width, e.height] for e in found.Images(tag)] for tag in tags['images']},
    'texts': {
        tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in found.Tensors(tag)]
        for tag in tags['tensors']
        if found.SummaryMetadata(tag).plugin_data.plugin_name == 'text'
    },
}))
";

/// A Python with TensorBoard; `None` with the reason on standard error where there is none to be had.
fn python_with_tensorboard() -> Option<PathBuf> {
    let venv = std::env::temp_dir().join("tvae-tui-tensorboard");
    let python = venv.join("bin/python");
    let has = || {
        let import = "import tensorboard.backend.event_processing.event_accumulator";
        Command::new(&python).args(["-c", import]).output().is_ok_and(|o| o.status.success())
    };
    let run = |program: &Path, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|o| o.status.success())
    };
    let install =
        ["-m", "pip", "install", "-q", "--retries", "1", "--timeout", "20", "tensorboard"];
    let there = has()
        || run(Path::new("python3"), &["-m", "venv", &venv.to_string_lossy()])
            && run(&python, &install)
            && has();
    if !there {
        eprintln!("skipped: TensorBoard cannot be installed here (python3 -m venv, pip install tensorboard)");
    }
    there.then_some(python)
}

fn train(out: &Path, args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_tvae-tui"))
        .arg("train")
        .args(args)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn tensorboard_shows_figures_ladders_and_pictures_of_a_run_that_was_taken_up_again() {
    let Some(python) = python_with_tensorboard() else { return };
    let dir = tempfile::tempdir().expect("folder");
    let out = dir.path().join("run");
    let small = ["held_out=8", "pairs=2", "final_pairs=2", "save_steps=4", "eval_steps=4"];
    let mut args = vec!["--domain", "mnist", "--data", "samples", "--preset", "tiny"];
    args.extend(["--batch", "8", "--steps", "4", "--tensorboard"]);
    args.extend(small.iter().flat_map(|option| ["--set", option]));
    train(&out, &args);
    train(&out, &["--resume", "--steps", "8"]);

    let printed = Command::new(python).args(["-c", SCRIPT]).arg(&out).output().expect("Python");
    let said = String::from_utf8_lossy(&printed.stderr).into_owned();
    let found: Value = serde_json::from_slice(&printed.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert!(!said.to_lowercase().contains("corrupt"), "{said}");
    let steps = |kind: &str, tag: &str| -> Vec<u64> {
        let points = found[kind][tag].as_array().unwrap_or_else(|| panic!("{kind} {tag}: {found}"));
        points.iter().filter_map(|point| point[0].as_u64()).collect()
    };
    for tag in ["train/cross_entropy", "train/learning_rate", "train/grad_norm"] {
        let steps = steps("scalars", tag);
        assert!(steps.contains(&4) && steps.ends_with(&[8]), "{tag}: {steps:?}");
        assert!(steps.is_sorted(), "{tag}: {steps:?}");
    }
    for tag in ["held_out/exact_match", "held_out/interior_validity"] {
        assert!(steps("scalars", tag).ends_with(&[8]), "{tag}");
    }
    for (kind, tag) in [("texts", "ladder"), ("texts", "samples"), ("images", "ladder/picture")] {
        let steps = steps(kind, tag);
        assert!(steps.contains(&4) && steps.contains(&8), "{tag}: {steps:?}");
    }
    // What TensorBoard shows is what the run's log holds.
    let log = std::fs::read_to_string(out.join("metrics.jsonl")).expect("the log");
    let logged: Vec<Value> = log.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let last = logged.iter().rev().find(|r| r["event"] == "step").expect("a step");
    let points = found["scalars"]["train/cross_entropy"].as_array().expect("points");
    let (shown, told) = (&points.last().expect("a point")[1], &last["cross_entropy"]);
    let gap = shown.as_f64().expect("a number") - told.as_f64().expect("a number");
    assert!(gap.abs() < 1e-5, "{shown} {told}");
}
