//! `prior`: fits priors to a model's latents, holds them to the standard one, and keeps them for `sample`.

mod codes;
mod continuous;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use super::eval::Bar;
use super::{ModelArg, INTERRUPTED};
use crate::corpus::{self, Column, ReadOptions};
use crate::engine::pool::Pool;
use crate::engine::{
    Decoding, LatentModel, LearnedPrior, LoadedModel, PriorKind, Progress, PRIOR_FILE,
};
use crate::latent::{Geometry, PriorError};
use crate::report::visible;

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
    /// Fit only this kind; without it both, of which `sample` takes the likelier
    #[arg(long, value_name = "mixture|flow", value_parser = kind)]
    kind: Option<PriorKind>,
    /// Components of the mixture
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
    /// Mean log density of held-out latents per number, of codes the log probability per symbol, in nats.
    log_likelihood: f64,
    /// Share of draws whose greedy decode is valid.
    valid: f64,
    /// Different texts among the decodes.
    distinct: f64,
    samples: usize,
    /// Components of a mixture.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<usize>,
    /// Rounds until a mixture converged.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<usize>,
}

pub fn run(args: &PriorArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let codes = model.info().geometry == Geometry::Codes;
    anyhow::ensure!(!codes || args.kind != Some(PriorKind::Flow), "{}", PriorError::Codes);
    let file = model
        .file_beside(PRIOR_FILE)
        .context("there is no data folder to keep the prior of a bundled model in")?;
    let options = ReadOptions {
        column: args.column.clone(),
        limit: Some(args.limit as usize),
        ..ReadOptions::within(model.max_len())
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
    let fit = if codes { codes::fit } else { continuous::fit };
    let found = fit(args, &model, (own.latents(), held.latents()), &mut bar, &stop)?;
    let Some((mut rows, learned)) = found else { return Ok(ExitCode::from(INTERRUPTED)) };
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
            "seed": args.seed,
            "priors": rows,
            "best": learned.best(),
            "file": file.display().to_string(),
        });
        println!("{document}");
    } else {
        print!("{}", table(&rows));
        eprintln!(
            "{texts} texts, {} of them held out; log-likelihood in nats per {} of the latent. Written: {}",
            held.texts().len(),
            if codes { "symbol" } else { "number" },
            visible(&file.display().to_string())
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The kind that makes held-out latents likeliest: a fit that has learned its latents by heart is not drawn from.
fn likeliest(rows: &[Row]) -> PriorKind {
    let best = rows.iter().max_by(|a, b| a.log_likelihood.total_cmp(&b.log_likelihood));
    best.map_or(PriorKind::Standard, |row| row.kind)
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
