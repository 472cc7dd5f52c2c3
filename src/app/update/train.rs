//! The train screen: its form, and the hand on a run.

use super::Effect;
use crate::app::picker::{Item, Picker};
use crate::app::prompt::{Ask, Prompt};
use crate::app::screen::Screen;
use crate::app::state::{Notice, Overlay, Pick, State};
use crate::app::training::{Ending, FormRow, Looked, RunState, RunView, Steer, TrainCommand};
use crate::train::{Budget, Checkpoint, Job, Look, Report, Told};

/// What a press of a key does to the learning rate.
const RATE_STEP: f64 = 1.25;
/// Reports that a coarse step of the cursor passes.
const COARSE: isize = 10;

fn tell(state: &mut State, text: impl Into<String>) {
    state.notice = Notice::Status(text.into());
}

fn refuse(state: &mut State, text: impl Into<String>) {
    state.notice = Notice::Error(text.into());
}

/// The screen is shown: its data are looked at, once.
pub(super) fn enter(state: &mut State) {
    if state.training.shown_run().is_none() && state.training.looked == Looked::No {
        look(state);
    }
}

/// Asks for a look at what the form names.
fn look(state: &mut State) {
    let training = &mut state.training;
    training.looks += 1;
    training.looked = Looked::Looking;
    state.outbox.push(Effect::Look {
        generation: training.looks,
        config: Box::new(training.form.config.clone()),
        lines: training.form.lines(),
    });
}

/// What a look found.
pub(super) fn looked(state: &mut State, generation: u64, found: Result<Box<Look>, String>) {
    if generation == state.training.looks {
        state.training.looked = match found {
            Ok(look) => Looked::At(look),
            Err(message) => Looked::Failed(message),
        };
    }
}

pub(super) fn run(state: &mut State, command: TrainCommand) {
    let training = &mut state.training;
    if training.is_form() {
        return in_form(state, command);
    }
    let running = training.is_running();
    let Some(run) = &mut training.run else { return };
    match command {
        TrainCommand::Turn(forward) => run.move_cursor(if forward { 1 } else { -1 }),
        TrainCommand::TurnFar(forward) => run.move_cursor(if forward { COARSE } else { -COARSE }),
        TrainCommand::Row(down) => run.scrub(down),
        TrainCommand::Scrub(forward) => run.scrub(forward),
        TrainCommand::Enter => open_moment(state),
        TrainCommand::StartStop => start_or_stop(state),
        TrainCommand::Discard if !running => refuse(state, "no run goes on"),
        TrainCommand::Discard => ask_ending(state, false),
        TrainCommand::Pause => pause(state),
        TrainCommand::Rate(up) => rate(state, up),
        TrainCommand::NextChart => run.chart = run.next_chart(),
        TrainCommand::Log => run.log = !run.log,
        TrainCommand::Now => (run.cursor, run.moment) = (None, None),
        TrainCommand::Prepare => {
            training.preparing = true;
            enter(state);
        }
        TrainCommand::AllOptions | TrainCommand::Reset | TrainCommand::Pin | TrainCommand::Look => {
        }
    }
}

fn in_form(state: &mut State, command: TrainCommand) {
    let form = &mut state.training.form;
    let rows = form.rows().len();
    match command {
        TrainCommand::Row(down) => {
            form.row = if down { (form.row + 1).min(rows - 1) } else { form.row.saturating_sub(1) };
        }
        TrainCommand::Turn(forward) if form.turn(forward) => look(state),
        TrainCommand::Enter => {
            if form.chosen().is_typed() {
                let (row, value) = (form.row, form.value(form.chosen()));
                state.overlay = Some(Overlay::Prompt(
                    Prompt::new(Ask::Option(row), value).about(form.chosen().name()),
                ));
            } else if form.turn(true) {
                look(state);
            }
        }
        TrainCommand::StartStop => start_or_stop(state),
        TrainCommand::AllOptions => {
            let chosen = form.chosen();
            form.all = !form.all;
            form.row = form.rows().iter().position(|row| *row == chosen).unwrap_or(0);
        }
        TrainCommand::Reset => {
            form.reset();
            form.row = form.row.min(form.rows().len() - 1);
            look(state);
        }
        TrainCommand::Pin => pin(state),
        TrainCommand::Look => look(state),
        TrainCommand::Prepare if state.training.run.is_some() => state.training.preparing = false,
        _ => {}
    }
}

/// The ends of the explorer's ladder as those of the run's.
fn pin(state: &mut State) {
    let same = state.model.as_ref().is_some_and(|m| m.domain == state.training.form.config.domain);
    let config = &mut state.training.form.config;
    if config.pinned.take().is_some() {
        return tell(state, "the ladder of the run is that of two held-out lines again");
    }
    if !same {
        let domain = config.domain.clone();
        return refuse(
            state,
            format!("the ends in the explorer are no {domain}: open such a model first"),
        );
    }
    config.pinned = Some([state.scene.a.clone(), state.scene.b.clone()]);
    tell(state, "the run shows the ladder between the explorer's A and B");
}

/// The answer for a row of the form.
pub(super) fn answer(state: &mut State, row: usize, text: &str) {
    let form = &mut state.training.form;
    let Some(&row) = form.rows().get(row) else { return };
    match form.set(row, text) {
        Ok(()) => {
            form.row = form.rows().iter().position(|at| *at == row).unwrap_or(0);
            if row != FormRow::Name {
                look(state);
            }
        }
        Err(message) => refuse(state, message),
    }
}

/// A row of the form was chosen.
pub(super) fn choose(state: &mut State, row: usize) {
    if state.training.shown_run().is_none() {
        let form = &mut state.training.form;
        form.row = row.min(form.rows().len() - 1);
    }
}

/// The mouse reads a chart off.
pub(super) fn read_at(state: &mut State, step: usize) {
    if let Some(run) = &mut state.training.run {
        run.read_at(step as f64);
    }
}

fn start_or_stop(state: &mut State) {
    let training = &mut state.training;
    if training.is_running() {
        if training.preparing {
            return refuse(state, "a run goes on already: stop it first, n shows it");
        }
        return steer(state, Steer::Stop);
    }
    if !training.preparing {
        return take_up(state);
    }
    if let Looked::Failed(message) = &training.looked {
        let message = message.clone();
        return refuse(state, message);
    }
    let job = training.form.job(&training.folder);
    begin(state, job);
}

/// Starts a run.
fn begin(state: &mut State, job: Job) {
    let past = state.training.run.take().filter(|_| job.resume);
    let mut run = past.unwrap_or_else(|| RunView::new(job.out.clone(), job.config.clone()));
    run.config = job.config.clone();
    run.state = RunState::Preparing("starting".to_owned());
    state.training.run = Some(run);
    state.training.job = Some(Box::new(job.clone()));
    state.training.preparing = false;
    state.outbox.push(Effect::Train(Box::new(job)));
}

/// Goes on with the run that is shown.
fn take_up(state: &mut State) {
    let Some(job) = state.training.job.clone() else { return };
    let run = state.training.run.as_ref();
    let job = Job { resume: run.is_some_and(|run| run.saved.is_some()), ..*job };
    if run.is_some_and(|run| run.state == RunState::Ended("finished".to_owned())) {
        let more = match job.config.budget {
            Budget::Steps(steps) => format!("{} steps", steps * 2),
            Budget::Minutes(minutes) => format!("{} minutes", minutes * 2.0),
        };
        state.overlay = Some(Overlay::Prompt(Prompt::new(Ask::Budget, more)));
        return;
    }
    begin(state, job);
}

/// How long a run is to be in all that had ended.
pub(super) fn answer_budget(state: &mut State, text: &str) {
    let Some(job) = state.training.job.clone() else { return };
    let mut words = text.split_whitespace();
    let number = words.next().unwrap_or_default();
    let key = if words.next().is_some_and(|w| w.starts_with("step")) {
        "budget.steps"
    } else {
        "budget.minutes"
    };
    let mut job = Job { resume: true, ..*job };
    match job.config.set(key, number) {
        Ok(()) => begin(state, job),
        Err(e) => refuse(state, e.to_string()),
    }
}

/// A run of before was read: it is shown, and can be gone on with.
pub(super) fn taken_up(state: &mut State, job: Job, reports: &[Report], at: &Checkpoint) {
    if state.training.is_running() {
        return refuse(state, "a run goes on: stop it before another one is taken up");
    }
    let mut run = RunView::of_past(job.out.clone(), job.config.clone(), reports, at);
    let done = match job.config.budget {
        Budget::Steps(steps) => at.step >= steps,
        Budget::Minutes(minutes) => at.seconds >= 60.0 * minutes,
    };
    run.state = RunState::Ended(if done { "finished" } else { "stopped" }.to_owned());
    state.training.run = Some(run);
    state.training.job = Some(Box::new(job));
    state.training.preparing = false;
    state.screen = Screen::Train;
}

fn steer(state: &mut State, steer: Steer) {
    if let Some(run) = &mut state.training.run {
        match steer {
            Steer::Stop | Steer::Discard => run.state = RunState::Stopping,
            Steer::Pause(true) => run.state = RunState::Pausing,
            Steer::Pause(false) | Steer::Rate(_) => {}
        }
    }
    state.outbox.push(Effect::Steer(steer));
}

fn pause(state: &mut State) {
    match state.training.run.as_ref().map(|run| &run.state) {
        Some(RunState::Running) => steer(state, Steer::Pause(true)),
        Some(RunState::Paused | RunState::Pausing) => steer(state, Steer::Pause(false)),
        _ => refuse(state, "there is no run to pause"),
    }
}

fn rate(state: &mut State, up: bool) {
    let Some(run) = state.training.run.as_ref().filter(|run| !run.state.is_over()) else {
        return refuse(state, "no run goes on");
    };
    let factor = if up { run.rate * RATE_STEP } else { run.rate / RATE_STEP };
    // Back where it was, to the letter.
    let factor = if (factor - 1.0).abs() < 1e-6 { 1.0 } else { factor };
    if let Some(run) = &mut state.training.run {
        run.rate = factor;
    }
    tell(state, format!("learning rate × {factor:.2} from the next step on"));
    steer(state, Steer::Rate(factor));
}

/// Opens the model of the moment that is shown.
fn open_moment(state: &mut State) {
    let Some(run) = &state.training.run else { return };
    if run.saved.is_none() && run.moment.is_none() {
        return refuse(state, "nothing is saved yet: pause the run, which saves it");
    }
    let (name, folder) = (run.name(), run.moment_folder().display().to_string());
    tell(state, format!("opening {name} …"));
    state.models.opening = Some(folder.clone());
    state.outbox.push(Effect::OpenModel(folder));
}

/// Asks what is to become of the run.
pub(super) fn ask_ending(state: &mut State, quit: bool) {
    let items = Ending::ALL
        .map(|ending| Item { text: ending.text(quit).to_owned(), detail: String::new() });
    state.overlay = Some(Overlay::Picking(Pick::Ending { quit }, Picker::new(items.to_vec())));
}

/// What is to become of the run was chosen.
pub(super) fn end(state: &mut State, quit: bool, chosen: usize) {
    let Some(ending) = Ending::ALL.get(chosen) else { return };
    let ask = match ending {
        Ending::Save => Steer::Stop,
        Ending::Discard => Steer::Discard,
        Ending::GoOn => return,
    };
    if !state.training.is_running() {
        state.quit = quit;
        return;
    }
    state.training.quitting = quit;
    if quit {
        tell(state, "saving the run …");
    }
    steer(state, ask);
}

/// The program is to end: at once, or once a person has said what is to become of the run.
pub(super) fn quit(state: &mut State) {
    let asked = matches!(state.overlay, Some(Overlay::Picking(Pick::Ending { quit: true }, _)));
    if !state.training.is_running() || state.training.quitting {
        state.quit = true;
    } else if asked {
        // Asked again: what loses nothing.
        state.overlay = None;
        end(state, true, 0);
    } else {
        ask_ending(state, true);
    }
}

/// What the run told.
pub(super) fn told(state: &mut State, told: &Told) {
    let Some(run) = &mut state.training.run else { return };
    run.take(told);
    if let Told::Ended(outcome) = told {
        let name = run.name();
        match outcome {
            Ok(_) => {
                let word = run.state.word().to_owned();
                tell(state, format!("{name} {word}"));
            }
            Err(message) => {
                let message = format!("{name}: {message}");
                refuse(state, message);
            }
        }
        if state.training.quitting {
            state.quit = true;
        }
    }
}
