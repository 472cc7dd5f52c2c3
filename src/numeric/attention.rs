//! Attention with a relative bias, a key mask and a causal mask in one operation (Vaswani et al. 2017; biases as in
//! Raffel et al. 2020 and Dai et al. 2020).

use std::sync::{Arc, Mutex};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, D,
};

use super::slices::{fused, product, softmax, softmax_backward, view, with, Matrix, Target};

/// A masked score: far below any other, and finite, so that a row without any key is uniform and not NaN.
const MASKED: f32 = -1e9;

/// Which entry of a bias row belongs to which key.
#[derive(Debug, Clone)]
pub enum RelativeIndex {
    /// Entry j.
    Direct,
    /// The entry that the table gives for query i and key j, at `i · keys + j`.
    Table(Arc<Vec<u32>>),
}

/// What is added to the scores.
#[derive(Debug, Clone)]
pub struct Bias<'a> {
    /// `[1 or batch, heads, queries, entries]`.
    pub values: &'a Tensor,
    /// Which entry belongs to which key.
    pub index: RelativeIndex,
}

/// Queries, keys and values, as products with joined weights give them.
#[derive(Debug, Clone, Copy)]
pub enum Projections<'a> {
    /// Keys and values side by side.
    Pair {
        /// `[batch, queries, heads · d_head]`.
        q: &'a Tensor,
        /// `[batch, keys, 2 · heads · d_head]`.
        kv: &'a Tensor,
    },
    /// Queries, keys and values of the same positions side by side, `[batch, positions, 3 · heads · d_head]`.
    Joined(&'a Tensor),
}

impl Projections<'_> {
    /// Batch, queries, keys, and `heads · d_head`.
    fn sizes(&self) -> Result<(usize, usize, usize, usize)> {
        match self {
            Self::Pair { q, kv } => {
                let (batch, queries, width) = q.dims3()?;
                let keys = kv.dim(1)?;
                if kv.dims() != [batch, keys, 2 * width] {
                    candle_core::bail!(
                        "attention: queries {:?}, keys and values {:?}",
                        q.shape(),
                        kv.shape()
                    );
                }
                Ok((batch, queries, keys, width))
            }
            Self::Joined(qkv) => {
                let (batch, positions, width) = qkv.dims3()?;
                if width % 3 != 0 {
                    candle_core::bail!("attention: queries, keys, values {:?}", qkv.shape());
                }
                Ok((batch, positions, positions, width / 3))
            }
        }
    }

    /// Queries, keys and values apart.
    fn split(&self) -> Result<[Tensor; 3]> {
        let (_, _, _, width) = self.sizes()?;
        let part = |x: &Tensor, at: usize| x.narrow(2, at * width, width);
        Ok(match self {
            Self::Pair { q, kv } => [(*q).clone(), part(kv, 0)?, part(kv, 1)?],
            Self::Joined(qkv) => [part(qkv, 0)?, part(qkv, 1)?, part(qkv, 2)?],
        })
    }
}

/// The operands of [`attention`].
#[derive(Debug, Clone)]
pub struct AttentionArgs<'a> {
    /// Queries, keys and values.
    pub input: Projections<'a>,
    /// Heads.
    pub heads: usize,
    /// Factor on the products of queries and keys.
    pub scale: f64,
    /// Whether query i sees keys 0…i only.
    pub causal: bool,
    /// `[batch, keys]`: 1 keeps a key, 0 drops it.
    pub key_mask: Option<&'a Tensor>,
    /// Added to the scores.
    pub bias: Option<Bias<'a>>,
}

/// `softmax(scale · q·kᵀ + bias) · v` per head: `[batch, queries, heads · d_head]`. A query that sees no key takes the
/// mean of all values.
///
/// # Errors
/// Shapes that do not fit.
pub fn attention(args: &AttentionArgs<'_>) -> Result<Tensor> {
    let first = match args.input {
        Projections::Pair { q, .. } | Projections::Joined(q) => q,
    };
    let mut tensors = vec![first];
    tensors.extend(args.bias.iter().map(|b| b.values));
    if !fused(&tensors) {
        return composed_attention(args, &Ok);
    }
    let (batch, queries, keys, width) = args.input.sizes()?;
    if args.heads == 0 || width % args.heads != 0 {
        candle_core::bail!("attention: {width} is no multiple of {} heads", args.heads);
    }
    let mask = match args.key_mask {
        Some(mask) if mask.dims() == [batch, keys] => {
            Some(mask.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
        }
        Some(mask) => candle_core::bail!("attention: mask {:?} for {keys} keys", mask.shape()),
        None => None,
    };
    let joined = matches!(args.input, Projections::Joined(_));
    let mut op = Attention {
        batch,
        heads: args.heads,
        queries,
        keys,
        d: width / args.heads,
        scale: args.scale as f32,
        causal: args.causal,
        joined,
        mask,
        bias: None,
        weights: Mutex::new(None),
    };
    let first = first.contiguous()?;
    let second = match args.input {
        Projections::Pair { kv, .. } => Some(kv.contiguous()?),
        Projections::Joined(_) => None,
    };
    let Some(bias) = &args.bias else {
        return match &second {
            Some(kv) => first.apply_op2(kv, op),
            None => first.apply_op1(op),
        };
    };
    let (rows, heads, bias_queries, entries) = bias.values.dims4()?;
    let fits = match &bias.index {
        RelativeIndex::Direct => entries == keys,
        RelativeIndex::Table(t) => {
            t.len() == queries * keys && t.iter().all(|&i| (i as usize) < entries)
        }
    };
    if !fits || heads != args.heads || bias_queries != queries || (rows != 1 && rows != batch) {
        candle_core::bail!("attention: bias {:?} does not fit", bias.values.shape());
    }
    op.bias = Some(BiasShape { rows, entries, index: bias.index.clone() });
    let bias = bias.values.contiguous()?;
    match &second {
        Some(kv) => first.apply_op3(kv, &bias, op),
        None => first.apply_op2(&bias, op),
    }
}

/// The same from candle's operations, for other devices and number types; `on_weights` sees the softmax, `[batch, heads,
/// queries, keys]`, and can drop some of it out.
///
/// # Errors
/// Shapes that do not fit.
pub fn composed_attention(
    args: &AttentionArgs<'_>,
    on_weights: &dyn Fn(Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (b, sq, sk, width) = args.input.sizes()?;
    let h = args.heads;
    let [q, k, v] = args.input.split()?;
    let (device, dtype) = (q.device().clone(), q.dtype());
    let device = &device;
    let split = |x: &Tensor, s: usize| {
        x.contiguous()?.reshape((b, s, h, width / h))?.transpose(1, 2)?.contiguous()
    };
    let (q, k, v) = (split(&q, sq)?, split(&k, sk)?, split(&v, sk)?);
    let mut scores = (q.matmul(&k.t()?.contiguous()?)? * args.scale)?; // [b, h, sq, sk]
    if let Some(bias) = &args.bias {
        let values = match &bias.index {
            RelativeIndex::Direct => bias.values.clone(),
            RelativeIndex::Table(table) => {
                let (vb, vh, _, _) = bias.values.dims4()?;
                let index = Tensor::from_slice(table, (1, 1, sq, sk), device)?;
                let index = index.expand((vb, vh, sq, sk))?.contiguous()?;
                bias.values.contiguous()?.gather(&index, 3)?
            }
        };
        scores = scores.broadcast_add(&values)?;
    }
    let mut keep = Tensor::ones((b, 1, sq, sk), DType::F32, device)?;
    if let Some(mask) = args.key_mask {
        keep = keep.broadcast_mul(&mask.to_dtype(DType::F32)?.reshape((b, 1, 1, sk))?)?;
    }
    if args.causal {
        let past = (0..sq * sk).map(|x| f32::from(u8::from(x % sk <= x / sk)));
        let past = Tensor::from_vec(past.collect::<Vec<_>>(), (1, 1, sq, sk), device)?;
        keep = keep.broadcast_mul(&past)?;
    }
    let keep = keep.to_dtype(dtype)?;
    let low = ((&keep - 1.0)? * -f64::from(MASKED))?;
    let scores = scores.broadcast_mul(&keep)?.broadcast_add(&low)?;
    let top = scores.max_keepdim(D::Minus1)?.detach();
    let weights = scores.broadcast_sub(&top)?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    on_weights(weights)?.matmul(&v)?.transpose(1, 2)?.contiguous()?.reshape((b, sq, width))
}

struct BiasShape {
    rows: usize,
    entries: usize,
    index: RelativeIndex,
}

impl BiasShape {
    /// Where the bias row of (batch row, head, query) starts.
    fn start(&self, b: usize, head: usize, query: usize, heads: usize, queries: usize) -> usize {
        let b = if self.rows == 1 { 0 } else { b };
        ((b * heads + head) * queries + query) * self.entries
    }
}

struct Attention {
    batch: usize,
    heads: usize,
    queries: usize,
    keys: usize,
    d: usize,
    scale: f32,
    causal: bool,
    /// Whether queries, keys and values stand side by side in one operand.
    joined: bool,
    mask: Option<Vec<f32>>,
    bias: Option<BiasShape>,
    /// The forward pass's softmax, `[batch, heads, queries, keys]`, for the backward pass.
    weights: Mutex<Option<Vec<f32>>>,
}

impl Attention {
    /// Where a head's queries lie in the first operand: start, and numbers from row to row.
    fn q_place(&self, b: usize, head: usize) -> (usize, usize) {
        let row = self.heads * self.d * if self.joined { 3 } else { 1 };
        (b * self.queries * row + head * self.d, row)
    }

    /// Where a head's keys (`part` 0) or values (1) lie in the last operand.
    fn kv_place(&self, b: usize, head: usize, part: usize) -> (usize, usize) {
        let width = self.heads * self.d;
        let (row, first) = if self.joined { (3 * width, width) } else { (2 * width, 0) };
        (b * self.keys * row + first + part * width + head * self.d, row)
    }

    fn q<'a>(&self, data: &'a [f32], b: usize, head: usize) -> Matrix<'a> {
        let (start, row) = self.q_place(b, head);
        Matrix { data, start, row, column: 1 }
    }

    fn kv<'a>(&self, data: &'a [f32], b: usize, head: usize, part: usize) -> Matrix<'a> {
        let (start, row) = self.kv_place(b, head, part);
        Matrix { data, start, row, column: 1 }
    }

    fn hidden(&self, b: usize, query: usize, key: usize) -> bool {
        (self.causal && key > query)
            || self.mask.as_ref().is_some_and(|m| m[b * self.keys + key] <= 0.0)
    }

    fn forward(&self, q: &[f32], kv: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let (sq, sk, d, width) = (self.queries, self.keys, self.d, self.heads * self.d);
        let mut out = vec![0f32; self.batch * sq * width];
        let mut weights = vec![0f32; self.batch * self.heads * sq * sk];
        for b in 0..self.batch {
            for head in 0..self.heads {
                let scores = &mut weights[(b * self.heads + head) * sq * sk..][..sq * sk];
                let target = Target { data: scores, start: 0, row: sk };
                let keys = transposed(self.kv(kv, b, head, 0));
                product((sq, sk, d), self.scale, self.q(q, b, head), keys, target, false);
                for (i, row) in scores.chunks_exact_mut(sk).enumerate() {
                    if let (Some(bias), Some(shape)) = (bias, &self.bias) {
                        let start = shape.start(b, head, i, self.heads, sq);
                        let values = &bias[start..start + shape.entries];
                        match &shape.index {
                            RelativeIndex::Direct => {
                                row.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                            }
                            RelativeIndex::Table(table) => {
                                let index = &table[i * sk..(i + 1) * sk];
                                for (s, &at) in row.iter_mut().zip(index) {
                                    *s += values[at as usize];
                                }
                            }
                        }
                    }
                    if self.causal {
                        row.iter_mut().skip(i + 1).for_each(|s| *s = MASKED);
                    }
                    if let Some(mask) = &self.mask {
                        for (s, &m) in row.iter_mut().zip(&mask[b * sk..(b + 1) * sk]) {
                            *s = if m > 0.0 { *s } else { MASKED };
                        }
                    }
                    softmax(row);
                }
                let target =
                    Target { data: &mut out, start: b * sq * width + head * d, row: width };
                let p = Matrix { data: scores, start: 0, row: sk, column: 1 };
                product((sq, d, sk), 1.0, p, self.kv(kv, b, head, 1), target, false);
            }
        }
        if let Ok(mut slot) = self.weights.lock() {
            *slot = Some(weights);
        }
        out
    }

    /// Gradients of the operands, the bias's last and empty without one. `kv` is `None` where all are joined.
    fn backward(&self, q: &[f32], kv: Option<&[f32]>, g: &[f32]) -> Result<[Vec<f32>; 3]> {
        let Some(weights) = self.weights.lock().ok().and_then(|mut slot| slot.take()) else {
            candle_core::bail!("the gradient of an attention is there once");
        };
        let (sq, sk, d, width) = (self.queries, self.keys, self.d, self.heads * self.d);
        let mut dq = vec![0f32; q.len()];
        let mut dkv = vec![0f32; kv.map_or(0, <[f32]>::len)];
        let entries = self.bias.as_ref().map_or(0, |s| s.rows * self.heads * sq * s.entries);
        let mut dbias = vec![0f32; entries];
        let mut ds = vec![0f32; sq * sk];
        let source = kv.unwrap_or(q);
        for b in 0..self.batch {
            for head in 0..self.heads {
                let p = &weights[(b * self.heads + head) * sq * sk..][..sq * sk];
                let p_matrix = Matrix { data: p, start: 0, row: sk, column: 1 };
                let start = b * sq * width + head * d;
                let grad = Matrix { data: g, start, row: width, column: 1 };
                let (start, row) = self.kv_place(b, head, 1);
                let data = if self.joined { &mut dq } else { &mut dkv };
                let target = Target { data, start, row };
                product((sk, d, sq), 1.0, transposed(p_matrix), grad, target, false);
                let target = Target { data: &mut ds, start: 0, row: sk };
                let values = transposed(self.kv(source, b, head, 1));
                product((sq, sk, d), 1.0, grad, values, target, false);
                for (i, (p, ds)) in p.chunks_exact(sk).zip(ds.chunks_exact_mut(sk)).enumerate() {
                    softmax_backward(p, ds);
                    // Only a row without any key has weight on masked ones; its scores are constant.
                    if self.hidden(b, i, 0) && p[0] > 0.0 {
                        ds.fill(0.0);
                    }
                    if let Some(shape) = &self.bias {
                        let start = shape.start(b, head, i, self.heads, sq);
                        let into = &mut dbias[start..start + shape.entries];
                        match &shape.index {
                            RelativeIndex::Direct => {
                                into.iter_mut().zip(&*ds).for_each(|(t, d)| *t += d);
                            }
                            RelativeIndex::Table(table) => {
                                let index = &table[i * sk..(i + 1) * sk];
                                for (&at, d) in index.iter().zip(&*ds) {
                                    into[at as usize] += d;
                                }
                            }
                        }
                    }
                }
                let ds = Matrix { data: &ds, start: 0, row: sk, column: 1 };
                let (start, row) = self.q_place(b, head);
                let target = Target { data: &mut dq, start, row };
                product((sq, d, sk), self.scale, ds, self.kv(source, b, head, 0), target, false);
                let (start, row) = self.kv_place(b, head, 0);
                let data = if self.joined { &mut dq } else { &mut dkv };
                let target = Target { data, start, row };
                product((sk, d, sq), self.scale, transposed(ds), self.q(q, b, head), target, false);
            }
        }
        Ok([dq, dkv, dbias])
    }

    fn shape(&self) -> Shape {
        Shape::from((self.batch, self.queries, self.heads * self.d))
    }
}

fn transposed(x: Matrix<'_>) -> Matrix<'_> {
    Matrix { row: x.column, column: x.row, ..x }
}

impl Attention {
    /// The gradients as tensors of the operands' shapes.
    fn gradients(
        &self,
        q: &Tensor,
        kv: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>, Vec<f32>)> {
        let [dq, dkv, dbias] = with(q, |q| {
            with(grad, |g| match kv {
                Some(kv) => with(kv, |kv| self.backward(q, Some(kv), g)),
                None => self.backward(q, None, g),
            })
        })?;
        let dkv = kv.map(|kv| Tensor::from_vec(dkv, kv.shape(), q.device())).transpose()?;
        Ok((Tensor::from_vec(dq, q.shape(), q.device())?, dkv, dbias))
    }
}

/// Joined, without a bias.
impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention-joined"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = view(qkv, layout)?;
        Ok((CpuStorage::F32(self.forward(qkv, qkv, None)), self.shape()))
    }

    fn bwd(&self, qkv: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.gradients(qkv, None, grad)?.0))
    }
}

/// Joined with a bias, or a pair without one.
impl CustomOp2 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (first, second) = (view(first, first_layout)?, view(second, second_layout)?);
        let out = if self.joined {
            self.forward(first, first, Some(second))
        } else {
            self.forward(first, second, None)
        };
        Ok((CpuStorage::F32(out), self.shape()))
    }

    fn bwd(
        &self,
        first: &Tensor,
        second: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if self.joined {
            let (dqkv, _, dbias) = self.gradients(first, None, grad)?;
            let dbias = Tensor::from_vec(dbias, second.shape(), second.device())?;
            return Ok((Some(dqkv), Some(dbias)));
        }
        let (dq, dkv, _) = self.gradients(first, Some(second), grad)?;
        Ok((Some(dq), dkv))
    }
}

/// A pair with a bias.
impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention-bias"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        ql: &Layout,
        kv: &CpuStorage,
        kvl: &Layout,
        bias: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = self.forward(view(q, ql)?, view(kv, kvl)?, Some(view(bias, bl)?));
        Ok((CpuStorage::F32(out), self.shape()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        kv: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dq, dkv, dbias) = self.gradients(q, Some(kv), grad)?;
        Ok((Some(dq), dkv, Some(Tensor::from_vec(dbias, bias.shape(), bias.device())?)))
    }
}
