//! `data`: MNIST's IDX files as a data set of texts, texts of digits as PNG, and PNG as texts again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{ensure, Context};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{json, Value};

use crate::corpus::digit_png::DigitPng;
use crate::corpus::mnist_text::{Digit, Direction, Size};
use crate::corpus::{idx, read, write_rows, Column, Corpus, Example, Layout, ReadOptions};
use crate::domain::{domain, Picture};
use crate::model::write_atomically;
use crate::report::scaled_sheet;

#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    what: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Write the digits of IDX files as texts with their labels, as `train --data` and `eval --data` read them
    Mnist(MnistArgs),
    /// Draw texts of digits: on one sheet, or a small PNG for each, which `data text` reads back exactly
    Png(PngArgs),
    /// Read grey PNG files of 28×28, 14×14 or 9×9 pixels and write them as texts
    Text(TextArgs),
}

#[derive(Debug, Args)]
struct MnistArgs {
    /// A folder of MNIST's files (training ones first), or a file *-images-idx3-ubyte with its labels beside it
    #[arg(long, value_name = "FOLDER|FILE")]
    data: PathBuf,
    /// Pixels of a side: 28 as they are, 14 by 2×2 maximum pooling, 9 by 3×3
    #[arg(long, default_value = "14", value_parser = side)]
    size: Size,
    /// Reading order of the rows; both: every digit twice, downward first
    #[arg(long, value_enum, default_value_t = Order::Both)]
    direction: Order,
    /// Digits that are read at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    out: RowsOut,
}

#[derive(Debug, Args)]
struct PngArgs {
    /// Texts of digits: a file with columns `text` and, where there are labels, `label`
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// A sheet, NAME.png, or a folder for a file per digit
    #[arg(long, value_name = "SHEET.png|FOLDER")]
    out: PathBuf,
    /// Digits of a row of the sheet
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    columns: u16,
    /// Side of a pixel's square on the sheet
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    scale: u16,
    /// Texts that are read at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Print one JSON document on what was written
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct TextArgs {
    /// A PNG file, or a folder of them, taken in the order of their names
    #[arg(long, value_name = "FOLDER|FILE.png")]
    data: PathBuf,
    /// Reading order of the rows; as each file says where it is not given
    #[arg(long, value_enum)]
    direction: Option<Order>,
    #[command(flatten)]
    out: RowsOut,
}

/// Where texts are written to.
#[derive(Debug, Args)]
struct RowsOut {
    /// The data set: NAME.jsonl or NAME.csv, also with .gz or .zst behind it
    #[arg(long, value_name = "FILE", value_parser = rows_file)]
    out: PathBuf,
    /// Print one JSON document on what was written
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Down,
    Up,
    Both,
}

impl Order {
    fn directions(self) -> &'static [Direction] {
        match self {
            Self::Down => &[Direction::Down],
            Self::Up => &[Direction::Up],
            Self::Both => &[Direction::Down, Direction::Up],
        }
    }
}

fn side(text: &str) -> Result<Size, String> {
    let side: Option<usize> = text.parse().ok();
    let size = Size::ALL.into_iter().find(|size| Some(size.side()) == side);
    size.ok_or_else(|| "expected 28, 14 or 9".to_owned())
}

fn rows_file(name: &str) -> Result<PathBuf, String> {
    Layout::of(Path::new(name)).map(|_| PathBuf::from(name))
}

pub fn run(args: &DataArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        DataCommand::Mnist(args) => mnist(args)?,
        DataCommand::Png(args) => png(args)?,
        DataCommand::Text(args) => text(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn mnist(args: &MnistArgs) -> anyhow::Result<()> {
    let (pixels, labels) = idx::read_pair(&args.data)?;
    let count = limit(args.limit).min(labels.len());
    let digits = pixels.chunks_exact(784).zip(&labels).take(count);
    let rows = digits.flat_map(|(pixels, label)| {
        let digit = Digit::from_pixels(pixels, args.size);
        let row = move |direction: &Direction| Example {
            text: digit.write(*direction),
            label: Some(label.to_string()),
        };
        args.direction.directions().iter().map(row)
    });
    let written = write_rows(&args.out.out, rows)?;
    let size = args.size.side();
    tell(
        args.out.json,
        &json!({ "digits": count, "texts": written, "size": size, "out": shown(&args.out.out) }),
        &format!("{written} texts of {count} digits, {size}×{size}, in {}", args.out.out.display()),
    );
    Ok(())
}

/// Texts of digits with their labels, where the file has any.
fn digits(path: &Path, limit: usize) -> anyhow::Result<Corpus> {
    let label = Some(Column::Name("label".to_owned()));
    let options = ReadOptions { limit: Some(limit), ..ReadOptions::default() };
    let labelled = read(path, &ReadOptions { label, ..options.clone() });
    let corpus = match labelled {
        Ok(corpus) if corpus.report.skipped == 0 && !corpus.examples.is_empty() => corpus,
        _ => read(path, &options)?,
    };
    for problem in &corpus.report.problems {
        eprintln!("skipped {problem}");
    }
    ensure!(!corpus.examples.is_empty(), "{}: no texts were found in it", path.display());
    Ok(corpus)
}

fn png(args: &PngArgs) -> anyhow::Result<()> {
    let corpus = digits(&args.data, limit(args.limit))?;
    let mnist = domain("mnist")?;
    let broken = corpus.examples.iter().filter(|e| !mnist.verdict(&e.text).is_valid()).count();
    let read = |example: &Example| {
        let (digit, direction) = Digit::read(&example.text, Size::of_text(&example.text));
        DigitPng { digit, direction, label: example.label.clone() }
    };
    let count = corpus.examples.len();
    let ending = args.out.extension().map(|e| e.to_ascii_lowercase());
    let mut document = json!({ "digits": count, "broken": broken, "out": shown(&args.out) });
    let words = if ending.is_some_and(|ending| ending == "png") {
        let pictures: Vec<Picture> =
            corpus.examples.iter().map(|e| Picture::from(&read(e).digit)).collect();
        let rows: Vec<Vec<Picture>> =
            pictures.chunks(usize::from(args.columns)).map(<[Picture]>::to_vec).collect();
        let sheet = scaled_sheet(&rows, usize::from(args.scale))?;
        write_atomically(&args.out, &sheet.bytes).context("the sheet cannot be written")?;
        document["width"] = sheet.width.into();
        document["height"] = sheet.height.into();
        format!("{count} digits on a sheet of {}×{} pixels", sheet.width, sheet.height)
    } else {
        one_by_one(&args.out, corpus.examples.iter().map(read))?;
        format!("{count} digits, a file each")
    };
    let lenient = if broken > 0 {
        format!("; {broken} broken texts as far as they go")
    } else {
        String::new()
    };
    tell(args.json, &document, &format!("{words}, in {}{lenient}", args.out.display()));
    Ok(())
}

/// A file per digit, named by its number, label and direction.
fn one_by_one(folder: &Path, digits: impl Iterator<Item = DigitPng>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let mut entries = std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    ensure!(
        entries.next().is_none(),
        "--out {}: the folder is not empty: give a new one",
        folder.display()
    );
    for (number, digit) in digits.enumerate() {
        // A label may be anything; only its plain characters may be part of a name.
        let plain = |label: &String| -> String {
            label.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
        };
        let label = digit.label.as_ref().map(plain).filter(|label| !label.is_empty());
        let label = label.map_or_else(String::new, |label| format!("-{label}"));
        let file = folder.join(format!("{number:06}{label}-{}.png", digit.direction.word()));
        let bytes = digit.encode().with_context(|| format!("the text of number {number}"))?;
        std::fs::write(&file, bytes).with_context(|| format!("{}", file.display()))?;
    }
    Ok(())
}

fn text(args: &TextArgs) -> anyhow::Result<()> {
    let mut files = vec![args.data.clone()];
    if args.data.is_dir() {
        let entries = std::fs::read_dir(&args.data)?.collect::<Result<Vec<_>, _>>()?;
        let is_png =
            |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
        files = entries.into_iter().map(|entry| entry.path()).filter(is_png).collect();
        files.sort();
        ensure!(!files.is_empty(), "{}: there are no *.png in this folder", args.data.display());
    }
    let mut rows = Vec::with_capacity(files.len());
    for file in &files {
        let bytes = std::fs::read(file).with_context(|| format!("{}", file.display()))?;
        let png = DigitPng::decode(&bytes).with_context(|| format!("{}", file.display()))?;
        let directions = match args.direction {
            Some(order) => order.directions(),
            None => std::slice::from_ref(&png.direction),
        };
        rows.extend(directions.iter().map(|&direction| Example {
            text: png.digit.write(direction),
            label: png.label.clone(),
        }));
    }
    let written = write_rows(&args.out.out, rows)?;
    tell(
        args.out.json,
        &json!({ "digits": files.len(), "texts": written, "out": shown(&args.out.out) }),
        &format!("{written} texts of {} digits in {}", files.len(), args.out.out.display()),
    );
    Ok(())
}

fn limit(given: Option<u64>) -> usize {
    given.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn shown(path: &Path) -> Value {
    path.display().to_string().into()
}

/// What was written: as JSON on standard output, or in words on standard error.
fn tell(as_json: bool, document: &Value, words: &str) {
    if as_json {
        println!("{document}");
    } else {
        eprintln!("wrote {words}");
    }
}
