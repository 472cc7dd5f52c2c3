//! The engine's thread: opens the model, then serves the slot.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use super::directions_file;
use super::known::Known;
use super::pool::NamedDirection;
use super::slot::Slot;
use super::strip::{Refinement, StripSample};
use super::way::best_of;
use super::{decode, task, EngineError, Inspection, Kind, LatentModel, Recipe, Reply, Request};
use super::{Scene, Task};
use crate::eval::Units;
use crate::latent::{ratios, Geometry, Latent, Path};
use crate::report::Rung;

/// Texts whose latents are remembered.
const ENCODED: usize = 16;

pub(super) fn run(
    slot: &Slot,
    tell: &dyn Fn(Reply),
    open: impl FnOnce() -> Result<Box<dyn LatentModel>, EngineError>,
) {
    let fail = |message: String| {
        tracing::error!("{message}");
        tell(Reply::Failed { message });
    };
    let model = match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(model)) => model,
        Ok(Err(e)) => return fail(e.to_string()),
        Err(panic) => return fail(panic_text(&*panic)),
    };
    tell(Reply::Ready { info: model.info(), samples: model.samples().to_vec() });
    if let Some(file) = model.directions_file() {
        match directions_file::read(&file, &model.info()) {
            Ok(own) => tell(Reply::OwnDirections { file, own }),
            Err(e) => fail(e.to_string()),
        }
    }
    let mut worker = Worker {
        slot,
        model: &*model,
        geometry: model.info().geometry,
        encoded: Vec::new(),
        strip: (0, Refinement::default()),
        known: Known::default(),
    };
    while let Some(request) = slot.take() {
        let clock = Instant::now();
        let served = catch_unwind(AssertUnwindSafe(|| worker.serve(&request, tell)));
        let ms = 1e3 * clock.elapsed().as_secs_f64();
        match served {
            Ok(Ok(())) => tracing::debug!(kind = ?request.kind, ms, "served"),
            Ok(Err(EngineError::Cancelled)) => {
                tracing::debug!(kind = ?request.kind, ms, "cancelled");
                // A point that was overtaken is of no use any more.
                if request.kind != Kind::Point {
                    slot.put_back(request);
                }
            }
            Ok(Err(e)) => fail(e.to_string()),
            Err(panic) => fail(panic_text(&*panic)),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    format!("the model stopped with an internal error ({text}); please report it")
}

struct Worker<'a> {
    slot: &'a Slot,
    model: &'a dyn LatentModel,
    geometry: Geometry,
    /// Texts that were encoded last with their latents, the newest last: sliding must not encode the ends again.
    encoded: Vec<(String, Latent)>,
    /// The strip that is being filled in, with its request's number.
    strip: (u64, Refinement),
    /// The model's texts.
    known: Known,
}

impl Worker<'_> {
    fn serve(&mut self, request: &Request, tell: &dyn Fn(Reply)) -> Result<(), EngineError> {
        let (generation, scene) = (request.generation, &*request.scene);
        match request.kind {
            Kind::Ladder => {
                let (a, b) = (self.encoded(&scene.a)?, self.encoded(&scene.b)?);
                let latents = scene.ladder(&a, &b, self.geometry).map_err(failed)?;
                let rungs = self.judged(request, &latents, &scene.places(), &mut |rows| {
                    tell(Reply::LadderStep { generation, rows: rows.to_vec() });
                })?;
                tell(Reply::LadderDone { generation, rungs });
            }
            Kind::Point => {
                let mut rungs = self.rungs(request, &[scene.ratio], &mut |rows| {
                    if let Some((_, text, _)) = rows.last() {
                        tell(Reply::PointStep { generation, text: text.clone() });
                    }
                })?;
                if let Some(rung) = rungs.pop() {
                    tell(Reply::PointDone { generation, rung });
                }
            }
            Kind::Inspect => {
                let inspection = Box::new(self.inspect(request)?);
                tell(Reply::Inspected { generation, inspection });
            }
            Kind::Paths => {
                let path = self.best_path(request)?;
                tell(Reply::BestPath { generation, path });
            }
            Kind::Strip => self.fill_strip(request, tell)?,
            Kind::Pool => {
                let slot = self.slot;
                self.known.fill(self.model, &|| !slot.supersedes(Kind::Pool), tell)?;
            }
            Kind::Make => {
                if let Some(Task::Make(name, recipe)) = &request.task {
                    let direction = Box::new(self.make(scene, name, recipe)?);
                    tell(Reply::Made { generation, direction });
                }
            }
            Kind::Measure => {
                if let Some(Task::Measure(named)) = &request.task {
                    let mut go_on = || !self.slot.supersedes(Kind::Measure);
                    let measured = self.known.measure(self.model, named, &mut go_on)?;
                    tell(Reply::Measured { generation, measurement: Box::new(measured) });
                }
            }
        }
        Ok(())
    }

    /// Decodes the scene at `ratios`, as one batch.
    fn rungs(
        &mut self,
        request: &Request,
        ratios: &[f32],
        on_step: &mut dyn FnMut(&[super::RowUpdate]),
    ) -> Result<Vec<Rung>, EngineError> {
        let latents = self.latents(&request.scene, ratios)?;
        self.judged(request, &latents, ratios, on_step)
    }

    /// Decodes latents as one batch; `places` are what their rungs are called by.
    fn judged(
        &self,
        request: &Request,
        latents: &[Latent],
        places: &[f32],
        on_step: &mut dyn FnMut(&[super::RowUpdate]),
    ) -> Result<Vec<Rung>, EngineError> {
        let found = decode(self.model, latents, request.scene.decoding, &mut |rows| {
            if self.slot.supersedes(request.kind) {
                return ControlFlow::Break(());
            }
            if !rows.is_empty() {
                on_step(rows);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found.into_iter().zip(places).map(|(found, &place)| found.at(place)).collect())
    }

    fn inspect(&mut self, request: &Request) -> Result<Inspection, EngineError> {
        let scene = &request.scene;
        let rung = self.rungs(request, &[scene.ratio], &mut |_| {})?.pop();
        let point = self.latents(scene, &[scene.ratio])?;
        let point = self.model.nearest(point)?.pop();
        let (Some(rung), Some(point)) = (rung, point) else {
            return Err(EngineError::Model("it decoded nothing".to_owned()));
        };
        let tokens = self.model.probabilities(&point, &rung.text)?;
        let (a, b) = (self.encoded(&scene.a)?, self.encoded(&scene.b)?);
        let (neighbours, in_pool) = self.known.around(&point, &rung.text);
        let labels = self.known.labels(&point);
        Ok(Inspection { a, b, point, tokens, neighbours, in_pool, labels })
    }

    fn make(
        &mut self,
        scene: &Scene,
        name: &str,
        recipe: &Recipe,
    ) -> Result<NamedDirection, EngineError> {
        match recipe {
            Recipe::Ends => {
                let ends = self.latents(&scene.ends(), &[0.0, 1.0])?;
                task::between(name, &ends[0], &ends[1], self.geometry)
            }
            Recipe::Texts { from, to } => {
                let (from, to) = (self.encoded(from)?, self.encoded(to)?);
                task::between(name, &from, &to, self.geometry)
            }
            Recipe::Sets { with, without } => {
                let mut points = |scenes: &[Arc<Scene>]| -> Result<Vec<Latent>, EngineError> {
                    let mut points = Vec::with_capacity(scenes.len());
                    for scene in scenes {
                        points.extend(self.latents(scene, &[scene.ratio])?);
                    }
                    Ok(points)
                };
                let (with, without) = (points(with)?, points(without)?);
                task::of_sets(name, &with, &without, self.known.pool(), self.geometry)
            }
        }
    }

    fn best_path(&mut self, request: &Request) -> Result<Path, EngineError> {
        let ratios = ratios(request.scene.rungs);
        let mut ladders = Vec::with_capacity(Path::ALL.len());
        for path in Path::ALL {
            let scene = Arc::new(Scene { path, ..(*request.scene).clone() });
            let on_path = Request { scene, ..request.clone() };
            ladders.push((self.rungs(&on_path, &ratios, &mut |_| {})?, path));
        }
        let ends = (request.scene.a.as_str(), request.scene.b.as_str());
        let units = Units::of(&self.model.info().domain);
        best_of(ladders, ends, units)
            .map(|(_, path)| path)
            .ok_or_else(|| EngineError::Model("there is no path".to_owned()))
    }

    fn fill_strip(&mut self, request: &Request, tell: &dyn Fn(Reply)) -> Result<(), EngineError> {
        let generation = request.generation;
        // What was filled in before something else went first is kept.
        if self.strip.0 != generation {
            self.strip = (generation, Refinement::default());
        }
        loop {
            let next = self.strip.1.next();
            if next.is_empty() {
                return Ok(());
            }
            let rungs = self.rungs(request, &next, &mut |_| {})?;
            let found =
                rungs.iter().map(|r| StripSample { ratio: r.ratio, valid: r.verdict.is_valid() });
            self.strip.1.add(found);
            tell(Reply::Strip {
                generation,
                samples: self.strip.1.samples().to_vec(),
                done: self.strip.1.next().is_empty(),
            });
        }
    }

    fn latents(&mut self, scene: &Scene, ratios: &[f32]) -> Result<Vec<Latent>, EngineError> {
        let (a, b) = (self.encoded(&scene.a)?, self.encoded(&scene.b)?);
        scene.latents(&a, &b, ratios, self.geometry).map_err(failed)
    }

    fn encoded(&mut self, text: &str) -> Result<Latent, EngineError> {
        if let Some((_, latent)) = self.encoded.iter().find(|(known, _)| known == text) {
            return Ok(latent.clone());
        }
        let latent = self.model.encode(&[text.to_owned()])?.pop();
        let latent = latent.ok_or_else(|| EngineError::Model("it encoded nothing".to_owned()))?;
        if self.encoded.len() == ENCODED {
            self.encoded.remove(0);
        }
        self.encoded.push((text.to_owned(), latent.clone()));
        Ok(latent)
    }
}

fn failed(e: super::SceneError) -> EngineError {
    EngineError::Model(e.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::{Decoding, Engine, ModelInfo, RowUpdate, TokenProbability};
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
            texts
                .iter()
                .map(|t| Ok(Latent { tokens: 1, size: 1, values: vec![value(t)?] }))
                .collect()
        }

        fn decode(
            &self,
            latents: &[Latent],
            on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
        ) -> Result<Vec<String>, EngineError> {
            self.started.fetch_add(1, Ordering::SeqCst);
            let texts: Vec<String> =
                latents.iter().map(|l| format!("{:.2}", l.values[0])).collect();
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

        fn probabilities(
            &self,
            _: &Latent,
            text: &str,
        ) -> Result<Vec<TokenProbability>, EngineError> {
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
}
