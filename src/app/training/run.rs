//! A run as its reports tell of it.

use std::path::PathBuf;

use crate::train::{
    Checkpoint, Evaluation, Objectives, Reconstruction, Report, ShownLadder, Stage, Told,
    TrainConfig,
};

/// What a run is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// Lines are read and encoded.
    Preparing(String),
    /// It trains.
    Running,
    /// It was asked to wait, and does after the step it is in.
    Pausing,
    /// It waits.
    Paused,
    /// It was asked to stop.
    Stopping,
    /// It ended: `finished`, `stopped` or `discarded`.
    Ended(String),
    /// It failed.
    Failed(String),
}

impl RunState {
    /// Whether nothing more will be told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Failed(_))
    }

    /// In a word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Preparing(_) => "preparing",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Ended(how) => how,
            Self::Failed(_) => "failed",
        }
    }
}

/// The figures of a step report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepFigures {
    /// Steps done.
    pub step: usize,
    /// Share of the run done.
    pub progress: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// Cross entropy per token, nats.
    pub cross_entropy: f64,
    /// The same of texts between lines, where there are any.
    pub blend: Option<f64>,
    /// The regulariser before its weight.
    pub regulariser: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Tokens per second.
    pub tokens_per_second: f64,
    /// Lines seen.
    pub lines: u64,
    /// Objectives beside these, where they are on.
    pub objectives: Objectives,
    /// Distance of latents from their codes, where there are codes in a codebook.
    pub commitment: Option<f64>,
    /// Perplexity of a batch's codes, where there are any.
    pub perplexity: Option<f64>,
}

/// A chart of the train screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chart {
    /// The parts of the loss.
    #[default]
    Loss,
    /// Accuracies and validity on held-out lines.
    HeldOut,
    /// Objectives beside the loss of lines, where there are any.
    Objectives,
    /// Perplexity of the codes, where there are any.
    Codes,
    /// Learning rate.
    Rate,
    /// Norm of the gradient.
    Gradient,
    /// Tokens per second.
    Speed,
}

impl Chart {
    /// All charts, in their order.
    pub const ALL: [Self; 7] = [
        Self::Loss,
        Self::HeldOut,
        Self::Objectives,
        Self::Codes,
        Self::Rate,
        Self::Gradient,
        Self::Speed,
    ];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::HeldOut => "held out",
            Self::Objectives => "objectives",
            Self::Codes => "perplexity of codes",
            Self::Rate => "learning rate",
            Self::Gradient => "gradient norm",
            Self::Speed => "tokens per second",
        }
    }
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: &'static str,
    /// Step and value, by step.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// The value at the last point that is not after `step`, else at the first one.
    #[must_use]
    pub fn at(&self, step: f64) -> Option<f64> {
        let after = self.points.partition_point(|(at, _)| *at <= step);
        self.points.get(after.saturating_sub(1)).map(|(_, value)| *value)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// Its folder.
    pub out: PathBuf,
    /// Its options.
    pub config: TrainConfig,
    /// What it is doing.
    pub state: RunState,
    /// What its preparation told that a person should know.
    pub notes: Vec<String>,
    /// Trainable numbers.
    pub parameters: usize,
    /// Lines that it trains on.
    pub lines: usize,
    /// Its step reports.
    pub steps: Vec<StepFigures>,
    /// Its figures on held-out lines, by step.
    pub evaluations: Vec<(usize, Evaluation)>,
    /// The pinned ladder, by step.
    pub ladders: Vec<(usize, ShownLadder)>,
    /// Held-out lines and what they came back as, by step.
    pub samples: Vec<(usize, Vec<Reconstruction>)>,
    /// The step that is on the disk.
    pub saved: Option<usize>,
    /// What the scheduled learning rate is multiplied by.
    pub rate: f64,
    /// The chart that has the keys.
    pub chart: Chart,
    /// Whether charts have a logarithmic scale.
    pub log: bool,
    /// The step report that is read off; none for the last.
    pub cursor: Option<usize>,
    /// The moment whose ladder is shown, from 0; none for the last.
    pub moment: Option<usize>,
}

impl RunView {
    /// A run that is about to start in the folder `out`.
    #[must_use]
    pub fn new(out: PathBuf, config: TrainConfig) -> Self {
        Self {
            out,
            config,
            state: RunState::Preparing("starting".to_owned()),
            notes: Vec::new(),
            parameters: 0,
            lines: 0,
            steps: Vec::new(),
            evaluations: Vec::new(),
            ladders: Vec::new(),
            samples: Vec::new(),
            saved: None,
            rate: 1.0,
            chart: Chart::default(),
            log: false,
            cursor: None,
            moment: None,
        }
    }

    /// A run as it was left: what its reports tell, and where its checkpoint stands.
    #[must_use]
    pub fn of_past(out: PathBuf, config: TrainConfig, reports: &[Report], at: &Checkpoint) -> Self {
        let mut run = Self::new(out, config);
        for report in reports.iter().filter(|report| report.step() <= at.step) {
            run.report(report);
        }
        run.saved = Some(at.step);
        run.rate = at.rate_scale;
        run
    }

    /// The run's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Takes a message in.
    pub fn take(&mut self, told: &Told) {
        match told {
            Told::Stage(stage) => {
                self.state = RunState::Preparing(stage.to_string());
                match stage {
                    Stage::Read { skipped, problems, .. } if *skipped > 0 => {
                        self.notes.push(stage.to_string());
                        self.notes.extend(problems.first().cloned());
                    }
                    Stage::TooLong { .. } => self.notes.push(stage.to_string()),
                    _ => {}
                }
            }
            Told::Report(report) => self.report(report),
            Told::Ended(Ok(outcome)) => {
                let how = match (outcome.finished, outcome.discarded) {
                    (true, _) => "finished",
                    (_, true) => "discarded",
                    _ => "stopped",
                };
                self.state = RunState::Ended(how.to_owned());
            }
            Told::Ended(Err(message)) => self.state = RunState::Failed(message.clone()),
        }
    }

    fn report(&mut self, report: &Report) {
        match report {
            Report::Start { step, parameters, lines } => {
                self.state = RunState::Running;
                self.parameters = *parameters;
                self.lines = *lines;
                // A run that goes on has not done what lies after its checkpoint.
                self.steps.retain(|figures| figures.step <= *step);
                self.evaluations.retain(|(at, _)| at <= step);
                self.ladders.retain(|(at, _)| at < step);
                self.samples.retain(|(at, _)| at < step);
            }
            Report::Step {
                step,
                progress,
                seconds,
                cross_entropy,
                blend,
                regulariser,
                grad_norm,
                learning_rate,
                tokens_per_second,
                lines,
                objectives,
                commitment,
                perplexity,
            } => self.steps.push(StepFigures {
                step: *step,
                progress: *progress,
                seconds: *seconds,
                cross_entropy: *cross_entropy,
                blend: *blend,
                regulariser: *regulariser,
                grad_norm: *grad_norm,
                learning_rate: *learning_rate,
                tokens_per_second: *tokens_per_second,
                lines: *lines,
                objectives: *objectives,
                commitment: *commitment,
                perplexity: *perplexity,
            }),
            Report::Evaluation { step, figures, .. } => {
                self.evaluations.push((*step, figures.clone()));
            }
            Report::Ladder { step, ladder } => self.ladders.push((*step, ladder.clone())),
            Report::Samples { step, lines } => self.samples.push((*step, lines.clone())),
            Report::Rate { factor, .. } => self.rate = *factor,
            Report::Paused { .. } => self.state = RunState::Paused,
            Report::Continued { .. } => self.state = RunState::Running,
            Report::Saved { step, .. } => self.saved = Some(*step),
            // The outcome comes behind it.
            Report::End { .. } => {}
        }
    }

    /// The lines of a chart; those that have nothing yet are left out.
    #[must_use]
    pub fn series(&self, chart: Chart) -> Vec<Series> {
        let of_steps = |name, value: &dyn Fn(&StepFigures) -> Option<f64>| Series {
            name,
            points: self
                .steps
                .iter()
                .filter_map(|figures| Some((figures.step as f64, value(figures)?)))
                .collect(),
        };
        let held_out = |name, value: &dyn Fn(&Evaluation) -> Option<f64>| Series {
            name,
            points: self
                .evaluations
                .iter()
                .filter_map(|(step, figures)| Some((*step as f64, 100.0 * value(figures)?)))
                .collect(),
        };
        // Pictures have no pieces that could blend.
        let blend = |e: &Evaluation| e.mean_absolute_error.is_none().then_some(e.blend_yield);
        let mut all = match chart {
            Chart::Loss => vec![
                of_steps("cross entropy", &|f| Some(f.cross_entropy)),
                of_steps("between lines", &|f| f.blend),
                of_steps("regulariser", &|f| Some(f.regulariser)),
            ],
            Chart::HeldOut => vec![
                held_out("tokens %", &|e| Some(e.token_accuracy)),
                held_out("exact %", &|e| Some(e.exact_match)),
                held_out("valid %", &|e| Some(e.interior_validity)),
                held_out("blend %", &blend),
                held_out("ink %", &|e| e.foreground_accuracy),
                held_out("pixel error %", &|e| e.mean_absolute_error),
            ],
            Chart::Objectives => vec![
                of_steps("critic", &|f| f.objectives.critic),
                of_steps("adversarial", &|f| f.objectives.adversarial),
                of_steps("cycle", &|f| f.objectives.cycle),
                of_steps("smoothness", &|f| f.objectives.smoothness),
                of_steps("words", &|f| f.objectives.words),
                of_steps("classes", &|f| f.objectives.classes),
                of_steps("distilled", &|f| f.objectives.distilled),
                of_steps("commitment", &|f| f.commitment),
            ],
            Chart::Codes => vec![of_steps("perplexity", &|f| f.perplexity)],
            Chart::Rate => vec![of_steps("rate", &|f| Some(f.learning_rate))],
            Chart::Gradient => vec![of_steps("norm", &|f| Some(f.grad_norm))],
            Chart::Speed => vec![of_steps("tokens/s", &|f| Some(f.tokens_per_second))],
        };
        all.retain(|series| !series.points.is_empty());
        all
    }

    /// The chart behind the chosen one that has something to show.
    #[must_use]
    pub fn next_chart(&self) -> Chart {
        let at = Chart::ALL.iter().position(|chart| *chart == self.chart).unwrap_or(0);
        let others = (1..Chart::ALL.len()).map(|by| Chart::ALL[(at + by) % Chart::ALL.len()]);
        others.into_iter().find(|chart| !self.series(*chart).is_empty()).unwrap_or(self.chart)
    }

    /// The last step report.
    #[must_use]
    pub fn last(&self) -> Option<&StepFigures> {
        self.steps.last()
    }

    /// The step report that is read off.
    #[must_use]
    pub fn read_off(&self) -> Option<&StepFigures> {
        self.cursor.and_then(|at| self.steps.get(at)).or(self.steps.last())
    }

    /// Seconds until it ends, if it goes on as it did.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let last = self.last().filter(|last| last.progress > 0.0)?;
        Some((last.seconds / last.progress - last.seconds).max(0.0))
    }

    /// Moves what is read off by so many reports.
    pub fn move_cursor(&mut self, by: isize) {
        let Some(last) = self.steps.len().checked_sub(1) else { return };
        let at = self.cursor.unwrap_or(last).saturating_add_signed(by);
        self.cursor = (at < last).then_some(at);
    }

    /// Reads off the report nearest to a step.
    pub fn read_at(&mut self, step: f64) {
        let at = self.steps.partition_point(|figures| (figures.step as f64) < step);
        self.cursor = (at + 1 < self.steps.len()).then_some(at);
    }

    /// The moment that is shown, from 0.
    #[must_use]
    pub fn shown_moment(&self) -> Option<usize> {
        let last = self.ladders.len().checked_sub(1)?;
        Some(self.moment.unwrap_or(last).min(last))
    }

    /// Goes to the moment before or after.
    pub fn scrub(&mut self, forward: bool) {
        let Some(at) = self.shown_moment() else { return };
        let at = if forward { at + 1 } else { at.saturating_sub(1) };
        self.moment = (at + 1 < self.ladders.len()).then_some(at);
    }

    /// The folder of the model of the moment that is shown: the run's own for the last, else the one kept of that time.
    #[must_use]
    pub fn moment_folder(&self) -> PathBuf {
        match self.moment.and_then(|at| self.ladders.get(at)) {
            Some((step, _)) => crate::train::moment_folder(&self.out, *step),
            None => self.out.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize) -> Report {
        Report::Step {
            step,
            progress: step as f64 / 100.0,
            seconds: step as f64,
            cross_entropy: 5.0 - step as f64 / 50.0,
            blend: None,
            regulariser: 0.1,
            grad_norm: 1.0,
            learning_rate: 1e-3,
            tokens_per_second: 1000.0,
            lines: step as u64,
            objectives: Objectives::default(),
            commitment: None,
            perplexity: None,
        }
    }

    fn run(reports: &[Report]) -> RunView {
        let mut run = RunView::new("x/run".into(), TrainConfig::default());
        for report in reports {
            run.take(&Told::Report(Box::new(report.clone())));
        }
        run
    }

    #[test]
    fn a_run_that_goes_on_forgets_what_its_checkpoint_has_not() {
        let mut run = run(&[step(20), step(40), step(60)]);
        run.take(&Told::Report(Box::new(Report::Start { step: 40, parameters: 7, lines: 9 })));
        assert_eq!(run.steps.iter().map(|f| f.step).collect::<Vec<_>>(), [20, 40]);
        assert_eq!((run.parameters, &run.state), (7, &RunState::Running));
        assert_eq!(run.seconds_left(), Some(60.0));
    }

    #[test]
    fn the_cursor_reads_off_what_it_stands_on_and_follows_the_last() {
        let mut run = run(&[step(20), step(40), step(60)]);
        run.move_cursor(-1);
        assert_eq!(run.read_off().map(|f| f.step), Some(40));
        run.move_cursor(-9);
        assert_eq!(run.read_off().map(|f| f.step), Some(20));
        run.move_cursor(9);
        assert_eq!(run.cursor, None);
        run.read_at(21.0);
        assert_eq!(run.read_off().map(|f| f.step), Some(40));
        let loss = &run.series(Chart::Loss)[0];
        assert_eq!((loss.at(0.0), loss.at(45.0)), (Some(4.6), Some(4.2)));
    }

    #[test]
    fn scrubbing_goes_back_in_time_and_comes_back_to_now() {
        let ladder = |step| Report::Ladder { step, ladder: ShownLadder::default() };
        let mut run = run(&[ladder(0), ladder(100), ladder(200)]);
        assert_eq!((run.shown_moment(), run.moment_folder()), (Some(2), "x/run".into()));
        run.scrub(false);
        assert_eq!(run.shown_moment(), Some(1));
        assert!(run.moment_folder().ends_with("step-0000100"));
        run.scrub(false);
        run.scrub(false);
        assert_eq!(run.shown_moment(), Some(0));
        run.scrub(true);
        run.scrub(true);
        assert_eq!(run.moment, None);
    }
}
