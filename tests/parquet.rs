//! Parquet files as data sets: columns by name and kind, empty and broken values, every compression, damaged files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tvae_tui::corpus::{read, Column, ReadOptions};

const SCHEMA: &str = "message rows {
    REQUIRED INT64 kind;
    OPTIONAL BYTE_ARRAY title (UTF8);
    REQUIRED BYTE_ARRAY body;
    OPTIONAL group tags (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (UTF8); } }
}";

/// Two row groups of `SCHEMA`; every third title is empty and the body of row 1 is no UTF-8.
fn write(dir: &Path, compression: Compression) -> PathBuf {
    let path = dir.join("rows.parquet");
    let schema = Arc::new(parse_message_type(SCHEMA).expect("schema"));
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let file = std::fs::File::create(&path).expect("file");
    let mut writer = SerializedFileWriter::new(file, schema, properties).expect("writer");
    for group in 0..2_i64 {
        let mut rows = writer.next_row_group().expect("group");
        let mut column = rows.next_column().expect("column").expect("kind");
        column.typed::<Int64Type>().write_batch(&[group, 7, 9], None, None).expect("kind");
        column.close().expect("kind");
        let titles: Vec<ByteArray> =
            (0..2).map(|i| ByteArray::from(format!("title {group}{i}").as_str())).collect();
        let mut column = rows.next_column().expect("column").expect("title");
        let title = column.typed::<ByteArrayType>();
        title.write_batch(&titles, Some(&[1, 1, 0]), None).expect("title");
        column.close().expect("title");
        let bodies = [&b"body"[..], &b"\xff\xfe"[..], "naïve".as_bytes()];
        let bodies = bodies.map(|b| ByteArray::from(b.to_vec()));
        let mut column = rows.next_column().expect("column").expect("body");
        column.typed::<ByteArrayType>().write_batch(&bodies, None, None).expect("body");
        column.close().expect("body");
        let mut column = rows.next_column().expect("column").expect("tags");
        let tags = column.typed::<ByteArrayType>();
        tags.write_batch(&[], Some(&[0, 0, 0]), Some(&[0, 0, 0])).expect("tags");
        column.close().expect("tags");
        rows.close().expect("group");
    }
    writer.close().expect("file");
    path
}

fn column(name: &str) -> ReadOptions {
    ReadOptions { column: Some(Column::Name(name.to_owned())), ..ReadOptions::default() }
}

#[test]
fn a_column_of_strings_in_every_compression() {
    let dir = tempfile::tempdir().expect("folder");
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::ZSTD(parquet::basic::ZstdLevel::default()),
    ] {
        let path = write(dir.path(), compression);
        let corpus = read(&path, &column("title")).expect("read");
        let texts: Vec<&str> = corpus.examples.iter().map(|e| e.text.as_str()).collect();
        assert_eq!(texts, ["title 00", "title 01", "title 10", "title 11"]);
        assert_eq!((corpus.report.read, corpus.report.skipped), (6, 2));
        assert_eq!(corpus.report.problems[1].line, 6);
        assert!(corpus.report.problems[0].message.contains("missing"));
        let limited = ReadOptions { limit: Some(3), ..column("title") };
        assert_eq!(read(&path, &limited).expect("read").examples.len(), 3);
    }
}

#[test]
fn bytes_are_texts_where_they_are_and_numbers_can_be_labels() {
    let dir = tempfile::tempdir().expect("folder");
    let path = write(dir.path(), Compression::SNAPPY);
    let options = ReadOptions { label: Some(Column::Number(0)), ..column("body") };
    let corpus = read(&path, &options).expect("read");
    let rows: Vec<_> =
        corpus.examples.iter().map(|e| (e.text.as_str(), e.label.as_deref())).collect();
    let rest = [("naïve", Some("9")), ("body", Some("1")), ("naïve", Some("9"))];
    assert_eq!(rows[..1], [("body", Some("0"))]);
    assert_eq!(rows[1..], rest);
    assert_eq!(corpus.report.problems[0].message, "not valid UTF-8");
    // Without a name the last column of strings is taken.
    assert_eq!(read(&path, &ReadOptions::default()).expect("read").examples.len(), 4);
}

#[test]
fn other_columns_are_refused_with_those_there_are() {
    let dir = tempfile::tempdir().expect("folder");
    let path = write(dir.path(), Compression::SNAPPY);
    for (name, why) in [
        ("text", "there is no column `text`"),
        ("kind", "holds no strings"),
        ("tags", "holds no strings"),
    ] {
        let error = read(&path, &column(name)).expect_err(name).to_string();
        assert!(error.contains(why), "{error}");
        let columns = "columns of strings: title, body; other columns: kind, tags";
        assert!(error.contains(columns), "{error}");
    }
    let label = ReadOptions { label: Some(Column::Name("tags".into())), ..column("body") };
    assert!(read(&path, &label).expect_err("a list").to_string().contains("tags"));
}

#[test]
fn a_damaged_file_is_an_error_or_gives_rows_but_never_a_panic() {
    let dir = tempfile::tempdir().expect("folder");
    let path = write(dir.path(), Compression::SNAPPY);
    let whole = std::fs::read(&path).expect("bytes");
    let mut errors = 0;
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).expect("written");
        errors += usize::from(read(&path, &column("title")).is_err());
    }
    assert!(errors > whole.len() / 10, "{errors} of {}", whole.len());
    for length in [0, 3, 4, 11, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("written");
        let error = read(&path, &column("title")).expect_err("cut short").to_string();
        assert!(error.contains("rows.parquet") && error.contains("damaged"), "{error}");
    }
}
