//! Cross entropies whose forward pass already computes the gradients.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor, D};
use multiversion::multiversion;

use super::kernel::{Precision, Write};
use super::slices::{
    columns_of, exp, fused, max, new_product, precision, product_in, rows_of, sum, view, Target,
};

/// Mean of the cross entropy of `logits` `[n, vocab]` against `targets` other than `ignore`, in nats; 0 where all are
/// ignored. With smoothing s, a share s of the target is spread evenly over the vocabulary.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn cross_entropy(
    logits: &Tensor,
    targets: &[u32],
    ignore: u32,
    label_smoothing: f64,
) -> Result<Tensor> {
    let count = targets.iter().filter(|&&t| t != ignore).count();
    cross_entropy_sum(logits, targets, ignore, label_smoothing)? / count.max(1) as f64
}

/// As [`cross_entropy`], summed: shards of a batch divide by the whole batch's count.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn cross_entropy_sum(
    logits: &Tensor,
    targets: &[u32],
    ignore: u32,
    label_smoothing: f64,
) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    if n != targets.len() {
        candle_core::bail!("{} targets for logits {:?}", targets.len(), logits.shape());
    }
    check(targets, ignore, vocab)?;
    if fused(&[logits]) {
        let op = CrossEntropy {
            targets: targets.to_vec(),
            ignore,
            smoothing: label_smoothing as f32,
            gradient: Mutex::new(None),
        };
        return logits.contiguous()?.apply_op1(op);
    }
    composed(logits, targets, ignore, label_smoothing)
}

/// `scale` times the summed cross entropy of the logits `hidden · wᵀ` against `targets` other than `ignore`, in nats:
/// `hidden` `[n, d]`, `w` `[vocab, d]`; smoothing as in [`cross_entropy`]. The logits are computed some rows at a time and never stand in memory as a whole;
/// the gradients are there with the forward pass.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn linear_cross_entropy(
    hidden: &Tensor,
    w: &Tensor,
    targets: &[u32],
    ignore: u32,
    label_smoothing: f64,
    scale: f64,
) -> Result<Tensor> {
    let (n, d) = hidden.dims2()?;
    let (vocab, inner) = w.dims2()?;
    if n != targets.len() || d != inner {
        candle_core::bail!(
            "{} targets for hidden states {:?} and a head {:?}",
            targets.len(),
            hidden.shape(),
            w.shape()
        );
    }
    check(targets, ignore, vocab)?;
    if fused(&[hidden, w]) {
        let op = Head {
            targets: targets.to_vec(),
            ignore,
            smoothing: label_smoothing as f32,
            scale: scale as f32,
            precision: precision(),
            gradients: Mutex::new(None),
        };
        return hidden.contiguous()?.apply_op2(&w.contiguous()?, op);
    }
    composed(&hidden.matmul(&w.t()?)?, targets, ignore, label_smoothing)? * scale
}

fn check(targets: &[u32], ignore: u32, vocab: usize) -> Result<()> {
    if let Some(bad) = targets.iter().find(|&&t| t != ignore && t as usize >= vocab) {
        candle_core::bail!("target {bad} outside a vocabulary of {vocab}");
    }
    Ok(())
}

fn composed(logits: &Tensor, targets: &[u32], ignore: u32, smoothing: f64) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    let device = logits.device();
    let kept: Vec<f32> = targets.iter().map(|&t| f32::from(u8::from(t != ignore))).collect();
    let index: Vec<u32> = targets.iter().map(|&t| if t == ignore { 0 } else { t }).collect();
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_probs = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?;
    let picked = log_probs.gather(&Tensor::from_vec(index, (n, 1), device)?, 1)?;
    let spread = (log_probs.sum_keepdim(D::Minus1)? * (smoothing / vocab as f64))?;
    let loss = ((picked * (1.0 - smoothing))? + spread)?;
    let kept = Tensor::from_vec(kept, (n, 1), device)?.to_dtype(loss.dtype())?;
    loss.mul(&kept)?.sum_all()?.neg()
}

/// The cross entropy of one row of logits, which become its gradient times `scale`.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn entropy_row(row: &mut [f32], target: usize, smoothing: f32, scale: f32) -> f32 {
    let spread = smoothing / row.len() as f32;
    let (top, at_target) = (max(row), row[target]);
    let all = if smoothing > 0.0 { sum(row, |v| v) } else { 0.0 };
    row.iter_mut().for_each(|x| *x = exp(*x - top));
    let norm = sum(row, |v| v);
    let log_norm = norm.ln() + top;
    let factor = scale / norm;
    row.iter_mut().for_each(|g| *g = *g * factor - spread * scale);
    row[target] -= (1.0 - smoothing) * scale;
    (1.0 - smoothing) * (log_norm - at_target) + smoothing * log_norm - spread * all
}

/// Rows whose logits are in memory at a time: enough to make products of, few enough for the third-level cache.
const HEAD_ROWS: usize = 256;

struct Head {
    targets: Vec<u32>,
    ignore: u32,
    smoothing: f32,
    scale: f32,
    precision: Precision,
    /// Of the hidden states and of the head.
    gradients: Mutex<Option<(Vec<f32>, Vec<f32>)>>,
}

impl CustomOp2 for Head {
    fn name(&self) -> &'static str {
        "head-cross-entropy"
    }

    fn cpu_fwd(
        &self,
        hidden: &CpuStorage,
        hidden_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (vocab, d) = w_layout.shape().dims2()?;
        let (hidden, w) = (view(hidden, hidden_layout)?, view(w, w_layout)?);
        let precision = self.precision;
        let mut d_hidden = vec![0f32; hidden.len()];
        let mut d_w = vec![0f32; w.len()];
        let mut total = 0f64;
        let chunks = hidden.chunks(HEAD_ROWS * d).zip(d_hidden.chunks_mut(HEAD_ROWS * d));
        for ((hidden, d_hidden), targets) in chunks.zip(self.targets.chunks(HEAD_ROWS)) {
            let rows = targets.len();
            let (left, right) = (rows_of(hidden, d), columns_of(w, d));
            let mut logits = new_product(precision, (rows, vocab, d), left, right, Write::Set);
            for (row, &target) in logits.chunks_exact_mut(vocab).zip(targets) {
                if target == self.ignore {
                    row.fill(0.0);
                } else {
                    let target = target as usize;
                    total += f64::from(entropy_row(row, target, self.smoothing, self.scale));
                }
            }
            let (g, weights) = (rows_of(&logits, vocab), rows_of(w, d));
            let target = Target { data: d_hidden, start: 0, row: d };
            product_in(precision, (rows, d, vocab), 1.0, g, weights, target, Write::Set);
            let target = Target { data: &mut d_w, start: 0, row: d };
            let columns = columns_of(&logits, vocab);
            product_in(precision, (vocab, d, rows), 1.0, columns, left, target, Write::Add);
        }
        if let Ok(mut slot) = self.gradients.lock() {
            *slot = Some((d_hidden, d_w));
        }
        Ok((CpuStorage::F32(vec![(total * f64::from(self.scale)) as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        hidden: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_dtype(DType::F32)?.to_scalar::<f32>()?;
        let taken = self.gradients.lock().ok().and_then(|mut slot| slot.take());
        let Some((mut d_hidden, mut d_w)) = taken else {
            candle_core::bail!("the gradient of a cross entropy is there once");
        };
        // The scale of the forward pass is meant to leave nothing to do here.
        if (scale - 1.0).abs() > f32::EPSILON {
            d_hidden.iter_mut().chain(&mut d_w).for_each(|g| *g *= scale);
        }
        Ok((
            Some(Tensor::from_vec(d_hidden, hidden.shape(), hidden.device())?),
            Some(Tensor::from_vec(d_w, w.shape(), w.device())?),
        ))
    }
}

struct CrossEntropy {
    targets: Vec<u32>,
    ignore: u32,
    smoothing: f32,
    gradient: Mutex<Option<Vec<f32>>>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, vocab) = layout.shape().dims2()?;
        let x = view(x, layout)?;
        let mut gradient = vec![0f32; x.len()];
        let mut total = 0f64;
        let rows = x.chunks_exact(vocab).zip(gradient.chunks_exact_mut(vocab));
        for ((x, g), &target) in rows.zip(&self.targets) {
            if target != self.ignore {
                g.copy_from_slice(x);
                total += f64::from(entropy_row(g, target as usize, self.smoothing, 1.0));
            }
        }
        if let Ok(mut slot) = self.gradient.lock() {
            *slot = Some(gradient);
        }
        Ok((CpuStorage::F32(vec![total as f32]), Shape::from(())))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_dtype(DType::F32)?.to_scalar::<f32>()?;
        let Some(mut gradient) = self.gradient.lock().ok().and_then(|mut slot| slot.take()) else {
            candle_core::bail!("the gradient of a cross entropy is there once");
        };
        gradient.iter_mut().for_each(|g| *g *= scale);
        Ok(Some(Tensor::from_vec(gradient, x.shape(), x.device())?))
    }
}
