//! Reading data sets: lines, tables, JSON and parquet, plain or compressed; folders of Python sources; MNIST files; data
//! sets of the Hugging Face hub.
//!
//! A row that cannot be used is counted, reported with its file and line, and skipped. A file that is not what its name
//! says is an error.

pub mod digit_png;
pub mod hub;
pub mod idx;
pub mod mnist_text;
mod parquet;
mod python_source;
mod rows;
mod source;
mod write;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use python_source::{extract_lines, is_trivial, read_python_folder};
pub use source::{read_hub, read_source, Source};
pub use write::{write_rows, Layout};

/// Names that a text column usually has.
const TEXT_NAMES: [&str; 5] = ["text", "headline", "line", "sentence", "content"];
/// Problems that are kept word by word; further ones are only counted.
const PROBLEMS_KEPT: usize = 20;

/// One sequence of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The sequence.
    pub text: String,
    /// Its label, where a label column was asked for.
    pub label: Option<String>,
}

/// What a run learns from: an example, or a text alone.
pub trait Labelled {
    /// The sequence.
    fn text(&self) -> &str;

    /// Its label, if it has one.
    fn label(&self) -> Option<&str>;
}

impl Labelled for Example {
    fn text(&self) -> &str {
        &self.text
    }

    fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

impl Labelled for String {
    fn text(&self) -> &str {
        self
    }

    fn label(&self) -> Option<&str> {
        None
    }
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One sequence per line.
    Lines,
    /// One JSON value per line: a string, or an object of which one field is the text.
    JsonLines,
    /// One JSON array of such values.
    Json,
    /// Comma-separated values with quotes.
    Csv,
    /// Tab-separated values, no quoting and no escaping.
    Tsv,
    /// A parquet file with a column of strings.
    Parquet,
}

/// A column, by name or by its number from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// By number from 0.
    Number(usize),
    /// By name: of the header line, or a field of a JSON object.
    Name(String),
}

impl FromStr for Column {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

/// Whether a table's first line names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// It does for `.csv`, and where a column is asked for by name; else it does not.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// What to read of a file or folder.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Layout; by the file's name where not given.
    pub format: Option<Format>,
    /// Column of the text; where not given `text`, `headline`, `line` or `sentence` by name, else the last.
    pub column: Option<Column>,
    /// Column of the label.
    pub label: Option<Column>,
    /// Whether the first line is a header.
    pub header: Header,
    /// At most so many examples.
    pub limit: Option<usize>,
    /// Size of digits read from MNIST files.
    pub digits: mnist_text::Size,
    /// Whether a line of a Python source stands on its own.
    pub parses: fn(&str) -> bool,
}

impl ReadOptions {
    /// Whether a corpus has as many examples as are asked for.
    fn is_full(&self, corpus: &Corpus) -> bool {
        self.limit.is_some_and(|limit| corpus.examples.len() >= limit)
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            column: None,
            label: None,
            header: Header::Auto,
            limit: None,
            digits: mnist_text::Size::default(),
            parses: |line| {
                use rustpython_parser::{ast, Parse};
                ast::Suite::parse(line, "<line>").is_ok()
            },
        }
    }
}

impl ReadOptions {
    /// For a model that takes so many tokens: digits in the largest size that fits, or in the smallest where none does.
    #[must_use]
    pub fn within(tokens: usize) -> Self {
        let digits = mnist_text::Size::within(tokens).unwrap_or(mnist_text::Size::Tiny);
        Self { digits, ..Self::default() }
    }
}

/// A row that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Why it was skipped.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows seen.
    pub read: usize,
    /// Rows that became examples.
    pub kept: usize,
    /// Rows skipped as bad.
    pub skipped: usize,
    /// The first skipped rows.
    pub problems: Vec<Problem>,
}

impl Report {
    fn problem(&mut self, file: &Path, line: usize, message: impl Into<String>) {
        self.skipped += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(Problem { file: file.to_owned(), line, message: message.into() });
        }
    }
}

/// A data set in memory.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// Its examples, in the order of the source.
    pub examples: Vec<Example>,
    /// What was read and skipped.
    pub report: Report,
}

impl Corpus {
    fn keep(&mut self, example: Example) {
        self.examples.push(example);
        self.report.kept += 1;
    }
}

/// Why a data set could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what its name, or an option, says.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        message: String,
    },
    /// It is on the hub and could not be had.
    #[error(transparent)]
    Hub(#[from] hub::HubError),
}

impl From<hub::NameError> for CorpusError {
    fn from(e: hub::NameError) -> Self {
        Self::Hub(e.into())
    }
}

impl CorpusError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn content(path: &Path, message: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into() }
    }
}

/// Reads a file, a folder of Python sources, or a folder of MNIST files, of which training ones are taken before others.
///
/// # Errors
/// When nothing can be read there, or a file is not what its name says.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Corpus, CorpusError> {
    read_split(path, hub::Split::Train, options)
}

/// As [`read`]; of a folder of MNIST files the given split, where it has that.
fn read_split(
    path: &Path,
    split: hub::Split,
    options: &ReadOptions,
) -> Result<Corpus, CorpusError> {
    let metadata = std::fs::metadata(path).map_err(|e| CorpusError::io(path, e))?;
    if metadata.is_dir() {
        if let Some((images, labels)) = idx::find_pair(path, split)? {
            return idx::read_digits(&images, &labels, options);
        }
        let corpus = read_python_folder(path, options.limit, options.parses)?;
        if corpus.report.read == 0 {
            return Err(CorpusError::content(
                path,
                "a folder without *.py files and without MNIST files (*-images-idx3-ubyte, *-labels-idx1-ubyte)",
            ));
        }
        return Ok(corpus);
    }
    if let Some(labels) = idx::labels_beside(path) {
        return idx::read_digits(path, &labels, options);
    }
    rows::read_file(path, options)
}

/// Opens a file, decompressed by its first bytes; a name that promises a compression the file has not is an error.
fn open(path: &Path) -> Result<Box<dyn BufRead>, CorpusError> {
    let mut file = File::open(path).map_err(|e| CorpusError::io(path, e))?;
    let mut magic = Vec::with_capacity(4);
    Read::by_ref(&mut file)
        .take(4)
        .read_to_end(&mut magic)
        .map_err(|e| CorpusError::io(path, e))?;
    let whole = std::io::Cursor::new(magic.clone()).chain(file);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let (zstd, gzip) = (magic == [0x28, 0xb5, 0x2f, 0xfd], magic.starts_with(&[0x1f, 0x8b]));
    for (named, is, what) in [("zst", zstd, "zstd"), ("gz", gzip, "gzip")] {
        if extension.eq_ignore_ascii_case(named) && !is {
            return Err(CorpusError::content(
                path,
                format!("its name says {what}, but it does not start like a {what} file: rename it if it is plain"),
            ));
        }
    }
    if zstd {
        let decoder = zstd::Decoder::new(whole).map_err(|e| CorpusError::io(path, e))?;
        return Ok(Box::new(BufReader::with_capacity(1 << 17, decoder)));
    }
    if gzip {
        let decoder = flate2::read::MultiGzDecoder::new(whole);
        return Ok(Box::new(BufReader::with_capacity(1 << 17, decoder)));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 17, whole)))
}

/// The file's name without its compression's ending.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
    plain.map_or(name.clone(), str::to_owned)
}
