//! What is decoded: two ends, the way between them, what each latent token does on it, and edits along directions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Along, Palette};
use crate::latent::{Direction, DirectionError, Geometry, Latent, LatentError, Path};

/// How far the slider goes.
pub const RATIO_RANGE: std::ops::RangeInclusive<f32> = -0.5..=1.5;
/// How many rungs a ladder can have.
pub const RUNG_RANGE: std::ops::RangeInclusive<usize> = 3..=33;
/// How far an edit goes along its direction, in standard deviations.
pub const STRENGTH_RANGE: std::ops::RangeInclusive<f32> = -3.0..=3.0;

/// What an edit is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The end at ratio 0.
    A,
    /// The end at ratio 1.
    B,
    /// Every point of the way.
    Way,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::Way];

    /// A name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::Way => "t",
        }
    }
}

/// A step along a direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The direction's name.
    pub name: String,
    /// What it changes.
    pub target: Target,
    /// How far, in the direction's standard deviations.
    pub strength: f32,
    /// Where to.
    #[serde(with = "shared")]
    pub direction: Arc<Direction>,
}

/// A direction is written out in full: a file with it stands on its own.
pub(super) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::latent::Direction;

    pub(in crate::engine) fn serialize<S: Serializer>(
        direction: &Arc<Direction>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        direction.as_ref().serialize(serializer)
    }

    pub(in crate::engine) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Direction>, D::Error> {
        Direction::deserialize(deserializer).map(Arc::new)
    }
}

/// How a latent becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoding {
    /// The most probable token at every step.
    #[default]
    Greedy,
    /// The greedy decode where it is valid, else the most probable valid text among eight beams that are dropped as soon as
    /// they cannot become valid any more; of pictures, which can be judged only when they are whole, the
    /// first valid one of sixteen draws.
    Guided,
}

impl Decoding {
    /// The name in files and on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Guided => "guided",
        }
    }
}

/// Everything that decides what is decoded. Together with the model it gives the same texts again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The text at ratio 0.
    pub a: String,
    /// The text at ratio 1.
    pub b: String,
    /// The way between them.
    pub path: Path,
    /// Rungs of the ladder, the ends' reconstructions included.
    pub rungs: usize,
    /// Where the slider stands.
    pub ratio: f32,
    /// Own ratios of latent tokens that do not follow the slider; tokens beyond its length follow it.
    #[serde(default)]
    pub tokens: Vec<Option<f32>>,
    /// Edits, in the order in which they are applied.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// The direction that the ladder goes along; from A to B without.
    #[serde(default)]
    pub along: Option<Along>,
    /// How latents become text.
    #[serde(default)]
    pub decoding: Decoding,
    /// The palette's other corners and its size.
    #[serde(default, skip_serializing_if = "Palette::is_default")]
    pub palette: Palette,
}

/// Why a scene has no latents.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// The ends do not fit each other, or a ratio is no number.
    #[error(transparent)]
    Way(#[from] LatentError),
    /// An edit's direction belongs to another model.
    #[error("the edit `{name}`: {error}")]
    Edit {
        /// The direction's name.
        name: String,
        /// What is wrong with it.
        error: DirectionError,
    },
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            a: String::new(),
            b: String::new(),
            path: Path::PerToken,
            rungs: 11,
            ratio: 0.5,
            tokens: Vec::new(),
            edits: Vec::new(),
            along: None,
            decoding: Decoding::Greedy,
            palette: Palette::default(),
        }
    }
}

impl Scene {
    /// The latents at `ratios`, from those of the texts `a` and `b`.
    ///
    /// # Errors
    /// Latents or directions of different shapes; a ratio that is no number.
    pub fn latents(
        &self,
        a: &Latent,
        b: &Latent,
        ratios: &[f32],
        geometry: Geometry,
    ) -> Result<Vec<Latent>, SceneError> {
        let a = self.edited(a.clone(), Target::A, geometry)?;
        let b = self.edited(b.clone(), Target::B, geometry)?;
        let way = self.way((&a, &b), ratios, geometry)?;
        way.into_iter().map(|latent| self.edited(latent, Target::Way, geometry)).collect()
    }

    /// The way from one latent to another, without edits.
    pub(super) fn way(
        &self,
        (a, b): (&Latent, &Latent),
        ratios: &[f32],
        geometry: Geometry,
    ) -> Result<Vec<Latent>, LatentError> {
        let way = geometry.ladder(a, b, ratios, self.path)?.into_iter();
        let own = |latent| geometry.with_own_ratios(latent, (a, b), &self.tokens, self.path);
        Ok(way.map(own).collect())
    }

    /// A latent after the edits of a target.
    pub(super) fn edited(
        &self,
        mut latent: Latent,
        target: Target,
        geometry: Geometry,
    ) -> Result<Latent, SceneError> {
        for edit in self.edits.iter().filter(|edit| edit.target == target) {
            latent = edit
                .direction
                .step(&latent, edit.strength, geometry)
                .map_err(|error| SceneError::Edit { name: edit.name.clone(), error })?;
        }
        Ok(latent)
    }

    /// Whether the way of `other` is the same: all but the slider's place and the ladder's rungs is.
    #[must_use]
    pub fn same_way(&self, other: &Self) -> bool {
        self.a == other.a
            && self.b == other.b
            && self.path == other.path
            && self.tokens == other.tokens
            && self.edits == other.edits
            && self.decoding == other.decoding
    }

    /// Brings what a file may hold into the ranges.
    pub fn clamp(&mut self) {
        let within = |value: f32, range: std::ops::RangeInclusive<f32>, otherwise: f32| {
            if value.is_finite() {
                value.clamp(*range.start(), *range.end())
            } else {
                otherwise
            }
        };
        self.rungs = self.rungs.clamp(*RUNG_RANGE.start(), *RUNG_RANGE.end());
        self.ratio = within(self.ratio, RATIO_RANGE, 0.5);
        for ratio in self.tokens.iter_mut().flatten() {
            *ratio = within(*ratio, RATIO_RANGE, 0.5);
        }
        for edit in &mut self.edits {
            edit.strength = within(edit.strength, STRENGTH_RANGE, 0.0);
        }
        self.palette.clamp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latent(values: [f32; 4]) -> Latent {
        Latent { tokens: 2, size: 2, values: values.into() }
    }

    fn edit(target: Target, strength: f32) -> Edit {
        let direction = Direction::new(2, 2, &[1.0, 0.0, 0.0, 0.0], 0.5).unwrap();
        Edit { name: "more".into(), target, strength, direction: Arc::new(direction) }
    }

    #[test]
    fn edits_of_the_ends_move_the_ends_and_those_of_the_way_every_point() {
        let (a, b) = (latent([0.0; 4]), latent([0.0, 4.0, 0.0, 4.0]));
        let at = |edits: &[Edit]| {
            let scene = Scene { path: Path::Linear, edits: edits.to_vec(), ..Scene::default() };
            let points = scene.latents(&a, &b, &[0.0, 0.5, 1.0], Geometry::Flat).unwrap();
            points.iter().map(|p| p.values[0]).collect::<Vec<f32>>()
        };
        assert_eq!(at(&[]), [0.0, 0.0, 0.0]);
        assert_eq!(at(&[edit(Target::A, 2.0)]), [1.0, 0.5, 0.0]);
        assert_eq!(at(&[edit(Target::B, -2.0)]), [0.0, -0.5, -1.0]);
        let stacked = [edit(Target::A, 2.0), edit(Target::Way, 1.0), edit(Target::Way, 1.0)];
        assert_eq!(at(&stacked), [2.0, 1.5, 1.0]);
    }

    #[test]
    fn an_edit_of_another_model_is_named() {
        let other = Latent { tokens: 1, size: 2, values: vec![0.0; 2] };
        let scene = Scene { edits: vec![edit(Target::Way, 1.0)], ..Scene::default() };
        let said = scene.latents(&other, &other, &[0.5], Geometry::Sphere).unwrap_err();
        assert!(said.to_string().contains("`more`"), "{said}");
    }

    #[test]
    fn a_scene_is_read_as_it_was_written_and_brought_into_range() {
        let scene = Scene {
            a: "x = '\u{1b}'".into(),
            b: "日本".into(),
            path: Path::AllAtOnce,
            tokens: vec![None, Some(0.25)],
            edits: vec![edit(Target::B, -1.5)],
            decoding: Decoding::Guided,
            ..Scene::default()
        };
        let text = serde_json::to_string(&scene).unwrap();
        assert_eq!(serde_json::from_str::<Scene>(&text).unwrap(), scene);
        assert!(serde_json::from_str::<Scene>(&text.replace("rungs", "rung")).is_err());

        let mut wild = Scene { ratio: f32::NAN, rungs: 0, tokens: vec![Some(9.0)], ..scene };
        wild.edits[0].strength = -99.0;
        wild.clamp();
        assert_eq!((wild.ratio, wild.rungs, wild.tokens[0]), (0.5, 3, Some(1.5)));
        assert_eq!(wild.edits[0].strength, -3.0);
    }
}
