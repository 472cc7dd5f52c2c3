//! Where the cells of a picture's grid stand: learned embeddings of their rows and columns, for encoder and decoder.

use candle_core::{DType, Result, Tensor};

use super::config::GridConfig;
use super::weights::{Init, Store};
use super::{Config, Error};

/// Names of the tables, both [side, d].
const ROWS: &str = "tvae.rows";
const COLUMNS: &str = "tvae.columns";

/// A table for rows and one for columns; a cell gets the sum of its two.
pub(super) struct GridEmbedding {
    grid: GridConfig,
    rows: Tensor,
    columns: Tensor,
}

impl GridEmbedding {
    /// The tables of a configuration that has them.
    pub(super) fn new(
        config: &Config,
        store: &mut Store,
    ) -> std::result::Result<Option<Self>, Error> {
        let Some(grid) = config.grid().filter(|grid| grid.embeddings) else { return Ok(None) };
        let shape = [grid.side, config.t5.d_model];
        let mut table = |name| store.get(name, &shape, Init::Normal(0.02));
        Ok(Some(Self { grid, rows: table(ROWS)?, columns: table(COLUMNS)? }))
    }

    /// What stands at the first positions [before + side², d]: nothing in front of the cells.
    pub(super) fn table(&self) -> Result<Tensor> {
        let (side, d) = self.rows.dims2()?;
        let cells = self.rows.unsqueeze(1)?.broadcast_add(&self.columns.unsqueeze(0)?)?;
        cells.reshape((side * side, d))?.pad_with_zeros(0, self.grid.before, 0)
    }

    /// Embedded positions [b, s, d] with what stands at each. The decoder's position t is where the token t is asked for,
    /// the encoder's where it is: the same place.
    pub(super) fn add(&self, embedded: &Tensor) -> Result<Tensor> {
        let s = embedded.dim(1)?;
        let table = self.table()?;
        let known = table.dim(0)?;
        let table = if s >= known {
            table.pad_with_zeros(0, 0, s - known)?
        } else {
            table.narrow(0, 0, s)?
        };
        embedded.broadcast_add(&table)
    }

    /// [`Self::table`] as numbers.
    pub(super) fn values(&self) -> Result<Vec<f32>> {
        self.table()?.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }
}
