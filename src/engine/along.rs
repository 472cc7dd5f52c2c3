//! A scene's edits by name, and the ladder that goes along a direction's strength instead of from A to B.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::scene::shared;
use super::{Edit, Scene, SceneError, Target, STRENGTH_RANGE};
use crate::latent::{ratios, Direction, Geometry, Latent};

/// The direction that a ladder goes along, at the slider's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Along {
    /// The direction's name.
    pub name: String,
    /// Where to.
    #[serde(with = "shared")]
    pub direction: Arc<Direction>,
}

impl Scene {
    /// How far the edit of this name goes on a target; 0 where there is none.
    #[must_use]
    pub fn strength(&self, name: &str, target: Target) -> f32 {
        self.edits
            .iter()
            .find(|edit| edit.target == target && edit.name == name)
            .map_or(0.0, |edit| edit.strength)
    }

    /// Lets the edit of this name go so far on a target: it keeps its place among the edits, a new one comes last, and a
    /// strength of 0 takes it away.
    pub fn set_strength(
        &mut self,
        name: &str,
        direction: &Arc<Direction>,
        target: Target,
        strength: f32,
    ) {
        let at = self.edits.iter().position(|edit| edit.target == target && edit.name == name);
        match at {
            Some(at) if strength == 0.0 => drop(self.edits.remove(at)),
            Some(at) => self.edits[at].strength = strength,
            None if strength == 0.0 => {}
            None => {
                let (name, direction) = (name.to_owned(), Arc::clone(direction));
                self.edits.push(Edit { name, target, strength, direction });
            }
        }
    }

    /// Where the ladder's rungs lie: their ratios or, along a direction, their strengths.
    #[must_use]
    pub fn places(&self) -> Vec<f32> {
        if self.along.is_none() {
            return ratios(self.rungs);
        }
        let (low, high) = (STRENGTH_RANGE.start(), STRENGTH_RANGE.end());
        let last = self.rungs.saturating_sub(1).max(1) as f32;
        (0..self.rungs).map(|k| low + (high - low) * k as f32 / last).collect()
    }

    /// The latents of the ladder's rungs, from those of the texts `a` and `b`.
    ///
    /// # Errors
    /// As [`Scene::latents`].
    pub fn ladder(
        &self,
        a: &Latent,
        b: &Latent,
        geometry: Geometry,
    ) -> Result<Vec<Latent>, SceneError> {
        let places = self.places();
        let Some(along) = &self.along else { return self.latents(a, b, &places, geometry) };
        let mut latents = Vec::with_capacity(places.len());
        for strength in places {
            let mut scene = self.clone();
            scene.set_strength(&along.name, &along.direction, Target::Way, strength);
            latents.extend(scene.latents(a, b, &[self.ratio], geometry)?);
        }
        Ok(latents)
    }

    /// Whether the ladder of `other` is the same. One along a direction has all strengths of it, whichever the scene's is.
    #[must_use]
    pub fn same_ladder(&self, other: &Self) -> bool {
        if self.along != other.along || self.rungs != other.rungs {
            return false;
        }
        let Some(along) = &self.along else { return self.same_way(other) };
        let at_one = |scene: &Self| {
            let mut scene = scene.clone();
            scene.set_strength(&along.name, &along.direction, Target::Way, 1.0);
            scene
        };
        self.ratio == other.ratio && at_one(self).same_way(&at_one(other))
    }

    /// The scene of the ends alone: only their own edits count.
    #[must_use]
    pub(super) fn ends(&self) -> Self {
        let mut scene = Self { tokens: Vec::new(), along: None, ..self.clone() };
        scene.edits.retain(|edit| edit.target != Target::Way);
        scene
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latent(x: f32, y: f32) -> Latent {
        Latent { tokens: 1, size: 2, values: vec![x, y] }
    }

    fn upwards() -> Arc<Direction> {
        Arc::new(Direction::new(1, 2, &[0.0, 1.0], 2.0).unwrap())
    }

    #[test]
    fn a_ladder_along_a_direction_stands_at_the_slider_and_goes_to_both_sides() {
        let along = Along { name: "up".into(), direction: upwards() };
        let mut scene = Scene { rungs: 3, ratio: 0.25, along: Some(along), ..Scene::default() };
        scene.set_strength("up", &upwards(), Target::Way, 1.0);
        assert_eq!(scene.places(), [-3.0, 0.0, 3.0]);
        let rungs = scene.ladder(&latent(0.0, 0.0), &latent(4.0, 0.0), Geometry::Flat).unwrap();
        assert_eq!(rungs, [latent(1.0, -6.0), latent(1.0, 0.0), latent(1.0, 6.0)]);
    }

    #[test]
    fn only_another_strength_of_the_same_direction_leaves_its_ladder_as_it_is() {
        let along = Along { name: "up".into(), direction: upwards() };
        let base = Scene { along: Some(along), ..Scene::default() };
        let changed = |change: &dyn Fn(&mut Scene)| {
            let mut scene = base.clone();
            change(&mut scene);
            scene.same_ladder(&base)
        };
        assert!(changed(&|s| s.set_strength("up", &upwards(), Target::Way, 2.0)));
        assert!(!changed(&|s| s.set_strength("up", &upwards(), Target::A, 2.0)));
        assert!(!changed(&|s| s.set_strength("other", &upwards(), Target::Way, 2.0)));
        assert!(!changed(&|s| s.ratio = 0.6));
        assert!(!changed(&|s| s.along = None));
        let flat = Scene::default();
        assert!(flat.same_ladder(&Scene { ratio: 0.7, ..flat.clone() }));
        assert!(!flat.same_ladder(&Scene { rungs: 5, ..flat.clone() }));
    }

    #[test]
    fn edits_keep_their_place_and_leave_at_0() {
        let mut scene = Scene::default();
        scene.set_strength("x", &upwards(), Target::A, 1.0);
        scene.set_strength("y", &upwards(), Target::A, 1.0);
        scene.set_strength("x", &upwards(), Target::A, -2.0);
        let names: Vec<&str> = scene.edits.iter().map(|edit| &*edit.name).collect();
        assert_eq!(names, ["x", "y"]);
        assert_eq!((scene.strength("x", Target::A), scene.strength("x", Target::B)), (-2.0, 0.0));
        scene.set_strength("x", &upwards(), Target::A, 0.0);
        assert_eq!((scene.edits.len(), scene.strength("x", Target::A)), (1, 0.0));
    }

    #[test]
    fn a_scene_along_a_direction_is_written_and_read() {
        let along = Along { name: "up".into(), direction: upwards() };
        let scene = Scene { along: Some(along), ..Scene::default() };
        let text = serde_json::to_string(&scene).unwrap();
        assert_eq!(serde_json::from_str::<Scene>(&text).unwrap(), scene);
    }
}
