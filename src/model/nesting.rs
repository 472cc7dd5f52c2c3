//! Learned embeddings of the brackets, strings and clauses that the decoder stands in, added to every token it reads.

use candle_core::{DType, Result, Tensor};

use super::weights::{Init, Store};
use super::{Config, Error};
use crate::numeric::{self, Clauses, Nested, Nesting, Open};

/// Name of the table, [classes, d].
const TABLE: &str = "tvae.nesting";
/// Name of that of clauses, [classes and heads, d].
const CLAUSES: &str = "tvae.clauses";

/// The table, and what tokens do.
pub(super) struct NestingEmbedding {
    nesting: Nesting,
    table: Tensor,
    /// Where tokens have roles.
    clauses: Option<Tensor>,
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
        let clauses = if own.roles.is_empty() {
            None
        } else {
            let shape = [Clauses::CLASSES + Clauses::HEADS, config.t5.d_model];
            Some(store.get(CLAUSES, &shape, Init::Normal(0.02))?)
        };
        Ok(Some(Self { nesting: own.nesting(config.t5.vocab_size), table, clauses }))
    }

    /// What tokens do.
    pub(super) fn nesting(&self) -> &Nesting {
        &self.nesting
    }

    /// Embedded tokens [b, t, d] with what is open behind each of their ids [b, t].
    pub(super) fn add(&self, embedded: &Tensor, ids: &Tensor) -> Result<Tensor> {
        let rows = ids.to_dtype(DType::U32)?.to_vec2::<u32>()?;
        let open: Vec<Open> = rows.iter().flat_map(|row| self.nesting.behind(row)).collect();
        let told = |table: &Tensor, class: &dyn Fn(&Open) -> usize| {
            let classes: Vec<u32> = open.iter().map(|open| class(open) as u32).collect();
            numeric::embedding(table, &Tensor::from_vec(classes, ids.dims(), ids.device())?)
        };
        let mut sum = (embedded + told(&self.table, &|open| open.nested.class())?)?;
        if let Some(table) = &self.clauses {
            sum = (sum + told(table, &|open| open.clauses.class())?)?;
            sum = (sum + told(table, &|open| Clauses::CLASSES + open.clauses.head())?)?;
        }
        Ok(sum)
    }

    /// What the decoder on slices has to know.
    pub(super) fn values(&self) -> Result<(Nesting, Vec<f32>)> {
        let mut rows = Vec::new();
        for table in [Some(&self.table), self.clauses.as_ref()].into_iter().flatten() {
            let values = table.detach().to_dtype(DType::F32)?.flatten_all()?;
            rows.extend(values.to_vec1::<f32>()?);
        }
        Ok((self.nesting.clone(), rows))
    }
}
