//! The explorer on a terminal: `tvae-tui` without a subcommand.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::settings::Settings;
use super::ModelArg;
use crate::corpus::{self, Column, Example, ReadOptions};
use crate::engine::{Engine, EngineError, LatentModel};
use crate::numeric::Precision;
use crate::tui::ThemeName;

/// Texts of a data set that the explorer takes: for random ends, neighbours and directions.
const TEXTS: usize = 2000;

#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// A bundled model's name, or a model folder; python where the configuration says nothing else
    #[arg(long, short, value_name = "NAME|FOLDER")]
    model: Option<String>,
    /// Weights that decoding uses: f32 or bf16; by default bf16 where it was measured to change next to nothing
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
    /// Seed of the random ends
    #[arg(long)]
    seed: Option<u64>,
    /// Texts for random ends, neighbours and directions; the domain's samples where it is not given
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN", requires = "data")]
    column: Option<Column>,
    /// Column of a label: every label that enough texts have gives a direction
    #[arg(long, value_name = "COLUMN", requires = "data")]
    label_column: Option<Column>,
    /// Colours: dark, light, high-contrast, colour-blind or plain
    #[arg(long, value_name = "NAME")]
    theme: Option<ThemeName>,
}

/// Opens the explorer with the command line's values over the configuration's.
pub fn run(args: &ExploreArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        std::io::stdout().is_terminal() && std::io::stdin().is_terminal(),
        "the explorer needs a terminal; `tvae-tui interpolate` prints a ladder without one"
    );
    let Settings { model, seed, mut explorer, .. } = settings;
    let model = ModelArg { model: args.model.clone().unwrap_or(model), precision: args.precision };
    explorer.theme = args.theme.or(explorer.theme);
    let seed = args.seed.or(seed).unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64)
    });
    let data = args.data.clone().map(|file| {
        let (column, label) = (args.column.clone(), args.label_column.clone());
        (file, ReadOptions { column, label, ..ReadOptions::default() })
    });
    let engine = Engine::spawn(move || {
        let mut model = model.open()?;
        if let Some((file, options)) = data {
            model = model.with_samples(texts(&file, &options, seed)?);
        }
        Ok(Box::new(model) as Box<dyn LatentModel>)
    })?;
    crate::tui::explore(engine, seed, &explorer)?;
    Ok(ExitCode::SUCCESS)
}

/// A data set's examples, or so many as are taken, drawn evenly and in their order.
fn texts(file: &Path, options: &ReadOptions, seed: u64) -> Result<Vec<Example>, EngineError> {
    let load = |e: &dyn std::fmt::Display| EngineError::Load(e.to_string());
    let examples = corpus::read(file, options).map_err(|e| load(&e))?.examples;
    if examples.is_empty() {
        return Err(load(&format!("{}: there is no text in it", file.display())));
    }
    if examples.len() <= TEXTS {
        return Ok(examples);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = rand::seq::index::sample(&mut rng, examples.len(), TEXTS).into_vec();
    chosen.sort_unstable();
    Ok(chosen.into_iter().map(|i| examples[i].clone()).collect())
}
