//! One pass of the decoder over any set of cache slots and positions, by a team of threads.
//!
//! Between two barriers every member computes its own columns of a product, or its own rows and heads of an attention. A
//! position's result depends neither on what else is in the pass nor on the number of members.
#![allow(unsafe_code)]

use super::super::activation::gelu;
use super::super::kernel::{multiply, Isa, Left, Pairs, Panels, Precision, Write, PANEL};
use super::super::open::{NestedSlots, Open};
use super::super::slices::{dot, log_softmax, position_of_max, rms_norm_rows, softmax_mix};
use super::super::team::{self, share, Barrier, Buffer, Handed};
use super::weights::{Packed, PackedLayer};
use super::DecoderError;

/// A token that a pass feeds: to which slot, at which position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub slot: usize,
    pub position: usize,
    pub id: u32,
}

/// What a pass has to give for every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Want {
    /// The most probable id.
    #[default]
    Best,
    /// All log probabilities.
    LogProbs,
}

/// What the lead hands to the others before a pass.
#[derive(Default)]
struct Order {
    entries: Vec<Entry>,
    /// What is open behind each entry; empty where the model is not told.
    open: Vec<Open>,
    want: Want,
    suppress: Vec<u32>,
    stop: bool,
}

/// Keys and values of one layer: `[slot, position, heads · d_kv]`.
struct Cache {
    keys: Buffer,
    values: Buffer,
}

impl Cache {
    fn new(size: usize) -> Self {
        Self { keys: Buffer::new(size), values: Buffer::new(size) }
    }
}

/// A member's own working memory.
#[derive(Default)]
struct Scratch {
    normed: Vec<f32>,
    pairs: Pairs,
    scores: Vec<f32>,
}

/// Caches and buffers of one generation.
struct Shared<'a> {
    packed: &'a Packed,
    isa: Isa,
    members: usize,
    /// Positions of a slot.
    max_len: usize,
    /// Positions of a memory.
    memory_len: usize,
    slots_per_memory: usize,
    own: Vec<Cache>,
    cross: Vec<Cache>,
    memory: &'a [f32],
    memory_kv: Buffer,
    hidden: Buffer,
    wide: Buffer,
    attended: Buffer,
    logits: Buffer,
    /// Per entry and member: the largest logit among the member's columns, and its id.
    best: Vec<Handed<Vec<(f32, u32)>>>,
    order: Handed<Order>,
}

/// What can be asked of a team that decodes.
pub(super) struct Steps<'a, 'b> {
    shared: &'b Shared<'a>,
    barrier: &'b Barrier,
    scratch: Scratch,
    best: Vec<u32>,
    /// Where the model is told what is open.
    nested: Option<NestedSlots<'a>>,
    capacity: usize,
}

/// Sizes of a generation.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Memories.
    pub rows: usize,
    /// Cache slots; `slots / rows` share a memory.
    pub slots: usize,
    /// Positions of a slot.
    pub max_len: usize,
    /// Entries of a pass at most.
    pub capacity: usize,
    /// Threads.
    pub threads: usize,
}

/// Runs `drive` with a team that has caches for `room.slots` slots over the memories.
pub(super) fn with_steps<R>(
    packed: &Packed,
    memory: &[f32],
    room: Room,
    suppress: &[u32],
    drive: impl FnOnce(&mut Steps<'_, '_>) -> R,
) -> Result<R, DecoderError> {
    let spec = &packed.spec;
    let (d, width) = (spec.d_model, spec.heads * spec.d_kv);
    let memory_len = memory.len().checked_div(room.rows * d).unwrap_or(0);
    if memory.len() != room.rows * memory_len * d || (room.rows > 0 && memory_len == 0) {
        return Err(DecoderError::Memory { found: memory.len(), rows: room.rows, d_model: d });
    }
    let capacity = room.capacity;
    let members = room.threads.max(1);
    let wide = packed.layers.iter().map(|l| l.ff_in.out()).max().unwrap_or(0).max(3 * width);
    let per_memory = room.rows * memory_len;
    let shared = Shared {
        packed,
        isa: Isa::best(),
        members,
        max_len: room.max_len,
        memory_len,
        slots_per_memory: room.slots.checked_div(room.rows).unwrap_or(1).max(1),
        own: packed.layers.iter().map(|_| Cache::new(room.slots * room.max_len * width)).collect(),
        cross: packed.layers.iter().map(|_| Cache::new(per_memory * width)).collect(),
        memory,
        memory_kv: Buffer::new(per_memory * 2 * width),
        hidden: Buffer::new(capacity * d),
        wide: Buffer::new(capacity * wide),
        attended: Buffer::new(capacity * width.max(spec.d_ff)),
        logits: Buffer::new(capacity * spec.vocab),
        best: (0..members).map(|_| Handed::default()).collect(),
        order: Handed::new(Order { suppress: suppress.to_vec(), ..Order::default() }),
    };
    let shared = &shared;
    let follow = |member: usize, barrier: &Barrier| {
        let mut scratch = Scratch::default();
        shared.read_memory(member, barrier, &mut scratch);
        loop {
            barrier.wait();
            // SAFETY: the lead writes orders before this barrier and not again before the next one.
            if unsafe { shared.order.read() }.stop {
                return;
            }
            shared.pass(member, barrier, &mut scratch);
        }
    };
    Ok(team::run(members, follow, |barrier| {
        let mut scratch = Scratch::default();
        shared.read_memory(0, barrier, &mut scratch);
        let nested = packed.nesting.as_ref();
        let nested = nested.map(|(nesting, _)| NestedSlots::new(nesting, room.slots, room.max_len));
        let mut steps = Steps { shared, barrier, scratch, best: Vec::new(), nested, capacity };
        let result = drive(&mut steps);
        // SAFETY: the others wait for the next order.
        unsafe { shared.order.write() }.stop = true;
        barrier.wait();
        result
    }))
}

impl Steps<'_, '_> {
    /// Feeds the entries, those of a slot in the order of their positions; gives the most probable id after each.
    pub(super) fn best(&mut self, entries: &[Entry]) -> &[u32] {
        self.pass(entries, Want::Best);
        self.best.clear();
        for entry in 0..entries.len() {
            // SAFETY: the members have written this before the pass's last barrier.
            let of = |m: &Handed<Vec<(f32, u32)>>| unsafe { m.read() }[entry];
            let mut members = self.shared.best.iter().map(of);
            let first = members.next().unwrap_or((f32::NEG_INFINITY, 0));
            // Members hold ascending ids, so that an equal logit further on does not win.
            let (_, id) = members.fold(first, |best, m| if m.0 > best.0 { m } else { best });
            self.best.push(id);
        }
        &self.best
    }

    /// As [`Steps::best`], but all log probabilities, `[entries, vocab]`.
    pub(super) fn log_probs(&mut self, entries: &[Entry]) -> &[f32] {
        self.pass(entries, Want::LogProbs);
        // SAFETY: nobody writes logits until the next order.
        unsafe { self.shared.logits.read(0..entries.len() * self.shared.packed.spec.vocab) }
    }

    fn pass(&mut self, entries: &[Entry], want: Want) {
        assert!(entries.len() <= self.capacity, "more entries than a pass has room for");
        // SAFETY: the others wait for this order.
        let order = unsafe { self.shared.order.write() };
        order.entries.clear();
        order.entries.extend_from_slice(entries);
        order.open.clear();
        if let Some(nested) = &mut self.nested {
            order.open.extend(entries.iter().map(|e| nested.feed(e.slot, e.position, e.id)));
        }
        order.want = want;
        self.barrier.wait();
        self.shared.pass(0, self.barrier, &mut self.scratch);
    }

    /// Copies what slot `from` has seen in its first `positions` positions to slot `to`.
    pub(super) fn copy_slot(&mut self, from: usize, to: usize, positions: usize) {
        self.nested.iter_mut().for_each(|nested| nested.copy(from, to, positions));
        let stride = self.shared.max_len * self.shared.width();
        let size = positions * self.shared.width();
        for cache in &self.shared.own {
            for buffer in [&cache.keys, &cache.values] {
                // SAFETY: the others wait for an order, and two slots do not overlap.
                unsafe {
                    let source = buffer.read(from * stride..from * stride + size);
                    buffer.write(to * stride..to * stride + size).copy_from_slice(source);
                }
            }
        }
    }
}

impl Shared<'_> {
    fn width(&self) -> usize {
        self.packed.spec.heads * self.packed.spec.d_kv
    }

    /// A member's columns of `x · w`.
    fn product(
        &self,
        member: usize,
        x: &[f32],
        w: &Panels,
        pairs: &mut Pairs,
        out: &Buffer,
        write: Write,
    ) {
        let left = Left::rows(x, w.inner());
        if w.precision() == Precision::Bf16 {
            pairs.fill(self.isa, left, w.inner());
        }
        let panels = share(w.count(), member, self.members);
        assert!(left.rows * w.out() <= out.len());
        // SAFETY: the buffer has room for all rows, every member writes its own columns, and nobody reads them before
        // the barrier that follows every product.
        unsafe { multiply(self.isa, left, pairs, w, panels, (out.start(), w.out()), write) };
    }

    /// Keys and values of the memories, once per generation.
    fn read_memory(&self, member: usize, barrier: &Barrier, scratch: &mut Scratch) {
        let width = self.width();
        let rows = self.memory.len() / self.packed.spec.d_model.max(1);
        for (layer, cache) in self.packed.layers.iter().zip(&self.cross) {
            let pairs = &mut scratch.pairs;
            self.product(member, self.memory, &layer.cross_kv, pairs, &self.memory_kv, Write::Set);
            barrier.wait();
            for row in share(rows, member, self.members) {
                // SAFETY: products are complete behind the barrier; every member writes its own rows.
                unsafe {
                    let both = self.memory_kv.read(row * 2 * width..(row + 1) * 2 * width);
                    let at = row * width..(row + 1) * width;
                    cache.keys.write(at.clone()).copy_from_slice(&both[..width]);
                    cache.values.write(at).copy_from_slice(&both[width..]);
                }
            }
            barrier.wait();
        }
    }

    /// A member's part of a pass; what the order wants is complete when it returns.
    fn pass(&self, member: usize, barrier: &Barrier, scratch: &mut Scratch) {
        let packed = self.packed;
        let spec = &packed.spec;
        // SAFETY: the lead does not write orders during a pass.
        let order = unsafe { self.order.read() };
        let entries = &order.entries;
        let (n, d) = (entries.len(), spec.d_model);
        for row in share(n, member, self.members) {
            let from = entries[row].id as usize * d;
            // SAFETY: every member writes its own rows.
            let hidden = unsafe { self.hidden.write(row * d..(row + 1) * d) };
            hidden.copy_from_slice(&packed.embedding[from..from + d]);
            let place = entries[row].position * d;
            let placed = packed.positions.get(place..place + d);
            let told = order.open.get(row).into_iter().flat_map(|&open| packed.told(open));
            for added in placed.into_iter().chain(told) {
                hidden.iter_mut().zip(added).for_each(|(h, a)| *h += a);
            }
        }
        barrier.wait();
        for (index, layer) in packed.layers.iter().enumerate() {
            self.attend_own(layer, &self.own[index], entries, (member, barrier), scratch);
            self.attend_memory(layer, &self.cross[index], entries, (member, barrier), scratch);
            self.feed_forward(layer, n, (member, barrier), scratch);
        }
        self.normed(n, &packed.final_norm, &mut scratch.normed);
        let Scratch { normed, pairs, .. } = scratch;
        self.product(member, normed, &packed.head, pairs, &self.logits, Write::Set);
        if order.want == Want::Best {
            self.find_best(member, n, &order.suppress);
        } else {
            barrier.wait();
            for row in share(n, member, self.members) {
                // SAFETY: products are complete behind the barrier; every member writes its own rows.
                let row = unsafe { self.logits.write(row * spec.vocab..(row + 1) * spec.vocab) };
                for &id in order.suppress.iter().filter(|&&id| (id as usize) < spec.vocab) {
                    row[id as usize] = f32::NEG_INFINITY;
                }
                log_softmax(row);
            }
        }
        barrier.wait();
    }

    /// The largest of the member's own logits of every entry.
    fn find_best(&self, member: usize, n: usize, suppress: &[u32]) {
        let vocab = self.packed.spec.vocab;
        let panels = share(self.packed.head.count(), member, self.members);
        let columns = panels.start * PANEL..(panels.end * PANEL).min(vocab);
        // SAFETY: every member has its own list, read behind the pass's last barrier.
        let best = unsafe { self.best[member].write() };
        best.clear();
        for row in 0..n {
            // SAFETY: these are the columns that this member has just written.
            let logits = unsafe {
                self.logits.write(row * vocab + columns.start..row * vocab + columns.end)
            };
            for &id in suppress {
                if columns.contains(&(id as usize)) {
                    logits[id as usize - columns.start] = f32::NEG_INFINITY;
                }
            }
            best.push(match position_of_max(logits) {
                Some(at) => (logits[at], (columns.start + at) as u32),
                None => (f32::NEG_INFINITY, 0),
            });
        }
    }

    /// All hidden states, normed: every member needs them all, and computes them for itself.
    fn normed(&self, n: usize, weight: &[f32], out: &mut Vec<f32>) {
        let d = self.packed.spec.d_model;
        out.resize(n * d, 0.0);
        // SAFETY: hidden states are complete behind the last barrier, and written again behind the next one only.
        rms_norm_rows(unsafe { self.hidden.read(0..n * d) }, weight, self.packed.spec.eps, out);
    }

    fn attend_own(
        &self,
        layer: &PackedLayer,
        cache: &Cache,
        entries: &[Entry],
        (member, barrier): (usize, &Barrier),
        scratch: &mut Scratch,
    ) {
        let (n, width, spec) = (entries.len(), self.width(), &self.packed.spec);
        self.normed(n, &layer.self_norm, &mut scratch.normed);
        let Scratch { normed, pairs, scores, .. } = scratch;
        self.product(member, normed, &layer.qkv, pairs, &self.wide, Write::Set);
        barrier.wait();
        for row in share(n, member, self.members) {
            let at = (entries[row].slot * self.max_len + entries[row].position) * width;
            let qkv = row * 3 * width;
            // SAFETY: products are complete behind the barrier; an entry's place in the cache is its own.
            unsafe {
                let keys = self.wide.read(qkv + width..qkv + 2 * width);
                cache.keys.write(at..at + width).copy_from_slice(keys);
                let values = self.wide.read(qkv + 2 * width..qkv + 3 * width);
                cache.values.write(at..at + width).copy_from_slice(values);
            }
        }
        barrier.wait();
        for item in share(n * spec.heads, member, self.members) {
            let (row, head) = (item / spec.heads, item % spec.heads);
            let Entry { slot, position, .. } = entries[row];
            let first = layer.span.first(position);
            let slot = slot * self.max_len;
            let seen = (slot + first) * width..(slot + position + 1) * width;
            let at = row * 3 * width + head * spec.d_kv;
            // SAFETY: caches are complete behind the barrier; an item's part of the output is its own.
            let (q, keys, values, out) = unsafe {
                let out = row * width + head * spec.d_kv;
                (
                    self.wide.read(at..at + spec.d_kv),
                    cache.keys.read(seen.clone()),
                    cache.values.read(seen),
                    self.attended.write(out..out + spec.d_kv),
                )
            };
            let bias = &self.packed.bias[head * (spec.max_distance + 1)..];
            let bias = |key: usize| bias[(position - first - key).min(spec.max_distance)];
            attend(q, (keys, values), (head * spec.d_kv, width), bias, scores, out);
        }
        barrier.wait();
        // SAFETY: complete behind the barrier.
        let attended = unsafe { self.attended.read(0..n * width) };
        self.product(member, attended, &layer.self_out, pairs, &self.hidden, Write::Add);
        barrier.wait();
    }

    fn attend_memory(
        &self,
        layer: &PackedLayer,
        cache: &Cache,
        entries: &[Entry],
        (member, barrier): (usize, &Barrier),
        scratch: &mut Scratch,
    ) {
        let (n, width, spec) = (entries.len(), self.width(), &self.packed.spec);
        self.normed(n, &layer.cross_norm, &mut scratch.normed);
        let Scratch { normed, pairs, scores, .. } = scratch;
        self.product(member, normed, &layer.cross_q, pairs, &self.wide, Write::Set);
        barrier.wait();
        for item in share(n * spec.heads, member, self.members) {
            let (row, head) = (item / spec.heads, item % spec.heads);
            let start = entries[row].slot / self.slots_per_memory * self.memory_len * width;
            let at = row * width + head * spec.d_kv;
            // SAFETY: queries are complete behind the barrier; an item's part of the output is its own.
            let (q, keys, values, out) = unsafe {
                (
                    self.wide.read(at..at + spec.d_kv),
                    cache.keys.read(start..start + self.memory_len * width),
                    cache.values.read(start..start + self.memory_len * width),
                    self.attended.write(at..at + spec.d_kv),
                )
            };
            attend(q, (keys, values), (head * spec.d_kv, width), |_| 0.0, scores, out);
        }
        barrier.wait();
        // SAFETY: complete behind the barrier.
        let attended = unsafe { self.attended.read(0..n * width) };
        self.product(member, attended, &layer.cross_out, pairs, &self.hidden, Write::Add);
        barrier.wait();
    }

    fn feed_forward(
        &self,
        layer: &PackedLayer,
        n: usize,
        (member, barrier): (usize, &Barrier),
        scratch: &mut Scratch,
    ) {
        let spec = &self.packed.spec;
        self.normed(n, &layer.ff_norm, &mut scratch.normed);
        let Scratch { normed, pairs, .. } = scratch;
        let write = if spec.gated { Write::Set } else { Write::Relu };
        self.product(member, normed, &layer.ff_in, pairs, &self.wide, write);
        barrier.wait();
        let inner = if spec.gated {
            for row in share(n, member, self.members) {
                // SAFETY: products are complete behind the barrier; every member writes its own rows.
                let (both, out) = unsafe {
                    (
                        self.wide.read(row * 2 * spec.d_ff..(row + 1) * 2 * spec.d_ff),
                        self.attended.write(row * spec.d_ff..(row + 1) * spec.d_ff),
                    )
                };
                let (gate, value) = both.split_at(spec.d_ff);
                for ((o, &g), &v) in out.iter_mut().zip(gate).zip(value) {
                    *o = gelu(g) * v;
                }
            }
            barrier.wait();
            &self.attended
        } else {
            &self.wide
        };
        // SAFETY: complete behind the barrier.
        let inner = unsafe { inner.read(0..n * spec.d_ff) };
        self.product(member, inner, &layer.ff_out, pairs, &self.hidden, Write::Add);
        barrier.wait();
    }
}

/// One head's attention of one query over keys and values, a row of either every `width` numbers, its own from `at`.
fn attend(
    q: &[f32],
    (keys, values): (&[f32], &[f32]),
    (at, width): (usize, usize),
    bias: impl Fn(usize) -> f32,
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    scores.resize(keys.len() / width, 0.0);
    for (key, score) in scores.iter_mut().enumerate() {
        *score = dot(q, &keys[key * width + at..][..q.len()]) + bias(key);
    }
    softmax_mix(scores, &values[at..], width, out);
}
