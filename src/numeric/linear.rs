//! Products with weight matrices, and rows taken from them.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::slices::{fused, product, view, with, Matrix, Target};

/// `x · wᵀ + b`: `x` `[.., in]`, `w` `[out, in]`, `b` `[out]`; gives `[.., out]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, inner) = w.dims2()?;
    let mut shape = x.dims().to_vec();
    if shape.last() != Some(&inner) {
        candle_core::bail!("linear: input {:?} does not fit weights {:?}", x.shape(), w.shape());
    }
    if let Some(last) = shape.last_mut() {
        *last = out;
    }
    let x = x.contiguous()?.reshape(((), inner))?;
    let y = if fused(&[&x, w]) {
        let w = w.contiguous()?;
        match b {
            Some(b) => x.apply_op3(&w, &b.contiguous()?, Linear)?,
            None => x.apply_op2(&w, Linear)?,
        }
    } else {
        let y = x.matmul(&w.t()?)?;
        match b {
            Some(b) => y.broadcast_add(b)?,
            None => y,
        }
    };
    y.reshape(shape)
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
    w.contiguous()?.apply_op1(Gather { ids })?.reshape(shape)
}

fn rows_of(data: &[f32], width: usize) -> Matrix<'_> {
    Matrix { data, start: 0, row: width, column: 1 }
}

fn columns_of(data: &[f32], width: usize) -> Matrix<'_> {
    Matrix { data, start: 0, row: 1, column: width }
}

struct Linear;

impl Linear {
    fn forward(x: &[f32], w: &[f32], b: Option<&[f32]>, inner: usize, out: usize) -> Vec<f32> {
        let m = x.len().checked_div(inner).unwrap_or(0);
        let mut y = vec![0f32; m * out];
        if let Some(b) = b {
            for row in y.chunks_exact_mut(out) {
                row.copy_from_slice(b);
            }
        }
        let target = Target { data: &mut y, start: 0, row: out };
        product((m, out, inner), 1.0, rows_of(x, inner), columns_of(w, inner), target, b.is_some());
        y
    }

    /// dx = g·w, dw = gᵀ·x, db = the column sums of g.
    fn backward(x: &Tensor, w: &Tensor, g: &Tensor) -> Result<(Tensor, Tensor, Vec<f32>)> {
        let (out, inner) = w.dims2()?;
        let m = x.dim(0)?;
        let (dx, dw, db) = with(x, |x| {
            with(w, |w| {
                with(g, |g| {
                    let mut dx = vec![0f32; m * inner];
                    let target = Target { data: &mut dx, start: 0, row: inner };
                    product(
                        (m, inner, out),
                        1.0,
                        rows_of(g, out),
                        rows_of(w, inner),
                        target,
                        false,
                    );
                    let mut dw = vec![0f32; out * inner];
                    let target = Target { data: &mut dw, start: 0, row: inner };
                    let gt = columns_of(g, out);
                    product((out, inner, m), 1.0, gt, rows_of(x, inner), target, false);
                    let mut db = vec![0f32; out];
                    for row in g.chunks_exact(out) {
                        for (d, g) in db.iter_mut().zip(row) {
                            *d += g;
                        }
                    }
                    Ok((dx, dw, db))
                })
            })
        })?;
        let device = x.device();
        Ok((Tensor::from_vec(dx, x.shape(), device)?, Tensor::from_vec(dw, w.shape(), device)?, db))
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
        let y = Self::forward(view(x, xl)?, view(w, wl)?, None, inner, out);
        Ok((CpuStorage::F32(y), Shape::from((xl.dims()[0], out))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = Self::backward(x, w, grad)?;
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
        let y = Self::forward(view(x, xl)?, view(w, wl)?, Some(b), inner, out);
        Ok((CpuStorage::F32(y), Shape::from((xl.dims()[0], out))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, db) = Self::backward(x, w, grad)?;
        Ok((Some(dx), Some(dw), Some(Tensor::from_vec(db, b.shape(), b.device())?)))
    }
}

struct Gather {
    ids: Vec<u32>,
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
        Ok((CpuStorage::F32(out), Shape::from((self.ids.len(), d))))
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
