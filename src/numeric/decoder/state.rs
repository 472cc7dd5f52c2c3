//! What changes during generation: caches, buffers, and the step over all rows that are still going.

use super::super::activation::gelu;
use super::super::slices::{exp, max, product, sum, sum2, Matrix, Target};
use super::weights::{Packed, Weight};
use super::DecoderError;

/// Keys and values of one layer: `[slot, position, heads · d_kv]`.
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Cache {
    fn new(size: usize) -> Self {
        Self { keys: vec![0.0; size], values: vec![0.0; size] }
    }
}

/// Caches and buffers of one generation. A slot is a place in the cache; any set of slots can take a step.
pub(super) struct State<'a> {
    packed: &'a Packed,
    max_len: usize,
    /// Positions of the memory.
    memory_len: usize,
    /// Slots that share one memory.
    slots_per_row: usize,
    own: Vec<Cache>,
    cross: Vec<Cache>,
    hidden: Vec<f32>,
    normed: Vec<f32>,
    wide: Vec<f32>,
    attended: Vec<f32>,
    scores: Vec<f32>,
    logits: Vec<f32>,
}

impl<'a> State<'a> {
    /// A state of `slots` slots over `rows` memories, `slots / rows` slots to each. Keys and values of the memories are
    /// computed here, once.
    pub(super) fn new(
        packed: &'a Packed,
        memory: &[f32],
        rows: usize,
        slots: usize,
        max_len: usize,
    ) -> Result<Self, DecoderError> {
        let spec = &packed.spec;
        let (d, width) = (spec.d_model, spec.heads * spec.d_kv);
        let memory_len = memory.len().checked_div(rows * d).unwrap_or(0);
        if memory.len() != rows * memory_len * d || (rows > 0 && memory_len == 0) {
            return Err(DecoderError::Memory { found: memory.len(), rows, d_model: d });
        }
        let mut cross = Vec::with_capacity(packed.layers.len());
        let mut kv = vec![0f32; rows * memory_len * 2 * width];
        for layer in &packed.layers {
            multiply(memory, &layer.cross_kv, &mut kv, false);
            let mut cache = Cache::new(rows * memory_len * width);
            for (i, row) in kv.chunks_exact(2 * width).enumerate() {
                cache.keys[i * width..][..width].copy_from_slice(&row[..width]);
                cache.values[i * width..][..width].copy_from_slice(&row[width..]);
            }
            cross.push(cache);
        }
        let wide = packed.layers.iter().map(|l| l.ff_in.out).max().unwrap_or(0).max(3 * width);
        Ok(Self {
            packed,
            max_len,
            memory_len,
            slots_per_row: slots.checked_div(rows).unwrap_or(1).max(1),
            own: packed.layers.iter().map(|_| Cache::new(slots * max_len * width)).collect(),
            cross,
            hidden: vec![0.0; slots * d],
            normed: vec![0.0; slots * d],
            wide: vec![0.0; slots * wide],
            attended: vec![0.0; slots * width.max(spec.d_ff)],
            scores: vec![0.0; max_len.max(memory_len)],
            logits: vec![0.0; slots * spec.vocab],
        })
    }

    /// Feeds `ids[i]` to slot `live[i]` at `position` and gives the logits, `[live, vocab]`.
    pub(super) fn step(&mut self, live: &[usize], ids: &[u32], position: usize) -> &mut [f32] {
        let packed = self.packed;
        let spec = &packed.spec;
        let (n, d, width) = (live.len(), spec.d_model, spec.heads * spec.d_kv);
        for (&id, hidden) in ids.iter().zip(self.hidden.chunks_exact_mut(d)) {
            hidden.copy_from_slice(&packed.embedding[id as usize * d..][..d]);
        }
        for (index, layer) in packed.layers.iter().enumerate() {
            rms_norm(&self.hidden[..n * d], &layer.self_norm, spec.eps, &mut self.normed);
            multiply(&self.normed[..n * d], &layer.qkv, &mut self.wide, false);
            let cache = &mut self.own[index];
            let rows = self.wide.chunks_exact(3 * width).zip(self.attended.chunks_exact_mut(width));
            for ((qkv, out), &slot) in rows.zip(live) {
                let start = slot * self.max_len * width;
                let at = start + position * width;
                cache.keys[at..at + width].copy_from_slice(&qkv[width..2 * width]);
                cache.values[at..at + width].copy_from_slice(&qkv[2 * width..]);
                let (keys, values) = (&cache.keys[start..], &cache.values[start..]);
                for head in 0..spec.heads {
                    let scores = &mut self.scores[..=position];
                    attend(&qkv[..width], keys, scores, head * spec.d_kv, spec.d_kv, width);
                    let bias = &packed.bias[head * (spec.max_distance + 1)..];
                    for (key, score) in scores.iter_mut().enumerate() {
                        *score += bias[(position - key).min(spec.max_distance)];
                    }
                    mix(scores, values, out, head * spec.d_kv, spec.d_kv, width);
                }
            }
            multiply(&self.attended[..n * width], &layer.self_out, &mut self.hidden, true);

            rms_norm(&self.hidden[..n * d], &layer.cross_norm, spec.eps, &mut self.normed);
            multiply(&self.normed[..n * d], &layer.cross_q, &mut self.wide, false);
            let cache = &self.cross[index];
            let rows = self.wide.chunks_exact(width).zip(self.attended.chunks_exact_mut(width));
            for ((q, out), &slot) in rows.zip(live) {
                let start = slot / self.slots_per_row * self.memory_len * width;
                let (keys, values) = (&cache.keys[start..], &cache.values[start..]);
                for head in 0..spec.heads {
                    let scores = &mut self.scores[..self.memory_len];
                    attend(q, keys, scores, head * spec.d_kv, spec.d_kv, width);
                    mix(scores, values, out, head * spec.d_kv, spec.d_kv, width);
                }
            }
            multiply(&self.attended[..n * width], &layer.cross_out, &mut self.hidden, true);

            rms_norm(&self.hidden[..n * d], &layer.ff_norm, spec.eps, &mut self.normed);
            multiply(&self.normed[..n * d], &layer.ff_in, &mut self.wide, false);
            let inner = self.wide.chunks_exact(layer.ff_in.out);
            for (out, inner) in self.attended.chunks_exact_mut(spec.d_ff).zip(inner).take(n) {
                if spec.gated {
                    let (gate, value) = inner.split_at(spec.d_ff);
                    for ((o, &g), &v) in out.iter_mut().zip(gate).zip(value) {
                        *o = gelu(g) * v;
                    }
                } else {
                    out.iter_mut().zip(inner).for_each(|(o, &v)| *o = v.max(0.0));
                }
            }
            multiply(&self.attended[..n * spec.d_ff], &layer.ff_out, &mut self.hidden, true);
        }
        rms_norm(&self.hidden[..n * d], &packed.final_norm, spec.eps, &mut self.normed);
        multiply(&self.normed[..n * d], &packed.head, &mut self.logits, false);
        &mut self.logits[..n * spec.vocab]
    }

    /// Copies what slot `from` has seen in its first `positions` positions to slot `to`.
    pub(super) fn copy_slot(&mut self, from: usize, to: usize, positions: usize) {
        let width = self.packed.spec.heads * self.packed.spec.d_kv;
        let (from, to) = (from * self.max_len * width, to * self.max_len * width);
        for cache in &mut self.own {
            cache.keys.copy_within(from..from + positions * width, to);
            cache.values.copy_within(from..from + positions * width, to);
        }
    }
}

/// `out ← x · w`, or `+=` with `add`; `x` is as many rows as it holds.
fn multiply(x: &[f32], w: &Weight, out: &mut [f32], add: bool) {
    let m = x.len().checked_div(w.inner).unwrap_or(0);
    let a = Matrix { data: x, start: 0, row: w.inner, column: 1 };
    let b = Matrix { data: &w.data, start: 0, row: w.out, column: 1 };
    product((m, w.out, w.inner), 1.0, a, b, Target { data: out, start: 0, row: w.out }, add);
}

fn rms_norm(x: &[f32], w: &[f32], eps: f32, out: &mut [f32]) {
    let d = w.len();
    for (x, out) in x.chunks_exact(d).zip(out.chunks_exact_mut(d)) {
        let r = 1.0 / (sum(x, |v| v * v) / d as f32 + eps).sqrt();
        for ((o, &x), &w) in out.iter_mut().zip(x).zip(w) {
            *o = x * r * w;
        }
    }
}

/// Scores of one head's query against its keys; a key every `stride` numbers.
fn attend(q: &[f32], keys: &[f32], scores: &mut [f32], at: usize, width: usize, stride: usize) {
    let q = &q[at..at + width];
    for (score, key) in scores.iter_mut().zip(keys.chunks_exact(stride)) {
        *score = sum2(q, &key[at..at + width], |q, k| q * k);
    }
}

/// The softmax of `scores` applied to one head's values.
fn mix(
    scores: &mut [f32],
    values: &[f32],
    out: &mut [f32],
    at: usize,
    width: usize,
    stride: usize,
) {
    let top = max(scores);
    scores.iter_mut().for_each(|s| *s = exp(*s - top));
    let scale = 1.0 / sum(scores, |s| s);
    let out = &mut out[at..at + width];
    out.fill(0.0);
    for (score, value) in scores.iter().zip(values.chunks_exact(stride)) {
        let weight = score * scale;
        for (o, v) in out.iter_mut().zip(&value[at..at + width]) {
            *o += weight * v;
        }
    }
}
