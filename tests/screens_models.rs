//! The screen of models and the comparison of two, at the sizes that people have.

use ratatui::backend::TestBackend;
use ratatui::Terminal;
use serde_json::json;
use tvae_tui::app::{keys, update, Action, Command, Listing, Outcome, Panel, Screen, State};
use tvae_tui::corpus::Example;
use tvae_tui::domain::domain;
use tvae_tui::engine::{ModelEntry, ModelInfo, ModelKind, Reply, Shape};
use tvae_tui::latent::Geometry;
use tvae_tui::report::Rung;
use tvae_tui::tui::{view, Look};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

fn draw(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| {
            let _ = view(state, &Look::plain(), frame);
        })
        .expect("drawn");
    terminal.backend().to_string()
}

fn at_every_size(name: &str, state: &State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), draw(state, width, height));
    }
}

fn info(name: &str, domain: &str) -> ModelInfo {
    ModelInfo {
        name: name.into(),
        domain: domain.into(),
        parameters: 4_503_136,
        latent_tokens: 8,
        latent_size: 32,
        geometry: Geometry::Sphere,
    }
}

/// An open model of a domain, between two of its samples.
fn open(domain_name: &str) -> State {
    let mut state = State::new(7, keys(&[]).expect("keys"));
    let samples: Vec<Example> =
        domain(domain_name).expect("a domain").samples().into_iter().take(40).collect();
    let ends = [0, 10].map(|k: usize| samples[k].text.clone());
    let ready = Reply::Ready { info: info(domain_name, domain_name), samples };
    let _ = update(&mut state, Action::Engine(ready));
    [state.scene.a, state.scene.b] = ends;
    state.keep.model = domain_name.into();
    state
}

fn model(name: &str, kind: ModelKind) -> ModelEntry {
    let shape = Shape {
        family: "sphere".into(),
        bottleneck: "sphere".into(),
        latent_tokens: 8,
        latent_size: 32,
        d_model: 192,
        encoder_blocks: vec![2, 2],
        decoder_layers: 3,
        vocab: 4096,
        max_len: 64,
    };
    let training = json!({
        "version": "0.1.0", "step": 3877, "seconds": 3840.2, "lines": 992_512, "best": 0.65,
        "evaluation": {
            "token_accuracy": 0.917, "cross_entropy": 0.38, "exact_match": 0.654, "interior_validity": 0.883,
            "copy_rate": 0.379, "distinct": 0.74, "blend_yield": 0.078, "pairs": 500, "lines": 1998
        },
        "config": { "domain": "python", "preset": "cpu", "seed": 0 },
        "data": "lines.txt", "data_lines": 812_345
    });
    let trained = !matches!(kind, ModelKind::Local);
    ModelEntry {
        name: name.into(),
        kind,
        run: None,
        opens: format!("/data/models/{name}"),
        folder: Some(format!("/data/models/{name}").into()),
        own: true,
        resumes: kind == ModelKind::Trained,
        domain: "python".into(),
        parameters: Some(4_503_136),
        bytes: 9_213_774,
        saved: Some(1_763_000_000),
        shape: Some(shape),
        training: trained.then(|| serde_json::from_value(training).expect("a run")),
        problem: None,
    }
}

fn models() -> Vec<ModelEntry> {
    let bundled = ModelEntry {
        opens: "python".into(),
        folder: None,
        saved: None,
        own: false,
        ..model("python", ModelKind::Bundled)
    };
    let within = |name: &str| ModelEntry {
        run: Some("my-lines".into()),
        own: false,
        resumes: false,
        opens: format!("/data/models/my-lines/{name}"),
        ..model(name, ModelKind::Snapshot)
    };
    let digits = ModelEntry {
        domain: "mnist".into(),
        parameters: None,
        training: None,
        ..model("digits with a \u{1b}[31mvery\u{202e} long name 数字", ModelKind::Local)
    };
    let broken = ModelEntry {
        problem: Some("config.json: No such file or directory".into()),
        shape: None,
        training: None,
        parameters: None,
        domain: String::new(),
        ..model("broken", ModelKind::Local)
    };
    let run = ModelEntry { bytes: 163_213_774, ..model("my-lines", ModelKind::Trained) };
    vec![bundled, broken, digits, run, within("best"), within("step-1200")]
}

fn listed(state: &mut State, entries: Vec<ModelEntry>) {
    let listing = Listing { change: None, told: None, entries };
    let _ = update(state, Action::Done(Outcome::Models(Box::new(listing))));
}

fn run(state: &mut State, command: Command) {
    let _ = update(state, Action::Run(command));
}

fn on_models() -> State {
    let mut state = open("python");
    run(&mut state, Command::Show(Screen::Models));
    listed(&mut state, models());
    state
}

#[test]
fn the_models_at_every_size() {
    let mut state = open("python");
    run(&mut state, Command::Show(Screen::Models));
    insta::assert_snapshot!("models_reading_80x24", draw(&state, 80, 24));
    listed(&mut state, models());
    at_every_size("models", &state);
    let _ = update(&mut state, Action::ChooseRow(3));
    at_every_size("models_run", &state);
    let _ = update(&mut state, Action::ChooseRow(1));
    insta::assert_snapshot!("models_broken_80x24", draw(&state, 80, 24));
    let _ = update(&mut state, Action::ChooseRow(4));
    run(&mut state, Command::OpenModel);
    insta::assert_snapshot!("models_opening_80x24", draw(&state, 80, 24));
    run(&mut state, Command::Help);
    insta::assert_snapshot!("models_help_80x24", draw(&state, 80, 24));
}

#[test]
fn narrowing_down_and_questions() {
    let mut state = on_models();
    run(&mut state, Command::FilterModels);
    let _ = update(&mut state, Action::Paste("lines".into()));
    at_every_size("models_filter", &state);
    let _ = update(&mut state, Action::Accept);
    insta::assert_snapshot!("models_filtered_80x24", draw(&state, 80, 24));
    run(&mut state, Command::DeleteModel);
    at_every_size("models_delete", &state);
    let _ = update(&mut state, Action::Paste("my".into()));
    let _ = update(&mut state, Action::Accept);
    insta::assert_snapshot!("models_not_deleted_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("models_not_deleted_40x10", draw(&state, 40, 10));
}

/// A ladder of samples, of which the other model's are shifted by `by`.
fn rungs(name: &str, by: usize) -> Vec<Rung> {
    let kind = domain(name).expect("a domain");
    let samples = kind.samples();
    let rung = |k: usize| {
        let mut text = samples[(k * by) % 30].text.clone();
        if k == 3 && name == "python" {
            text.push_str(" (\u{1b}");
        }
        Rung { ratio: k as f32 / 10.0, verdict: kind.verdict(&text), text, guided: false }
    };
    (0..11).map(rung).collect()
}

/// Two models of a domain that are compared.
fn compared(name: &str) -> State {
    let mut state = open(name);
    run(&mut state, Command::Show(Screen::Models));
    let other = ModelEntry { domain: name.into(), ..model("another", ModelKind::Local) };
    listed(&mut state, vec![other]);
    run(&mut state, Command::CompareModel);
    assert_eq!((state.screen, state.focus), (Screen::Explore, Panel::Compare));
    state
}

/// All that both engines tell.
fn told(state: &mut State, name: &str) {
    let info = info("another\u{7}", name);
    let _ = update(state, Action::Other(Reply::Ready { info, samples: Vec::new() }));
    for generation in 0..9 {
        let done = Reply::LadderDone { generation, rungs: rungs(name, 1) };
        let _ = update(state, Action::Engine(done));
        let done = Reply::LadderDone { generation, rungs: rungs(name, 2) };
        let _ = update(state, Action::Other(done));
    }
}

#[test]
fn two_models_on_one_ladder() {
    for name in ["python", "mnist"] {
        let mut state = compared(name);
        if name == "python" {
            insta::assert_snapshot!("compare_opening_80x24", draw(&state, 80, 24));
        }
        told(&mut state, name);
        at_every_size(&format!("compare_{name}"), &state);
        let _ = update(&mut state, Action::SlideToken(1, 0.9));
        insta::assert_snapshot!(format!("compare_{name}_locked_80x24"), draw(&state, 80, 24));
    }
}

#[test]
fn nothing_raw_reaches_the_terminal_and_no_size_panics() {
    let mut one = on_models();
    let _ = update(&mut one, Action::ChooseRow(2));
    let mut filtered = one.clone();
    run(&mut filtered, Command::FilterModels);
    let _ =
        update(&mut filtered, Action::Paste("\u{202e}数字 and more than there is room for".into()));
    let mut asked = one.clone();
    run(&mut asked, Command::RenameModel);
    let mut python = compared("python");
    told(&mut python, "python");
    let mut digits = compared("mnist");
    told(&mut digits, "mnist");
    for state in [one, filtered, asked, python, digits] {
        for width in (1..130).step_by(3) {
            for height in [1, 2, 3, 5, 6, 9, 10, 15, 16, 17, 24, 30, 41] {
                let screen = draw(&state, width, height);
                let raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(!screen.chars().any(raw), "{width}x{height}");
            }
        }
    }
}
