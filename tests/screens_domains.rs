//! Every panel with the texts of every domain that has samples of its own kind, at the sizes that people have.

use ratatui::backend::TestBackend;
use ratatui::Terminal;
use tvae_tui::app::{keys, update, Action, Command, Panel, State};
use tvae_tui::corpus::Example;
use tvae_tui::domain::domain;
use tvae_tui::engine::pool::{NamedDirection, Neighbour, Source};
use tvae_tui::engine::{Inspection, ModelInfo, Reply, StripSample, TokenProbability};
use tvae_tui::latent::{Direction, Geometry, Latent};
use tvae_tui::report::Rung;
use tvae_tui::tui::{view, Look};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

fn draw(state: &State, (width, height): (u16, u16)) -> String {
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

fn latent(shift: usize) -> Latent {
    let value = |i: usize| ((i * 5 + shift) % 13) as f32 / 4.0 - 1.5;
    Latent { tokens: 4, size: 16, values: (0..64).map(value).collect() }
}

/// A state in which all that the engine tells has been told, of this domain's samples.
fn told(name: &str) -> State {
    let kind = domain(name).expect("a domain");
    let samples: Vec<Example> = kind.samples().into_iter().take(40).collect();
    let mut state = State::new(3, keys(&[]).expect("keys"));
    let info = ModelInfo {
        name: name.into(),
        domain: name.into(),
        parameters: 1_200_000,
        latent_tokens: 4,
        latent_size: 16,
        geometry: Geometry::Sphere,
    };
    tell(&mut state, Reply::Ready { info, samples: samples.clone() });
    (state.scene.a, state.scene.b) = (samples[0].text.clone(), samples[10].text.clone());
    let rung = |k: usize| {
        let text = samples[k].text.clone();
        Rung { ratio: k as f32 / 10.0, verdict: kind.verdict(&text), text, guided: false }
    };
    let direction = |name: &str, source, axis: usize| {
        let mut vector = [0.0; 64];
        vector[axis] = 1.0;
        let direction = Direction::new(4, 16, &vector, 0.5).expect("a direction");
        NamedDirection { name: name.to_owned(), source, with: 20, without: 20, direction }
    };
    let attribute = kind.attributes().first().map_or("length", |info| info.name);
    let label = samples[0].label.clone().unwrap_or_default();
    let _ = update(&mut state, Action::Focus(Panel::Directions));
    let found = vec![
        direction(attribute, Source::Number, 0),
        direction(&label, Source::Label, 1),
        direction("PC 1", Source::Component, 2),
    ];
    tell(&mut state, Reply::Directions { texts: samples.len(), found });
    let _ = update(&mut state, Action::SetStrength(1, 1.5));
    let _ = update(&mut state, Action::SlideToken(1, 0.2));
    let neighbour = |(index, example): (usize, &Example)| Neighbour {
        index,
        text: example.text.clone(),
        label: example.label.clone(),
        distance: index as f32 / 10.0,
        same_text: index == 0,
    };
    // The numbers of the last requests are the largest that are taken.
    for generation in 0..9 {
        let rungs: Vec<Rung> = (0..11).map(rung).collect();
        tell(&mut state, Reply::LadderDone { generation, rungs });
        let cells = (0..25).map(|k| Rung { ratio: (k % 5) as f32 / 4.0, ..rung(k) }).collect();
        tell(&mut state, Reply::PaletteDone { generation, cells });
        tell(&mut state, Reply::PointDone { generation, rung: Rung { ratio: 0.5, ..rung(5) } });
        let strip =
            (0..41).map(|k| StripSample { ratio: k as f32 / 20.0 - 0.5, valid: k % 9 != 0 });
        tell(&mut state, Reply::Strip { generation, samples: strip.collect(), done: true });
        let inspection = Box::new(Inspection {
            a: latent(0),
            b: latent(4),
            point: latent(2),
            tokens: vec![TokenProbability { text: samples[5].text.clone(), probability: 0.8 }],
            neighbours: samples.iter().enumerate().take(8).map(neighbour).collect(),
            in_pool: Some(true),
            labels: ["3", "5", "8"]
                .iter()
                .zip([0.91, 0.06, 0.02])
                .map(|(l, p)| ((*l).to_owned(), p))
                .collect(),
        });
        tell(&mut state, Reply::Inspected { generation, inspection });
    }
    state
}

#[test]
fn every_panel_with_every_domains_texts() {
    for name in ["mnist", "headlines", "text"] {
        let mut state = told(name);
        for panel in Panel::ALL {
            let _ = update(&mut state, Action::Focus(panel));
            // What changes with the focus is asked for anew; it is the same.
            for size in SIZES {
                let (width, height) = size;
                let snapshot = format!("{name}_{}_{width}x{height}", panel.name());
                insta::assert_snapshot!(snapshot, draw(&state, size));
            }
        }
        let _ = update(&mut state, Action::Run(Command::Help));
        insta::assert_snapshot!(format!("{name}_help_80x24"), draw(&state, (80, 24)));
    }
}
