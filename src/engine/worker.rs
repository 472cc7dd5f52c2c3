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
            Kind::Palette => {
                let corners = scene.corners().map(|text| self.encoded(text));
                let [a, b, c, d] = corners;
                let latents = scene.cells([&a?, &b?, &c?, &d?], self.geometry).map_err(failed)?;
                let cells =
                    self.judged(request, &latents, &scene.palette.columns(), &mut |rows| {
                        tell(Reply::PaletteStep { generation, rows: rows.to_vec() });
                    })?;
                tell(Reply::PaletteDone { generation, cells });
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
            Recipe::Labels { from, to } => self.known.between_labels(from, to),
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
mod tests;
