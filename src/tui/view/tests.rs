//! Screens with pictures, canvas and previews, at the sizes that people have.

mod escapes;
mod train;

use proptest::prelude::*;
use ratatui::backend::TestBackend;
use ratatui::Terminal;
use tui_input::InputRequest;

use super::*;
use crate::app::{keys, update, Action, Command, DrawAction, EditedEnd, Texts};
use crate::corpus::Example;
use crate::domain::{domain, Verdict};
use crate::engine::pool::Neighbour;
use crate::engine::{Inspection, ModelInfo, Reply};
use crate::latent::{Geometry, Latent};
use crate::report::Rung;
use crate::tui::glyph::GlyphMode;

fn screen(state: &State, look: &Look, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| drop(view(state, look, frame))).expect("drawn");
    terminal.backend().to_string()
}

fn draw(state: &State, width: u16, height: u16) -> String {
    screen(state, &Look::plain(), width, height)
}

/// An open model of a domain, with these samples.
fn open(name: &str, samples: Vec<Example>) -> State {
    let mut state = State::new(3, keys(&[]).expect("keys"));
    let info = ModelInfo {
        name: name.into(),
        domain: name.into(),
        parameters: 4_503_136,
        latent_tokens: 8,
        latent_size: 32,
        geometry: Geometry::Sphere,
    };
    let _ = update(&mut state, Action::Engine(Reply::Ready { info, samples }));
    state
}

/// The digits that come with the program.
fn digits() -> Vec<Example> {
    domain("mnist").expect("a domain").samples()
}

/// A model of digits between two samples; the rungs are samples as well, the fourth of which is no digit.
fn decoded_digits() -> State {
    let samples = digits();
    let mut state = open("mnist", samples.clone());
    state.scene.a.clone_from(&samples[2].text);
    state.scene.b.clone_from(&samples[7].text);
    let rung = |ratio: f32, text: String| {
        let verdict = domain("mnist").expect("a domain").verdict(&text);
        Rung { ratio, text, verdict, guided: false }
    };
    let rungs: Vec<Rung> = (0..11)
        .map(|i| match i {
            0..3 => rung(i as f32 / 10.0, samples[2].text.clone()),
            3 => rung(0.3, samples[2].text.lines().take(9).collect::<Vec<_>>().join("\n")),
            _ => rung(i as f32 / 10.0, samples[3 + i % 5].text.clone()),
        })
        .collect();
    let point = rung(0.5, rungs[5].text.clone());
    for generation in 0..3 {
        let rungs = rungs.clone();
        let _ = update(&mut state, Action::Engine(Reply::LadderDone { generation, rungs }));
        let rung = point.clone();
        let _ = update(&mut state, Action::Engine(Reply::PointDone { generation, rung }));
    }
    state
}

fn run(state: &mut State, command: Command) {
    let _ = update(state, Action::Run(command));
}

fn type_in(state: &mut State, text: &str) {
    for c in text.chars() {
        let _ = update(state, Action::Edit(InputRequest::InsertChar(c)));
    }
}

#[test]
fn a_ladder_of_digits_at_every_size() {
    let state = decoded_digits();
    for (width, height) in [(80, 24), (120, 40), (40, 10), (80, 18)] {
        insta::assert_snapshot!(format!("digits_{width}x{height}"), draw(&state, width, height));
    }
    let text = Look::new(crate::tui::Theme::plain(), GlyphMode::Text);
    insta::assert_snapshot!("digits_text_120x40", screen(&state, &text, 120, 40));
}

#[test]
fn neighbours_of_a_digit_are_digits() {
    let mut state = decoded_digits();
    let samples = digits();
    let near = |(index, sample): (usize, &Example)| Neighbour {
        index,
        text: sample.text.clone(),
        label: sample.label.clone(),
        distance: 0.11 * index as f32,
        same_text: index == 0,
    };
    let latent = Latent { tokens: 8, size: 32, values: vec![0.1; 256] };
    state.directions.texts = Texts::Read(samples.len());
    state.inspection = Some(Inspection {
        a: latent.clone(),
        b: latent.clone(),
        point: latent,
        tokens: Vec::new(),
        neighbours: samples.iter().enumerate().take(8).map(near).collect(),
        in_pool: Some(true),
        labels: vec![("3".to_owned(), 0.62), ("5".to_owned(), 0.3), ("8".to_owned(), 0.004)],
    });
    let _ = update(&mut state, Action::Focus(Panel::Neighbours));
    insta::assert_snapshot!("neighbours_120x40", draw(&state, 120, 40));
}

#[test]
fn digits_come_row_by_row() {
    let mut state = decoded_digits();
    let _ = update(&mut state, Action::Run(Command::Swap));
    let part = |i: usize, text: &str| (i, text[..30 + 37 * i].to_owned(), false);
    let rows: Vec<_> =
        digits().iter().take(11).enumerate().map(|(i, d)| part(i, &d.text)).collect();
    for generation in 0..6 {
        let rows = rows.clone();
        let _ = update(&mut state, Action::Engine(Reply::LadderStep { generation, rows }));
    }
    insta::assert_snapshot!("digits_coming_80x24", draw(&state, 80, 24));
}

#[test]
fn the_canvas_at_every_size() {
    let mut state = decoded_digits();
    run(&mut state, Command::Draw(EditedEnd::A));
    for action in [
        DrawAction::Clear,
        DrawAction::Press(3, 3),
        DrawAction::Go(10, 3),
        DrawAction::Go(5, 11),
        DrawAction::Lift,
        DrawAction::Step(3, -2),
    ] {
        let _ = update(&mut state, Action::Draw(action));
    }
    for (width, height) in [(80, 24), (120, 40), (40, 10)] {
        insta::assert_snapshot!(format!("canvas_{width}x{height}"), draw(&state, width, height));
    }
}

#[test]
fn digits_are_picked_with_a_preview() {
    let mut state = decoded_digits();
    run(&mut state, Command::Pick(EditedEnd::B));
    for (width, height) in [(80, 24), (120, 40), (40, 10)] {
        insta::assert_snapshot!(format!("pick_{width}x{height}"), draw(&state, width, height));
    }
    type_in(&mut state, "label:7");
    insta::assert_snapshot!("pick_label_80x24", draw(&state, 80, 24));
}

#[test]
fn lines_and_headlines_are_picked_with_a_preview() {
    let text = |text: &str, label: Option<&str>| Example {
        text: text.to_owned(),
        label: label.map(str::to_owned),
    };
    let lines = [
        "data = json.loads(text)",
        "return self.items[0] or None",
        "for name, value in sorted(options.items(), key=lambda item: item[1])[:10]: print(name, value, sep='\\t')",
        "x += 1",
    ];
    let mut state = open("python", lines.map(|line| text(line, None)).to_vec());
    run(&mut state, Command::Pick(EditedEnd::A));
    run(&mut state, Command::Down);
    run(&mut state, Command::Down);
    insta::assert_snapshot!("pick_python_80x24", draw(&state, 80, 24));
    insta::assert_snapshot!("pick_python_40x10", draw(&state, 40, 10));
    let headlines = [
        ("Council votes to plant four hundred trees along the ring road", "ENVIRONMENT"),
        ("How a village choir filled the biggest hall in the country", "CULTURE"),
    ];
    let headlines = headlines.map(|(line, label)| text(line, Some(label))).to_vec();
    let mut state = open("headlines", headlines);
    insta::assert_snapshot!("headlines_80x24", draw(&state, 80, 24));
    run(&mut state, Command::Pick(EditedEnd::A));
    insta::assert_snapshot!("pick_headlines_120x40", draw(&state, 120, 40));
}

#[test]
fn a_model_that_is_not_there_says_how_to_train_one() {
    let mut state = State::new(1, keys(&[]).expect("keys"));
    let Err(error) = crate::engine::LoadedModel::open("text") else { panic!("a bundled model") };
    let _ = update(&mut state, Action::Engine(Reply::Failed { message: error.to_string() }));
    insta::assert_snapshot!("no_model_80x24", draw(&state, 80, 24));
}

#[test]
fn hints_and_help_tell_of_what_the_model_offers() {
    let mut state = decoded_digits();
    assert!(draw(&state, 120, 40).contains("d draw A"));
    run(&mut state, Command::Help);
    let help = draw(&state, 100, 60);
    assert!(help.contains("draw end A") && !help.contains("type end A"));
    let mut state = open("python", Vec::new());
    assert!(!draw(&state, 120, 40).contains("draw A"));
    run(&mut state, Command::Help);
    assert!(draw(&state, 100, 60).contains("type end A"));
}

#[test]
fn a_click_chooses_a_digit_and_a_drag_draws() {
    use crate::tui::Hands;
    use ratatui::crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut state = decoded_digits();
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
    let mut hits_of = |state: &State| {
        let mut hits = HitMap::default();
        terminal.draw(|frame| hits = view(state, &Look::plain(), frame)).expect("drawn");
        hits
    };
    let mut hands = Hands::default();
    let at = |kind, column, row| {
        Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let (down, drag) =
        (MouseEventKind::Down(MouseButton::Left), MouseEventKind::Drag(MouseButton::Left));
    // The first of the film's frames.
    let hits = hits_of(&state);
    let action = hands.action_of(&state, &hits, &at(down, 17, 11));
    assert_eq!(action, Some(Action::ChooseRung(0)));
    // The picture of A opens the canvas.
    let action = hands.action_of(&state, &hits, &at(down, 6, 4)).expect("an action");
    assert_eq!(action, Action::Run(Command::Draw(EditedEnd::A)));
    let _ = update(&mut state, action);
    let _ = update(&mut state, Action::Draw(DrawAction::Clear));
    let hits = hits_of(&state);
    let place = *hits.canvas().expect("a canvas");
    let (x, y) = (place.cells.x, place.cells.y);
    let lift = MouseEventKind::Up(MouseButton::Left);
    assert_eq!(hands.action_of(&state, &hits, &at(drag, x, y)), None, "no button was pressed");
    for event in [at(down, x + 1, y + 1), at(drag, 79, y + 1), at(lift, 79, y + 1)] {
        let action = hands.action_of(&state, &hits, &event).expect("an action");
        let _ = update(&mut state, action);
    }
    let canvas = &state.drawing().expect("a canvas").canvas;
    assert!(canvas.levels()[..14].iter().all(|&level| level > 0) && !canvas.is_drawing());
    // A press beside the canvas does not leave it.
    assert_eq!(hands.action_of(&state, &hits, &at(down, 0, 0)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_size_panics_with_digits(
        width in 1u16..150, height in 1u16..50, rungs in 3usize..33, ratio in -0.5f32..1.5,
        mode in prop::sample::select(GlyphMode::ALL.to_vec()), cut in 0usize..500,
    ) {
        let look = Look::new(crate::tui::Theme::plain(), mode);
        let mut state = decoded_digits();
        state.scene.rungs = rungs;
        state.scene.ratio = ratio;
        for (rung, digit) in state.rungs.iter_mut().zip(digits()) {
            rung.text = digit.text.chars().take(cut).collect();
            rung.verdict = (cut > 400).then_some(Verdict::Valid);
        }
        for command in [
            None, Some(Command::Pick(EditedEnd::A)), Some(Command::Draw(EditedEnd::B)),
            Some(Command::NextPanel), Some(Command::Help),
        ] {
            if let Some(command) = command {
                let _ = update(&mut state, Action::Leave);
                run(&mut state, command);
            }
            let _ = screen(&state, &look, width, height);
        }
    }
}

#[test]
fn arrows_go_to_all_sides_of_a_sheet() {
    use crate::tui::Hands;
    use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
    let mut state = decoded_digits();
    run(&mut state, Command::Pick(EditedEnd::A));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
    let mut hits = HitMap::default();
    terminal.draw(|frame| hits = view(&state, &Look::plain(), frame)).expect("drawn");
    let across = hits.across();
    assert!(across > 1);
    let press = |state: &mut State, code| {
        let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let action = Hands::default().action_of(state, &hits, &event).expect("an action");
        let _ = update(state, action);
        let Some(Overlay::Picking(_, picker)) = &state.overlay else { panic!("no list") };
        picker.chosen()
    };
    let all = [KeyCode::Right, KeyCode::Down, KeyCode::Left, KeyCode::Left, KeyCode::Up];
    let met = all.map(|code| press(&mut state, code));
    assert_eq!(met, [1, 1 + across, across, across - 1, 0]);
}
