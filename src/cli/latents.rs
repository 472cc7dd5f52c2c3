//! `encode`, `decode`, `sample`: texts to latents, latents to texts, the prior to texts.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::{GuidedArg, ModelArg};
use crate::engine::{Decoding, LatentModel, LearnedPrior, LoadedModel, PriorKind};
use crate::latent::Latent;
use crate::report::visible;

/// Latents that go through the model together.
const BLOCK: usize = 64;

#[derive(Debug, Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Texts to encode; without any, lines on standard input
    texts: Vec<String>,
    /// Accepted for symmetry: latents are always printed as JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct DecodeArgs {
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    guided: GuidedArg,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct SampleArgs {
    #[command(flatten)]
    model: ModelArg,
    /// How many
    #[arg(long, short, default_value_t = 10)]
    number: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where latents are drawn from; auto: the likeliest prior that `prior` told of, the standard one where nothing was fitted
    #[arg(long, value_name = "auto|standard|mixture|flow", default_value = "auto", value_parser = prior)]
    prior: Choice,
    #[command(flatten)]
    guided: GuidedArg,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

pub fn encode(args: &EncodeArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let texts = if args.texts.is_empty() {
        std::io::stdin().lock().lines().collect::<Result<_, _>>().context("standard input")?
    } else {
        args.texts.clone()
    };
    let mut out = std::io::stdout().lock();
    for block in texts.chunks(BLOCK) {
        let latents = model.encode(block)?;
        let codes = model.model().codes_of(&latents)?.unwrap_or_default();
        for (i, (text, latent)) in block.iter().zip(&latents).enumerate() {
            let rows: Vec<&[f32]> = latent.values.chunks_exact(latent.size).collect();
            let mut line = json!({ "text": text, "latent": rows });
            if let Some(codes) = codes.get(i) {
                line["codes"] = json!(codes);
            }
            writeln!(out, "{line}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub fn decode(args: &DecodeArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let mut latents = Vec::new();
    for (i, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.context("standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        latents.push(parse_latent(&line).with_context(|| {
            format!(
                "standard input, line {}: expected what `tvae-tui encode` prints: {{\"latent\": [[numbers], …]}}",
                i + 1
            )
        })?);
    }
    print_texts(&model, &latents, args.guided.decoding(), args.json)
}

fn parse_latent(line: &str) -> anyhow::Result<Latent> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    let rows: Vec<Vec<f32>> =
        serde_json::from_value(value.get("latent").unwrap_or(&value).clone())?;
    let size = rows.first().map_or(0, Vec::len);
    anyhow::ensure!(
        size > 0 && rows.iter().all(|r| r.len() == size),
        "latent tokens must be equally long"
    );
    Ok(Latent { tokens: rows.len(), size, values: rows.concat() })
}

/// Which prior to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Auto,
    Fixed(PriorKind),
}

fn prior(name: &str) -> Result<Choice, String> {
    if name == "auto" {
        return Ok(Choice::Auto);
    }
    name.parse().map(Choice::Fixed).map_err(|e: String| format!("{e}, or auto"))
}

pub fn sample(args: &SampleArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let learned = match args.prior {
        Choice::Fixed(PriorKind::Standard) => None,
        Choice::Auto => LearnedPrior::of(&model)?.map(|prior| (prior.best(), prior)),
        Choice::Fixed(kind) => match LearnedPrior::of(&model)? {
            Some(prior) => Some((kind, prior)),
            None => anyhow::bail!(
                "--prior {kind}: no prior was fitted to {0}; fit one: tvae-tui prior --model {0} --data DATA",
                visible(&args.model.model)
            ),
        },
    };
    let latents = match &learned {
        Some((kind, prior)) => prior.draw(&model, *kind, args.number, &mut rng)?,
        None => model.draw_standard(args.number, &mut rng)?,
    };
    print_texts(&model, &latents, args.guided.decoding(), args.json)
}

fn print_texts(
    model: &LoadedModel,
    latents: &[Latent],
    decoding: Decoding,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for block in latents.chunks(BLOCK) {
        for text in model.decode_with(block, decoding)? {
            let valid = model.verdict(&text).is_valid();
            if json {
                writeln!(out, "{}", json!({ "text": text, "valid": valid }))?;
            } else {
                writeln!(out, "{} {}", if valid { '✓' } else { '✗' }, visible(&text))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
