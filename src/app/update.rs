//! What an action changes, and what has to be done about it.

mod comparison;
mod directions;
mod draw;
mod ends;
mod engine;
mod keep;
mod models;
mod palette;
mod slide;
#[cfg(test)]
mod tests;
mod tour;
mod train;

use std::path::PathBuf;
use std::sync::Arc;

use super::actions::{Action, Command};
use super::history::Change;
use super::picker::{Item, Picker};
use super::prompt::Ask;
use super::screen::Screen;
use super::state::{Notice, Overlay, Panel, Pick, RungView, State, Strip};
use super::training::{Steer, TrainCommand};
use crate::engine::pool::NamedDirection;
use crate::engine::{Decoding, Kind, LibraryChange, Request, Scene, Session, Task};
use crate::latent::Path;
use crate::report::{Document, PaletteDocument};
use crate::train::{DataOptions, Job, TrainConfig};

/// What the outside has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the engine.
    Decode(Request),
    /// Put a text on the clipboard.
    Copy {
        /// What it is, for the person.
        what: String,
        /// The text.
        text: String,
    },
    /// Write a session's file.
    Save {
        /// Where.
        file: PathBuf,
        /// What.
        session: Box<Session>,
        /// Whether a file that is there already is replaced.
        replace: bool,
    },
    /// Read a session's file.
    Open(PathBuf),
    /// Write ladders to a file, in the format of its name.
    Export {
        /// Where.
        file: PathBuf,
        /// What.
        document: Box<Document>,
        /// Whether a file that is there already is replaced.
        replace: bool,
    },
    /// Write a palette to a file, in the format of its name.
    ExportPalette {
        /// Where.
        file: PathBuf,
        /// What.
        palette: Box<PaletteDocument>,
        /// Whether a file that is there already is replaced.
        replace: bool,
    },
    /// Open a model, by its name or folder, in the place of the open one.
    OpenModel(String),
    /// Open a model, by its name or folder, beside the open one.
    Compare(String),
    /// Close the model beside the open one.
    EndComparison,
    /// Ask the engine of the model beside the open one.
    DecodeOther(Request),
    /// List all models.
    ListModels,
    /// Change the folder of models, then list all models.
    ChangeModels(LibraryChange),
    /// Look at data and at what a run on them would cost.
    Look {
        /// The number that comes back.
        generation: u64,
        /// The run.
        config: Box<TrainConfig>,
        /// The data.
        lines: DataOptions,
    },
    /// Start a run.
    Train(Box<Job>),
    /// Tell the run what to do.
    Steer(Steer),
    /// Read the run of a folder.
    TakeUp(PathBuf),
    /// Draw in the colours of the next theme.
    NextTheme,
    /// The tour is not to be shown again by itself.
    TourIsSeen,
    /// Write the own directions to a file and tell what came of it.
    SaveDirections {
        /// Where.
        file: PathBuf,
        /// The directions.
        own: Vec<NamedDirection>,
    },
}

/// Takes an action in; does no I/O.
///
/// Handlers only change the state. What has to be decoded, and what can be taken back, follows from how the scene differs
/// afterwards.
#[must_use]
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(command) = accepted_command(state, &action) {
        state.overlay = None;
        return update(state, Action::Run(command));
    }
    if !state.takes(&action) {
        return Vec::new();
    }
    let before = state.scene.clone();
    let wanted = state.wants_inspection();
    if action == Action::Run(Command::BestPath) {
        return Vec::from_iter(request(state, Kind::Paths));
    }
    if state.model.is_some() && !action.is_news() {
        // What was told has been read when the next key is pressed.
        state.notice = Notice::Status(engine::READY.to_owned());
    }
    match action {
        Action::Engine(reply) => {
            if engine::take(state, reply) {
                keep::fit(state);
                let mut effects = everything(state);
                effects.extend(directions::follow(state));
                return effects;
            }
        }
        Action::Opened { given, info, samples } => {
            models::opened(state, given, info, samples);
            let mut effects = everything(state);
            effects.extend(directions::follow(state));
            effects.extend(comparison::follow(state));
            effects.append(&mut state.outbox);
            return effects;
        }
        Action::NotOpened { given, message } => models::not_opened(state, &given, message),
        Action::Other(reply) => comparison::take(state, reply),
        Action::Trained(told) => train::told(state, &told),
        Action::Looked(generation, found) => train::looked(state, generation, found),
        Action::Done(outcome) => keep::take(state, outcome),
        Action::Run(Command::Undo) => travel(state, false),
        Action::Run(Command::Redo) => travel(state, true),
        action => {
            apply(state, action);
            if state.scene != before {
                let change = match state.edited_end() {
                    Some(end) => Change::Typing(end),
                    None => Change::between(&before, &state.scene),
                };
                state.history.record(before.clone(), change);
            }
        }
    }
    keep::choose(state, state.keep.row);
    let mut effects = requests(state, &before, wanted);
    effects.extend(palette::follow(state, &before));
    effects.extend(directions::follow(state));
    effects.extend(comparison::follow(state));
    effects.append(&mut state.outbox);
    effects
}

/// The command that accepting means while the list of commands is open.
fn accepted_command(state: &State, action: &Action) -> Option<Command> {
    match (action, &state.overlay) {
        (Action::Accept, Some(Overlay::Picking(Pick::Command, picker))) => {
            state.commands().nth(picker.chosen_item()?).map(|entry| entry.command)
        }
        _ => None,
    }
}

/// Goes through the history.
fn travel(state: &mut State, forward: bool) {
    let scene =
        if forward { state.history.redo(&state.scene) } else { state.history.undo(&state.scene) };
    if let Some(scene) = scene {
        state.scene = scene;
        keep::fit(state);
    }
}

fn apply(state: &mut State, action: Action) {
    match action {
        Action::Run(command) => run(state, command),
        Action::SlideTo(ratio) => slide::to(state, ratio),
        Action::SlideToken(token, ratio) => slide::token_to(state, token, ratio),
        Action::ChooseRung(rung) => slide::to_rung(state, rung),
        Action::ChooseRow(row) => match &mut state.overlay {
            Some(Overlay::Picking(_, picker)) => picker.choose(row),
            Some(Overlay::Help(_)) => scroll_help(state, row),
            _ if state.screen == Screen::Models => models::choose(state, row),
            _ if state.screen == Screen::Train => train::choose(state, row),
            _ if state.focus == Panel::Mix => {
                state.token = row.min(state.tokens().saturating_sub(1));
            }
            _ if state.focus == Panel::Keep => keep::choose(state, row),
            _ => {}
        },
        Action::RandomRow => ends::random_row(state),
        Action::Draw(action) => draw::act(state, action),
        Action::ChooseDirection(row) => {
            focus(state, Panel::Directions);
            directions::choose(state, row);
        }
        Action::SetStrength(row, strength) => directions::set_strength(state, row, strength),
        Action::ChooseCell(x, y) => palette::choose(state, x, y),
        Action::Focus(panel) => focus(state, panel),
        Action::Edit(request) => keep::edit(state, keep::Change::Key(request)),
        Action::Paste(text) => keep::edit(state, keep::Change::Paste(&text)),
        Action::NextStep => tour::turn(state, true),
        Action::PreviousStep => tour::turn(state, false),
        Action::Accept => accept(state),
        Action::Leave => leave(state),
        Action::ReadAt(step) => train::read_at(state, step),
        // These are taken before.
        Action::Engine(_)
        | Action::Other(_)
        | Action::Trained(_)
        | Action::Looked(..)
        | Action::Opened { .. }
        | Action::NotOpened { .. }
        | Action::Done(_) => {}
    }
}

/// What lies on top is done.
fn accept(state: &mut State) {
    state.history.seal();
    let (pick, picker) = match state.overlay.take() {
        Some(Overlay::Picking(pick, picker)) => (pick, picker),
        Some(Overlay::Prompt(prompt)) => return keep::answer(state, &prompt),
        _ => return,
    };
    let Some(item) = picker.chosen_item() else { return };
    match pick {
        Pick::End(end) => ends::take_sample(state, end, item),
        Pick::Third => directions::take_third(state, item),
        Pick::Ending { quit } => train::end(state, quit, item),
        // A command is taken before.
        Pick::Command => {}
    }
}

/// The list of all commands with their keys.
fn palette(state: &mut State) {
    let items = state.commands().map(|entry| {
        let keys: Vec<String> =
            state.keys.keys(entry.command).iter().map(ToString::to_string).collect();
        let name = entry.name.replace('-', " ");
        let text = if entry.help.is_empty() { name } else { format!("{name} · {}", entry.help) };
        Item { text, detail: keys.join(" ") }
    });
    let picker = Picker::new(items.collect());
    state.overlay = Some(Overlay::Picking(Pick::Command, picker));
}

fn leave(state: &mut State) {
    let (end, before) = match state.overlay.take() {
        Some(Overlay::Typing(typing)) => (typing.end, typing.before),
        Some(Overlay::Drawing(drawing)) => (drawing.end, drawing.before),
        Some(Overlay::Filter) => return state.models.show_all(),
        Some(_) => return,
        None => return tour::leave(state),
    };
    *ends::text(state, end) = before;
    state.history.seal();
}

fn run(state: &mut State, command: Command) {
    match command {
        Command::Slide(step) => slide::by(state, step),
        Command::Tenth(tenth) => slide::to(state, f32::from(tenth) / 10.0),
        Command::SeamLeft => slide::to_seam(state, false),
        Command::SeamRight => slide::to_seam(state, true),
        Command::Up => row(state, false),
        Command::Down => row(state, true),
        Command::SlideToken(step) => slide::token_by(state, step),
        Command::LockToken => slide::lock_token(state),
        Command::FreeTokens => state.scene.tokens.clear(),
        Command::Strength(step) => directions::strength_by(state, step),
        Command::NextTarget => directions::next_target(state),
        Command::RemoveEdit => directions::set_strength(state, state.directions.chosen(), 0.0),
        Command::Along => directions::toggle_along(state),
        Command::Mark(set) => directions::mark(state, usize::from(set)),
        Command::FromLabels => directions::from_labels(state),
        Command::FromMarked => directions::from_marked(state),
        Command::FromEnds => directions::from_ends(state),
        Command::Arithmetic => directions::begin_arithmetic(state),
        Command::NameDirection => directions::begin_naming(state),
        Command::DeleteDirection => directions::delete(state),
        Command::SaveDirections => directions::save(state),
        Command::Random => ends::random(state),
        Command::Swap => {
            let Scene { a, b, .. } = &mut state.scene;
            std::mem::swap(a, b);
        }
        Command::Type(end) => ends::begin_typing(state, end),
        Command::Pick(end) => ends::begin_picking(state, Pick::End(end)),
        Command::Draw(end) => draw::begin(state, end),
        Command::Palette => palette(state),
        Command::NextPath => {
            let at = Path::ALL.iter().position(|p| *p == state.scene.path).unwrap_or(0);
            state.scene.path = Path::ALL[(at + 1) % Path::ALL.len()];
        }
        Command::NextDecoding => {
            state.scene.decoding = match state.scene.decoding {
                Decoding::Greedy => Decoding::Guided,
                Decoding::Guided => Decoding::Greedy,
            };
        }
        Command::MoreRungs => rungs(state, state.scene.rungs + 1),
        Command::FewerRungs => rungs(state, state.scene.rungs.saturating_sub(1)),
        Command::Panel(panel) => focus(state, panel),
        Command::Probabilities => state.probabilities = !state.probabilities,
        Command::NextPanel => turn(state, 1),
        Command::PreviousPanel => turn(state, state.panels().len() - 1),
        Command::Bookmark => keep::ask(state, Ask::Bookmark),
        Command::Note => keep::ask_note(state),
        Command::Remove => keep::remove(state),
        Command::Jump => keep::jump(state),
        Command::SaveSession => keep::ask(state, Ask::Save),
        Command::OpenSession => keep::ask(state, Ask::Open),
        Command::Export if state.focus == Panel::Palette => keep::ask(state, Ask::ExportPalette),
        Command::Export => keep::ask(state, Ask::Export),
        Command::CopyPoint => keep::copy_point(state),
        Command::CopyLadder => keep::copy_ladder(state),
        Command::NextTheme => state.outbox.push(Effect::NextTheme),
        Command::Tour => state.tour = Some(0),
        Command::Show(screen) => show(state, screen),
        Command::OpenModel => models::open(state),
        Command::CompareModel => comparison::begin(state),
        Command::EndComparison => comparison::end(state),
        Command::RenameModel => models::ask(state, Ask::RenameModel),
        Command::DuplicateModel => models::ask(state, Ask::DuplicateModel),
        Command::DeleteModel => models::ask(state, Ask::DeleteModel),
        Command::FilterModels => models::filter(state),
        Command::ListModels => models::list(state),
        Command::Help => {
            state.overlay = match state.overlay {
                Some(Overlay::Help(_)) => None,
                _ => Some(Overlay::Help(0)),
            };
        }
        Command::Train(command) => train::run(state, command),
        Command::TakeUpRun => models::take_up(state),
        Command::Quit => train::quit(state),
        // What is left are the palette's own.
        command => palette::run(state, command),
    }
}

/// To another screen; what lies on top of the present one is left as with escape.
fn show(state: &mut State, screen: Screen) {
    if state.overlay.is_some() {
        leave(state);
    }
    state.screen = screen;
    match screen {
        Screen::Explore => {}
        Screen::Train => train::enter(state),
        Screen::Models => models::list(state),
    }
}

/// The row above or below in the list on top or the focused panel.
fn row(state: &mut State, down: bool) {
    if let Some(Overlay::Picking(_, picker)) = &mut state.overlay {
        picker.step(down);
        return;
    }
    let next = |at: usize| if down { at + 1 } else { at.saturating_sub(1) };
    if let Some(Overlay::Help(first)) = state.overlay {
        return scroll_help(state, next(first));
    }
    match state.screen {
        Screen::Explore => {}
        Screen::Train => return train::run(state, TrainCommand::Row(down)),
        Screen::Models => return models::step(state, down),
    }
    match state.focus {
        Panel::Mix => state.token = next(state.token).min(state.tokens().saturating_sub(1)),
        Panel::Keep => keep::choose(state, next(state.keep.row)),
        Panel::Directions => directions::choose(state, next(state.directions.chosen())),
        Panel::Palette => palette::step(state, 0, if down { 1 } else { -1 }),
        _ => slide::to_rung(state, next(state.nearest_rung())),
    }
}

fn scroll_help(state: &mut State, first: usize) {
    let last = state.helped().len().saturating_sub(1);
    state.overlay = Some(Overlay::Help(first.min(last)));
}

fn turn(state: &mut State, by: usize) {
    let panels = state.panels();
    let at = panels.iter().position(|p| *p == state.focus).unwrap_or(0);
    focus(state, panels[(at + by) % panels.len()]);
}

fn focus(state: &mut State, panel: Panel) {
    if !state.panels().contains(&panel) {
        return;
    }
    state.focus = panel;
    if panel != Panel::Ladder {
        state.side = panel;
    }
}

fn rungs(state: &mut State, count: usize) {
    if crate::engine::RUNG_RANGE.contains(&count) {
        state.scene.rungs = count;
    }
}

/// All that is on the screen has to be decoded anew.
fn everything(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::from_iter(ladder(state));
    effects.extend(point(state));
    effects.extend(strip(state));
    effects.extend(palette::anew(state));
    effects
}

/// What has to be decoded because the scene was `before`, and inspections were or were not `wanted`.
fn requests(state: &mut State, before: &Scene, wanted: bool) -> Vec<Effect> {
    let same_way = state.scene.same_way(before);
    let mut effects = Vec::new();
    if !state.scene.same_ladder(before) {
        effects.extend(ladder(state));
    }
    if !same_way || (state.scene.ratio - before.ratio).abs() > 1e-6 {
        effects.extend(point(state));
    } else if !wanted && state.wants_inspection() {
        effects.extend(request(state, Kind::Inspect));
    }
    if !same_way {
        effects.extend(strip(state));
    }
    effects
}

fn ladder(state: &mut State) -> Option<Effect> {
    state.figures = None;
    let places = state.scene.places();
    if state.rungs.iter().map(|rung| rung.ratio).ne(places.iter().copied()) {
        state.rungs = places.into_iter().map(RungView::empty).collect();
    }
    // What is shown belongs to another scene until the first news come.
    for rung in &mut state.rungs {
        rung.verdict = None;
    }
    request(state, Kind::Ladder)
}

fn point(state: &mut State) -> Vec<Effect> {
    state.point.ratio = state.scene.ratio;
    state.point.verdict = None;
    let inspect = state.wants_inspection();
    let mut effects = Vec::from_iter(request(state, Kind::Point));
    effects.extend(if inspect { request(state, Kind::Inspect) } else { None });
    effects
}

fn strip(state: &mut State) -> Option<Effect> {
    state.strip = Strip::default();
    request(state, Kind::Strip)
}

/// A request with a new number, once there is a model to ask.
fn request(state: &mut State, kind: Kind) -> Option<Effect> {
    request_about(state, kind, None)
}

fn request_about(state: &mut State, kind: Kind, task: Option<Task>) -> Option<Effect> {
    let generation = state.generations.next(kind);
    state.model.as_ref()?;
    let scene = Arc::new(state.scene.clone());
    Some(Effect::Decode(Request { kind, generation, scene, task }))
}
