//! `prior`: fits priors to a model's latents, holds them to the standard one, and keeps them for `sample`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use candle_core::{Device, Tensor};
use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use super::eval::Bar;
use super::{ModelArg, INTERRUPTED};
use crate::corpus::{self, Column, ReadOptions};
use crate::engine::evaluate::Progress;
use crate::engine::pool::Pool;
use crate::engine::{Decoding, LatentModel, LearnedPrior, LoadedModel, PriorKind, PRIOR_FILE};
use crate::latent::{coordinates, standard_log_density, Geometry, Latent, Mixture, PriorError};
use crate::model::Flow;
use crate::report::visible;
use crate::train::{fit_flow, FlowOptions};

/// Latents that are decoded, or whose density is computed, together.
const BLOCK: usize = 64;
/// Rounds of expectation maximisation at most.
const ROUNDS: usize = 100;

#[derive(Debug, Args)]
pub struct PriorArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Texts whose latents the prior is fitted to
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN")]
    column: Option<Column>,
    /// Fit only this kind; without it both, of which `sample` takes the better
    #[arg(long, value_name = "mixture|flow", value_parser = kind)]
    kind: Option<PriorKind>,
    /// Gaussians of the mixture
    #[arg(long, value_name = "K", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    components: u32,
    /// Steps of the flow's training, at most
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Texts that are read at most
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Texts held out to measure likelihood on; a fifth of all where there are fewer than five times as many
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    held: u32,
    /// Draws that are decoded per prior to tell how many are valid
    #[arg(long, value_name = "N", default_value_t = 200)]
    samples: u32,
    /// Seed of every draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn kind(name: &str) -> Result<PriorKind, String> {
    match name.parse() {
        Ok(kind) if kind != PriorKind::Standard => Ok(kind),
        _ => Err("expected mixture or flow".to_owned()),
    }
}

/// What is told of a prior.
#[derive(Debug, Serialize)]
struct Row {
    kind: PriorKind,
    /// Mean log density of held-out latents per number, in nats.
    log_likelihood: f64,
    /// Share of draws whose greedy decode is valid.
    valid: f64,
    /// Different texts among the decodes.
    distinct: f64,
    samples: usize,
    /// Gaussians of a mixture.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<usize>,
    /// Rounds until a mixture converged.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<usize>,
}

pub fn run(args: &PriorArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    anyhow::ensure!(model.info().geometry != Geometry::Codes, "{}", PriorError::Codes);
    let file = model
        .file_beside(PRIOR_FILE)
        .context("there is no data folder to keep the prior of a bundled model in")?;
    let options = ReadOptions {
        column: args.column.clone(),
        limit: Some(args.limit as usize),
        ..ReadOptions::default()
    };
    let examples = corpus::read(&args.data, &options)?.examples;
    let stop = super::stop_on_signals()?;
    let mut bar = Bar::new(&args.model.model);
    let pool = Pool::encode(&model, &examples, &mut |progress| {
        bar.show(progress);
        !stop.is_raised()
    })?;
    let Some(pool) = pool else { return Ok(ExitCode::from(INTERRUPTED)) };
    let texts = pool.texts().len();
    let (own, held) = pool.hold_out((args.held as usize).min(texts / 5));
    anyhow::ensure!(
        !held.texts().is_empty(),
        "{}: {texts} different texts are too few to fit a prior to",
        args.data.display()
    );
    let data = Data::new(own.latents(), held.latents(), model.info().geometry, args.seed)?;

    let wanted = |kind: PriorKind| args.kind.is_none_or(|only| only == kind);
    let mut fitted = None;
    if wanted(PriorKind::Mixture) {
        bar.show(Progress { what: "fitting the mixture", done: 0, total: 1 });
        let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
        fitted = Some(Mixture::fit(&data.own, args.components as usize, ROUNDS, &mut rng)?);
    }
    let mut flow = None;
    if wanted(PriorKind::Flow) {
        let total = args.steps as usize;
        let options = FlowOptions { steps: total, seed: args.seed, ..FlowOptions::default() };
        let latents = own.latents();
        let row = |i: usize, rng: &mut ChaCha8Rng| data.coordinates(&latents[i], rng);
        let found = fit_flow(latents.len(), &row, &options, &mut |done| {
            bar.show(Progress { what: "fitting the flow", done, total });
            !stop.is_raised()
        })?;
        let Some(found) = found else { return Ok(ExitCode::from(INTERRUPTED)) };
        flow = Some(found);
    }

    let mut rows = vec![Row::new(PriorKind::Standard, data.mean(&standard_log_density))];
    if let Some(fitted) = &fitted {
        let likelihood = data.mean(&|x| fitted.mixture.log_density(x));
        rows.push(Row {
            components: Some(fitted.mixture.weights().len()),
            rounds: Some(fitted.history.len() - 1),
            ..Row::new(PriorKind::Mixture, likelihood)
        });
    }
    if let Some(flow) = &flow {
        rows.push(Row::new(PriorKind::Flow, data.mean_of_flow(flow)?));
    }
    // Of what was fitted: the standard prior needs no file.
    let likelier = |a: &&Row, b: &&Row| a.log_likelihood.total_cmp(&b.log_likelihood);
    let best = rows[1..].iter().max_by(likelier).map_or(PriorKind::Standard, |row| row.kind);
    let learned = LearnedPrior::new(&model, fitted.map(|f| f.mixture), flow, best)?;
    for row in &mut rows {
        bar.show(Progress { what: "decoding draws", done: 0, total: 1 });
        row.decode(&model, &learned, args)?;
        if stop.is_raised() {
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    bar.finish();
    learned.save(&file)?;
    if args.json {
        let document = json!({
            "model": model.info().name,
            "texts": texts,
            "held": held.texts().len(),
            "numbers": data.numbers(),
            "seed": args.seed,
            "priors": rows,
            "best": best,
            "file": file.display().to_string(),
        });
        println!("{document}");
    } else {
        print!("{}", table(&rows));
        eprintln!(
            "{texts} texts, {} of them held out; log-likelihood in nats per number of the latent. Written: {}",
            held.texts().len(),
            visible(&file.display().to_string())
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Latents to fit to and to measure on, in the coordinates of a prior.
struct Data {
    geometry: Geometry,
    own: Vec<Vec<f64>>,
    held: Vec<Vec<f64>>,
}

impl Data {
    fn new(
        own: &[Latent],
        held: &[Latent],
        geometry: Geometry,
        seed: u64,
    ) -> Result<Self, PriorError> {
        let rows = |latents: &[Latent], stream: u64| -> Result<Vec<Vec<f64>>, PriorError> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream);
            latents.iter().map(|l| coordinates(l, geometry, &mut rng)).collect()
        };
        Ok(Self { geometry, own: rows(own, 1)?, held: rows(held, 2)? })
    }

    /// Coordinates of a latent with a fresh draw of what its place leaves open.
    fn coordinates(&self, latent: &Latent, rng: &mut ChaCha8Rng) -> Vec<f64> {
        // Codes have none, and were refused before.
        coordinates(latent, self.geometry, rng).unwrap_or_default()
    }

    /// Numbers of a latent.
    fn numbers(&self) -> usize {
        self.held.first().map_or(0, Vec::len)
    }

    /// The mean log density of the held-out latents per number.
    fn mean(&self, density: &dyn Fn(&[f64]) -> f64) -> f64 {
        let total: f64 = self.held.iter().map(|x| density(x)).sum();
        total / (self.held.len() * self.numbers()).max(1) as f64
    }

    fn mean_of_flow(&self, flow: &Flow) -> anyhow::Result<f64> {
        let mut total = 0.0;
        for block in self.held.chunks(BLOCK) {
            let values: Vec<f32> = block.iter().flatten().map(|&x| x as f32).collect();
            let x = Tensor::from_vec(values, (block.len(), self.numbers()), &Device::Cpu)?;
            total +=
                flow.log_density(&x)?.to_vec1::<f32>()?.iter().map(|&d| f64::from(d)).sum::<f64>();
        }
        Ok(total / (self.held.len() * self.numbers()).max(1) as f64)
    }
}

impl Row {
    fn new(kind: PriorKind, log_likelihood: f64) -> Self {
        Self {
            kind,
            log_likelihood,
            valid: 0.0,
            distinct: 0.0,
            samples: 0,
            components: None,
            rounds: None,
        }
    }

    /// Decodes draws and counts what is valid and what is different.
    fn decode(
        &mut self,
        model: &LoadedModel,
        learned: &LearnedPrior,
        args: &PriorArgs,
    ) -> anyhow::Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
        let latents = learned.draw(model, self.kind, args.samples as usize, &mut rng)?;
        let mut texts = Vec::with_capacity(latents.len());
        for block in latents.chunks(BLOCK) {
            texts.extend(model.decode_with(block, Decoding::Greedy)?);
        }
        let count = texts.len().max(1) as f64;
        self.samples = texts.len();
        self.valid = texts.iter().filter(|t| model.verdict(t).is_valid()).count() as f64 / count;
        texts.sort_unstable();
        texts.dedup();
        self.distinct = texts.len() as f64 / count;
        Ok(())
    }
}

fn table(rows: &[Row]) -> String {
    let standard = rows.first().map_or(0.0, |row| row.log_likelihood);
    let mut out = format!(
        "{:<9} {:>15} {:>9} {:>8} {:>9}\n",
        "prior", "log-likelihood", "gain", "valid", "distinct"
    );
    for row in rows {
        let share = |x: f64| format!("{:.1} %", 100.0 * x);
        out.push_str(&format!(
            "{:<9} {:>15.4} {:>+9.4} {:>8} {:>9}\n",
            row.kind.name(),
            row.log_likelihood,
            row.log_likelihood - standard,
            share(row.valid),
            share(row.distinct)
        ));
    }
    out
}
