//! The log: a file that `--log` or the configuration names. Nothing of it goes to the terminal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Where to log and how much; the configuration's values stand in for what is not given.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Add a log to this file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Log")]
    pub log: Option<PathBuf>,
    /// How much to log; info where nothing is said
    #[arg(long, global = true, value_enum, value_name = "LEVEL", help_heading = "Log")]
    pub log_level: Option<LogLevel>,
}

/// How much is logged; each level holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What failed
    Error,
    /// What went another way than it should
    Warn,
    /// Starts, ends, saved files, evaluations
    Info,
    /// Every request and decode, with milliseconds
    Debug,
    /// Everything
    Trace,
}

impl LogLevel {
    /// Every level, from the fewest messages to the most.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|level| level.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no level `{name}`: expected one of {names}")
        })
    }
}

/// Starts the log of this process: one line per event, added to the file; panics are events, too.
///
/// # Errors
/// When the file cannot be opened for writing.
pub fn start(file: &Path, level: LogLevel) -> anyhow::Result<()> {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
    let opened = opened.with_context(|| format!("the log {} cannot be opened", file.display()))?;
    // Of the libraries only what went wrong.
    let others = if level == LogLevel::Error { "error" } else { "warn" };
    let started = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_thread_names(true)
        .with_env_filter(EnvFilter::new(format!("{others},tvae_tui={level}")))
        .with_writer(Mutex::new(opened))
        .try_init();
    anyhow::ensure!(started.is_ok(), "the log is started already");
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: {text}");
        before(info);
    }));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), process = std::process::id(), "started");
    Ok(())
}
