//! `interpolate`: the ladder between two inputs as a table or as JSON.

use std::process::ExitCode;

use clap::Args;

use super::{ModelArg, PathArg};
use crate::engine::{Decoding, LatentModel, Way};
use crate::latent::ratios;
use crate::report::{ladder_json, ladder_table};

#[derive(Debug, Args)]
pub struct InterpolateArgs {
    #[command(flatten)]
    model: ModelArg,
    /// First end; a random sample where it is not given
    a: Option<String>,
    /// Second end; a random sample where it is not given
    b: Option<String>,
    /// Rungs, ends included
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(2..=1000))]
    rungs: u16,
    #[command(flatten)]
    path: PathArg,
    /// Search with eight beams and the domain's verdict where the greedy decode is not valid
    #[arg(long)]
    guided: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Seed of the random samples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &InterpolateArgs) -> anyhow::Result<ExitCode> {
    let model = args.model.open()?;
    let (a, b) = ends(&model, args)?;
    let latents = model.encode(&[a.clone(), b.clone()])?;
    let ratios = ratios(usize::from(args.rungs));
    let decoding = if args.guided { Decoding::Guided } else { Decoding::Greedy };
    let ends = (&latents[0], &latents[1]);
    let (rows, path) = model.ladder((&a, &b), ends, &ratios, args.path.path, decoding)?;
    if args.json {
        let mut document = ladder_json(&a, &b, &rows);
        document["model"] = model.info().name.into();
        document["path"] = path.to_string().into();
        document["decoding"] = decoding.name().into();
        println!("{document}");
    } else {
        print!("{}", ladder_table(&rows));
        if args.path.path == Way::Best {
            eprintln!("path {path}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The given ends; random samples of the model's domain for those that are not given.
fn ends(model: &dyn LatentModel, args: &InterpolateArgs) -> anyhow::Result<(String, String)> {
    if let (Some(a), Some(b)) = (&args.a, &args.b) {
        return Ok((a.clone(), b.clone()));
    }
    let samples = model.samples();
    anyhow::ensure!(
        samples.len() >= 2,
        "the domain {} has no samples to draw from: give both ends, A and B",
        model.info().domain
    );
    let (i, j) = crate::eval::sample_pairs(samples.len(), 1, args.seed)[0];
    Ok((
        args.a.clone().unwrap_or_else(|| samples[i].text.clone()),
        args.b.clone().unwrap_or_else(|| samples[j].text.clone()),
    ))
}
