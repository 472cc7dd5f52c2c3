//! Activations with one pass forward and one back.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use multiversion::multiversion;

use super::slices::{exp, fused, view, with};

/// max(x, 0).
///
/// # Errors
/// Those of candle.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if fused(&[x]) {
        return x.contiguous()?.apply_op1(Relu);
    }
    x.relu()
}

/// GELU by the tanh approximation (Hendrycks and Gimpel 2016), Hugging Face's `gelu_new`.
///
/// # Errors
/// Those of candle.
pub fn gelu_new(x: &Tensor) -> Result<Tensor> {
    if fused(&[x]) {
        return x.contiguous()?.apply_op1(Gelu);
    }
    x.gelu()
}

/// The gradient of an elementwise operation from its argument (or result) and the incoming gradient.
fn elementwise(x: &Tensor, grad: &Tensor, f: impl Fn(f32, f32) -> f32) -> Result<Option<Tensor>> {
    let dx = with(x, |x| {
        with(grad, |g| Ok(x.iter().zip(g).map(|(&x, &g)| f(x, g)).collect::<Vec<f32>>()))
    })?;
    Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = view(x, layout)?.iter().map(|x| x.max(0.0)).collect();
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        elementwise(result, grad, |y, g| if y > 0.0 { g } else { 0.0 })
    }
}

/// √(2/π).
const ROOT: f32 = 0.797_884_6;
const CUBE: f32 = 0.044_715;

/// tanh through eˣ.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// GELU by the tanh approximation of one number.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + tanh(ROOT * (x + CUBE * x * x * x)))
}

#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn gelu_all(x: &[f32], out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = gelu(x);
    }
}

/// From the argument and the incoming gradient, which becomes the outgoing one.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn gelu_backward(x: &[f32], g: &mut [f32]) {
    for (g, &x) in g.iter_mut().zip(x) {
        let t = tanh(ROOT * (x + CUBE * x * x * x));
        let inner = ROOT * (1.0 + 3.0 * CUBE * x * x);
        *g *= 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
    }
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu-new"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = view(x, layout)?;
        let mut out = vec![0f32; x.len()];
        gelu_all(x, &mut out);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = with(grad, |g| Ok(g.to_vec()))?;
        with(x, |x| {
            gelu_backward(x, &mut dx);
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
