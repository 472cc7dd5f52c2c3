//! A run in a thread of its own, told of by messages.

use std::panic::AssertUnwindSafe;
use std::thread::JoinHandle;

use candle_core::Device;
use crossbeam_channel::{Receiver, Sender};

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
    told: Receiver<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Trainer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(job: Job) -> std::io::Result<Self> {
        let control = Control::default();
        let (send, told) = crossbeam_channel::unbounded();
        let own = control.clone();
        let thread = std::thread::Builder::new().name("trainer".to_owned()).spawn(move || {
            let mut messages = Messages(send.clone());
            let sinks: &mut [&mut dyn Progress] = &mut [&mut LogProgress, &mut messages];
            let run = AssertUnwindSafe(|| job.run(Device::Cpu, sinks, &own));
            let outcome = match std::panic::catch_unwind(run) {
                Ok(outcome) => outcome.map_err(|e| e.to_string()),
                Err(_) => Err("the run failed inside; its last checkpoint is whole".to_owned()),
            };
            // Nobody listens any more where the program ends.
            let _ = send.send(Told::Ended(outcome));
        })?;
        Ok(Self { control, told, thread: Some(thread) })
    }

    /// The hand on it.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Where messages come from.
    #[must_use]
    pub fn told(&self) -> &Receiver<Told> {
        &self.told
    }

    /// Waits until it has ended.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was told already.
            let _ = thread.join();
        }
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.control.stop();
        self.join();
    }
}

/// Reports as messages.
struct Messages(Sender<Told>);

impl Progress for Messages {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        // A run whose listener is gone goes on until it is stopped.
        let _ = self.0.send(Told::Report(Box::new(report.clone())));
        Ok(())
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), TrainError> {
        let _ = self.0.send(Told::Stage(stage.clone()));
        Ok(())
    }
}
