//! A second model on the same ladder: its rungs and figures beside those of the open one.

use std::sync::Arc;

use super::likeness::Likeness;
use super::state::{RungView, State};
use crate::engine::{ModelInfo, Palette, Scene};
use crate::eval::LadderMetrics;

/// The model that the open one is compared with.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What opens it: a name or a folder.
    pub given: String,
    /// What it is; none until it is open.
    pub model: Option<ModelInfo>,
    /// Its ladder.
    pub rungs: Vec<RungView>,
    /// The ladder's figures, once it is whole.
    pub figures: Option<LadderMetrics>,
    /// What its ladder is of, once it has been asked for.
    pub(super) asked: Option<Arc<Scene>>,
    /// The number of the last request.
    pub(super) generation: u64,
}

impl Comparison {
    /// Before the model is open.
    #[must_use]
    pub fn new(given: String) -> Self {
        Self { given, model: None, rungs: Vec::new(), figures: None, asked: None, generation: 0 }
    }
}

/// What of a scene means the same to every model: ends, way, rungs and decoding. Latent tokens and directions are a
/// model's own.
pub(super) fn common_scene(scene: &Scene) -> Scene {
    let (tokens, edits) = (Vec::new(), Vec::new());
    let ratio = Scene::default().ratio;
    let palette = Palette::default();
    Scene { tokens, edits, along: None, ratio, palette, ..scene.clone() }
}

impl State {
    /// Whether the scene has something that the compared model's ladder cannot have: latent tokens or directions.
    #[must_use]
    pub fn is_beyond_comparison(&self) -> bool {
        let scene = &self.scene;
        !scene.tokens.is_empty() || !scene.edits.is_empty() || scene.along.is_some()
    }

    /// What a whole rung of the compared model is beside the ends; none while it or they are not whole.
    #[must_use]
    pub fn other_likeness(&self, rung: usize) -> Option<Likeness> {
        let rungs = &self.comparison.as_ref()?.rungs;
        let whole = |rung: Option<&RungView>| {
            rung.filter(|rung| rung.verdict.is_some()).map(|rung| rung.text.clone())
        };
        let (first, last) = (whole(rungs.first())?, whole(rungs.last())?);
        Some(self.likeness_among(&whole(rungs.get(rung))?, &first, &last))
    }
}
