//! Averages over the steps between two reports.

use std::time::Instant;

use super::codebook::perplexity;
use super::objectives::{Means, Objectives};
use super::step::ShardResult;
use super::{Checkpoint, Report};

/// Averages between two step reports.
pub(super) struct Window {
    /// When they began.
    pub(super) since: Instant,
    steps: usize,
    labels: usize,
    cross_entropy: f64,
    blend: f64,
    blend_labels: usize,
    regulariser: f64,
    commitment: f64,
    /// Sum of the steps' perplexities of their codes; 0 without codes.
    perplexity: f64,
    grad_norm: f64,
    rate: f64,
    objectives: Means,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            steps: 0,
            labels: 0,
            cross_entropy: 0.0,
            blend: 0.0,
            blend_labels: 0,
            regulariser: 0.0,
            commitment: 0.0,
            perplexity: 0.0,
            grad_norm: 0.0,
            rate: 0.0,
            objectives: Means::default(),
        }
    }
}

impl Window {
    /// Takes a step in.
    pub(super) fn add(
        &mut self,
        results: &[ShardResult],
        lines: &[&[u32]],
        grad_norm: f64,
        rate: f64,
    ) {
        self.steps += 1;
        self.labels += lines.iter().map(|l| l.len() + 1).sum::<usize>();
        self.cross_entropy += results.iter().map(|r| r.cross_entropy).sum::<f64>();
        self.blend += results.iter().map(|r| r.blend).sum::<f64>();
        self.blend_labels += results.iter().map(|r| r.blend_labels).sum::<usize>();
        self.regulariser += results.iter().map(|r| r.regulariser).sum::<f64>();
        self.commitment += results.iter().map(|r| r.codes.commitment).sum::<f64>();
        self.perplexity += perplexity(results.iter().map(|r| &r.codes));
        self.grad_norm += grad_norm;
        let none = Objectives::default();
        self.objectives.add(&results.iter().fold(none, |sum, r| sum.plus(&r.objectives)));
        self.rate = rate;
    }

    /// The report of the run at this moment.
    pub(super) fn report(&self, at: &Checkpoint, progress: f64) -> Report {
        let steps = self.steps.max(1) as f64;
        Report::Step {
            step: at.step,
            progress,
            seconds: at.seconds,
            cross_entropy: self.cross_entropy / self.labels.max(1) as f64,
            blend: (self.blend_labels > 0).then(|| self.blend / self.blend_labels as f64),
            regulariser: self.regulariser / steps,
            objectives: self.objectives.means(),
            commitment: (self.commitment > 0.0).then(|| self.commitment / steps),
            perplexity: (self.perplexity > 0.0).then(|| self.perplexity / steps),
            grad_norm: self.grad_norm / steps,
            learning_rate: self.rate,
            tokens_per_second: self.labels as f64 / self.since.elapsed().as_secs_f64().max(1e-9),
            lines: at.lines,
        }
    }
}
