//! `palette`: the grid of decodes between four corners, as pictures or a table, as JSON or as a file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::ends::{ends, END_HELP};
use super::interpolate::export_file;
use super::{GuidedArg, SessionModelArg};
use crate::engine::{replay_palette, LatentModel, Palette, Scene, Session, PALETTE_RANGE};
use crate::latent::Path;
use crate::model::write_atomically;
use crate::report::{Format, PaletteDocument};

#[derive(Debug, Args)]
pub struct PaletteArgs {
    #[command(flatten)]
    model: SessionModelArg,
    /// Upper left corner
    #[arg(long_help = END_HELP)]
    a: Option<String>,
    /// Upper right corner
    #[arg(long_help = END_HELP)]
    b: Option<String>,
    /// Lower left corner
    #[arg(long_help = END_HELP)]
    c: Option<String>,
    /// Lower right corner
    #[arg(long_help = END_HELP)]
    d: Option<String>,
    /// Cells of a side, the corners included
    #[arg(long, default_value_t = Palette::default().size, value_parser = size)]
    size: usize,
    /// Way along rows and columns: per-token, even, all, linear, forward or backward
    #[arg(long, visible_alias = "slerp", default_value_t = Path::PerToken)]
    path: Path,
    #[command(flatten)]
    guided: GuidedArg,
    /// Decode the palette of a session's scene
    #[arg(long, value_name = "FILE", conflicts_with_all = ["a", "b", "c", "d", "size", "path", "guided"])]
    session: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write a file instead, in the format of its name: .json, .md, .svg or, for pictures, .png
    #[arg(long, value_name = "FILE", value_parser = export_file)]
    export: Option<PathBuf>,
    /// Seed of the random samples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn size(text: &str) -> Result<usize, String> {
    let (low, high) = (PALETTE_RANGE.start(), PALETTE_RANGE.end());
    match text.parse() {
        Ok(size) if PALETTE_RANGE.contains(&size) => Ok(size),
        _ => Err(format!("expected a number from {low} to {high}")),
    }
}

pub fn run(args: &PaletteArgs) -> anyhow::Result<ExitCode> {
    let session = args.session.as_deref().map(Session::read).transpose()?;
    let model = args.model.open(session.as_ref())?;
    let scene = match session {
        Some(session) => {
            let mut scene = session.scene;
            // One that was saved before there were palettes has no corners of its own.
            if scene.palette.c.is_none() || scene.palette.d.is_none() {
                let [.., c, d] = ends(&model, [Some(""), Some(""), None, None], args.seed)?;
                scene.palette.c.get_or_insert(c);
                scene.palette.d.get_or_insert(d);
            }
            scene
        }
        None => {
            let given = [&args.a, &args.b, &args.c, &args.d].map(Option::as_deref);
            let [a, b, c, d] = ends(&model, given, args.seed)?;
            let decoding = args.guided.decoding();
            let palette = Palette { c: Some(c), d: Some(d), size: args.size };
            Scene { a, b, path: args.path, decoding, palette, ..Scene::default() }
        }
    };
    let info = model.info();
    let document = PaletteDocument {
        cells: replay_palette(&model, &scene)?,
        model: info.name,
        domain: info.domain,
        corners: scene.corners().map(str::to_owned),
        path: scene.path.to_string(),
        decoding: scene.decoding.name().to_owned(),
        size: scene.palette.size,
    };
    if let Some(file) = &args.export {
        let bytes = document.bytes(Format::of(file)?)?;
        write_atomically(file, &bytes).context("the export cannot be written")?;
        eprintln!("wrote {}", file.display());
    }
    if args.json {
        println!("{}", document.json());
    } else if args.export.is_none() {
        print!("{}", document.table());
    }
    Ok(ExitCode::SUCCESS)
}
