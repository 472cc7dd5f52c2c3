//! Matrices packed for the kernels.
#![allow(unsafe_code)]

use multiversion::multiversion;

use super::{to_bf16, Precision, PANEL};

/// A right side `[inner, out]` in panels of [`PANEL`] columns. What stands in the last panel beyond `out` has no meaning.
///
/// In single precision the layout is `[panel, inner, PANEL]`; in bf16 `[panel, inner / 2, PANEL]`, inner indices 2i (lower
/// half) and 2i + 1 side by side, an odd last one beside a zero, and zeros behind up to whole blocks of [`Panels::BLOCK`].
#[derive(Default)]
pub(crate) struct Panels {
    inner: usize,
    out: usize,
    precision: Precision,
    /// The bits of the numbers, or of pairs of them.
    data: Vec<u32>,
}

/// A matrix to pack: element (i, o) is `data[i · row + o · column]`.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub column: usize,
    /// Factor on every element.
    pub scale: f32,
}

impl Panels {
    /// Pairs of bf16 that make a block.
    pub(super) const BLOCK: usize = 16;

    /// Room for a matrix of `inner · out` numbers.
    pub(crate) fn new(inner: usize, out: usize, precision: Precision) -> Self {
        let mut panels = Self::default();
        panels.reset(inner, out, precision);
        panels
    }

    /// Makes room for another matrix in the same memory; its numbers have no meaning yet.
    pub(crate) fn reset(&mut self, inner: usize, out: usize, precision: Precision) {
        (self.inner, self.out, self.precision) = (inner, out, precision);
        let (used, size) = (self.depth() * PANEL, self.size());
        self.data.resize(self.count() * size, 0);
        if used < size {
            self.data.chunks_exact_mut(size).for_each(|panel| panel[used..].fill(0));
        }
    }

    /// Overwrites columns `from..from + columns` with the source's first `columns`.
    pub(crate) fn pack(&mut self, from: usize, columns: usize, source: Source<'_>) {
        assert!(from + columns <= self.out);
        let (inner, size) = (self.inner, self.size());
        if inner == 0 || columns == 0 {
            return;
        }
        assert!(
            (inner - 1) * source.row + (columns - 1) * source.column < source.data.len(),
            "the source of a packed matrix is too short"
        );
        if source.column == 1 && from == 0 {
            // Row by row: the source is read front to back.
            match self.precision {
                Precision::F32 => {
                    return pack_rows(&mut self.data, size, columns, inner, source);
                }
                #[cfg(target_arch = "x86_64")]
                Precision::Bf16
                    if pairs_in_hardware(inner, source) && columns.is_multiple_of(PANEL) =>
                {
                    return pair_rows(&mut self.data, size, columns, inner, source);
                }
                Precision::Bf16 => {}
            }
        }
        let mut done = 0;
        while done < columns {
            let (panel, first) = ((from + done) / PANEL, (from + done) % PANEL);
            let wide = (PANEL - first).min(columns - done);
            let part = Source { data: &source.data[done * source.column..], ..source };
            let target = &mut self.data[panel * size..(panel + 1) * size];
            match self.precision {
                Precision::F32 => pack_f32(target, (first, wide), inner, part),
                Precision::Bf16 => pack_bf16(target, (first, wide), inner, part),
            }
            done += wide;
        }
    }

    /// Inner dimension.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    /// Columns.
    pub(crate) fn out(&self) -> usize {
        self.out
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.out.div_ceil(PANEL)
    }

    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// Rows of a panel: inner indices, or pairs of them.
    fn depth(&self) -> usize {
        match self.precision {
            Precision::F32 => self.inner,
            Precision::Bf16 => self.inner.div_ceil(2),
        }
    }

    /// Numbers, or pairs, from a panel to the next.
    fn size(&self) -> usize {
        PANEL
            * match self.precision {
                Precision::F32 => self.inner,
                Precision::Bf16 => self.depth().next_multiple_of(Self::BLOCK),
            }
    }

    /// Where panel `index` starts, and how many rows it has.
    pub(super) fn panel(&self, index: usize) -> (*const f32, usize) {
        let size = self.size();
        (self.data[index * size..(index + 1) * size].as_ptr().cast(), self.depth())
    }
}

/// Packs whole rows, which lie side by side in the source; a panel every `size` numbers.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
fn pack_rows(target: &mut [u32], size: usize, columns: usize, inner: usize, source: Source<'_>) {
    for i in 0..inner {
        let row = &source.data[i * source.row..][..columns];
        for (panel, part) in row.chunks(PANEL).enumerate() {
            let target = &mut target[panel * size + i * PANEL..][..part.len()];
            for (t, &x) in target.iter_mut().zip(part) {
                *t = (x * source.scale).to_bits();
            }
        }
    }
}

/// Whether pairs of bf16 are made by the processor's instruction: whole pairs of numbers as they are.
#[cfg(target_arch = "x86_64")]
fn pairs_in_hardware(inner: usize, source: Source<'_>) -> bool {
    super::Isa::best().multiplies_bf16() && source.scale == 1.0 && inner.is_multiple_of(2)
}

/// As [`pack_rows`], whole panels as pairs of bf16, where [`pairs_in_hardware`].
#[cfg(target_arch = "x86_64")]
fn pair_rows(target: &mut [u32], size: usize, columns: usize, inner: usize, source: Source<'_>) {
    for pair in (0..inner / 2).step_by(BLOCK) {
        let high = BLOCK.min(inner / 2 - pair);
        for panel in 0..columns / PANEL {
            let from = &source.data[2 * pair * source.row + panel * PANEL..];
            let target = &mut target[panel * size + pair * PANEL..];
            assert!(from.len() >= (2 * high - 1) * source.row + PANEL);
            assert!(target.len() >= high * PANEL);
            let (from, to) = ((from.as_ptr(), source.row), (target.as_mut_ptr(), PANEL));
            // SAFETY: the assertions cover what is read and written.
            unsafe { super::x86::pair_columns(from, to, (high, PANEL / BLOCK)) };
        }
    }
}

/// Inner indices that are transposed together: a cache line of the source.
const BLOCK: usize = 16;

/// Packs columns of one panel.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
fn pack_f32(target: &mut [u32], (first, wide): (usize, usize), inner: usize, source: Source<'_>) {
    let Source { data, row, column, scale } = source;
    if column == 1 {
        for (i, target) in target.chunks_exact_mut(PANEL).enumerate() {
            let from = &data[i * row..][..wide];
            for (t, &x) in target[first..first + wide].iter_mut().zip(from) {
                *t = (x * scale).to_bits();
            }
        }
        return;
    }
    for block in (0..inner).step_by(BLOCK) {
        let high = BLOCK.min(inner - block);
        let target = &mut target[block * PANEL..][..high * PANEL];
        let mut o = 0;
        while o < wide {
            let from = &data[o * column + block * row..];
            if row == 1 && scale == 1.0 && high == BLOCK && wide - o >= BLOCK {
                let bits = from.as_ptr().cast::<u32>();
                assert!(from.len() >= 15 * column + 16);
                // SAFETY: the assertion covers what is read; what is written lies in this block of the panel.
                if unsafe { transpose(bits, column, target, first + o) } {
                    o += BLOCK;
                    continue;
                }
            }
            for (i, target) in target.chunks_exact_mut(PANEL).enumerate() {
                target[first + o] = (from[i * row] * scale).to_bits();
            }
            o += 1;
        }
    }
}

/// Writes a block of 16 × 16 transposed to columns from `column` of a panel's block, where the machine has the means.
///
/// # Safety
/// `from` covers 16 rows of 16 numbers, one every `row`.
unsafe fn transpose(from: *const u32, row: usize, target: &mut [u32], column: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    if super::Isa::best().has_avx512() {
        assert!(column + BLOCK <= PANEL && target.len() >= BLOCK * PANEL);
        super::x86::transpose16(from, row, target.as_mut_ptr().add(column), PANEL);
        return true;
    }
    let _ = (from, row, target, column);
    false
}

/// Packs columns of one panel as pairs of bf16.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
fn pack_bf16(target: &mut [u32], (first, wide): (usize, usize), inner: usize, source: Source<'_>) {
    let Source { data, row, column, scale } = source;
    let pairs = inner / 2;
    if column == 1 {
        for (p, target) in target.chunks_exact_mut(PANEL).take(pairs).enumerate() {
            let lower = &data[2 * p * row..][..wide];
            let upper = &data[(2 * p + 1) * row..][..wide];
            let both = lower.iter().zip(upper);
            for (t, (&x, &y)) in target[first..first + wide].iter_mut().zip(both) {
                *t = to_bf16(x * scale) | to_bf16(y * scale) << 16;
            }
        }
    } else {
        let mut both = [[0u32; BLOCK]; BLOCK];
        for block in (0..pairs).step_by(BLOCK) {
            let high = BLOCK.min(pairs - block);
            let target = &mut target[block * PANEL..][..high * PANEL];
            let mut o = 0;
            while o < wide {
                let from = &data[o * column + 2 * block * row..];
                if row == 1 && high == BLOCK && wide - o >= BLOCK {
                    pair_block(&mut both, from, column, scale);
                    // SAFETY: the array is 16 rows of 16.
                    let from = both.as_ptr().cast();
                    if unsafe { transpose(from, BLOCK, target, first + o) } {
                        o += BLOCK;
                        continue;
                    }
                }
                for (p, target) in target.chunks_exact_mut(PANEL).enumerate() {
                    let (x, y) = (from[2 * p * row], from[(2 * p + 1) * row]);
                    target[first + o] = to_bf16(x * scale) | to_bf16(y * scale) << 16;
                }
                o += 1;
            }
        }
    }
    if inner % 2 == 1 {
        let target = &mut target[pairs * PANEL + first..][..wide];
        for (o, t) in target.iter_mut().enumerate() {
            *t = to_bf16(data[(inner - 1) * row + o * column] * scale);
        }
    }
}

/// Rows of 2 · [`BLOCK`] numbers, one every `row`, as pairs of bf16.
#[inline(always)]
fn pair_block(to: &mut [[u32; BLOCK]; BLOCK], from: &[f32], row: usize, scale: f32) {
    #[cfg(target_arch = "x86_64")]
    if scale == 1.0 && super::Isa::best().multiplies_bf16() {
        assert!(from.len() >= (BLOCK - 1) * row + 2 * BLOCK);
        let to = (to.as_mut_ptr().cast(), BLOCK);
        // SAFETY: the assertion covers what is read, the array what is written.
        return unsafe { super::x86::pair_rows((from.as_ptr(), row), to, (BLOCK, 1)) };
    }
    for (i, to) in to.iter_mut().enumerate() {
        let numbers = &from[i * row..][..2 * BLOCK];
        for (to, pair) in to.iter_mut().zip(numbers.chunks_exact(2)) {
            *to = to_bf16(pair[0] * scale) | to_bf16(pair[1] * scale) << 16;
        }
    }
}

/// Neighbouring numbers as pairs of bf16.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
pub(super) fn pair_row(row: &[f32], out: &mut [u32]) {
    for (out, pair) in out.iter_mut().zip(row.chunks_exact(2)) {
        *out = to_bf16(pair[0]) | to_bf16(pair[1]) << 16;
    }
}

/// Numbers of two rows as pairs of bf16.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
pub(super) fn pair_columns(lower: &[f32], upper: &[f32], out: &mut [u32]) {
    for ((out, &x), &y) in out.iter_mut().zip(lower).zip(upper) {
        *out = to_bf16(x) | to_bf16(y) << 16;
    }
}
