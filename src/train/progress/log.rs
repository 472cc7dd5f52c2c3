//! A run's reports as events of the log.

use super::{Progress, Report};
use crate::train::TrainError;

/// Tells the log when a run starts, is measured, is saved and ends, and at debug level how its steps go.
pub struct LogProgress;

impl Progress for LogProgress {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        match report {
            Report::Start { step, parameters, lines } => {
                tracing::info!(step, parameters, lines, "training starts");
            }
            Report::Step { step, seconds, cross_entropy, tokens_per_second, .. } => {
                tracing::debug!(step, seconds, cross_entropy, tokens_per_second, "steps");
            }
            Report::Evaluation { step, seconds, figures } => {
                let figures = serde_json::to_string(figures).unwrap_or_default();
                tracing::info!(step, seconds, figures, "evaluated");
            }
            Report::Ladder { .. } | Report::Samples { .. } => {}
            Report::Rate { step, factor } => tracing::info!(step, factor, "another learning rate"),
            Report::Paused { step } => tracing::info!(step, "training waits"),
            Report::Continued { step } => tracing::info!(step, "training goes on"),
            Report::Saved { step, best } => tracing::info!(step, best, "saved"),
            Report::End { step, seconds, reason } => {
                tracing::info!(step, seconds, reason, "training ends");
            }
        }
        Ok(())
    }
}
