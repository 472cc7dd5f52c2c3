//! What a person asks of a run while it goes on: to stop, to pause, to take another learning rate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a paused run sleeps before it looks whether a signal has come.
const LOOK: Duration = Duration::from_millis(50);

/// Asks a run to save and stop after the step it is in.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// A signal that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The flag behind it, for signal handlers.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks the run to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was asked beside stopping.
#[derive(Debug, Default)]
struct Asked {
    paused: bool,
    discard: bool,
    rate: Option<f64>,
}

/// A hand on a run. Everything asked is done after the step that the run is in, or between two batches of an evaluation.
#[derive(Debug, Clone, Default)]
pub struct Control {
    stop: StopSignal,
    asked: Arc<(Mutex<Asked>, Condvar)>,
}

impl Control {
    fn with<T>(&self, ask: impl FnOnce(&mut Asked) -> T) -> T {
        let answer = ask(&mut self.asked.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.asked.1.notify_all();
        answer
    }

    /// Saves and stops.
    pub fn stop(&self) {
        self.with(|asked| asked.paused = false);
        self.stop.raise();
    }

    /// Stops and leaves what was saved last.
    pub fn discard(&self) {
        self.with(|asked| asked.discard = true);
        self.stop();
    }

    /// Waits after the step, with a saved checkpoint, until it is told to go on.
    pub fn pause(&self, paused: bool) {
        self.with(|asked| asked.paused = paused);
    }

    /// Multiplies the scheduled learning rate by `factor` from now on; the checkpoint keeps it.
    pub fn scale_rate(&self, factor: f64) {
        self.with(|asked| asked.rate = Some(factor));
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_raised()
    }

    /// Whether stopping is to leave what was saved last.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.is_stopped() && self.with(|asked| asked.discard)
    }

    /// Whether the run was asked to wait.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.with(|asked| asked.paused)
    }

    /// The factor of the learning rate, where a new one was asked for since the last call.
    pub(super) fn take_rate(&self) -> Option<f64> {
        self.with(|asked| asked.rate.take())
    }

    /// Returns once the run is to go on or to stop.
    pub(super) fn wait(&self) {
        let mut asked = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        while asked.paused && !self.is_stopped() {
            let waited = self.asked.1.wait_timeout(asked, LOOK);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl From<&StopSignal> for Control {
    fn from(stop: &StopSignal) -> Self {
        Self { stop: stop.clone(), ..Self::default() }
    }
}

impl From<&Control> for Control {
    fn from(control: &Control) -> Self {
        control.clone()
    }
}
