//! What a step along a direction does to decoded texts: flips, validity, preservation and monotony, beside a random
//! direction of the same angle.

use std::ops::ControlFlow;

use serde::Serialize;

use super::{NamedDirection, Pool, Source};
use crate::domain::Domain;
use crate::engine::{EngineError, LatentModel};
use crate::eval::Units;
use crate::latent::{Direction, Geometry, Latent};

/// Latents decoded together.
const BLOCK: usize = 64;
/// Neighbours that vote on a decode's label.
const VOTES: usize = 5;

/// Measures directions on the texts of a pool that they were not taken from.
pub struct Probe<'a> {
    model: &'a dyn LatentModel,
    domain: &'a dyn Domain,
    /// The texts that know labels.
    known: &'a Pool,
    latents: &'a [Latent],
    geometry: Geometry,
    units: Units,
    seed: u64,
    /// What the latents decode to where they are.
    decodes: Vec<String>,
}

/// Figures over texts and the steps from them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Steps whose text could change as asked: towards having the attribute where it had not, or away where it had.
    pub asked: usize,
    /// Of these, the share whose decode then has it, or has it not any more; `None` for a number, or where none was asked.
    pub flip_rate: Option<f64>,
    /// Mean change of a number in the direction asked; `None` where there is no number.
    pub mean_change: Option<f64>,
    /// Share of steps that decode to another text than the latent itself does.
    pub changed: f64,
    /// Share of steps that decode to a valid text.
    pub validity: f64,
    /// Mean similarity of the step's decode to the latent's own: 1 less the edit distance over the longer length.
    pub preservation: f64,
}

/// The figures of one strength.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// How many deviations along the direction.
    pub strength: f32,
    /// The figures there.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What steps along a direction do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Over the steps of the largest strength, both ways.
    #[serde(flatten)]
    pub figures: Figures,
    /// Of all pairs of strengths between which the attribute of a text's decodes differs, the share in which the larger
    /// strength has more of it less the share in which it has less (Goodman and Kruskal's gamma); `None` where no pair differs.
    pub monotony: Option<f64>,
    /// By strength.
    pub steps: Vec<Step>,
}

/// What a direction does, and what a random one does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Texts that were stepped from.
    pub texts: usize,
    /// Share of them whose own decodes are valid.
    pub base_validity: f64,
    /// What the direction does.
    pub effect: Effect,
    /// What a random direction of the same angle at every latent token does.
    pub control: Effect,
}

/// One decode of one step, beside the decode of where it started.
struct Row {
    /// Whether it changed as asked, where that was asked.
    flipped: Option<bool>,
    change: Option<f64>,
    changed: bool,
    valid: bool,
    preservation: f64,
}

impl<'a> Probe<'a> {
    /// Decodes the held texts' latents where they are. `known` are the texts that a decode's label is looked up in, by its
    /// nearest neighbours; `seed` decides the random directions.
    ///
    /// # Errors
    /// The model's; [`EngineError::Cancelled`] where `go_on` says no.
    pub fn new(
        model: &'a dyn LatentModel,
        domain: &'a dyn Domain,
        known: &'a Pool,
        held: &'a Pool,
        seed: u64,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, EngineError> {
        let decodes = decode(model, held.latents(), go_on)?;
        Ok(Self {
            model,
            domain,
            known,
            latents: held.latents(),
            geometry: held.geometry(),
            units: Units::of(domain.name()),
            seed,
            decodes,
        })
    }

    /// Steps every held text along the direction and a random one, by each of these strengths in deviations.
    ///
    /// # Errors
    /// The model's, a direction of another shape, strengths that are not finite; [`EngineError::Cancelled`] where `go_on`
    /// says no.
    pub fn measure(
        &self,
        named: &NamedDirection,
        strengths: &[f32],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Measurement, EngineError> {
        let base = self.read(named, &self.decodes)?;
        let random = named.direction.random_alike(self.seed).map_err(failed)?;
        let valid = self.decodes.iter().filter(|text| self.model.verdict(text).is_valid()).count();
        Ok(Measurement {
            texts: self.latents.len(),
            base_validity: share(valid, self.latents.len()),
            effect: self.effect(named, &named.direction, strengths, &base, go_on)?,
            control: self.effect(named, &random, strengths, &base, go_on)?,
        })
    }

    fn effect(
        &self,
        named: &NamedDirection,
        direction: &Direction,
        strengths: &[f32],
        base: &[Option<f32>],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Effect, EngineError> {
        let mut strengths: Vec<f32> = strengths.iter().copied().filter(|s| *s != 0.0).collect();
        strengths.sort_by(f32::total_cmp);
        strengths.dedup();
        let largest = strengths.iter().fold(0f32, |most, s| most.max(s.abs()));
        let (mut steps, mut outermost) = (Vec::new(), Vec::new());
        // By text: strengths with what its decodes have of the attribute there.
        let mut ways: Vec<Vec<(f32, f32)>> =
            base.iter().map(|value| value.iter().map(|&v| (0.0, v)).collect()).collect();
        for strength in strengths {
            let stepped: Vec<Latent> = self
                .latents
                .iter()
                .map(|z| direction.step(z, strength, self.geometry).map_err(failed))
                .collect::<Result<_, _>>()?;
            let texts = decode(self.model, &stepped, go_on)?;
            let values = self.read(named, &texts)?;
            for (way, value) in ways.iter_mut().zip(&values) {
                way.extend(value.map(|v| (strength, v)));
            }
            let rows: Vec<Row> = (0..texts.len())
                .map(|i| self.row(named.source, strength, i, &texts[i], base[i], values[i]))
                .collect();
            steps.push(Step { strength, figures: Figures::of(&rows, named.source) });
            if strength.abs() == largest {
                outermost.extend(rows);
            }
        }
        let figures = Figures::of(&outermost, named.source);
        Ok(Effect { figures, monotony: gamma(&ways), steps })
    }

    fn row(
        &self,
        source: Source,
        strength: f32,
        at: usize,
        text: &str,
        before: Option<f32>,
        after: Option<f32>,
    ) -> Row {
        let had = before.map(|value| value > 0.5);
        let up = strength > 0.0;
        let flipped = match source {
            // Where the decode cannot be read, nothing changed as asked.
            Source::YesNo | Source::Label => {
                had.filter(|&had| had != up).map(|_| after.is_some_and(|value| (value > 0.5) == up))
            }
            Source::Number | Source::Component | Source::Decoder | Source::Own => None,
        };
        let change = match (source, before, after) {
            (Source::Number, Some(before), Some(after)) => {
                Some(f64::from(after - before) * if up { 1.0 } else { -1.0 })
            }
            _ => None,
        };
        let base = &self.decodes[at];
        Row {
            flipped,
            change,
            changed: text != base,
            valid: self.model.verdict(text).is_valid(),
            preservation: 1.0 - self.units.distance(base, text),
        }
    }

    /// What texts have of a direction's attribute or label; nothing where it stands for neither.
    fn read(
        &self,
        named: &NamedDirection,
        texts: &[String],
    ) -> Result<Vec<Option<f32>>, EngineError> {
        match named.source {
            Source::YesNo | Source::Number => {
                let at = self.domain.attributes().iter().position(|a| a.name == named.name);
                let value =
                    |text: &String| self.domain.attribute_values(text).get(at?).copied().flatten();
                Ok(texts.iter().map(value).collect())
            }
            Source::Label => {
                let mut values = Vec::with_capacity(texts.len());
                for block in texts.chunks(BLOCK) {
                    let latents = self.model.encode(block)?;
                    values.extend(latents.iter().map(|z| self.votes(z, &named.name)));
                }
                Ok(values)
            }
            Source::Component | Source::Decoder | Source::Own => Ok(vec![None; texts.len()]),
        }
    }

    /// Share of the nearest known texts whose label this direction leads to.
    fn votes(&self, latent: &Latent, direction: &str) -> Option<f32> {
        let to = direction.rsplit_once(super::ARROW).map(|(_, to)| to);
        let leads_to =
            |label: &str| Some(label) == to || self.domain.label_direction(label) == direction;
        let nearest = self.known.nearest_places(latent, VOTES);
        let votes = nearest
            .iter()
            .filter(|(i, _)| self.known.labels()[*i].as_deref().is_some_and(leads_to))
            .count();
        (!nearest.is_empty()).then(|| share(votes, nearest.len()) as f32)
    }
}

impl Figures {
    fn of(rows: &[Row], source: Source) -> Self {
        let asked = rows.iter().filter(|row| row.flipped.is_some()).count();
        let flips = rows.iter().filter(|row| row.flipped == Some(true)).count();
        let changes: Vec<f64> = rows.iter().filter_map(|row| row.change).collect();
        let count =
            |holds: fn(&Row) -> bool| share(rows.iter().filter(|r| holds(r)).count(), rows.len());
        Self {
            asked: if source == Source::Number { changes.len() } else { asked },
            flip_rate: (asked > 0).then(|| share(flips, asked)),
            mean_change: mean(&changes),
            changed: count(|row| row.changed),
            validity: count(|row| row.valid),
            preservation: mean(&rows.iter().map(|r| r.preservation).collect::<Vec<_>>())
                .unwrap_or(0.0),
        }
    }
}

/// Concordant less discordant pairs over both, pairs of equal values left out.
fn gamma(ways: &[Vec<(f32, f32)>]) -> Option<f64> {
    let (mut with, mut against) = (0usize, 0usize);
    for way in ways {
        for (i, a) in way.iter().enumerate() {
            for b in &way[i + 1..] {
                let rise = (b.1 - a.1) * (b.0 - a.0).signum();
                with += usize::from(rise > 0.0);
                against += usize::from(rise < 0.0);
            }
        }
    }
    (with + against > 0).then(|| (with as f64 - against as f64) / (with + against) as f64)
}

fn decode(
    model: &dyn LatentModel,
    latents: &[Latent],
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<String>, EngineError> {
    let mut texts = Vec::with_capacity(latents.len());
    for block in latents.chunks(BLOCK) {
        texts.extend(model.decode(block, &mut |_| {
            if go_on() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?);
    }
    Ok(texts)
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn failed(e: impl std::fmt::Display) -> EngineError {
    EngineError::Model(e.to_string())
}
