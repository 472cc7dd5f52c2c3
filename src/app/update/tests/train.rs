//! The train screen: the form, the hand on a run, and what becomes of it at the end.

use super::*;
use crate::app::{FormRow, Looked, RunState, TrainCommand};
use crate::train::{Budget, Checkpoint, Job, Look, Report, ShownLadder, Told, TrainConfig};

fn on_screen() -> State {
    let mut state = ready();
    let effects = press(&mut state, Command::Show(Screen::Train));
    assert!(matches!(effects[..], [Effect::Look { generation: 1, .. }]));
    state
}

fn train(state: &mut State, command: TrainCommand) -> Vec<Effect> {
    press(state, Command::Train(command))
}

fn tell(state: &mut State, told: Told) -> Vec<Effect> {
    update(state, Action::Trained(told))
}

fn report(state: &mut State, report: Report) {
    assert_eq!(tell(state, Told::Report(Box::new(report))), []);
}

fn start_report() -> Report {
    Report::Start { step: 0, parameters: 10, lines: 20 }
}

/// A run that has been started and goes on.
fn running() -> State {
    let mut state = on_screen();
    state.training.folder = "models".into();
    let effects = train(&mut state, TrainCommand::StartStop);
    let [Effect::Train(job)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(job.out, PathBuf::from("models/my-python"));
    assert!(!job.resume);
    report(&mut state, start_report());
    state
}

fn ended(state: &mut State, finished: bool, discarded: bool) {
    let checkpoint = Checkpoint::default();
    let outcome = crate::train::Outcome { checkpoint, finished, discarded };
    let _ = tell(state, Told::Ended(Ok(outcome)));
}

#[test]
fn a_change_of_the_form_is_looked_at_and_only_the_last_look_counts() {
    let mut state = on_screen();
    let effects = train(&mut state, TrainCommand::Turn(true));
    assert!(matches!(effects[..], [Effect::Look { generation: 2, .. }]));
    assert_eq!(state.training.form.config.domain, "mnist");
    let look = |lines: &str| {
        let estimate = Err("none".to_owned());
        Ok(Box::new(Look { lines: vec![lines.to_owned()], more: false, skipped: 0, estimate }))
    };
    let _ = update(&mut state, Action::Looked(1, look("old")));
    assert_eq!(state.training.looked, Looked::Looking);
    let _ = update(&mut state, Action::Looked(2, look("new")));
    assert!(matches!(&state.training.looked, Looked::At(look) if look.lines == ["new"]));
}

#[test]
fn a_value_is_typed_and_a_wrong_one_is_told() {
    let mut state = on_screen();
    let rows = state.training.form.rows();
    let rate = |row: &FormRow| row.name() == "optimiser.learning_rate";
    let row = rows.iter().position(rate).expect("a row");
    let _ = update(&mut state, Action::ChooseRow(row));
    for (text, fits) in [("0.01", true), ("-3", false)] {
        let _ = train(&mut state, TrainCommand::Enter);
        while matches!(&state.overlay, Some(Overlay::Prompt(p)) if !p.answer().is_empty()) {
            let _ = update(&mut state, Action::Edit(InputRequest::DeletePrevChar));
        }
        let _ = update(&mut state, Action::Paste(text.into()));
        let _ = update(&mut state, Action::Accept);
        assert_eq!(matches!(state.notice, Notice::Error(_)), !fits, "{text}");
    }
    assert_eq!(state.training.form.config.value("optimiser.learning_rate"), "0.01");
}

#[test]
fn a_run_is_paused_gone_on_with_slowed_down_and_stopped() {
    let mut state = running();
    assert_eq!(train(&mut state, TrainCommand::Pause), [Effect::Steer(Steer::Pause(true))]);
    report(&mut state, Report::Paused { step: 3 });
    assert_eq!(train(&mut state, TrainCommand::Pause), [Effect::Steer(Steer::Pause(false))]);
    report(&mut state, Report::Continued { step: 3 });
    assert_eq!(train(&mut state, TrainCommand::Rate(false)), [Effect::Steer(Steer::Rate(0.8))]);
    assert_eq!(train(&mut state, TrainCommand::Rate(true)), [Effect::Steer(Steer::Rate(1.0))]);
    assert_eq!(train(&mut state, TrainCommand::StartStop), [Effect::Steer(Steer::Stop)]);
    report(&mut state, Report::Saved { step: 4, best: false });
    ended(&mut state, false, false);
    // The same key goes on with it, from its checkpoint.
    let effects = train(&mut state, TrainCommand::StartStop);
    assert!(matches!(&effects[..], [Effect::Train(job)] if job.resume));
}

#[test]
fn quitting_asks_what_becomes_of_the_run_and_waits_for_its_checkpoint() {
    let mut state = running();
    let _ = press(&mut state, Command::Quit);
    assert!(!state.quit);
    assert!(matches!(state.overlay, Some(Overlay::Picking(Pick::Ending { quit: true }, _))));
    assert_eq!(update(&mut state, Action::Accept), [Effect::Steer(Steer::Stop)]);
    assert!(!state.quit, "a step that was told must be saved first");
    ended(&mut state, false, false);
    assert!(state.quit);
}

#[test]
fn quitting_without_saving_and_going_on_are_choices_too() {
    for (row, asked) in [(1, Some(Steer::Discard)), (2, None)] {
        let mut state = running();
        let _ = press(&mut state, Command::Quit);
        let _ = update(&mut state, Action::ChooseRow(row));
        let effects = update(&mut state, Action::Accept);
        assert_eq!(effects, Vec::from_iter(asked.map(Effect::Steer)));
        assert!(!state.quit && state.training.is_running());
    }
    // Without a run there is nothing to ask.
    let mut state = on_screen();
    let _ = press(&mut state, Command::Quit);
    assert!(state.quit);
}

#[test]
fn one_run_goes_on_at_a_time() {
    let mut state = running();
    let _ = train(&mut state, TrainCommand::Prepare);
    assert!(state.training.shown_run().is_none());
    assert_eq!(train(&mut state, TrainCommand::StartStop), []);
    assert!(matches!(state.notice, Notice::Error(_)));
    let _ = train(&mut state, TrainCommand::Prepare);
    assert!(state.training.shown_run().is_some());
}

#[test]
fn a_moment_is_opened_as_it_was_kept() {
    let mut state = running();
    assert_eq!(train(&mut state, TrainCommand::Enter), []);
    assert!(matches!(state.notice, Notice::Error(_)), "nothing is saved yet");
    for step in [0, 50, 100] {
        report(&mut state, Report::Ladder { step, ladder: ShownLadder::default() });
        report(&mut state, Report::Saved { step, best: false });
    }
    let opened = |effects: &[Effect]| match effects {
        [Effect::OpenModel(folder)] => folder.clone(),
        _ => panic!("{effects:?}"),
    };
    let now = train(&mut state, TrainCommand::Enter);
    assert_eq!(PathBuf::from(opened(&now)), PathBuf::from("models/my-python"));
    let _ = train(&mut state, TrainCommand::Scrub(false));
    let then = train(&mut state, TrainCommand::Enter);
    let folder = opened(&then);
    assert!(folder.ends_with("step-0000050"));
    let info = ModelInfo { name: "then".into(), ..state.model.clone().expect("a model") };
    let _ = update(&mut state, Action::Opened { given: folder, info, samples: Vec::new() });
    assert_eq!(state.screen, Screen::Explore, "one sees it, while the run goes on");
    assert!(state.training.is_running());
}

#[test]
fn a_finished_run_goes_on_when_it_is_given_more_time() {
    let mut state = on_screen();
    let config = TrainConfig { budget: Budget::Steps(40), ..state.training.form.config.clone() };
    let job = Job { config, resume: true, ..state.training.form.job("models".as_ref()) };
    let at = Checkpoint { step: 40, ..Checkpoint::default() };
    let reports = vec![start_report(), Report::Saved { step: 40, best: true }];
    let outcome = Outcome::TakenUp(Box::new(job), reports, Box::new(at));
    let _ = press(&mut state, Command::Show(Screen::Models));
    let _ = update(&mut state, Action::Done(outcome));
    assert_eq!(state.screen, Screen::Train);
    let run = state.training.run.as_ref().expect("a run");
    assert_eq!((run.state.word(), run.saved), ("finished", Some(40)));
    assert_eq!(train(&mut state, TrainCommand::StartStop), []);
    let Some(Overlay::Prompt(prompt)) = &state.overlay else { panic!("it asks") };
    assert_eq!(prompt.answer(), "80 steps");
    let effects = update(&mut state, Action::Accept);
    let [Effect::Train(job)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((job.config.budget, job.resume), (Budget::Steps(80), true));
}

#[test]
fn the_explorers_ends_are_pinned_where_they_are_of_the_same_kind() {
    let mut state = on_screen();
    state.scene.a = "x = 1".into();
    state.scene.b = "y = 2".into();
    let _ = train(&mut state, TrainCommand::Pin);
    let pinned = state.training.form.config.pinned.clone();
    assert_eq!(pinned, Some(["x = 1".to_owned(), "y = 2".to_owned()]));
    let _ = train(&mut state, TrainCommand::Turn(true));
    assert_eq!(state.training.form.config.pinned, None, "digits are no lines of Python");
    let _ = train(&mut state, TrainCommand::Pin);
    assert!(matches!(state.notice, Notice::Error(_)));
}

#[test]
fn a_run_that_fails_says_why() {
    let mut state = running();
    let _ = tell(&mut state, Told::Ended(Err("the disk is full".to_owned())));
    let run = state.training.run.as_ref().expect("a run");
    assert_eq!(run.state, RunState::Failed("the disk is full".to_owned()));
    assert!(matches!(&state.notice, Notice::Error(text) if text.contains("the disk is full")));
    assert!(!state.training.is_running());
}
