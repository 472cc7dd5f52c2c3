//! The explorer: `tvae-tui` without a subcommand, on a terminal or, for pictures, without one.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::settings::Settings;
use super::{source, ModelArg, Shown};
use crate::app::{keys, Keep, Notice, State};
use crate::corpus::hub::Split;
use crate::corpus::{read_source, Column, Example, ReadOptions, Source};
use crate::engine::{models_folder, EngineError, LatentModel, Session};
use crate::model::write_atomically;
use crate::numeric::Precision;
use crate::tui::{
    Depth, Engines, Look, OpenModel, Preferences, ScreenSize, Script, Theme, ThemeName,
};

/// The size of a picture of the screen where nobody asks for another.
const SIZE: ScreenSize = ScreenSize { width: 120, height: 40 };

/// Texts of a data set that the explorer takes: for random ends, neighbours and directions.
const TEXTS: usize = 2000;

#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// A bundled model's name, a model folder, or a model of the Hugging Face hub; python where neither the session nor
    /// the configuration says another
    #[arg(long, short, value_name = "NAME|FOLDER|hf:OWNER/NAME")]
    model: Option<String>,
    /// Weights that decoding uses: f32 or bf16; by default bf16 where it was measured to change next to nothing
    #[arg(long, value_name = "f32|bf16")]
    precision: Option<Precision>,
    /// Seed of the random ends
    #[arg(long)]
    seed: Option<u64>,
    /// Texts for random ends, neighbours and directions; the domain's samples where it is not given
    #[arg(long, value_name = "FILE|hf:OWNER/NAME[:COLUMN]", value_parser = source())]
    data: Option<Source>,
    /// Column of the text, by name or by number from 0
    #[arg(long, value_name = "COLUMN", requires = "data")]
    column: Option<Column>,
    /// Column of a label: every label that enough texts have gives a direction
    #[arg(long, value_name = "COLUMN", requires = "data")]
    label_column: Option<Column>,
    /// Colours: dark, light, high-contrast, colour-blind or plain
    #[arg(long, value_name = "NAME")]
    theme: Option<ThemeName>,
    /// Go on with a session that was saved
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// Do not show the tour of the first run
    #[arg(long)]
    no_tour: bool,
    /// Write the screen as a picture instead of opening the explorer on the terminal; needs none
    #[arg(long, value_name = "FILE.svg|FILE.txt", value_parser = shot_file)]
    shot: Option<PathBuf>,
    /// Keys to press before the picture, by their names; texts to type in double quotes
    #[arg(long, value_name = "KEYS", requires = "shot")]
    keys: Option<Script>,
    /// Columns and rows of the picture; 120x40 by default
    #[arg(long, value_name = "WxH", requires = "shot")]
    size: Option<ScreenSize>,
}

/// A file for a picture of the screen.
fn shot_file(name: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(name);
    match file.extension().and_then(|e| e.to_str()) {
        Some("svg" | "txt") => Ok(file),
        _ => Err("expected a name that ends in .svg or .txt".to_owned()),
    }
}

/// Opens the explorer with the command line's values over the session's, and those over the configuration's.
pub fn run(args: &ExploreArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.shot.is_some() || std::io::stdout().is_terminal() && std::io::stdin().is_terminal(),
        "the explorer needs a terminal; `tvae-tui interpolate` prints a ladder without one, `tvae-tui --shot FILE.svg` draws the screen"
    );
    let session = args.session.as_deref().map(Session::read).transpose()?;
    let Settings { model: configured, seed, mut explorer, .. } = settings;
    explorer.theme = args.theme.or(explorer.theme);
    let model = ModelArg::of(args.model.clone(), args.precision, session.as_ref(), &configured)?;
    let seed = args.seed.or(seed).unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64)
    });
    let mut state = State::new(seed, keys(&explorer.keys)?);
    state.begin_with(explorer.path, explorer.rungs);
    state.keep = Keep {
        model: lasting(&model.model),
        precision: model.precision.map(|p| p.to_string()),
        folder: models_folder()
            .and_then(|models| Some(models.parent()?.join("sessions")))
            .unwrap_or_default(),
        ..Keep::default()
    };
    state.training.folder = models_folder().unwrap_or_default();
    if let Some((session, file)) = session.zip(args.session.clone()) {
        state.begin_with_session(file, session);
    }
    // What is downloaded shows a bar, so it comes before the screen.
    super::download::fetch(&model.model)?;
    let data = match args.data.clone() {
        Some(data) => {
            let (column, label) = (args.column.clone(), args.label_column.clone());
            let options = ReadOptions { column, label, ..ReadOptions::default() };
            Some(match &data {
                Source::Hub(_) => Texts::Read(texts(&data, &options, seed)?),
                Source::Path(_) => Texts::In(data, options),
            })
        }
        None => None,
    };
    let opens = open_with(model.precision, data, seed);
    let library = super::models::library();
    let mut engines = Engines::start(opens, &model.model, library)?;
    match &args.shot {
        Some(file) => shoot(args, file, &mut engines, state, &explorer)?,
        None => crate::tui::explore(&mut engines, state, &explorer, !args.no_tour)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Texts for random ends, neighbours and directions.
enum Texts {
    /// They have been read.
    Read(Vec<Example>),
    /// They are read beside the model.
    In(Source, ReadOptions),
}

/// Opens models with this precision where one is asked for. The data's texts are those of the first model and of others of
/// its domain.
fn open_with(precision: Option<Precision>, data: Option<Texts>, seed: u64) -> OpenModel {
    let first: OnceLock<&str> = OnceLock::new();
    Arc::new(move |model| {
        // The screen is on: a download shows nothing.
        let mut model = ModelArg { model: model.to_owned(), precision }.load(None)?;
        let domain = model.domain().name();
        if let Some(data) = data.as_ref().filter(|_| *first.get_or_init(|| domain) == domain) {
            let digits = ReadOptions::within(model.max_len()).digits;
            model = model.with_samples(match data {
                Texts::Read(texts) => texts.clone(),
                Texts::In(data, options) => {
                    texts(data, &ReadOptions { digits, ..options.clone() }, seed)?
                }
            });
        }
        Ok(Box::new(model) as Box<dyn LatentModel>)
    })
}

/// What opens the model from any folder.
fn lasting(model: &str) -> String {
    let folder = Path::new(model);
    let whole = if folder.is_dir() { folder.canonicalize().ok() } else { None };
    whole.map_or_else(|| model.to_owned(), |folder| folder.display().to_string())
}

/// Plays the keys and writes the screen. Nothing in the picture depends on this process's terminal.
fn shoot(
    args: &ExploreArgs,
    file: &Path,
    engines: &mut Engines,
    mut state: State,
    preferences: &Preferences,
) -> anyhow::Result<()> {
    let theme = Theme::new(preferences.theme.unwrap_or(ThemeName::Dark), Depth::True);
    let script = args.keys.clone().unwrap_or_default();
    let size = args.size.unwrap_or(SIZE);
    let look = Look::new(theme, preferences.blocks());
    let played = crate::tui::play(engines, &mut state, &script, size, look);
    if let (None, Notice::Error(message)) = (&state.model, &state.notice) {
        anyhow::bail!("{message}");
    }
    let shot = played.shot();
    let is_svg = file.extension().is_some_and(|ending| ending == "svg");
    let text = if is_svg { shot.svg() } else { shot.text() };
    write_atomically(file, text.as_bytes()).context("the picture cannot be written")
}

/// A data set's examples, or so many as are taken, drawn evenly and in their order.
fn texts(data: &Source, options: &ReadOptions, seed: u64) -> Result<Vec<Example>, EngineError> {
    let load = |e: &dyn std::fmt::Display| EngineError::Load(e.to_string());
    let mut shown = Shown::default();
    let corpus = read_source(data, Split::Any, options, &mut |news| shown.tell(news));
    let examples = corpus.map_err(|e| load(&e))?.examples;
    if examples.is_empty() {
        return Err(load(&format!("{data}: there is no text in it")));
    }
    if examples.len() <= TEXTS {
        return Ok(examples);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = rand::seq::index::sample(&mut rng, examples.len(), TEXTS).into_vec();
    chosen.sort_unstable();
    Ok(chosen.into_iter().map(|i| examples[i].clone()).collect())
}
