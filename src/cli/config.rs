//! `config`: the configuration that is in effect, or where its file lies.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::settings::Settings;

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Print the place of the configuration file instead, whether or not it is there
    #[arg(long)]
    path: bool,
}

pub fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let file = Settings::path();
    if args.path {
        let file = file.context("the system tells of no home folder to keep a configuration in")?;
        println!("{}", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::load()?;
    match file {
        Some(file) if file.exists() => {
            println!("# The defaults with {} over them.\n", file.display())
        }
        Some(file) => println!("# The defaults; there is no {}.\n", file.display()),
        None => println!("# The defaults.\n"),
    }
    print!("{}", settings.to_toml());
    Ok(ExitCode::SUCCESS)
}
