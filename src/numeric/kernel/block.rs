//! A product cut into tiles.
#![allow(unsafe_code)]

use std::ops::Range;

use super::panels::{pair_columns, pair_row};
use super::{to_bf16, Form, Isa, Kernel, Panels, Precision, Tile, PANEL};

/// Numbers of the left side that stay in the second-level cache while the panels go by.
const LEFT_BLOCK: usize = 64 * 1024;

/// What happens to what stands in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// It is overwritten.
    Set,
    /// The product is added to it.
    Add,
    /// It is overwritten by the product, negative numbers being zero.
    Relu,
}

/// The left side of a product: element (r, i) is `data[r · row + i · step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub row: usize,
    pub step: usize,
}

impl<'a> Left<'a> {
    /// Rows of `width` numbers, one after the other.
    pub(crate) fn rows(data: &'a [f32], width: usize) -> Self {
        Self { data, rows: data.len().checked_div(width).unwrap_or(0), row: width, step: 1 }
    }
}

/// A left side as kernels for bf16 weights take it: pairs of bf16, or single-precision numbers padded to an even inner
/// dimension where the instruction set has no products of pairs.
#[derive(Default)]
pub(crate) struct Pairs {
    /// Pairs, or the bits of the padded numbers.
    data: Vec<u32>,
    rows: usize,
    row: usize,
    step: usize,
}

impl Pairs {
    /// Takes in a left side of `inner` columns.
    pub(crate) fn fill(&mut self, isa: Isa, left: Left<'_>, inner: usize) {
        let (rows, depth) = (left.rows, inner.div_ceil(2));
        self.rows = rows;
        let at = |r: usize, i: usize| {
            if i < inner {
                left.data[r * left.row + i * left.step]
            } else {
                0.0
            }
        };
        let form = Kernel::new(isa, Precision::Bf16).form;
        #[cfg(target_arch = "x86_64")]
        if form == Form::Blocks {
            (self.row, self.step) = (super::amx::depth(inner), 1);
            return super::amx::blocks(left, inner, &mut self.data);
        }
        if form == Form::Numbers {
            (self.row, self.step) = (2 * depth, 1);
            self.data.clear();
            let numbers = (0..rows).flat_map(|r| (0..2 * depth).map(move |i| at(r, i).to_bits()));
            self.data.extend(numbers);
            return;
        }
        self.data.resize(rows * depth, 0);
        if left.row == 1 && left.step > 1 && inner.is_multiple_of(2) {
            // A transposed matrix stays transposed.
            (self.row, self.step) = (1, rows);
            for (p, out) in self.data.chunks_exact_mut(rows.max(1)).enumerate() {
                let lower = &left.data[2 * p * left.step..][..rows];
                pair_columns(lower, &left.data[(2 * p + 1) * left.step..][..rows], out);
            }
            return;
        }
        (self.row, self.step) = (depth, 1);
        for (r, out) in self.data.chunks_exact_mut(depth.max(1)).enumerate() {
            if left.step == 1 && inner.is_multiple_of(2) {
                pair_row(&left.data[r * left.row..][..inner], out);
                continue;
            }
            for (p, out) in out.iter_mut().enumerate() {
                *out = to_bf16(at(r, 2 * p)) | to_bf16(at(r, 2 * p + 1)) << 16;
            }
        }
    }
}

/// Columns of the panels `panels` of `left · w`, written to `out`, a row every `out_row` numbers. `pairs` is the same
/// left side for bf16 weights; unused otherwise.
///
/// # Safety
/// `out` is valid for reads and writes of the named columns of every row, and nobody else touches those meanwhile.
pub(crate) unsafe fn multiply(
    isa: Isa,
    left: Left<'_>,
    pairs: &Pairs,
    w: &Panels,
    panels: Range<usize>,
    (out, out_row): (*mut f32, usize),
    write: Write,
) {
    let rows = left.rows;
    if rows == 0 || panels.is_empty() {
        return;
    }
    let kernel = Kernel::new(isa, w.precision());
    let inner = w.inner();
    let (data, row, step): (*const f32, usize, usize) = match w.precision() {
        Precision::F32 => {
            assert!(
                inner == 0 || (rows - 1) * left.row + (inner - 1) * left.step < left.data.len()
            );
            (left.data.as_ptr(), left.row, left.step)
        }
        Precision::Bf16 => {
            let least = match kernel.form {
                Form::Numbers => rows * 2 * inner.div_ceil(2),
                Form::Pairs => rows * inner.div_ceil(2),
                #[cfg(target_arch = "x86_64")]
                Form::Blocks => (rows + super::amx::SIDE - 1) * super::amx::depth(inner),
            };
            assert!(pairs.rows == rows && pairs.data.len() >= least);
            (pairs.data.as_ptr().cast(), pairs.row, pairs.step)
        }
    };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: this kernel is chosen only where the unit is available.
    let _unit = (kernel.form == Form::Blocks).then(|| super::amx::Unit::configure());
    let most = kernel.by_rows.len();
    // Whole tiles, evenly high; where rows come in blocks, as many as can be of whole blocks.
    let block = (LEFT_BLOCK / inner.max(1) / most).max(1) * most;
    for top in (0..rows).step_by(block) {
        let high = block.min(rows - top);
        let tiles = high.div_ceil(most);
        for panel in panels.clone() {
            let (numbers, inner) = w.panel(panel);
            let column = panel * PANEL;
            let wide = PANEL.min(w.out() - column);
            let mut done = 0;
            for t in 0..tiles {
                let height = match kernel.form {
                    Form::Numbers | Form::Pairs => (high - done).div_ceil(tiles - t),
                    #[cfg(target_arch = "x86_64")]
                    Form::Blocks => most.min(high - done),
                };
                let first = top + done;
                done += height;
                let mut tile = Tile {
                    left: data.add(first * row),
                    row,
                    step,
                    panel: numbers,
                    inner,
                    out: out.add(first * out_row + column),
                    out_row,
                    write,
                };
                if wide == PANEL {
                    (kernel.by_rows[height - 1])(&tile);
                } else {
                    partial(kernel, &mut tile, height, wide);
                }
            }
        }
    }
}

/// A tile of the last panel, of which only `wide` columns exist.
///
/// # Safety
/// As [`multiply`].
unsafe fn partial(kernel: Kernel, tile: &mut Tile, height: usize, wide: usize) {
    let mut whole = [0f32; 32 * PANEL];
    let (out, out_row, write) = (tile.out, tile.out_row, tile.write);
    tile.out = whole.as_mut_ptr();
    tile.out_row = PANEL;
    if write == Write::Add {
        tile.write = Write::Set;
    }
    (kernel.by_rows[height - 1])(tile);
    for (r, row) in whole.chunks_exact(PANEL).take(height).enumerate() {
        let out = std::slice::from_raw_parts_mut(out.add(r * out_row), wide);
        for (out, &x) in out.iter_mut().zip(row) {
            *out = if write == Write::Add { *out + x } else { x };
        }
    }
}
