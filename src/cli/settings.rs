//! The configuration file: a person's defaults for the explorer and the log.

mod keys;
mod print;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::logging::LogLevel;
use crate::app::{keys, Override};
use crate::report::visible;
use crate::tui::Preferences;
use keys::KEYS;

/// What the configuration file decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The model that the explorer opens.
    pub model: String,
    /// Seed of the explorer's random ends; without one every start draws others.
    pub seed: Option<u64>,
    /// The explorer's looks, ladder and keys.
    pub explorer: Preferences,
    /// Where the log is written; without one there is none.
    pub log: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LogLevel,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: "python".to_owned(),
            seed: None,
            explorer: Preferences::default(),
            log: None,
            log_level: LogLevel::Info,
        }
    }
}

/// A configuration that cannot be used, with the place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    file: PathBuf,
    /// Line and column from 1, in characters; none where the file cannot be read.
    at: Option<(usize, usize)>,
    reason: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", visible(&self.reason))
    }
}

impl std::error::Error for SettingsError {}

/// What is wrong and where in the text, before lines are counted.
struct Wrong {
    span: Range<usize>,
    reason: String,
}

impl Settings {
    /// The place of the configuration file; none where the system tells of no home.
    #[must_use]
    pub fn path() -> Option<PathBuf> {
        use etcetera::BaseStrategy;
        let base = etcetera::choose_base_strategy().ok()?;
        Some(base.config_dir().join("tvae-tui").join("config.toml"))
    }

    /// The file's settings over the defaults; the defaults where there is no file.
    ///
    /// # Errors
    /// A file that cannot be read or holds something wrong.
    pub fn load() -> Result<Self, SettingsError> {
        let Some(file) = Self::path() else { return Ok(Self::default()) };
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text, &file),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(SettingsError { reason: e.to_string(), file, at: None }),
        }
    }

    /// The settings in a file's text over the defaults.
    ///
    /// # Errors
    /// What is no TOML, an unknown key or a value that is not expected there.
    pub fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        let mut settings = read(text).map_err(|wrong| SettingsError {
            file: file.to_owned(),
            at: Some(position(text, wrong.span.start)),
            reason: wrong.reason,
        })?;
        // A relative path would depend on where the program is started.
        if let (Some(log), Some(folder)) = (&settings.log, file.parent()) {
            settings.log = Some(folder.join(log));
        }
        Ok(settings)
    }
}

fn read(text: &str) -> Result<Settings, Wrong> {
    let table = DeTable::parse(text).map_err(|e| Wrong {
        span: e.span().unwrap_or(text.len()..text.len()),
        reason: e.message().trim_end().to_owned(),
    })?;
    let mut settings = Settings::default();
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    // Told in the order in which they are written.
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name = key.get_ref().as_ref();
        if name == "keys" {
            settings.explorer.keys = own_keys(value.get_ref(), value.span())?;
            continue;
        }
        let Some(known) = KEYS.iter().find(|k| k.name == name) else {
            let names: Vec<&str> = KEYS.iter().map(|k| k.name).chain(["keys"]).collect();
            let reason = format!("no key `{name}`: expected one of {}", names.join(", "));
            return Err(Wrong { span: key.span(), reason });
        };
        (known.set)(&mut settings, value.get_ref())
            .map_err(|reason| Wrong { span: value.span(), reason: format!("{name}: {reason}") })?;
    }
    Ok(settings)
}

/// The table `[keys]`, checked against the commands that there are.
fn own_keys(value: &DeValue<'_>, span: Range<usize>) -> Result<Vec<Override>, Wrong> {
    let Some(table) = value.as_table() else {
        let reason = "keys: expected a table, as `[keys]` with `help = [\"f1\"]` below it";
        return Err(Wrong { span, reason: reason.to_owned() });
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(id, _)| id.span().start);
    let mut overrides = Vec::with_capacity(entries.len());
    let mut spans = Vec::with_capacity(entries.len());
    for (id, value) in entries {
        let expected = |span| Wrong {
            span,
            reason: format!("{}: expected a list of keys, as [\"right\", \"l\"]", id.get_ref()),
        };
        let list = value.get_ref().as_array().ok_or_else(|| expected(value.span()))?;
        let mut keys = Vec::with_capacity(list.len());
        let mut places = Vec::with_capacity(list.len());
        for key in list.iter() {
            let name = key.get_ref().as_str().ok_or_else(|| expected(key.span()))?;
            keys.push(name.to_owned());
            places.push(key.span());
        }
        overrides.push(Override { id: id.get_ref().to_string(), keys });
        spans.push((id.span(), places));
    }
    keys(&overrides).map_err(|e| {
        let place = e.at.and_then(|at| {
            let (id, keys) = spans.get(at)?;
            e.key.and_then(|k| keys.get(k)).or(Some(id))
        });
        Wrong { span: place.cloned().unwrap_or(span), reason: e.reason }
    })?;
    Ok(overrides)
}

/// Line and column of a byte, from 1; columns are characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    (1 + before.matches('\n').count(), 1 + before[start..].chars().count())
}

#[cfg(test)]
mod tests;
