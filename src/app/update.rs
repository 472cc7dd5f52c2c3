//! What an action changes, and what has to be done about it.

use rand::seq::index::sample;
use tui_input::Input;

use super::actions::{Action, Command};
use super::state::{EditedEnd, Editing, Notice, RungView, State, RATIO_RANGE, RUNG_RANGE};
use crate::engine::{Reply, Request};
use crate::latent::{ratios, Path};

/// What the outside has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the engine.
    Decode(Request),
}

/// Takes an action in; does no I/O.
#[must_use]
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Run(command) => run(state, command),
        Action::SlideTo(ratio) => slide(state, ratio),
        Action::ChooseRung(rung) => choose(state, rung),
        Action::Edit(request) => {
            if let Some(editing) = &mut state.editing {
                editing.input.handle(request);
            }
            Vec::new()
        }
        Action::Accept => accept(state),
        Action::Leave => {
            state.editing = None;
            state.help = false;
            Vec::new()
        }
        Action::Engine(reply) => engine(state, reply),
    }
}

fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Slide(step) => {
            // In steps of the grid, so that ten steps of 0.02 are 0.2 and 0 is met again.
            let ratio = ((state.point.ratio + step.delta()) * 1000.0).round() / 1000.0;
            slide(state, ratio)
        }
        Command::Tenth(tenth) => slide(state, f32::from(tenth) / 10.0),
        Command::RungUp => choose(state, state.nearest_rung().saturating_sub(1)),
        Command::RungDown => choose(state, state.nearest_rung() + 1),
        Command::Random => random_ends(state),
        Command::Swap => {
            std::mem::swap(&mut state.ends.a, &mut state.ends.b);
            decode_all(state)
        }
        Command::Type(end) => {
            let text = match end {
                EditedEnd::A => state.ends.a.clone(),
                EditedEnd::B => state.ends.b.clone(),
            };
            state.help = false;
            state.editing = Some(Editing { end, input: Input::new(text) });
            Vec::new()
        }
        Command::NextPath => {
            let at = Path::ALL.iter().position(|p| *p == state.ends.path).unwrap_or(0);
            state.ends.path = Path::ALL[(at + 1) % Path::ALL.len()];
            decode_all(state)
        }
        Command::MoreRungs => rungs(state, state.rungs.len() + 1),
        Command::FewerRungs => rungs(state, state.rungs.len().saturating_sub(1)),
        Command::Help => {
            state.help = !state.help;
            Vec::new()
        }
        Command::Quit => {
            state.quit = true;
            Vec::new()
        }
    }
}

fn slide(state: &mut State, ratio: f32) -> Vec<Effect> {
    if !ratio.is_finite() {
        return Vec::new();
    }
    let ratio = ratio.clamp(*RATIO_RANGE.start(), *RATIO_RANGE.end());
    if (ratio - state.point.ratio).abs() < 1e-6 {
        return Vec::new();
    }
    state.point.ratio = ratio;
    decode_point(state)
}

fn choose(state: &mut State, rung: usize) -> Vec<Effect> {
    let last = state.rungs.len().saturating_sub(1);
    match state.rungs.get(rung.min(last)) {
        Some(rung) => slide(state, rung.ratio),
        None => Vec::new(),
    }
}

fn rungs(state: &mut State, count: usize) -> Vec<Effect> {
    if !RUNG_RANGE.contains(&count) {
        return Vec::new();
    }
    state.rungs = ratios(count).into_iter().map(RungView::empty).collect();
    decode_ladder(state)
}

fn random_ends(state: &mut State) -> Vec<Effect> {
    if state.samples.len() < 2 {
        if state.model.is_some() {
            let message = "this model's domain has no samples: type the ends with a and b";
            state.notice = Notice::Error(message.to_owned());
        }
        return Vec::new();
    }
    let drawn = sample(&mut state.rng, state.samples.len(), 2);
    state.ends.a.clone_from(&state.samples[drawn.index(0)]);
    state.ends.b.clone_from(&state.samples[drawn.index(1)]);
    decode_all(state)
}

fn accept(state: &mut State) -> Vec<Effect> {
    let Some(editing) = state.editing.take() else { return Vec::new() };
    let text = editing.input.value().to_owned();
    match editing.end {
        EditedEnd::A => state.ends.a = text,
        EditedEnd::B => state.ends.b = text,
    }
    decode_all(state)
}

fn decode_all(state: &mut State) -> Vec<Effect> {
    let mut effects = decode_ladder(state);
    effects.extend(decode_point(state));
    effects
}

fn decode_ladder(state: &mut State) -> Vec<Effect> {
    state.ladder_generation += 1;
    // What is shown belongs to other ends until the first news come.
    for rung in &mut state.rungs {
        rung.verdict = None;
    }
    if state.model.is_none() {
        return Vec::new();
    }
    vec![Effect::Decode(Request::Ladder {
        generation: state.ladder_generation,
        ends: state.ends.clone(),
        rungs: state.rungs.len(),
    })]
}

fn decode_point(state: &mut State) -> Vec<Effect> {
    state.point_generation += 1;
    state.point.verdict = None;
    if state.model.is_none() {
        return Vec::new();
    }
    vec![Effect::Decode(Request::Point {
        generation: state.point_generation,
        ends: state.ends.clone(),
        ratio: state.point.ratio,
    })]
}

fn engine(state: &mut State, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Ready { info, samples } => {
            state.model = Some(info);
            state.samples = samples;
            state.notice = Notice::Status("ready".to_owned());
            random_ends(state)
        }
        Reply::LadderStep { generation, rows } if generation == state.ladder_generation => {
            for (row, text, _) in rows {
                if let Some(rung) = state.rungs.get_mut(row) {
                    rung.text = text;
                }
            }
            state.notice = Notice::Status("decoding …".to_owned());
            Vec::new()
        }
        Reply::LadderDone { generation, rungs } if generation == state.ladder_generation => {
            state.rungs = rungs
                .into_iter()
                .map(|r| RungView { ratio: r.ratio, text: r.text, verdict: Some(r.verdict) })
                .collect();
            state.notice = Notice::Status("ready".to_owned());
            Vec::new()
        }
        Reply::PointStep { generation, text } if generation == state.point_generation => {
            state.point.text = text;
            Vec::new()
        }
        Reply::PointDone { generation, rung } if generation == state.point_generation => {
            state.point =
                RungView { ratio: rung.ratio, text: rung.text, verdict: Some(rung.verdict) };
            Vec::new()
        }
        Reply::Failed { message } => {
            state.notice = Notice::Error(message);
            Vec::new()
        }
        // News of a request that a newer one has replaced.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::COMMANDS;
    use crate::domain::Verdict;
    use crate::engine::ModelInfo;
    use crate::report::Rung;
    use proptest::prelude::*;
    use tui_input::InputRequest;

    fn ready() -> State {
        let mut state = State::new(1);
        let info = ModelInfo {
            name: "m".into(),
            domain: "python".into(),
            parameters: 1,
            latent_tokens: 1,
            latent_size: 1,
        };
        let samples = ["a", "b", "c"].map(str::to_owned).to_vec();
        let effects = update(&mut state, Action::Engine(Reply::Ready { info, samples }));
        assert_eq!(effects.len(), 2);
        state
    }

    fn actions() -> impl Strategy<Value = Action> {
        let rung = |ratio| Rung { ratio, text: "x\u{1b}".into(), verdict: Verdict::Valid };
        prop_oneof![
            4 => (0..COMMANDS.len()).prop_map(|i| Action::Run(COMMANDS[i].command)),
            1 => any::<f32>().prop_map(Action::SlideTo),
            1 => any::<usize>().prop_map(Action::ChooseRung),
            1 => any::<char>().prop_map(|c| Action::Edit(InputRequest::InsertChar(c))),
            1 => Just(Action::Edit(InputRequest::DeletePrevChar)),
            1 => Just(Action::Accept),
            1 => Just(Action::Leave),
            1 => (0u64..40, 0usize..40).prop_map(move |(generation, n)| Action::Engine(Reply::LadderDone {
                generation, rungs: (0..n).map(|k| rung(k as f32 / 40.0)).collect()
            })),
            1 => (0u64..40).prop_map(move |generation| Action::Engine(Reply::PointDone { generation, rung: rung(0.3) })),
            1 => (0u64..40, 0usize..60).prop_map(|(generation, row)| Action::Engine(Reply::LadderStep {
                generation, rows: vec![(row, "t".into(), false)]
            })),
        ]
    }

    proptest! {
        #[test]
        fn no_sequence_of_actions_panics_or_leaves_the_ranges(all in prop::collection::vec(actions(), 0..300)) {
            let mut state = ready();
            for action in all {
                // A ladder of the engine's is as long as the one that was asked for.
                if let Action::Engine(Reply::LadderDone { rungs, .. }) = &action {
                    if rungs.len() != state.rungs.len() { continue; }
                }
                let _ = update(&mut state, action);
                prop_assert!(RATIO_RANGE.contains(&state.point.ratio));
                prop_assert!(RUNG_RANGE.contains(&state.rungs.len()));
                prop_assert!(state.nearest_rung() < state.rungs.len());
            }
        }
    }

    #[test]
    fn keys_are_bound_once() {
        let mut keys: Vec<&str> = COMMANDS.iter().flat_map(|e| e.keys).copied().collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn late_replies_change_nothing() {
        let mut state = ready();
        let stale = state.point_generation;
        let _ = update(&mut state, Action::SlideTo(0.9));
        let rung = Rung { ratio: 0.5, text: "old".into(), verdict: Verdict::Valid };
        let _ = update(&mut state, Action::Engine(Reply::PointDone { generation: stale, rung }));
        assert_eq!((state.point.ratio, state.point.text.as_str()), (0.9, ""));
    }

    #[test]
    fn typing_an_end_asks_for_both_decodes() {
        let mut state = ready();
        let _ = update(&mut state, Action::Run(Command::Type(EditedEnd::A)));
        let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('!')));
        let effects = update(&mut state, Action::Accept);
        assert!(state.ends.a.ends_with('!') && state.editing.is_none());
        assert_eq!(effects.len(), 2);
    }

    #[test]
    fn fifty_steps_there_and_back_are_exact() {
        let mut state = ready();
        use crate::app::actions::Step;
        for step in [Step::Right, Step::Left] {
            for _ in 0..20 {
                let _ = update(&mut state, Action::Run(Command::Slide(step)));
            }
        }
        assert_eq!(state.point.ratio, 0.5);
    }
}
