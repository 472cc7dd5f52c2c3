//! MNIST's IDX files: images and labels that belong together, to digits as text.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::hub::Split;
use super::mnist_text::{Digit, Direction};
use super::{open, Corpus, CorpusError, Example, ReadOptions};

const IMAGES: u32 = 2051;
const LABELS: u32 = 2049;

/// The images and labels of a folder: training ones before others, or after them where held-out ones are asked for. `None` where
/// it holds no images.
pub(super) fn find_pair(
    folder: &Path,
    split: Split,
) -> Result<Option<(PathBuf, PathBuf)>, CorpusError> {
    let mut images: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|e| CorpusError::io(folder, e))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| labels_name(path).is_some())
        .collect();
    let held_out = split == Split::HeldOut;
    let trains =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("train"));
    images.sort_by_key(|path| (trains(path) == held_out, path.clone()));
    let Some(images) = images.into_iter().next() else { return Ok(None) };
    match labels_beside(&images) {
        Some(labels) => Ok(Some((images, labels))),
        None => Err(CorpusError::content(
            &images,
            "there are no labels (*-labels-idx1-ubyte) beside it",
        )),
    }
}

fn labels_name(images: &Path) -> Option<String> {
    let name = images.file_name()?.to_str()?;
    name.contains("-images-idx3-ubyte")
        .then(|| name.replace("-images-idx3-ubyte", "-labels-idx1-ubyte"))
}

/// The labels that belong to an images file, compressed or not.
pub(super) fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = labels_name(images)?;
    let plain = name.trim_end_matches(".gz").to_owned();
    [name, format!("{plain}.gz"), plain]
        .into_iter()
        .map(|n| images.with_file_name(n))
        .find(|p| p.is_file())
}

/// The images of a file, 28 × 28 bytes each.
///
/// # Errors
/// A wrong magic number or size, or a file that is cut short.
pub fn read_images(path: &Path) -> Result<Vec<u8>, CorpusError> {
    images(path, open(path)?)
}

/// The images of a compressed file in memory.
///
/// # Errors
/// Those of [`read_images`].
pub fn unpack_images(gzip: &[u8]) -> Result<Vec<u8>, CorpusError> {
    images(Path::new("images.gz"), MultiGzDecoder::new(gzip))
}

fn images(path: &Path, mut input: impl Read) -> Result<Vec<u8>, CorpusError> {
    let count = start(path, &mut input, IMAGES, "images")?;
    let (rows, columns) = (number(path, &mut input)?, number(path, &mut input)?);
    if (rows, columns) != (28, 28) {
        return Err(CorpusError::content(
            path,
            format!("images of {rows}×{columns}, expected 28×28"),
        ));
    }
    body(path, input, count as usize * 784)
}

/// The labels of a file, 0 to 9.
///
/// # Errors
/// A wrong magic number, a file that is cut short, or a label above 9.
pub fn read_labels(path: &Path) -> Result<Vec<u8>, CorpusError> {
    labels(path, open(path)?)
}

/// The labels of a compressed file in memory.
///
/// # Errors
/// Those of [`read_labels`].
pub fn unpack_labels(gzip: &[u8]) -> Result<Vec<u8>, CorpusError> {
    labels(Path::new("labels.gz"), MultiGzDecoder::new(gzip))
}

fn labels(path: &Path, mut input: impl Read) -> Result<Vec<u8>, CorpusError> {
    let count = start(path, &mut input, LABELS, "labels")?;
    let labels = body(path, input, count as usize)?;
    match labels.iter().position(|&l| l > 9) {
        Some(at) => Err(CorpusError::content(path, format!("label {} of item {at}", labels[at]))),
        None => Ok(labels),
    }
}

/// Reads the magic number and gives the count behind it.
fn start(path: &Path, input: &mut impl Read, magic: u32, what: &str) -> Result<u32, CorpusError> {
    let found = number(path, input)?;
    if found != magic {
        return Err(CorpusError::content(
            path,
            format!("not an IDX file of {what}: magic number {found}, expected {magic}"),
        ));
    }
    number(path, input)
}

fn number(path: &Path, input: &mut impl Read) -> Result<u32, CorpusError> {
    let mut bytes = [0; 4];
    input
        .read_exact(&mut bytes)
        .map_err(|_| CorpusError::content(path, "shorter than an IDX header"))?;
    Ok(u32::from_be_bytes(bytes))
}

fn body(path: &Path, input: impl Read, expected: usize) -> Result<Vec<u8>, CorpusError> {
    let mut bytes = Vec::new();
    // One byte more than expected: a longer file is as wrong as a shorter one.
    input.take(expected as u64 + 1).read_to_end(&mut bytes).map_err(|e| {
        CorpusError::content(path, format!("{e}; the file is damaged or cut short"))
    })?;
    if bytes.len() == expected {
        return Ok(bytes);
    }
    let more = if bytes.len() > expected { "more than" } else { "only" };
    let count = bytes.len().min(expected);
    Err(CorpusError::content(
        path,
        format!("its header promises {expected} bytes, it holds {more} {count}"),
    ))
}

/// The images, 28 × 28 bytes each, and their labels, of an images file with labels beside it, or of a folder of such files:
/// training ones before others.
///
/// # Errors
/// Where there are none, they cannot be read, or they do not belong together.
pub fn read_pair(path: &Path) -> Result<(Vec<u8>, Vec<u8>), CorpusError> {
    let metadata = std::fs::metadata(path).map_err(|e| CorpusError::io(path, e))?;
    let pair = if metadata.is_dir() {
        find_pair(path, Split::Train)?
    } else {
        labels_beside(path).map(|labels| (path.to_owned(), labels))
    };
    let (images, labels) = pair.ok_or_else(|| {
        let message = "expected a folder of MNIST files, or a file *-images-idx3-ubyte with *-labels-idx1-ubyte beside it";
        CorpusError::content(path, message)
    })?;
    read_both(&images, &labels)
}

fn read_both(images: &Path, labels: &Path) -> Result<(Vec<u8>, Vec<u8>), CorpusError> {
    let pixels = read_images(images)?;
    let classes = read_labels(labels)?;
    if pixels.len() == classes.len() * 784 {
        return Ok((pixels, classes));
    }
    let message = format!("{} labels for {} images", classes.len(), pixels.len() / 784);
    Err(CorpusError::content(labels, message))
}

/// Every digit as two examples, `down` and `up`, labelled with its class.
pub(super) fn read_digits(
    images: &Path,
    labels: &Path,
    options: &ReadOptions,
) -> Result<Corpus, CorpusError> {
    let (pixels, classes) = read_both(images, labels)?;
    let mut corpus = Corpus::default();
    let limit = options.limit.unwrap_or(usize::MAX);
    'digits: for (pixels, class) in pixels.chunks_exact(784).zip(&classes) {
        let digit = Digit::from_pixels(pixels, options.digits);
        corpus.report.read += 1;
        for direction in [Direction::Down, Direction::Up] {
            if corpus.examples.len() >= limit {
                break 'digits;
            }
            let text = digit.write(direction);
            corpus.examples.push(Example { text, label: Some(class.to_string()) });
            corpus.report.kept += 1;
        }
    }
    Ok(corpus)
}
