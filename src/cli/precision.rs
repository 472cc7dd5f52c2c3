//! `precision`: what decoding with weights in bf16 changes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::ModelArg;
use crate::corpus::{self, ReadOptions};
use crate::engine::LatentModel;
use crate::latent::{ratios, Latent, Path};
use crate::model::{Agreement, Generator};

/// Rungs of a measured ladder.
const RUNGS: usize = 11;

#[derive(Debug, Args)]
pub struct PrecisionArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Lines to draw the ladders' ends from
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Ladders to decode in both precisions
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pairs: u32,
    /// Seed of the draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write the figure to the config.json of the model's folder, where it decides the default
    #[arg(long)]
    save: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PrecisionArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let corpus = corpus::read(&args.data, &ReadOptions::within(model.max_len()))?;
    let lines: Vec<String> = corpus.examples.into_iter().map(|e| e.text).collect();
    anyhow::ensure!(lines.len() >= 2, "{} holds fewer than two lines", args.data.display());
    let pairs = crate::eval::sample_pairs(lines.len(), args.pairs as usize, args.seed);
    let mut ladders: Vec<Vec<Latent>> = Vec::with_capacity(pairs.len());
    for pairs in pairs.chunks(32) {
        let ends: Vec<String> =
            pairs.iter().flat_map(|&(a, b)| [lines[a].clone(), lines[b].clone()]).collect();
        for ends in model.encode(&ends)?.chunks_exact(2) {
            let geometry = model.model().geometry();
            ladders.push(geometry.ladder(&ends[0], &ends[1], &ratios(RUNGS), Path::PerToken)?);
        }
    }
    let max_len = model.model().config().max_len();
    let batches = ladders.iter().map(Vec::as_slice);
    let found = Agreement::measure(model.model(), batches, max_len)?;
    if args.save {
        save(std::path::Path::new(&args.model.model), found.share())?;
    }
    let milliseconds = |seconds: f64| 1e3 * seconds / ladders.len() as f64;
    let (f32_ms, bf16_ms) = (milliseconds(found.f32_seconds), milliseconds(found.bf16_seconds));
    let rows = found.same_rows as f64 / found.rows.max(1) as f64;
    if args.json {
        let document = serde_json::json!({
            "model": model.info().name, "ladders": ladders.len(), "tokens": found.tokens,
            "token_agreement": found.share(), "rung_agreement": rows,
            "f32_ms": f32_ms, "bf16_ms": bf16_ms,
        });
        println!("{document}");
    } else {
        println!("ladders            {}", ladders.len());
        println!("tokens the same    {:.2} % of {}", 100.0 * found.share(), found.tokens);
        println!("rungs the same     {:.2} % of {}", 100.0 * rows, found.rows);
        println!("a ladder, f32      {f32_ms:.2} ms");
        println!("a ladder, bf16     {bf16_ms:.2} ms");
        println!("default precision  {}", Generator::default_for(found.share()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Notes the agreement in a folder's configuration.
fn save(folder: &std::path::Path, share: f64) -> anyhow::Result<()> {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("--save needs a model folder: cannot read {}", path.display()))?;
    let mut config = crate::model::Config::from_json(text)?;
    let tvae = config.tvae.as_mut().with_context(|| {
        format!("{} is the original's configuration, which has no place for it", path.display())
    })?;
    tvae.bf16_agreement = Some((share * 1e4).round() / 1e4);
    crate::model::write_atomically(&path, config.to_json().as_bytes())?;
    Ok(())
}
