//! Reading data sets: every layout and compression, bad rows with their lines, files that lie.

mod shared_data;

use std::io::Write;
use std::path::{Path, PathBuf};

use shared_data::shared_data;
use tvae_tui::corpus::mnist_text::{Digit, Direction, Size};
use tvae_tui::corpus::{idx, read, Column, Corpus, Header, ReadOptions};

fn write(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    let bytes = if name.ends_with(".gz") {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(content).expect("gzip");
        gz.finish().expect("gzip")
    } else if name.ends_with(".zst") {
        zstd::encode_all(content, 1).expect("zstd")
    } else {
        content.to_vec()
    };
    std::fs::write(&path, bytes).expect("written");
    path
}

fn texts(corpus: &Corpus) -> Vec<&str> {
    corpus.examples.iter().map(|e| e.text.as_str()).collect()
}

#[test]
fn every_layout_in_every_compression() {
    let dir = tempfile::tempdir().expect("folder");
    for ending in ["", ".gz", ".zst"] {
        for (name, content) in [
            ("a.txt", "one\r\ntwo\n\nthree"),
            ("a.jsonl", "\"one\"\n{\"text\": \"two\", \"n\": 1}\n{\"text\": \"three\"}\n"),
            ("a.json", "[\"one\", {\"text\": \"two\"}, \"three\"]"),
            ("a.csv", "id,text\n1,one\n2,\"two\"\n3,three\n"),
            ("a.tsv", "x\tone\ny\ttwo\nz\tthree\n"),
        ] {
            let path = write(dir.path(), &format!("{name}{ending}"), content.as_bytes());
            let corpus = read(&path, &ReadOptions::default()).expect("read");
            assert_eq!(texts(&corpus), ["one", "two", "three"], "{name}{ending}");
            assert_eq!((corpus.report.kept, corpus.report.skipped), (3, 0));
            let limited = ReadOptions { limit: Some(2), ..ReadOptions::default() };
            assert_eq!(read(&path, &limited).expect("read").examples.len(), 2);
        }
    }
}

#[test]
fn columns_and_labels_by_name_and_by_number() {
    let dir = tempfile::tempdir().expect("folder");
    let csv = write(dir.path(), "t.csv", b"kind,body\nA,\"one, two\"\nB,three\n");
    let tsv = write(dir.path(), "t.tsv", b"A\tone, two\nB\tthree\n");
    let jsonl = write(
        dir.path(),
        "t.jsonl",
        b"{\"kind\":\"A\",\"body\":\"one, two\"}\n{\"kind\":\"B\",\"body\":\"three\"}\n",
    );
    let by_name = |text: &str, label: &str| ReadOptions {
        column: Some(Column::Name(text.into())),
        label: Some(Column::Name(label.into())),
        ..ReadOptions::default()
    };
    let by_number = ReadOptions {
        column: Some(Column::Number(1)),
        label: Some(Column::Number(0)),
        ..ReadOptions::default()
    };
    for (path, options) in [
        (&csv, by_name("body", "kind")),
        (&csv, by_number.clone()),
        (&tsv, by_number.clone()),
        (&jsonl, by_name("body", "kind")),
    ] {
        let corpus = read(path, &options).expect("read");
        let labels: Vec<_> = corpus.examples.iter().map(|e| e.label.as_deref()).collect();
        assert_eq!(
            (texts(&corpus), labels),
            (vec!["one, two", "three"], vec![Some("A"), Some("B")])
        );
    }
    let missing = read(&csv, &by_name("nothing", "kind")).expect_err("no such column").to_string();
    assert!(missing.contains("nothing") && missing.contains("kind, body"), "{missing}");
    let headerless = ReadOptions { header: Header::No, ..by_name("body", "kind") };
    assert!(read(&tsv, &headerless).is_err());
}

#[test]
fn bad_rows_are_counted_told_and_skipped() {
    let dir = tempfile::tempdir().expect("folder");
    let text = write(dir.path(), "t.txt", b"good\nb\xffd\nalso good\n");
    let tsv = write(dir.path(), "t.tsv", b"a\tone\nb\nc\tthree\n");
    let jsonl = write(dir.path(), "t.jsonl", b"\"one\"\n{broken\n{\"other\": 1}\n\"four\"\n");
    for (path, kept, lines) in [(&text, 2, vec![2]), (&tsv, 2, vec![2]), (&jsonl, 2, vec![2, 3])] {
        let report = read(path, &ReadOptions::default()).expect("read").report;
        let told: Vec<usize> = report.problems.iter().map(|p| p.line).collect();
        assert_eq!((report.kept, report.skipped, told), (kept, lines.len(), lines));
        assert!(report.problems[0].to_string().contains(&format!("{}:2", path.display())));
    }
}

#[test]
fn files_that_are_not_what_they_say_are_errors() {
    let dir = tempfile::tempdir().expect("folder");
    let plain = dir.path().join("lines.txt.zst");
    std::fs::write(&plain, "x = 1\n").expect("written");
    let image = dir.path().join("picture.txt");
    std::fs::write(&image, [0x89, b'P', b'N', b'G', 0, 0, 0]).expect("written");
    let object = write(dir.path(), "o.json", b"{\"text\": \"x\"}");
    let broken = write(dir.path(), "b.json", b"[\"x\"");
    let cut = dir.path().join("cut.txt.gz");
    let whole =
        std::fs::read(write(dir.path(), "w.txt.gz", &b"line of text\n".repeat(5000))).expect("gz");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    for (path, word) in [
        (&plain, "zstd"),
        (&image, "no text"),
        (&object, "array"),
        (&broken, "JSON"),
        (&cut, "cut short"),
        (&empty, "*.py"),
        (&dir.path().join("nowhere.txt"), "nowhere.txt"),
    ] {
        let message = read(path, &ReadOptions::default()).expect_err("an error").to_string();
        assert!(message.contains(word), "{message}");
    }
    // Content decides on compression; the name only where it promises some.
    std::fs::write(dir.path().join("really.txt"), &whole).expect("written");
    let corpus = read(&dir.path().join("really.txt"), &ReadOptions::default()).expect("read");
    assert_eq!(corpus.examples.len(), 5000);
}

#[test]
fn python_sources_follow_the_extraction_rule() {
    let dir = tempfile::tempdir().expect("folder");
    let source = "'''doc\nx = hidden\n'''\nimport os\nx = 1\nvalue = compute(x)  # why\nname\n\
        if value:\n    return value + 1\ntext = \"a\" \\\n  \"b\"\ncall('''one''' + rest)\n\
        bad = ('open\nimport os\nself.total\nf(\n";
    write(dir.path(), "pkg/a.py", source.as_bytes());
    write(dir.path(), "pkg/b.py", b"import os\nother = value - 1\n");
    for skipped in [
        "pkg/vendor/c.py",
        "pkg/_vendor/c.py",
        "pkg/Third_Party/c.py",
        "pkg/templates/c.py",
        "pkg/x_pb2.py",
        "pkg/six.py",
        "pkg/a_version.py",
        "x-1.0.dist-info/c.py",
    ] {
        write(dir.path(), skipped, b"skipped = value + 1\n");
    }
    write(dir.path(), "pkg/made.py", b"# Automatically Generated\nmade = value + 1\n");
    std::fs::write(dir.path().join("pkg/z.py"), b"ok = 1\nbad\xff = 2\n").expect("written");
    let corpus = read(dir.path(), &ReadOptions::default()).expect("read");
    assert_eq!(
        texts(&corpus),
        [
            "import os",
            "value = compute(x)  # why",
            "return value + 1",
            "call('''one''' + rest)",
            "self.total",
            "other = value - 1"
        ]
    );
    assert_eq!((corpus.report.skipped, corpus.report.problems[0].line), (1, 2));
}

fn idx_file(magic: u32, count: u32, rest: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> =
        [magic, count].iter().chain(rest).flat_map(|n| n.to_be_bytes()).collect();
    out.extend(body);
    out
}

#[test]
fn digits_come_from_idx_files_and_lies_in_them_are_errors() {
    let dir = tempfile::tempdir().expect("folder");
    let pixels: Vec<u8> = (0..2 * 784).map(|i| (i * 31 % 256) as u8).collect();
    let images =
        write(dir.path(), "t-images-idx3-ubyte.gz", &idx_file(2051, 2, &[28, 28], &pixels));
    let labels = write(dir.path(), "t-labels-idx1-ubyte.gz", &idx_file(2049, 2, &[], &[7, 3]));
    for path in [dir.path(), images.as_path()] {
        let corpus = read(path, &ReadOptions::default()).expect("read");
        assert_eq!(corpus.examples.len(), 4);
        assert_eq!(corpus.examples[2].label.as_deref(), Some("3"));
        assert!(corpus.examples[0].text.starts_with("00 down "));
        assert!(corpus.examples[1].text.starts_with("13 up "));
    }
    write(dir.path(), "t-labels-idx1-ubyte.gz", &idx_file(2049, 3, &[], &[7, 3, 1]));
    assert!(read(&images, &ReadOptions::default()).is_err());
    write(dir.path(), "t-labels-idx1-ubyte.gz", &idx_file(2049, 2, &[], &[7, 30]));
    assert!(idx::read_labels(&labels).is_err());
    for lie in [
        idx_file(2049, 2, &[28, 28], &pixels),
        idx_file(2051, 3, &[28, 28], &pixels),
        idx_file(2051, 1, &[28, 28], &pixels),
        idx_file(2051, 2, &[32, 32], &pixels),
    ] {
        write(dir.path(), "t-images-idx3-ubyte.gz", &lie);
        assert!(idx::read_images(&images).is_err());
    }
}

#[test]
fn digits_as_text_are_exact_both_ways() {
    let mut sets = vec![(0..3 * 784).map(|i| (i * 131 % 256) as u8).collect::<Vec<u8>>()];
    if let Some(valid) = shared_data("mnist/valid-images-idx3-ubyte.gz") {
        sets.push(idx::read_images(&valid).expect("the digits"));
    }
    for image in sets.iter().flat_map(|s| s.chunks_exact(784)) {
        for size in Size::ALL {
            let digit = Digit::from_pixels(image, size);
            for direction in [Direction::Down, Direction::Up] {
                assert_eq!(Digit::read(&digit.write(direction), size), (digit.clone(), direction));
            }
        }
    }
}

#[test]
fn broken_digits_are_read_as_far_as_they_go() {
    let size = Size::Tiny;
    let (digit, direction) = Digit::read("00 down ! a !! ? a\nx up a", size);
    assert_eq!(direction, Direction::Up);
    // The last line read says `up`: the picture is turned over.
    assert_eq!(digit.levels[8 * 9..8 * 9 + 5], [0, 64, 0, 30, 64]);
    assert_eq!(digit.levels[7 * 9], 64);
    let (empty, direction) = Digit::read("", size);
    assert!(empty.levels.iter().all(|l| *l == 0) && direction == Direction::Down);
    let long = format!("{}\n", "00 down a a a a a a a a a a a a").repeat(20);
    assert!(Digit::read(&long, size).0.levels.iter().all(|l| *l == 64));
}
