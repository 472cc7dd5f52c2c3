//! `tvae-tui runs`: a table, a comparison and a document of what lies below a folder.

use std::path::Path;

use assert_cmd::Command;
use serde_json::{json, Value};
use tvae_tui::train::{Evaluation, Preset, Report, TrainConfig, TRAINER_FILE};

fn runs(dir: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_tvae-tui"))
        .arg("runs")
        .args(args)
        .current_dir(dir)
        .env("XDG_DATA_HOME", dir.join("data"))
        .assert()
}

fn out(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).expect("text")
}

/// A run's folder with evaluations at `steps`, its exact match the step in thousandths.
fn write(dir: &Path, config: &TrainConfig, steps: &[usize], reason: &str) {
    std::fs::create_dir_all(dir).expect("folder");
    let figures = |step: usize| Evaluation {
        exact_match: step as f64 / 1000.0,
        token_accuracy: 0.5,
        ..Evaluation::default()
    };
    let last = *steps.last().expect("a step");
    let trainer = json!({
        "version": "0.1.0", "step": last, "seconds": 120.0, "lines": 64 * last, "best": null,
        "evaluation": figures(last), "config": config, "data": "x.txt", "data_lines": 1000,
    });
    std::fs::write(dir.join(TRAINER_FILE), trainer.to_string()).expect("written");
    let mut reports = vec![Report::Start { step: 0, parameters: 10, lines: 1000 }];
    reports.extend(steps.iter().map(|&step| Report::Evaluation {
        step,
        seconds: step as f64,
        figures: figures(step),
    }));
    reports.push(Report::End { step: last, seconds: 120.0, reason: reason.to_owned() });
    let lines: Vec<String> =
        reports.iter().map(|r| serde_json::to_string(r).expect("json")).collect();
    std::fs::write(dir.join("metrics.jsonl"), lines.join("\n")).expect("written");
}

fn two_runs(root: &Path) {
    let small = TrainConfig::preset(Preset::Tiny, "python");
    let large = TrainConfig { batch: 128, ..small.clone() };
    write(&root.join("models/small"), &small, &[100, 200, 300], "finished");
    write(&root.join("large"), &large, &[90, 210], "stopped");
    std::fs::create_dir_all(root.join("broken\u{1b}[31m")).expect("folder");
    std::fs::write(root.join("broken\u{1b}[31m").join(TRAINER_FILE), "{\"step\":")
        .expect("written");
}

#[test]
fn runs_are_listed_with_state_figures_and_what_is_not_the_presets() {
    let root = tempfile::tempdir().expect("folder");
    two_runs(root.path());
    let listed = runs(root.path(), &[]).success();
    let text = out(&listed);
    let line = |name: &str| {
        text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{text}"))
    };
    let cells: Vec<&str> = line("small").split_whitespace().collect();
    assert_eq!(cells[..6], ["small", "python", "300", "5.0", "1000", "finished"]);
    assert_eq!(cells[6..8], ["50.0", "30.0"]);
    assert!(line("large").contains("stopped"), "{text}");
    assert!(text.contains("tiny, but batch = 128"), "{text}");
    let notes = String::from_utf8_lossy(&listed.get_output().stderr).into_owned();
    assert!(notes.contains("passed over") && notes.contains("broken␛[31m"), "{notes}");
    assert!(!notes.contains('\u{1b}') && !text.contains('\u{1b}'));
}

#[test]
fn runs_are_compared_by_option_and_at_equal_steps() {
    let root = tempfile::tempdir().expect("folder");
    two_runs(root.path());
    let args = ["models/small", "large", "--compare"];
    let text = out(&runs(root.path(), &args).success());
    assert!(text.starts_with("option  small  large\nbatch   64     128\n"), "{text}");
    let exact = text.split("exact, %\n").nth(1).expect("exact").split("\n\n").next().expect("one");
    assert_eq!(
        exact.lines().collect::<Vec<_>>(),
        ["step      small  large", "  90  @100 10.0    9.0", " 210  @200 20.0   21.0"]
    );

    let document = out(&runs(root.path(), &[args.as_slice(), &["--json"]].concat()).success());
    let document: Value = serde_json::from_str(&document).expect("one JSON document");
    assert_eq!(document["runs"][0]["name"], "small");
    assert_eq!(document["runs"][1]["state"], "stopped");
    assert_eq!(document["options"], json!([{ "option": "batch", "values": [64, 128] }]));
    assert_eq!(document["figures"][1]["step"], 210);
    assert_eq!(document["figures"][1]["runs"][0]["step"], 200);
}

#[test]
fn nothing_found_is_no_failure_and_a_missing_folder_is_one() {
    let root = tempfile::tempdir().expect("folder");
    let nothing = runs(root.path(), &[]).success();
    assert!(String::from_utf8_lossy(&nothing.get_output().stderr).contains("no run"));
    let missing = runs(root.path(), &["nowhere"]).failure();
    assert!(String::from_utf8_lossy(&missing.get_output().stderr).contains("nowhere"));
    let document = out(&runs(root.path(), &["--json"]).success());
    assert_eq!(
        serde_json::from_str::<Value>(&document).expect("json"),
        json!({ "runs": [], "broken": [] })
    );
}
