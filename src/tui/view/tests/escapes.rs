//! Texts that would act on a terminal, in every place where a text can come from, through everything that is drawn.

use super::*;
use std::sync::Arc;

use crate::app::{Notice, RungView, Texts, COMMANDS};
use crate::engine::pool::Neighbour;
use crate::engine::{Along, Inspection, TokenProbability};
use crate::latent::{Direction, Latent};

/// Escape sequences, directions, what does not show, marks, wide characters, many characters, many lines.
fn nasty() -> Vec<String> {
    let mut all: Vec<String> = [
        "\u{1b}]0;title\u{7}x",
        "\u{1b}]8;;http://example.org\u{1b}\\link\u{1b}]8;;\u{1b}\\",
        "\u{1b}]52;c;YWJj\u{7}",
        "\u{1b}[2J\u{1b}[1;1H\u{1b}[31mred",
        "\u{1b}P0;1|17/ab\u{1b}\\",
        "\u{9b}31m\u{9d}0;x\u{9c}",
        "\u{1b}[?1049l\u{1b}c",
        "a\0b\u{7f}c\u{8}\u{8}\rd\u{b}\u{c}",
        "x\u{202e}y\u{202c}\u{2066}z\u{2069}\u{200f}\u{61c}",
        "ad\u{200b}min\u{200d}\u{feff}\u{ad}\u{2060}\u{180e}",
        "\u{301}a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "日本語の見出しは幅が広い",
        "👩\u{200d}👩\u{200d}👧 🇩🇪 ☕\u{fe0f}",
        "ᄒ\u{1161}\u{11ab} नि क\u{94d}ष \u{e0041}\u{e007f}",
        "one\ntwo\r\nthree\u{2028}four\u{2029}five\u{85}six\tseven",
        "\u{115f}\u{3164}\u{ffa0}",
        "\u{e000}\u{f0000}\u{10ffff}",
        "",
        " ",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("0123456789".repeat(1000));
    all.push("語\u{1b}[1m".repeat(200));
    all.push("(\u{202e}".repeat(300));
    all
}

/// Whether a character acts on a terminal or does not show.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x61C | 0x115F | 0x1160 | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E
            | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xE0000..=0xE0FFF)
}

/// Draws at a size and looks at every cell.
fn check(state: &State, width: u16, height: u16, what: &str) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let text =
        state.draws_pictures().then(|| Look::new(crate::tui::Theme::plain(), GlyphMode::Text));
    for look in [Some(Look::plain()), text].into_iter().flatten() {
        terminal.draw(|frame| drop(view(state, &look, frame))).expect("drawn");
        for cell in terminal.backend().buffer().content() {
            let symbol = cell.symbol();
            assert!(!symbol.chars().any(acts), "{what} {width}x{height}: {symbol:?}");
            // A mark has a letter to sit on, and there are few of them.
            let marks =
                symbol.chars().filter(|&c| unicode_width::UnicodeWidthChar::width(c) == Some(0));
            assert!(marks.count() <= 4, "{what} {width}x{height}: {symbol:?}");
        }
    }
}

/// Every panel and whatever a command opens, at sizes with and without a second column.
fn check_all(state: &State, what: &str) {
    for (width, height) in [(120, 40), (40, 10)] {
        for panel in Panel::ALL {
            let mut state = state.clone();
            let _ = update(&mut state, Action::Focus(panel));
            check(&state, width, height, what);
        }
    }
    for entry in COMMANDS {
        let before = state;
        let mut state = state.clone();
        run(&mut state, entry.command);
        if state.overlay.is_none() && state.focus == before.focus {
            // The same parts of the screen as before.
            continue;
        }
        check(&state, 100, 30, entry.name);
        if state.overlay.is_some() {
            let pasted = Action::Paste(state.scene.a.clone());
            let _ = update(&mut state, pasted);
            check(&state, 40, 10, entry.name);
        }
    }
}

#[test]
fn nothing_of_a_text_acts_on_the_terminal() {
    for name in ["python", "headlines", "text", "mnist"] {
        for text in nasty() {
            if text.len() > 5000 && ["text", "headlines"].contains(&name) {
                // They are drawn as those of the others are.
                continue;
            }
            let sample = Example { text: text.clone(), label: Some(text.clone()) };
            let mut state = open(name, vec![sample; 3]);
            state.scene.a.clone_from(&text);
            state.scene.b.clone_from(&text);
            for (i, rung) in state.rungs.iter_mut().enumerate() {
                let verdict = match i % 3 {
                    0 => None,
                    1 => Some(Verdict::Valid),
                    _ => Some(Verdict::invalid(1, 1, text.clone())),
                };
                *rung = RungView { ratio: rung.ratio, text: text.clone(), verdict, guided: i == 4 };
            }
            state.point = state.rungs[5].clone();
            let latent = Latent { tokens: 1, size: 1, values: vec![f32::NAN] };
            let token = TokenProbability { text: text.clone(), probability: 0.3 };
            state.inspection = Some(Inspection {
                a: latent.clone(),
                b: latent.clone(),
                point: latent,
                tokens: vec![token; 2],
                neighbours: vec![
                    Neighbour {
                        index: 0,
                        text: text.clone(),
                        label: Some(text.clone()),
                        distance: f32::NAN,
                        same_text: true,
                    };
                    2
                ],
                in_pool: Some(false),
                labels: vec![(text.clone(), f32::NAN); 2],
            });
            if let Some(model) = &mut state.model {
                model.name.clone_from(&text);
            }
            run(&mut state, Command::Swap);
            run(&mut state, Command::Bookmark);
            state.directions.texts = Texts::Read(3);
            check_all(&state, name);
            let direction = Direction::new(1, 1, &[1.0], 1.0).expect("a direction");
            let along = Along { name: text.clone(), direction: Arc::new(direction) };
            state.scene.along = Some(along);
            let _ = update(&mut state, Action::Focus(Panel::Directions));
            check(&state, 120, 40, name);
            for notice in [Notice::Status(text.clone()), Notice::Error(text.clone())] {
                state.notice = notice;
                check(&state, 120, 40, name);
                check(&state, 40, 10, name);
            }
        }
    }
}

#[test]
fn nothing_that_is_typed_or_pasted_acts_on_the_terminal() {
    for text in nasty() {
        for command in [Command::Type(EditedEnd::A), Command::Pick(EditedEnd::B), Command::Palette]
        {
            let mut state = open("python", digits());
            run(&mut state, command);
            let _ = update(&mut state, Action::Paste(text.clone()));
            type_in(&mut state, &text.chars().take(40).collect::<String>());
            for request in [InputRequest::GoToPrevChar, InputRequest::GoToStart] {
                let _ = update(&mut state, Action::Edit(request));
                for (width, height) in [(120, 40), (80, 24), (40, 10)] {
                    check(&state, width, height, "typed");
                }
            }
        }
    }
}
