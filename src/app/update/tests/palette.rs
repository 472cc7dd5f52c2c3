//! The palette: when it is asked for, its cells, its corners and their undo.

use super::*;
use crate::engine::{Palette, PALETTE_RANGE};

/// What the palette is told, and clicks on it.
pub(super) fn happenings() -> impl Strategy<Value = Action> {
    prop_oneof![
        (0u64..20, 0usize..100).prop_map(|(generation, row)| Action::Engine(Reply::PaletteStep {
            generation,
            rows: vec![(row, "t".into(), false)]
        })),
        (0u64..20, 0usize..10).prop_map(|(generation, side)| Action::Engine(Reply::PaletteDone {
            generation,
            cells: vec![rung(0.5); side * side]
        })),
        (0usize..12, 0usize..12).prop_map(|(x, y)| Action::ChooseCell(x, y)),
    ]
}

/// What always holds.
pub(super) fn check(state: &State) -> Result<(), TestCaseError> {
    let (view, size) = (&state.palette, state.scene.palette.size);
    prop_assert!(PALETTE_RANGE.contains(&size));
    prop_assert_eq!((view.size(), view.cells().len()), (size, size * size));
    prop_assert!(view.chosen().is_some());
    prop_assert!(state.scene.palette.c.is_some() && state.scene.palette.d.is_some());
    Ok(())
}

/// A palette is told whole: the cell of column x and row y is `xy`, and that in the middle is not valid.
fn tell(state: &mut State) {
    let size = state.palette.size();
    let cell = |i: usize| Rung {
        ratio: (i % size) as f32 / (size - 1) as f32,
        text: format!("{}{}", i % size, i / size),
        verdict: if i == size * size / 2 { Verdict::invalid(1, 1, "no") } else { Verdict::Valid },
        guided: false,
    };
    let cells = (0..size * size).map(cell).collect();
    let generation = Generations::last(state, Kind::Palette);
    let _ = update(state, Action::Engine(Reply::PaletteDone { generation, cells }));
}

fn shown() -> State {
    let mut state = ready();
    assert_eq!(kinds(&press(&mut state, Command::Panel(Panel::Palette))), [Kind::Palette]);
    tell(&mut state);
    state
}

#[test]
fn it_is_decoded_once_and_only_while_it_is_shown() {
    let mut state = ready();
    assert!(!kinds(&press(&mut state, Command::Swap)).contains(&Kind::Palette));
    assert_eq!(kinds(&press(&mut state, Command::Panel(Panel::Palette))), [Kind::Palette]);
    assert_eq!(kinds(&press(&mut state, Command::CellRight)), []);
    assert_eq!(kinds(&press(&mut state, Command::Slide(Step::Left))), [Kind::Point]);
    assert_eq!(kinds(&press(&mut state, Command::MoreCells)), [Kind::Palette]);
    let all = [Kind::Ladder, Kind::Point, Kind::Strip, Kind::Palette];
    assert_eq!(kinds(&press(&mut state, Command::NextPath)), all);
    // Beside the ladder it still follows; behind another panel it does not, and is fetched when it comes back.
    let _ = press(&mut state, Command::Panel(Panel::Ladder));
    assert_eq!(kinds(&press(&mut state, Command::NextPath)), all);
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    assert_eq!(kinds(&press(&mut state, Command::NextPath)), all[..3]);
    assert_eq!(kinds(&update(&mut state, Action::Focus(Panel::Palette))), [Kind::Palette]);
    tell(&mut state);
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    assert_eq!(kinds(&update(&mut state, Action::Focus(Panel::Palette))), []);
}

#[test]
fn the_cursor_stays_inside_and_where_it_was_between_the_corners() {
    let mut state = shown();
    assert_eq!((state.palette.size(), state.palette.cursor()), (5, (0, 0)));
    for _ in 0..9 {
        let _ = press(&mut state, Command::CellRight);
        let _ = press(&mut state, Command::Down);
    }
    assert_eq!(state.palette.cursor(), (4, 4));
    let _ = press(&mut state, Command::CellLeft);
    let _ = press(&mut state, Command::CellLeft);
    let _ = press(&mut state, Command::Up);
    assert_eq!(state.palette.cursor(), (2, 3));
    for _ in 0..9 {
        let _ = press(&mut state, Command::MoreCells);
    }
    assert_eq!(state.palette.size(), 9);
    assert_eq!(state.palette.cursor(), (4, 6));
    for _ in 0..9 {
        let _ = press(&mut state, Command::FewerCells);
    }
    assert_eq!((state.palette.size(), state.palette.cursor().0), (3, 1));
    let _ = press(&mut state, Command::MoreCells);
    let _ = press(&mut state, Command::MoreCells);
    assert_eq!(state.palette.cursor(), (2, 3));
    let _ = update(&mut state, Action::ChooseCell(7, 1));
    assert_eq!(state.palette.cursor(), (4, 1));
}

#[test]
fn a_cell_becomes_the_nearest_corner_or_the_one_that_is_named() {
    let mut state = shown();
    let start = state.scene.clone();
    for (cell, end) in [
        ((0, 0), EditedEnd::A),
        ((3, 1), EditedEnd::B),
        ((2, 2), EditedEnd::A),
        ((1, 3), EditedEnd::C),
        ((4, 4), EditedEnd::D),
    ] {
        tell(&mut state);
        let _ = update(&mut state, Action::ChooseCell(cell.0, cell.1));
        assert_eq!(state.palette.nearest_corner(), end);
        let _ = press(&mut state, Command::TakeNearest);
        assert_eq!(state.scene.corners()[end as usize], format!("{}{}", cell.0, cell.1));
        assert!(state.palette.chosen().is_some_and(|cell| cell.verdict.is_none()));
    }
    tell(&mut state);
    let _ = press(&mut state, Command::TakeCell(EditedEnd::C));
    assert_eq!(state.scene.corners()[2], "44");
    // It is another palette now: nothing can be taken from it until it is decoded.
    assert_eq!(kinds(&press(&mut state, Command::TakeNearest)), []);
    assert!(matches!(state.notice, Notice::Error(_)));
    while state.scene != start {
        assert!(!state.history.is_empty());
        let _ = press(&mut state, Command::Undo);
    }
}

#[test]
fn corners_are_random_samples_picked_or_typed() {
    let mut state = shown();
    let samples: Vec<String> = state.samples.iter().map(|s| s.text.clone()).collect();
    let is_sample = |text: &str| samples.iter().any(|sample| sample == text);
    assert!(state.scene.corners().into_iter().all(is_sample));
    assert_ne!(state.scene.corners()[2], state.scene.a);
    let _ = press(&mut state, Command::Pick(EditedEnd::D));
    let _ = update(&mut state, Action::ChooseRow(1));
    assert!(kinds(&update(&mut state, Action::Accept)).contains(&Kind::Palette));
    assert_eq!(state.scene.palette.d.as_deref(), Some("b"));
    let _ = update(&mut state, Action::ChooseCell(0, 4));
    let _ = press(&mut state, Command::ChangeCorner);
    let before = state.scene.clone();
    let effects = update(&mut state, Action::Edit(InputRequest::InsertChar('!')));
    assert_eq!(kinds(&effects), [Kind::Palette], "the ladder does not end there");
    assert!(state.scene.corners()[2].ends_with('!'));
    let _ = update(&mut state, Action::Leave);
    assert_eq!(state.scene, before);
    let _ = press(&mut state, Command::RandomCorners);
    assert!(state.scene.corners().into_iter().all(is_sample));
    // The same seed draws the same corners, and the ends are those that it always drew.
    let (one, other) = (ready().scene, ready().scene);
    assert_eq!(one.corners(), other.corners());
}

#[test]
fn what_is_seen_is_copied_exported_and_kept() {
    let mut state = shown();
    let _ = update(&mut state, Action::ChooseCell(3, 1));
    let copied = press(&mut state, Command::CopyPoint);
    assert!(matches!(copied.as_slice(), [Effect::Copy { text, .. }] if text == "31"));
    let copied = press(&mut state, Command::CopyLadder);
    assert!(matches!(copied.as_slice(), [Effect::Copy { text, .. }] if text.lines().count() == 27));
    let _ = press(&mut state, Command::Export);
    let exported = update(&mut state, Action::Accept);
    let [Effect::ExportPalette { palette, file, replace: false }] = exported.as_slice() else {
        panic!("{exported:?}")
    };
    assert_eq!((palette.cells.len(), file.to_str()), (25, Some("palette.svg")));
    let _ = update(&mut state, Action::Done(Outcome::ExportedPalette(file.clone())));
    let _ = press(&mut state, Command::Export);
    let again = update(&mut state, Action::Accept);
    assert!(matches!(again.as_slice(), [Effect::ExportPalette { replace: true, .. }]));

    let _ = press(&mut state, Command::MoreCells);
    let session = state.session();
    assert_eq!(session.scene.palette.size, 6);
    let mut other = ready();
    let _ = press(&mut other, Command::RandomCorners);
    let opened = Outcome::Opened("x.json".into(), Box::new(session));
    let _ = update(&mut other, Action::Done(opened));
    assert_eq!((&other.scene, other.palette.size()), (&state.scene, 6));
}

#[test]
fn a_scene_of_before_gets_corners_that_stay_the_same() {
    let mut state = shown();
    let drawn = state.scene.palette.clone();
    let _ = press(&mut state, Command::RandomCorners);
    let bare = Scene { a: "a".into(), b: "b".into(), ..Scene::default() };
    let session = Session { scene: bare, history: Vec::new(), ..state.session() };
    let _ = update(&mut state, Action::Done(Outcome::Opened("x.json".into(), Box::new(session))));
    assert_eq!(state.scene.palette, Palette { size: 5, ..drawn });
}
