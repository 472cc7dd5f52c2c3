//! Products with weight matrices, and rows taken from them.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::kernel::{Precision, Write};
use super::slices::{
    column_sums, columns_of, fused, new_product, precision, product_in, rows_of, view, with, Target,
};

/// `x · wᵀ + b`: `x` `[.., in]`, `w` `[out, in]`, `b` `[out]`; gives `[.., out]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    project(x, w, b, false)
}

/// `relu(x · wᵀ + b)`, the shapes being those of [`linear`].
///
/// # Errors
/// Shapes that do not fit.
pub fn linear_relu(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    project(x, w, b, true)
}

fn project(x: &Tensor, w: &Tensor, b: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let inner = w.dim(1)?;
    if x.dims().last() != Some(&inner) {
        candle_core::bail!("linear: input {:?} does not fit weights {:?}", x.shape(), w.shape());
    }
    if fused(&[x, w]) {
        // No reshaping around the product: it would cost a sum of gradients on the way back.
        let (x, w) = (x.contiguous()?, w.contiguous()?);
        let op = Linear { relu, precision: precision() };
        return match b {
            Some(b) => x.apply_op3(&w, &b.contiguous()?, op),
            None => x.apply_op2(&w, op),
        };
    }
    let y = x.contiguous()?.reshape(((), inner))?.matmul(&w.t()?)?;
    let y = match b {
        Some(b) => y.broadcast_add(b)?,
        None => y,
    };
    let y = if relu { y.relu()? } else { y };
    y.reshape(with_last(x.dims(), w.dim(0)?))
}

/// A shape with another last dimension.
pub(super) fn with_last(dims: &[usize], last: usize) -> Shape {
    let mut dims = dims.to_vec();
    if let Some(slot) = dims.last_mut() {
        *slot = last;
    }
    Shape::from(dims)
}

/// Rows `ids` (u32, any shape) of `w` `[rows, d]`: `[.., d]`. Its gradient adds rows up where an id repeats.
///
/// # Errors
/// An id that is no row; shapes that do not fit.
pub fn embedding(w: &Tensor, ids: &Tensor) -> Result<Tensor> {
    let mut shape = ids.dims().to_vec();
    shape.push(w.dim(1)?);
    let ids = ids.flatten_all()?;
    if !fused(&[w]) {
        return w.index_select(&ids, 0)?.reshape(shape);
    }
    let ids = ids.to_vec1::<u32>()?;
    w.contiguous()?.apply_op1(Gather { ids, shape: Shape::from(shape) })
}

struct Linear {
    relu: bool,
    precision: Precision,
}

impl Linear {
    fn forward(
        &self,
        x: &[f32],
        w: &[f32],
        b: Option<&[f32]>,
        inner: usize,
        out: usize,
    ) -> Vec<f32> {
        let m = x.len().checked_div(inner).unwrap_or(0);
        let (x, w) = (rows_of(x, inner), columns_of(w, inner));
        let Some(b) = b else {
            let write = if self.relu { Write::Relu } else { Write::Set };
            return new_product(self.precision, (m, out, inner), x, w, write);
        };
        let mut y = Vec::with_capacity(m * out);
        for _ in 0..m {
            y.extend_from_slice(b);
        }
        let target = Target { data: &mut y, start: 0, row: out };
        product_in(self.precision, (m, out, inner), 1.0, x, w, target, Write::Add);
        if self.relu {
            y.iter_mut().for_each(|y| *y = y.max(0.0));
        }
        y
    }

    /// dx = g·w, dw = gᵀ·x, db = the column sums of g; g is 0 where a ReLU was.
    fn backward(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        g: &Tensor,
    ) -> Result<(Tensor, Tensor, Vec<f32>)> {
        let (out, inner) = w.dims2()?;
        let (dx, dw, db) = with(x, |x| {
            with(w, |w| {
                with(g, |g| {
                    if !self.relu {
                        return Ok(self.gradients(x, w, g, inner, out));
                    }
                    with(y, |y| {
                        let g: Vec<f32> =
                            g.iter().zip(y).map(|(&g, &y)| if y > 0.0 { g } else { 0.0 }).collect();
                        Ok(self.gradients(x, w, &g, inner, out))
                    })
                })
            })
        })?;
        let device = x.device();
        Ok((Tensor::from_vec(dx, x.shape(), device)?, Tensor::from_vec(dw, w.shape(), device)?, db))
    }

    fn gradients(
        &self,
        x: &[f32],
        w: &[f32],
        g: &[f32],
        inner: usize,
        out: usize,
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let m = x.len().checked_div(inner).unwrap_or(0);
        let precision = self.precision;
        let (rows, weights) = (rows_of(g, out), rows_of(w, inner));
        let dx = new_product(precision, (m, inner, out), rows, weights, Write::Set);
        let (columns, inputs) = (columns_of(g, out), rows_of(x, inner));
        let dw = new_product(precision, (out, inner, m), columns, inputs, Write::Set);
        (dx, dw, column_sums(g, out))
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (out, inner) = wl.shape().dims2()?;
        let y = self.forward(view(x, xl)?, view(w, wl)?, None, inner, out);
        Ok((CpuStorage::F32(y), with_last(xl.dims(), out)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = self.backward(x, w, y, grad)?;
        Ok((Some(dx), Some(dw)))
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear-bias"
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
        let (out, inner) = wl.shape().dims2()?;
        let b = view(b, bl)?;
        if b.len() != out {
            candle_core::bail!(
                "linear: bias {:?} does not fit weights {:?}",
                bl.shape(),
                wl.shape()
            );
        }
        let y = self.forward(view(x, xl)?, view(w, wl)?, Some(b), inner, out);
        Ok((CpuStorage::F32(y), with_last(xl.dims(), out)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, db) = self.backward(x, w, y, grad)?;
        Ok((Some(dx), Some(dw), Some(Tensor::from_vec(db, b.shape(), b.device())?)))
    }
}

struct Gather {
    ids: Vec<u32>,
    /// Of the result.
    shape: Shape,
}

impl CustomOp1 for Gather {
    fn name(&self) -> &'static str {
        "gather-rows"
    }

    fn cpu_fwd(&self, w: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, d) = layout.shape().dims2()?;
        let w = view(w, layout)?;
        let mut out = Vec::with_capacity(self.ids.len() * d);
        for &id in &self.ids {
            let id = id as usize;
            if id >= rows {
                candle_core::bail!("row {id} of an embedding of {rows} rows");
            }
            out.extend_from_slice(&w[id * d..][..d]);
        }
        Ok((CpuStorage::F32(out), self.shape.clone()))
    }

    fn bwd(&self, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (rows, d) = w.dims2()?;
        let mut dw = vec![0f32; rows * d];
        with(grad, |g| {
            for (&id, g) in self.ids.iter().zip(g.chunks_exact(d)) {
                for (d, g) in dw[id as usize * d..][..d].iter_mut().zip(g) {
                    *d += g;
                }
            }
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(dw, w.shape(), w.device())?))
    }
}
