//! Parquet files: a column of strings, and a column of plain values as the label.

use std::fs::File;
use std::path::Path;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::{Column, Corpus, CorpusError, Example, ReadOptions, TEXT_NAMES};

/// Rows that are read at once.
const BLOCK: usize = 4096;

/// Reads one file.
pub(super) fn read_parquet(path: &Path, options: &ReadOptions) -> Result<Corpus, CorpusError> {
    // The decoder of the pages trusts their lengths: in a damaged file it can panic.
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_rows(path, options)));
    read.unwrap_or_else(|_| {
        Err(CorpusError::content(path, "a page cannot be read; the file is damaged"))
    })
}

fn read_rows(path: &Path, options: &ReadOptions) -> Result<Corpus, CorpusError> {
    let damaged = |e: ParquetError| {
        CorpusError::content(path, format!("{e}; the file is damaged or no parquet file"))
    };
    let file = File::open(path).map_err(|e| CorpusError::io(path, e))?;
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = Columns::find(path, schema, options)?;
    let mut corpus = Corpus::default();
    let mut row = 0;
    for group in 0..reader.num_row_groups() {
        if options.is_full(&corpus) {
            break;
        }
        let group = reader.get_row_group(group).map_err(damaged)?;
        let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut texts = group.get_column_reader(columns.text).map_err(damaged)?;
        let mut labels = match columns.label {
            Some(label) => Some(group.get_column_reader(label).map_err(damaged)?),
            None => None,
        };
        while left > 0 && !options.is_full(&corpus) {
            let block = left.min(BLOCK);
            left -= block;
            let texts = cells(&mut texts, block).map_err(damaged)?;
            let labels = match &mut labels {
                Some(labels) => {
                    cells(labels, block).map_err(damaged)?.into_iter().map(Some).collect()
                }
                None => vec![None; texts.len()],
            };
            if texts.len() != block || labels.len() != block {
                return Err(CorpusError::content(
                    path,
                    format!("after row {row}: rows are missing; the file is damaged"),
                ));
            }
            for (text, label) in texts.into_iter().zip(labels) {
                row += 1;
                if options.is_full(&corpus) {
                    break;
                }
                corpus.report.read += 1;
                let example = match (text, label) {
                    (Cell::Text(text), None) => Ok(Example { text, label: None }),
                    (Cell::Text(text), Some(Cell::Text(label))) => {
                        Ok(Example { text, label: Some(label) })
                    }
                    (Cell::Text(_), Some(_)) => Err("the label is missing"),
                    (Cell::Missing, _) => Err("the text is missing"),
                    (Cell::NotUtf8, _) => Err("not valid UTF-8"),
                };
                match example {
                    Ok(example) => corpus.keep(example),
                    Err(message) => corpus.report.problem(path, row, message),
                }
            }
        }
    }
    Ok(corpus)
}

/// A value of a row.
#[derive(Debug, Clone)]
enum Cell {
    Text(String),
    Missing,
    NotUtf8,
}

/// The next so many rows of a column.
fn cells(reader: &mut ColumnReader, rows: usize) -> Result<Vec<Cell>, ParquetError> {
    fn shown<T: ToString>(value: T) -> Cell {
        Cell::Text(value.to_string())
    }
    match reader {
        ColumnReader::ByteArrayColumnReader(r) => values(r, rows, |bytes: ByteArray| {
            std::str::from_utf8(bytes.data()).map_or(Cell::NotUtf8, shown)
        }),
        ColumnReader::BoolColumnReader(r) => values(r, rows, shown),
        ColumnReader::Int32ColumnReader(r) => values(r, rows, shown),
        ColumnReader::Int64ColumnReader(r) => values(r, rows, shown),
        ColumnReader::FloatColumnReader(r) => values(r, rows, shown),
        ColumnReader::DoubleColumnReader(r) => values(r, rows, shown),
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            Err(ParquetError::General("a column of neither strings nor plain numbers".to_owned()))
        }
    }
}

/// The next so many rows of a column; a row that the levels call empty takes no value.
fn values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    cell: impl Fn(T::T) -> Cell,
) -> Result<Vec<Cell>, ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, _, _) =
            reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    if levels.is_empty() {
        return Ok(values.into_iter().map(cell).collect());
    }
    let mut values = values.into_iter();
    Ok(levels
        .into_iter()
        .map(
            |level| {
                if level > 0 {
                    values.next().map_or(Cell::Missing, &cell)
                } else {
                    Cell::Missing
                }
            },
        )
        .collect())
}

/// Which columns hold text and label, by their places among the leaves of the schema.
struct Columns {
    text: usize,
    label: Option<usize>,
}

impl Columns {
    fn find(
        path: &Path,
        schema: &SchemaDescriptor,
        options: &ReadOptions,
    ) -> Result<Self, CorpusError> {
        let fields = schema.root_schema().get_fields();
        let (strings, others): (Vec<_>, Vec<_>) = fields.iter().partition(|field| is_text(field));
        let named = |fields: &[&std::sync::Arc<Type>]| -> String {
            let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let fail = |what: String| {
            let (texts, rest) = (named(&strings), named(&others));
            CorpusError::content(
                path,
                format!("{what}; columns of strings: {texts}; other columns: {rest}"),
            )
        };
        let find = |column: &Column| {
            let found = match column {
                Column::Name(name) => fields.iter().find(|field| field.name() == name),
                Column::Number(n) => fields.get(*n),
            };
            found.ok_or_else(|| match column {
                Column::Name(name) => fail(format!("there is no column `{name}`")),
                Column::Number(n) => fail(format!("there is no column {n}")),
            })
        };
        let text = match &options.column {
            Some(column) => {
                let field = find(column)?;
                if !is_text(field) {
                    return Err(fail(format!("the column `{}` holds no strings", field.name())));
                }
                field
            }
            None => TEXT_NAMES
                .iter()
                .find_map(|name| {
                    strings.iter().find(|field| field.name().eq_ignore_ascii_case(name)).copied()
                })
                .or(strings.last().copied())
                .ok_or_else(|| fail("there is no column of strings".to_owned()))?,
        };
        let leaf = |field: &Type| {
            (0..schema.num_columns())
                .find(|&i| schema.column(i).path().parts() == [field.name().to_owned()])
                .ok_or_else(|| fail(format!("the column `{}` is nested", field.name())))
        };
        let label = match &options.label {
            Some(column) => {
                let field = find(column)?;
                if !is_plain(field) {
                    return Err(fail(format!(
                        "the column `{}` holds neither strings nor numbers",
                        field.name()
                    )));
                }
                Some(leaf(field)?)
            }
            None => None,
        };
        Ok(Self { text: leaf(text)?, label })
    }
}

/// Whether a column has one plain value per row, at most.
fn is_plain(field: &Type) -> bool {
    let info = field.get_basic_info();
    field.is_primitive()
        && !(info.has_repetition() && info.repetition() == Repetition::REPEATED)
        && !matches!(field.get_physical_type(), Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY)
}

/// Whether a column holds strings. Old writers do not say that their bytes are text.
fn is_text(field: &Type) -> bool {
    is_plain(field)
        && field.get_physical_type() == Physical::BYTE_ARRAY
        && matches!(
            field.get_basic_info().logical_type_ref(),
            None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
        )
}
