//! An open model in a thread of its own, behind a slot in which the latest request wins.
//!
//! A newer request of the same kind replaces one that waits and cancels one that runs, between two decoding steps. What a
//! person waits for comes first: a point before a ladder before what is filled in behind the scenes. Work that runs then
//! stands back and is taken up again afterwards.

mod along;
mod decode;
mod directions_file;
pub mod evaluate;
mod known;
mod library;
mod loaded;
mod palette;
pub mod pool;
mod prior;
pub mod probe;
mod progress;
mod recent;
mod replay;
mod scene;
mod session;
mod slot;
mod stream;
mod strip;
mod task;
mod way;
mod worker;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;

use crate::corpus::Example;
use crate::domain::Verdict;
use crate::latent::{Geometry, Latent, Path};
use crate::report::Rung;

pub use along::Along;
pub use decode::{decode, Decode};
pub use directions_file::save_directions;
pub use library::{
    check_name, Figures, Library, LibraryChange, LibraryError, ModelEntry, ModelKind, Shape,
    Training,
};
pub use loaded::{fetch_model, models_folder, LoadedModel};
pub use palette::{Palette, PALETTE_RANGE};
use pool::{Measurement, NamedDirection, Neighbour, Pool};
pub use prior::{LearnedPrior, PriorKind, PRIOR_FILE};
pub use progress::{OnProgress, Progress};
pub use replay::{replay, replay_palette, replay_session};
pub use scene::{
    Decoding, Edit, Scene, SceneError, Target, RATIO_RANGE, RUNG_RANGE, STRENGTH_RANGE,
};
pub use session::{Bookmark, Session, SessionError};
use slot::Slot;
pub use strip::StripSample;
pub use task::{Recipe, Task};
pub use way::Way;

/// What can go wrong with an open model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The model could not be opened.
    #[error("{0}")]
    Load(String),
    /// The model failed at its work.
    #[error("the model failed: {0}")]
    Model(String),
    /// A direction could not be made or measured.
    #[error("{0}")]
    Direction(String),
    /// Labels could not be probed.
    #[error("{0}")]
    Probe(String),
    /// Something could not be written.
    #[error("not saved: {0}")]
    Save(String),
    /// A newer request took over.
    #[error("cancelled")]
    Cancelled,
}

/// What an open model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// The domain of its sequences.
    pub domain: String,
    /// Trainable numbers.
    pub parameters: usize,
    /// Latent tokens, n.
    pub latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Where its latents live.
    pub geometry: Geometry,
}

/// What a decoding step tells of a row: row, its text so far, and whether it has ended.
pub type RowUpdate = (usize, String, bool);

/// A part of a text and how probable the decoder finds it after what stands in front.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenProbability {
    /// The part of the text.
    pub text: String,
    /// In [0, 1].
    pub probability: f32,
}

/// A model that the engine can run.
pub trait LatentModel: Send {
    /// What it is.
    fn info(&self) -> ModelInfo;

    /// The latents of texts.
    ///
    /// # Errors
    /// [`EngineError::Model`].
    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError>;

    /// The texts of latents, decoded as one batch; `on_step` is called after every step, with the rows
    /// that have news, and can break off.
    ///
    /// # Errors
    /// [`EngineError::Model`]; [`EngineError::Cancelled`] where `on_step` broke off.
    fn decode(
        &self,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError>;

    /// For each latent a valid text that a guided search finds ([`Decoding::Guided`]), or none.
    ///
    /// # Errors
    /// [`EngineError::Model`].
    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError>;

    /// The latents that decoding sees in place of these: where they are codes, the nearest ones.
    ///
    /// # Errors
    /// [`EngineError::Model`].
    fn nearest(&self, latents: Vec<Latent>) -> Result<Vec<Latent>, EngineError> {
        Ok(latents)
    }

    /// How probable the decoder finds the tokens of `text`, and then its end (an empty part), at this latent.
    ///
    /// # Errors
    /// [`EngineError::Model`].
    fn probabilities(
        &self,
        latent: &Latent,
        text: &str,
    ) -> Result<Vec<TokenProbability>, EngineError>;

    /// The domain's judgement on a text.
    fn verdict(&self, text: &str) -> Verdict;

    /// Texts to begin with.
    fn samples(&self) -> &[Example];

    /// The decoder's own directions, so many of each latent token, with their deviations in a pool.
    ///
    /// # Errors
    /// [`EngineError::Model`].
    fn decoder_directions(
        &self,
        _pool: &Pool,
        _per_token: usize,
    ) -> Result<Vec<NamedDirection>, EngineError> {
        Ok(Vec::new())
    }

    /// Where a person's own directions are kept with it; none where there is no such place.
    fn directions_file(&self) -> Option<PathBuf> {
        None
    }
}

/// What kind of work a request is; what comes first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The decode at the slider.
    Point,
    /// The ladder.
    Ladder,
    /// The latents and probabilities of the point.
    Inspect,
    /// A new direction.
    Make,
    /// The path with the best ladder.
    Paths,
    /// The grid between four corners.
    Palette,
    /// The validity along the whole slider.
    Strip,
    /// The model's texts, for neighbours and directions.
    Pool,
    /// What steps along a direction do.
    Measure,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 9;
}

/// Something to do. The number comes back with every reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What.
    pub kind: Kind,
    /// Number of the request.
    pub generation: u64,
    /// What is decoded.
    pub scene: Arc<Scene>,
    /// What it is about beside the scene, for [`Kind::Make`] and [`Kind::Measure`].
    pub task: Option<Task>,
}

/// The latents around a point and what the decoder thinks of its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The latent of the text A.
    pub a: Latent,
    /// The latent of the text B.
    pub b: Latent,
    /// The latent at the slider.
    pub point: Latent,
    /// The decode at the slider, part by part.
    pub tokens: Vec<TokenProbability>,
    /// The texts nearest to it among the model's, once they are known.
    pub neighbours: Vec<Neighbour>,
    /// Whether the decode is one of the model's texts, once they are known.
    pub in_pool: Option<bool>,
    /// The most probable labels of the point with their probabilities, once the model's texts are known and where they have
    /// labels.
    pub labels: Vec<(String, f32)>,
}

/// What the engine tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The model is open.
    Ready {
        /// What it is.
        info: ModelInfo,
        /// Texts to begin with.
        samples: Vec<Example>,
    },
    /// Texts so far of a ladder's rungs.
    LadderStep {
        /// Of which request.
        generation: u64,
        /// Rungs with news.
        rows: Vec<RowUpdate>,
    },
    /// A whole ladder.
    LadderDone {
        /// Of which request.
        generation: u64,
        /// Its rungs.
        rungs: Vec<Rung>,
    },
    /// Text so far of a point.
    PointStep {
        /// Of which request.
        generation: u64,
        /// The text so far.
        text: String,
    },
    /// A whole point.
    PointDone {
        /// Of which request.
        generation: u64,
        /// The point.
        rung: Rung,
    },
    /// Texts so far of a palette's cells.
    PaletteStep {
        /// Of which request.
        generation: u64,
        /// Cells with news, counted row by row.
        rows: Vec<RowUpdate>,
    },
    /// A whole palette.
    PaletteDone {
        /// Of which request.
        generation: u64,
        /// Its cells, row by row; a cell's ratio is how far it lies to the right.
        cells: Vec<Rung>,
    },
    /// What lies behind the point.
    Inspected {
        /// Of which request.
        generation: u64,
        /// Latents and probabilities.
        inspection: Box<Inspection>,
    },
    /// The path with the best ladder: valid, then varied, then smooth rungs.
    BestPath {
        /// Of which request.
        generation: u64,
        /// The path.
        path: Path,
    },
    /// Judged points along the slider, by ratio; all that are known so far.
    Strip {
        /// Of which request.
        generation: u64,
        /// The points.
        samples: Vec<StripSample>,
        /// Whether no finer ones will come.
        done: bool,
    },
    /// A person's own directions, as they were saved with the model.
    OwnDirections {
        /// Where they are kept.
        file: PathBuf,
        /// The directions.
        own: Vec<NamedDirection>,
    },
    /// How many of the model's texts have been encoded.
    Reading {
        /// Texts that have been.
        done: usize,
        /// All texts.
        total: usize,
    },
    /// The directions that the model's texts give.
    Directions {
        /// How many different texts there are.
        texts: usize,
        /// The directions.
        found: Vec<NamedDirection>,
    },
    /// A direction that was asked for.
    Made {
        /// Of which request.
        generation: u64,
        /// The direction.
        direction: Box<NamedDirection>,
    },
    /// What steps along a direction do.
    Measured {
        /// Of which request.
        generation: u64,
        /// The figures.
        measurement: Box<Measurement>,
    },
    /// Something failed; the engine goes on unless the model could not be opened.
    Failed {
        /// What, and what to do.
        message: String,
    },
}

/// A running engine. Dropping it cancels what runs and ends the thread.
pub struct Engine {
    slot: Arc<Slot>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread; the model is opened in it, so this returns at once. What it tells comes from [`Engine::replies`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        open: impl FnOnce() -> Result<Box<dyn LatentModel>, EngineError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (send, replies) = crossbeam_channel::unbounded();
        // Whoever listened is gone when sending fails; the slot is closed then, too.
        let mut engine = Self::spawn_telling(open, move |reply| drop(send.send(reply)))?;
        engine.replies = replies;
        Ok(engine)
    }

    /// As [`Engine::spawn`]; `tell` is told everything, in the engine's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn_telling(
        open: impl FnOnce() -> Result<Box<dyn LatentModel>, EngineError> + Send + 'static,
        tell: impl Fn(Reply) + Send + 'static,
    ) -> std::io::Result<Self> {
        let slot = Arc::new(Slot::default());
        let worker_slot = Arc::clone(&slot);
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || worker::run(&worker_slot, &tell, open))?;
        Ok(Self { slot, replies: crossbeam_channel::never(), thread: Some(thread) })
    }

    /// Puts a request in the slot.
    pub fn request(&self, request: Request) {
        self.slot.put(request);
    }

    /// Whether nothing waits and nothing runs, or the thread has ended: all that will be told has been told.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.slot.is_idle() || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Where replies come from; none ever do where the engine tells them to a function.
    #[must_use]
    pub fn replies(&self) -> &Receiver<Reply> {
        &self.replies
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.slot.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the worker was told as a reply already.
            let _ = thread.join();
        }
    }
}
