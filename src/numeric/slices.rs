//! What the operations share: contiguous views of tensors, and loops that the compiler turns into vector code.

use std::cell::{Cell, RefCell};

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor};
use multiversion::multiversion;

use super::kernel::{multiply, Isa, Left, Pairs, Panels, Precision, Source, Write};

/// Numbers that one step of a reduction handles side by side.
pub(super) const LANES: usize = 16;

/// Whether the fused form applies.
pub(super) fn fused(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|t| t.device().is_cpu() && t.dtype() == DType::F32)
}

/// The numbers of a contiguous operand.
pub(super) fn view<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("a fused operation needs contiguous operands, not {layout:?}")
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Calls `f` with the numbers of a tensor.
pub(super) fn with<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(view(storage, layout)?),
        _ => candle_core::bail!("expected a tensor on the CPU"),
    }
}

/// The sum of `f` over pairs, in lanes: the order of additions depends on the length alone.
#[inline(always)]
pub(super) fn sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_main, b_main) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_main.remainder().iter().zip(b_main.remainder()).map(|(&x, &y)| f(x, y)).sum();
    for (x, y) in a_main.zip(b_main) {
        for i in 0..LANES {
            lanes[i] += f(x[i], y[i]);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// The sum of `f` over numbers, in lanes.
#[inline(always)]
pub(super) fn sum(a: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum2(a, a, |x, _| f(x))
}

/// The largest number, in lanes.
#[inline(always)]
pub(super) fn max(a: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let main = a.chunks_exact(LANES);
    let tail = main.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for x in main {
        for i in 0..LANES {
            lanes[i] = lanes[i].max(x[i]);
        }
    }
    lanes.iter().copied().fold(tail, f32::max)
}

/// eˣ by range reduction and a polynomial (Cephes `expf`): relative error below 2e-7, no branch, so loops vectorise.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let f = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * f + 1.398_199_9e-3;
    let p = p * f + 8.333_452e-3;
    let p = p * f + 4.166_579_6e-2;
    let p = p * f + 1.666_666_5e-1;
    let p = p * f + 0.5;
    let r = p * f * f + f + 1.0;
    r * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

/// eˣ for a score so far below the largest of its row, or 0 where nothing of it would be left in a sum in single precision:
/// masked keys weigh nothing at all, and no product meets a subnormal number, which costs some processors a hundred cycles.
#[inline(always)]
fn weight(x: f32) -> f32 {
    let e = exp(x);
    if x < -50.0 {
        0.0
    } else {
        e
    }
}

/// The sum of products, in lanes.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum2(a, b, |x, y| x * y)
}

/// Rows of `x` over their root mean square, times `w` (Zhang and Sennrich 2019).
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn rms_norm_rows(x: &[f32], w: &[f32], eps: f32, out: &mut [f32]) {
    let d = w.len();
    for (x, out) in x.chunks_exact(d).zip(out.chunks_exact_mut(d)) {
        let r = 1.0 / (sum(x, |v| v * v) / d as f32 + eps).sqrt();
        for ((o, &x), &w) in out.iter_mut().zip(x).zip(w) {
            *o = x * r * w;
        }
    }
}

/// The softmax of `scores`, which is lost, applied to the rows of `values`, one every `stride` numbers.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn softmax_mix(scores: &mut [f32], values: &[f32], stride: usize, out: &mut [f32]) {
    let top = max(scores);
    scores.iter_mut().for_each(|s| *s = weight(*s - top));
    let scale = 1.0 / sum(scores, |s| s);
    out.fill(0.0);
    for (score, value) in scores.iter().zip(values.chunks(stride)) {
        let weight = score * scale;
        for (o, v) in out.iter_mut().zip(value) {
            *o += weight * v;
        }
    }
}

/// Scores to their softmax.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn softmax(row: &mut [f32]) {
    let top = max(row);
    row.iter_mut().for_each(|s| *s = weight(*s - top));
    let scale = 1.0 / sum(row, |v| v);
    row.iter_mut().for_each(|s| *s *= scale);
}

/// The gradient of scores, from their softmax `p` and its gradient `ds`, in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn softmax_backward(p: &[f32], ds: &mut [f32]) {
    let along = sum2(p, ds, |p, d| p * d);
    ds.iter_mut().zip(p).for_each(|(d, p)| *d = p * (*d - along));
}

/// Logits to log probabilities.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn log_softmax(logits: &mut [f32]) {
    let top = max(logits);
    let norm = sum(logits, |l| exp(l - top)).ln() + top;
    logits.iter_mut().for_each(|l| *l -= norm);
}

/// Where the largest number stands, the first of equal ones.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn position_of_max(numbers: &[f32]) -> Option<usize> {
    let top = max(numbers);
    // In blocks, so that the comparison of a block without it needs no branch per number.
    let block = numbers.chunks(64).position(|b| b.contains(&top))?;
    let within = numbers[block * 64..].iter().position(|&x| x == top)?;
    Some(block * 64 + within)
}

/// One matrix of a product: where it starts in its slice and how far apart rows and columns lie.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub data: &'a [f32],
    pub start: usize,
    pub row: usize,
    pub column: usize,
}

/// Where a product goes; its columns lie side by side.
pub(super) struct Target<'a> {
    pub data: &'a mut [f32],
    pub start: usize,
    pub row: usize,
}

thread_local! {
    /// Memory for the packed sides of a product.
    static SCRATCH: RefCell<(Panels, Pairs)> = RefCell::default();
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// Runs `work` with products of weights in this precision, forward and backward, in this thread. Sums, and everything that
/// is no product of a weight matrix, stay in single precision.
pub fn with_precision<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    struct Restore(Precision);
    impl Drop for Restore {
        fn drop(&mut self) {
            PRECISION.set(self.0);
        }
    }
    let _restore = Restore(PRECISION.replace(precision));
    work()
}

/// The precision of products of weights in this thread.
pub(super) fn precision() -> Precision {
    PRECISION.get()
}

/// `target ← alpha · a·b`, or `+=` with `add`; `a` is `m × k`, `b` is `k × n`. In the calling thread and in single precision.
pub(super) fn product(
    shape: (usize, usize, usize),
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    target: Target<'_>,
    add: bool,
) {
    product_in(
        Precision::F32,
        shape,
        alpha,
        a,
        b,
        target,
        if add { Write::Add } else { Write::Set },
    );
}

/// Rows of `width` numbers.
pub(super) fn rows_of(data: &[f32], width: usize) -> Matrix<'_> {
    Matrix { data, start: 0, row: width, column: 1 }
}

/// The transpose of rows of `width` numbers.
pub(super) fn columns_of(data: &[f32], width: usize) -> Matrix<'_> {
    Matrix { data, start: 0, row: 1, column: width }
}

/// `a·b` in new memory, which is not zeroed first.
pub(super) fn new_product(
    precision: Precision,
    (m, n, k): (usize, usize, usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    write: Write,
) -> Vec<f32> {
    SCRATCH.with_borrow_mut(|(panels, pairs)| {
        pack(panels, precision, (n, k), 1.0, b);
        new_packed_product(m, a, panels, pairs, write)
    })
}

/// The right side of several products.
pub(super) struct Packed(Panels);

impl Packed {
    /// A matrix `k × n`.
    pub(super) fn new(precision: Precision, (n, k): (usize, usize), b: Matrix<'_>) -> Self {
        let mut panels = Panels::default();
        pack(&mut panels, precision, (n, k), 1.0, b);
        Self(panels)
    }

    /// `a` of `m` rows times this in new memory.
    pub(super) fn new_product(&self, m: usize, a: Matrix<'_>) -> Vec<f32> {
        SCRATCH.with_borrow_mut(|(_, pairs)| new_packed_product(m, a, &self.0, pairs, Write::Set))
    }
}

fn pack(
    panels: &mut Panels,
    precision: Precision,
    (n, k): (usize, usize),
    alpha: f32,
    b: Matrix<'_>,
) {
    panels.reset(k, n, precision);
    let data = &b.data[b.start..];
    panels.pack(0, n, Source { data, row: b.row, column: b.column, scale: alpha });
}

#[allow(unsafe_code)]
fn new_packed_product(
    m: usize,
    a: Matrix<'_>,
    panels: &Panels,
    pairs: &mut Pairs,
    write: Write,
) -> Vec<f32> {
    assert!(write != Write::Add, "new memory holds nothing to add to");
    let n = panels.out();
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    // SAFETY: the capacity is there, and kernels only write this memory: `Write::Set` and `Write::Relu` read nothing of it,
    // and every number of every row is written.
    unsafe {
        multiply_packed(m, a, panels, pairs, (out.as_mut_ptr(), n), write);
        out.set_len(m * n);
    }
    out
}

/// The sum of every column of rows of `width` numbers.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
pub(super) fn column_sums(x: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0f32; width];
    for row in x.chunks_exact(width.max(1)) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
    sums
}

/// As [`product`], in a precision, and with a choice of what happens to the target.
#[allow(unsafe_code)]
pub(super) fn product_in(
    precision: Precision,
    (m, n, k): (usize, usize, usize),
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    target: Target<'_>,
    write: Write,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(target.start + (m - 1) * target.row + n - 1 < target.data.len());
    assert!(m == 1 || target.row >= n);
    SCRATCH.with_borrow_mut(|(panels, pairs)| {
        pack(panels, precision, (n, k), alpha, b);
        // SAFETY: the assertions keep every row of the target inside its slice, which is borrowed mutably.
        unsafe {
            let out = target.data.as_mut_ptr().add(target.start);
            multiply_packed(m, a, panels, pairs, (out, target.row), write);
        }
    });
}

/// Packs the left side where it has to be, and multiplies.
///
/// # Safety
/// As [`multiply`], for all columns.
#[allow(unsafe_code)]
unsafe fn multiply_packed(
    m: usize,
    a: Matrix<'_>,
    panels: &Panels,
    pairs: &mut Pairs,
    out: (*mut f32, usize),
    write: Write,
) {
    let isa = Isa::best();
    let left = Left { data: &a.data[a.start..], rows: m, row: a.row, step: a.column };
    if panels.precision() == Precision::Bf16 {
        pairs.fill(isa, left, panels.inner());
    }
    multiply(isa, left, pairs, panels, 0..panels.count(), out, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_single_precision() {
        for i in -8_000..8_000 {
            let x = i as f32 * 0.01;
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((got / want - 1.0).abs() < 3e-7, "{x}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn what_a_softmax_cannot_show_is_zero() {
        let mut row = [1.0, -1e9, 0.0, -48.0, -60.0];
        softmax(&mut row);
        assert_eq!([row[1], row[4]], [0.0; 2]);
        assert!(row[3] > 1e-22 && (row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        // A row without any key is uniform.
        let mut row = [-1e9; 4];
        softmax(&mut row);
        assert_eq!(row, [0.25; 4]);
    }

    #[test]
    fn reductions_take_tails_in() {
        let a: Vec<f32> = (0..37).map(|i| i as f32 - 50.0).collect();
        assert_eq!(sum(&a, |x| x), a.iter().sum::<f32>());
        assert_eq!(max(&a), -14.0);
        assert_eq!(max(&a[..3]), -48.0);
    }
}
