//! A pool of encoded texts: the neighbours of a latent, and the directions that its texts give.

mod filling;
mod probe;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::progress::{OnProgress, Progress};
use super::{EngineError, LatentModel};
use crate::corpus::Example;
use crate::domain::{AttributeKind, Domain};
use crate::latent::{principal_components, Direction, DirectionError, Geometry, Latent};
use crate::model::{self, TransformerVae};

pub(super) use filling::Filling;
pub use probe::{Effect, Figures, Measurement, Probe, Step};

/// Texts encoded together.
const BLOCK: usize = 64;
/// Texts on each side of a direction, at least.
const SIDE: usize = 20;
/// What stands between two labels in the name of the direction from one to the other.
const ARROW: &str = " → ";
/// Principal components that are named.
const COMPONENTS: usize = 8;

/// Texts with their latents and, where they have any, labels; no text twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    geometry: Geometry,
    texts: Vec<String>,
    latents: Vec<Latent>,
    labels: Vec<Option<String>>,
}

/// A text of a pool near a latent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// Its place in the pool.
    pub index: usize,
    /// The text.
    pub text: String,
    /// Its label, where it has one.
    pub label: Option<String>,
    /// How far it is: 1 less the cosine, on flat latents and between codes the Euclidean distance.
    pub distance: f32,
    /// Whether it is the text that was asked about.
    pub same_text: bool,
}

/// Where a direction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An attribute that texts have or have not.
    YesNo,
    /// An attribute that is measured.
    Number,
    /// A label of the data set, against all others or against another one.
    Label,
    /// A principal component of the pool.
    Component,
    /// What the decoder hears best of a latent token.
    Decoder,
    /// Made by a person: of two texts, or of marked points.
    Own,
}

/// A direction with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedDirection {
    /// The attribute's name, the label or two of them as `from → to`, `PC 1`, or `decoder 1.2` for the second axis of the first
    /// latent token.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Texts that have the attribute or the label; those measured, for a number or a component; marked points of one's
    /// own; 0 for the decoder's.
    pub with: usize,
    /// Texts that have not.
    pub without: usize,
    /// The direction, towards having it or more of it.
    pub direction: Direction,
}

/// What the direction from one label to another is called.
#[must_use]
pub fn label_way(from: &str, to: &str) -> String {
    format!("{from}{ARROW}{to}")
}

impl Pool {
    /// Encodes texts in blocks; one that comes again is left out. `None` where `on_progress` breaks off.
    ///
    /// # Errors
    /// The model's.
    pub fn encode(
        model: &dyn LatentModel,
        examples: &[Example],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Self>, EngineError> {
        let mut filling = Filling::new(model.info().geometry, examples);
        loop {
            let (done, total) = filling.progress();
            if done == total {
                return filling.finish().map(Some);
            }
            if !on_progress(Progress { what: "encoding", done, total }) {
                return Ok(None);
            }
            filling.encode_block(model, BLOCK)?;
        }
    }

    fn empty(geometry: Geometry) -> Self {
        Self { geometry, texts: Vec::new(), latents: Vec::new(), labels: Vec::new() }
    }

    fn push(&mut self, text: String, latent: Latent, label: Option<String>) {
        self.texts.push(text);
        self.latents.push(latent);
        self.labels.push(label);
    }

    /// Its texts, in the order of the data.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The latents of its texts.
    #[must_use]
    pub fn latents(&self) -> &[Latent] {
        &self.latents
    }

    /// The labels of its texts.
    #[must_use]
    pub fn labels(&self) -> &[Option<String>] {
        &self.labels
    }

    /// Where its latents lie.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Two pools: all but `held` texts, and those, evenly spread over the pool.
    #[must_use]
    pub fn hold_out(self, held: usize) -> (Self, Self) {
        let (count, geometry) = (self.texts.len(), self.geometry);
        let held = held.min(count);
        let (mut kept, mut out) = (Self::empty(geometry), Self::empty(geometry));
        let rows = self.texts.into_iter().zip(self.latents).zip(self.labels);
        for (i, ((text, latent), label)) in rows.enumerate() {
            // The i-th goes where the count of those held out by then grows.
            let goes = (i + 1) * held / count > i * held / count;
            if goes { &mut out } else { &mut kept }.push(text, latent, label);
        }
        (kept, out)
    }

    /// The `count` texts nearest to a latent, nearest first, and which of them is `text`.
    ///
    /// Latents of another shape have no neighbours.
    #[must_use]
    pub fn nearest(&self, latent: &Latent, text: &str, count: usize) -> Vec<Neighbour> {
        self.nearest_places(latent, count)
            .into_iter()
            .map(|(index, distance)| Neighbour {
                index,
                text: self.texts[index].clone(),
                label: self.labels[index].clone(),
                distance,
                same_text: self.texts[index] == text,
            })
            .collect()
    }

    fn nearest_places(&self, latent: &Latent, count: usize) -> Vec<(usize, f32)> {
        let squares = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>();
        let own = squares(&latent.values);
        let distance = |other: &Latent| {
            let pairs = latent.values.iter().zip(&other.values);
            if matches!(self.geometry, Geometry::Flat | Geometry::Codes) {
                return pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            }
            let dot: f32 = pairs.map(|(a, b)| a * b).sum();
            let lengths = (own * squares(&other.values)).sqrt();
            // A latent of zeros has no angle to any other.
            if lengths > 0.0 {
                (1.0 - dot / lengths).max(0.0)
            } else {
                1.0
            }
        };
        let mut found: Vec<(usize, f32)> = self
            .latents
            .iter()
            .enumerate()
            .filter(|(_, other)| (other.tokens, other.size) == (latent.tokens, latent.size))
            .map(|(index, other)| (index, distance(other)))
            .collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found.truncate(count);
        found
    }

    /// The directions that the pool's texts give: of every attribute that at least 20 texts have and 20 have not, of every
    /// number that varies, of every label that at least 20 texts have and 20 others have not, and the principal components.
    ///
    /// Attributes and labels are compared between texts of equal length, except those that measure length.
    #[must_use]
    pub fn directions(&self, domain: &dyn Domain) -> Vec<NamedDirection> {
        let lengths: Vec<f32> = self.texts.iter().map(|t| t.chars().count() as f32).collect();
        let values: Vec<Vec<Option<f32>>> =
            self.texts.iter().map(|text| domain.attribute_values(text)).collect();
        let mut found = Vec::new();
        for (at, info) in domain.attributes().iter().enumerate() {
            let of = |i: usize| values[i].get(at).copied().flatten();
            found.extend(match info.kind {
                AttributeKind::YesNo => {
                    let has = |i| of(i).map(|value| value > 0.5);
                    self.of_sets(info.name.to_owned(), Source::YesNo, &has, &lengths)
                }
                AttributeKind::Number => self.of_number(info.name, &of, Some(&lengths)),
                AttributeKind::Length => self.of_number(info.name, &of, None),
            });
        }
        let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
        for label in self.labels.iter().flatten() {
            *labels.entry(label).or_default() += 1;
        }
        for (label, _) in labels.into_iter().filter(|(_, count)| *count >= SIDE) {
            let has = |i: usize| self.labels[i].as_deref().map(|other| other == label);
            let name = domain.label_direction(label);
            found.extend(self.of_sets(name, Source::Label, &has, &lengths));
        }
        let all: Vec<&Latent> = self.latents.iter().collect();
        // A pool too small or too even for components has none.
        let components = principal_components(&all, COMPONENTS, self.geometry).unwrap_or_default();
        found.extend(components.into_iter().enumerate().map(|(i, direction)| NamedDirection {
            name: format!("PC {}", i + 1),
            source: Source::Component,
            with: all.len(),
            without: 0,
            direction,
        }));
        found
    }

    /// The direction from the texts of one label to those of another, called `from → to`.
    ///
    /// # Errors
    /// The label that fewer than 20 texts have; two labels whose latents do not differ.
    pub fn between_labels(&self, from: &str, to: &str) -> Result<NamedDirection, EngineError> {
        let has = |i: usize| match self.labels[i].as_deref() {
            Some(label) if label == to => Some(true),
            Some(label) if label == from => Some(false),
            _ => None,
        };
        let refused = |message: String| Err(EngineError::Direction(message));
        for label in [from, to] {
            let count = self.labels.iter().filter(|l| l.as_deref() == Some(label)).count();
            if count < SIDE {
                return refused(format!("{count} texts have the label {label}, it takes {SIDE}"));
            }
        }
        let lengths: Vec<f32> = self.texts.iter().map(|t| t.chars().count() as f32).collect();
        match self.of_sets(label_way(from, to), Source::Label, &has, &lengths) {
            Some(direction) => Ok(direction),
            None => refused(format!("the latents of {from} and of {to} do not differ")),
        }
    }

    /// The direction between the texts that have something and those that have not; none where either are too few, or where
    /// their latents do not differ.
    fn of_sets(
        &self,
        name: String,
        source: Source,
        has: &dyn Fn(usize) -> Option<bool>,
        lengths: &[f32],
    ) -> Option<NamedDirection> {
        let side = |wanted: bool| -> (Vec<&Latent>, Vec<f32>) {
            let members = (0..self.texts.len()).filter(|&i| has(i) == Some(wanted));
            members.map(|i| (&self.latents[i], lengths[i])).unzip()
        };
        let ((with, long), (without, short)) = (side(true), side(false));
        if with.len().min(without.len()) < SIDE {
            return None;
        }
        let lengths = Some((&long[..], &short[..]));
        let direction = Direction::from_sets(&with, &without, lengths, self.geometry).ok()?;
        let (with, without) = (with.len(), without.len());
        Some(NamedDirection { name, source, with, without, direction })
    }

    fn of_number(
        &self,
        name: &str,
        of: &dyn Fn(usize) -> Option<f32>,
        lengths: Option<&[f32]>,
    ) -> Option<NamedDirection> {
        let places: Vec<usize> = (0..self.texts.len()).filter(|&i| of(i).is_some()).collect();
        if places.len() < SIDE {
            return None;
        }
        let latents: Vec<&Latent> = places.iter().map(|&i| &self.latents[i]).collect();
        let values: Vec<f32> = places.iter().filter_map(|&i| of(i)).collect();
        let lengths: Option<Vec<f32>> =
            lengths.map(|lengths| places.iter().map(|&i| lengths[i]).collect());
        let direction =
            Direction::from_values(&latents, &values, lengths.as_deref(), self.geometry).ok()?;
        Some(NamedDirection {
            name: name.to_owned(),
            source: Source::Number,
            with: places.len(),
            without: 0,
            direction,
        })
    }
}

/// The `per_token` directions of every latent token that change the decoder's memory most, with their deviation in a pool;
/// those along which the pool does not vary are left out.
///
/// # Errors
/// The model's; a pool of another model.
pub fn decoder_directions(
    model: &TransformerVae,
    pool: &Pool,
    per_token: usize,
) -> Result<Vec<NamedDirection>, model::Error> {
    let latents: Vec<&Latent> = pool.latents.iter().collect();
    let mut found = Vec::new();
    for (token, axes) in model.decoder_directions(per_token)?.into_iter().enumerate() {
        for (rank, direction) in axes.into_iter().enumerate() {
            let direction = match direction.with_sigma_of(&latents, pool.geometry) {
                Err(DirectionError::Degenerate(_)) => continue,
                other => other?,
            };
            let name = format!("decoder {}.{}", token + 1, rank + 1);
            let source = Source::Decoder;
            found.push(NamedDirection { name, source, with: 0, without: 0, direction });
        }
    }
    Ok(found)
}
