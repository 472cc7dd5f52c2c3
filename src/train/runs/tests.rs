//! Runs are found, told as they stand, and never in the way of each other.

use super::*;
use crate::train::Preset;

fn write(dir: &Path, file: &str, text: &str) {
    std::fs::create_dir_all(dir).expect("folder");
    std::fs::write(dir.join(file), text).expect("written");
}

fn trainer(step: usize, exact: f64) -> String {
    let evaluation = Evaluation { exact_match: exact, ..Evaluation::default() };
    serde_json::json!({
        "version": "0.1.0", "step": step, "seconds": 60.0, "lines": 640, "best": null,
        "evaluation": evaluation, "config": TrainConfig::preset(Preset::Tiny, "headlines"),
        "data": "news.txt", "data_lines": 100,
    })
    .to_string()
}

fn lines(reports: &[Report]) -> String {
    reports.iter().map(|r| serde_json::to_string(r).expect("json") + "\n").collect()
}

fn end(step: usize, reason: &str) -> Report {
    Report::End { step, seconds: 90.0, reason: reason.to_owned() }
}

#[test]
fn the_metrics_are_newer_than_the_checkpoint_and_tell_the_state() {
    let dir = tempfile::tempdir().expect("folder");
    let start = Report::Start { step: 0, parameters: 1234, lines: 99 };
    write(dir.path(), TRAINER_FILE, &trainer(40, 0.25));
    for (reason, state) in [("finished", RunState::Finished), ("stopped", RunState::Stopped)] {
        write(dir.path(), METRICS_FILE, &lines(&[start.clone(), end(50, reason)]));
        let run = read_run(dir.path()).expect("a run");
        assert_eq!((run.state, run.step, run.seconds), (state, 50, 90.0));
        assert_eq!((run.parameters, run.data_lines), (Some(1234), Some(99)));
        assert_eq!((run.domain.as_str(), run.data.as_deref()), ("headlines", Some("news.txt")));
        assert_eq!(run.evaluation.expect("figures").exact_match, 0.25);
    }
    let figures = Evaluation { exact_match: 0.5, ..Evaluation::default() };
    let evaluation = Report::Evaluation { step: 60, seconds: 95.0, figures };
    // The last line is cut short, as in a run that is being written.
    let text = lines(&[start, end(50, "stopped"), evaluation]) + "{\"event\":\"st";
    write(dir.path(), METRICS_FILE, &text);
    let run = read_run(dir.path()).expect("a run");
    assert_eq!((run.state, run.step), (RunState::Running, 60));
    assert_eq!(run.evaluation.expect("figures").exact_match, 0.5);
    assert_eq!(history(dir.path()).expect("history").len(), 3);
    let long_ago = SystemTime::now() - 2 * SILENCE;
    for file in [TRAINER_FILE, METRICS_FILE] {
        let file = std::fs::File::options().append(true).open(dir.path().join(file));
        file.expect("open").set_modified(long_ago).expect("set");
    }
    assert_eq!(read_run(dir.path()).expect("a run").state, RunState::Interrupted);
}

#[test]
fn a_model_without_history_is_finished_when_its_budget_is_used_up() {
    let dir = tempfile::tempdir().expect("folder");
    write(dir.path(), TRAINER_FILE, &trainer(40, 0.0));
    assert_eq!(read_run(dir.path()).expect("a run").state, RunState::Stopped);
    let used_up = trainer(40, 0.0).replace("\"seconds\":60.0", "\"seconds\":1e9");
    write(dir.path(), TRAINER_FILE, &used_up);
    assert_eq!(read_run(dir.path()).expect("a run").state, RunState::Finished);
}

#[test]
fn options_that_a_run_did_not_know_are_filled_in_and_unknown_ones_kept() {
    let dir = tempfile::tempdir().expect("folder");
    let mut value: Value = serde_json::from_str(&trainer(1, 0.0)).expect("json");
    let config = value["config"].as_object_mut().expect("a table");
    config.remove("blend");
    write(dir.path(), TRAINER_FILE, &value.to_string());
    let run = read_run(dir.path()).expect("a run");
    assert!(run.config["blend"]["share"].is_number(), "{}", run.config);
    assert!(run.train_config().is_some());
    value["config"]["of_tomorrow"] = 7.into();
    write(dir.path(), TRAINER_FILE, &value.to_string());
    let run = read_run(dir.path()).expect("a run all the same");
    assert_eq!((run.config["of_tomorrow"].as_u64(), run.train_config()), (Some(7), None));
}

#[test]
fn runs_are_found_below_and_broken_ones_noted() {
    let root = tempfile::tempdir().expect("folder");
    let at = |path: &str| root.path().join(path);
    write(&at("b"), TRAINER_FILE, &trainer(1, 0.0));
    write(&at("b/best"), TRAINER_FILE, &trainer(1, 0.0));
    write(&at("a/deep"), METRICS_FILE, &lines(&[end(3, "stopped")]));
    write(&at("a/deeper/and/deeper"), TRAINER_FILE, &trainer(1, 0.0));
    write(&at("cut"), TRAINER_FILE, &trainer(1, 0.0)[..40]);
    write(&at("empty"), METRICS_FILE, "");
    write(&at(".hidden"), TRAINER_FILE, &trainer(1, 0.0));
    write(&at("no-run"), "notes.txt", "nothing");
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.path(), at("a/up")).expect("link");
    let found = find_runs(root.path(), 3);
    let names: Vec<&str> = found.runs.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["deep", "b"]);
    let broken: Vec<PathBuf> = found.broken.iter().map(|b| b.folder.clone()).collect();
    assert_eq!(broken, [at("cut"), at("empty")]);
    assert!(found.broken[0].message.contains("trainer.json"), "{}", found.broken[0].message);
    assert_eq!(find_runs(&at("b"), 0).runs.len(), 1, "the folder itself can be a run");
    assert_eq!(find_runs(root.path(), 4).runs.len(), 3);
    assert_eq!(find_runs(&at("nowhere"), 3), FoundRuns::default());
}
