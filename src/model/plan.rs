//! Where every position of the encoder stands: which positions attend to which at what distance,
//! and how the sequence shrinks from block to block.

use super::config::{FunnelConfig, GridConfig};
use candle_core::{Device, Result, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Distances between one layer's queries and keys; a clone shares them.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    /// For each query and key the row of `sinusoids` of their distance.
    pub(super) table: Arc<Vec<u32>>,
    /// One row per distance that occurs (rows × d_model); zeros for "no positional score".
    pub(super) sinusoids: Tensor,
    /// One for every row that is a distance, zero for the other (rows × 1).
    pub(super) counted: Tensor,
}

/// How the positions of one block come from those of the block before.
#[derive(Debug)]
pub(super) struct Pool {
    /// Positions in front that stay as they are.
    pub(super) front: usize,
    /// Positions behind them that are pooled; what follows is dropped, or with `cells` stays.
    pub(super) taken: usize,
    /// How they lie on a grid; without, each two that follow one another are pooled.
    pub(super) cells: Option<Cells>,
    /// The first layer's distances.
    pub(super) geometry: Geometry,
}

/// Cells of a grid, row by row, and the windows in which they are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Rows and columns of a window.
    pub(super) window: (usize, usize),
}

impl Cells {
    /// The grid of windows.
    pub(super) fn pooled(self) -> Self {
        let (height, width) = self.window;
        Self { rows: self.rows.div_ceil(height), columns: self.columns.div_ceil(width), ..self }
    }

    pub(super) fn count(self) -> usize {
        self.rows * self.columns
    }

    /// For every window, row by row, the cells that are in it.
    pub(super) fn windows(self) -> Vec<Vec<usize>> {
        let (height, width) = self.window;
        let windows = self.pooled();
        (0..windows.count())
            .map(|at| {
                let (top, left) = (at / windows.columns * height, at % windows.columns * width);
                (top..(top + height).min(self.rows))
                    .flat_map(|row| {
                        (left..(left + width).min(self.columns))
                            .map(move |column| row * self.columns + column)
                    })
                    .collect()
            })
            .collect()
    }
}

/// One block of the encoder at one sequence length.
#[derive(Debug)]
pub(super) struct Stage {
    /// Pooling in front of the block, where there is one.
    pub(super) pool: Option<Pool>,
    /// Distances among the block's own positions.
    pub(super) geometry: Geometry,
}

/// All blocks at one sequence length.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stages: Vec<Stage>,
}

/// Positions in front of a sequence that pooling skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    /// None.
    Nothing,
    /// One that has no positional scores (the original's `separate_cls`).
    Cls,
    /// Learned queries with positions −n … −1.
    Queries(usize),
}

impl Front {
    fn len(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Cls => 1,
            Self::Queries(n) => n,
        }
    }
}

impl Plan {
    /// The plan for `len` positions, those in front included.
    pub(super) fn new(
        config: &FunnelConfig,
        front: Front,
        grid: Option<GridConfig>,
        len: usize,
        device: &Device,
    ) -> Result<Self> {
        // A text that is too short for the grid is pooled as any sequence.
        let mut cells = grid.and_then(|grid| {
            let whole = len >= front.len() + grid.before + grid.side * grid.side;
            let window = grid.pooling.window().filter(|_| whole)?;
            Some(Cells { rows: grid.side, columns: grid.side, window })
        });
        let before = front.len() + grid.map_or(0, |grid| grid.before);
        let offset = if let Front::Queries(n) = front { n as i64 } else { 0 };
        let mut positions: Vec<i64> = (0..len as i64).map(|p| p - offset).collect();
        let mut stages = Vec::with_capacity(config.block_sizes.len());
        for block in 0..config.block_sizes.len() {
            let at = front.len().min(positions.len());
            let pool = if let Some(old) = cells.filter(|_| block > 0) {
                let mut pooled = positions[..before].to_vec();
                pooled.extend(old.windows().iter().map(|w| positions[before + w[0]]));
                pooled.extend(&positions[before + old.count()..]);
                let keys = if config.pool_q_only { &positions } else { &pooled };
                let geometry = Geometry::new(config, front, &pooled, keys, device)?;
                positions = pooled;
                cells = Some(old.pooled());
                Some(Pool { front: before, taken: old.count(), cells: Some(old), geometry })
            } else if block > 0 && positions.len() > at + 1 {
                let mut taken = positions.len() - at;
                if front == Front::Cls && config.truncate_seq {
                    taken -= 1;
                }
                let mut pooled = positions[..at].to_vec();
                pooled.extend(positions[at..at + taken].iter().step_by(2));
                let keys = if config.pool_q_only { &positions } else { &pooled };
                let geometry = Geometry::new(config, front, &pooled, keys, device)?;
                positions = pooled;
                Some(Pool { front: at, taken, cells: None, geometry })
            } else {
                None
            };
            let geometry = Geometry::new(config, front, &positions, &positions, device)?;
            stages.push(Stage { pool, geometry });
        }
        Ok(Self { stages })
    }
}

impl Geometry {
    fn new(
        config: &FunnelConfig,
        front: Front,
        queries: &[i64],
        keys: &[i64],
        device: &Device,
    ) -> Result<Self> {
        let distance = |i: usize, j: usize| match front {
            Front::Cls if i == 0 || j == 0 => None,
            _ => Some(queries[i] - keys[j]),
        };
        let pairs = || (0..queries.len()).flat_map(|i| (0..keys.len()).map(move |j| (i, j)));
        let mut rows: BTreeMap<Option<i64>, u32> =
            pairs().map(|(i, j)| (distance(i, j), 0)).collect();
        for (row, slot) in (0..).zip(rows.values_mut()) {
            *slot = row;
        }
        let table = pairs().map(|(i, j)| rows[&distance(i, j)]).collect();
        let half = config.d_model / 2;
        let mut sinusoids = Vec::with_capacity(rows.len() * config.d_model);
        for distance in rows.keys() {
            let angle = |k: usize| {
                let frequency = 10_000_f64.powf(-(k as f64) / half as f64);
                distance.map(|distance| distance as f64 * frequency)
            };
            sinusoids.extend((0..half).map(|k| angle(k).map_or(0.0, f64::sin) as f32));
            sinusoids.extend((0..half).map(|k| angle(k).map_or(0.0, f64::cos) as f32));
        }
        let counted: Vec<f32> = rows.keys().map(|d| f32::from(u8::from(d.is_some()))).collect();
        Ok(Self {
            table: Arc::new(table),
            sinusoids: Tensor::from_vec(sinusoids, (rows.len(), config.d_model), device)?,
            counted: Tensor::from_vec(counted, (rows.len(), 1), device)?,
        })
    }
}
