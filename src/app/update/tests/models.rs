//! The screen of models: choosing, narrowing down, opening, renaming, duplicating, deleting.

use super::*;
use crate::app::{Listing, Models};
use crate::engine::{LibraryChange, ModelEntry, ModelKind};

/// A model of the folder of models.
pub(super) fn entry(name: &str, domain: &str) -> ModelEntry {
    ModelEntry {
        name: name.into(),
        kind: ModelKind::Local,
        run: None,
        opens: format!("/models/{name}"),
        folder: Some(format!("/models/{name}").into()),
        own: true,
        resumes: false,
        domain: domain.into(),
        parameters: Some(1000),
        bytes: 2000,
        saved: Some(0),
        shape: None,
        training: None,
        problem: None,
    }
}

fn some_models() -> Vec<ModelEntry> {
    let bundled = ModelEntry {
        kind: ModelKind::Bundled,
        opens: "python".into(),
        folder: None,
        own: false,
        ..entry("python", "python")
    };
    let run = ModelEntry { kind: ModelKind::Trained, resumes: true, ..entry("lines", "python") };
    let best = ModelEntry {
        kind: ModelKind::Snapshot,
        run: Some("lines".into()),
        own: false,
        opens: "/models/lines/best".into(),
        folder: Some("/models/lines/best".into()),
        ..entry("best", "python")
    };
    let broken = ModelEntry { problem: Some("no weights".into()), ..entry("broken", "python") };
    vec![bundled, broken, entry("digits", "mnist"), run, best]
}

fn list(state: &mut State, entries: Vec<ModelEntry>) {
    let listing = Listing { change: None, told: None, entries };
    let _ = update(state, Action::Done(Outcome::Models(Box::new(listing))));
}

/// On the screen of models, with python open.
pub(super) fn on_models() -> State {
    let mut state = ready();
    state.keep.model = "python".into();
    assert_eq!(press(&mut state, Command::Show(Screen::Models)), [Effect::ListModels]);
    list(&mut state, some_models());
    state
}

pub(super) fn choose(state: &mut State, name: &str) {
    let at = state.models.shown().position(|entry| entry.full_name() == name).expect("it is shown");
    let _ = update(state, Action::ChooseRow(at));
    assert_eq!(state.models.chosen().expect("chosen").full_name(), name);
}

fn info(domain: &str) -> ModelInfo {
    ModelInfo {
        name: "new".into(),
        domain: domain.into(),
        parameters: 1,
        latent_tokens: 2,
        latent_size: 2,
        geometry: Geometry::Sphere,
    }
}

fn opened(domain: &str) -> Action {
    let sample = |text: &str| Example { text: text.to_owned(), label: None };
    let samples = ["x", "y"].map(sample).to_vec();
    Action::Opened { given: format!("/models/{domain}"), info: info(domain), samples }
}

/// What is told about models, whenever.
pub(super) fn news() -> impl Strategy<Value = Action> {
    prop_oneof![
        (0usize..6).prop_map(|count| {
            let entries = some_models().into_iter().take(count).collect();
            Action::Done(Outcome::Models(Box::new(Listing { change: None, told: None, entries })))
        }),
        Just(Action::NotOpened { given: "/models/digits".into(), message: "why".into() }),
    ]
}

#[test]
fn another_model_of_the_domain_keeps_the_ends_and_nothing_that_is_the_old_ones() {
    let mut state = on_models();
    let _ = press(&mut state, Command::Show(Screen::Explore));
    for command in [Command::NextPath, Command::MoreRungs, Command::NextDecoding] {
        let _ = press(&mut state, command);
    }
    let _ = update(&mut state, Action::SlideTo(0.7));
    let _ = update(&mut state, Action::SlideToken(3, 0.1));
    let _ = press(&mut state, Command::Bookmark);
    let _ = update(&mut state, Action::Accept);
    let found = vec![named("length", Source::Number, 0)];
    let _ = update(&mut state, Action::Engine(Reply::Directions { texts: 3, found }));
    let _ = update(&mut state, Action::SetStrength(0, 1.0));
    let before = state.scene.clone();
    let _ = press(&mut state, Command::Show(Screen::Models));
    choose(&mut state, "lines");
    assert_eq!(press(&mut state, Command::OpenModel), [Effect::OpenModel("/models/lines".into())]);
    assert_eq!(state.models.opening(), Some("/models/lines"));
    // The old one is there until the new one is.
    assert_eq!(state.scene, before);
    let stale = Generations::last(&state, Kind::Point);
    let effects = update(&mut state, opened("python"));
    assert_eq!(kinds(&effects), [Kind::Ladder, Kind::Point, Kind::Strip]);
    let Scene { a, b, path, rungs, ratio, decoding, palette, .. } = before;
    let wanted = Scene { a, b, path, rungs, ratio, decoding, palette, ..Scene::default() };
    assert_eq!(state.scene, wanted);
    assert!(state.history.is_empty() && state.history.bookmarks().is_empty());
    assert!(state.directions.rows().is_empty() && state.inspection.is_none());
    assert_eq!((state.tokens(), state.samples.len(), state.token), (2, 2, 0));
    assert_eq!((state.keep.model.as_str(), state.screen), ("/models/python", Screen::Explore));
    assert_eq!(state.models.opening(), None);
    // What the old one was still asked is no news of the new one.
    let late =
        Reply::PointDone { generation: stale, rung: Rung { text: "old".into(), ..rung(0.5) } };
    let _ = update(&mut state, Action::Engine(late));
    assert_eq!(state.point.text, "");
}

#[test]
fn another_domain_begins_with_its_own_samples() {
    let mut state = on_models();
    choose(&mut state, "digits");
    let _ = press(&mut state, Command::OpenModel);
    let _ = update(&mut state, opened("text"));
    let mut ends = [state.scene.a.as_str(), state.scene.b.as_str()];
    ends.sort_unstable();
    assert_eq!(ends, ["x", "y"]);
    assert!(state.history.is_empty());
}

#[test]
fn a_model_that_does_not_open_leaves_everything_and_tells_why() {
    let mut state = on_models();
    choose(&mut state, "digits");
    let _ = press(&mut state, Command::OpenModel);
    let before = state.scene.clone();
    let message = "no weights there".to_owned();
    let action = Action::NotOpened { given: "/models/digits".into(), message: message.clone() };
    assert_eq!(update(&mut state, action), []);
    assert_eq!((&state.scene, &state.notice), (&before, &Notice::Error(message)));
    assert_eq!((state.models.opening(), state.screen), (None, Screen::Models));
    choose(&mut state, "broken");
    assert_eq!(press(&mut state, Command::OpenModel), []);
    assert!(matches!(&state.notice, Notice::Error(m) if m.contains("no weights")));
    // The open one is open already.
    choose(&mut state, "python");
    assert_eq!(press(&mut state, Command::OpenModel), []);
    assert_eq!(state.screen, Screen::Explore);
}

#[test]
fn a_person_who_went_away_is_left_where_they_are_when_a_model_opens() {
    let mut state = on_models();
    choose(&mut state, "lines");
    let _ = press(&mut state, Command::OpenModel);
    let _ = press(&mut state, Command::FilterModels);
    let _ = update(&mut state, opened("python"));
    assert!(state.screen == Screen::Models && matches!(state.overlay, Some(Overlay::Filter)));
}

#[test]
fn the_list_is_narrowed_down_by_typing_and_whole_again() {
    let mut state = on_models();
    let shown = |models: &Models| models.shown().map(ModelEntry::full_name).collect::<Vec<_>>();
    choose(&mut state, "digits");
    let _ = press(&mut state, Command::FilterModels);
    let _ = update(&mut state, Action::Paste("mnist".into()));
    assert_eq!(shown(&state.models), ["digits"]);
    let _ = update(&mut state, Action::Accept);
    assert!(state.overlay.is_none());
    // A new listing is narrowed down as well.
    list(&mut state, some_models());
    assert_eq!(shown(&state.models), ["digits"]);
    let _ = press(&mut state, Command::FilterModels);
    let _ = update(&mut state, Action::Leave);
    assert_eq!(shown(&state.models).len(), 5);
    assert_eq!(state.models.chosen().expect("chosen").name, "digits");
    let _ = press(&mut state, Command::FilterModels);
    let _ = update(&mut state, Action::Paste("zzz".into()));
    assert!(state.models.chosen().is_none());
    let _ = update(&mut state, Action::Accept);
    for command in [Command::OpenModel, Command::CompareModel, Command::DeleteModel] {
        assert_eq!(press(&mut state, command), []);
        assert!(matches!(state.notice, Notice::Error(_)));
    }
}

#[test]
fn a_model_is_deleted_after_its_name_was_typed_and_not_before() {
    let mut state = on_models();
    choose(&mut state, "digits");
    for answer in ["", "digit", "Digits"] {
        let _ = press(&mut state, Command::DeleteModel);
        let _ = update(&mut state, Action::Paste(answer.into()));
        assert_eq!(update(&mut state, Action::Accept), []);
        assert!(matches!(&state.notice, Notice::Error(m) if m.contains("digits")), "{answer}");
    }
    let _ = press(&mut state, Command::DeleteModel);
    let _ = update(&mut state, Action::Paste("digits".into()));
    let _ = update(&mut state, Action::Leave);
    assert!(state.overlay.is_none());
    let _ = press(&mut state, Command::DeleteModel);
    // A listing that comes meanwhile does not change what is asked about.
    list(&mut state, some_models().into_iter().rev().collect());
    let _ = update(&mut state, Action::Paste("digits".into()));
    let change = LibraryChange::Delete("digits".into());
    assert_eq!(update(&mut state, Action::Accept), [Effect::ChangeModels(change)]);
}

#[test]
fn bundled_open_and_inner_models_are_neither_renamed_nor_deleted() {
    let mut state = on_models();
    state.keep.model = "/models/lines/best".into();
    for name in ["python", "lines", "lines/best"] {
        choose(&mut state, name);
        for command in [Command::RenameModel, Command::DeleteModel] {
            assert_eq!(press(&mut state, command), []);
            assert!(state.overlay.is_none(), "{name}");
            assert!(matches!(&state.notice, Notice::Error(m) if m.contains(name)));
        }
    }
    choose(&mut state, "lines/best");
    let _ = press(&mut state, Command::DuplicateModel);
    let effects = update(&mut state, Action::Accept);
    let change =
        LibraryChange::Duplicate { from: "lines/best".into(), to: "lines-best-copy".into() };
    assert_eq!(effects, [Effect::ChangeModels(change)]);
}

#[test]
fn a_new_name_is_one_that_a_folder_can_have_and_is_chosen_afterwards() {
    let mut state = on_models();
    choose(&mut state, "digits");
    let rename = |state: &mut State, to: &str| {
        let _ = press(state, Command::RenameModel);
        let _ = update(state, Action::Edit(InputRequest::DeleteLine));
        let _ = update(state, Action::Paste(to.into()));
        update(state, Action::Accept)
    };
    for wrong in ["", "../out", ".hidden", "a/b", "digits"] {
        assert_eq!(rename(&mut state, wrong), [], "{wrong}");
    }
    let change = LibraryChange::Rename { from: "digits".into(), to: "zeros".into() };
    assert_eq!(rename(&mut state, "zeros"), [Effect::ChangeModels(change.clone())]);
    let mut entries = some_models();
    entries.remove(2);
    entries.push(entry("zeros", "mnist"));
    let told = Some(Ok("digits is now zeros".to_owned()));
    let listing = Listing { change: Some(change.clone()), told, entries: entries.clone() };
    let _ = update(&mut state, Action::Done(Outcome::Models(Box::new(listing))));
    assert_eq!(state.models.chosen().expect("chosen").name, "zeros");
    assert_eq!(state.notice, Notice::Status("digits is now zeros".into()));
    let told = Some(Err("there is a model `zeros` already".to_owned()));
    let listing = Listing { change: Some(change), told, entries };
    let _ = update(&mut state, Action::Done(Outcome::Models(Box::new(listing))));
    assert!(matches!(&state.notice, Notice::Error(m) if m.contains("already")));
}

#[test]
fn training_can_go_on_from_a_run_only() {
    let mut state = on_models();
    for (name, folder) in [("python", None), ("lines", Some("/models/lines")), ("lines/best", None)]
    {
        choose(&mut state, name);
        assert_eq!(state.models.chosen_run().and_then(|f| f.to_str()), folder);
    }
}
