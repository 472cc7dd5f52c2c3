//! Ends that are drawn on a canvas.

use super::ends;
use crate::app::canvas::{Canvas, Pen};
use crate::app::drawing::{DrawAction, Drawing};
use crate::app::state::{EditedEnd, Notice, Overlay, State};

/// Opens the canvas with an end's picture on it.
pub(super) fn begin(state: &mut State, end: EditedEnd) {
    let Some(domain) = state.domain().filter(|_| state.draws_pictures()) else {
        if state.model.is_some() {
            let message = "this model's texts are typed, not drawn: type the ends with a and b";
            state.notice = Notice::Error(message.to_owned());
        }
        return;
    };
    let before = ends::text(state, end).clone();
    let samples = state.samples.iter().map(|example| example.text.as_str());
    // What is no picture at least leaves a canvas of the size that the model knows.
    let known = |text: &str| domain.verdict(text).is_valid();
    let canvas = match (known(&before), samples.into_iter().next()) {
        (false, Some(sample)) => Canvas::like(sample),
        _ => Canvas::of(&before),
    };
    state.history.seal();
    state.overlay = Some(Overlay::Drawing(Drawing { end, canvas, before }));
}

/// Does something on the canvas; the end follows where its pixels changed.
pub(super) fn act(state: &mut State, action: DrawAction) {
    let Some(Overlay::Drawing(drawing)) = &mut state.overlay else { return };
    let canvas = &mut drawing.canvas;
    let levels = canvas.levels().to_vec();
    match action {
        DrawAction::Step(right, down) => canvas.step(right, down),
        DrawAction::Shift(right, down) => canvas.shift(right, down),
        DrawAction::Brush if canvas.is_drawing() => canvas.lift(),
        DrawAction::Brush => canvas.press(),
        DrawAction::Erase => {
            canvas.lift();
            canvas.pen = match canvas.pen {
                Pen::Draw => Pen::Erase,
                Pen::Erase => Pen::Draw,
            };
        }
        DrawAction::NextBrush => canvas.brush = canvas.brush.next(),
        DrawAction::Clear => canvas.clear(),
        DrawAction::Invert => canvas.invert(),
        DrawAction::Centre => canvas.centre(),
        DrawAction::Undo => {
            canvas.undo();
        }
        DrawAction::Press(x, y) => {
            canvas.lift();
            canvas.go(x, y);
            canvas.press();
        }
        DrawAction::Go(x, y) => canvas.go(x, y),
        DrawAction::Lift => canvas.lift(),
    }
    if canvas.levels() != levels {
        let (end, drawn) = (drawing.end, canvas.text());
        *ends::text(state, end) = drawn;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::app::{keys, update, Action, Command, Effect};
    use crate::domain::domain;
    use crate::engine::{Kind, ModelInfo, Reply};
    use crate::latent::Geometry;

    fn digits() -> State {
        let mut state = State::new(1, keys(&[]).expect("keys"));
        let info = ModelInfo {
            name: "digits".into(),
            domain: "mnist".into(),
            parameters: 1,
            latent_tokens: 4,
            latent_size: 2,
            geometry: Geometry::Sphere,
        };
        let samples = domain("mnist").expect("a domain").samples();
        let _ = update(&mut state, Action::Engine(Reply::Ready { info, samples }));
        state
    }

    fn draw(state: &mut State, action: DrawAction) -> Vec<Kind> {
        let effects = update(state, Action::Draw(action));
        let kind = |effect: &Effect| match effect {
            Effect::Decode(request) => Some(request.kind),
            _ => None,
        };
        effects.iter().filter_map(kind).collect()
    }

    #[test]
    fn the_ladder_follows_the_hand_and_a_drawing_is_one_step() {
        let mut state = digits();
        let before = state.scene.clone();
        let _ = update(&mut state, Action::Run(Command::Draw(EditedEnd::B)));
        let drawn = |state: &State| state.drawing().map(|d| d.canvas.text());
        assert_eq!(drawn(&state).as_ref(), Some(&before.b), "the end's own digit is on the canvas");
        assert_eq!(draw(&mut state, DrawAction::Undo), [], "nothing was drawn yet");
        assert_eq!(draw(&mut state, DrawAction::Step(1, 0)), []);
        let all = [Kind::Ladder, Kind::Point, Kind::Strip];
        assert_eq!(draw(&mut state, DrawAction::Clear), all);
        assert_eq!(draw(&mut state, DrawAction::Press(3, 3)), all);
        assert_eq!(draw(&mut state, DrawAction::Go(3, 10)), all);
        assert_eq!(draw(&mut state, DrawAction::Lift), []);
        assert_eq!(drawn(&state).as_ref(), Some(&state.scene.b));
        assert!(state.domain().is_some_and(|d| d.verdict(&state.scene.b).is_valid()));
        let _ = update(&mut state, Action::Accept);
        assert!(state.overlay.is_none() && state.scene != before);
        let _ = update(&mut state, Action::Run(Command::Undo));
        assert_eq!(state.scene, before);
    }

    #[test]
    fn pictures_are_drawn_where_texts_are_typed() {
        let mut state = digits();
        let _ = update(&mut state, Action::Run(Command::Type(EditedEnd::A)));
        assert!(state.drawing().is_some_and(|d| d.end == EditedEnd::A));
        assert!(state.offers(Command::Draw(EditedEnd::A)));
        assert!(!state.offers(Command::Type(EditedEnd::A)));
        let _ = update(&mut state, Action::Leave);
        if let Some(model) = &mut state.model {
            "python".clone_into(&mut model.domain);
        }
        let _ = update(&mut state, Action::Run(Command::Draw(EditedEnd::A)));
        assert!(state.overlay.is_none() && matches!(state.notice, Notice::Error(_)));
    }

    #[test]
    fn an_end_that_is_no_digit_leaves_an_empty_canvas_of_the_models_size() {
        let mut state = digits();
        state.scene.a = "x = 1".into();
        let _ = update(&mut state, Action::Run(Command::Draw(EditedEnd::A)));
        let canvas = state.drawing().map(|d| (d.canvas.side(), d.canvas.is_empty()));
        assert_eq!(canvas, Some((14, true)));
    }

    fn actions() -> impl Strategy<Value = DrawAction> {
        let by = || -3isize..4;
        prop_oneof![
            4 => (0usize..40, 0usize..40).prop_map(|(x, y)| DrawAction::Press(x, y)),
            4 => (0usize..40, 0usize..40).prop_map(|(x, y)| DrawAction::Go(x, y)),
            2 => (by(), by()).prop_map(|(x, y)| DrawAction::Step(x, y)),
            1 => (by(), by()).prop_map(|(x, y)| DrawAction::Shift(x, y)),
            4 => prop::sample::select(vec![
                DrawAction::Brush, DrawAction::Erase, DrawAction::NextBrush, DrawAction::Clear,
                DrawAction::Invert, DrawAction::Centre, DrawAction::Undo, DrawAction::Lift,
            ]),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_drawn_is_a_digit_and_can_be_left(all in prop::collection::vec(actions(), 0..40), keep in any::<bool>()) {
            let mut state = digits();
            let before = state.scene.clone();
            let _ = update(&mut state, Action::Run(Command::Draw(EditedEnd::A)));
            for action in all {
                let old = state.scene.clone();
                let effects = draw(&mut state, action);
                prop_assert_eq!(effects.is_empty(), state.scene == old);
                prop_assert!(state.domain().is_some_and(|d| d.verdict(&state.scene.a).is_valid()));
            }
            if keep {
                let _ = update(&mut state, Action::Accept);
                let _ = update(&mut state, Action::Run(Command::Undo));
            } else {
                let _ = update(&mut state, Action::Leave);
            }
            prop_assert!(state.overlay.is_none());
            prop_assert_eq!(state.scene, before);
        }
    }
}
