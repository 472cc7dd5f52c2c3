//! The explorer on a terminal: `tvae-tui` without a subcommand.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use super::ModelArg;
use crate::engine::{Engine, LatentModel};

#[derive(Debug, Args)]
pub struct ExploreArgs {
    #[command(flatten)]
    model: ModelArg,
    /// Seed of the random ends
    #[arg(long)]
    seed: Option<u64>,
}

pub fn run(args: &ExploreArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        std::io::stdout().is_terminal() && std::io::stdin().is_terminal(),
        "the explorer needs a terminal; `tvae-tui interpolate` prints a ladder without one"
    );
    let model = args.model.clone();
    let engine = Engine::spawn(move || model.open().map(|m| Box::new(m) as Box<dyn LatentModel>))?;
    let seed = args.seed.unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64)
    });
    crate::tui::explore(engine, seed)?;
    Ok(ExitCode::SUCCESS)
}
