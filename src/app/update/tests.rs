mod comparison;
mod directions;
mod models;
mod palette;
mod screens;
mod train;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tui_input::InputRequest;

use super::*;
use crate::app::{keys, DrawAction, EditedEnd, Outcome, Scope, Step, COMMANDS, TOUR};
use crate::corpus::Example;
use crate::domain::Verdict;
use crate::engine::pool::Source;
use crate::engine::{
    Bookmark, ModelInfo, Reply, StripSample, RATIO_RANGE, RUNG_RANGE, STRENGTH_RANGE,
};
use crate::latent::{Direction, Geometry};
use crate::report::Rung;

fn ready() -> State {
    let mut state = State::new(1, keys(&[]).expect("keys"));
    let info = ModelInfo {
        name: "m".into(),
        domain: "python".into(),
        parameters: 1,
        latent_tokens: 4,
        latent_size: 2,
        geometry: Geometry::Sphere,
    };
    let sample = |text: &str| Example { text: text.to_owned(), label: None };
    let samples = ["a", "b", "c"].map(sample).to_vec();
    let effects = update(&mut state, Action::Engine(Reply::Ready { info, samples }));
    assert_eq!(kinds(&effects), [Kind::Ladder, Kind::Point, Kind::Strip]);
    state
}

fn kinds(effects: &[Effect]) -> Vec<Kind> {
    let kind = |effect: &Effect| match effect {
        Effect::Decode(request) => Some(request.kind),
        _ => None,
    };
    effects.iter().filter_map(kind).collect()
}

fn press(state: &mut State, command: Command) -> Vec<Effect> {
    update(state, Action::Run(command))
}

fn rung(ratio: f32) -> Rung {
    Rung { ratio, text: "x\u{1b}".into(), verdict: Verdict::Valid, guided: false }
}

fn named(name: &str, source: Source, axis: usize) -> NamedDirection {
    let mut vector = [0.0; 8];
    vector[axis % 8] = 1.0;
    let direction = Direction::new(4, 2, &vector, 0.5).expect("a direction");
    NamedDirection { name: name.to_owned(), source, with: 30, without: 40, direction }
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..COMMANDS.len()).prop_map(|i| Action::Run(COMMANDS[i].command)),
        1 => any::<f32>().prop_map(Action::SlideTo),
        1 => (0usize..6, any::<f32>()).prop_map(|(token, ratio)| Action::SlideToken(token, ratio)),
        1 => any::<usize>().prop_map(Action::ChooseRung),
        1 => any::<usize>().prop_map(Action::ChooseRow),
        1 => (0..Panel::ALL.len()).prop_map(|i| Action::Focus(Panel::ALL[i])),
        1 => any::<char>().prop_map(|c| Action::Edit(InputRequest::InsertChar(c))),
        1 => Just(Action::Edit(InputRequest::DeletePrevChar)),
        1 => any::<String>().prop_map(Action::Paste),
        1 => Just(Action::RandomRow),
        1 => (0usize..20, 0usize..20).prop_map(|(x, y)| Action::Draw(DrawAction::Press(x, y))),
        2 => prop_oneof![Just(Action::NextStep), Just(Action::PreviousStep)],
        2 => (0.0f32..1.0, 0usize..4, any::<bool>()).prop_map(|(ratio, count, fits)| {
            let scene = Scene { ratio, tokens: vec![Some(ratio); 2 * count], ..Scene::default() };
            let session = Session {
                version: Session::VERSION,
                model: if fits { String::new() } else { "other".into() },
                precision: None,
                bookmarks: vec![Bookmark { note: "n".into(), scene: scene.clone() }; count],
                history: vec![scene.clone(); count],
                scene,
            };
            Action::Done(Outcome::Opened("x.json".into(), Box::new(session)))
        }),
        1 => any::<usize>().prop_map(Action::ReadAt),
        1 => any::<usize>().prop_map(Action::ChooseDirection),
        2 => (0usize..6, any::<f32>()).prop_map(|(row, strength)| Action::SetStrength(row, strength)),
        1 => (0usize..6, -4f32..4.0).prop_map(|(row, strength)| Action::SetStrength(row, strength)),
        1 => (0u64..20, 0usize..9).prop_map(|(generation, axis)| Action::Engine(Reply::Made {
            generation, direction: Box::new(named("made", Source::Own, axis))
        })),
        1 => (0usize..9).prop_map(|axis| Action::Engine(Reply::Directions {
            texts: 9, found: vec![named("length", Source::Number, axis), named("length", Source::Label, 1)]
        })),
        2 => models::news(),
        1 => comparison::news(),
        1 => palette::happenings(),
        1 => Just(Action::Accept),
        1 => Just(Action::Leave),
        1 => (0u64..40, 0usize..40).prop_map(|(generation, n)| Action::Engine(Reply::LadderDone {
            generation, rungs: (0..n).map(|k| rung(k as f32 / 40.0)).collect()
        })),
        1 => (0u64..40).prop_map(|generation| Action::Engine(Reply::PointDone { generation, rung: rung(0.3) })),
        1 => (0u64..40, 0usize..60).prop_map(|(generation, row)| Action::Engine(Reply::LadderStep {
            generation, rows: vec![(row, "t".into(), false)]
        })),
        1 => (0u64..40, any::<bool>()).prop_map(|(generation, done)| Action::Engine(Reply::Strip {
            generation, done, samples: vec![StripSample { ratio: 0.1, valid: true }, StripSample { ratio: 0.2, valid: false }]
        })),
    ]
}

fn play(state: &mut State, all: Vec<Action>) -> Result<(), TestCaseError> {
    for action in all {
        // A ladder of the engine's is as long as the one that was asked for.
        if let Action::Engine(Reply::LadderDone { rungs, .. }) = &action {
            if rungs.len() != state.rungs.len() {
                continue;
            }
        }
        let _ = update(state, action);
        prop_assert!(state.panels().contains(&state.focus) && state.panels().contains(&state.side));
        prop_assert!(state.models.row() < state.models.shown().len().max(1));
        prop_assert!(RATIO_RANGE.contains(&state.scene.ratio));
        prop_assert!(RUNG_RANGE.contains(&state.rungs.len()));
        prop_assert!(state.nearest_rung() < state.rungs.len());
        palette::check(state)?;
        prop_assert!(state.token < state.tokens());
        prop_assert!(state.keep.row < state.kept().len().max(1));
        prop_assert!(state.tour.is_none_or(|step| step < TOUR.len()));
        prop_assert!(state.outbox.is_empty());
        prop_assert!(state.scene.tokens.len() <= state.tokens());
        prop_assert!(state.scene.edits.iter().all(|edit| STRENGTH_RANGE.contains(&edit.strength)));
        let rows = state.directions.rows();
        prop_assert!(state.directions.chosen() < rows.len().max(1));
        for edit in &state.scene.edits {
            let same = |row: &&crate::app::DirectionRow| row.name == edit.name;
            prop_assert_eq!(rows.iter().filter(same).count(), 1);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_can_be_taken_back_and_done_again(all in prop::collection::vec(actions(), 0..300)) {
        let mut state = ready();
        let start = state.scene.clone();
        play(&mut state, all)?;
        let _ = update(&mut state, Action::Leave);
        let _ = press(&mut state, Command::Show(Screen::Explore));
        let end = state.scene.clone();
        while !state.history.is_empty() {
            let _ = press(&mut state, Command::Undo);
        }
        prop_assert_eq!(&state.scene, &start);
        for _ in 0..1000 {
            let _ = press(&mut state, Command::Redo);
        }
        // What had been taken back before the end is done again as well.
        if state.scene != end {
            let _ = press(&mut state, Command::Undo);
        }
        let mut seen = vec![state.scene.clone()];
        while !state.history.is_empty() {
            let _ = press(&mut state, Command::Undo);
            seen.push(state.scene.clone());
        }
        prop_assert!(seen.contains(&end));
    }

    #[test]
    fn only_what_changed_is_decoded(all in prop::collection::vec(actions(), 0..200)) {
        let mut state = ready();
        for action in all {
            if matches!(action, Action::Engine(_)) {
                continue;
            }
            let (before, focus) = (state.scene.clone(), state.focus);
            let effects = kinds(&update(&mut state, action));
            prop_assert_eq!(effects.contains(&Kind::Ladder), !state.scene.same_ladder(&before));
            prop_assert_eq!(effects.contains(&Kind::Strip), !state.scene.same_way(&before));
            if effects.contains(&Kind::Palette) {
                prop_assert!(state.side == Panel::Palette);
            } else if state.side == Panel::Palette {
                prop_assert!(state.scene.same_palette(&before));
            }
            if state.scene == before && state.focus == focus {
                let behind = [Kind::Inspect, Kind::Paths, Kind::Pool, Kind::Make, Kind::Measure];
                prop_assert!(effects.iter().all(|kind| behind.contains(kind)));
            }
        }
    }
}

#[test]
fn ten_thousand_actions_can_be_taken_back() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let all =
        prop::collection::vec(actions(), 10_000).new_tree(&mut runner).expect("actions").current();
    let mut state = ready();
    let start = state.scene.clone();
    play(&mut state, all).expect("in range");
    let _ = update(&mut state, Action::Leave);
    let _ = press(&mut state, Command::Show(Screen::Explore));
    while !state.history.is_empty() {
        let _ = press(&mut state, Command::Undo);
    }
    assert_eq!(state.scene, start);
}

#[test]
fn every_command_has_a_name_and_a_panels_own_keys_go_first() {
    let keys = keys(&[]).expect("no key is bound twice in a panel");
    assert_eq!(keys.bindings().count(), COMMANDS.len());
    let of =
        |key, panel| keys.lookup_name(key, [Scope::Panel(panel), Scope::Screen(Screen::Explore)]);
    assert_eq!(of("left", Panel::Ladder), Some(Command::Slide(Step::Left)));
    assert_eq!(of("left", Panel::Mix), Some(Command::SlideToken(Step::Left)));
    assert_eq!(of("q", Panel::Mix), Some(Command::Quit));
    for entry in COMMANDS {
        for key in entry.keys {
            assert_eq!(keys.lookup_name(key, entry.scope), Some(entry.command), "{key}");
        }
    }
}

#[test]
fn late_replies_change_nothing() {
    let mut state = ready();
    let stale = Generations::last(&state, Kind::Point);
    let _ = update(&mut state, Action::SlideTo(0.9));
    let late = Rung { text: "old".into(), ..rung(0.5) };
    let _ = update(&mut state, Action::Engine(Reply::PointDone { generation: stale, rung: late }));
    assert_eq!((state.point.ratio, state.point.text.as_str()), (0.9, ""));
}

/// Reads the number of the last request of a kind.
struct Generations;

impl Generations {
    fn last(state: &State, kind: Kind) -> u64 {
        (0..1000).find(|&n| state.generations.is_last(kind, n)).expect("a number")
    }
}

#[test]
fn typing_is_decoded_live_and_can_be_left() {
    let mut state = ready();
    let before = state.scene.a.clone();
    let _ = press(&mut state, Command::Type(EditedEnd::A));
    for c in "!?".chars() {
        let effects = update(&mut state, Action::Edit(InputRequest::InsertChar(c)));
        assert_eq!(kinds(&effects), [Kind::Ladder, Kind::Point, Kind::Strip]);
    }
    let _ = update(&mut state, Action::Paste("a\nb\n".into()));
    assert!(state.scene.a.ends_with("!?a b"));
    let _ = update(&mut state, Action::Leave);
    assert!(state.scene.a == before && state.overlay.is_none());
    let _ = press(&mut state, Command::Type(EditedEnd::A));
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('1')));
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('2')));
    let _ = update(&mut state, Action::Accept);
    assert!(state.scene.a.ends_with("12"));
    // What was typed is one step.
    let _ = press(&mut state, Command::Undo);
    assert_eq!(state.scene.a, before);
}

#[test]
fn steps_there_and_back_are_exact() {
    let mut state = ready();
    for step in [Step::Right, Step::Left] {
        for _ in 0..20 {
            let _ = press(&mut state, Command::Slide(step));
        }
    }
    assert_eq!(state.scene.ratio, 0.5);
}

#[test]
fn latent_tokens_are_locked_moved_and_freed() {
    let mut state = ready();
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    let _ = press(&mut state, Command::Down);
    let _ = press(&mut state, Command::LockToken);
    assert_eq!(state.scene.tokens, [None, Some(0.5), None, None]);
    let _ = press(&mut state, Command::SlideToken(Step::CoarseRight));
    let _ = press(&mut state, Command::SlideToken(Step::CoarseRight));
    let _ = update(&mut state, Action::SlideTo(0.1));
    assert_eq!((state.token_ratio(0), state.token_ratio(1)), (0.1, 0.7));
    let _ = press(&mut state, Command::LockToken);
    assert!(state.scene.tokens.is_empty());
    for _ in 0..4 {
        let _ = press(&mut state, Command::Undo);
    }
    assert_eq!(state.scene.tokens, []);
}

#[test]
fn seams_are_jumped_to() {
    let mut state = ready();
    let samples =
        [(0.0, true), (0.2, true), (0.21, false), (0.4, false), (0.41, true), (1.0, true)]
            .map(|(ratio, valid)| StripSample { ratio, valid });
    let generation = Generations::last(&state, Kind::Strip);
    let reply = Reply::Strip { generation, samples: samples.to_vec(), done: true };
    let _ = update(&mut state, Action::Engine(reply));
    let mut met = Vec::new();
    for command in [Command::SeamLeft, Command::SeamLeft, Command::SeamLeft, Command::SeamRight] {
        let _ = press(&mut state, command);
        met.push(state.scene.ratio);
    }
    assert_eq!(met, [0.405, 0.205, 0.205, 0.405]);
    assert_eq!(state.strip.valid_within(0.3, 0.35), Some(false));
    assert_eq!(state.strip.valid_within(0.7, 0.8), Some(true));
}

#[test]
fn inspections_are_asked_for_while_they_are_shown() {
    let mut state = ready();
    assert_eq!(kinds(&update(&mut state, Action::Focus(Panel::Latents))), [Kind::Inspect]);
    let effects = press(&mut state, Command::Slide(Step::Left));
    assert_eq!(kinds(&effects), [Kind::Point, Kind::Inspect]);
    // The panel stays beside the ladder when the ladder has the keys.
    let _ = update(&mut state, Action::Focus(Panel::Ladder));
    assert_eq!(kinds(&press(&mut state, Command::Slide(Step::Left))), [Kind::Point, Kind::Inspect]);
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    assert_eq!(kinds(&press(&mut state, Command::Slide(Step::Left))), [Kind::Point]);
}

#[test]
fn bookmarks_are_kept_gone_to_renamed_removed_and_all_of_it_taken_back() {
    let mut state = ready();
    let keep = |state: &mut State, note: &str| {
        let _ = press(state, Command::Bookmark);
        let _ = update(state, Action::Paste(note.to_owned()));
        let _ = update(state, Action::Accept);
    };
    let notes = |state: &State| -> Vec<String> {
        state.history.bookmarks().iter().map(|b| b.note.clone()).collect()
    };
    keep(&mut state, "one\n");
    let _ = update(&mut state, Action::SlideTo(0.9));
    keep(&mut state, " two ");
    assert_eq!(notes(&state), ["one", "two"]);
    let _ = update(&mut state, Action::Focus(Panel::Keep));
    let _ = press(&mut state, Command::Jump);
    assert_eq!(state.scene.ratio, 0.5);
    let _ = press(&mut state, Command::Down);
    let _ = press(&mut state, Command::Note);
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('!')));
    let _ = update(&mut state, Action::Accept);
    assert_eq!(notes(&state), ["one", "two!"]);
    let _ = press(&mut state, Command::Up);
    let _ = press(&mut state, Command::Remove);
    assert_eq!(notes(&state), ["two!"]);
    for wanted in [&["one", "two!"][..], &["one", "two"]] {
        let _ = press(&mut state, Command::Undo);
        assert_eq!(notes(&state), wanted);
    }
    let _ = press(&mut state, Command::Undo);
    assert_eq!((state.scene.ratio, notes(&state).len()), (0.9, 2));
    let _ = press(&mut state, Command::Undo);
    assert_eq!(notes(&state), ["one"]);
    // A prompt that is left keeps nothing.
    let _ = press(&mut state, Command::Bookmark);
    let _ = update(&mut state, Action::Leave);
    assert!(state.overlay.is_none() && notes(&state) == ["one"]);
}

#[test]
fn what_is_saved_is_what_is_opened() {
    let mut state = ready();
    let _ = update(&mut state, Action::SlideTo(0.8));
    let _ = press(&mut state, Command::Bookmark);
    let _ = update(&mut state, Action::Accept);
    let _ = press(&mut state, Command::SaveSession);
    let effects = update(&mut state, Action::Accept);
    let [Effect::Save { session, replace: false, file }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(file.to_str(), Some("m.json"));
    assert_eq!(**session, state.session());
    let _ = update(&mut state, Action::Done(Outcome::Saved(file.clone())));
    let _ = press(&mut state, Command::SaveSession);
    let again = update(&mut state, Action::Accept);
    assert!(matches!(again.as_slice(), [Effect::Save { replace: true, .. }]));

    let mut other = ready();
    let _ = press(&mut other, Command::Swap);
    let before = other.scene.clone();
    let outcome = Outcome::Opened(file.clone(), session.clone());
    let effects = update(&mut other, Action::Done(outcome));
    assert!(kinds(&effects).contains(&Kind::Point));
    assert_eq!((&other.scene, other.history.bookmarks().len()), (&state.scene, 1));
    // Its history, then what was there before.
    for _ in 0..session.history.len() {
        let _ = press(&mut other, Command::Undo);
    }
    assert_eq!(other.scene, session.history[0]);
    let _ = press(&mut other, Command::Undo);
    assert_eq!((&other.scene, other.history.bookmarks().len()), (&before, 0));
    let foreign = Session { model: "other".into(), ..(**session).clone() };
    let _ = update(&mut other, Action::Done(Outcome::Opened(file.clone(), Box::new(foreign))));
    assert!(
        other.scene == before
            && matches!(&other.notice, Notice::Error(m) if m.contains("--session"))
    );
}

#[test]
fn only_what_is_whole_is_copied_and_exported() {
    let mut state = ready();
    for command in [Command::CopyPoint, Command::CopyLadder] {
        assert_eq!(press(&mut state, command), []);
        assert!(matches!(state.notice, Notice::Error(_)));
    }
    let rungs: Vec<Rung> = (0..11).map(|k| rung(k as f32 / 10.0)).collect();
    let ladder = Generations::last(&state, Kind::Ladder);
    let _ = update(&mut state, Action::Engine(Reply::LadderDone { generation: ladder, rungs }));
    let point = Generations::last(&state, Kind::Point);
    let done = Reply::PointDone { generation: point, rung: rung(0.5) };
    let _ = update(&mut state, Action::Engine(done));
    let copied = press(&mut state, Command::CopyPoint);
    // What is copied is the text itself; only what is shown is made visible.
    assert!(matches!(copied.as_slice(), [Effect::Copy { text, .. }] if text == "x\u{1b}"));
    let copied = press(&mut state, Command::CopyLadder);
    assert!(matches!(copied.as_slice(), [Effect::Copy { text, .. }] if text.lines().count() == 13));
    let _ = press(&mut state, Command::Export);
    let exported = update(&mut state, Action::Accept);
    let [Effect::Export { document, file, .. }] = exported.as_slice() else {
        panic!("{exported:?}")
    };
    assert_eq!((document.parts[0].rungs.len(), file.to_str()), (11, Some("ladder.svg")));
    let _ = press(&mut state, Command::Export);
    let _ = update(&mut state, Action::Edit(InputRequest::DeleteLine));
    assert_eq!(update(&mut state, Action::Accept), []);
    assert!(matches!(state.notice, Notice::Error(_)));
    // It has been read when the next key is pressed.
    let _ = press(&mut state, Command::Slide(Step::Left));
    assert!(matches!(state.notice, Notice::Status(_)));
}

#[test]
fn the_tour_goes_on_and_back_and_is_remembered_when_it_is_left() {
    let mut state = ready();
    let _ = press(&mut state, Command::Tour);
    for (action, step) in [
        (Action::NextStep, Some(1)),
        (Action::PreviousStep, Some(0)),
        (Action::PreviousStep, Some(0)),
    ] {
        assert_eq!(update(&mut state, action), []);
        assert_eq!(state.tour, step);
    }
    // What lies on top of it is left first.
    let _ = press(&mut state, Command::Help);
    assert_eq!(update(&mut state, Action::Leave), []);
    assert_eq!(update(&mut state, Action::Leave), [Effect::TourIsSeen]);
    assert_eq!(update(&mut state, Action::NextStep), []);
    state.tour = Some(TOUR.len() - 1);
    assert_eq!(update(&mut state, Action::NextStep), [Effect::TourIsSeen]);
}

#[test]
fn every_command_of_the_list_is_done_as_by_its_key() {
    let mut state = ready();
    let _ = update(&mut state, Action::SlideTo(0.9));
    let mut find = |name: &str| {
        let _ = press(&mut state, Command::Palette);
        let _ = update(&mut state, Action::Paste(name.into()));
        let effects = update(&mut state, Action::Accept);
        assert!(state.overlay.is_none());
        (state.scene.ratio, kinds(&effects))
    };
    assert_eq!(find("undo take"), (0.5, vec![Kind::Point]));
    assert_eq!(find("redo"), (0.9, vec![Kind::Point]));
    assert_eq!(find("best path"), (0.9, vec![Kind::Paths]));
    assert_eq!(find("slide to 0.3"), (0.3, vec![Kind::Point]));
}
