//! Writing data sets that [`read`](super::read) reads back exactly: JSON lines or CSV, plain or compressed.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use serde_json::json;

use super::{plain_name, CorpusError, Example};

/// How rows are laid out, by a file's name. Both keep newlines within a text, which lines and TSV cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// An object with `text` and, where there is one, `label` per line.
    JsonLines,
    /// Columns `label` and `text` under a header.
    Csv,
}

impl Layout {
    /// The layout that a file's name asks for: `.jsonl` or `.csv`, also with `.gz` or `.zst` behind it.
    ///
    /// # Errors
    /// A word on what was expected, for any other name.
    pub fn of(path: &Path) -> Result<Self, String> {
        let name = plain_name(path);
        match Path::new(&name).extension().and_then(|e| e.to_str()) {
            Some("jsonl") => Ok(Self::JsonLines),
            Some("csv") => Ok(Self::Csv),
            _ => Err(format!(
                "`{}` names no layout that keeps the newlines of a text: give a name that ends in .jsonl or .csv, \
                 also with .gz or .zst behind it",
                path.display()
            )),
        }
    }
}

/// Writes examples to a file as its name says and counts them. At any moment the file is the old one or the new one, whole.
///
/// # Errors
/// A name without a layout; a file that cannot be written.
pub fn write_rows(
    path: &Path,
    rows: impl IntoIterator<Item = Example>,
) -> Result<usize, CorpusError> {
    let layout = Layout::of(path).map_err(|message| CorpusError::content(path, message))?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_all(path, &temporary, layout, &mut rows.into_iter())
        .and_then(|count| std::fs::rename(&temporary, path).map(|()| count));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(|e| CorpusError::io(path, e))
}

fn write_all(
    path: &Path,
    temporary: &Path,
    layout: Layout,
    rows: &mut dyn Iterator<Item = Example>,
) -> io::Result<usize> {
    let mut file = BufWriter::with_capacity(1 << 17, File::create(temporary)?);
    let ending = path.extension().map(|e| e.to_ascii_lowercase());
    let count = match ending.as_deref().and_then(|e| e.to_str()) {
        Some("gz") => {
            let mut gzip = GzEncoder::new(&mut file, flate2::Compression::default());
            let count = write_laid_out(&mut gzip, layout, rows)?;
            gzip.finish()?;
            count
        }
        Some("zst") => {
            let mut zstd = zstd::Encoder::new(&mut file, 3)?;
            let count = write_laid_out(&mut zstd, layout, rows)?;
            zstd.finish()?;
            count
        }
        _ => write_laid_out(&mut file, layout, rows)?,
    };
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(count)
}

fn write_laid_out(
    out: &mut dyn Write,
    layout: Layout,
    rows: &mut dyn Iterator<Item = Example>,
) -> io::Result<usize> {
    let mut count = 0;
    match layout {
        Layout::JsonLines => {
            for Example { text, label } in rows {
                let row = match label {
                    Some(label) => json!({ "text": text, "label": label }),
                    None => json!({ "text": text }),
                };
                writeln!(out, "{row}")?;
                count += 1;
            }
        }
        Layout::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["label", "text"])?;
            for Example { text, label } in rows {
                csv.write_record([label.as_deref().unwrap_or_default(), &text])?;
                count += 1;
            }
            csv.flush()?;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::corpus::{read, Column, ReadOptions};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read_back_exactly(
            texts in prop::collection::vec("[ -~]{0,8}\n?[a\"', \n]{0,8}x", 1..8), label in "[a-z0-9]{1,4}",
        ) {
            let dir = tempfile::tempdir().expect("folder");
            let rows: Vec<Example> = texts
                .iter()
                .map(|text| Example { text: text.clone(), label: Some(label.clone()) })
                .collect();
            let options = ReadOptions { label: Some(Column::Name("label".into())), ..ReadOptions::default() };
            for name in ["a.jsonl", "a.csv", "a.jsonl.gz", "a.csv.zst"] {
                let path = dir.path().join(name);
                let count = write_rows(&path, rows.clone()).expect("written");
                prop_assert_eq!(count, rows.len());
                prop_assert_eq!(&read(&path, &options).expect("read").examples, &rows);
            }
            prop_assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 4);
        }
    }

    #[test]
    fn a_layout_that_would_lose_newlines_is_refused() {
        for name in ["a.tsv", "a.txt", "a", "a.tsv.gz"] {
            let said = Layout::of(Path::new(name)).expect_err(name);
            assert!(said.contains(name) && said.contains(".jsonl"), "{said}");
        }
    }
}
