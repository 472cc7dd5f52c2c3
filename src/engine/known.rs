//! What an open model knows of its texts: encoded behind everything else, then asked for neighbours, for directions and for
//! what steps along them do.

use super::pool::{Filling, Measurement, NamedDirection, Neighbour, Pool, Probe};
use super::{EngineError, LatentModel, Reply};
use crate::corpus::Example;
use crate::domain::{domain, Domain};
use crate::eval::probe::{Classifier, Item};
use crate::latent::Latent;

/// Texts that are encoded at most.
const TEXTS: usize = 2000;
/// Texts between two chances for something else to go first.
const BLOCK: usize = 8;
/// Texts held aside to measure on, at most; a quarter where there are few.
const HELD: usize = 32;
/// Strengths of measured steps.
const STRENGTHS: [f32; 4] = [-2.0, -1.0, 1.0, 2.0];
/// Neighbours that are told.
const NEIGHBOURS: usize = 8;
/// Labels that are told, at most.
const LABELS: usize = 5;
/// The decoder's own directions, of each latent token.
const PER_TOKEN: usize = 1;

/// The pool of an open model's texts, as far as it has come.
#[derive(Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    Filling(Filling),
    Whole(Box<Whole>),
}

/// A pool, and its two parts: one that directions are taken from and one that they are measured on.
pub(super) struct Whole {
    pool: Pool,
    kept: Pool,
    held: Pool,
    labels: Labels,
}

/// What tells the labels of latents.
enum Labels {
    NotFitted,
    /// The texts have fewer than two labels that are frequent enough.
    None,
    By(Classifier),
}

impl Known {
    /// Encodes what is left to encode, then tells the directions.
    ///
    /// # Errors
    /// The model's; [`EngineError::Cancelled`] where `go_on` says no. What was encoded by then is kept.
    pub(super) fn fill(
        &mut self,
        model: &dyn LatentModel,
        go_on: &dyn Fn() -> bool,
        tell: &dyn Fn(Reply),
    ) -> Result<(), EngineError> {
        if matches!(self, Self::Nothing) {
            *self = Self::Filling(Filling::new(model.info().geometry, &spread(model.samples())));
        }
        if let Self::Filling(filling) = self {
            loop {
                let (done, total) = filling.progress();
                if done == total {
                    break;
                }
                if !go_on() {
                    return Err(EngineError::Cancelled);
                }
                filling.encode_block(model, BLOCK)?;
                tell(Reply::Reading { done: filling.progress().0, total });
            }
        }
        if let Self::Filling(filling) = std::mem::take(self) {
            let pool = filling.finish()?;
            let count = pool.texts().len();
            let (kept, held) = pool.clone().hold_out(HELD.min(count / 4));
            *self = Self::Whole(Box::new(Whole { pool, kept, held, labels: Labels::NotFitted }));
        }
        if let Self::Whole(whole) = self {
            let mut found = whole.kept.directions(domain_of(model)?);
            if whole.kept.texts().len() > 1 {
                found.extend(model.decoder_directions(&whole.kept, PER_TOKEN)?);
            }
            whole.fit_labels(go_on)?;
            tell(Reply::Directions { texts: whole.pool.texts().len(), found });
        }
        Ok(())
    }

    /// All texts, once they are encoded.
    pub(super) fn pool(&self) -> Option<&Pool> {
        match self {
            Self::Whole(whole) => Some(&whole.pool),
            _ => None,
        }
    }

    /// The texts nearest to a latent, and whether its decode is one of all; nothing while they are not encoded.
    pub(super) fn around(&self, latent: &Latent, text: &str) -> (Vec<Neighbour>, Option<bool>) {
        let Some(pool) = self.pool() else { return (Vec::new(), None) };
        let in_pool = pool.texts().iter().any(|other| other == text);
        (pool.nearest(latent, text, NEIGHBOURS), Some(in_pool))
    }

    /// The most probable labels of a latent; none while the texts are not encoded, and where they have none.
    pub(super) fn labels(&self, latent: &Latent) -> Vec<(String, f32)> {
        let Self::Whole(whole) = self else { return Vec::new() };
        let Labels::By(classifier) = &whole.labels else { return Vec::new() };
        let told = classifier.probabilities(&latent.values).into_iter().take(LABELS);
        told.map(|(label, probability)| (label.to_owned(), probability)).collect()
    }

    /// The direction from one label to another.
    ///
    /// # Errors
    /// Too few texts of a label; texts that have not been read yet.
    pub(super) fn between_labels(
        &self,
        from: &str,
        to: &str,
    ) -> Result<NamedDirection, EngineError> {
        match self {
            Self::Whole(whole) => whole.kept.between_labels(from, to),
            _ => Err(EngineError::Direction("the texts have not been read yet".to_owned())),
        }
    }

    /// What steps along a direction do to the texts that it was not taken from.
    ///
    /// # Errors
    /// The model's; no texts to measure on; [`EngineError::Cancelled`] where `go_on` says no.
    pub(super) fn measure(
        &self,
        model: &dyn LatentModel,
        named: &NamedDirection,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Measurement, EngineError> {
        let Self::Whole(whole) = self else {
            return Err(EngineError::Direction("no texts have been read to measure on".to_owned()));
        };
        let probe = Probe::new(model, domain_of(model)?, &whole.kept, &whole.held, 0, go_on)?;
        probe.measure(named, &STRENGTHS, go_on)
    }
}

impl Whole {
    /// Fits what tells labels, once.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] where `go_on` says no.
    fn fit_labels(&mut self, go_on: &dyn Fn() -> bool) -> Result<(), EngineError> {
        if matches!(self.labels, Labels::NotFitted) {
            let texts = self.pool.latents().iter().zip(self.pool.labels());
            let items: Vec<Item<'_>> = texts
                .filter_map(|(latent, label)| {
                    Some(Item { features: &latent.values, label: label.as_deref()?, text: None })
                })
                .collect();
            self.labels = match Classifier::fit(&items, 0, &mut || go_on()) {
                Ok(Some(classifier)) => Labels::By(classifier),
                Ok(None) => return Err(EngineError::Cancelled),
                // Texts without labels are no error, and latents that are no numbers show elsewhere.
                Err(_) => Labels::None,
            };
        }
        Ok(())
    }
}

fn domain_of(model: &dyn LatentModel) -> Result<&'static dyn Domain, EngineError> {
    domain(&model.info().domain).map_err(|e| EngineError::Model(e.to_string()))
}

/// At most so many texts as are encoded, evenly spread over all.
fn spread(samples: &[Example]) -> Vec<Example> {
    let count = samples.len().min(TEXTS);
    (0..count).map(|i| samples[i * samples.len() / count].clone()).collect()
}

#[cfg(test)]
mod tests;
