//! What the explorer draws, at the sizes that people have.

use ratatui::backend::TestBackend;
use ratatui::Terminal;
use tui_input::InputRequest;
use tvae_tui::app::{keys, update, Action, Command, EditedEnd, Panel, State, TOUR};
use tvae_tui::corpus::Example;
use tvae_tui::domain::Verdict;
use tvae_tui::engine::{Inspection, ModelInfo, Reply, TokenProbability};
use tvae_tui::latent::{Geometry, Latent};
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
    let _ = update(&mut state, Action::Engine(Reply::Ready { info, samples }));
    (state.scene.a, state.scene.b) =
        ("data = json.loads(text)".to_owned(), "return self.items[0] or None".to_owned());
    state
}

fn texts() -> [&'static str; 11] {
    [
        "data = json.loads(text)",
        "data = json.loads(text)",
        "data = json.load(items)",
        "data = json.items(",
        "data = self.items(0)",
        "return json.items(0)",
        "return self.items(0)",
        "return self.items[0]",
        "return self.items[0] or \u{1b}[31mNone",
        "return self.items[0] or None",
        "return self.items[0] or 0",
    ]
}

fn decoded() -> State {
    let mut state = ready();
    let rungs: Vec<Rung> = texts()
        .iter()
        .enumerate()
        .map(|(k, text)| Rung {
            ratio: k as f32 / 10.0,
            text: (*text).to_owned(),
            verdict: match k {
                3 => Verdict::invalid(1, 18, "'(' was never closed"),
                _ => Verdict::Valid,
            },
            guided: k == 6,
        })
        .collect();
    let point = Rung { ratio: 0.5, ..rungs[5].clone() };
    for generation in 0..3 {
        let reply = Reply::LadderDone { generation, rungs: rungs.clone() };
        let _ = update(&mut state, Action::Engine(reply));
        let reply = Reply::PointDone { generation, rung: point.clone() };
        let _ = update(&mut state, Action::Engine(reply));
    }
    state
}

#[test]
fn the_ladder_at_every_size() {
    let state = decoded();
    insta::assert_snapshot!("ladder_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("ladder_120x40", draw(&state, 120, 40));
    insta::assert_snapshot!("ladder_40x10", draw(&state, 40, 10));
    insta::assert_snapshot!("too_small_20x5", draw(&state, 20, 5));
}

#[test]
fn the_mix_the_latents_and_the_palette_at_every_size() {
    let mut state = decoded();
    let latent = |shift: usize| {
        let value = |i: usize| ((i * 7 + shift) % 19) as f32 / 6.0 - 1.5;
        Latent { tokens: 8, size: 32, values: (0..256).map(value).collect() }
    };
    let token = |text: &str, probability| TokenProbability { text: text.into(), probability };
    state.inspection = Some(Inspection {
        a: latent(0),
        b: latent(5),
        point: latent(3),
        tokens: vec![token("return", 0.9), token(" json", 0.3), token("", 0.8)],
        neighbours: Vec::new(),
        in_pool: None,
        labels: Vec::new(),
    });
    let _ = update(&mut state, Action::SlideToken(2, 0.9));
    let _ = update(&mut state, Action::SlideToken(5, -0.3));
    for (width, height) in [(80, 24), (120, 40), (40, 10)] {
        for panel in [Panel::Mix, Panel::Latents] {
            let _ = update(&mut state, Action::Focus(panel));
            let name = format!("{}_{width}x{height}", panel.name());
            insta::assert_snapshot!(name, draw(&state, width, height));
        }
        let _ = update(&mut state, Action::Run(Command::Palette));
        let _ = update(&mut state, Action::Paste("rung".into()));
        insta::assert_snapshot!(format!("palette_{width}x{height}"), draw(&state, width, height));
        let _ = update(&mut state, Action::Leave);
    }
}

#[test]
fn the_help_is_read_to_its_end() {
    let mut state = decoded();
    let _ = update(&mut state, Action::Run(Command::Help));
    let _ = update(&mut state, Action::ChooseRow(usize::MAX));
    insta::assert_snapshot!("help_end_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("help_end_40x10", draw(&state, 40, 10));
}

#[test]
fn help_and_typing() {
    let mut state = decoded();
    let _ = update(&mut state, Action::Run(Command::Help));
    insta::assert_snapshot!("help_80x24", draw(&state, 80, 24));
    let _ = update(&mut state, Action::Run(Command::Type(EditedEnd::B)));
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('…')));
    insta::assert_snapshot!("typing_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("typing_40x10", draw(&state, 40, 10));
}

#[test]
fn before_and_while_decoding() {
    insta::assert_snapshot!(
        "opening_80x24",
        draw(&State::new(1, keys(&[]).expect("keys")), 80, 24)
    );
    let mut state = ready();
    let rows = texts().into_iter().take(4).enumerate().map(|(i, t)| (i, t[..6].to_owned(), false));
    let rows: Vec<_> = rows.collect();
    for generation in 0..3 {
        let reply = Reply::LadderStep { generation, rows: rows.clone() };
        let _ = update(&mut state, Action::Engine(reply));
    }
    insta::assert_snapshot!("streaming_80x24", draw(&state, 80, 24));
}

#[test]
fn an_error_says_what_to_do() {
    let mut state = decoded();
    let message = "no model `x`: give a folder with config.json and model.safetensors".to_owned();
    let _ = update(&mut state, Action::Engine(Reply::Failed { message }));
    insta::assert_snapshot!("error_80x24", draw(&state, 80, 24));
}

fn write(state: &mut State, text: &str) {
    for c in text.chars() {
        let _ = update(state, Action::Edit(InputRequest::InsertChar(c)));
    }
}

#[test]
fn what_is_kept() {
    let mut state = decoded();
    let _ = update(&mut state, Action::Focus(Panel::Keep));
    insta::assert_snapshot!("keep_empty_80x24", draw(&state, 80, 24));
    for (ratio, note) in [(0.3, "the bracket opens\u{1b}"), (0.9, "")] {
        let _ = update(&mut state, Action::SlideTo(ratio));
        let _ = update(&mut state, Action::Run(Command::Bookmark));
        write(&mut state, note);
        let _ = update(&mut state, Action::Accept);
    }
    for command in [Command::Swap, Command::NextPath, Command::MoreRungs, Command::NextDecoding] {
        let _ = update(&mut state, Action::Run(command));
    }
    let _ = update(&mut state, Action::ChooseRow(1));
    insta::assert_snapshot!("keep_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("keep_120x40", draw(&state, 120, 40));
    insta::assert_snapshot!("keep_40x10", draw(&state, 40, 10));
}

#[test]
fn a_line_is_asked_for() {
    let mut state = decoded();
    let _ = update(&mut state, Action::Run(Command::Export));
    insta::assert_snapshot!("prompt_80x24", draw(&state, 80, 24));
    write(&mut state, &"/a very long way".repeat(8));
    insta::assert_snapshot!("prompt_40x10", draw(&state, 40, 10));
}

#[test]
fn the_tour_stands_beside_what_it_explains() {
    let mut state = decoded();
    let _ = update(&mut state, Action::Run(Command::Tour));
    for step in 1..=TOUR.len() {
        insta::assert_snapshot!(format!("tour_{step}_80x24"), draw(&state, 80, 24));
        if step == 4 {
            insta::assert_snapshot!("tour_4_120x40", draw(&state, 120, 40));
            insta::assert_snapshot!("tour_4_40x10", draw(&state, 40, 10));
        }
        let _ = update(&mut state, Action::NextStep);
    }
    assert!(state.tour.is_none());
}

#[test]
fn nothing_raw_reaches_the_terminal_and_no_size_panics() {
    let mut state = decoded();
    state.scene.a = "\u{1b}]0;title\u{7}\u{202e}\u{200b}日本語".repeat(40);
    for width in 1..90 {
        for height in [1, 2, 3, 5, 6, 9, 10, 15, 16, 17, 24, 29, 30, 31] {
            let screen = draw(&state, width, height);
            let raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}' || c == '\u{200b}';
            assert!(!screen.chars().any(raw), "{width}x{height}");
        }
    }
}
