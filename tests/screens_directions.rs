//! The panels of directions and of neighbours, and the ladder along a direction.

use ratatui::backend::TestBackend;
use ratatui::Terminal;
use tui_input::InputRequest;
use tvae_tui::app::{keys, update, Action, Command, Panel, State, Step};
use tvae_tui::corpus::Example;
use tvae_tui::domain::Verdict;
use tvae_tui::engine::pool;
use tvae_tui::engine::pool::{Effect, Figures, Measurement, NamedDirection, Neighbour, Source};
use tvae_tui::engine::{Inspection, ModelInfo, Reply};
use tvae_tui::latent::{Direction, Geometry, Latent};
use tvae_tui::report::Rung;
use tvae_tui::tui::{view, Look};

fn draw(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| {
            let _ = view(state, &Look::plain(), frame);
        })
        .expect("drawn");
    terminal.backend().to_string()
}

fn tell(state: &mut State, reply: Reply) {
    let _ = update(state, Action::Engine(reply));
}

fn press(state: &mut State, command: Command) {
    let _ = update(state, Action::Run(command));
}

fn named(name: &str, source: Source, (with, without): (usize, usize)) -> NamedDirection {
    let mut vector = [0.0; 256];
    vector[with] = 1.0;
    let direction = Direction::new(8, 32, &vector, 0.5).expect("a direction");
    NamedDirection { name: name.to_owned(), source, with, without, direction }
}

fn ready() -> State {
    let mut state = State::new(7, keys(&[]).expect("keys"));
    let info = ModelInfo {
        name: "python".into(),
        domain: "python".into(),
        parameters: 4_503_136,
        latent_tokens: 8,
        latent_size: 32,
        geometry: Geometry::Sphere,
    };
    let sample = |text: &str| Example { text: text.to_owned(), label: None };
    let samples = ["data = json.loads(text)", "return self.items[0] or None"].map(sample).to_vec();
    tell(&mut state, Reply::Ready { info, samples });
    (state.scene.a, state.scene.b) =
        ("data = json.loads(text)".to_owned(), "return self.items[0] or None".to_owned());
    let rungs = rungs(|k| k as f32 / 10.0);
    for generation in 0..3 {
        tell(&mut state, Reply::LadderDone { generation, rungs: rungs.clone() });
        tell(&mut state, Reply::PointDone { generation, rung: rungs[5].clone() });
    }
    state
}

fn rungs(place: impl Fn(usize) -> f32) -> Vec<Rung> {
    let text = |k: usize| match k {
        0..=3 => "data = json.loads(text)".to_owned(),
        4 => "data = json.items(".to_owned(),
        5 => "return json.items(0)".to_owned(),
        _ => format!("return self.items[{}] or None", k - 6),
    };
    let verdict = |k: usize| match k {
        4 => Verdict::invalid(1, 18, "'(' was never closed"),
        _ => Verdict::Valid,
    };
    let rung =
        |k: usize| Rung { ratio: place(k), text: text(k), verdict: verdict(k), guided: false };
    (0..11).map(rung).collect()
}

fn figures(flip_rate: Option<f64>, mean_change: Option<f64>, changed: f64) -> Effect {
    let figures = Figures {
        asked: 30,
        flip_rate,
        mean_change,
        changed,
        validity: 0.97,
        preservation: 1.0 - changed / 2.0,
    };
    let steps = vec![pool::Step { strength: 2.0, figures: figures.clone() }];
    Effect { monotony: None, steps, figures }
}

/// The panel with directions of every kind, one of them measured, two of them with edits.
fn directions() -> State {
    let mut state = ready();
    let file = "directions.json".into();
    let own = vec![named("formal \u{1b}[31m− casual", Source::Own, (3, 2))];
    tell(&mut state, Reply::OwnDirections { file, own });
    let _ = update(&mut state, Action::Focus(Panel::Directions));
    let found = vec![
        named("call", Source::YesNo, (41, 79)),
        named("length", Source::Number, (120, 0)),
        named("assignment with a long name", Source::YesNo, (30, 90)),
        named("POLITICS", Source::Label, (24, 96)),
        named("PC 1", Source::Component, (119, 0)),
        named("decoder 1.1", Source::Decoder, (0, 0)),
    ];
    tell(&mut state, Reply::Directions { texts: 120, found });
    let _ = update(&mut state, Action::ChooseDirection(2));
    let (effect, control) = (figures(None, Some(6.4), 0.9), figures(None, Some(-0.2), 0.2));
    let measurement = Measurement { texts: 30, base_validity: 1.0, effect, control };
    for generation in 0..9 {
        let measurement = Box::new(measurement.clone());
        tell(&mut state, Reply::Measured { generation, measurement });
    }
    let _ = update(&mut state, Action::ChooseDirection(1));
    let (effect, control) = (figures(Some(0.71), None, 0.8), figures(Some(0.04), None, 0.1));
    let measurement = Measurement { texts: 30, base_validity: 1.0, effect, control };
    for generation in 0..9 {
        let measurement = Box::new(measurement.clone());
        tell(&mut state, Reply::Measured { generation, measurement });
    }
    press(&mut state, Command::NextTarget);
    press(&mut state, Command::Strength(Step::CoarseLeft));
    press(&mut state, Command::NextTarget);
    press(&mut state, Command::NextTarget);
    press(&mut state, Command::Strength(Step::CoarseRight));
    let _ = update(&mut state, Action::SetStrength(2, -2.0));
    let _ = update(&mut state, Action::ChooseDirection(1));
    press(&mut state, Command::Mark(0));
    for generation in 0..9 {
        let rungs = rungs(|k| k as f32 / 10.0);
        tell(&mut state, Reply::LadderDone { generation, rungs: rungs.clone() });
        tell(&mut state, Reply::PointDone { generation, rung: rungs[5].clone() });
    }
    state
}

#[test]
fn directions_at_every_size() {
    let state = directions();
    insta::assert_snapshot!("directions_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("directions_120x40", draw(&state, 120, 40));
    insta::assert_snapshot!("directions_40x10", draw(&state, 40, 10));
}

#[test]
fn the_ladder_along_a_direction() {
    let mut state = directions();
    press(&mut state, Command::Along);
    for generation in 0..9 {
        let rungs = rungs(|k| k as f32 * 0.6 - 3.0);
        tell(&mut state, Reply::LadderDone { generation, rungs });
    }
    let _ = update(&mut state, Action::Focus(Panel::Ladder));
    insta::assert_snapshot!("along_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("along_120x40", draw(&state, 120, 40));
}

#[test]
fn before_the_texts_are_read_and_where_there_are_none() {
    let mut state = ready();
    let _ = update(&mut state, Action::Focus(Panel::Directions));
    tell(&mut state, Reply::Reading { done: 64, total: 120 });
    insta::assert_snapshot!("directions_reading_80x24", draw(&state, 80, 24));
    tell(&mut state, Reply::Directions { texts: 0, found: Vec::new() });
    insta::assert_snapshot!("directions_none_80x24", draw(&state, 80, 24));
}

#[test]
fn a_name_is_typed() {
    let mut state = directions();
    let _ = update(&mut state, Action::ChooseDirection(0));
    press(&mut state, Command::NameDirection);
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('!')));
    insta::assert_snapshot!("naming_80x24", draw(&state, 80, 24));
}

#[test]
fn neighbours_at_every_size() {
    let mut state = directions();
    let _ = update(&mut state, Action::Focus(Panel::Neighbours));
    insta::assert_snapshot!("neighbours_looking_80x24", draw(&state, 80, 24));
    let latent = Latent { tokens: 8, size: 32, values: vec![0.5; 256] };
    let neighbour = |index: usize, text: &str, label: Option<&str>, distance| Neighbour {
        index,
        text: text.to_owned(),
        label: label.map(str::to_owned),
        distance,
        same_text: index == 0,
    };
    let neighbours = vec![
        neighbour(0, "return json.items(0)", Some("return"), 0.0),
        neighbour(7, "return json.items(0) if self.items else None or \u{1b}[31m", None, 0.2134),
        neighbour(3, "日本語 = '日本語'", Some("a label that is rather long"), 0.45),
    ];
    let inspection = Inspection {
        a: latent.clone(),
        b: latent.clone(),
        point: latent,
        tokens: Vec::new(),
        neighbours,
        in_pool: Some(true),
        labels: Vec::new(),
    };
    for generation in 0..9 {
        tell(&mut state, Reply::Inspected { generation, inspection: Box::new(inspection.clone()) });
    }
    insta::assert_snapshot!("neighbours_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("neighbours_120x40", draw(&state, 120, 40));
}

#[test]
fn nothing_raw_reaches_the_terminal_and_no_size_panics() {
    let mut state = directions();
    for panel in [Panel::Directions, Panel::Neighbours] {
        let _ = update(&mut state, Action::Focus(panel));
        for width in 1..130 {
            for height in [3, 6, 9, 10, 16, 17, 24, 31] {
                let screen = draw(&state, width, height);
                assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{width}x{height}");
            }
        }
    }
}
