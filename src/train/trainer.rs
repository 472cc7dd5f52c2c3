//! A run in a thread of its own, told of by messages.

use std::panic::AssertUnwindSafe;
use std::thread::JoinHandle;

use candle_core::Device;

use super::{Control, Job, LogProgress, Outcome, Progress, Report, Stage, TrainError};

/// What a run tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A step of its preparation.
    Stage(Stage),
    /// A report.
    Report(Box<Report>),
    /// It ended by itself, was stopped, or failed.
    Ended(Result<Outcome, String>),
}

/// A running run. Dropping it saves and ends it.
pub struct Trainer {
    control: Control,
    thread: Option<JoinHandle<()>>,
}

impl Trainer {
    /// Starts the thread; what the run tells is given to `tell` there.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(job: Job, tell: impl Fn(Told) + Send + 'static) -> std::io::Result<Self> {
        let control = Control::default();
        let own = control.clone();
        let thread = std::thread::Builder::new().name("trainer".to_owned()).spawn(move || {
            let mut messages = Messages(&tell);
            let sinks: &mut [&mut dyn Progress] = &mut [&mut LogProgress, &mut messages];
            let run = AssertUnwindSafe(|| job.run(Device::Cpu, sinks, &own));
            let outcome = match std::panic::catch_unwind(run) {
                Ok(outcome) => outcome.map_err(|e| e.to_string()),
                Err(_) => Err("the run failed inside; its last checkpoint is whole".to_owned()),
            };
            tell(Told::Ended(outcome));
        })?;
        Ok(Self { control, thread: Some(thread) })
    }

    /// The hand on it.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was told already.
            let _ = thread.join();
        }
    }
}

/// Reports as messages.
struct Messages<'a>(&'a dyn Fn(Told));

impl Progress for Messages<'_> {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        (self.0)(Told::Report(Box::new(report.clone())));
        Ok(())
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), TrainError> {
        (self.0)(Told::Stage(stage.clone()));
        Ok(())
    }
}
