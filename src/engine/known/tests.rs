//! A model's texts behind an engine: encoded while other things go first, then neighbours, directions, measurements.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::super::pool::tests::{example, Letters};
use super::super::pool::Source;
use super::super::{
    Engine, Kind, ModelInfo, Recipe, Request, RowUpdate, Scene, Target, Task, TokenProbability,
};
use super::*;
use crate::domain::Verdict;
use crate::latent::Path;

/// The model of letters with a hundred texts of its own: one to ten `x`, then one to ten `Y`; whether they have few `x`
/// or many is their label.
struct WithTexts {
    samples: Vec<Example>,
    file: Option<PathBuf>,
}

impl WithTexts {
    fn new(file: Option<PathBuf>) -> Self {
        let text = |i: usize| "x".repeat(i % 10 + 1) + &"Y".repeat(i / 10 + 1);
        let label = |i: usize| if i % 10 < 5 { "few" } else { "many" };
        Self { samples: (0..100).map(|i| example(&text(i), Some(label(i)))).collect(), file }
    }
}

impl LatentModel for WithTexts {
    fn info(&self) -> ModelInfo {
        Letters.info()
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        Letters.encode(texts)
    }

    fn decode(
        &self,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError> {
        Letters.decode(latents, on_step)
    }

    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        Letters.search(latents)
    }

    fn probabilities(
        &self,
        latent: &Latent,
        text: &str,
    ) -> Result<Vec<TokenProbability>, EngineError> {
        Letters.probabilities(latent, text)
    }

    fn verdict(&self, text: &str) -> Verdict {
        Letters.verdict(text)
    }

    fn samples(&self) -> &[Example] {
        &self.samples
    }

    fn directions_file(&self) -> Option<PathBuf> {
        self.file.clone()
    }
}

fn engine(file: Option<PathBuf>) -> Engine {
    let open = move || Ok(Box::new(WithTexts::new(file)) as Box<dyn LatentModel>);
    Engine::spawn(open).expect("thread")
}

fn scene(a: &str, b: &str, ratio: f32) -> Scene {
    let (a, b) = (a.to_owned(), b.to_owned());
    Scene { a, b, path: Path::Linear, rungs: 3, ratio, ..Scene::default() }
}

fn ask(engine: &Engine, kind: Kind, generation: u64, scene: Scene, task: Option<Task>) {
    engine.request(Request { kind, generation, scene: Arc::new(scene), task });
}

fn wait(engine: &Engine, done: impl Fn(&Reply) -> bool) -> Reply {
    loop {
        let reply = engine.replies().recv_timeout(Duration::from_secs(20)).expect("a reply");
        if done(&reply) {
            return reply;
        }
    }
}

fn read(engine: &Engine) -> Vec<NamedDirection> {
    ask(engine, Kind::Pool, 1, scene("x", "Y", 0.5), None);
    match wait(engine, |r| matches!(r, Reply::Directions { .. })) {
        Reply::Directions { texts: 100, found } => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_encoded_is_kept_when_something_else_goes_first() {
    let model = WithTexts::new(None);
    let mut known = Known::default();
    let (told, allowed) = (std::cell::RefCell::new(Vec::new()), std::cell::Cell::new(3));
    let go_on = || allowed.replace(allowed.get() - 1) > 0;
    let tell = |reply| {
        if let Reply::Reading { done, .. } = reply {
            told.borrow_mut().push(done);
        }
    };
    assert_eq!(known.fill(&model, &go_on, &tell), Err(EngineError::Cancelled));
    assert_eq!((&**told.borrow(), known.pool()), (&[8, 16, 24][..], None));
    allowed.set(1000);
    assert_eq!(known.fill(&model, &go_on, &tell), Ok(()));
    assert!(told.borrow().is_sorted() && told.borrow().last() == Some(&100));
    assert_eq!(known.pool().map(|pool| pool.texts().len()), Some(100));
}

#[test]
fn the_texts_give_directions_and_neighbours() {
    let engine = engine(None);
    let inspect = |generation, scene| {
        ask(&engine, Kind::Inspect, generation, scene, None);
        match wait(&engine, |r| matches!(r, Reply::Inspected { .. })) {
            Reply::Inspected { inspection, .. } => inspection,
            other => panic!("{other:?}"),
        }
    };
    let before = inspect(1, scene("xxxY", "xxxY", 0.5));
    assert_eq!((before.neighbours.len(), before.in_pool), (0, None));
    assert!(before.labels.is_empty());
    let found = read(&engine);
    assert!(found.iter().any(|named| named.name == "length"));
    let inspection = inspect(2, scene("xxxY", "xxxY", 0.5));
    assert_eq!((inspection.neighbours.len(), inspection.in_pool), (8, Some(true)));
    let nearest = &inspection.neighbours[0];
    assert_eq!((&*nearest.text, nearest.distance, nearest.same_text), ("xxxY", 0.0, true));
    let other = inspect(3, scene(&"x".repeat(30), "Y", 0.0));
    assert_eq!(other.in_pool, Some(false));
    assert!(other.neighbours.iter().all(|neighbour| !neighbour.same_text));
    for (inspection, label) in [(inspection, "few"), (other, "many")] {
        let (first, probability) = &inspection.labels[0];
        assert!(first == label && *probability > 0.6, "{:?}", inspection.labels);
        assert_eq!(inspection.labels.len(), 2);
    }
}

#[test]
fn directions_are_measured_while_points_go_first() {
    let engine = engine(None);
    let found = read(&engine);
    let length = found.into_iter().find(|named| named.name == "length").expect("a length");
    let task = Task::Measure(Arc::new(length));
    ask(&engine, Kind::Measure, 1, scene("x", "Y", 0.5), Some(task));
    ask(&engine, Kind::Point, 1, scene("x", "Y", 0.5), None);
    let measured = wait(&engine, |r| matches!(r, Reply::Measured { generation: 1, .. }));
    let Reply::Measured { measurement, .. } = measured else { panic!("{measured:?}") };
    assert_eq!(measurement.texts, 25);
    let (effect, control) = (&measurement.effect.figures, &measurement.control.figures);
    assert!(effect.mean_change > control.mean_change, "{measurement:?}");
}

#[test]
fn directions_are_made_of_ends_of_texts_and_of_marked_points() {
    let engine = engine(None);
    let make = |generation, scene, recipe| {
        let task = Task::Make("new".into(), recipe);
        ask(&engine, Kind::Make, generation, scene, Some(task));
        wait(&engine, |r| matches!(r, Reply::Made { .. } | Reply::Failed { .. }))
    };
    let made = |reply| match reply {
        Reply::Made { direction, .. } => *direction,
        other => panic!("{other:?}"),
    };
    // An edit on an end counts, one on the way does not.
    let mut ends = scene("x", "YY", 0.5);
    let first = made(make(1, ends.clone(), Recipe::Ends));
    assert_eq!((first.source, &*first.name), (Source::Own, "new"));
    let step = first.direction.step(
        &Letters.encode(&["x".into()]).unwrap()[0],
        1.0,
        Letters.info().geometry,
    );
    assert!(step.unwrap().values.iter().zip([0.0, 2.0]).all(|(x, y)| (x - y).abs() < 1e-5));
    ends.set_strength("new", &Arc::new(first.direction.clone()), Target::Way, 2.0);
    assert_eq!(made(make(2, ends.clone(), Recipe::Ends)).direction, first.direction);
    ends.set_strength("new", &Arc::new(first.direction.clone()), Target::B, 2.0);
    assert_ne!(made(make(3, ends, Recipe::Ends)).direction, first.direction);

    let recipe = Recipe::Texts { from: "xx".into(), to: "xxxx".into() };
    let texts = made(make(4, scene("x", "Y", 0.5), recipe));
    assert_eq!((texts.direction.values(), texts.direction.sigma()), (&[1.0, 0.0][..], 2.0));

    let points =
        |texts: &[&str]| texts.iter().map(|t| Arc::new(scene(t, t, 0.0))).collect::<Vec<_>>();
    let (with, without) = (points(&["xY", "xYYY"]), points(&["xxxY", "xxxYYY"]));
    let sets = made(make(5, scene("x", "Y", 0.5), Recipe::Sets { with: with.clone(), without }));
    assert_eq!((sets.with, sets.without), (2, 2));
    assert!((sets.direction.values()[0] + 1.0).abs() < 1e-6);
    let pair = Recipe::Sets { with: with[..1].to_vec(), without: points(&["xxY"]) };
    assert_eq!(made(make(6, scene("x", "Y", 0.5), pair)).direction.sigma(), 1.0);
    let few = Recipe::Sets { with: with[..1].to_vec(), without: with };
    let failed = make(7, scene("x", "Y", 0.5), few);
    assert!(matches!(failed, Reply::Failed { message } if message.contains("too few")));
}

#[test]
fn a_ladder_along_a_direction_is_named_by_its_strengths() {
    let engine = engine(None);
    let direction = Arc::new(crate::latent::Direction::new(1, 2, &[1.0, 0.0], 1.0).unwrap());
    let along = super::super::Along { name: "more x".into(), direction };
    let ladder = Scene { along: Some(along), ..scene("xxxx", "xxxx", 0.5) };
    ask(&engine, Kind::Ladder, 1, ladder, None);
    let done = wait(&engine, |r| matches!(r, Reply::LadderDone { .. }));
    let Reply::LadderDone { rungs, .. } = done else { panic!("{done:?}") };
    let told: Vec<(f32, &str)> = rungs.iter().map(|r| (r.ratio, &*r.text)).collect();
    assert_eq!(told, [(-3.0, "x"), (0.0, "xxxx"), (3.0, "xxxxxxx")]);
}

#[test]
fn own_directions_are_told_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directions.json");
    let direction = crate::latent::Direction::new(1, 2, &[1.0, 0.0], 1.0).unwrap();
    let own =
        NamedDirection { name: "mine".into(), source: Source::Own, with: 0, without: 0, direction };
    super::super::save_directions(&file, std::slice::from_ref(&own)).unwrap();
    let told = wait(&engine(Some(file.clone())), |r| matches!(r, Reply::OwnDirections { .. }));
    assert_eq!(told, Reply::OwnDirections { file: file.clone(), own: vec![own] });
    std::fs::write(&file, "[]").unwrap();
    let told = wait(&engine(Some(file)), |r| matches!(r, Reply::Failed { .. }));
    assert!(format!("{told:?}").contains("directions.json"));
}
