//! `train`: data to a model folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use candle_core::Device;
use clap::Args;
use indicatif::HumanCount;

use super::{source, Shown, INTERRUPTED};
use crate::corpus::hub::Split;
use crate::corpus::{read_source, Column, ReadOptions, Source};
use crate::domain::{domain, python_syntax, Codec, Domain};
use crate::model::TransformerVae;
use crate::numeric::Precision;
use crate::train::{
    encode_corpus, train, Budget, Checkpoint, Inputs, JsonLines, LogProgress, Preset, Progress,
    TerminalProgress, TrainConfig, TrainingData,
};

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Text lines, jsonl, json, csv, tsv (plain, .gz or .zst) or parquet, a folder of Python sources, a folder of MNIST
    /// files, or the train split of a data set of the Hugging Face hub
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    data: Source,
    /// Held-out lines, on the hub a validation or test split; without it some lines of the data are held out
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    valid: Option<Source>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Read at most so many lines
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What kind of sequences: python, mnist, headlines or text
    #[arg(long, short)]
    domain: Option<String>,
    /// Where all other options start from
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// Where the model is written
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// TOML file with options that replace the preset's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Train for so many minutes
    #[arg(long, conflicts_with = "steps")]
    minutes: Option<f64>,
    /// Train for so many steps
    #[arg(long)]
    steps: Option<usize>,
    /// Sequences per batch
    #[arg(long)]
    batch: Option<usize>,
    /// Peak learning rate
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of every random draw
    #[arg(long)]
    seed: Option<u64>,
    /// Parts of a batch computed side by side, one thread each
    #[arg(long)]
    shards: Option<usize>,
    /// Products with weights: f32 or bf16
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
    /// Where to train; cuda and metal are there in builds with the features of these names
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// A tokenizer.json to use instead of training one
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// A model folder whose weights and tokenizer the run starts from; its shape must be the configuration's
    #[arg(long, value_name = "FOLDER", conflicts_with = "tokenizer")]
    start_from: Option<PathBuf>,
    /// Go on from the checkpoint in the --out folder, with the configuration it was started with
    #[arg(long, conflicts_with_all = ["config", "preset", "batch", "learning_rate", "seed", "shards", "precision", "tokenizer", "start_from", "domain"])]
    resume: bool,
    /// Print the last figures as one JSON document
    #[arg(long)]
    json: bool,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DeviceName {
    /// The processor, with kernels of our own
    Cpu,
    /// An NVIDIA GPU
    Cuda,
    /// An Apple GPU
    Metal,
}

impl DeviceName {
    /// The first device of this kind.
    fn open(self) -> anyhow::Result<Device> {
        let (built, name) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda => (cfg!(feature = "cuda"), "cuda"),
            Self::Metal => (cfg!(feature = "metal"), "metal"),
        };
        anyhow::ensure!(
            built,
            "this build has no support for --device {name}: build with `cargo build --release --features {name}`"
        );
        let device = if self == Self::Cuda { Device::new_cuda(0) } else { Device::new_metal(0) };
        device.with_context(|| format!("--device {name}: the first device does not open"))
    }
}

pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("the folder {} cannot be made", args.out.display()))?;
    let resumed = if args.resume { Some(Checkpoint::load(&args.out)?) } else { None };
    if resumed.is_none() && args.out.join(crate::train::TRAINING_FILE).exists() {
        anyhow::bail!(
            "{} already holds a run: add --resume to go on, or choose another --out",
            args.out.display()
        );
    }
    let mut config = match &resumed {
        Some((_, config, _)) => config.clone(),
        None => configuration(args)?,
    };
    if let Some(budget) = budget(args) {
        config.budget = budget;
    }
    config.validate()?;
    let domain = domain(&config.domain)?;

    let (mut lines, held_out) = read_lines(args, &config)?;
    // Before, there is nothing to save: Ctrl-C ends a download at once.
    let stop = super::stop_on_signals()?;
    let codec = match (&resumed, &args.start_from, &args.tokenizer) {
        (Some(_), _, _) => Codec::from_folder(&args.out)?,
        (None, Some(folder), _) => Codec::from_folder(folder)?,
        (None, None, Some(file)) => Codec::from_file(file)?,
        (None, None, None) => train_codec(domain, &lines, &config)?,
    };
    let codec = codec.with_room(config.max_len);
    let start = match &args.start_from {
        Some(folder) => Some(
            TransformerVae::load(folder, &Device::Cpu)
                .with_context(|| format!("--start-from {}", folder.display()))?,
        ),
        None => None,
    };
    let train_data = encode(&codec, &lines, &config, "training lines")?;
    lines.clear();
    lines.shrink_to_fit();
    let held_out = encode(&codec, &held_out, &config, "held-out lines")?;

    let name = args.data.name();
    let inputs = Inputs {
        domain,
        codec: &codec,
        train: &train_data,
        held_out: &held_out,
        data_name: &name,
        start,
        device: args.device.open()?,
    };
    let resume = resumed.map(|(checkpoint, _, tensors)| (checkpoint, tensors));
    let step = resume.as_ref().map_or(0, |(c, _)| c.step);
    let mut metrics = JsonLines::open(&args.out.join("metrics.jsonl"), step)?;
    let mut terminal = TerminalProgress::new();
    let sinks: &mut [&mut dyn Progress] = &mut [&mut metrics, &mut LogProgress, &mut terminal];
    let outcome = train(&config, &inputs, &args.out, resume, sinks, &stop)?;
    if args.json {
        println!("{}", serde_json::to_string(&outcome.checkpoint)?);
    }
    if outcome.finished {
        Ok(ExitCode::SUCCESS)
    } else {
        eprintln!("stopped; the same command with --resume goes on");
        Ok(ExitCode::from(INTERRUPTED))
    }
}

fn budget(args: &TrainArgs) -> Option<Budget> {
    args.steps.map(Budget::Steps).or(args.minutes.map(Budget::Minutes))
}

/// Preset, then the file's values, then the command line's.
fn configuration(args: &TrainArgs) -> anyhow::Result<TrainConfig> {
    let mut file = toml::Table::new();
    if let Some(path) = &args.config {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration {}", path.display()))?;
        file = text.parse().with_context(|| format!("the configuration {}", path.display()))?;
    }
    let named = |key: &str| file.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let domain =
        args.domain.clone().or_else(|| named("domain")).unwrap_or_else(|| "python".to_owned());
    let preset = match (args.preset, named("preset")) {
        (Some(preset), _) => preset,
        (None, Some(name)) => clap::ValueEnum::from_str(&name, true)
            .map_err(|e| anyhow::anyhow!("preset = \"{name}\": {e}"))?,
        (None, None) => Preset::Cpu,
    };
    let mut table = toml::Table::try_from(TrainConfig::preset(preset, &domain))?;
    merge(&mut table, &file);
    let mut config: TrainConfig = table.try_into().with_context(|| match &args.config {
        Some(path) => format!("the configuration {}", path.display()),
        None => "the configuration".to_owned(),
    })?;
    config.domain = domain;
    config.preset = preset;
    config.start_from = args
        .start_from
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    config.batch = args.batch.unwrap_or(config.batch);
    config.seed = args.seed.unwrap_or(config.seed);
    config.shards = args.shards.unwrap_or(config.shards);
    config.precision = args.precision.unwrap_or(config.precision);
    config.optimiser.learning_rate = args.learning_rate.unwrap_or(config.optimiser.learning_rate);
    Ok(config)
}

/// Puts the values of `from` over those of `into`, table by table.
fn merge(into: &mut toml::Table, from: &toml::Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) if key != "budget" => {
                merge(old, new);
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The lines to train on and those held out.
fn read_lines(
    args: &TrainArgs,
    config: &TrainConfig,
) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let read = |data: &Source, split: Split| -> anyhow::Result<Vec<String>> {
        let options = ReadOptions {
            column: args.column.clone(),
            limit: args.limit,
            parses: |line| python_syntax::verdict(line).is_valid(),
            ..ReadOptions::default()
        };
        let mut shown = Shown::default();
        let corpus = read_source(data, split, &options, &mut |news| shown.tell(news))?;
        let report = &corpus.report;
        eprintln!(
            "{data}: {} lines{}",
            HumanCount(report.kept as u64),
            if report.skipped > 0 {
                format!(", {} bad rows skipped", HumanCount(report.skipped as u64))
            } else {
                String::new()
            }
        );
        for problem in &report.problems {
            eprintln!("  {problem}");
        }
        Ok(corpus.examples.into_iter().map(|e| e.text).collect())
    };
    let mut lines = read(&args.data, Split::Train)?;
    let held_out = match &args.valid {
        Some(data) => {
            let mut held_out = read(data, Split::HeldOut)?;
            held_out.truncate(config.held_out);
            held_out
        }
        None => {
            // A tenth at most, taken evenly, so that order in the file does not matter.
            let wanted = config.held_out.min(lines.len() / 10);
            let stride = lines.len().checked_div(wanted).unwrap_or(0);
            let mut held_out = Vec::with_capacity(wanted);
            let mut kept = Vec::with_capacity(lines.len() - wanted);
            for (i, line) in lines.into_iter().enumerate() {
                if stride > 0 && i % stride == stride - 1 && held_out.len() < wanted {
                    held_out.push(line);
                } else {
                    kept.push(line);
                }
            }
            lines = kept;
            held_out
        }
    };
    Ok((lines, held_out))
}

fn train_codec(
    domain: &dyn Domain,
    lines: &[String],
    config: &TrainConfig,
) -> anyhow::Result<Codec> {
    let used = lines.len().min(config.tokenizer_lines);
    eprintln!("training the tokenizer on {} lines", HumanCount(used as u64));
    let mut texts = lines[..used].iter().map(String::as_str);
    Ok(domain.train_codec(&mut texts, config.vocab)?)
}

fn encode(
    codec: &Codec,
    lines: &[String],
    config: &TrainConfig,
    what: &str,
) -> anyhow::Result<TrainingData> {
    let total = lines.len();
    let mut said = std::time::Instant::now();
    let data = encode_corpus(codec, lines, config.max_len, &mut |done| {
        if said.elapsed().as_secs() >= 5 {
            said = std::time::Instant::now();
            eprintln!(
                "encoding {what}: {} of {}",
                HumanCount(done as u64),
                HumanCount(total as u64)
            );
        }
    })?;
    if data.too_long > 0 {
        eprintln!(
            "{} {what} longer than max_len = {} tokens are left out",
            HumanCount(data.too_long as u64),
            config.max_len
        );
    }
    Ok(data)
}
