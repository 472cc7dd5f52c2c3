//! Guided decoding: another text of a latent where the greedy one is not valid.
//!
//! A text that is read is searched for by beams, which are dropped as soon as they cannot become valid. Whether a picture passes is
//! known only of all of it, and the beams of one differ in a few pixels: there whole pictures are drawn.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{failed, LoadedModel};
use crate::domain::Examiner;
use crate::engine::{EngineError, LatentModel};
use crate::latent::Latent;
use crate::numeric::decoder::Guide;

/// Hypotheses kept by guided decoding.
const GUIDED_BEAMS: usize = 8;
/// Rows of a guided search: its caches grow with rows times beams.
const ROWS: usize = 12;
/// Pictures drawn together, and how often at most.
const DRAWN: (usize, usize) = (4, 4);
/// At which temperature: strokes stay cleaner than at 1.
const TEMPERATURE: f32 = 0.6;
/// What pictures are drawn from: the same for every latent, so that it gives the same picture beside whatever others.
const SEED: u64 = 0x9d1d_ed00;

/// Guides a search by the verdict of a model's domain.
struct ByVerdict<'a>(&'a LoadedModel);

impl Guide for ByVerdict<'_> {
    fn is_alive(&mut self, ids: &[u32]) -> bool {
        self.0.codec.decode(ids).is_ok_and(|text| self.0.domain.may_become_valid(&text))
    }

    fn accepts(&mut self, ids: &[u32]) -> bool {
        self.0.codec.decode(ids).is_ok_and(|text| self.0.verdict(&text).is_valid())
    }
}

impl LoadedModel {
    /// For each latent a valid text that is found, or none.
    pub(super) fn found(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        if let Some(Examiner::Digits(_)) = self.examiner {
            return latents.iter().map(|latent| self.drawn(latent)).collect();
        }
        let mut texts = Vec::with_capacity(latents.len());
        for block in latents.chunks(ROWS) {
            let mut guide = ByVerdict(self);
            let found = self
                .generator
                .guided(&self.model, block, GUIDED_BEAMS, self.max_len, &mut guide)
                .map_err(failed)?;
            for beams in found {
                let text = beams.first().filter(|beam| beam.ended);
                let text = text.map(|beam| self.codec.decode(&beam.ids)).transpose();
                texts.push(text.map_err(failed)?);
            }
        }
        Ok(texts)
    }

    /// The first draw that is valid: one of what the decoder gives, among what passes.
    fn drawn(&self, latent: &Latent) -> Result<Option<String>, EngineError> {
        let (together, times) = DRAWN;
        let memory = self.model.memory_values(&vec![latent.clone(); together]).map_err(failed)?;
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        for _ in 0..times {
            let drawn =
                self.generator.sample(&memory, together, self.max_len, TEMPERATURE, &mut rng);
            for ids in drawn.map_err(failed)? {
                let text = self.codec.decode(&ids).map_err(failed)?;
                if self.verdict(&text).is_valid() {
                    return Ok(Some(text));
                }
            }
        }
        Ok(None)
    }
}
