//! `eval`: a model's figures on held-out lines, beside controls; or two models on the same pairs.

mod page;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{source, GuidedArg, ModelArg, PathArg, Shown, INTERRUPTED};
use crate::corpus::hub::Split;
use crate::corpus::mnist_text::Size;
use crate::corpus::{read_source, Column, Example, ReadOptions, Source};
use crate::engine::evaluate::{judge, Judgement, Protocol};
use crate::engine::{LoadedModel, Progress};
use crate::eval::digits::{Material, Yardstick};
use crate::eval::Reference;
use crate::numeric::{Isa, Precision};
use crate::train::StopSignal;
use page::{page, Differences};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A bundled model's name, a model folder, or a model of the Hugging Face hub
    #[arg(
        long,
        short,
        value_name = "NAME|FOLDER|hf:OWNER/NAME",
        default_value = "python",
        conflicts_with = "compare"
    )]
    model: String,
    /// Two models on the same pairs, with paired intervals of their differences
    #[arg(long, value_names = ["A", "B"], num_args = 2)]
    compare: Vec<String>,
    /// Weights that decoding uses: f32 or bf16
    #[arg(long, value_name = "f32|bf16", default_value_t = Precision::F32)]
    precision: Precision,
    /// Held-out lines: a file, a folder of MNIST files, or the validation or test split of a data set of the Hugging Face hub
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    data: Source,
    /// The lines that the model was trained on: gives novelty and fluency. Of digits, what the classifier learns from; without
    /// it, that is the part of the data that is not judged
    #[arg(long, value_name = "PATH|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    train: Option<Source>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Column of the label, for the probe and, in data that is no MNIST file, a digit's class
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<Column>,
    /// Pairs whose ladders are decoded
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pairs: u32,
    /// Lines that are reconstructed
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    lines: u32,
    /// Seed of pairs, controls and intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    guided: GuidedArg,
    #[command(flatten)]
    path: PathArg,
    /// Print one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print a page of Markdown
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let clock = Instant::now();
    let names = match args.compare.as_slice() {
        [] => vec![args.model.clone()],
        names => names.to_vec(),
    };
    let open =
        |name: &String| ModelArg { model: name.clone(), precision: Some(args.precision) }.open();
    let models: Vec<LoadedModel> = names.iter().map(open).collect::<Result<_, _>>()?;
    let stop = super::stop_on_signals()?;
    let Some(material) = Read::new(args, &models, &stop)? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let protocol = Protocol {
        lines: &material.lines,
        reconstructed: args.lines as usize,
        pairs: args.pairs as usize,
        seed: args.seed,
        decoding: args.guided.decoding(),
        way: args.path.path,
        reference: material.reference.as_ref(),
        yardstick: material.yardstick.as_ref(),
        train: material.train.as_deref(),
    };
    let mut found = Vec::with_capacity(names.len());
    for (name, model) in names.iter().zip(&models) {
        let mut bar = Bar::new(name);
        let judgement = judge(model, protocol, &mut |progress| {
            bar.show(progress);
            !stop.is_raised()
        })?;
        bar.finish();
        let Some(judgement) = judgement else { return Ok(ExitCode::from(INTERRUPTED)) };
        found.push(judgement);
    }
    let seconds = clock.elapsed().as_secs_f64();
    let data = args.data.name();
    match found.as_slice() {
        [a, b] => {
            let differences = Differences::new(a, b, args.seed);
            if args.json {
                println!("{}", differences.json(a, b, &data, seconds)?);
            } else {
                print!("{}", differences.page(a, b, &data, seconds));
            }
        }
        [one] if args.json => println!("{}", document(one, &data, seconds)?),
        [one] => print!("{}", page(one, &data, seconds)),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What was read for a judgement.
struct Read {
    /// Lines to judge.
    lines: Vec<Example>,
    reference: Option<Reference>,
    yardstick: Option<Yardstick>,
    /// What a probe is fitted on.
    train: Option<Vec<Example>>,
}

impl Read {
    /// Reads the data, and for digits trains the classifier. `None` where it was stopped.
    fn new(
        args: &EvalArgs,
        models: &[LoadedModel],
        stop: &StopSignal,
    ) -> anyhow::Result<Option<Self>> {
        let sizes: Vec<Size> =
            models.iter().map(|model| Size::within(model.max_len()).unwrap_or_default()).collect();
        let Some((model, &size)) = models.first().zip(sizes.first()) else { return Ok(None) };
        let read = |source: &Source, split| read(args, source, split, size);
        let data = read(&args.data, Split::HeldOut)?;
        let train = args.train.as_ref().map(|source| read(source, Split::Train)).transpose()?;
        let pictures = |example: &Example| model.domain().picture(&example.text).is_some();
        if !data.first().is_some_and(pictures) {
            let texts = |train: &Vec<Example>| Reference::new(train.iter().map(|e| &*e.text));
            let reference = train.as_ref().map(texts);
            return Ok(Some(Self { lines: data, reference, yardstick: None, train }));
        }
        anyhow::ensure!(
            sizes.iter().all(|&other| other == size),
            "--compare: the models are of digits of different sizes ({})",
            sizes.iter().map(|s| format!("{0}×{0}", s.side())).collect::<Vec<_>>().join(" and ")
        );
        let wanted = (args.lines as usize, args.seed);
        let material = Material::new(model.domain(), size, data, train.as_deref(), wanted);
        if material.known.is_empty() {
            eprintln!(
                "no labelled digits of {} to train a classifier on: there will be no credibility",
                material.source
            );
            let lines = material.judged;
            return Ok(Some(Self { lines, reference: None, yardstick: None, train }));
        }
        let mut bar = Bar::new("classifier");
        let yardstick = Yardstick::new(&material, size, args.seed, &mut |done, total| {
            bar.show(Progress { what: "training", done, total });
            !stop.is_raised()
        })?;
        bar.finish();
        Ok(yardstick.map(|yardstick| Self {
            lines: material.judged,
            reference: None,
            yardstick: Some(yardstick),
            train,
        }))
    }
}

fn read(
    args: &EvalArgs,
    data: &Source,
    split: Split,
    digits: Size,
) -> anyhow::Result<Vec<Example>> {
    let options = ReadOptions {
        column: args.column.clone(),
        label: args.label_column.clone(),
        digits,
        ..ReadOptions::default()
    };
    let mut shown = Shown::default();
    Ok(read_source(data, split, &options, &mut |news| shown.tell(news))?.examples)
}

/// Where it ran; with the time the only part of a report that differs between two runs.
fn machine() -> serde_json::Value {
    json!({
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "kernels": Isa::best().to_string(),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn document(found: &Judgement, data: &str, seconds: f64) -> anyhow::Result<serde_json::Value> {
    let mut document = serde_json::to_value(found)?;
    document["data"] = data.into();
    document["seconds"] = ((seconds * 10.0).round() / 10.0).into();
    document["machine"] = machine();
    Ok(document)
}

/// A bar on a terminal, a line every few seconds elsewhere.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    said: Instant,
    model: String,
}

impl Bar {
    pub(super) fn new(model: &str) -> Self {
        use std::io::IsTerminal;
        let style = ProgressStyle::with_template("{msg:30} {wide_bar} {pos}/{len} {eta}").ok();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1);
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        Self { bar, said: Instant::now(), model: model.to_owned() }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let Progress { what, done, total } = progress;
        match &self.bar {
            Some(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                bar.set_message(format!("{} · {what}", self.model));
            }
            None if self.said.elapsed() >= Duration::from_secs(5) => {
                self.said = Instant::now();
                eprintln!("{} · {what} {done} of {total}", self.model);
            }
            None => {}
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
