//! What runs beside the loop: the open model's engine, one that is being opened in its place, that of the model it is
//! compared with, and a thread for files of models.
//!
//! All of them tell what they have to tell through one channel. News of an engine that has been replaced are nobody's: each
//! engine has a number, and only the numbers that are in use are listened to.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::app::{Action, Listing, Outcome, Steer};
use crate::engine::{Engine, EngineError, LatentModel, Library, LibraryChange, Reply, Request};
use crate::train::{self, DataOptions, Told, TrainConfig, Trainer};

/// Opens a model by its name or folder.
pub type OpenModel = Arc<dyn Fn(&str) -> Result<Box<dyn LatentModel>, EngineError> + Send + Sync>;

/// Something that was told from beside the loop.
#[derive(Debug)]
pub enum News {
    /// By the engine of this number.
    Engine(u64, Reply),
    /// By the thread for files of models.
    Models(Listing),
    /// By the run.
    Trainer(Told),
    /// By the thread that looks at data, about the look of this number.
    Looked(u64, Result<Box<train::Look>, String>),
}

/// An engine with its number and what opened its model.
struct Running {
    number: u64,
    given: String,
    engine: Engine,
}

/// What the thread for files is asked.
struct Job {
    library: Library,
    change: Option<LibraryChange>,
}

/// A look that is asked for: its number, the run, its data.
type LookJob = (u64, Box<TrainConfig>, DataOptions);

/// The engines that belong to a loop.
pub struct Engines {
    open: OpenModel,
    library: Library,
    current: Running,
    /// What is being opened in the place of the current one.
    next: Option<Running>,
    /// What the current one is compared with.
    other: Option<Running>,
    numbers: u64,
    send: Sender<News>,
    news: Receiver<News>,
    jobs: Option<Sender<Job>>,
    asked: usize,
    /// The run that goes on.
    trainer: Option<Trainer>,
    looks: Option<Sender<LookJob>>,
    /// Looks that were asked for, and those that were found or passed over.
    looking: bool,
}

impl Engines {
    /// Begins to open `model`; returns at once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(open: OpenModel, model: &str, mut library: Library) -> io::Result<Self> {
        let (send, news) = crossbeam_channel::unbounded();
        let current = spawn(&open, 0, model, &send)?;
        library.add(Path::new(model));
        Ok(Self {
            open,
            library,
            current,
            next: None,
            other: None,
            numbers: 0,
            send,
            news,
            jobs: None,
            asked: 0,
            trainer: None,
            looks: None,
            looking: false,
        })
    }

    /// Where news come from, for [`Engines::take`].
    #[must_use]
    pub fn news(&self) -> &Receiver<News> {
        &self.news
    }

    /// What news mean; none where they are of an engine that has been replaced.
    pub fn take(&mut self, news: News) -> Option<Action> {
        let (number, reply) = match news {
            News::Models(listing) => {
                self.asked = self.asked.saturating_sub(1);
                return Some(Action::Done(Outcome::Models(Box::new(listing))));
            }
            News::Trainer(told) => {
                if matches!(told, Told::Ended(_)) {
                    self.trainer = None;
                }
                return Some(Action::Trained(told));
            }
            News::Looked(generation, found) => {
                self.looking = false;
                return Some(Action::Looked(generation, found));
            }
            News::Engine(number, reply) => (number, reply),
        };
        if number == self.current.number {
            return Some(Action::Engine(reply));
        }
        if self.other.as_ref().is_some_and(|other| other.number == number) {
            return Some(Action::Other(reply));
        }
        let next = self.next.take_if(|next| next.number == number)?;
        let given = next.given.clone();
        match reply {
            Reply::Ready { info, samples } => {
                retire(Some(std::mem::replace(&mut self.current, next)));
                self.library.add(Path::new(&given));
                Some(Action::Opened { given, info, samples })
            }
            Reply::Failed { message } => {
                retire(Some(next));
                Some(Action::NotOpened { given, message })
            }
            // Nothing is told before one of these.
            _ => {
                self.next = Some(next);
                None
            }
        }
    }

    /// Asks the current engine.
    pub fn request(&self, request: Request) {
        self.current.engine.request(request);
    }

    /// Asks the engine of the model that the current one is compared with.
    pub fn request_other(&self, request: Request) {
        if let Some(other) = &self.other {
            other.engine.request(request);
        }
    }

    /// Begins to open a model in the place of the current one, which stays until the other is open.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(&mut self, given: &str) -> io::Result<()> {
        let next = self.spawn(given)?;
        retire(self.next.replace(next));
        Ok(())
    }

    /// Begins to open a model beside the current one.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn compare(&mut self, given: &str) -> io::Result<()> {
        let other = self.spawn(given)?;
        retire(self.other.replace(other));
        Ok(())
    }

    /// Closes the model beside the current one.
    pub fn end_comparison(&mut self) {
        retire(self.other.take());
    }

    fn spawn(&mut self, given: &str) -> io::Result<Running> {
        self.numbers += 1;
        spawn(&self.open, self.numbers, given, &self.send)
    }

    /// Lists all models, after a change where there is one. Changes are done one after the other, in a thread of their own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn list(&mut self, change: Option<LibraryChange>) -> io::Result<()> {
        let jobs = match &self.jobs {
            Some(jobs) => jobs.clone(),
            None => {
                let (jobs, asked) = crossbeam_channel::unbounded();
                let send = self.send.clone();
                std::thread::Builder::new()
                    .name("models".to_owned())
                    .spawn(move || serve(&asked, &send))?;
                self.jobs.insert(jobs).clone()
            }
        };
        if jobs.send(Job { library: self.library.clone(), change }).is_ok() {
            self.asked += 1;
        }
        Ok(())
    }

    /// Starts a run, of which there is one at a time.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn train(&mut self, job: train::Job) -> io::Result<()> {
        let send = self.send.clone();
        let tell = move |told| drop(send.send(News::Trainer(told)));
        self.trainer = Some(Trainer::spawn(job, tell)?);
        Ok(())
    }

    /// Tells the run what to do.
    pub fn steer(&self, steer: Steer) {
        let Some(control) = self.trainer.as_ref().map(Trainer::control) else { return };
        match steer {
            Steer::Stop => control.stop(),
            Steer::Discard => control.discard(),
            Steer::Pause(paused) => control.pause(paused),
            Steer::Rate(factor) => control.scale_rate(factor),
        }
    }

    /// Looks at data; of several looks that wait only the last is taken.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn look(&mut self, look: LookJob) -> io::Result<()> {
        let looks = match &self.looks {
            Some(looks) => looks.clone(),
            None => {
                let (looks, asked) = crossbeam_channel::unbounded::<LookJob>();
                let send = self.send.clone();
                std::thread::Builder::new().name("looks".to_owned()).spawn(move || {
                    while let Ok(first) = asked.recv() {
                        let (generation, config, data) = asked.try_iter().last().unwrap_or(first);
                        let found = train::look(&config, &data).map(Box::new);
                        let found = found.map_err(|e| e.to_string());
                        if send.send(News::Looked(generation, found)).is_err() {
                            return;
                        }
                    }
                })?;
                self.looks.insert(looks).clone()
            }
        };
        self.looking |= looks.send(look).is_ok();
        Ok(())
    }

    /// Whether nothing runs and all news have been taken.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        // What is told after this is asked for by news that were there before.
        let all = [Some(&self.current), self.other.as_ref()];
        let quiet = all.into_iter().flatten().all(|running| running.engine.is_idle());
        quiet
            && self.next.is_none()
            && self.asked == 0
            && self.news.is_empty()
            && self.trainer.is_none()
            && !self.looking
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        // Leaving does not wait for a model that is still being opened.
        retire(self.next.take());
    }
}

fn spawn(open: &OpenModel, number: u64, given: &str, send: &Sender<News>) -> io::Result<Running> {
    let (open, name, send) = (Arc::clone(open), given.to_owned(), send.clone());
    // Whoever listened is gone when sending fails.
    let tell = move |reply| drop(send.send(News::Engine(number, reply)));
    let engine = Engine::spawn_telling(move || open(&name), tell)?;
    Ok(Running { number, given: given.to_owned(), engine })
}

/// Ends an engine without waiting for what it cannot break off.
fn retire(running: Option<Running>) {
    let Some(running) = running else { return };
    // Where there is no thread it is waited for.
    let _ = std::thread::Builder::new().name("closing".to_owned()).spawn(move || drop(running));
}

fn serve(jobs: &Receiver<Job>, send: &Sender<News>) {
    while let Ok(Job { library, change }) = jobs.recv() {
        let told = change.as_ref().map(|change| library.change(change).map_err(|e| e.to_string()));
        let listing = Listing { change, told, entries: library.list() };
        if send.send(News::Models(listing)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
