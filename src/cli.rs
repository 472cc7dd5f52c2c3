//! The command line: one file per subcommand. Without a subcommand the explorer opens.

mod check;
mod completions;
mod config;
mod data;
mod directions;
mod download;
mod ends;
mod eval;
mod explore;
mod interpolate;
mod latents;
mod logging;
mod man;
mod models;
mod palette;
mod precision;
mod prior;
mod probe;
mod runs;
mod settings;
mod train;

use std::process::ExitCode;
use std::time::Instant;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::corpus::Source;
use crate::engine::{Decoding, EngineError, LatentModel, LoadedModel, Session, Way};
use crate::latent::Path;
use crate::numeric::Precision;
use crate::train::StopSignal;
use download::{Fetched, Shown};
use settings::Settings;

/// Exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Explore and train Transformer-VAEs: interpolation ladders between two inputs, decoded live.
#[derive(Debug, Parser)]
#[command(name = "tvae-tui", version, about, max_term_width = 100)]
struct Cli {
    /// What to do; without it the explorer opens
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    explore: explore::ExploreArgs,
    #[command(flatten)]
    log: logging::LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a pile of short sequences
    Train(Box<train::TrainArgs>),
    /// Print the interpolation ladder between two inputs
    Interpolate(interpolate::InterpolateArgs),
    /// Print the palette between four inputs: a grid of decodes
    Palette(palette::PaletteArgs),
    /// Print the latent codes of inputs, as JSON lines
    Encode(latents::EncodeArgs),
    /// Read latent codes as JSON lines and print what they decode to
    Decode(latents::DecodeArgs),
    /// Decode random latents drawn from the prior
    Sample(latents::SampleArgs),
    /// Read lines and give each one's verdict
    Check(check::CheckArgs),
    /// Judge a model on held-out lines: reconstruction and ladders with intervals, beside controls
    Eval(Box<eval::EvalArgs>),
    /// Measure how well a label can be read from the latents: support vector machines beside controls
    Probe(Box<probe::ProbeArgs>),
    /// List the directions of a model's latent space, and what a step along each does
    Directions(directions::DirectionsArgs),
    /// Fit a prior to encoded texts, from which `sample` draws then
    Prior(Box<prior::PriorArgs>),
    /// Measure what decoding with weights in bf16 changes, and note it with the model
    Precision(precision::PrecisionArgs),
    /// List trained models and runs with their figures, or compare them
    Runs(runs::RunsArgs),
    /// List the models that there are: bundled, local and trained ones; rename, duplicate and delete own ones
    Models(models::ModelsArgs),
    /// Turn MNIST's IDX files into data sets of texts, and texts of digits into PNG and back
    Data(data::DataArgs),
    /// Print the configuration that is in effect, as TOML
    Config(config::ConfigArgs),
    /// Print the completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write all of them to a folder
    Man(man::ManArgs),
}

impl Command {
    /// Whether it also works where the configuration does not.
    fn ignores_settings(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Data(_) | Self::Completions(_) | Self::Man(_))
    }
}

/// Which model a subcommand opens.
#[derive(Debug, Clone, Args)]
struct ModelArg {
    /// A bundled model's name, a model folder, or a model of the Hugging Face hub
    #[arg(long, short, value_name = "NAME|FOLDER|hf:OWNER/NAME", default_value = "python")]
    model: String,
    /// Weights that decoding uses: f32 or bf16; by default bf16 where it was measured to change next to nothing
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
}

/// Which model a subcommand opens that can take it from a session.
#[derive(Debug, Clone, Args)]
struct SessionModelArg {
    /// A bundled model's name, a model folder, or a model of the Hugging Face hub; python where no session names another
    #[arg(long, short, value_name = "NAME|FOLDER|hf:OWNER/NAME")]
    model: Option<String>,
    /// Weights that decoding uses: f32 or bf16; by default bf16 where it was measured to change next to nothing
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
}

impl SessionModelArg {
    /// Opens the model that the options name, else the session's.
    fn open(&self, session: Option<&Session>) -> anyhow::Result<LoadedModel> {
        Ok(ModelArg::of(self.model.clone(), self.precision, session, "python")?.open()?)
    }
}

/// Which way ladders take.
#[derive(Debug, Clone, Copy, Args)]
struct PathArg {
    /// Way between the ends: per-token, even, all, linear, forward or backward (one latent token after the other), or best
    #[arg(long, visible_alias = "slerp", default_value_t = Way::Fixed(Path::PerToken))]
    path: Way,
}

/// How latents become texts.
#[derive(Debug, Clone, Copy, Args)]
struct GuidedArg {
    /// Where the greedy decode is not valid, take the most probable valid one of eight beams; of pictures the first valid draw of
    /// sixteen
    #[arg(long)]
    guided: bool,
}

impl GuidedArg {
    fn decoding(self) -> Decoding {
        if self.guided {
            Decoding::Guided
        } else {
            Decoding::Greedy
        }
    }
}

impl ModelArg {
    /// The model and the precision that are given, else the session's, else `default`.
    fn of(
        model: Option<String>,
        precision: Option<Precision>,
        session: Option<&Session>,
        default: &str,
    ) -> anyhow::Result<Self> {
        let named = session.map_or(default, |session| &session.model);
        let of_session = session.and_then(|session| session.precision.as_deref());
        let precision = match (precision, of_session) {
            (Some(precision), _) => Some(precision),
            (None, Some(name)) => Some(name.parse().map_err(anyhow::Error::msg)?),
            (None, None) => None,
        };
        Ok(Self { model: model.unwrap_or_else(|| named.to_owned()), precision })
    }

    fn open(&self) -> Result<LoadedModel, EngineError> {
        self.load(download::fetch(&self.model)?)
    }

    /// Opens the model from where it was fetched to.
    fn load(&self, fetched: Option<Fetched>) -> Result<LoadedModel, EngineError> {
        let clock = Instant::now();
        let mut model = match fetched {
            Some((name, folder)) => LoadedModel::from_hub(&name, &folder)?,
            None => LoadedModel::open(&self.model)?,
        };
        if let Some(precision) = self.precision {
            model = model.with_precision(precision)?;
        }
        let info = model.info();
        tracing::info!(
            model = ?self.model,
            domain = info.domain,
            parameters = info.parameters,
            precision = %model.precision(),
            ms = milliseconds(clock),
            "model opened"
        );
        Ok(model)
    }
}

/// Parses the command line, runs it, and turns its end into an exit code:
/// 0 done, 1 failed, 2 wrong use, 130 interrupted.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli) {
        Ok(code) => code,
        // `tvae-tui sample | head` is no failure.
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!("{}", reasons(&e));
            eprintln!("tvae-tui: {}", reasons(&e));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    let settings = match &cli.command {
        Some(command) if command.ignores_settings() => Settings::default(),
        _ => Settings::load()?,
    };
    if let Some(file) = cli.log.log.as_ref().or(settings.log.as_ref()) {
        logging::start(file, cli.log.log_level.unwrap_or(settings.log_level))?;
    }
    match &cli.command {
        None => explore::run(&cli.explore, settings),
        Some(Command::Train(args)) => train::run(args),
        Some(Command::Interpolate(args)) => interpolate::run(args),
        Some(Command::Palette(args)) => palette::run(args),
        Some(Command::Encode(args)) => latents::encode(args),
        Some(Command::Decode(args)) => latents::decode(args),
        Some(Command::Sample(args)) => latents::sample(args),
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Eval(args)) => eval::run(args),
        Some(Command::Probe(args)) => probe::run(args),
        Some(Command::Directions(args)) => directions::run(args),
        Some(Command::Prior(args)) => prior::run(args),
        Some(Command::Precision(args)) => precision::run(args),
        Some(Command::Runs(args)) => runs::run(args),
        Some(Command::Models(args)) => models::run(args),
        Some(Command::Data(args)) => data::run(args),
        Some(Command::Config(args)) => config::run(args),
        Some(Command::Completions(args)) => completions::run(args),
        Some(Command::Man(args)) => man::run(args),
    }
}

/// Reads where a data set is: a path that need not be valid UTF-8, or a name of the hub.
fn source() -> impl TypedValueParser<Value = Source> {
    OsStringValueParser::new().try_map(Source::try_from)
}

/// Milliseconds since then, for the log.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

/// The first Ctrl-C or SIGTERM raises the signal; the second ends the program at once.
fn stop_on_signals() -> anyhow::Result<StopSignal> {
    let stop = StopSignal::new();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(INTERRUPTED),
            stop.flag(),
        )?;
        signal_hook::flag::register(signal, stop.flag())?;
    }
    Ok(stop)
}

/// An error and its causes in one line; a cause that the line tells already is left out.
fn reasons(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line.trim_end().to_owned()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
