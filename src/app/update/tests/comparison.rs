//! A second model on the same ladder.

use super::models::{choose, on_models};
use super::*;

fn info(domain: &str) -> ModelInfo {
    ModelInfo {
        name: "lines".into(),
        domain: domain.into(),
        parameters: 1,
        latent_tokens: 9,
        latent_size: 3,
        geometry: Geometry::Flat,
    }
}

fn is_open(state: &mut State, domain: &str) -> Vec<Effect> {
    update(state, Action::Other(Reply::Ready { info: info(domain), samples: Vec::new() }))
}

/// What a second engine tells, whether there is one or not.
pub(super) fn news() -> impl Strategy<Value = Action> {
    prop_oneof![
        (0u64..9, 0usize..12).prop_map(|(generation, n)| Action::Other(Reply::LadderDone {
            generation,
            rungs: (0..n).map(|k| rung(k as f32 / 40.0)).collect()
        })),
        any::<bool>().prop_map(|same| {
            let domain = if same { "python" } else { "text" };
            Action::Other(Reply::Ready { info: info(domain), samples: Vec::new() })
        }),
        Just(Action::Other(Reply::Failed { message: "why".into() })),
    ]
}

/// Compared with the model `lines`, which is open.
fn comparing() -> State {
    let mut state = on_models();
    choose(&mut state, "lines");
    let effects = press(&mut state, Command::CompareModel);
    assert_eq!(effects, [Effect::Compare("/models/lines".into())]);
    assert_eq!((state.screen, state.focus), (Screen::Explore, Panel::Compare));
    state
}

/// The scene that the second model is asked for.
fn asked(effects: &[Effect]) -> Option<Arc<Scene>> {
    effects.iter().find_map(|effect| match effect {
        Effect::DecodeOther(request) if request.kind == Kind::Ladder => {
            Some(Arc::clone(&request.scene))
        }
        _ => None,
    })
}

#[test]
fn the_second_ladder_follows_the_scene_and_has_its_own_figures() {
    let mut state = comparing();
    let first = asked(&is_open(&mut state, "python")).expect("its ladder");
    assert_eq!((&first.a, first.rungs), (&state.scene.a, 11));
    let rungs: Vec<Rung> = (0..11).map(|k| rung(k as f32 / 10.0)).collect();
    let done = |generation| Action::Other(Reply::LadderDone { generation, rungs: rungs.clone() });
    let _ = update(&mut state, done(1));
    let other = state.comparison.as_ref().expect("a comparison");
    assert_eq!(RungView::interior_validity(&other.rungs), Some((9, 9)));
    assert!(other.figures.is_some() && state.other_likeness(3).is_some());
    // Sliding is no other ladder.
    assert_eq!(asked(&update(&mut state, Action::SlideTo(0.8))), None);
    let swapped = asked(&press(&mut state, Command::Swap)).expect("its ladder");
    assert_eq!((&swapped.a, &swapped.b), (&first.b, &first.a));
    // News of the ladder before are late.
    let _ = update(&mut state, done(1));
    assert!(state.comparison.as_ref().is_some_and(|other| other.figures.is_none()));
    // Latent tokens are a model's own.
    assert_eq!(asked(&update(&mut state, Action::SlideToken(1, 0.9))), None);
    assert!(state.is_beyond_comparison());
    let undone = asked(&press(&mut state, Command::MoreRungs)).expect("its ladder");
    assert_eq!((undone.rungs, undone.tokens.len()), (12, 0));
}

#[test]
fn what_is_not_shown_is_not_decoded_until_it_is() {
    let mut state = comparing();
    let _ = is_open(&mut state, "python");
    let _ = update(&mut state, Action::Focus(Panel::Mix));
    assert_eq!(asked(&press(&mut state, Command::Swap)), None);
    let shown = asked(&update(&mut state, Action::Focus(Panel::Compare))).expect("its ladder");
    assert_eq!(shown.a, state.scene.a);
    assert_eq!(asked(&update(&mut state, Action::Focus(Panel::Ladder))), None);
}

#[test]
fn a_comparison_ends_on_request_on_failure_and_with_another_domain() {
    let mut state = comparing();
    let _ = is_open(&mut state, "python");
    assert!(state.panels().contains(&Panel::Compare));
    assert_eq!(press(&mut state, Command::EndComparison), [Effect::EndComparison]);
    assert!(!state.panels().contains(&Panel::Compare) && state.focus == Panel::Ladder);
    assert_eq!(update(&mut state, Action::Focus(Panel::Compare)), []);
    assert_eq!((state.focus, state.side), (Panel::Ladder, Panel::Mix));

    let mut state = comparing();
    let message = "no weights".to_owned();
    let effects = update(&mut state, Action::Other(Reply::Failed { message: message.clone() }));
    assert_eq!(effects, [Effect::EndComparison]);
    assert!(state.comparison.is_none() && state.notice == Notice::Error(message));

    let mut state = comparing();
    assert_eq!(is_open(&mut state, "text"), [Effect::EndComparison]);

    let mut state = comparing();
    let _ = is_open(&mut state, "python");
    let given = "/models/digits".to_owned();
    let action = Action::Opened { given, info: info("text"), samples: Vec::new() };
    assert!(update(&mut state, action).contains(&Effect::EndComparison));
    assert!(state.comparison.is_none());
}

#[test]
fn models_of_one_domain_are_compared_and_none_with_itself() {
    let mut state = on_models();
    for (name, why) in [("digits", "mnist"), ("python", "choose another"), ("broken", "no weights")]
    {
        choose(&mut state, name);
        assert_eq!(press(&mut state, Command::CompareModel), []);
        assert!(matches!(&state.notice, Notice::Error(m) if m.contains(why)), "{name}");
        assert!(state.comparison.is_none() && state.screen == Screen::Models);
    }
}
