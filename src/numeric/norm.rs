//! Layer norm (Ba et al. 2016), T5's root-mean-square norm, and the projection on a sphere.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, D};

use multiversion::multiversion;

use super::slices::{fused, rms_norm_rows, sum, sum2, view, with};

/// `(x − mean) / √(var + eps) · w + b` over the last dimension; `w`, `b`: `[d]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm(x: &Tensor, w: &Tensor, b: &Tensor, eps: f64) -> Result<Tensor> {
    if fused(&[x, w, b]) {
        let op = LayerNorm { eps: eps as f32 };
        return x.contiguous()?.apply_op3(&w.contiguous()?, &b.contiguous()?, op);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    unit_composed(&centred, eps)?.broadcast_mul(w)?.broadcast_add(b)
}

/// `x / √(mean(x²) + eps) · w` over the last dimension; `w`: `[d]` (Raffel et al. 2020: no mean, no bias).
///
/// # Errors
/// Shapes that do not fit.
pub fn rms_norm(x: &Tensor, w: &Tensor, eps: f64) -> Result<Tensor> {
    if fused(&[x, w]) {
        return x.contiguous()?.apply_op2(&w.contiguous()?, RmsNorm { eps: eps as f32 });
    }
    unit_composed(x, eps)?.broadcast_mul(w)
}

/// `x / √(mean(x²) + eps)` over the last dimension: puts every vector of size L on the sphere of radius √L.
///
/// # Errors
/// Those of candle.
pub fn unit_rms(x: &Tensor, eps: f64) -> Result<Tensor> {
    unit_composed(x, eps)
}

fn unit_composed(x: &Tensor, eps: f64) -> Result<Tensor> {
    let square = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(square + eps)?.sqrt()?)
}

/// Mean and reciprocal deviation of a row.
#[inline(always)]
fn moments(x: &[f32], eps: f32) -> (f32, f32) {
    let d = x.len() as f32;
    let mean = sum(x, |v| v) / d;
    let variance = sum(x, |v| (v - mean) * (v - mean)) / d;
    (mean, 1.0 / (variance + eps).sqrt())
}

#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn layer_norm_rows(x: &[f32], w: &[f32], b: &[f32], eps: f32, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(w.len()).zip(out.chunks_exact_mut(w.len())) {
        let (mean, r) = moments(x, eps);
        for (((o, &x), &w), &b) in out.iter_mut().zip(x).zip(w).zip(b) {
            *o = (x - mean) * r * w + b;
        }
    }
}

/// Gradients of the input, in `dx`, and of weight and bias, added to `dw` and `db`.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn layer_norm_backward(
    (x, w, g): (&[f32], &[f32], &[f32]),
    eps: f32,
    dx: &mut [f32],
    dw: &mut [f32],
    db: &mut [f32],
) {
    let d = w.len();
    let mut scaled = vec![0f32; d];
    let rows = x.chunks_exact(d).zip(g.chunks_exact(d));
    for ((x, g), dx) in rows.zip(dx.chunks_exact_mut(d)) {
        let (mean, r) = moments(x, eps);
        for ((s, g), w) in scaled.iter_mut().zip(g).zip(w) {
            *s = g * w;
        }
        for (((dw, db), g), x) in dw.iter_mut().zip(db.iter_mut()).zip(g).zip(x) {
            *dw += g * (x - mean) * r;
            *db += g;
        }
        let mean_g = sum(&scaled, |v| v) / d as f32;
        let along = sum2(&scaled, x, |g, x| g * (x - mean)) * r * r / d as f32;
        for ((dx, s), x) in dx.iter_mut().zip(&scaled).zip(x) {
            *dx = r * (s - mean_g - (x - mean) * along);
        }
    }
}

/// As [`layer_norm_backward`], of the root-mean-square norm.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn rms_norm_backward(
    (x, w, g): (&[f32], &[f32], &[f32]),
    eps: f32,
    dx: &mut [f32],
    dw: &mut [f32],
) {
    let d = w.len();
    let mut scaled = vec![0f32; d];
    let rows = x.chunks_exact(d).zip(g.chunks_exact(d));
    for ((x, g), dx) in rows.zip(dx.chunks_exact_mut(d)) {
        let r = 1.0 / (sum(x, |v| v * v) / d as f32 + eps).sqrt();
        for ((s, g), w) in scaled.iter_mut().zip(g).zip(w) {
            *s = g * w;
        }
        for ((dw, g), x) in dw.iter_mut().zip(g).zip(x) {
            *dw += g * x * r;
        }
        let along = sum2(&scaled, x, |g, x| g * x) * r * r / d as f32;
        for ((dx, s), x) in dx.iter_mut().zip(&scaled).zip(x) {
            *dx = r * (s - x * along);
        }
    }
}

struct LayerNorm {
    eps: f32,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w, b) = (view(x, xl)?, view(w, wl)?, view(b, bl)?);
        let d = w.len();
        if d == 0 || x.len() % d != 0 || b.len() != d {
            candle_core::bail!("layer norm over {d} of {:?}", xl.shape());
        }
        let mut out = vec![0f32; x.len()];
        layer_norm_rows(x, w, b, self.eps, &mut out);
        Ok((CpuStorage::F32(out), xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let d = w.elem_count();
        let (mut dw, mut db) = (vec![0f32; d], vec![0f32; d]);
        let dx = with(x, |x| {
            with(w, |w| {
                with(grad, |g| {
                    let mut dx = vec![0f32; x.len()];
                    layer_norm_backward((x, w, g), self.eps, &mut dx, &mut dw, &mut db);
                    Ok(dx)
                })
            })
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(dw, w.shape(), device)?),
            Some(Tensor::from_vec(db, b.shape(), device)?),
        ))
    }
}

struct RmsNorm {
    eps: f32,
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (view(x, xl)?, view(w, wl)?);
        let d = w.len();
        if d == 0 || x.len() % d != 0 {
            candle_core::bail!("rms norm over {d} of {:?}", xl.shape());
        }
        let mut out = vec![0f32; x.len()];
        rms_norm_rows(x, w, self.eps, &mut out);
        Ok((CpuStorage::F32(out), xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut dw = vec![0f32; w.elem_count()];
        let dx = with(x, |x| {
            with(w, |w| {
                with(grad, |g| {
                    let mut dx = vec![0f32; x.len()];
                    rms_norm_backward((x, w, g), self.eps, &mut dx, &mut dw);
                    Ok(dx)
                })
            })
        })?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dw, w.shape(), x.device())?),
        ))
    }
}
