//! Sums of kernels between two sets of vectors, with the gradient in the same pass: what a maximum mean discrepancy is
//! made of (Gretton et al. 2012).

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use multiversion::multiversion;

use super::kernel::{Precision, Write};
use super::slices::{
    columns_of, exp, fused, new_product, product, rows_of, sum, view, with, Target,
};

/// A kernel of the squared distance d².
#[derive(Debug, Clone, PartialEq)]
pub enum Similarity {
    /// Σ C / (C + d²) over the given C (inverse multiquadrics).
    InverseMultiquadrics(Vec<f32>),
    /// Σ exp(−d² / b) over the given b.
    Gaussians(Vec<f32>),
}

/// The sum of the kernel over all pairs of rows of `x` `[n, L]` and of `y` `[m, L]`. Only `x` has a gradient: `y` counts as
/// constant.
///
/// # Errors
/// Shapes that do not fit.
pub fn similarity_sum(x: &Tensor, y: &Tensor, kernel: &Similarity) -> Result<Tensor> {
    let y = y.detach();
    if x.dims2()?.1 != y.dims2()?.1 {
        candle_core::bail!("similarities of {:?} and {:?}", x.shape(), y.shape());
    }
    if fused(&[x, &y]) {
        let y = with(&y, |y| Ok(y.to_vec()))?;
        let op = Sum { y, kernel: kernel.clone(), slopes: Mutex::new(None) };
        return x.contiguous()?.apply_op1(op);
    }
    let squares = |t: &Tensor| t.sqr()?.sum_keepdim(1);
    let products = x.contiguous()?.matmul(&y.t()?.contiguous()?)?;
    let sums = squares(x)?.broadcast_add(&squares(&y)?.t()?)?;
    // Rounding can leave a small negative number where rows are equal.
    let distances = (sums - (products * 2.0)?)?.relu()?;
    match kernel {
        Similarity::Gaussians(scales) => {
            let mut total = Tensor::zeros((), distances.dtype(), distances.device())?;
            for &b in scales {
                total = (total + (&distances * (-1.0 / f64::from(b)))?.exp()?.sum_all()?)?;
            }
            Ok(total)
        }
        Similarity::InverseMultiquadrics(scales) => {
            let mut total = Tensor::zeros((), distances.dtype(), distances.device())?;
            for &c in scales {
                let c = f64::from(c);
                total = (total + ((&distances + c)?.recip()? * c)?.sum_all()?)?;
            }
            Ok(total)
        }
    }
}

struct Sum {
    y: Vec<f32>,
    kernel: Similarity,
    /// The kernel's derivative by d² of every pair, `[n, m]`, for the backward pass.
    slopes: Mutex<Option<Vec<f32>>>,
}

impl CustomOp1 for Sum {
    fn name(&self) -> &'static str {
        "similarity-sum"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, size) = layout.shape().dims2()?;
        let x = view(x, layout)?;
        let m = self.y.len() / size.max(1);
        let (left, right) = (rows_of(x, size), columns_of(&self.y, size));
        let mut pairs = new_product(Precision::F32, (n, m, size), left, right, Write::Set);
        let squares: Vec<f32> = self.y.chunks_exact(size).map(|y| sum(y, |v| v * v)).collect();
        let mut total = 0f64;
        for (row, x) in pairs.chunks_exact_mut(m.max(1)).zip(x.chunks_exact(size)) {
            let square = sum(x, |v| v * v);
            total += f64::from(match &self.kernel {
                Similarity::InverseMultiquadrics(scales) => {
                    multiquadrics(row, square, &squares, scales)
                }
                Similarity::Gaussians(scales) => gaussians(row, square, &squares, scales),
            });
        }
        if let Ok(mut slot) = self.slopes.lock() {
            *slot = Some(pairs);
        }
        Ok((CpuStorage::F32(vec![total as f32]), Shape::from(())))
    }

    /// The gradient of row i is Σⱼ slope(i, j) · 2 (xᵢ − yⱼ).
    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = 2.0 * grad.to_dtype(DType::F32)?.to_scalar::<f32>()?;
        let Some(slopes) = self.slopes.lock().ok().and_then(|mut slot| slot.take()) else {
            candle_core::bail!("the gradient of a sum of similarities is there once");
        };
        let (n, size) = x.dims2()?;
        let m = self.y.len() / size.max(1);
        let mut dx = with(x, |x| Ok(x.to_vec()))?;
        for (dx, slopes) in dx.chunks_exact_mut(size).zip(slopes.chunks_exact(m.max(1))) {
            let factor = scale * sum(slopes, |s| s);
            dx.iter_mut().for_each(|d| *d *= factor);
        }
        let target = Target { data: &mut dx, start: 0, row: size };
        let (left, right) = (rows_of(&slopes, m), rows_of(&self.y, size));
        product((n, size, m), -scale, left, right, target, true);
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}

/// The kernel's sum over a row of inner products, which become the derivatives by d².
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn multiquadrics(row: &mut [f32], square: f32, squares: &[f32], scales: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    for (row, squares) in row.chunks_mut(16).zip(squares.chunks(16)) {
        for ((p, &s), lane) in row.iter_mut().zip(squares).zip(&mut lanes) {
            let distance = (square + s - 2.0 * *p).max(0.0);
            let mut slope = 0.0;
            for &c in scales {
                let inverse = 1.0 / (c + distance);
                *lane += c * inverse;
                slope -= c * inverse * inverse;
            }
            *p = slope;
        }
    }
    lanes.iter().sum()
}

/// As [`multiquadrics`].
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn gaussians(row: &mut [f32], square: f32, squares: &[f32], scales: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    for (row, squares) in row.chunks_mut(16).zip(squares.chunks(16)) {
        for ((p, &s), lane) in row.iter_mut().zip(squares).zip(&mut lanes) {
            let distance = (square + s - 2.0 * *p).max(0.0);
            let mut slope = 0.0;
            for &b in scales {
                let k = exp(-distance / b);
                *lane += k;
                slope -= k / b;
            }
            *p = slope;
        }
    }
    lanes.iter().sum()
}
