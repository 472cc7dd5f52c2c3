//! Training a Transformer-VAE: batches, noise, the sharded step, schedules, evaluation and checkpoints.
//!
//! The trainer knows a [`Progress`] sink and a [`Control`], nothing of terminals. A run is a function of its
//! configuration, its data and the step number alone: every random draw comes from a stream that is derived from
//! `(seed, step, shard)`, so a resumed run goes on exactly as an uninterrupted one would.

mod bag_of_words;
mod batch;
mod checkpoint;
mod codebook;
mod config;
mod control;
mod critic;
mod data;
mod distill;
mod evaluate;
mod flow;
mod gather;
mod helpers;
mod history;
mod interpolation;
mod job;
mod labels;
mod look;
mod meeting;
mod mix;
mod noise;
mod objectives;
mod optimise;
mod pictures;
mod progress;
mod regulariser;
mod run;
pub mod runs;
mod schedule;
mod showcase;
mod stage;
mod step;
mod told;
mod trainer;
mod window;

pub use checkpoint::{Checkpoint, TRAINER_FILE, TRAINING_FILE};
pub use codebook::{perplexity, CodeUse};
pub use config::{
    reference, train_option, ArgumentSet, Blend, Budget, Classes, Critic, CriticHead, Cycle,
    CycleKind, Decay, Distill, Fsq, InterpolationInputs, Kl, LabelJudge, Noise, Optimiser,
    OptimiserKind, Pixels, Preset, PresetNames, PresetNamesError, Smoothness, TrainConfig,
    TrainOption, Vq, Words, ARGUMENT_SETS, OPTIONS,
};
pub use control::{Control, StopSignal};
pub use critic::{CriticNet, CriticShape};
pub use data::{encode_corpus, TrainingData};
pub use distill::Distilled;
pub use evaluate::{Evaluation, Evaluator};
pub use flow::{fit_flow, FlowOptions};
pub use helpers::Helpers;
pub use history::{moment_folder, moments, HISTORY};
pub use job::{DataOptions, Job, Source, JOB_FILE};
pub use look::{estimate, look, Estimate, Look};
pub use objectives::Objectives;
pub use progress::{
    clock, JsonLines, LogProgress, Progress, Report, TensorBoard, TerminalProgress,
};
pub use regulariser::{free_bits, regulariser_weight, sliced_wasserstein};
pub use run::{train, Inputs, Outcome};
pub use showcase::{Reconstruction, ShownLadder, ShownRung};
pub use stage::Stage;
pub use step::{run_part, run_shards, Beside, FindBetween, ShardResult, StepInput};
pub use trainer::{Told, Trainer};

/// A run's reports, a JSON object per line.
pub const METRICS_FILE: &str = "metrics.jsonl";

/// What can end a training run early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Another shard of the step failed, and this one could not go on without it.
    #[error("another part of the batch failed")]
    ShardGaveUp,
    /// The configuration asks for something that cannot be.
    #[error("{0}")]
    Config(String),
    /// There is nothing to train on.
    #[error("no usable training lines: {0}")]
    NoData(String),
    /// A data set could not be read.
    #[error(transparent)]
    Data(#[from] crate::corpus::CorpusError),
    /// It was asked to stop before the first step.
    #[error("stopped before the first step")]
    Stopped,
    /// The loss or a gradient was not finite.
    #[error(
        "the loss at step {step} is not finite; the batch is saved in {file} for inspection (try a lower --learning-rate)"
    )]
    NotFinite {
        /// The step that failed.
        step: usize,
        /// Where the offending batch was written.
        file: String,
    },
    /// A checkpoint could not be written or read.
    #[error("{file}: {message}")]
    File {
        /// The file concerned.
        file: String,
        /// What went wrong and what to do.
        message: String,
    },
    /// The numeric core failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] crate::model::Error),
    /// The tokenizer failed.
    #[error(transparent)]
    Codec(#[from] crate::domain::CodecError),
}

impl TrainError {
    /// An error about `file`.
    pub(crate) fn file(file: &std::path::Path, message: impl std::fmt::Display) -> Self {
        Self::File { file: file.display().to_string(), message: message.to_string() }
    }
}
