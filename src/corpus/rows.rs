//! Files of rows: lines, JSON and tables.

use std::io::{BufRead, Read};
use std::path::Path;

use serde_json::Value;

use super::parquet::read_parquet;
use super::{
    open, plain_name, Column, Corpus, CorpusError, Example, Format, Header, ReadOptions, TEXT_NAMES,
};

/// Reads one file of rows.
pub(super) fn read_file(path: &Path, options: &ReadOptions) -> Result<Corpus, CorpusError> {
    let format = match options.format {
        Some(format) => format,
        None => match format_by_name(&plain_name(path)) {
            Format::Json if is_lines(path)? => Format::JsonLines,
            format => format,
        },
    };
    let mut corpus = Corpus::default();
    match format {
        Format::Json => read_json(path, options, &mut corpus)?,
        Format::Csv => read_csv(path, options, &mut corpus)?,
        Format::Parquet => corpus = read_parquet(path, options)?,
        Format::Lines | Format::JsonLines | Format::Tsv => {
            read_lines(path, format, options, &mut corpus)?;
        }
    }
    if corpus.examples.is_empty() && corpus.report.skipped > 0 {
        let why = corpus.report.problems.first().map_or_else(String::new, ToString::to_string);
        return Err(CorpusError::content(path, format!("no row could be read; the first: {why}")));
    }
    Ok(corpus)
}

fn format_by_name(name: &str) -> Format {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("jsonl" | "ndjson") => Format::JsonLines,
        Some("json") => Format::Json,
        Some("csv") => Format::Csv,
        Some("tsv" | "tab") => Format::Tsv,
        Some("parquet") => Format::Parquet,
        _ => Format::Lines,
    }
}

/// Whether a `.json` file holds an object per line, as many data sets have it: its first two lines are whole objects.
fn is_lines(path: &Path) -> Result<bool, CorpusError> {
    /// A line longer than this is part of one document.
    const LONGEST: u64 = 1 << 20;
    let mut input = open(path)?;
    for _ in 0..2 {
        let mut line = Vec::new();
        // What cannot be read is told by whoever reads all of it.
        let read = input.by_ref().take(LONGEST).read_until(b'\n', &mut line).is_ok();
        if !read || serde_json::from_slice::<serde_json::Map<String, Value>>(&line).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which columns of a table hold text and label.
struct Columns {
    text: usize,
    label: Option<usize>,
}

impl Columns {
    fn find(
        path: &Path,
        first: &[&str],
        header: bool,
        options: &ReadOptions,
    ) -> Result<Self, CorpusError> {
        let position = |column: &Column| {
            match column {
            Column::Number(n) if *n < first.len() => Ok(*n),
            Column::Number(n) => Err(CorpusError::content(
                path,
                format!("there is no column {n}: the first row has {} columns", first.len()),
            )),
            Column::Name(name) if header => first.iter().position(|c| c == name).ok_or_else(|| {
                CorpusError::content(
                    path,
                    format!("there is no column `{name}`; the header names {}", first.join(", ")),
                )
            }),
            Column::Name(name) => Err(CorpusError::content(
                path,
                format!("column `{name}` was asked for, but the file has no header: give its number from 0"),
            )),
        }
        };
        let text = match &options.column {
            Some(column) => position(column)?,
            None => TEXT_NAMES
                .iter()
                .filter(|_| header)
                .find_map(|name| first.iter().position(|c| c.eq_ignore_ascii_case(name)))
                .unwrap_or(first.len().saturating_sub(1)),
        };
        Ok(Self { text, label: options.label.as_ref().map(position).transpose()? })
    }

    fn example<'a>(&self, field: impl Fn(usize) -> Option<&'a str>) -> Option<Example> {
        let label = match self.label {
            Some(at) => Some(field(at)?.to_owned()),
            None => None,
        };
        Some(Example { text: field(self.text)?.to_owned(), label })
    }
}

fn has_header(format: Format, options: &ReadOptions) -> bool {
    let named = |c: &Option<Column>| matches!(c, Some(Column::Name(_)));
    match options.header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => format == Format::Csv || named(&options.column) || named(&options.label),
    }
}

fn read_lines(
    path: &Path,
    format: Format,
    options: &ReadOptions,
    corpus: &mut Corpus,
) -> Result<(), CorpusError> {
    let mut input = open(path)?;
    let mut columns: Option<Columns> = None;
    let mut width = 0;
    let mut bytes = Vec::new();
    let mut number = 0;
    while !options.is_full(corpus) {
        bytes.clear();
        let n = input.read_until(b'\n', &mut bytes).map_err(|e| {
            CorpusError::content(
                path,
                format!("after line {number}: {e}; the file is damaged or cut short"),
            )
        })?;
        if n == 0 {
            break;
        }
        number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if number == 1 && bytes.contains(&0) {
            return Err(CorpusError::content(
                path,
                "this is no text: its first line holds NUL bytes; expected text lines, jsonl, json, csv or tsv",
            ));
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            corpus.report.read += 1;
            corpus.report.problem(path, number, "not valid UTF-8");
            continue;
        };
        // Only the start of a file may carry a byte order mark.
        let line = if number == 1 { line.trim_start_matches('\u{feff}') } else { line };
        if line.trim().is_empty() {
            continue;
        }
        if format == Format::Tsv && columns.is_none() {
            let first: Vec<&str> = line.split('\t').collect();
            let header = has_header(format, options);
            columns = Some(Columns::find(path, &first, header, options)?);
            width = first.len();
            if header {
                continue;
            }
        }
        corpus.report.read += 1;
        let example = match (format, &columns) {
            (Format::JsonLines, _) => serde_json::from_str::<Value>(line)
                .map_err(|e| format!("not JSON: {e}"))
                .and_then(|value| json_example(&value, options)),
            (Format::Tsv, Some(columns)) => {
                let fields: Vec<&str> = line.split('\t').collect();
                if fields.len() == width {
                    columns
                        .example(|i| fields.get(i).copied())
                        .ok_or_else(|| "a column is missing".to_owned())
                } else {
                    Err(format!("{} columns, expected {width}", fields.len()))
                }
            }
            _ => Ok(Example { text: line.to_owned(), label: None }),
        };
        match example {
            Ok(example) => corpus.keep(example),
            Err(message) => corpus.report.problem(path, number, message),
        }
    }
    Ok(())
}

fn read_csv(path: &Path, options: &ReadOptions, corpus: &mut Corpus) -> Result<(), CorpusError> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(open(path)?);
    let mut columns: Option<Columns> = None;
    let mut width = 0;
    let mut record = csv::StringRecord::new();
    while !options.is_full(corpus) {
        let line = reader.position().line() as usize;
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(e) if matches!(e.kind(), csv::ErrorKind::Utf8 { .. }) => {
                corpus.report.read += 1;
                corpus.report.problem(path, line, "not valid UTF-8");
                continue;
            }
            Err(e) => return Err(CorpusError::content(path, e.to_string())),
        }
        if columns.is_none() {
            let first: Vec<&str> =
                record.iter().map(|f| f.trim_start_matches('\u{feff}')).collect();
            let header = has_header(Format::Csv, options);
            columns = Some(Columns::find(path, &first, header, options)?);
            width = record.len();
            if header {
                continue;
            }
        }
        corpus.report.read += 1;
        if record.len() != width {
            let message = format!("{} columns, expected {width}", record.len());
            corpus.report.problem(path, line, message);
            continue;
        }
        if let Some(example) = columns.as_ref().and_then(|c| c.example(|i| record.get(i))) {
            corpus.keep(example);
        }
    }
    Ok(())
}

fn read_json(path: &Path, options: &ReadOptions, corpus: &mut Corpus) -> Result<(), CorpusError> {
    let document: Value = serde_json::from_reader(open(path)?)
        .map_err(|e| CorpusError::content(path, format!("not a JSON document: {e}")))?;
    let Value::Array(items) = document else {
        return Err(CorpusError::content(
            path,
            "expected a JSON array of strings or objects; one value per line is .jsonl",
        ));
    };
    for (i, item) in items.iter().enumerate() {
        if options.is_full(corpus) {
            break;
        }
        corpus.report.read += 1;
        match json_example(item, options) {
            Ok(example) => corpus.keep(example),
            Err(message) => corpus.report.problem(path, i + 1, message),
        }
    }
    Ok(())
}

/// The example in a JSON value: a string, or an object with a text field.
fn json_example(value: &Value, options: &ReadOptions) -> Result<Example, String> {
    if let (Value::String(text), None, None) = (value, &options.column, &options.label) {
        return Ok(Example { text: text.clone(), label: None });
    }
    let field = |column: &Column| -> Result<&Value, String> {
        let found = match (column, value) {
            (Column::Name(name), Value::Object(object)) => object.get(name),
            (Column::Number(n), Value::Object(object)) => object.values().nth(*n),
            (Column::Number(n), Value::Array(items)) => items.get(*n),
            _ => None,
        };
        found.ok_or_else(|| match column {
            Column::Name(name) => format!("no field `{name}`"),
            Column::Number(n) => format!("no field number {n}"),
        })
    };
    let text = match (&options.column, value) {
        (Some(column), _) => field(column)?,
        (None, Value::Object(object)) => TEXT_NAMES
            .iter()
            .find_map(|name| object.get(*name))
            .ok_or_else(|| "no field `text`: name the column of the text".to_owned())?,
        (None, other) => other,
    };
    let Value::String(text) = text else {
        return Err("the text is not a string".to_owned());
    };
    let label = match &options.label {
        Some(column) => Some(match field(column)? {
            Value::String(label) => label.clone(),
            other => other.to_string(),
        }),
        None => None,
    };
    Ok(Example { text: text.clone(), label })
}
