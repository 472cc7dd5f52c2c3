//! `directions`: the named directions of a model's latent space, and what a step along each does.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::{json, Value};
use unicode_width::UnicodeWidthStr;

use super::eval::Bar;
use super::{ModelArg, INTERRUPTED};
use crate::corpus::{self, Column, Example, ReadOptions};
use crate::domain::Domain;
use crate::engine::pool::{
    decoder_directions, Effect, Measurement, NamedDirection, Pool, Probe, Source,
};
use crate::engine::{EngineError, LatentModel, LoadedModel, Progress};
use crate::latent::Direction;
use crate::report::visible;

#[derive(Debug, Args)]
pub struct DirectionsArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Texts that the directions are taken from and measured on; the domain's samples where it is not given
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN", requires = "data")]
    column: Option<Column>,
    /// Column of a label: every label that enough texts have gives a direction
    #[arg(long, value_name = "COLUMN", requires = "data")]
    label_column: Option<Column>,
    /// Beside the others the direction from this label to that of --to
    #[arg(long, value_name = "LABEL", requires = "to")]
    from: Option<String>,
    /// Where the direction of --from leads
    #[arg(long, value_name = "LABEL", requires = "from")]
    to: Option<String>,
    /// Texts that are read at most
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Texts held aside to measure on; a quarter of all where there are fewer than four times as many
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    held: u32,
    /// Largest strength of a measured step, in standard deviations along the direction
    #[arg(long, default_value_t = 2.0, value_parser = strength)]
    strength: f32,
    /// The decoder's own directions per latent token
    #[arg(long, default_value_t = 1)]
    decoder: usize,
    /// Only the K of each source that do most beyond what a random direction does
    #[arg(long, value_name = "K")]
    top: Option<usize>,
    /// Seed of the random directions
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Put the vectors in the JSON document
    #[arg(long, requires = "json")]
    vectors: bool,
}

fn strength(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err("expected a number above 0".to_owned())
}

/// A direction and what was measured of it.
type Row = (NamedDirection, Measurement);

pub fn run(args: &DirectionsArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let examples = examples(args, &model)?;
    let stop = super::stop_on_signals()?;
    let mut bar = Bar::new(&args.model.model);
    let pool = Pool::encode(&model, &examples, &mut |progress| {
        bar.show(progress);
        !stop.is_raised()
    })?;
    let Some(pool) = pool else { return Ok(ExitCode::from(INTERRUPTED)) };
    let texts = pool.texts().len();
    let (known, held) = pool.hold_out((args.held as usize).min(texts / 4));
    anyhow::ensure!(
        !held.texts().is_empty(),
        "{texts} different texts are too few to take directions from and to measure them: give more with --data"
    );
    let mut found = known.directions(model.domain());
    found.extend(decoder_directions(model.model(), &known, args.decoder)?);
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        found.insert(0, known.between_labels(from, to)?);
    }
    let mut go_on = || !stop.is_raised();
    let strengths: Vec<f32> = [-1.0, -0.5, 0.5, 1.0].map(|s| s * args.strength).into();
    let total = found.len();
    let measured = (|| {
        let probe = Probe::new(&model, model.domain(), &known, &held, args.seed, &mut go_on)?;
        let mut rows: Vec<Row> = Vec::with_capacity(total);
        for named in found {
            bar.show(Progress { what: "measuring", done: rows.len(), total });
            let measurement = probe.measure(&named, &strengths, &mut go_on)?;
            rows.push((named, measurement));
        }
        Ok(rows)
    })();
    bar.finish();
    let mut rows = match measured {
        Err(EngineError::Cancelled) => return Ok(ExitCode::from(INTERRUPTED)),
        other => other?,
    };
    if let Some(count) = args.top {
        rows = best_of_each(rows, count);
    }
    if args.json {
        println!("{}", document(args, &model, (texts, held.texts().len()), &strengths, &rows));
    } else {
        print!("{}", table(&rows, model.domain()));
        eprintln!(
            "{texts} texts, {} of them held aside and stepped by ±{} σ: steps that flipped what they should and valid decodes \
             in per cent, how much of the decode was kept in per cent; of a number, its mean change. r: a random direction \
             of the same angle",
            held.texts().len(),
            args.strength
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn examples(args: &DirectionsArgs, model: &LoadedModel) -> anyhow::Result<Vec<Example>> {
    let limit = args.limit as usize;
    let Some(path) = &args.data else {
        let samples = model.samples().iter().take(limit);
        anyhow::ensure!(
            samples.len() > 0,
            "the domain {} has no samples to take directions from: give texts with --data",
            model.info().domain
        );
        return Ok(samples.cloned().collect());
    };
    let options = ReadOptions {
        column: args.column.clone(),
        label: args.label_column.clone(),
        limit: Some(limit),
        ..ReadOptions::within(model.max_len())
    };
    Ok(corpus::read(path, &options)?.examples)
}

/// The `count` directions of each source that do most beyond a random one, best first.
fn best_of_each(rows: Vec<Row>, count: usize) -> Vec<Row> {
    let mut sources: Vec<(Source, Vec<Row>)> = Vec::new();
    for row in rows {
        match sources.iter_mut().find(|(source, _)| *source == row.0.source) {
            Some((_, rows)) => rows.push(row),
            None => sources.push((row.0.source, vec![row])),
        }
    }
    for (_, rows) in &mut sources {
        rows.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
        rows.truncate(count);
    }
    sources.into_iter().flat_map(|(_, rows)| rows).collect()
}

/// How much more a direction does than a random one: flips, monotony of a number, or else changed texts.
fn gain((named, measured): &Row) -> f64 {
    let does = |effect: &Effect| match named.source {
        Source::YesNo | Source::Label => effect.figures.flip_rate.unwrap_or(0.0),
        Source::Number => effect.monotony.unwrap_or(0.0),
        Source::Component | Source::Decoder | Source::Own => effect.figures.changed,
    };
    does(&measured.effect) - does(&measured.control)
}

/// A direction in the JSON document.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    with: usize,
    without: usize,
    sigma: f32,
    #[serde(flatten)]
    measured: &'a Measurement,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'a Direction>,
}

fn document(
    args: &DirectionsArgs,
    model: &LoadedModel,
    (texts, held): (usize, usize),
    strengths: &[f32],
    rows: &[Row],
) -> Value {
    let described = |named: &NamedDirection| {
        let of_attribute = matches!(named.source, Source::YesNo | Source::Number);
        let info = model.domain().attributes().iter().find(|info| info.name == named.name);
        info.filter(|_| of_attribute).map(|info| info.description)
    };
    let directions: Vec<Entry<'_>> = rows
        .iter()
        .map(|(named, measured)| Entry {
            name: &named.name,
            source: named.source,
            description: described(named),
            with: named.with,
            without: named.without,
            sigma: named.direction.sigma(),
            measured,
            direction: args.vectors.then_some(&named.direction),
        })
        .collect();
    json!({
        "model": model.info().name,
        "domain": model.info().domain,
        "geometry": model.model().geometry(),
        "pool": texts,
        "held": held,
        "seed": args.seed,
        "strengths": strengths,
        "directions": directions,
    })
}

const HEAD: [&str; 10] =
    ["direction", "texts", "σ", "flips", "r", "valid", "r", "kept", "r", "monotony"];

/// One line per direction: how often steps along it do what it says, and what that costs, beside a random direction.
fn table(rows: &[Row], domain: &dyn Domain) -> String {
    // Where a domain has no words of its own for it, the label alone would not say what it is.
    let is_bare = |name: &str| domain.label_direction(name) == name;
    let share = |x: f64| format!("{:.0}", 100.0 * x);
    let does = |effect: &Effect| {
        let figures = &effect.figures;
        match (figures.flip_rate, figures.mean_change) {
            (Some(rate), _) => share(rate),
            (None, Some(change)) => format!("{change:+.2}"),
            (None, None) => String::new(),
        }
    };
    let cells = rows.iter().map(|(named, measured)| {
        let (effect, control) = (&measured.effect, &measured.control);
        let texts = match named.source {
            Source::YesNo | Source::Label => format!("{}/{}", named.with, named.without),
            Source::Number => named.with.to_string(),
            Source::Component | Source::Decoder | Source::Own => String::new(),
        };
        let name = visible(&named.name);
        [
            if named.source == Source::Label && is_bare(&named.name) {
                format!("label {name}")
            } else {
                name.into_owned()
            },
            texts,
            format!("{:.2}", named.direction.sigma()),
            does(effect),
            does(control),
            share(effect.figures.validity),
            share(control.figures.validity),
            share(effect.figures.preservation),
            share(control.figures.preservation),
            effect.monotony.map_or_else(String::new, |m| format!("{m:+.2}")),
        ]
    });
    let lines: Vec<[String; 10]> = std::iter::once(HEAD.map(str::to_owned)).chain(cells).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| lines.iter().map(|line| line[column].width()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let blanks = " ".repeat(width - cell.width());
                if column == 0 {
                    format!("{cell}{blanks}")
                } else {
                    format!("{blanks}{cell}")
                }
            })
            .collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
    out
}
