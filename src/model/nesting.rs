//! A learned embedding of how deep the decoder stands in brackets and strings, added to every token it reads.

use candle_core::{DType, Result, Tensor};

use super::weights::{Init, Store};
use super::{Config, Error};
use crate::numeric::{self, Nested, Nesting};

/// Name of the table, [classes, d].
const TABLE: &str = "tvae.nesting";

/// The table, and what tokens do.
pub(super) struct NestingEmbedding {
    nesting: Nesting,
    table: Tensor,
}

impl NestingEmbedding {
    /// That of a configuration that has one.
    pub(super) fn new(
        config: &Config,
        store: &mut Store,
    ) -> std::result::Result<Option<Self>, Error> {
        let Some(own) = config.nesting() else { return Ok(None) };
        let shape = [Nested::CLASSES, config.t5.d_model];
        let table = store.get(TABLE, &shape, Init::Normal(0.02))?;
        Ok(Some(Self { nesting: own.nesting(config.t5.vocab_size), table }))
    }

    /// What tokens do.
    pub(super) fn nesting(&self) -> &Nesting {
        &self.nesting
    }

    /// Embedded tokens [b, t, d] with what is open behind each of their ids [b, t].
    pub(super) fn add(&self, embedded: &Tensor, ids: &Tensor) -> Result<Tensor> {
        let rows = ids.to_dtype(DType::U32)?.to_vec2::<u32>()?;
        let classes: Vec<u32> = rows
            .iter()
            .flat_map(|row| self.nesting.classes(row).map(|class| class as u32))
            .collect();
        let classes = Tensor::from_vec(classes, ids.dims(), ids.device())?;
        embedded + numeric::embedding(&self.table, &classes)?
    }

    /// What the decoder on slices has to know.
    pub(super) fn values(&self) -> Result<(Nesting, Vec<f32>)> {
        let table = self.table.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok((self.nesting.clone(), table))
    }
}
