use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{Decoding, Engine, ModelInfo, Palette, RowUpdate, TokenProbability};
use super::*;
use crate::corpus::Example;
use crate::domain::Verdict;

/// Decodes a latent to its first number, a character per step, slowly.
struct Slow {
    steps: Arc<AtomicUsize>,
    started: Arc<AtomicUsize>,
}

impl LatentModel for Slow {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "slow".into(),
            domain: "text".into(),
            parameters: 1,
            latent_tokens: 1,
            latent_size: 1,
            geometry: Geometry::Flat,
        }
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        let value =
            |t: &String| t.parse().map_err(|_| EngineError::Model(format!("no number: {t}")));
        texts.iter().map(|t| Ok(Latent { tokens: 1, size: 1, values: vec![value(t)?] })).collect()
    }

    fn decode(
        &self,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError> {
        self.started.fetch_add(1, Ordering::SeqCst);
        let texts: Vec<String> = latents.iter().map(|l| format!("{:.2}", l.values[0])).collect();
        for n in 1..=4 {
            std::thread::sleep(Duration::from_millis(5));
            self.steps.fetch_add(1, Ordering::SeqCst);
            let rows: Vec<RowUpdate> = texts
                .iter()
                .enumerate()
                .map(|(i, t)| (i, t[..n.min(t.len())].to_owned(), n == 4))
                .collect();
            if on_step(&rows).is_break() {
                return Err(EngineError::Cancelled);
            }
        }
        assert!(texts[0] != "13.00", "unlucky");
        Ok(texts)
    }

    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        Ok(latents.iter().map(|l| Some(format!("{:.1}", l.values[0] + 10.0))).collect())
    }

    fn probabilities(&self, _: &Latent, text: &str) -> Result<Vec<TokenProbability>, EngineError> {
        Ok(vec![TokenProbability { text: text.to_owned(), probability: 0.5 }])
    }

    /// What is below a half is not valid.
    fn verdict(&self, text: &str) -> Verdict {
        match text.parse::<f32>() {
            Ok(value) if value >= 0.5 => Verdict::Valid,
            _ => Verdict::invalid(1, 1, "too small"),
        }
    }

    fn samples(&self) -> &[Example] {
        &[]
    }
}

fn request(kind: Kind, generation: u64, ends: [&str; 2], ratio: f32) -> Request {
    let [a, b] = ends.map(str::to_owned);
    let scene = Scene { a, b, path: Path::Linear, rungs: 3, ratio, ..Scene::default() };
    Request { kind, generation, scene: Arc::new(scene), task: None }
}

fn point(generation: u64, ends: [&str; 2], ratio: f32) -> Request {
    request(Kind::Point, generation, ends, ratio)
}

fn engine() -> (Engine, Arc<AtomicUsize>) {
    let started = Arc::new(AtomicUsize::new(0));
    let model = Slow { steps: Arc::default(), started: Arc::clone(&started) };
    let engine =
        Engine::spawn(move || Ok(Box::new(model) as Box<dyn LatentModel>)).expect("thread");
    (engine, started)
}

fn wait(engine: &Engine, done: impl Fn(&Reply) -> bool) -> Vec<Reply> {
    let mut seen = Vec::new();
    loop {
        let reply = engine.replies().recv_timeout(Duration::from_secs(20)).expect("a reply");
        let last = done(&reply);
        seen.push(reply);
        if last {
            return seen;
        }
    }
}

#[test]
fn holding_a_key_leaves_one_running_and_one_waiting_and_the_last_wins() {
    let (engine, started) = engine();
    for generation in 0..500 {
        let ratio = generation as f32 / 500.0;
        engine.request(point(generation, ["0", "1"], ratio));
    }
    let seen = wait(&engine, |r| matches!(r, Reply::PointDone { generation: 499, .. }));
    let Some(Reply::PointDone { rung, .. }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(rung.text, "1.00");
    assert!(started.load(Ordering::SeqCst) < 50, "requests were queued");
}

#[test]
fn a_ladder_stands_back_for_a_point_and_comes_all_the_same() {
    let (engine, _) = engine();
    engine.request(request(Kind::Ladder, 1, ["0", "1"], 0.5));
    wait(&engine, |r| matches!(r, Reply::LadderStep { .. }));
    engine.request(point(2, ["0", "1"], 0.5));
    let seen = wait(&engine, |r| matches!(r, Reply::LadderDone { generation: 1, .. }));
    let point = seen.iter().position(|r| matches!(r, Reply::PointDone { generation: 2, .. }));
    assert!(point.is_some_and(|at| at + 1 < seen.len()));
    let Some(Reply::LadderDone { rungs, .. }) = seen.last() else { panic!("{seen:?}") };
    let texts: Vec<&str> = rungs.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["0.00", "0.50", "1.00"]);
}

#[test]
fn the_strip_finds_the_flip_while_points_go_first() {
    let (engine, _) = engine();
    engine.request(request(Kind::Strip, 1, ["0", "1"], 0.5));
    for generation in 2..6 {
        std::thread::sleep(Duration::from_millis(3));
        engine.request(point(generation, ["0", "1"], 0.1));
    }
    let seen = wait(&engine, |r| matches!(r, Reply::Strip { done: true, .. }));
    assert!(seen.iter().any(|r| matches!(r, Reply::PointDone { generation: 5, .. })));
    let Some(Reply::Strip { samples, .. }) = seen.last() else { panic!("{seen:?}") };
    let flips: Vec<f32> =
        samples.windows(2).filter(|w| w[0].valid != w[1].valid).map(|w| w[1].ratio).collect();
    assert!(flips.len() == 1 && (flips[0] - 0.5).abs() < 0.01, "{flips:?}");
}

#[test]
fn guided_decoding_searches_only_where_the_greedy_decode_is_not_valid() {
    let (engine, _) = engine();
    let mut ladder = request(Kind::Ladder, 1, ["0", "1"], 0.5);
    ladder.scene = Arc::new(Scene { decoding: Decoding::Guided, ..(*ladder.scene).clone() });
    engine.request(ladder);
    let seen = wait(&engine, |r| matches!(r, Reply::LadderDone { .. }));
    let Some(Reply::LadderDone { rungs, .. }) = seen.last() else { panic!("{seen:?}") };
    let told: Vec<_> = rungs.iter().map(|r| (r.text.as_str(), r.guided)).collect();
    assert_eq!(told, [("10.0", true), ("0.50", false), ("1.00", false)]);
}

#[test]
fn the_best_path_has_the_most_valid_rungs() {
    let (engine, _) = engine();
    engine.request(request(Kind::Paths, 1, ["0", "1"], 0.5));
    let seen = wait(&engine, |r| matches!(r, Reply::BestPath { .. }));
    // With one number a latent all paths give the same rungs, and the first is taken.
    let best = Reply::BestPath { generation: 1, path: Path::PerToken };
    assert_eq!(seen.last(), Some(&best));
}

#[test]
fn an_inspection_tells_latents_and_probabilities() {
    let (engine, _) = engine();
    engine.request(request(Kind::Inspect, 1, ["0", "1"], 0.25));
    let seen = wait(&engine, |r| matches!(r, Reply::Inspected { .. }));
    let Some(Reply::Inspected { inspection, .. }) = seen.last() else { panic!("{seen:?}") };
    let values = [&inspection.a, &inspection.b, &inspection.point].map(|l| l.values[0]);
    assert_eq!(values, [0.0, 1.0, 0.25]);
    assert_eq!(inspection.tokens[0].text, "0.25");
}

#[test]
fn failures_and_panics_are_told_and_the_engine_goes_on() {
    let (engine, _) = engine();
    engine.request(point(1, ["x", "1"], 0.5));
    let failed = |r: &Reply| matches!(r, Reply::Failed { .. });
    let seen = wait(&engine, failed);
    assert!(format!("{:?}", seen.last()).contains("no number"));
    engine.request(point(2, ["13", "13"], 0.0));
    let seen = wait(&engine, failed);
    assert!(format!("{:?}", seen.last()).contains("unlucky"));
    engine.request(point(3, ["0", "1"], 0.0));
    wait(&engine, |r| matches!(r, Reply::PointDone { generation: 3, .. }));
}

#[test]
fn a_model_that_does_not_open_is_told() {
    let open = || Err(EngineError::Load("no such model".into()));
    let engine = Engine::spawn(open).expect("thread");
    let seen = wait(&engine, |_| true);
    assert_eq!(seen, [Reply::Failed { message: "no such model".into() }]);
}

#[test]
fn a_palette_is_told_as_it_comes_and_its_corners_are_the_ends() {
    let (engine, _) = engine();
    let mut palette = request(Kind::Palette, 7, ["0", "1"], 0.5);
    let corners = Palette { c: Some("2".into()), d: Some("4".into()), size: 3 };
    palette.scene = Arc::new(Scene { palette: corners, ..(*palette.scene).clone() });
    engine.request(palette);
    let seen = wait(&engine, |r| matches!(r, Reply::PaletteDone { generation: 7, .. }));
    assert!(seen.iter().any(|r| matches!(r, Reply::PaletteStep { generation: 7, .. })));
    let Some(Reply::PaletteDone { cells, .. }) = seen.last() else { panic!("{seen:?}") };
    let texts: Vec<&str> = cells.iter().map(|r| r.text.as_str()).collect();
    let wanted = ["0.00", "0.50", "1.00", "1.00", "1.75", "2.50", "2.00", "3.00", "4.00"];
    assert_eq!(texts, wanted);
    let columns: Vec<f32> = cells.iter().map(|r| r.ratio).collect();
    assert_eq!(columns, [0.0, 0.5, 1.0].repeat(3));
}

#[test]
fn a_palette_stands_back_for_point_and_ladder_and_a_newer_one_takes_its_place() {
    let (engine, _) = engine();
    engine.request(request(Kind::Palette, 1, ["0", "1"], 0.5));
    let palette = |c: &str| Palette { c: Some(c.into()), d: Some("1".into()), size: 3 };
    let of = |generation, c: &str| {
        let mut request = request(Kind::Palette, generation, ["0", "1"], 0.5);
        request.scene = Arc::new(Scene { palette: palette(c), ..(*request.scene).clone() });
        request
    };
    engine.request(of(2, "3"));
    wait(&engine, |r| matches!(r, Reply::PaletteStep { generation: 2, .. }));
    engine.request(request(Kind::Ladder, 3, ["0", "1"], 0.5));
    engine.request(point(4, ["0", "1"], 0.5));
    let seen = wait(&engine, |r| matches!(r, Reply::PaletteDone { .. }));
    let at = |wanted: &dyn Fn(&Reply) -> bool| seen.iter().position(wanted);
    let point = at(&|r| matches!(r, Reply::PointDone { generation: 4, .. }));
    let ladder = at(&|r| matches!(r, Reply::LadderDone { generation: 3, .. }));
    let palette = at(&|r| matches!(r, Reply::PaletteDone { generation: 2, .. }));
    assert!(
        point.is_some() && point < ladder && ladder < palette,
        "{point:?} {ladder:?} {palette:?}"
    );
}
