//! Sinks for what a run reports: a JSON line per report, a progress bar, events of the log.

mod log;
mod tensorboard;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::{Evaluation, Objectives, Reconstruction, ShownLadder, Stage, TrainError};
use crate::corpus::hub::Download;
pub use log::LogProgress;
pub use tensorboard::TensorBoard;

/// One report of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// The run begins or goes on.
    Start {
        /// Steps already done.
        step: usize,
        /// Trainable numbers.
        parameters: usize,
        /// Lines to train on.
        lines: usize,
    },
    /// Averages over the steps since the last such report.
    Step {
        /// Steps done.
        step: usize,
        /// Share of the run done, in [0, 1].
        progress: f64,
        /// Seconds of training so far.
        seconds: f64,
        /// Cross entropy per token, nats.
        cross_entropy: f64,
        /// Cross entropy per token of the texts between lines, nats; where there are any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blend: Option<f64>,
        /// Regulariser before its weight.
        regulariser: f64,
        /// The other objectives, before their weights; where they are on.
        #[serde(flatten)]
        objectives: Objectives,
        /// Mean squared distance of latents from their codes, before its weight; under `vq`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commitment: Option<f64>,
        /// Perplexity of the codes of a batch, mean over the steps; under `vq` and `fsq`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        perplexity: Option<f64>,
        /// Norm of the gradient before clipping.
        grad_norm: f64,
        /// Learning rate.
        learning_rate: f64,
        /// Tokens that are not padding per second.
        tokens_per_second: f64,
        /// Lines seen since the start of the run.
        lines: u64,
    },
    /// Figures on the held-out lines.
    Evaluation {
        /// Steps done.
        step: usize,
        /// Seconds of training so far.
        seconds: f64,
        /// The figures.
        #[serde(flatten)]
        figures: Evaluation,
    },
    /// The pinned ladder, decoded again.
    Ladder {
        /// Steps done.
        step: usize,
        /// The ladder.
        #[serde(flatten)]
        ladder: ShownLadder,
    },
    /// Held-out lines and what they come back as.
    Samples {
        /// Steps done.
        step: usize,
        /// The lines.
        lines: Vec<Reconstruction>,
    },
    /// The learning rate is another than the scheduled one from now on.
    Rate {
        /// Steps done.
        step: usize,
        /// What the scheduled rate is multiplied by.
        factor: f64,
    },
    /// The run waits, with a checkpoint on the disk.
    Paused {
        /// Steps done.
        step: usize,
    },
    /// The run goes on after a pause.
    Continued {
        /// Steps done.
        step: usize,
    },
    /// A checkpoint is on the disk.
    Saved {
        /// Steps done.
        step: usize,
        /// Whether it is the best so far by exact match, then token accuracy.
        best: bool,
    },
    /// The run ended.
    End {
        /// Steps done.
        step: usize,
        /// Seconds of training in all.
        seconds: f64,
        /// `finished`, `stopped`, or `discarded` where it was stopped without saving.
        reason: String,
    },
}

impl Report {
    /// The step that the report speaks of.
    #[must_use]
    pub fn step(&self) -> usize {
        match self {
            Self::Start { step, .. }
            | Self::Step { step, .. }
            | Self::Evaluation { step, .. }
            | Self::Ladder { step, .. }
            | Self::Samples { step, .. }
            | Self::Rate { step, .. }
            | Self::Paused { step }
            | Self::Continued { step }
            | Self::Saved { step, .. }
            | Self::End { step, .. } => *step,
        }
    }
}

/// Receives reports.
pub trait Progress {
    /// Takes one report.
    ///
    /// # Errors
    /// A sink that cannot keep what it is given stops the run.
    fn report(&mut self, report: &Report) -> Result<(), TrainError>;

    /// Takes a step of the preparation, before the first report.
    ///
    /// # Errors
    /// As [`Progress::report`].
    fn stage(&mut self, _stage: &Stage) -> Result<(), TrainError> {
        Ok(())
    }
}

/// `metrics.jsonl`: a JSON object per report. A resumed run drops what lies after the step it resumes from.
pub struct JsonLines {
    file: File,
    path: std::path::PathBuf,
}

impl JsonLines {
    /// Opens `path` for a run that starts at `step`.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, step: usize) -> Result<Self, TrainError> {
        let mut kept = Vec::new();
        if step > 0 {
            if let Ok(old) = File::open(path) {
                for line in BufReader::new(old).lines().map_while(Result::ok) {
                    // A line cut short by a kill does not parse and is dropped.
                    if serde_json::from_str::<Report>(&line).is_ok_and(|r| r.step() <= step) {
                        kept.push(line);
                    }
                }
            }
        }
        let mut text = kept.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        crate::model::write_atomically(path, text.as_bytes())
            .map_err(|e| TrainError::file(path, e))?;
        let file =
            OpenOptions::new().append(true).open(path).map_err(|e| TrainError::file(path, e))?;
        Ok(Self { file, path: path.to_owned() })
    }
}

impl Progress for JsonLines {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        let mut line =
            serde_json::to_string(report).map_err(|e| TrainError::file(&self.path, e))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|e| TrainError::file(&self.path, e))
    }
}

/// A bar with rate and time left on a terminal; elsewhere a line every few seconds. Writes to standard error.
pub struct TerminalProgress {
    bar: Option<ProgressBar>,
    last: Option<Instant>,
}

impl Default for TerminalProgress {
    fn default() -> Self {
        Self::new()
    }
}

impl TerminalProgress {
    /// A sink for this process's standard error.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(10_000);
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, last: None }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

/// Seconds as `1:05` or `1:02:05`.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

impl Progress for TerminalProgress {
    fn stage(&mut self, stage: &Stage) -> Result<(), TrainError> {
        if let Stage::Downloading(download) = stage {
            let Download { done, total, .. } = *download;
            match &self.bar {
                Some(bar) if done < total => {
                    bar.set_position((1e4 * done as f64 / total as f64) as u64);
                    bar.set_message(stage.to_string());
                }
                Some(bar) => {
                    bar.set_position(0);
                    bar.set_message("");
                }
                None if self.last.is_none_or(|t| t.elapsed() > Duration::from_secs(5)) => {
                    self.last = Some(Instant::now());
                    eprintln!("{stage}");
                }
                None => {}
            }
            return Ok(());
        }
        // These tell every block or step: a line now and then is enough.
        if matches!(stage, Stage::Encoding { .. } | Stage::Classifier { .. }) {
            if self.last.get_or_insert_with(Instant::now).elapsed() < Duration::from_secs(5) {
                return Ok(());
            }
            self.last = Some(Instant::now());
        }
        if !matches!(stage, Stage::Reading(_)) {
            self.say(&stage.to_string());
        }
        if let Stage::Read { problems, .. } = stage {
            problems.iter().for_each(|problem| self.say(&format!("  {problem}")));
        }
        Ok(())
    }

    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        match report {
            Report::Start { step, parameters, lines } => self.say(&format!(
                "{parameters} parameters, {lines} lines{}",
                if *step > 0 { format!(", going on from step {step}") } else { String::new() }
            )),
            Report::Step {
                step,
                progress,
                seconds,
                cross_entropy,
                regulariser,
                learning_rate,
                tokens_per_second,
                ..
            } => {
                let left = if *progress > 0.0 { seconds / progress - seconds } else { 0.0 };
                let text = format!(
                    "step {step} · ce {cross_entropy:.3} · reg {regulariser:.4} · lr {learning_rate:.2e} · {tokens_per_second:.0} tok/s · {} left",
                    clock(left)
                );
                match &self.bar {
                    Some(bar) => {
                        bar.set_position((progress * 10_000.0) as u64);
                        bar.set_message(text);
                    }
                    None if self.last.is_none_or(|t| t.elapsed() > Duration::from_secs(10)) => {
                        self.last = Some(Instant::now());
                        eprintln!("{:3.0} % {text}", progress * 100.0);
                    }
                    None => {}
                }
            }
            Report::Evaluation { step, figures, .. } => {
                self.say(&format!("step {step} · {figures}"));
            }
            Report::Ladder { .. }
            | Report::Samples { .. }
            | Report::Continued { .. }
            | Report::Saved { .. } => {}
            Report::Rate { step, factor } => {
                self.say(&format!("step {step} · learning rate × {factor}"));
            }
            Report::Paused { step } => self.say(&format!("step {step} · paused")),
            Report::End { step, seconds, reason } => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
                self.say(&format!("{reason} after {step} steps, {}", clock(*seconds)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resuming_drops_what_lies_after_the_step_and_broken_lines() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("metrics.jsonl");
        let saved = |step| Report::Saved { step, best: false };
        let mut log = JsonLines::open(&path, 0).expect("open");
        for step in [10, 20, 30] {
            log.report(&saved(step)).expect("report");
        }
        drop(log);
        let mut text = std::fs::read_to_string(&path).expect("read");
        text.push_str("{\"event\":\"sav");
        std::fs::write(&path, text).expect("write");
        let mut log = JsonLines::open(&path, 20).expect("reopen");
        log.report(&saved(25)).expect("report");
        let steps: Vec<usize> = std::fs::read_to_string(&path)
            .expect("read")
            .lines()
            .map(|l| serde_json::from_str::<Report>(l).expect("a report").step())
            .collect();
        assert_eq!(steps, [10, 20, 25]);
    }

    #[test]
    fn clocks_read_naturally() {
        assert_eq!(clock(65.4), "1:05");
        assert_eq!(clock(3725.0), "1:02:05");
    }
}
