//! Cross entropies whose forward pass already computes the gradients.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor};
use multiversion::multiversion;

use super::kernel::{Precision, Write};
use super::slices::{
    columns_of, exp, fused, max, precision, product_in, rows_of, sum, view, Packed, Target,
};

/// How a target is softened; a number is [`Smoothing::even`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Smoothing {
    /// Share of a target that is spread evenly over the vocabulary (Szegedy et al. 2016).
    pub even: f64,
    /// Words that are levels of one quantity: a target among them is shared with its neighbours.
    pub near: Option<Near>,
}

/// Words that follow one another as levels of a quantity. A target t among them becomes q(k) ∝ exp(−|k − t| / width) over
/// all of them, so that a level beside the true one is less wrong than one far away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The lowest level's id.
    pub first: u32,
    /// How many levels there are.
    pub count: u32,
    /// How far a target reaches, in levels; above 0.
    pub width: f64,
}

impl From<f64> for Smoothing {
    fn from(even: f64) -> Self {
        Self { even, near: None }
    }
}

impl Near {
    /// For each level as target the shares of all levels, `[count, count]`.
    fn shares(self) -> Vec<f32> {
        let count = self.count as usize;
        let mut all = Vec::with_capacity(count * count);
        for target in 0..count {
            let weight = |level: usize| (-(level.abs_diff(target) as f64) / self.width).exp();
            let sum: f64 = (0..count).map(weight).sum();
            all.extend((0..count).map(|level| (weight(level) / sum) as f32));
        }
        all
    }
}

/// Targets of rows of logits, softened.
struct Softened {
    ids: Vec<u32>,
    ignore: u32,
    even: f32,
    near: Option<(Near, Vec<f32>)>,
}

impl Softened {
    fn new(ids: &[u32], ignore: u32, smoothing: Smoothing) -> Self {
        let near = smoothing.near.map(|near| (near, near.shares()));
        Self { ids: ids.to_vec(), ignore, even: smoothing.even as f32, near }
    }

    /// A target's place among the levels and what becomes of it; `None` for one that is no level.
    fn shared(&self, target: u32) -> Option<(usize, &[f32])> {
        let (near, shares) = self.near.as_ref()?;
        let count = near.count as usize;
        let level = target.checked_sub(near.first).filter(|&l| l < near.count)? as usize;
        Some((near.first as usize, shares.get(level * count..(level + 1) * count)?))
    }

    /// The cross entropy of one row of logits, which become its gradient times `scale`.
    fn entropy(&self, row: &mut [f32], target: u32, scale: f32) -> f32 {
        let kept = (1.0 - self.even) * scale;
        match self.shared(target) {
            None => {
                let at = target as usize;
                let value = row[at];
                let loss = entropy_row(row, value, self.even, scale);
                row[at] -= kept;
                loss
            }
            Some((first, shares)) => {
                let levels = &row[first..first + shares.len()];
                let value = levels.iter().zip(shares).map(|(x, q)| x * q).sum();
                let loss = entropy_row(row, value, self.even, scale);
                let levels = &mut row[first..first + shares.len()];
                levels.iter_mut().zip(shares).for_each(|(g, q)| *g -= kept * q);
                loss
            }
        }
    }

    /// The softened targets as rows over the vocabulary, `[n, vocab]`; zeros for those that are ignored.
    fn rows(&self, vocab: usize) -> Vec<f32> {
        let mut all = vec![0f32; self.ids.len() * vocab];
        for (row, &target) in all.chunks_exact_mut(vocab).zip(&self.ids) {
            if target == self.ignore {
                continue;
            }
            row.fill(self.even / vocab as f32);
            match self.shared(target) {
                None => row[target as usize] += 1.0 - self.even,
                Some((first, shares)) => {
                    let levels = row[first..].iter_mut().zip(shares);
                    levels.for_each(|(q, share)| *q += (1.0 - self.even) * share);
                }
            }
        }
        all
    }
}

/// Mean of the cross entropy of `logits` `[n, vocab]` against `targets` other than `ignore`, in nats; 0 where all are
/// ignored.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn cross_entropy(
    logits: &Tensor,
    targets: &[u32],
    ignore: u32,
    smoothing: impl Into<Smoothing>,
) -> Result<Tensor> {
    let count = targets.iter().filter(|&&t| t != ignore).count();
    cross_entropy_sum(logits, targets, ignore, smoothing)? / count.max(1) as f64
}

/// As [`cross_entropy`], summed: shards of a batch divide by the whole batch's count.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn cross_entropy_sum(
    logits: &Tensor,
    targets: &[u32],
    ignore: u32,
    smoothing: impl Into<Smoothing>,
) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    if n != targets.len() {
        candle_core::bail!("{} targets for logits {:?}", targets.len(), logits.shape());
    }
    let targets = checked(targets, ignore, smoothing.into(), vocab)?;
    if fused(&[logits]) {
        return logits
            .contiguous()?
            .apply_op1(CrossEntropy { targets, gradient: Mutex::new(None) });
    }
    composed(logits, &targets)
}

/// `scale` times the summed cross entropy of the logits `hidden · wᵀ` against `targets` other than `ignore`, in nats:
/// `hidden` `[n, d]`, `w` `[vocab, d]`. The logits are computed some rows at a time and never stand in memory as a whole;
/// the gradients are there with the forward pass.
///
/// # Errors
/// Shapes that do not fit; a target outside the vocabulary.
pub fn linear_cross_entropy(
    hidden: &Tensor,
    w: &Tensor,
    targets: &[u32],
    ignore: u32,
    smoothing: impl Into<Smoothing>,
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
    let targets = checked(targets, ignore, smoothing.into(), vocab)?;
    if fused(&[hidden, w]) {
        let op = Head {
            targets,
            scale: scale as f32,
            precision: precision(),
            gradients: Mutex::new(None),
        };
        return hidden.contiguous()?.apply_op2(&w.contiguous()?, op);
    }
    composed(&hidden.matmul(&w.t()?)?, &targets)? * scale
}

fn checked(ids: &[u32], ignore: u32, smoothing: Smoothing, vocab: usize) -> Result<Softened> {
    if let Some(bad) = ids.iter().find(|&&t| t != ignore && t as usize >= vocab) {
        candle_core::bail!("target {bad} outside a vocabulary of {vocab}");
    }
    if let Some(near) = smoothing.near {
        if near.first as usize + near.count as usize > vocab || near.width <= 0.0 {
            candle_core::bail!("{near:?} does not fit a vocabulary of {vocab}");
        }
    }
    Ok(Softened::new(ids, ignore, smoothing))
}

fn composed(logits: &Tensor, targets: &Softened) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_probs = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?;
    let wanted = Tensor::from_vec(targets.rows(vocab), (n, vocab), logits.device())?;
    log_probs.mul(&wanted.to_dtype(log_probs.dtype())?)?.sum_all()?.neg()
}

/// The cross entropy of one row of logits whose target's logit, or the mean of them, is `at_target`. The row becomes the
/// gradient times `scale`, but for what the target itself takes off.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn entropy_row(row: &mut [f32], at_target: f32, even: f32, scale: f32) -> f32 {
    let spread = even / row.len() as f32;
    let top = max(row);
    let all = if even > 0.0 { sum(row, |v| v) } else { 0.0 };
    row.iter_mut().for_each(|x| *x = exp(*x - top));
    let norm = sum(row, |v| v);
    let log_norm = norm.ln() + top;
    let factor = scale / norm;
    row.iter_mut().for_each(|g| *g = *g * factor - spread * scale);
    (1.0 - even) * (log_norm - at_target) + even * log_norm - spread * all
}

/// Rows whose logits are in memory at a time: enough to make products of, few enough for the third-level cache.
const HEAD_ROWS: usize = 256;

struct Head {
    targets: Softened,
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
        // Packed once, not for every chunk of rows.
        let to_logits = Packed::new(precision, (vocab, d), columns_of(w, d));
        let to_hidden = Packed::new(precision, (d, vocab), rows_of(w, d));
        let mut d_hidden = Vec::with_capacity(hidden.len());
        let mut d_w = vec![0f32; w.len()];
        let mut total = 0f64;
        let chunks = hidden.chunks(HEAD_ROWS * d).zip(self.targets.ids.chunks(HEAD_ROWS));
        for (hidden, targets) in chunks {
            let rows = targets.len();
            let left = rows_of(hidden, d);
            let mut logits = to_logits.new_product(rows, left);
            for (row, &target) in logits.chunks_exact_mut(vocab).zip(targets) {
                if target == self.targets.ignore {
                    row.fill(0.0);
                } else {
                    total += f64::from(self.targets.entropy(row, target, self.scale));
                }
            }
            d_hidden.append(&mut to_hidden.new_product(rows, rows_of(&logits, vocab)));
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
    targets: Softened,
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
        for ((x, g), &target) in rows.zip(&self.targets.ids) {
            if target != self.targets.ignore {
                g.copy_from_slice(x);
                total += f64::from(self.targets.entropy(g, target, 1.0));
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
