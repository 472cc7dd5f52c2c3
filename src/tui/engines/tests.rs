//! Engines that are replaced, and news of those that have been.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::corpus::Example;
use crate::domain::Verdict;
use crate::engine::{Kind, ModelInfo, RowUpdate, Scene, TokenProbability};
use crate::latent::{Geometry, Latent};

/// A model that decodes everything to its own name.
struct Named(String);

impl LatentModel for Named {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.0.clone(),
            domain: "text".into(),
            parameters: 1,
            latent_tokens: 1,
            latent_size: 1,
            geometry: Geometry::Flat,
        }
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        Ok(texts.iter().map(|_| Latent { tokens: 1, size: 1, values: vec![0.5] }).collect())
    }

    fn decode(
        &self,
        latents: &[Latent],
        _on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError> {
        Ok(latents.iter().map(|_| self.0.clone()).collect())
    }

    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        Ok(vec![None; latents.len()])
    }

    fn probabilities(&self, _: &Latent, _: &str) -> Result<Vec<TokenProbability>, EngineError> {
        Ok(Vec::new())
    }

    fn verdict(&self, _: &str) -> Verdict {
        Verdict::Valid
    }

    fn samples(&self) -> &[Example] {
        &[]
    }
}

/// Opens any name but `none`; `slow` when it is let go.
fn engines(library: Library) -> (Engines, Sender<()>) {
    let (go, gate) = crossbeam_channel::unbounded::<()>();
    let gate = Mutex::new(gate);
    let open: OpenModel = Arc::new(move |name: &str| match name {
        "none" => Err(EngineError::Load("there is none".to_owned())),
        "slow" => {
            let _ = gate.lock().expect("a gate").recv();
            Ok(Box::new(Named(name.to_owned())))
        }
        name => Ok(Box::new(Named(name.to_owned()))),
    });
    let mut engines = Engines::start(open, "first", library).expect("a thread");
    assert!(matches!(next(&mut engines), Action::Engine(Reply::Ready { .. })));
    (engines, go)
}

/// The next news that mean something.
fn next(engines: &mut Engines) -> Action {
    loop {
        let news = engines.news().recv_timeout(Duration::from_secs(60)).expect("news");
        if let Some(action) = engines.take(news) {
            return action;
        }
    }
}

fn point(generation: u64) -> Request {
    Request { kind: Kind::Point, generation, scene: Arc::new(Scene::default()), task: None }
}

/// Whose decode is told next.
fn decoded(engines: &mut Engines) -> (bool, u64, String) {
    loop {
        match next(engines) {
            Action::Engine(Reply::PointDone { generation, rung }) => {
                return (true, generation, rung.text)
            }
            Action::Other(Reply::PointDone { generation, rung }) => {
                return (false, generation, rung.text)
            }
            _ => {}
        }
    }
}

#[test]
fn the_old_model_answers_until_the_new_one_is_open_and_is_not_heard_afterwards() {
    let (mut engines, go) = engines(Library::default());
    engines.open("slow").expect("a thread");
    engines.request(point(1));
    assert_eq!(decoded(&mut engines), (true, 1, "first".to_owned()));
    assert!(!engines.is_idle());
    let late = News::Engine(0, Reply::Failed { message: "late".to_owned() });
    go.send(()).expect("it waits");
    let Action::Opened { given, info, .. } = next(&mut engines) else { panic!() };
    assert_eq!((given.as_str(), info.name.as_str()), ("slow", "slow"));
    assert_eq!(engines.take(late), None);
    engines.request(point(2));
    assert_eq!(decoded(&mut engines), (true, 2, "slow".to_owned()));
}

#[test]
fn a_model_that_does_not_open_leaves_the_old_one() {
    let (mut engines, _go) = engines(Library::default());
    engines.open("none").expect("a thread");
    let Action::NotOpened { given, message } = next(&mut engines) else { panic!() };
    assert_eq!((given.as_str(), message.as_str()), ("none", "there is none"));
    engines.request(point(1));
    assert_eq!(decoded(&mut engines), (true, 1, "first".to_owned()));
}

#[test]
fn of_two_that_are_opened_at_once_the_later_one_opens() {
    let (mut engines, go) = engines(Library::default());
    engines.open("slow").expect("a thread");
    engines.open("second").expect("a thread");
    let Action::Opened { given, .. } = next(&mut engines) else { panic!() };
    assert_eq!(given, "second");
    go.send(()).expect("it waits");
    engines.request(point(1));
    assert_eq!(decoded(&mut engines), (true, 1, "second".to_owned()));
}

#[test]
fn a_second_model_answers_beside_the_first_until_it_is_closed() {
    let (mut engines, _go) = engines(Library::default());
    engines.compare("second").expect("a thread");
    assert!(matches!(next(&mut engines), Action::Other(Reply::Ready { .. })));
    engines.request_other(point(3));
    assert_eq!(decoded(&mut engines), (false, 3, "second".to_owned()));
    engines.request(point(4));
    assert_eq!(decoded(&mut engines), (true, 4, "first".to_owned()));
    engines.end_comparison();
    engines.request_other(point(5));
    engines.request(point(6));
    assert_eq!(decoded(&mut engines), (true, 6, "first".to_owned()));
}

#[test]
fn changes_are_done_in_their_order_and_listed() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut engines, _go) = engines(Library::new(Some(dir.path().to_owned()), None));
    let copy = |from: &str, to: &str| LibraryChange::Duplicate { from: from.into(), to: to.into() };
    for change in [copy("python", "a"), copy("a", "b"), copy("nowhere", "c")] {
        engines.list(Some(change)).expect("a thread");
    }
    engines.list(None).expect("a thread");
    let mut seen = Vec::new();
    while !engines.is_idle() {
        if let Action::Done(Outcome::Models(listing)) = next(&mut engines) {
            let is_done = listing.told.map(|told| told.is_ok());
            seen.push((is_done, listing.entries.len()));
        }
    }
    assert_eq!(seen, [(Some(true), 4), (Some(true), 5), (Some(false), 5), (None, 5)]);
}
