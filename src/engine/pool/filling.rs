//! A pool that is being encoded, block by block: what has been encoded is kept when something else goes first.

use std::collections::HashSet;

use super::Pool;
use crate::corpus::Example;
use crate::engine::{EngineError, LatentModel};
use crate::latent::{Geometry, Latent};

/// Texts on their way into a pool; one that comes again is left out.
#[derive(Debug)]
pub(in crate::engine) struct Filling {
    geometry: Geometry,
    examples: Vec<Example>,
    /// Texts of about one length are padded least: their places, the shortest first.
    order: Vec<usize>,
    latents: Vec<Option<Latent>>,
    /// How many of `order` have been encoded.
    done: usize,
}

impl Filling {
    /// Nothing encoded yet.
    pub(in crate::engine) fn new(geometry: Geometry, examples: &[Example]) -> Self {
        let mut seen = HashSet::new();
        let fresh = examples.iter().filter(|e| seen.insert(&e.text));
        let examples: Vec<Example> = fresh.cloned().collect();
        let mut order: Vec<usize> = (0..examples.len()).collect();
        order.sort_by_key(|&i| examples[i].text.len());
        let latents = vec![None; examples.len()];
        Self { geometry, examples, order, latents, done: 0 }
    }

    /// Texts that have been encoded, and all.
    pub(in crate::engine) fn progress(&self) -> (usize, usize) {
        (self.done, self.order.len())
    }

    /// Encodes the next `size` texts.
    ///
    /// # Errors
    /// The model's; what was encoded before is kept.
    pub(in crate::engine) fn encode_block(
        &mut self,
        model: &dyn LatentModel,
        size: usize,
    ) -> Result<(), EngineError> {
        let end = (self.done + size).min(self.order.len());
        let places = &self.order[self.done..end];
        let texts: Vec<String> = places.iter().map(|&i| self.examples[i].text.clone()).collect();
        for (&i, latent) in places.iter().zip(model.encode(&texts)?) {
            self.latents[i] = Some(latent);
        }
        self.done = end;
        Ok(())
    }

    /// The pool, in the order of the data.
    ///
    /// # Errors
    /// Where a text has no latent.
    pub(in crate::engine) fn finish(self) -> Result<Pool, EngineError> {
        let mut pool = Pool::empty(self.geometry);
        for (example, latent) in self.examples.into_iter().zip(self.latents) {
            let latent = latent
                .ok_or_else(|| EngineError::Model("it did not encode every text".to_owned()))?;
            pool.push(example.text, latent, example.label);
        }
        Ok(pool)
    }
}
