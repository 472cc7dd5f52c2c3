//! The palette at the sizes that people have: digits, texts, while it comes, and what mouse and keys do on it.

use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::Terminal;
use tui_input::InputRequest;
use tvae_tui::app::{keys, update, Action, Command, DrawAction, EditedEnd, Panel, State};
use tvae_tui::corpus::Example;
use tvae_tui::domain::domain;
use tvae_tui::engine::{ModelInfo, Reply};
use tvae_tui::latent::Geometry;
use tvae_tui::report::Rung;
use tvae_tui::tui::{view, Hands, HitMap, Look};

fn draw(state: &State, width: u16, height: u16) -> String {
    shown(state, width, height).0
}

fn shown(state: &State, width: u16, height: u16) -> (String, HitMap) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut hits = HitMap::default();
    terminal.draw(|frame| hits = view(state, &Look::plain(), frame)).expect("drawn");
    (terminal.backend().to_string(), hits)
}

/// An open model of a domain with these samples, its palette in view.
fn open(name: &str, samples: Vec<Example>) -> State {
    let mut state = State::new(5, keys(&[]).expect("keys"));
    let info = ModelInfo {
        name: name.into(),
        domain: name.into(),
        parameters: 1_200_000,
        latent_tokens: 4,
        latent_size: 32,
        geometry: Geometry::Sphere,
    };
    let _ = update(&mut state, Action::Engine(Reply::Ready { info, samples: samples.clone() }));
    let corner = |i: usize| samples[i % samples.len()].text.clone();
    (state.scene.a, state.scene.b) = (corner(2), corner(7));
    (state.scene.palette.c, state.scene.palette.d) = (Some(corner(13)), Some(corner(0)));
    let _ = update(&mut state, Action::Run(Command::Panel(Panel::Palette)));
    state
}

fn digits() -> State {
    open("mnist", domain("mnist").expect("a domain").samples())
}

/// The palette is told: the corners come back but for D, the other cells are samples, and the third is broken.
fn tell(state: &mut State) {
    let kind = state.domain().expect("a domain");
    let (size, corners) = (state.palette.size(), state.scene.corners().map(str::to_owned));
    let cell = |i: usize| {
        let (x, y) = (i % size, i / size);
        let text = match state.palette.corner_at((x, y)) {
            Some(end) if end != EditedEnd::D => corners[end as usize].clone(),
            _ => state.samples[(3 * i + 1) % state.samples.len()].text.clone(),
        };
        let text = if i == 2 { text.chars().take(text.len() / 2).collect() } else { text };
        Rung {
            ratio: x as f32 / (size - 1) as f32,
            verdict: kind.verdict(&text),
            text,
            guided: false,
        }
    };
    let cells: Vec<Rung> = (0..size * size).map(cell).collect();
    for generation in 0..20 {
        let cells = cells.clone();
        let _ = update(state, Action::Engine(Reply::PaletteDone { generation, cells }));
    }
}

fn lines() -> Vec<Example> {
    let texts = [
        "data = json.loads(text)",
        "return self.items[0] or None",
        "for name in sorted(options.items(), key=lambda item: item[1])[:10]: print(name, sep='\\t')",
        "x += 1",
        "print(x\u{1b}[31m)",
    ];
    texts.map(|text| Example { text: text.to_owned(), label: None }).to_vec()
}

#[test]
fn a_palette_of_digits_at_every_size() {
    let mut state = digits();
    tell(&mut state);
    let _ = update(&mut state, Action::ChooseCell(3, 1));
    for (width, height) in [(120, 40), (80, 24), (60, 16), (40, 10)] {
        insta::assert_snapshot!(format!("digits_{width}x{height}"), draw(&state, width, height));
    }
    let _ = update(&mut state, Action::Run(Command::Panel(Panel::Ladder)));
    insta::assert_snapshot!("digits_beside_the_ladder_120x40", draw(&state, 120, 40));
    for size in [3, 9] {
        let _ = update(&mut state, Action::ChooseCell(0, 0));
        while state.palette.size() != size {
            let more = state.palette.size() < size;
            let command = if more { Command::MoreCells } else { Command::FewerCells };
            let _ = update(&mut state, Action::Run(command));
        }
        let _ = update(&mut state, Action::Run(Command::CellRight));
        tell(&mut state);
        insta::assert_snapshot!(format!("digits_{size}_120x40"), draw(&state, 120, 40));
    }
}

#[test]
fn a_palette_of_texts_is_cut_to_columns_and_the_chosen_one_is_whole() {
    let mut state = open("python", lines());
    tell(&mut state);
    let _ = update(&mut state, Action::ChooseCell(1, 0));
    for (width, height) in [(120, 40), (80, 24), (40, 10)] {
        insta::assert_snapshot!(format!("python_{width}x{height}"), draw(&state, width, height));
    }
    let _ = update(&mut state, Action::ChooseCell(0, 4));
    let _ = update(&mut state, Action::Run(Command::ChangeCorner));
    let _ = update(&mut state, Action::Edit(InputRequest::InsertChar('…')));
    insta::assert_snapshot!("python_typing_80x24", draw(&state, 80, 24));
}

#[test]
fn cells_come_row_by_row() {
    let mut state = digits();
    let part = |i: usize| (i, state.samples[i].text[..40 + 17 * (i % 7)].to_owned(), false);
    let rows: Vec<_> = (0..25).map(part).collect();
    for generation in 0..3 {
        let rows = rows.clone();
        let _ = update(&mut state, Action::Engine(Reply::PaletteStep { generation, rows }));
    }
    insta::assert_snapshot!("digits_coming_80x24", draw(&state, 80, 24));
}

#[test]
fn corners_are_drawn_and_help_tells_of_every_key() {
    let mut state = digits();
    tell(&mut state);
    let _ = update(&mut state, Action::ChooseCell(4, 4));
    let _ = update(&mut state, Action::Run(Command::ChangeCorner));
    let _ = update(&mut state, Action::Draw(DrawAction::Press(3, 3)));
    insta::assert_snapshot!("drawing_d_80x24", draw(&state, 80, 24));
    let _ = update(&mut state, Action::Accept);
    assert_eq!(state.scene.palette.d.as_deref().map(|d| d.lines().count()), Some(14));
    let _ = update(&mut state, Action::Run(Command::Help));
    insta::assert_snapshot!("help_80x24", draw(&state, 80, 24));
}

#[test]
fn a_click_chooses_a_cell_and_keys_go_to_all_sides() {
    let mut state = digits();
    tell(&mut state);
    let mut hands = Hands::default();
    let (_, hits) = shown(&state, 120, 40);
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let action = hands.action_of(&state, &hits, &click(20, 18));
    assert_eq!(action, Some(Action::ChooseCell(1, 2)));
    let _ = update(&mut state, action.expect("an action"));
    for (code, at) in [
        (KeyCode::Right, (2, 2)),
        (KeyCode::Down, (2, 3)),
        (KeyCode::Left, (1, 3)),
        (KeyCode::Up, (1, 2)),
        (KeyCode::Char('l'), (2, 2)),
    ] {
        let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let action = hands.action_of(&state, &hits, &event).expect("an action");
        let _ = update(&mut state, action);
        assert_eq!(state.palette.cursor(), at);
    }
    let key = |code| Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
    for (code, wanted) in [
        (KeyCode::Char('+'), Command::MoreCells),
        (KeyCode::Char('-'), Command::FewerCells),
        (KeyCode::Enter, Command::TakeNearest),
        (KeyCode::Char('c'), Command::TakeCell(EditedEnd::C)),
        (KeyCode::Char('D'), Command::Pick(EditedEnd::D)),
        (KeyCode::Char('A'), Command::Pick(EditedEnd::A)),
        (KeyCode::Esc, Command::Panel(Panel::Ladder)),
        (KeyCode::F(5), Command::Panel(Panel::Palette)),
    ] {
        assert_eq!(hands.action_of(&state, &hits, &key(code)), Some(Action::Run(wanted)));
    }
}

#[test]
fn no_size_panics_and_nothing_raw_is_drawn() {
    for mut state in [digits(), open("python", lines())] {
        tell(&mut state);
        for width in 1..130 {
            for height in [1, 4, 5, 7, 9, 10, 15, 16, 17, 24, 30, 41] {
                let screen = draw(&state, width, height);
                assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{width}x{height}");
            }
        }
    }
}
