//! Causal attention within windows, at a cost that grows with the sequence and not with its square: blocks that alternate
//! by half from layer to layer, and the sliding window of Longformer (Beltagy et al. 2020).

use std::ops::Range;
use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::attention::{composed_attention, AttentionArgs, Bias, Projections, RelativeIndex};
use super::slices::{fused, product, softmax, softmax_backward, view, with, Matrix, Target};

/// Queries that are computed together, at most: more of them see more keys that are not theirs.
const TILE: usize = 64;
/// As [`TILE`] where candle's operations do it, which are few large ones rather.
const COMPOSED_TILE: usize = 512;
/// Added to a score that does not count: far below any other, and finite.
const MASKED: f32 = -1e9;

/// Which positions a position attends to; itself is the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Span {
    /// All in front of it.
    #[default]
    All,
    /// Those of its own block.
    Block {
        /// Positions of a block.
        size: usize,
        /// Where the second block begins, at most `size`; what is in front of it is a shorter block.
        shift: usize,
    },
    /// The last so many.
    Sliding {
        /// How many, itself included.
        size: usize,
    },
}

impl Span {
    /// The first position that `position` attends to.
    #[must_use]
    pub fn first(self, position: usize) -> usize {
        match self {
            Self::Block { size, shift } if position >= shift => {
                position - (position - shift) % size.max(1)
            }
            Self::All | Self::Block { .. } => 0,
            Self::Sliding { size } => (position + 1).saturating_sub(size.max(1)),
        }
    }

    /// Positions that one attends to, at most, in a sequence of `len`.
    #[must_use]
    pub fn reach(self, len: usize) -> usize {
        match self {
            Self::All => len,
            Self::Block { size, .. } | Self::Sliding { size } => size.max(1).min(len),
        }
    }

    /// The queries of a sequence in groups of at most `most` that see much the same keys.
    fn tiles(self, len: usize, most: usize) -> Vec<Tile> {
        let mut tiles = Vec::new();
        let mut from = 0;
        while from < len {
            let first = self.first(from);
            let mut to = (from + most).min(len);
            if let Self::Block { .. } = self {
                to = (from + 1..to).find(|&i| self.first(i) != first).unwrap_or(to);
            }
            tiles.push(Tile { queries: from..to, first });
            from = to;
        }
        tiles
    }
}

/// Some queries, and the first key that any of them sees; the last is their last position.
#[derive(Debug)]
struct Tile {
    queries: Range<usize>,
    first: usize,
}

impl Tile {
    fn rows(&self) -> usize {
        self.queries.len()
    }

    fn keys(&self) -> usize {
        self.queries.end - self.first
    }

    /// Each query's row in the tile and the columns of the keys that it sees.
    fn seen(&self, span: Span) -> impl Iterator<Item = Range<usize>> + '_ {
        self.queries.clone().map(move |i| span.first(i) - self.first..i + 1 - self.first)
    }
}

/// The operands of [`windowed_attention`].
#[derive(Debug, Clone, Copy)]
pub struct WindowedArgs<'a> {
    /// Queries, keys and values of the same positions side by side, `[batch, positions, 3 · heads · d_head]`.
    pub qkv: &'a Tensor,
    /// Added to the scores by how far back the key lies: `[heads, reach or more]`.
    pub bias: &'a Tensor,
    /// Factor on the products of queries and keys.
    pub scale: f64,
    /// Which keys a query sees.
    pub span: Span,
}

impl WindowedArgs<'_> {
    /// Batch, positions, heads, and `heads · d_head`.
    fn sizes(&self) -> Result<(usize, usize, usize, usize)> {
        let (batch, len, joined) = self.qkv.dims3()?;
        let (heads, entries) = self.bias.dims2()?;
        let width = joined / 3;
        let fits = joined % 3 == 0 && len > 0 && heads > 0 && width % heads == 0;
        if !fits || entries < self.span.reach(len) {
            candle_core::bail!(
                "windowed attention: {:?} with a bias of {:?} and {:?}",
                self.qkv.shape(),
                self.bias.shape(),
                self.span
            );
        }
        Ok((batch, len, heads, width))
    }
}

/// Causal self-attention of every position to those of its span: `[batch, positions, heads · d_head]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn windowed_attention(args: &WindowedArgs<'_>) -> Result<Tensor> {
    if !fused(&[args.qkv, args.bias]) {
        return composed_windowed_attention(args, &Ok);
    }
    let (batch, len, heads, width) = args.sizes()?;
    let op = Windowed {
        batch,
        len,
        heads,
        d: width / heads,
        scale: args.scale as f32,
        span: args.span,
        tiles: args.span.tiles(len, TILE),
        weights: Mutex::new(None),
    };
    args.qkv.contiguous()?.apply_op2(&args.bias.contiguous()?, op)
}

/// The same from candle's operations, tile by tile; `on_weights` sees each tile's softmax, `[batch, heads, queries, keys]`,
/// and can drop some of it out.
///
/// # Errors
/// Shapes that do not fit.
pub fn composed_windowed_attention(
    args: &WindowedArgs<'_>,
    on_weights: &dyn Fn(Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (_, len, heads, width) = args.sizes()?;
    let (device, dtype) = (args.qkv.device(), args.qkv.dtype());
    let most = COMPOSED_TILE.min(args.span.reach(len)).max(1);
    let parts = args.span.tiles(len, most).into_iter().map(|tile| {
        let (n, m) = (tile.rows(), tile.keys());
        let mut back = vec![0u32; n * m];
        let mut low = vec![MASKED; n * m];
        for (row, seen) in tile.seen(args.span).enumerate() {
            let end = seen.end;
            for column in seen {
                back[row * m + column] = (end - 1 - column) as u32;
                low[row * m + column] = 0.0;
            }
        }
        let back = Tensor::from_vec(back, n * m, device)?;
        let low = Tensor::from_vec(low, (n, m), device)?.to_dtype(dtype)?;
        let bias = args.bias.contiguous()?.index_select(&back, 1)?.reshape((heads, n, m))?;
        let bias = bias.broadcast_add(&low)?.unsqueeze(0)?; // [1, h, n, m]
        let q = args.qkv.narrow(1, tile.queries.start, n)?.narrow(2, 0, width)?.contiguous()?;
        let kv = args.qkv.narrow(1, tile.first, m)?.narrow(2, width, 2 * width)?.contiguous()?;
        let args = AttentionArgs {
            input: Projections::Pair { q: &q, kv: &kv },
            heads,
            scale: args.scale,
            causal: false,
            key_mask: None,
            bias: Some(Bias { values: &bias, index: RelativeIndex::Direct }),
        };
        composed_attention(&args, on_weights)
    });
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 1)
}

struct Windowed {
    batch: usize,
    len: usize,
    heads: usize,
    d: usize,
    scale: f32,
    span: Span,
    tiles: Vec<Tile>,
    /// The forward pass's softmax, `[batch, heads]` times all tiles' `[queries, keys]`, for the backward pass.
    weights: Mutex<Option<Vec<f32>>>,
}

impl Windowed {
    /// Numbers of one head's softmax.
    fn weights_of_a_head(&self) -> usize {
        self.tiles.iter().map(|t| t.rows() * t.keys()).sum()
    }

    /// Where a head's queries (`part` 0), keys (1) or values (2) from a position on lie, and how far rows are apart.
    fn place(&self, b: usize, head: usize, position: usize, part: usize) -> (usize, usize) {
        let width = self.heads * self.d;
        ((b * self.len + position) * 3 * width + part * width + head * self.d, 3 * width)
    }

    fn part<'a>(
        &self,
        qkv: &'a [f32],
        (b, head): (usize, usize),
        position: usize,
        part: usize,
    ) -> Matrix<'a> {
        let (start, row) = self.place(b, head, position, part);
        Matrix { data: qkv, start, row, column: 1 }
    }

    /// Where a head's results from a position on lie, and how far rows are apart.
    fn out_place(&self, b: usize, head: usize, position: usize) -> (usize, usize) {
        let width = self.heads * self.d;
        ((b * self.len + position) * width + head * self.d, width)
    }

    fn forward(&self, qkv: &[f32], bias: &[f32]) -> Vec<f32> {
        let (d, reach) = (self.d, self.span.reach(self.len));
        let mut out = vec![0f32; self.batch * self.len * self.heads * d];
        let mut weights = vec![0f32; self.batch * self.heads * self.weights_of_a_head()];
        let mut rest = weights.as_mut_slice();
        // Keys go forward where distances go back.
        let reversed: Vec<f32> = bias
            .chunks_exact(bias.len() / self.heads)
            .flat_map(|head| head[..reach].iter().rev().copied())
            .collect();
        for b in 0..self.batch {
            for head in 0..self.heads {
                let bias = &reversed[head * reach..(head + 1) * reach];
                for tile in &self.tiles {
                    let (n, m) = (tile.rows(), tile.keys());
                    let (scores, others) = rest.split_at_mut(n * m);
                    rest = others;
                    let q = self.part(qkv, (b, head), tile.queries.start, 0);
                    let keys = transposed(self.part(qkv, (b, head), tile.first, 1));
                    let target = Target { data: scores, start: 0, row: m };
                    product((n, m, d), self.scale, q, keys, target, false);
                    for (row, seen) in scores.chunks_exact_mut(m).zip(tile.seen(self.span)) {
                        row[..seen.start].fill(0.0);
                        row[seen.end..].fill(0.0);
                        let bias = &bias[reach - seen.len()..];
                        let row = &mut row[seen];
                        row.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
                        softmax(row);
                    }
                    let (start, row) = self.out_place(b, head, tile.queries.start);
                    let target = Target { data: &mut out, start, row };
                    let p = Matrix { data: scores, start: 0, row: m, column: 1 };
                    let values = self.part(qkv, (b, head), tile.first, 2);
                    product((n, d, m), 1.0, p, values, target, false);
                }
            }
        }
        if let Ok(mut slot) = self.weights.lock() {
            *slot = Some(weights);
        }
        out
    }

    /// Gradients of queries, keys and values, and of the bias.
    fn backward(&self, qkv: &[f32], entries: usize, g: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
        let Some(weights) = self.weights.lock().ok().and_then(|mut slot| slot.take()) else {
            candle_core::bail!("the gradient of an attention is there once");
        };
        let (d, reach) = (self.d, self.span.reach(self.len));
        let mut dqkv = vec![0f32; qkv.len()];
        let mut d_reversed = vec![0f32; self.heads * reach];
        let mut rest = weights.as_slice();
        let mut ds = Vec::new();
        for b in 0..self.batch {
            for head in 0..self.heads {
                let d_bias = &mut d_reversed[head * reach..(head + 1) * reach];
                for tile in &self.tiles {
                    let (n, m) = (tile.rows(), tile.keys());
                    let (p, others) = rest.split_at(n * m);
                    rest = others;
                    let (start, row) = self.out_place(b, head, tile.queries.start);
                    let grad = Matrix { data: g, start, row, column: 1 };
                    let p_matrix = Matrix { data: p, start: 0, row: m, column: 1 };
                    // Tiles share keys: theirs add up.
                    let (start, row) = self.place(b, head, tile.first, 2);
                    let target = Target { data: &mut dqkv, start, row };
                    product((m, d, n), 1.0, transposed(p_matrix), grad, target, true);
                    ds.resize(n * m, 0.0);
                    let target = Target { data: &mut ds, start: 0, row: m };
                    let values = transposed(self.part(qkv, (b, head), tile.first, 2));
                    product((n, m, d), 1.0, grad, values, target, false);
                    let rows = p.chunks_exact(m).zip(ds.chunks_exact_mut(m));
                    for ((p, ds), seen) in rows.zip(tile.seen(self.span)) {
                        ds[..seen.start].fill(0.0);
                        ds[seen.end..].fill(0.0);
                        let into = &mut d_bias[reach - seen.len()..];
                        let ds = &mut ds[seen.clone()];
                        softmax_backward(&p[seen], ds);
                        into.iter_mut().zip(&*ds).for_each(|(t, d)| *t += d);
                    }
                    let ds = Matrix { data: &ds, start: 0, row: m, column: 1 };
                    let (start, row) = self.place(b, head, tile.queries.start, 0);
                    let target = Target { data: &mut dqkv, start, row };
                    let keys = self.part(qkv, (b, head), tile.first, 1);
                    product((n, d, m), self.scale, ds, keys, target, false);
                    let (start, row) = self.place(b, head, tile.first, 1);
                    let target = Target { data: &mut dqkv, start, row };
                    let q = self.part(qkv, (b, head), tile.queries.start, 0);
                    product((m, d, n), self.scale, transposed(ds), q, target, true);
                }
            }
        }
        let mut d_bias = vec![0f32; self.heads * entries];
        for (into, from) in d_bias.chunks_exact_mut(entries).zip(d_reversed.chunks_exact(reach)) {
            into.iter_mut().zip(from.iter().rev()).for_each(|(into, from)| *into = *from);
        }
        Ok((dqkv, d_bias))
    }
}

fn transposed(x: Matrix<'_>) -> Matrix<'_> {
    Matrix { row: x.column, column: x.row, ..x }
}

impl CustomOp2 for Windowed {
    fn name(&self) -> &'static str {
        "windowed-attention"
    }

    fn cpu_fwd(
        &self,
        qkv: &CpuStorage,
        ql: &Layout,
        bias: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = self.forward(view(qkv, ql)?, view(bias, bl)?);
        Ok((CpuStorage::F32(out), Shape::from((self.batch, self.len, self.heads * self.d))))
    }

    fn bwd(
        &self,
        qkv: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let entries = bias.dim(1)?;
        let (dqkv, d_bias) = with(qkv, |qkv| with(grad, |grad| self.backward(qkv, entries, grad)))?;
        Ok((
            Some(Tensor::from_vec(dqkv, qkv.shape(), qkv.device())?),
            Some(Tensor::from_vec(d_bias, bias.shape(), bias.device())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_take_every_query_once_and_their_work_grows_with_the_sequence() {
        for span in [
            Span::Block { size: 60, shift: 0 },
            Span::Block { size: 60, shift: 30 },
            Span::Block { size: 200, shift: 100 },
            Span::Sliding { size: 60 },
        ] {
            let work = |len: usize| {
                let tiles = span.tiles(len, TILE);
                let rows: Vec<usize> = tiles.iter().flat_map(|t| t.queries.clone()).collect();
                assert_eq!(rows, (0..len).collect::<Vec<_>>());
                for (tile, i) in tiles.iter().flat_map(|t| t.queries.clone().map(move |i| (t, i))) {
                    assert!(tile.first <= span.first(i) && span.first(i) <= i);
                    assert!(i + 1 - span.first(i) <= span.reach(len));
                }
                tiles.iter().map(|t| t.rows() * t.keys()).sum::<usize>() as f64
            };
            assert!(work(6_720) < 2.1 * work(3_360), "{span:?}");
            assert!(work(3_360) < 0.1 * (3_360.0 * 3_360.0), "{span:?}");
        }
    }
}
