//! Data and models of the Hugging Face hub by name: which files, downloads that go on where they broke off, the cache.
//!
//! The cache is the usual one, shared with other programs: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else
//! `~/.cache/huggingface/hub`. What it holds is used without asking for it again; without a network, or with
//! `HF_HUB_OFFLINE=1`, it is all there is.

mod client;
mod download;
mod files;
mod name;
mod snapshot;

use std::ops::ControlFlow;
use std::path::PathBuf;

pub use client::Hub;
pub use files::Split;
pub use name::{HubName, NameError};

/// What a download tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The hub cannot be reached, for this reason; the cache is used.
    Offline(String),
    /// A file is being downloaded.
    File(Download),
}

/// How far a file's download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The repository and the file's path in it. Untrusted text.
    pub file: String,
    /// Its place among the files that are needed, from 1, and how many they are.
    pub number: (usize, usize),
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

impl std::fmt::Display for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, number: (number, of), done, total } = self;
        let million = |bytes: &u64| *bytes as f64 / 1e6;
        let (done, total) = (million(done), million(total));
        write!(f, "{file} ({number} of {of}), {done:.1} of {total:.1} MB")
    }
}

/// Receives what a download tells, many times a second, and can stop it; what has arrived is kept.
pub type Listener<'a> = dyn FnMut(&News) -> ControlFlow<()> + 'a;

/// Why something of the hub could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The text is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The repository or the revision does not exist, or not for everybody.
    #[error("{name}: {message}")]
    NotFound {
        /// What was asked for.
        name: String,
        /// What does not exist and what to do.
        message: String,
    },
    /// The repository asks who one is.
    #[error("{0}: its owner asks for consent or an account: accept the terms on its page, then give a token of yours in HF_TOKEN")]
    Gated(String),
    /// The repository has not the files that are needed.
    #[error("{name}: {message}")]
    Files {
        /// What was asked for.
        name: String,
        /// What is missing, and what there is.
        message: String,
    },
    /// There is no network and the cache lacks something.
    #[error("{name}: {reason}, and the cache in {} lacks {missing}", cache.display())]
    Offline {
        /// What was asked for.
        name: String,
        /// Why the hub was not asked.
        reason: String,
        /// Where the cache lies.
        cache: PathBuf,
        /// What is not there.
        missing: String,
    },
    /// A download failed.
    #[error(
        "{file}: {message}; what has arrived is kept, and the same command goes on from there"
    )]
    Download {
        /// The repository and the file.
        file: String,
        /// Why.
        message: String,
    },
    /// The listener stopped it.
    #[error("{0}: the download was stopped; what has arrived is kept")]
    Stopped(String),
    /// The cache cannot be used.
    #[error("the cache in {}: {message}", cache.display())]
    Cache {
        /// Where it lies.
        cache: PathBuf,
        /// Why.
        message: String,
    },
}
