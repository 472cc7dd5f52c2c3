//! The explorer on a terminal: `tvae-tui` without a subcommand.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use super::settings::Settings;
use super::ModelArg;
use crate::engine::{Engine, LatentModel};
use crate::numeric::Precision;
use crate::tui::ThemeName;

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
    let engine = Engine::spawn(move || model.open().map(|m| Box::new(m) as Box<dyn LatentModel>))?;
    let seed = args.seed.or(seed).unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64)
    });
    crate::tui::explore(engine, seed, &explorer)?;
    Ok(ExitCode::SUCCESS)
}
