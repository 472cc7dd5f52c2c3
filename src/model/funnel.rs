//! The Funnel-Transformer encoder (Dai et al. 2020), as transformers 4.3 computes it.

use super::config::{Family, FunnelConfig, GridConfig, Pooling};
use super::context::Context;
use super::plan::{Cells, Front, Geometry, Plan, Pool};
use super::weights::{Init, Scope, Store};
use super::{Config, Error};
use crate::numeric::{self, AttentionArgs, Bias, Projections, RelativeIndex};
use candle_core::{Result, Tensor};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Plans are kept up to this many sequence lengths.
const PLANS: usize = 1024;

struct Layer {
    query: Tensor,
    key: (Tensor, Tensor),
    value: (Tensor, Tensor),
    content_bias: Tensor,
    position_bias: Tensor,
    position_kernel: Tensor,
    /// The bias and the embedding of "same segment"; absent under `sphere`.
    segment: Option<(Tensor, Tensor)>,
    output: (Tensor, Tensor),
    attention_norm: (Tensor, Tensor),
    inner: (Tensor, Tensor),
    outer: (Tensor, Tensor),
    norm: (Tensor, Tensor),
}

/// The encoder: embedded tokens to hidden states.
pub(super) struct Funnel {
    config: Arc<FunnelConfig>,
    family: Family,
    front: Front,
    grid: Option<GridConfig>,
    blocks: Vec<Vec<Arc<Layer>>>,
    plans: Mutex<HashMap<usize, Arc<Plan>>>,
}

impl Funnel {
    pub(super) fn new(config: &Config, store: &mut Store) -> std::result::Result<Self, Error> {
        let front = match config.prepended() {
            0 if config.funnel.separate_cls => Front::Cls,
            0 => Front::Nothing,
            n => Front::Queries(n),
        };
        let blocks = (0..config.funnel.block_sizes.len())
            .map(|block| {
                (0..config.funnel.block_sizes[block])
                    .map(|layer| {
                        let prefix = format!("encoder.blocks.{block}.{layer}");
                        Layer::new(config, &prefix, store).map(Arc::new)
                    })
                    .collect()
            })
            .collect::<std::result::Result<_, _>>()?;
        Ok(Self {
            config: Arc::new(config.funnel.clone()),
            family: config.family(),
            front,
            grid: config.grid(),
            blocks,
            plans: Mutex::default(),
        })
    }

    /// Hidden states [b, s', d] of embedded positions [b, s, d]; `mask` [b, s] has 1 for tokens.
    pub(super) fn forward(&self, hidden: &Tensor, mask: &Tensor, ctx: &Context) -> Result<Tensor> {
        let plan = self.plan(hidden)?;
        let mut rows = mask.to_vec2::<f32>()?;
        let mut hidden = hidden.clone();
        let mut mask = key_mask(&rows, &hidden)?;
        for (block, (layers, stage)) in self.blocks.iter().zip(&plan.stages).enumerate() {
            let repeats = self.config.block_repeats[block];
            for (index, layer) in layers.iter().enumerate() {
                for repeat in 0..repeats {
                    let pool = stage.pool.as_ref().filter(|_| index == 0 && repeat == 0);
                    let Some(pool) = pool else {
                        hidden = self.layer(layer, &hidden, None, &stage.geometry, &mask, ctx)?;
                        continue;
                    };
                    let pooled = self.pool(&hidden, &rows, pool)?;
                    rows = self.pool_mask(&rows, pool);
                    let pooled_mask = key_mask(&rows, &pooled)?;
                    hidden = if self.config.pool_q_only {
                        self.layer(layer, &pooled, Some(&hidden), &pool.geometry, &mask, ctx)?
                    } else {
                        self.layer(layer, &pooled, None, &pool.geometry, &pooled_mask, ctx)?
                    };
                    mask = pooled_mask;
                }
            }
        }
        Ok(hidden)
    }

    fn plan(&self, hidden: &Tensor) -> Result<Arc<Plan>> {
        let len = hidden.dim(1)?;
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&len) {
            return Ok(Arc::clone(plan));
        }
        if plans.len() >= PLANS {
            plans.clear();
        }
        let plan = Arc::new(Plan::new(&self.config, self.front, self.grid, len, hidden.device())?);
        plans.insert(len, Arc::clone(&plan));
        Ok(plan)
    }

    /// One layer over itself, or over other keys.
    fn layer(
        &self,
        layer: &Arc<Layer>,
        query: &Tensor,
        key: Option<&Tensor>,
        geometry: &Geometry,
        mask: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        if !ctx.recomputes().encoder {
            return layer.forward(&self.config, (query, key.unwrap_or(query)), geometry, mask, ctx);
        }
        let inputs: Vec<&Tensor> = std::iter::once(query).chain(key).collect();
        let (config, again) = (Arc::clone(&self.config), Arc::clone(layer));
        let (geometry, mask) = (geometry.clone(), mask.clone());
        ctx.recomputed(&inputs, &layer.parameters(), move |inputs, ctx| {
            let (query, key) = (&inputs[0], inputs.last().unwrap_or(&inputs[0]));
            again.forward(&config, (query, key), &geometry, &mask, ctx)
        })
    }

    /// Pools hidden states [b, s, d] behind the front, by two or as their cells lie.
    fn pool(&self, hidden: &Tensor, rows: &[Vec<f32>], pool: &Pool) -> Result<Tensor> {
        if let Some(cells) = pool.cells {
            let taken = hidden.narrow(1, pool.front, pool.taken)?;
            let end = pool.front + pool.taken;
            let rest = hidden.narrow(1, end, hidden.dim(1)? - end)?;
            let front = hidden.narrow(1, 0, pool.front)?;
            return Tensor::cat(&[&front, &self.pool_cells(&taken, cells)?, &rest], 1);
        }
        let (b, _, d) = hidden.dims3()?;
        let windows = pool.taken.div_ceil(2);
        let mut taken = hidden.narrow(1, pool.front, pool.taken)?;
        if pool.taken % 2 == 1 {
            // A window of one: its own double for the maximum, weighted with nothing for the mean.
            taken = Tensor::cat(&[&taken, &taken.narrow(1, pool.taken - 1, 1)?], 1)?;
        }
        let taken = taken.contiguous()?.reshape((b, windows, 2, d))?;
        let pooled = if self.config.pooling_type == Pooling::Max {
            let (left, right) = (taken.narrow(2, 0, 1)?, taken.narrow(2, 1, 1)?);
            left.contiguous()?.maximum(&right.contiguous()?)?.squeeze(2)?
        } else {
            let weights: Vec<f32> = rows
                .iter()
                .flat_map(|row| (0..windows).flat_map(|w| self.window_weights(row, pool, w)))
                .collect();
            let weights = Tensor::from_vec(weights, (b, windows, 2, 1), hidden.device())?;
            taken.broadcast_mul(&weights)?.sum(2)?
        };
        if pool.front == 0 {
            return Ok(pooled);
        }
        Tensor::cat(&[&hidden.narrow(1, 0, pool.front)?, &pooled], 1)
    }

    /// Pools cells [b, rows · columns, d] window by window.
    fn pool_cells(&self, cells: &Tensor, grid: Cells) -> Result<Tensor> {
        let (b, _, d) = cells.dims3()?;
        let (height, width) = grid.window;
        let windows = grid.pooled();
        // At the lower and right edges a window may lie half outside: its own last row and column fill it up for the maximum,
        // and for the mean nothing does.
        let (below, beside) =
            (windows.rows * height - grid.rows, windows.columns * width - grid.columns);
        let max = self.config.pooling_type == Pooling::Max;
        let mut cells = cells.reshape((b, grid.rows, grid.columns, d))?;
        if max {
            cells = cells.pad_with_same(1, 0, below)?.pad_with_same(2, 0, beside)?;
        } else {
            cells = cells.pad_with_zeros(1, 0, below)?.pad_with_zeros(2, 0, beside)?;
        }
        let cells = cells.reshape((b, windows.rows, height, windows.columns, width, d))?;
        if max {
            return cells.max(4)?.max(2)?.reshape((b, windows.count(), d));
        }
        let sums = cells.sum(4)?.sum(2)?.reshape((b, windows.count(), d))?;
        let shares = grid.windows().iter().map(|w| 1.0 / w.len() as f32).collect::<Vec<_>>();
        sums.broadcast_mul(&Tensor::from_vec(shares, (1, windows.count(), 1), sums.device())?)
    }

    /// The share of both positions of a window in their mean. The original counts padding, `sphere`
    /// counts tokens only.
    fn window_weights(&self, row: &[f32], pool: &Pool, window: usize) -> [f32; 2] {
        let left = pool.front + 2 * window;
        if 2 * window + 1 == pool.taken {
            return [1.0, 0.0];
        }
        match (self.family, row[left] > 0.0, row[left + 1] > 0.0) {
            (Family::Sphere, true, false) => [1.0, 0.0],
            (Family::Sphere, false, true) => [0.0, 1.0],
            _ => [0.5, 0.5],
        }
    }

    /// A window counts where all its positions do (the original) or where any does (`sphere`).
    fn pool_mask(&self, rows: &[Vec<f32>], pool: &Pool) -> Vec<Vec<f32>> {
        let join = if self.family == Family::Sphere { f32::max } else { f32::min };
        let cells = pool.cells.map(Cells::windows);
        rows.iter()
            .map(|row| {
                let (front, rest) = row.split_at(pool.front);
                if let Some(windows) = &cells {
                    let of = |w: &Vec<usize>| w.iter().map(|&at| rest[at]).reduce(join);
                    let pooled = windows.iter().map(|w| of(w).unwrap_or(0.0));
                    let rest = rest[pool.taken..].iter().copied();
                    return front.iter().copied().chain(pooled).chain(rest).collect();
                }
                let windows = rest[..pool.taken].chunks(2);
                let windows = windows.map(|w| w.iter().copied().reduce(join).unwrap_or(0.0));
                front.iter().copied().chain(windows).collect()
            })
            .collect()
    }
}

/// Keys that count, as a tensor. A row without any attends to all of them: the original subtracts
/// the same from every score then.
fn key_mask(rows: &[Vec<f32>], like: &Tensor) -> Result<Tensor> {
    let width = rows.first().map_or(0, Vec::len);
    let flat = rows
        .iter()
        .flat_map(|row| {
            let empty = row.iter().all(|&m| m <= 0.0);
            row.iter().map(move |&m| if empty { 1.0 } else { m })
        })
        .collect::<Vec<f32>>();
    Tensor::from_vec(flat, (rows.len(), width), like.device())
}

/// One layer's positional scores, projected once for all rows of the batch.
struct Positions {
    /// [rows, heads · d_head]
    rows: Tensor,
    /// [heads, rows]
    constant: Tensor,
}

impl Positions {
    /// Scores [b, h, q, rows] of queries [b, q, h · d_head] that hold the content bias already.
    fn scores(&self, q: &Tensor) -> Result<Tensor> {
        numeric::relative_scores(q, &self.rows, &self.constant)
    }
}

impl Layer {
    fn new(config: &Config, prefix: &str, store: &mut Store) -> std::result::Result<Self, Error> {
        let f = &config.funnel;
        let (d, h, width, inner) = (f.d_model, f.n_head, f.n_head * f.d_head, f.d_inner);
        let seed = config.family() == Family::Seed;
        let weight = |out: usize, inp: usize| {
            Init::Normal(f.initializer_std.unwrap_or((1.0 / (out + inp) as f64).sqrt()))
        };
        let own = |std: f64| {
            if seed {
                Init::Uniform(0.0, f.initializer_range)
            } else {
                Init::Normal(std)
            }
        };
        let mut scope = Scope::new(store, prefix);
        let heads = [h, f.d_head];
        Ok(Self {
            query: scope.get("attention.q_head.weight", &[width, d], weight(width, d))?,
            key: scope.linear("attention.k_head", [width, d], weight(width, d))?,
            value: scope.linear("attention.v_head", [width, d], weight(width, d))?,
            content_bias: scope.get("attention.r_w_bias", &heads, own(0.1))?,
            position_bias: scope.get("attention.r_r_bias", &heads, own(0.1))?,
            position_kernel: scope.get(
                "attention.r_kernel",
                &[d, h, f.d_head],
                own((0.5 / d as f64).sqrt()),
            )?,
            segment: if seed {
                Some((
                    scope.get("attention.r_s_bias", &heads, own(0.1))?,
                    scope.get("attention.seg_embed", &[2, h, f.d_head], own(0.1))?,
                ))
            } else {
                None
            },
            output: scope.linear("attention.post_proj", [d, width], weight(d, width))?,
            attention_norm: scope.norm("attention.layer_norm", d)?,
            inner: scope.linear("ffn.linear_1", [inner, d], weight(inner, d))?,
            outer: scope.linear("ffn.linear_2", [d, inner], weight(d, inner))?,
            norm: scope.norm("ffn.layer_norm", d)?,
        })
    }

    /// Hidden states of the queries behind the layer.
    fn forward(
        &self,
        config: &FunnelConfig,
        (query, key): (&Tensor, &Tensor),
        geometry: &Geometry,
        mask: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        let scale = 1.0 / (config.d_head as f64).sqrt();
        let content_bias = self.content_bias.flatten_all()?;
        let q = numeric::linear(query, &self.query, Some(&content_bias))?;
        let weights = Tensor::cat(&[&self.key.0, &self.value.0], 0)?;
        let biases = Tensor::cat(&[&self.key.1, &self.value.1], 0)?;
        let kv = numeric::linear(key, &weights, Some(&biases))?;
        let positions = self.positions(config, geometry, scale, ctx)?;
        let values = positions.scores(&q)?;
        let attended = ctx.attention(
            &AttentionArgs {
                input: Projections::Pair { q: &q, kv: &kv },
                heads: config.n_head,
                scale,
                causal: false,
                key_mask: Some(mask),
                bias: Some(Bias {
                    values: &values,
                    index: RelativeIndex::Table(Arc::clone(&geometry.table)),
                }),
            },
            config.attention_dropout,
        )?;
        let attended = numeric::linear(&attended, &self.output.0, Some(&self.output.1))?;
        let attended = ctx.dropout(attended, config.hidden_dropout)?;
        let (weight, bias) = &self.attention_norm;
        let hidden =
            numeric::layer_norm(&(query + attended)?, weight, bias, config.layer_norm_eps)?;

        let (weight, bias) = (&self.inner.0, Some(&self.inner.1));
        let inner = match config.hidden_act.as_str() {
            "relu" => numeric::linear_relu(&hidden, weight, bias)?,
            "gelu" => numeric::linear(&hidden, weight, bias)?.gelu_erf()?,
            _ => numeric::gelu_new(&numeric::linear(&hidden, weight, bias)?)?,
        };
        let inner = ctx.dropout(inner, config.activation_dropout)?;
        let outer = numeric::linear(&inner, &self.outer.0, Some(&self.outer.1))?;
        let outer = ctx.dropout(outer, config.hidden_dropout)?;
        numeric::layer_norm(&(hidden + outer)?, &self.norm.0, &self.norm.1, config.layer_norm_eps)
    }

    /// All that [`Self::forward`] reads.
    fn parameters(&self) -> Vec<Tensor> {
        let pairs = [
            &self.key,
            &self.value,
            &self.output,
            &self.attention_norm,
            &self.inner,
            &self.outer,
            &self.norm,
        ];
        let alone = [&self.query, &self.content_bias, &self.position_bias, &self.position_kernel];
        let pairs = pairs.into_iter().chain(&self.segment).flat_map(|(a, b)| [a, b]);
        alone.into_iter().chain(pairs).cloned().collect()
    }

    /// What the queries meet at every distance: with queries q + u that hold the content bias u,
    /// (q + r)·R + (q + s)·E = (q + u)·(R + E) + (r − u)·R + (s − u)·E.
    ///
    /// Every token is of one segment here, so that E is one vector wherever a distance counts; under
    /// `sphere`, where every pair counts, it would move all scores of a query alike and is left out.
    fn positions(
        &self,
        config: &FunnelConfig,
        geometry: &Geometry,
        scale: f64,
        ctx: &Context,
    ) -> Result<Positions> {
        let (heads, width) = (config.n_head, config.n_head * config.d_head);
        let count = geometry.sinusoids.dim(0)?;
        let flat = |x: &Tensor| x.reshape((1, width));
        let sinusoids = ctx.dropout(geometry.sinusoids.clone(), config.hidden_dropout)?;
        let kernel = self.position_kernel.reshape((config.d_model, width))?.t()?;
        let distances = (numeric::linear(&sinusoids, &kernel.contiguous()?, None)? * scale)?;
        let content = flat(&self.content_bias)?;
        let mut constant = distances.broadcast_mul(&(flat(&self.position_bias)? - &content)?)?;
        let mut rows = distances;
        if let Some((bias, embedding)) = &self.segment {
            let same = (flat(&embedding.get(1)?)? * scale)?;
            let same = geometry.counted.broadcast_mul(&same)?;
            constant = (constant + same.broadcast_mul(&(flat(bias)? - &content)?)?)?;
            rows = (rows + same)?;
        }
        let constant =
            constant.reshape((count, heads, config.d_head))?.sum(2)?.t()?.contiguous()?;
        Ok(Positions { rows, constant })
    }
}
