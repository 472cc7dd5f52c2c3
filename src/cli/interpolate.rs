//! `interpolate`: the ladder between two inputs, or all decodes of a session, as a table, as JSON or as a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::ends::{ends, END_HELP};
use super::{GuidedArg, ModelArg, PathArg, SessionModelArg};
use crate::engine::{replay_session, LatentModel, LoadedModel, Session, Way};
use crate::latent::ratios;
use crate::model::write_atomically;
use crate::report::{Compared, Comparison, Document, Format, Part, Rung};

#[derive(Debug, Args)]
pub struct InterpolateArgs {
    #[command(flatten)]
    model: SessionModelArg,
    /// First end
    #[arg(long_help = END_HELP)]
    a: Option<String>,
    /// Second end
    #[arg(long_help = END_HELP)]
    b: Option<String>,
    /// Rungs, ends included
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(2..=1000))]
    rungs: u16,
    #[command(flatten)]
    path: PathArg,
    #[command(flatten)]
    guided: GuidedArg,
    /// Decode all that a session of the explorer shows: the ladder and the point of its scene and of its bookmarks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["a", "b", "rungs", "path", "guided", "seed"])]
    session: Option<PathBuf>,
    /// A second model, or its folder, on the same ladder beside the first
    #[arg(long, value_name = "NAME|FOLDER", conflicts_with_all = ["session", "export"])]
    compare: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write a file instead of the table, in the format of its name: .json, .md, .svg or, for pictures, .png
    #[arg(long, value_name = "FILE", value_parser = export_file)]
    export: Option<PathBuf>,
    /// Seed of the random samples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// A file's name that tells of a format.
pub(super) fn export_file(name: &str) -> Result<PathBuf, crate::report::ExportError> {
    Format::of(Path::new(name)).map(|_| PathBuf::from(name))
}

pub fn run(args: &InterpolateArgs) -> anyhow::Result<ExitCode> {
    if let Some(other) = &args.compare {
        return compare(args, other);
    }
    let (document, table) = match &args.session {
        Some(file) => {
            let document = of_session(args, &Session::read(file)?)?;
            let table = document.table();
            (document, table)
        }
        None => {
            let document = of_ends(args)?;
            let table = document.ladders();
            (document, table)
        }
    };
    if let Some(file) = &args.export {
        let bytes = document.bytes(Format::of(file)?)?;
        write_atomically(file, &bytes).context("the export cannot be written")?;
        eprintln!("wrote {}", file.display());
    }
    if args.json {
        println!("{}", document.json());
    } else if args.export.is_none() {
        print!("{table}");
    }
    Ok(ExitCode::SUCCESS)
}

fn of_session(args: &InterpolateArgs, session: &Session) -> anyhow::Result<Document> {
    let model = args.model.open(Some(session))?;
    Ok(replay_session(&model, session)?)
}

/// A model's ladder between two texts, and the path that it is on.
fn ladder(
    model: &LoadedModel,
    (a, b): (&str, &str),
    way: Way,
    args: &InterpolateArgs,
) -> anyhow::Result<(Vec<Rung>, crate::latent::Path)> {
    let latents = model.encode(&[a.to_owned(), b.to_owned()])?;
    let ratios = ratios(usize::from(args.rungs));
    let ends = (&latents[0], &latents[1]);
    let found = model.ladder((a, b), ends, &ratios, way, args.guided.decoding())?;
    if way == Way::Best && !args.json {
        eprintln!("path {}", found.1);
    }
    Ok(found)
}

/// Prints the ladders of two models side by side: between the same ends, on the path of the first.
fn compare(args: &InterpolateArgs, other: &str) -> anyhow::Result<ExitCode> {
    let model = args.model.open(None)?;
    let (domain, precision) = (model.info().domain, args.model.precision);
    let other = ModelArg { model: other.to_owned(), precision }.open()?;
    anyhow::ensure!(
        other.info().domain == domain,
        "--compare {}: it is a model of {}, the first one of {domain}: models of one domain are compared",
        other.info().name,
        other.info().domain
    );
    let [a, b] = given(&model, args)?;
    let (rungs, path) = ladder(&model, (&a, &b), args.path.path, args)?;
    let one = Compared { model: model.info().name, rungs };
    let (rungs, _) = ladder(&other, (&a, &b), Way::Fixed(path), args)?;
    let two = Compared { model: other.info().name, rungs };
    let (path, decoding) = (path.to_string(), args.guided.decoding().name().to_owned());
    let comparison = Comparison { a, b, path, decoding, domain, models: [one, two] };
    if args.json {
        println!("{}", comparison.json());
    } else {
        print!("{}", comparison.table());
    }
    Ok(ExitCode::SUCCESS)
}

fn of_ends(args: &InterpolateArgs) -> anyhow::Result<Document> {
    let model = args.model.open(None)?;
    let [a, b] = given(&model, args)?;
    let (rungs, path) = ladder(&model, (&a, &b), args.path.path, args)?;
    let info = model.info();
    let part = Part {
        title: String::new(),
        a,
        b,
        path: path.to_string(),
        decoding: args.guided.decoding().name().to_owned(),
        rungs,
        point: None,
    };
    Ok(Document { model: info.name, domain: info.domain, parts: vec![part] })
}

/// The ends as they are given, random samples for those that are not.
fn given(model: &LoadedModel, args: &InterpolateArgs) -> anyhow::Result<[String; 2]> {
    ends(model, [args.a.as_deref(), args.b.as_deref()], args.seed)
}
