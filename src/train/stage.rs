//! What a run does before its first step.

use crate::corpus::hub::Download;

/// A step of the preparation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// A source is being read.
    Reading(String),
    /// A source has been read.
    Read {
        /// Which.
        source: String,
        /// Lines.
        lines: usize,
        /// Rows that were skipped as bad.
        skipped: usize,
        /// The first of these.
        problems: Vec<String>,
    },
    /// A file of the hub is being downloaded; told many times a second.
    Downloading(Download),
    /// The hub cannot be reached, for this reason; the cache is used.
    Offline(String),
    /// The tokenizer is being trained on so many lines.
    Tokenizer(usize),
    /// Lines are being encoded.
    Encoding {
        /// Lines that have been.
        done: usize,
        /// All lines.
        total: usize,
    },
    /// A classifier of the lines' pictures is being fitted.
    Classifier {
        /// Steps that have been made.
        done: usize,
        /// All steps.
        total: usize,
    },
    /// Lines that are too long for the model were left out.
    TooLong {
        /// How many.
        lines: usize,
        /// The longest that the model takes, tokens.
        max_len: usize,
    },
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reading(source) => write!(f, "reading {source}"),
            Self::Read { source, lines, skipped: 0, .. } => write!(f, "{source}: {lines} lines"),
            Self::Read { source, lines, skipped, .. } => {
                write!(f, "{source}: {lines} lines, {skipped} bad rows skipped")
            }
            Self::Downloading(download) => write!(f, "downloading {download}"),
            Self::Offline(reason) => write!(f, "{reason}; what the cache holds is used"),
            Self::Tokenizer(lines) => write!(f, "training the tokenizer on {lines} lines"),
            Self::Encoding { done, total } => write!(f, "encoding lines: {done} of {total}"),
            Self::Classifier { done, total } => {
                write!(f, "fitting a classifier of pictures: step {done} of {total}")
            }
            Self::TooLong { lines, max_len } => {
                write!(f, "{lines} lines longer than max_len = {max_len} tokens are left out")
            }
        }
    }
}
