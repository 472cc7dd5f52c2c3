//! Directions in the panel: strengths, targets, new ones, names, the ladder along one, saving.

use super::*;
use crate::app::{Marked, Notice, Origin, Texts};
use crate::engine::pool::{Effect as Does, Figures, Measurement};
use crate::engine::{Recipe, Target, Task};

fn told(state: &mut State, reply: Reply) -> Vec<Effect> {
    update(state, Action::Engine(reply))
}

/// The panel is focused, the texts are read, and two directions are known.
fn with_directions() -> State {
    let mut state = ready();
    assert_eq!(kinds(&update(&mut state, Action::Focus(Panel::Directions))), [Kind::Pool]);
    let found = vec![named("call", Source::YesNo, 0), named("length", Source::Number, 1)];
    let effects = told(&mut state, Reply::Directions { texts: 3, found });
    assert_eq!(kinds(&effects), [Kind::Measure]);
    state
}

fn names(state: &State) -> Vec<&str> {
    state.directions.rows().iter().map(|row| &*row.name).collect()
}

fn edits(state: &State) -> Vec<(&str, Target, f32)> {
    state.scene.edits.iter().map(|edit| (&*edit.name, edit.target, edit.strength)).collect()
}

fn make(state: &mut State, command: Command, axis: usize) -> Recipe {
    let effects = press(state, command);
    let [Effect::Decode(Request { kind: Kind::Make, generation, task, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    let Some(Task::Make(name, recipe)) = task.clone() else { panic!("{task:?}") };
    let direction = Box::new(named(&name, Source::Own, axis));
    let _ = told(state, Reply::Made { generation: *generation, direction });
    recipe
}

#[test]
fn strengths_move_stack_on_targets_and_are_taken_back_as_one() {
    let mut state = with_directions();
    for _ in 0..4 {
        let effects = press(&mut state, Command::Strength(Step::Right));
        assert!(kinds(&effects).starts_with(&[Kind::Ladder, Kind::Point, Kind::Strip]));
    }
    assert_eq!(edits(&state), [("call", Target::Way, 1.0)]);
    let _ = press(&mut state, Command::NextTarget);
    let _ = press(&mut state, Command::Down);
    let _ = press(&mut state, Command::Strength(Step::CoarseLeft));
    assert_eq!(edits(&state), [("call", Target::Way, 1.0), ("length", Target::A, -1.0)]);
    let _ = press(&mut state, Command::Undo);
    let _ = press(&mut state, Command::Undo);
    assert_eq!(edits(&state), []);
    let _ = press(&mut state, Command::Redo);
    assert_eq!(edits(&state), [("call", Target::Way, 1.0)]);
    // Back at 0 there is no edit any more.
    for step in [Step::CoarseLeft, Step::FineRight, Step::FineLeft] {
        let _ = update(&mut state, Action::ChooseDirection(0));
        let _ = press(&mut state, Command::NextTarget);
        state.directions.target = Target::Way;
        let _ = press(&mut state, Command::Strength(step));
    }
    assert_eq!(edits(&state), []);
    let _ = update(&mut state, Action::SetStrength(1, 17.0));
    assert_eq!(edits(&state), [("length", Target::Way, 3.0)]);
    let _ = press(&mut state, Command::RemoveEdit);
    assert_eq!(edits(&state), []);
}

#[test]
fn the_chosen_direction_is_measured_once() {
    let mut state = with_directions();
    assert_eq!(state.directions.measuring.as_deref(), Some("call"));
    assert_eq!(kinds(&press(&mut state, Command::Up)), []);
    let figures = Figures {
        asked: 4,
        flip_rate: Some(0.5),
        mean_change: None,
        changed: 1.0,
        validity: 1.0,
        preservation: 0.5,
    };
    let effect = Does { figures, monotony: None, steps: Vec::new() };
    let (texts, base_validity, control) = (8, 1.0, effect.clone());
    let measurement = Box::new(Measurement { texts, base_validity, effect, control });
    let generation = Generations::last(&state, Kind::Measure);
    let _ = told(&mut state, Reply::Measured { generation, measurement: measurement.clone() });
    assert_eq!(state.directions.rows()[0].measured.as_deref(), Some(&*measurement));
    assert_eq!(kinds(&press(&mut state, Command::Down)), [Kind::Measure]);
    assert_eq!(kinds(&press(&mut state, Command::Up)), []);
    // Nothing is measured that nobody sees.
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    let _ = update(&mut state, Action::Focus(Panel::Ladder));
    assert_eq!(kinds(&press(&mut state, Command::Strength(Step::Right)))[..1], [Kind::Ladder]);
}

#[test]
fn marked_points_become_a_direction() {
    let mut state = with_directions();
    let _ = press(&mut state, Command::FromMarked);
    assert!(matches!(state.notice, Notice::Error(_)));
    let _ = press(&mut state, Command::Mark(0));
    let _ = update(&mut state, Action::SlideTo(0.9));
    let _ = press(&mut state, Command::Mark(0));
    let _ = press(&mut state, Command::Mark(1));
    // Marked again, a point is taken out.
    let _ = press(&mut state, Command::Mark(0));
    let ratios = |points: &[Marked]| points.iter().map(|p| p.scene.ratio).collect::<Vec<_>>();
    let [one, two] = &state.directions.marked;
    assert_eq!((ratios(one), ratios(two)), (vec![0.5], vec![0.9]));
    let Recipe::Sets { with, without } = make(&mut state, Command::FromMarked, 2) else {
        panic!("no sets")
    };
    assert_eq!((with[0].ratio, without[0].ratio), (0.5, 0.9));
    assert_eq!(names(&state), ["set 1 − set 2", "call", "length"]);
    assert_eq!((state.directions.chosen(), state.directions.unsaved), (0, true));
}

#[test]
fn labels_of_the_ends_become_a_direction_once() {
    let mut state = with_directions();
    for (i, label) in ["ARTS", "SPORTS"].iter().enumerate() {
        state.samples[i].label = Some((*label).to_owned());
    }
    state.scene.a = state.samples[0].text.clone();
    state.scene.b = state.samples[0].text.clone();
    let _ = press(&mut state, Command::FromLabels);
    assert!(matches!(state.notice, Notice::Error(_)), "one label leads nowhere");
    state.scene.b = state.samples[1].text.clone();
    let recipe = make(&mut state, Command::FromLabels, 2);
    assert_eq!(recipe, Recipe::Labels { from: "ARTS".into(), to: "SPORTS".into() });
    assert_eq!(names(&state), ["ARTS → SPORTS", "call", "length"]);
    let _ = press(&mut state, Command::Down);
    let _ = press(&mut state, Command::FromLabels);
    assert_eq!((names(&state).len(), state.directions.chosen()), (3, 0));
}

#[test]
fn a_minus_b_plus_c_adds_an_edit_that_can_be_taken_back() {
    let mut state = with_directions();
    let _ = press(&mut state, Command::Arithmetic);
    let effects = update(&mut state, Action::Accept);
    let generation = Generations::last(&state, Kind::Make);
    let [Effect::Decode(Request { task: Some(Task::Make(name, recipe)), .. })] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    let texts = Recipe::Texts { from: state.scene.b.clone(), to: state.samples[0].text.clone() };
    assert_eq!((&**name, recipe), ("C − B", &texts));
    let direction = Box::new(named("C − B", Source::Own, 3));
    let effects = told(&mut state, Reply::Made { generation, direction });
    assert!(kinds(&effects).contains(&Kind::Ladder));
    assert_eq!(edits(&state), [("C − B", Target::Way, 1.0)]);
    let _ = press(&mut state, Command::Undo);
    assert_eq!(edits(&state), []);
}

#[test]
fn a_name_goes_to_edits_and_ladder_and_comes_back_with_undo() {
    let mut state = with_directions();
    let _ = press(&mut state, Command::NameDirection);
    assert!(state.overlay.is_none(), "those of the texts keep their names");
    let _ = make(&mut state, Command::FromEnds, 4);
    let _ = press(&mut state, Command::Strength(Step::Right));
    let _ = press(&mut state, Command::Along);
    let _ = press(&mut state, Command::NameDirection);
    for _ in 0.."A to B".len() {
        let _ = update(&mut state, Action::Edit(InputRequest::DeletePrevChar));
    }
    let _ = update(&mut state, Action::Paste("le\u{1b}ngth\n".into()));
    let _ = update(&mut state, Action::Accept);
    assert_eq!(names(&state), ["length 2", "call", "length"]);
    assert_eq!(edits(&state), [("length 2", Target::Way, 0.25)]);
    assert_eq!(state.scene.along.as_ref().map(|along| &*along.name), Some("length 2"));
    let _ = press(&mut state, Command::Undo);
    assert_eq!(names(&state), ["A to B", "call", "length"]);
    assert_eq!(edits(&state), [("A to B", Target::Way, 0.25)]);
    // Deleted with its edits, and back with them.
    let _ = press(&mut state, Command::DeleteDirection);
    assert_eq!((names(&state), edits(&state)), (vec!["call", "length"], vec![]));
    let _ = press(&mut state, Command::Undo);
    assert_eq!(names(&state), ["A to B", "call", "length"]);
    assert_eq!(state.directions.rows()[0].origin, Origin::Scene);
}

#[test]
fn the_ladder_goes_along_a_direction_and_its_rungs_are_strengths() {
    let mut state = with_directions();
    let effects = press(&mut state, Command::Along);
    assert_eq!(kinds(&effects), [Kind::Ladder]);
    assert_eq!((state.rungs[0].ratio, state.rungs[10].ratio), (-3.0, 3.0));
    assert_eq!(state.nearest_rung(), 5);
    // A rung is a strength: the point follows, the ladder stays.
    let effects = update(&mut state, Action::ChooseRung(10));
    assert_eq!(kinds(&effects), [Kind::Point, Kind::Strip]);
    assert_eq!((edits(&state), state.nearest_rung()), (vec![("call", Target::Way, 3.0)], 10));
    assert_eq!(state.scene.ratio, 0.5);
    // The slider moves the place that the ladder stands at.
    assert_eq!(kinds(&update(&mut state, Action::SlideTo(0.4))), [Kind::Ladder, Kind::Point]);
    assert_eq!(state.reconstructed(EditedEnd::A), None);
    let _ = press(&mut state, Command::Along);
    assert_eq!((state.rungs[10].ratio, &state.scene.along), (1.0, &None));
}

#[test]
fn own_directions_are_loaded_and_saved_under_their_names() {
    let mut state = ready();
    let _ = press(&mut state, Command::SaveDirections);
    assert!(matches!(state.notice, Notice::Error(_)));
    let (file, own) = (PathBuf::from("d.json"), vec![named("mine", Source::Own, 5)]);
    let _ = told(&mut state, Reply::OwnDirections { file: file.clone(), own: own.clone() });
    assert_eq!(state.directions.texts, Texts::Unread);
    let effects = press(&mut state, Command::SaveDirections);
    assert_eq!(effects, [Effect::SaveDirections { file, own }]);
    let _ = update(&mut state, Action::Done(Outcome::Failed("disk full".into())));
    assert_eq!(state.notice, Notice::Error("disk full".into()));
    assert!(state.directions.unsaved);
    let _ = update(&mut state, Action::Done(Outcome::SavedDirections("d.json".into())));
    assert!(!state.directions.unsaved);
}

#[test]
fn neighbours_are_asked_for_as_soon_as_the_texts_are_read() {
    let mut state = ready();
    assert_eq!(kinds(&update(&mut state, Action::Focus(Panel::Neighbours))), [Kind::Pool]);
    assert_eq!(kinds(&press(&mut state, Command::Slide(Step::Left))), [Kind::Point]);
    let effects = told(&mut state, Reply::Directions { texts: 3, found: Vec::new() });
    assert_eq!(kinds(&effects), [Kind::Inspect]);
    assert_eq!(kinds(&press(&mut state, Command::Slide(Step::Left))), [Kind::Point, Kind::Inspect]);
}
