//! `eval`: a model's figures on held-out lines, beside controls; or two models on the same pairs.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{source, ModelArg, PathArg, Shown, INTERRUPTED};
use crate::corpus::hub::Split;
use crate::corpus::{read_source, Column, ReadOptions, Source};
use crate::engine::evaluate::{judge, Judgement, Progress, Protocol};
use crate::engine::Decoding;
use crate::eval::{Estimates, Reference};
use crate::numeric::{Isa, Precision};
use crate::report::{figures_table, rungs_block, FigureColumn};

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
    /// Held-out lines: a file, or the validation or test split of a data set of the Hugging Face hub
    #[arg(long, value_name = "FILE|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    data: Source,
    /// The lines that the model was trained on: gives novelty and fluency
    #[arg(long, value_name = "FILE|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    train: Option<Source>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Pairs whose ladders are decoded
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pairs: u32,
    /// Lines that are reconstructed
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    lines: u32,
    /// Seed of pairs, controls and intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Search with eight beams and the domain's verdict where the greedy decode is not valid
    #[arg(long)]
    guided: bool,
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
    let lines = read(&args.data, Split::HeldOut, args.column.as_ref())?;
    let reference = match &args.train {
        Some(data) => Some(Reference::new(&read(data, Split::Train, args.column.as_ref())?)),
        None => None,
    };
    let protocol = Protocol {
        lines: &lines,
        reconstructed: args.lines as usize,
        pairs: args.pairs as usize,
        seed: args.seed,
        decoding: if args.guided { Decoding::Guided } else { Decoding::Greedy },
        way: args.path.path,
        reference: reference.as_ref(),
    };
    let names = match args.compare.as_slice() {
        [] => vec![args.model.clone()],
        names => names.to_vec(),
    };
    let stop = super::stop_on_signals()?;
    let mut found = Vec::with_capacity(names.len());
    for name in &names {
        let model = ModelArg { model: name.clone(), precision: Some(args.precision) }.open()?;
        let mut bar = Bar::new(name);
        let judgement = judge(&model, protocol, &mut |progress| {
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

fn read(data: &Source, split: Split, column: Option<&Column>) -> anyhow::Result<Vec<String>> {
    let options = ReadOptions { column: column.cloned(), ..ReadOptions::default() };
    let mut shown = Shown::default();
    let corpus = read_source(data, split, &options, &mut |news| shown.tell(news))?;
    Ok(corpus.examples.into_iter().map(|e| e.text).collect())
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

fn heading(found: &Judgement, data: &str, seconds: f64) -> String {
    let machine = machine();
    format!(
        "{} pairs and {} lines of {data}, seed {}, {} decoding, path {}; {seconds:.0} s on {} cores ({})\n\n",
        found.pairs,
        found.lines,
        found.seed,
        found.decoding,
        found.path,
        machine["cores"],
        machine["kernels"].as_str().unwrap_or_default(),
    )
}

fn page(found: &Judgement, data: &str, seconds: f64) -> String {
    let mut out = format!(
        "# {}\n\n{} parameters. {}",
        found.model,
        found.parameters,
        heading(found, data, seconds)
    );
    out += &figures_table(&[FigureColumn { heading: "model", figures: &[&found.reconstruction] }]);
    out += "\n";
    out += &figures_table(&[
        FigureColumn { heading: "model", figures: &[&found.interpolation] },
        FigureColumn { heading: "copy", figures: &[&found.controls.copy] },
        FigureColumn { heading: "splice", figures: &[&found.controls.splice] },
        FigureColumn { heading: "no latent", figures: &[&found.controls.no_latent] },
    ]);
    let headings: Vec<String> =
        found.strata.iter().map(|s| format!("{} ({})", s.pairs_with, s.pairs)).collect();
    let each: Vec<[&Estimates; 1]> = found.strata.iter().map(|s| [&s.interpolation]).collect();
    let columns: Vec<FigureColumn<'_>> = headings
        .iter()
        .zip(&each)
        .map(|(heading, figures)| FigureColumn { heading, figures })
        .collect();
    out += "\n## By length and by whether both ends are exact\n\n";
    out += &figures_table(&columns);
    if !found.paths.is_empty() {
        let taken: Vec<String> =
            found.paths.iter().map(|(path, pairs)| format!("{path} {pairs}")).collect();
        out += &format!("\nPaths taken: {}.\n", taken.join(", "));
    }
    out += "\n## Random ladders\n";
    for ladder in &found.ladders {
        out += &format!("\nA `{}`, B `{}` ({})\n\n", ladder.a, ladder.b, ladder.path);
        out += &rungs_block(&ladder.rungs, &ladder.valid);
    }
    out
}

/// What the second of two models has more than the first.
struct Differences {
    reconstruction: Estimates,
    interpolation: Estimates,
}

impl Differences {
    fn new(a: &Judgement, b: &Judgement, seed: u64) -> Self {
        Self {
            reconstruction: Estimates::of_differences(&a.line_figures, &b.line_figures, seed),
            interpolation: Estimates::of_differences(&a.figures, &b.figures, seed),
        }
    }

    fn json(
        &self,
        a: &Judgement,
        b: &Judgement,
        data: &str,
        seconds: f64,
    ) -> anyhow::Result<serde_json::Value> {
        Ok(json!({
            "a": document(a, data, seconds)?,
            "b": document(b, data, seconds)?,
            "difference": {
                "reconstruction": self.reconstruction,
                "interpolation": self.interpolation,
            },
        }))
    }

    fn page(&self, a: &Judgement, b: &Judgement, data: &str, seconds: f64) -> String {
        let table = |of_a: &Estimates, of_b: &Estimates, difference: &Estimates| {
            figures_table(&[
                FigureColumn { heading: &format!("A {}", a.model), figures: &[of_a] },
                FigureColumn { heading: &format!("B {}", b.model), figures: &[of_b] },
                FigureColumn { heading: "B − A", figures: &[difference] },
            ])
        };
        let mut out = format!("# {} and {}\n\n{}", a.model, b.model, heading(a, data, seconds));
        out += &table(&a.reconstruction, &b.reconstruction, &self.reconstruction);
        out += "\n";
        out += &table(&a.interpolation, &b.interpolation, &self.interpolation);
        out
    }
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
