//! T5's feed-forward pair of products as one operation: the wide layer between them never becomes a tensor.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::kernel::{Precision, Write};
use super::linear::{linear, with_last};
use super::relu;
use super::slices::{columns_of, fused, new_product, precision, rows_of, view, with};

/// `relu(x · w1ᵀ) · w2ᵀ`: `x` `[.., d]`, `w1` `[ff, d]`, `w2` `[out, ff]`; gives `[.., out]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn feed_forward(x: &Tensor, w1: &Tensor, w2: &Tensor) -> Result<Tensor> {
    let ((ff, d), (out, inner)) = (w1.dims2()?, w2.dims2()?);
    if x.dims().last() != Some(&d) || inner != ff || out == 0 {
        candle_core::bail!(
            "feed-forward: input {:?}, weights {:?} and {:?}",
            x.shape(),
            w1.shape(),
            w2.shape()
        );
    }
    if !fused(&[x, w1, w2]) {
        return linear(&relu(&linear(x, w1, None)?)?, w2, None);
    }
    let op = FeedForward { precision: precision(), wide: Mutex::new(None) };
    x.contiguous()?.apply_op3(&w1.contiguous()?, &w2.contiguous()?, op)
}

struct FeedForward {
    precision: Precision,
    /// The wide layer behind the ReLU, for the backward pass.
    wide: Mutex<Option<Vec<f32>>>,
}

impl CustomOp3 for FeedForward {
    fn name(&self) -> &'static str {
        "feed-forward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w1: &CpuStorage,
        w1l: &Layout,
        w2: &CpuStorage,
        w2l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((ff, d), (out, _)) = (w1l.shape().dims2()?, w2l.shape().dims2()?);
        let (x, w1, w2) = (view(x, xl)?, view(w1, w1l)?, view(w2, w2l)?);
        let m = x.len() / d.max(1);
        let (left, right) = (rows_of(x, d), columns_of(w1, d));
        let wide = new_product(self.precision, (m, ff, d), left, right, Write::Relu);
        let (left, right) = (rows_of(&wide, ff), columns_of(w2, ff));
        let y = new_product(self.precision, (m, out, ff), left, right, Write::Set);
        if let Ok(mut slot) = self.wide.lock() {
            *slot = Some(wide);
        }
        Ok((CpuStorage::F32(y), with_last(xl.dims(), out)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w1: &Tensor,
        w2: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((ff, d), (out, _)) = (w1.dims2()?, w2.dims2()?);
        let m = x.elem_count() / d.max(1);
        let Some(wide) = self.wide.lock().ok().and_then(|mut slot| slot.take()) else {
            candle_core::bail!("the gradient of a feed-forward layer is there once");
        };
        let p = self.precision;
        let (dw2, d_wide) = with(w2, |w2| {
            with(grad, |g| {
                let (columns, right) = (columns_of(g, out), rows_of(&wide, ff));
                let dw2 = new_product(p, (out, ff, m), columns, right, Write::Set);
                let (rows, right) = (rows_of(g, out), rows_of(w2, ff));
                let mut d_wide = new_product(p, (m, ff, out), rows, right, Write::Set);
                for (g, &y) in d_wide.iter_mut().zip(&wide) {
                    *g = if y > 0.0 { *g } else { 0.0 };
                }
                Ok((dw2, d_wide))
            })
        })?;
        drop(wide);
        let (dx, dw1) = with(x, |x| {
            with(w1, |w1| {
                let (rows, right) = (rows_of(&d_wide, ff), rows_of(w1, d));
                let dx = new_product(p, (m, d, ff), rows, right, Write::Set);
                let (columns, right) = (columns_of(&d_wide, ff), rows_of(x, d));
                Ok((dx, new_product(p, (ff, d, m), columns, right, Write::Set)))
            })
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(dw1, w1.shape(), device)?),
            Some(Tensor::from_vec(dw2, w2.shape(), device)?),
        ))
    }
}
