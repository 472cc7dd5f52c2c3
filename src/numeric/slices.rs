//! What the operations share: contiguous views of tensors, and loops that the compiler turns into vector code.

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor};

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
pub(super) fn sum(a: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum2(a, a, |x, _| f(x))
}

/// The largest number, in lanes.
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

/// `target ← alpha · a·b`, or `+=` with `add`; `a` is `m × k`, `b` is `k × n`. In the calling thread.
#[allow(unsafe_code)]
pub(super) fn product(
    (m, n, k): (usize, usize, usize),
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    target: Target<'_>,
    add: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    let last = |x: &Matrix<'_>, rows: usize, columns: usize| {
        x.start + (rows.max(1) - 1) * x.row + (columns.max(1) - 1) * x.column
    };
    assert!(k == 0 || last(&a, m, k) < a.data.len());
    assert!(k == 0 || last(&b, k, n) < b.data.len());
    assert!(target.start + (m - 1) * target.row + n - 1 < target.data.len());
    assert!(m == 1 || target.row >= n);
    // SAFETY: the assertions above keep every element of the three matrices inside its slice, and distinct elements of
    // the target at distinct addresses; the target is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            target.data.as_mut_ptr().add(target.start),
            1,
            target.row as isize,
            add,
            a.data.as_ptr().add(a.start),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr().add(b.start),
            b.column as isize,
            b.row as isize,
            1.0,
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
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
    fn reductions_take_tails_in() {
        let a: Vec<f32> = (0..37).map(|i| i as f32 - 50.0).collect();
        assert_eq!(sum(&a, |x| x), a.iter().sum::<f32>());
        assert_eq!(max(&a), -14.0);
        assert_eq!(max(&a[..3]), -48.0);
    }
}
