//! `train`: data to a model folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use candle_core::Device;
use clap::Args;

use super::INTERRUPTED;
use crate::corpus::Column;
use crate::numeric::Precision;
use crate::train::{
    reference, Budget, Checkpoint, Control, DataOptions, Job, LogProgress, PresetNames, Progress,
    Source, TerminalProgress, TrainConfig, TrainError,
};

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Text lines, jsonl, json, csv, tsv (plain, .gz or .zst) or parquet, a folder of Python sources, a folder of MNIST
    /// files, the train split of a data set of the Hugging Face hub, or `samples`: those that come with the program
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]", required_unless_present_any = ["resume", "options"])]
    data: Option<Source>,
    /// Held-out lines, on the hub a validation or test split; without it some lines of the data are held out
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]")]
    valid: Option<Source>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Column of the label, by name or by number from 0, for classes.weight
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<Column>,
    /// Read at most so many lines
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What kind of sequences: python, mnist, headlines or text
    #[arg(long, short)]
    domain: Option<String>,
    /// Where all other options start from: tiny, cpu, gpu or seed, then argument sets of the original, such as
    /// syntax,tenth_5_tkn; without one of the four they start from seed
    #[arg(long, value_name = "NAME[,NAME…]")]
    preset: Option<PresetNames>,
    /// Where the model is written
    #[arg(long, value_name = "FOLDER", required_unless_present = "options")]
    out: Option<PathBuf>,
    /// TOML file with options that replace the preset's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Give an option another value: noise.latent_max=0.4; may be given several times, `--options` lists them
    #[arg(long, value_name = "OPTION=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// List every option with its value in each preset and what it is, and end
    #[arg(long)]
    options: bool,
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
    /// A model folder whose weights and tokenizer the run starts from; its shape must be the configuration's, but for decoder layers, of which it may have fewer
    #[arg(long, value_name = "FOLDER", conflicts_with = "tokenizer")]
    start_from: Option<PathBuf>,
    /// Go on from the checkpoint in the --out folder, with the configuration and the data it was started with
    #[arg(long, conflicts_with_all = ["config", "set", "preset", "batch", "learning_rate", "seed", "shards", "precision", "tokenizer", "start_from", "domain"])]
    resume: bool,
    /// Also write figures, ladders and samples for TensorBoard, into the --out folder
    #[arg(long)]
    tensorboard: bool,
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

/// `KEY=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected OPTION=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    if args.options {
        print!("{}", reference(args.domain.as_deref().unwrap_or("python")));
        return Ok(ExitCode::SUCCESS);
    }
    let stop = super::stop_on_signals()?;
    let mut job = job(args)?.with_budget(budget(args));
    job.config.tensorboard |= args.tensorboard;
    let device = args.device.open()?;
    let mut terminal = TerminalProgress::new();
    let sinks: &mut [&mut dyn Progress] = &mut [&mut LogProgress, &mut terminal];
    let outcome = match job.run(device, sinks, &Control::from(&stop)) {
        Err(TrainError::Stopped) => {
            eprintln!("{}", TrainError::Stopped);
            return Ok(ExitCode::from(INTERRUPTED));
        }
        outcome => outcome?,
    };
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

/// What the command line asks for.
fn job(args: &TrainArgs) -> anyhow::Result<Job> {
    let out = args.out.clone().context("--out is needed")?;
    let lines = args.data.clone().map(|data| DataOptions {
        data,
        valid: args.valid.clone(),
        column: args.column.clone(),
        label_column: args.label_column.clone(),
        limit: args.limit,
    });
    if args.resume {
        let Some(lines) = lines else { return Ok(Job::of_folder(&out)?.0) };
        let (_, config, _) = Checkpoint::load(&out)?;
        return Ok(Job { config, lines, out, tokenizer: None, start_from: None, resume: true });
    }
    Ok(Job {
        config: configuration(args)?,
        lines: lines.context("--data is needed to start a run")?,
        out,
        tokenizer: args.tokenizer.clone(),
        start_from: args.start_from.clone(),
        resume: false,
    })
}

fn budget(args: &TrainArgs) -> Option<Budget> {
    args.steps.map(Budget::Steps).or(args.minutes.map(Budget::Minutes))
}

/// Preset and argument sets, then the file's values, then the command line's.
fn configuration(args: &TrainArgs) -> anyhow::Result<TrainConfig> {
    let mut file = toml::Table::new();
    if let Some(path) = &args.config {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration {}", path.display()))?;
        file = text.parse().with_context(|| format!("the configuration {}", path.display()))?;
    }
    let mut config = TrainConfig::combined(args.preset.as_ref(), args.domain.as_deref(), &file)
        .with_context(|| match &args.config {
            Some(path) => path.display().to_string(),
            None => "the options".to_owned(),
        })?;
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
    config.set_all(args.set.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
    Ok(config)
}
