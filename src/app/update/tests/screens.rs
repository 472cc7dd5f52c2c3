//! Screens: what counts on which.

use super::*;

#[test]
fn commands_of_a_screen_are_found_helped_hinted_at_and_done_there_only() {
    let mut state = ready();
    let screens = Screen::ALL;
    for screen in screens {
        let _ = press(&mut state, Command::Show(screen));
        assert_eq!(state.screen, screen);
        let is_here =
            |entry: &crate::app::Entry| entry.scope.is_none_or(|scope| scope.screen() == screen);
        assert!(state.helped().into_iter().all(is_here));
        assert!(COMMANDS.iter().all(|entry| is_here(entry) || !state.hints_at(entry)));
        for entry in COMMANDS.iter().filter(|entry| !is_here(entry)) {
            for key in entry.keys {
                assert_ne!(state.keys.lookup_name(key, state.scopes()), Some(entry.command));
            }
        }
        let _ = press(&mut state, Command::Palette);
        let Some(Overlay::Picking(Pick::Command, picker)) = &state.overlay else { panic!() };
        assert_eq!(picker.len(), COMMANDS.iter().filter(|entry| is_here(entry)).count());
        let _ = update(&mut state, Action::Leave);
    }
    // Every screen leads to every other one.
    for screen in screens {
        let command = Command::Show(screen);
        assert!(COMMANDS.iter().any(|e| e.command == command && e.scope.is_none()));
    }
}

#[test]
fn escape_leads_back_to_the_explorer_as_it_was() {
    let mut state = ready();
    let _ = press(&mut state, Command::Type(EditedEnd::A));
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('!')));
    let _ = press(&mut state, Command::Show(Screen::Models));
    assert!(state.overlay.is_none());
    let scene = state.scene.clone();
    let escape = state.keys.lookup_name("esc", state.scopes());
    assert_eq!(escape, Some(Command::Show(Screen::Explore)));
    let _ = press(&mut state, Command::Show(Screen::Explore));
    assert_eq!((state.screen, &state.scene), (Screen::Explore, &scene));
    assert!(!state.scene.a.ends_with('!'));
}

proptest! {
    #[test]
    fn no_other_screen_changes_what_is_explored(all in prop::collection::vec(actions(), 0..200)) {
        let mut state = ready();
        let _ = press(&mut state, Command::Show(Screen::Models));
        let (scene, focus) = (state.scene.clone(), state.focus);
        for action in all {
            // A session that is opened and what the engine tells are taken in wherever one is.
            if matches!(action, Action::Engine(_) | Action::Done(_) | Action::Run(Command::Show(_))) {
                continue;
            }
            let shows = matches!((&action, &state.overlay), (Action::Accept, Some(Overlay::Picking(..))));
            if shows {
                let _ = update(&mut state, Action::Leave);
                continue;
            }
            let effects = update(&mut state, action);
            prop_assert_eq!(&state.scene, &scene);
            prop_assert_eq!(kinds(&effects), []);
            prop_assert_eq!(state.focus, focus);
            prop_assert_eq!(state.screen, Screen::Models);
        }
    }
}
