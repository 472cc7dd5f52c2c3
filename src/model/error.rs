//! What can go wrong with a model's files and parameters.

use std::path::{Path, PathBuf};

/// What can go wrong with a model's files and parameters.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration does not describe a model.
    #[error("configuration: {0}")]
    Config(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: candle_core::Error,
    },
    /// A folder holds no weights.
    #[error("{}: neither model.safetensors nor pytorch_model.bin", .0.display())]
    NoWeights(PathBuf),
    /// A parameter is missing.
    #[error("parameter `{0}` is missing")]
    Missing(String),
    /// A parameter does not exist in this model.
    #[error("parameter `{0}` is unknown")]
    Unknown(String),
    /// A parameter has another shape than the configuration asks for.
    #[error("parameter `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The parameter.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A latent has another shape than the model's.
    #[error(
        "latent of {} tokens × {}, the model's have {} × {}",
        found.0, found.1, expected.0, expected.1
    )]
    LatentShape {
        /// Its tokens and their size.
        found: (usize, usize),
        /// The model's.
        expected: (usize, usize),
    },
    /// The decoder on slices refused its weights or its memory.
    #[error(transparent)]
    Decoder(#[from] crate::numeric::decoder::DecoderError),
    /// Its parameters point nowhere.
    #[error(transparent)]
    Direction(#[from] crate::latent::DirectionError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn file(path: &Path, source: candle_core::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
