//! The train screen, at the sizes that people have.

use super::*;
use crate::app::{Screen, TrainCommand};
use crate::train::{
    Estimate, Evaluation, Look as DataLook, Objectives, Reconstruction, Report, ShownLadder,
    ShownRung, Told,
};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 10)];

fn on_screen(domain: &str) -> State {
    let mut state = open(domain, Vec::new());
    run(&mut state, Command::Show(Screen::Train));
    if domain == "mnist" {
        run(&mut state, Command::Train(TrainCommand::Turn(true)));
    }
    state
}

fn looked(state: &mut State, lines: Vec<String>) {
    let estimate = Estimate {
        parameters: 123_456,
        lengths: lines.iter().map(|line| 2 + line.len() / 4).collect(),
        too_long: 3,
        tokens_per_second: 5432.1,
        seconds_per_step: 0.2,
        steps: 600.0,
        minutes: 2.0,
        lines: 38_400.0,
        memory: 150_000_000,
    };
    let look = DataLook { lines, more: true, skipped: 2, estimate: Ok(estimate) };
    for generation in 1..4 {
        let found = Ok(Box::new(look.clone()));
        let _ = update(state, Action::Looked(generation, found));
    }
}

/// A run at its 600th step, with four ladders between these texts.
fn running(state: &mut State, texts: &[String]) {
    run(state, Command::Train(TrainCommand::StartStop));
    let mut tell = |report| {
        let _ = update(state, Action::Trained(Told::Report(Box::new(report))));
    };
    tell(Report::Start { step: 0, parameters: 123_456, lines: 2000 });
    let ladder = |step: usize| ShownLadder {
        a: texts[0].clone(),
        b: texts[texts.len() - 1].clone(),
        rungs: (0..11)
            .map(|i| ShownRung {
                ratio: i as f32 / 10.0,
                text: texts[(i * texts.len() / 11 + step / 200) % texts.len()].clone(),
                valid: !(i + step / 200).is_multiple_of(4),
            })
            .collect(),
    };
    for step in (0..=600).step_by(20) {
        let at = step as f64;
        if step > 0 {
            tell(Report::Step {
                step,
                progress: at / 1000.0,
                seconds: at / 4.0,
                cross_entropy: 1.5 + 5.0 * (-at / 200.0).exp(),
                blend: Some(2.5 + 4.0 * (-at / 300.0).exp()),
                regulariser: 0.02 + 0.1 * (-at / 100.0).exp(),
                grad_norm: 1.0 + (at / 50.0).sin().abs(),
                learning_rate: 3e-3 * (1.0 - at / 1000.0),
                tokens_per_second: 5432.1,
                lines: step as u64 * 64,
                objectives: Objectives { cycle: Some(0.3), ..Objectives::default() },
                commitment: None,
                perplexity: None,
            });
        }
        if step % 200 == 0 {
            if step > 0 {
                tell(Report::Evaluation {
                    step,
                    seconds: at / 4.0,
                    figures: Evaluation {
                        token_accuracy: 0.3 + at / 1500.0,
                        cross_entropy: 2.0,
                        exact_match: at / 2000.0,
                        interior_validity: 0.4 + at / 1800.0,
                        copy_rate: 0.3,
                        distinct: 0.7,
                        blend_yield: at / 9000.0,
                        pairs: 20,
                        lines: 100,
                        ..Evaluation::default()
                    },
                });
                tell(Report::Saved { step, best: true });
            }
            tell(Report::Ladder { step, ladder: ladder(step) });
            let sample = |text: &String| Reconstruction {
                text: text.clone(),
                decoded: if step > 300 { text.clone() } else { texts[0].clone() },
            };
            tell(Report::Samples { step, lines: texts.iter().take(4).map(sample).collect() });
        }
    }
}

fn lines() -> Vec<String> {
    ["x = foo(y)", "return self.name", "assert len(items) == 3", "for i in range(10): pass"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn the_form_at_every_size() {
    let mut state = on_screen("python");
    looked(&mut state, lines());
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("form_{width}x{height}"), draw(&state, width, height));
    }
    run(&mut state, Command::Train(TrainCommand::AllOptions));
    let _ = update(&mut state, Action::ChooseRow(26));
    insta::assert_snapshot!("form_all_120x40", draw(&state, 120, 40));
}

#[test]
fn a_run_at_every_size() {
    let mut state = on_screen("python");
    running(&mut state, &lines());
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("run_{width}x{height}"), draw(&state, width, height));
    }
    // Back in time, another chart with another scale, a step read off.
    for command in [
        TrainCommand::Scrub(false),
        TrainCommand::NextChart,
        TrainCommand::Log,
        TrainCommand::TurnFar(false),
    ] {
        run(&mut state, Command::Train(command));
    }
    insta::assert_snapshot!("run_back_in_time_120x40", draw(&state, 120, 40));
}

#[test]
fn a_run_of_digits_shows_digits() {
    let mut state = on_screen("mnist");
    let texts: Vec<String> = digits().into_iter().take(5).map(|digit| digit.text).collect();
    looked(&mut state, texts.clone());
    insta::assert_snapshot!("form_digits_120x40", draw(&state, 120, 40));
    running(&mut state, &texts);
    for (width, height) in SIZES {
        insta::assert_snapshot!(
            format!("run_digits_{width}x{height}"),
            draw(&state, width, height)
        );
    }
}

#[test]
fn what_a_run_tells_cannot_reach_the_terminal() {
    let mut state = on_screen("python");
    let evil = vec!["a\u{1b}[31mb\u{7}".to_owned(), "c\u{9b}d".to_owned()];
    looked(&mut state, evil.clone());
    let form = draw(&state, 120, 40);
    running(&mut state, &evil);
    for drawn in [form, draw(&state, 120, 40), draw(&state, 40, 10)] {
        assert!(!drawn.contains(['\u{1b}', '\u{7}', '\u{9b}']));
    }
}

#[test]
fn leaving_while_a_run_goes_on_asks() {
    let mut state = on_screen("python");
    running(&mut state, &lines());
    run(&mut state, Command::Quit);
    insta::assert_snapshot!("ending_80x24", draw(&state, 80, 24));
}
