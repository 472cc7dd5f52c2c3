//! Runs on the disk: what a run's folder tells of it, the runs below a folder, and the history of a run's reports.
//!
//! Everything is read from `trainer.json` and `metrics.jsonl`; no weights are opened, so a list of many runs is quick.

mod compare;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Checkpoint, Evaluation, Report, TrainConfig, TrainError, METRICS_FILE, TRAINER_FILE};
pub use compare::{differences, side_by_side, At, Difference, Moment};

/// A run that told nothing for so long, and did not say that it ended, was interrupted.
const SILENCE: Duration = Duration::from_secs(600);

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its budget is used up.
    Finished,
    /// It was stopped, saved, and can be resumed.
    Stopped,
    /// It has not said that it ended, and wrote something within the last ten minutes.
    Running,
    /// It has not said that it ended, and wrote nothing for longer.
    Interrupted,
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
        })
    }
}

/// What a run's folder tells of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The folder.
    pub folder: PathBuf,
    /// The folder's name.
    pub name: String,
    /// Domain of its lines; empty before the first checkpoint is saved.
    pub domain: String,
    /// How it stands.
    pub state: RunState,
    /// Steps done, by the last report.
    pub step: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Lines seen so far.
    pub lines_seen: u64,
    /// What it is trained on, as the person named it.
    pub data: Option<String>,
    /// Lines to train on.
    pub data_lines: Option<usize>,
    /// Trainable numbers.
    pub parameters: Option<usize>,
    /// Last figures on the held-out lines.
    pub evaluation: Option<Evaluation>,
    /// Version of the program that saved it.
    pub version: Option<String>,
    /// When one of its files was last written.
    #[serde(skip)]
    pub modified: SystemTime,
    /// Its configuration as JSON, options that did not exist yet filled in with their defaults; `null` before the
    /// first checkpoint is saved. Kept as it stands where this version cannot read it.
    pub config: Value,
}

impl RunSummary {
    /// Its configuration, where this version can read it.
    #[must_use]
    pub fn train_config(&self) -> Option<TrainConfig> {
        serde_json::from_value(self.config.clone()).ok()
    }
}

/// `trainer.json`, as far as a summary needs it.
#[derive(Debug, Deserialize)]
struct Trainer {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    config: Value,
    data: Option<String>,
    data_lines: Option<usize>,
    version: Option<String>,
}

/// A folder that looks like a run's but could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenRun {
    /// The folder.
    pub folder: PathBuf,
    /// Why it could not be read.
    pub message: String,
}

/// What lies below a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundRuns {
    /// Runs, in the order of their paths.
    pub runs: Vec<RunSummary>,
    /// Folders that were passed over.
    pub broken: Vec<BrokenRun>,
}

/// Whether a folder holds a run: `trainer.json` or `metrics.jsonl`.
#[must_use]
pub fn is_run(dir: &Path) -> bool {
    dir.join(TRAINER_FILE).is_file() || dir.join(METRICS_FILE).is_file()
}

/// Reads the summary of the run in `dir`. Before its first checkpoint a run has only `metrics.jsonl`; a model that was
/// copied without its history has only `trainer.json`.
///
/// # Errors
/// When there is neither file, or `trainer.json` is not one.
pub fn read_run(dir: &Path) -> Result<RunSummary, TrainError> {
    let trainer_file = dir.join(TRAINER_FILE);
    let trainer: Option<Trainer> = match std::fs::read(&trainer_file) {
        Ok(bytes) => Some(
            serde_json::from_slice(&bytes)
                .map_err(|e| TrainError::file(&trainer_file, format!("no trainer.json: {e}")))?,
        ),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(TrainError::file(&trainer_file, e)),
    };
    let reports = history(dir)?;
    if trainer.is_none() && reports.is_empty() {
        return Err(TrainError::file(
            dir,
            "no run: it has neither trainer.json nor a line of metrics.jsonl",
        ));
    }
    let modified = [TRAINER_FILE, METRICS_FILE]
        .iter()
        .filter_map(|file| std::fs::metadata(dir.join(file)).ok()?.modified().ok())
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH);

    let (saved, config, data, data_lines, version) = match trainer {
        Some(t) => (t.checkpoint, completed(t.config), t.data, t.data_lines, t.version),
        None => (Checkpoint::default(), Value::Null, None, None, None),
    };
    let mut run = RunSummary {
        folder: dir.to_owned(),
        name: name_of(dir),
        domain: config["domain"].as_str().unwrap_or_default().to_owned(),
        state: RunState::Interrupted,
        step: saved.step,
        seconds: saved.seconds,
        lines_seen: saved.lines,
        data,
        data_lines,
        parameters: None,
        evaluation: saved.evaluation,
        version,
        modified,
        config,
    };
    run.state = match reports.last() {
        Some(Report::End { reason, .. }) if reason == "finished" => RunState::Finished,
        Some(Report::End { .. }) => RunState::Stopped,
        Some(_) if modified.elapsed().unwrap_or_default() < SILENCE => RunState::Running,
        Some(_) => RunState::Interrupted,
        None if run.budget_is_used_up() => RunState::Finished,
        None => RunState::Stopped,
    };
    // Reports are newer than the last checkpoint.
    for report in reports {
        run.step = run.step.max(report.step());
        match report {
            Report::Start { parameters, lines, .. } => {
                run.parameters = Some(parameters);
                run.data_lines = Some(lines);
            }
            Report::Step { seconds, lines, .. } => {
                run.seconds = run.seconds.max(seconds);
                run.lines_seen = run.lines_seen.max(lines);
            }
            Report::Evaluation { seconds, figures, .. } => {
                run.seconds = run.seconds.max(seconds);
                run.evaluation = Some(figures);
            }
            Report::End { seconds, .. } => run.seconds = run.seconds.max(seconds),
            Report::Ladder { .. }
            | Report::Samples { .. }
            | Report::Rate { .. }
            | Report::Paused { .. }
            | Report::Continued { .. }
            | Report::Saved { .. } => {}
        }
    }
    Ok(run)
}

impl RunSummary {
    fn budget_is_used_up(&self) -> bool {
        let budget = &self.config["budget"];
        let steps = budget["steps"].as_u64().is_some_and(|steps| self.step as u64 >= steps);
        let minutes = budget["minutes"].as_f64().is_some_and(|m| self.seconds >= 60.0 * m);
        steps || minutes
    }
}

/// A configuration with the options that it lacks filled in, or as it is where it cannot be read.
fn completed(config: Value) -> Value {
    serde_json::from_value::<TrainConfig>(config.clone())
        .and_then(serde_json::to_value)
        .unwrap_or(config)
}

fn name_of(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    whole
        .file_name()
        .map_or_else(|| dir.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// The reports of the run in `dir`, in their order. A line that was cut short, or that another version wrote, is left
/// out; a run without the file has none.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn history(dir: &Path) -> Result<Vec<Report>, TrainError> {
    let path = dir.join(METRICS_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(TrainError::file(&path, e)),
    };
    Ok(bytes.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The runs in `root` and in folders at most `depth` below it. What lies inside a run's folder (`best`) is part of that
/// run; hidden folders are passed over, and so is, with a note, what cannot be read.
#[must_use]
pub fn find_runs(root: &Path, depth: usize) -> FoundRuns {
    let mut found = FoundRuns::default();
    let mut seen = BTreeSet::new();
    descend(root, depth, &mut seen, &mut found);
    found
}

fn descend(dir: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, found: &mut FoundRuns) {
    // A link can lead back up.
    if !dir.canonicalize().is_ok_and(|whole| seen.insert(whole)) {
        return;
    }
    let broken = |message: String| BrokenRun { folder: dir.to_owned(), message };
    if is_run(dir) {
        match read_run(dir) {
            Ok(run) => found.runs.push(run),
            Err(e) => found.broken.push(broken(e.to_string())),
        }
        return;
    }
    if depth == 0 {
        return;
    }
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) => {
            found.broken.push(broken(e.to_string()));
            return;
        }
    };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        descend(&folder, depth - 1, seen, found);
    }
}

#[cfg(test)]
mod tests;
