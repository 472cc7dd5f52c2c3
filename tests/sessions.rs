//! A session gives the explorer's decodes again, to the letter.

use std::sync::Arc;
use std::time::Duration;

use tvae_tui::engine::{
    replay_session, Along, Bookmark, Decoding, Edit, Engine, Kind, LatentModel, LoadedModel, Reply,
    Request, Scene, Session, Target,
};
use tvae_tui::latent::{Direction, Path};
use tvae_tui::report::Rung;

/// What the running engine tells of a scene.
fn shown(engine: &Engine, scene: &Scene, generation: u64) -> (Vec<Rung>, Rung) {
    for kind in [Kind::Ladder, Kind::Point] {
        engine.request(Request { kind, generation, scene: Arc::new(scene.clone()), task: None });
    }
    let (mut ladder, mut point) = (None, None);
    while ladder.is_none() || point.is_none() {
        match engine.replies().recv_timeout(Duration::from_secs(60)).expect("a reply") {
            Reply::LadderDone { generation: g, rungs } if g == generation => ladder = Some(rungs),
            Reply::PointDone { generation: g, rung } if g == generation => point = Some(rung),
            Reply::Failed { message } => panic!("{message}"),
            _ => {}
        }
    }
    ladder.zip(point).expect("both")
}

#[test]
fn a_saved_session_replays_to_what_the_engine_told() {
    let open = || LoadedModel::open("python").map(|m| Box::new(m) as Box<dyn LatentModel>);
    let engine = Engine::spawn(open).expect("a thread");
    let scenes: Vec<Scene> = Path::ALL
        .into_iter()
        .enumerate()
        .map(|(k, path)| Scene {
            a: "data = json.loads(text)".into(),
            b: "return self.items[0] or None".into(),
            path,
            rungs: 7 + k,
            ratio: 0.137 + 0.25 * k as f32,
            tokens: if k % 2 == 0 { vec![] } else { vec![None, Some(0.9), None, Some(-0.2)] },
            decoding: if k == 2 { Decoding::Guided } else { Decoding::Greedy },
            ..Scene::default()
        })
        .collect();
    // One with edits, and one whose ladder goes along a direction.
    let direction = Arc::new(Direction::random(16, 32, 2.0, 3).expect("a direction"));
    let edit = |target, strength| Edit {
        name: "some way".into(),
        target,
        strength,
        direction: Arc::clone(&direction),
    };
    let edited =
        Scene { edits: vec![edit(Target::A, 1.5), edit(Target::Way, -2.0)], ..scenes[0].clone() };
    let along = Some(Along { name: "some way".into(), direction: Arc::clone(&direction) });
    let turned = Scene { along, ..edited.clone() };
    let scenes: Vec<Scene> = scenes.into_iter().chain([edited, turned]).collect();
    let told: Vec<(Vec<Rung>, Rung)> = scenes
        .iter()
        .zip(1..)
        .map(|(scene, generation)| shown(&engine, scene, generation))
        .collect();

    let session = Session {
        version: Session::VERSION,
        model: "python".into(),
        precision: None,
        scene: scenes[0].clone(),
        bookmarks: scenes[1..]
            .iter()
            .map(|scene| Bookmark { note: String::new(), scene: scene.clone() })
            .collect(),
        history: Vec::new(),
    };
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("session.json");
    session.write(&file).expect("written");
    let session = Session::read(&file).expect("read");
    let model = LoadedModel::open(&session.model).expect("a model");
    let document = replay_session(&model, &session).expect("decoded");
    assert_eq!(document.parts.len(), told.len());
    for (part, (ladder, point)) in document.parts.iter().zip(told) {
        assert_eq!((&part.rungs, part.point.as_ref()), (&ladder, Some(&point)));
    }
}
