//! Palettes and digits from the command line: the real program.

mod shared_data;

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use shared_data::shared_data;
use tvae_tui::corpus::mnist_text::{Digit, Direction, Size};
use tvae_tui::corpus::{idx, read, Column, Example, ReadOptions};
use tvae_tui::domain::domain;
use tvae_tui::engine::pool::Pool;
use tvae_tui::engine::{LatentModel, LoadedModel};

fn tvae() -> Command {
    Command::cargo_bin("tvae-tui").expect("the program")
}

fn text(args: &[&str]) -> String {
    let run = tvae().args(args).assert().success();
    String::from_utf8(run.get_output().stdout.clone()).expect("text")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(args)).expect("one JSON document")
}

fn failed(args: &[&str], code: i32) -> String {
    let run = tvae().args(args).assert().code(code);
    assert!(run.get_output().stdout.is_empty());
    String::from_utf8_lossy(&run.get_output().stderr).into_owned()
}

/// A model of digits after a few steps; it draws nothing good, but digits of the right size.
fn digits_model(folder: &Path) -> String {
    let out = folder.join("digits").display().to_string();
    let sets = [
        "d_model=32",
        "d_ff=64",
        "heads=2",
        "encoder_blocks=[1,1]",
        "decoder_layers=1",
        "latent_tokens=2",
        "latent_size=8",
        "batch=8",
        "held_out=8",
        "pairs=2",
        "final_pairs=2",
    ];
    let mut train = tvae();
    train.args(["train", "--data", "samples", "--domain", "mnist", "--preset", "tiny"]);
    train.args(["--steps", "4", "--out", &out]);
    for set in sets {
        train.args(["--set", set]);
    }
    train.assert().success();
    out
}

#[test]
fn a_palette_has_its_corners_where_the_ladders_have_their_ends() {
    let corners = ["x = 1", "return self.name", "import os", "assert value"];
    let args = |more: &[&'static str]| -> Vec<&str> {
        ["palette"].into_iter().chain(corners).chain(more.iter().copied()).collect()
    };
    let found = json(&args(&["--size", "3", "--json"]));
    assert_eq!(json(&args(&["--size", "3", "--json"])), found);
    let cells = found["cells"].as_array().expect("cells");
    assert_eq!((cells.len(), found["size"].as_u64()), (9, Some(3)));
    let cell = |x: usize, y: usize| cells[3 * y + x]["text"].as_str().expect("a text");
    assert_eq!((cells[5]["x"].as_f64(), cells[5]["y"].as_f64()), (Some(1.0), Some(0.5)));
    for (y, ends) in [(0, [0, 1]), (2, [2, 3])] {
        let ladder =
            json(&["interpolate", corners[ends[0]], corners[ends[1]], "--rungs", "3", "--json"]);
        for x in 0..3 {
            assert_eq!(ladder["rungs"][x]["text"].as_str(), Some(cell(x, y)));
        }
    }
    let table = text(&args(&["--size", "3"]));
    assert_eq!(table.lines().count(), 11);
    assert!(failed(&args(&["--size", "10"]), 2).contains("3 to 9"));
}

#[test]
fn a_sessions_palette_is_what_was_kept() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("s.json").display().to_string();
    let scene = serde_json::json!({
        "a": "x = 1", "b": "y = 2", "path": "all", "rungs": 5, "ratio": 0.5,
        "palette": { "c": "import os", "d": "sample:1", "size": 4 },
    });
    let session = serde_json::json!({ "version": 1, "model": "python", "scene": scene });
    std::fs::write(&file, session.to_string()).expect("written");
    let found = json(&["palette", "--session", &file, "--json"]);
    assert_eq!((found["size"].as_u64(), found["d"].as_str()), (Some(4), Some("sample:1")));
    let plain = ["palette", "x = 1", "y = 2", "import os", "text:sample:1", "--size", "4"];
    assert_eq!(json(&[&plain[..], &["--path", "all", "--json"]].concat()), found);
    failed(&["palette", "--session", &file, "x = 1"], 2);
}

#[test]
fn ends_are_texts_samples_labels_and_files() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("end.txt");
    std::fs::write(&file, "x = [1]\n").expect("written");
    let given = format!("file:{}", file.display());
    let found = json(&["interpolate", &given, "sample:3", "--rungs", "3", "--json"]);
    let samples = domain("python").expect("python").samples();
    assert_eq!(
        (found["a"].as_str(), found["b"].as_str()),
        (Some("x = [1]"), Some(&*samples[3].text))
    );
    let random = |a: &[&str]| json(&[&["interpolate", "--rungs", "3", "--json"], a].concat());
    assert_eq!(random(&["sample:random", "sample:random"]), random(&[]));
    assert_eq!(random(&["text:sample:3", "x"])["a"], "sample:3");
    assert!(failed(&["interpolate", "sample:100000"], 1).contains("A: there is no sample 100000"));
    assert!(failed(&["interpolate", "x", "sample:label=7"], 1).contains("B: the samples have no"));
    assert!(failed(&["palette", "x", "y", "file:/nowhere"], 1).contains("C: the file /nowhere"));
}

#[test]
fn digits_are_drawn_and_exported() {
    let dir = tempfile::tempdir().expect("folder");
    let model = digits_model(dir.path());
    let ends = ["sample:label=7", "sample:0", "sample:random", "sample:17"];
    let args = [&["palette", "-m", &model, "--size", "3"], &ends[..]].concat();
    let found = json(&[&args[..], &["--json"]].concat());
    let samples = domain("mnist").expect("mnist").samples_within(200);
    let seven = samples.iter().find(|s| found["a"] == s.text.as_str()).expect("a sample");
    assert_eq!(seven.label.as_deref(), Some("7"));
    assert_eq!(found["d"].as_str(), Some(samples[17].text.as_str()));
    let drawn = text(&args);
    // A caption and half as many lines as the highest digit of the row has, three times: one that does not end where it
    // should is read as a larger one.
    let height = |cell: &Value| cell["text"].as_str().map_or(0, |t| t.lines().count().div_ceil(2));
    let cells = found["cells"].as_array().expect("cells");
    let rows = cells.chunks(3).map(|row| 1 + row.iter().map(height).max().unwrap_or(0));
    assert_eq!(drawn.lines().count(), rows.sum::<usize>());
    assert!(drawn.contains("0.50 1.00"), "{drawn}");
    for name in ["p.png", "p.svg", "p.md", "p.json"] {
        let file = dir.path().join(name).display().to_string();
        assert!(text(&[&args[..], &["--export", &file]].concat()).is_empty());
        assert!(std::fs::metadata(&file).is_ok_and(|m| m.len() > 100), "{name}");
    }
    let strip = text(&["interpolate", "-m", &model, "sample:0", "sample:1", "--rungs", "3"]);
    assert!(
        strip.starts_with("0.00 ") && strip.contains("1.00 ") && !strip.contains('␊'),
        "{strip}"
    );
    let said = failed(&["palette", "-m", &model, "sample:label=x"], 1);
    assert!(said.contains("expected 0, 1, 2"), "{said}");
    // Label directions say where they lead, and the measured ones of digits are there.
    let model = LoadedModel::open(&model).expect("the model");
    let pool = Pool::encode(&model, model.samples(), &mut |_| true).expect("latents");
    let found = pool.expect("a whole pool").directions(model.domain());
    let names: Vec<&str> = found.iter().map(|direction| direction.name.as_str()).collect();
    let wanted = (0..10).map(|n| format!("more like {} {n}", if n == 8 { "an" } else { "a" }));
    for name in wanted.chain(["thickness", "slant", "width", "height"].map(str::to_owned)) {
        assert!(names.contains(&name.as_str()), "{name} in {names:?}");
    }
}

/// Some digits as IDX files, and their pixels.
fn idx_files(folder: &Path, images: &[u8], labels: &[u8]) {
    let file = |name: &str, head: &[u32], body: &[u8]| {
        let mut bytes: Vec<u8> = head.iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend(body);
        std::fs::write(folder.join(name), bytes).expect("written");
    };
    let count = labels.len() as u32;
    file("t-images-idx3-ubyte", &[2051, count, 28, 28], images);
    file("t-labels-idx1-ubyte", &[2049, count], labels);
}

/// From IDX files to texts, to PNG files and back to texts, by the program.
fn round_trip(folder: &Path, images: &[u8], labels: &[u8], size: Size, direction: Direction) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (side, rows, again) = (size.side().to_string(), path("d.jsonl.zst"), path("again.csv"));
    let source = folder.display().to_string();
    let told = json(&[
        "data",
        "mnist",
        "--data",
        &source,
        "--size",
        &side,
        "--direction",
        direction.word(),
        "--out",
        &rows,
        "--json",
    ]);
    assert_eq!(
        (told["texts"].as_u64(), told["size"].as_u64()),
        (Some(labels.len() as u64), side.parse().ok())
    );
    let wanted: Vec<Example> = images
        .chunks_exact(784)
        .zip(labels)
        .map(|(pixels, label)| Example {
            text: Digit::from_pixels(pixels, size).write(direction),
            label: Some(label.to_string()),
        })
        .collect();
    let labelled =
        ReadOptions { label: Some(Column::Name("label".into())), ..ReadOptions::default() };
    let back = |file: &str| read(Path::new(file), &labelled).expect("read").examples;
    assert!(back(&rows) == wanted);
    let folder = path("png");
    let told = json(&["data", "png", "--data", &rows, "--out", &folder, "--json"]);
    assert_eq!(
        (told["digits"].as_u64(), told["broken"].as_u64()),
        (Some(labels.len() as u64), Some(0))
    );
    assert!(text(&["data", "text", "--data", &folder, "--out", &again]).is_empty());
    assert!(back(&again) == wanted);
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn idx_to_text_to_png_and_back_is_exact() {
    let dir = tempfile::tempdir().expect("folder");
    let samples = domain("mnist").expect("mnist").samples_within(9_999);
    let pixels = |text: &str| -> Vec<u8> {
        let levels = Digit::read(text, Size::Default).0.levels;
        levels.into_iter().map(|level| (u32::from(level) * 255).div_ceil(64) as u8).collect()
    };
    let images: Vec<u8> = samples.iter().flat_map(|s| pixels(&s.text)).collect();
    let labels: Vec<u8> = samples.iter().filter_map(|s| s.label.as_ref()?.parse().ok()).collect();
    idx_files(dir.path(), &images, &labels);
    for size in Size::ALL {
        for direction in [Direction::Down, Direction::Up] {
            round_trip(dir.path(), &images, &labels, size, direction);
        }
    }
    let rows = dir.path().join("both.jsonl").display().to_string();
    let source = dir.path().display().to_string();
    let told =
        json(&["data", "mnist", "--data", &source, "--limit", "7", "--out", &rows, "--json"]);
    assert_eq!((told["digits"].as_u64(), told["texts"].as_u64()), (Some(7), Some(14)));
    let sheet = dir.path().join("sheet.png").display().to_string();
    let args = ["data", "png", "--data", &rows, "--columns", "5", "--scale", "2", "--out", &sheet];
    let told = json(&[&args[..], &["--json"]].concat());
    assert_eq!((told["width"].as_u64(), told["height"].as_u64()), (Some(74 * 2), Some(44 * 2)));
}

#[test]
fn every_held_out_digit_goes_to_text_and_png_and_back() {
    let (Some(images), Some(labels)) = (
        shared_data("mnist/valid-images-idx3-ubyte.gz"),
        shared_data("mnist/valid-labels-idx1-ubyte.gz"),
    ) else {
        return;
    };
    let images = idx::read_images(&images).expect("images");
    let labels = idx::read_labels(&labels).expect("labels");
    let dir = tempfile::tempdir().expect("folder");
    idx_files(dir.path(), &images, &labels);
    for (size, direction) in [
        (Size::Default, Direction::Up),
        (Size::Small, Direction::Down),
        (Size::Tiny, Direction::Up),
    ] {
        round_trip(dir.path(), &images, &labels, size, direction);
    }
}

#[test]
fn wrong_data_is_told() {
    let dir = tempfile::tempdir().expect("folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let source = dir.path().display().to_string();
    let said = failed(&["data", "mnist", "--data", &source, "--out", &path("x.tsv")], 2);
    assert!(said.contains(".jsonl"), "{said}");
    assert!(failed(&["data", "mnist", "--data", &source, "--size", "15", "--out", "x.csv"], 2)
        .contains("28, 14 or 9"));
    let said = failed(&["data", "mnist", "--data", &source, "--out", &path("x.jsonl")], 1);
    assert!(said.contains("idx3-ubyte"), "{said}");
    std::fs::write(path("a.jsonl"), "{\"text\": \"00 down ! a\"}\n").expect("written");
    let told =
        json(&["data", "png", "--data", &path("a.jsonl"), "--out", &path("a.png"), "--json"]);
    assert_eq!((told["digits"].as_u64(), told["broken"].as_u64()), (Some(1), Some(1)));
    let said = failed(&["data", "png", "--data", &path("a.jsonl"), "--out", &source], 1);
    assert!(said.contains("not empty"), "{said}");
    let said = failed(&["data", "text", "--data", &path("a.png"), "--out", &path("b.jsonl")], 1);
    assert!(said.contains("a.png") && said.contains("56×56"), "{said}");
}
