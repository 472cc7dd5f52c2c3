//! `probe`: how well a label can be read from a model's latents, beside controls.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use super::eval::Bar;
use super::{source, ModelArg, Shown, INTERRUPTED};
use crate::corpus::hub::Split;
use crate::corpus::{read_source, Column, Example, ReadOptions, Source};
use crate::engine::probe::{probe, ProbeProtocol, Probed};
use crate::engine::LoadedModel;
use crate::report::{confusion_table, probe_table, visible};

#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Held-out items with labels: a file, a folder of MNIST files, or a data set of the Hugging Face hub
    #[arg(long, value_name = "FILE|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    data: Source,
    /// Items to fit on; without it 70 % of the held-out ones, and the rest is tested on
    #[arg(long, value_name = "FILE|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    train: Option<Source>,
    /// Column of the label, by name or by number from 0; MNIST files have labels of their own
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<Column>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Held-out items, at most: random ones of all
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    items: u32,
    /// Items of --train, at most: random ones of all
    #[arg(long, value_name = "N", default_value_t = 5000, requires = "train", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    train_items: u32,
    /// Seed of the items, splits and intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print a page of Markdown, as without --json
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let clock = Instant::now();
    let model = args.model.open()?;
    let data = read(args, &model, &args.data, Split::HeldOut)?;
    let train = args.train.as_ref().map(|train| read(args, &model, train, Split::Train));
    let train = train.transpose()?;
    let protocol = ProbeProtocol {
        data: &data,
        train: train.as_deref(),
        items: args.items as usize,
        train_items: args.train_items as usize,
        seed: args.seed,
    };
    let stop = super::stop_on_signals()?;
    let mut bar = Bar::new(&args.model.model);
    let found = probe(&model, protocol, &mut |progress| {
        bar.show(progress);
        !stop.is_raised()
    });
    bar.finish();
    let Some(found) = found? else { return Ok(ExitCode::from(INTERRUPTED)) };
    if args.json {
        println!("{}", document(args, &found)?);
    } else {
        print!("{}", page(args, &found, clock.elapsed().as_secs_f64()));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(
    args: &ProbeArgs,
    model: &LoadedModel,
    data: &Source,
    split: Split,
) -> anyhow::Result<Vec<Example>> {
    let options = ReadOptions {
        column: args.column.clone(),
        label: args.label_column.clone(),
        ..ReadOptions::within(model.max_len())
    };
    let mut shown = Shown::default();
    Ok(read_source(data, split, &options, &mut |news| shown.tell(news))?.examples)
}

fn document(args: &ProbeArgs, found: &Probed) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(found)?;
    document["data"] = args.data.name().into();
    document["train"] = args.train.as_ref().map(Source::name).into();
    Ok(document)
}

fn page(args: &ProbeArgs, found: &Probed, seconds: f64) -> String {
    let Probed { probe, left_out, .. } = found;
    let mut out = format!(
        "# {}\n\n{} items of {}",
        visible(&found.model),
        found.items,
        visible(&args.data.name())
    );
    if let (Some(count), Some(train)) = (found.train_items, &args.train) {
        out += &format!(" and {count} of {} to fit on", visible(&train.name()));
    }
    out += &format!(
        ", {} classes, {}×{} latents, seed {}; {seconds:.0} s. Left out: {} without a label, {} repeated, {} too long.\n\n",
        probe.confusion.classes.len(),
        found.latent_tokens,
        found.latent_size,
        found.seed,
        left_out.unlabelled,
        left_out.repeated,
        left_out.too_long,
    );
    out += &probe_table(probe);
    if let Some(share) = probe.share_of_tfidf {
        let [value, low, high] = [share.value, share.low, share.high].map(|x| 100.0 * x);
        out += &format!(
            "\nThe latents give {value:.1} % ({low:.1} … {high:.1}) of the words' accuracy.\n"
        );
    }
    out += "\n## Confusions of the linear SVM on latents\n\n";
    out += &confusion_table(&probe.confusion);
    out
}
