//! Cross entropy whose forward pass already computes the gradient of the logits.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, D};

use super::slices::{exp, fused, max, sum, view};

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
    if let Some(bad) = targets.iter().find(|&&t| t != ignore && t as usize >= vocab) {
        candle_core::bail!("target {bad} outside a vocabulary of {vocab}");
    }
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
        let spread = self.smoothing / vocab as f32;
        let rows = x.chunks_exact(vocab).zip(gradient.chunks_exact_mut(vocab));
        for ((x, g), &target) in rows.zip(&self.targets) {
            if target == self.ignore {
                continue;
            }
            let target = target as usize;
            let top = max(x);
            for (g, &x) in g.iter_mut().zip(x) {
                *g = exp(x - top);
            }
            let norm = sum(g, |v| v);
            let log_norm = norm.ln() + top;
            total += f64::from((1.0 - self.smoothing) * (log_norm - x[target]));
            if self.smoothing > 0.0 {
                total += f64::from(self.smoothing * log_norm - spread * sum(x, |v| v));
            }
            let scale = 1.0 / norm;
            for g in g.iter_mut() {
                *g = *g * scale - spread;
            }
            g[target] -= 1.0 - self.smoothing;
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
