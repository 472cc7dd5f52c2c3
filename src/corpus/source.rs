//! Where a data set is: a path, or a name of the hub.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::hub::{Hub, HubName, Listener, NameError, Split};
use super::{read, read_split, Corpus, CorpusError, ReadOptions, Report, PROBLEMS_KEPT};

/// Where a data set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file or folder.
    Path(PathBuf),
    /// `hf:OWNER/NAME[/PATH][@REVISION][:COLUMN]`.
    Hub(HubName),
}

impl Source {
    /// What a person named, short: a path's last part, or the whole name of the hub.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::Hub(name) => name.to_string(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Hub(name) => name.fmt(f),
        }
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

/// A text that begins with `hf:` is a name of the hub, everything else a path; `./hf:x` is a file of such a name.
impl TryFrom<OsString> for Source {
    type Error = NameError;

    fn try_from(text: OsString) -> Result<Self, NameError> {
        match text.to_str().filter(|text| HubName::is_one(text)) {
            Some(name) => name.parse().map(Self::Hub),
            None => Ok(Self::Path(text.into())),
        }
    }
}

impl std::str::FromStr for Source {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(OsStr::new(text).to_owned())
    }
}

/// Reads a data set from wherever it is. Of one on the hub it downloads what the cache lacks, file by file and no more
/// files than `options.limit` needs; `split` says which, and which of the pairs of files in a folder of MNIST's. A column in the name wins over that of the options.
///
/// # Errors
/// When it cannot be read or downloaded.
pub fn read_source(
    source: &Source,
    split: Split,
    options: &ReadOptions,
    news: &mut Listener<'_>,
) -> Result<Corpus, CorpusError> {
    match source {
        Source::Path(path) => read_split(path, split, options),
        Source::Hub(name) => read_hub(&Hub::from_env()?, name, split, options, news),
    }
}

/// Reads a data set of a certain hub, as [`read_source`] does.
///
/// # Errors
/// When it cannot be read or downloaded.
pub fn read_hub(
    hub: &Hub,
    name: &HubName,
    split: Split,
    options: &ReadOptions,
    news: &mut Listener<'_>,
) -> Result<Corpus, CorpusError> {
    let column = name.column.clone().or_else(|| options.column.clone());
    let mut options = ReadOptions { column, ..options.clone() };
    let limit = options.limit;
    let mut all = Corpus::default();
    hub.data(name, split, news, &mut |path| {
        options.limit = limit.map(|limit| limit - all.examples.len());
        let Corpus { examples, report } = read(path, &options)?;
        all.examples.extend(examples);
        add(&mut all.report, report);
        Ok::<bool, CorpusError>(limit.is_none_or(|limit| all.examples.len() < limit))
    })?;
    Ok(all)
}

fn add(to: &mut Report, more: Report) {
    to.read += more.read;
    to.kept += more.kept;
    to.skipped += more.skipped;
    to.problems.extend(more.problems);
    to.problems.truncate(PROBLEMS_KEPT);
}
