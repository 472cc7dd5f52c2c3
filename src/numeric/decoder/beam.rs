//! Beam search over the same caches: hypotheses are slots, a fork copies a slot.

use super::pass::{with_steps, Entry, Room, Steps};
use super::weights::Packed;
use super::{DecoderError, GenerateOptions};

/// A continuation that beam search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Beam {
    /// Its tokens, without start and end.
    pub ids: Vec<u32>,
    /// Sum of the tokens' log probabilities, the end token's included where it has one.
    pub log_prob: f32,
    /// Whether it reached its end token.
    pub ended: bool,
}

impl Beam {
    /// Log probability per token: what beams are ranked by, so that short ones have no advantage.
    #[must_use]
    pub fn score(&self) -> f32 {
        self.log_prob / (self.ids.len() + usize::from(self.ended)).max(1) as f32
    }
}

/// What a guided search asks about texts.
pub trait Guide {
    /// Whether these tokens may still become an accepted text.
    fn is_alive(&mut self, ids: &[u32]) -> bool;
    /// Whether these tokens, ended here, are an accepted text.
    fn accepts(&mut self, ids: &[u32]) -> bool;
}

/// A search that nobody guides: everything goes.
pub(super) struct Unguided;

impl Guide for Unguided {
    fn is_alive(&mut self, _: &[u32]) -> bool {
        true
    }

    fn accepts(&mut self, _: &[u32]) -> bool {
        true
    }
}

struct Hypothesis {
    slot: usize,
    ids: Vec<u32>,
    log_prob: f32,
}

struct Row {
    going: Vec<Hypothesis>,
    ended: Vec<Beam>,
}

pub(super) fn search(
    packed: &Packed,
    memory: &[f32],
    rows: usize,
    beams: usize,
    options: &GenerateOptions,
    guide: &mut dyn Guide,
    first: bool,
) -> Result<Vec<Vec<Beam>>, DecoderError> {
    // Some candidates are dropped by the guide, so there have to be more.
    let candidates_per_row = if first { 4 * beams } else { 2 * beams };
    let slots = rows * beams;
    let room =
        Room { rows, slots, max_len: options.max_len, capacity: slots, threads: options.threads };
    with_steps(packed, memory, room, &options.suppress, |steps| {
        let mut all: Vec<Row> = (0..rows)
            .map(|row| Row {
                going: vec![Hypothesis { slot: row * beams, ids: Vec::new(), log_prob: 0.0 }],
                ended: Vec::new(),
            })
            .collect();
        let vocab = packed.spec.vocab;
        for position in 0..options.max_len {
            let entries: Vec<Entry> = all
                .iter()
                .flat_map(|row| &row.going)
                .map(|h| Entry {
                    slot: h.slot,
                    position,
                    id: h.ids.last().copied().unwrap_or(packed.spec.start_id),
                })
                .collect();
            if entries.is_empty() {
                break;
            }
            let mut log_probs = steps.log_probs(&entries);
            let mut candidates = Vec::with_capacity(rows);
            for row in &all {
                let (own, rest) = log_probs.split_at(row.going.len() * vocab);
                log_probs = rest;
                candidates.push(best(row, own, vocab, candidates_per_row));
            }
            for (index, (row, candidates)) in all.iter_mut().zip(candidates).enumerate() {
                row.advance(&candidates, beams, options.eos, guide, first);
                place(row, steps, index * beams..(index + 1) * beams, position + 1);
            }
        }
        all.into_iter().map(|row| row.finish(beams, first)).collect()
    })
}

/// The `count` best continuations of a row's hypotheses: parent, token, log probability of the whole.
fn best(row: &Row, log_probs: &[f32], vocab: usize, count: usize) -> Vec<(usize, u32, f32)> {
    let mut found: Vec<(usize, u32, f32)> = Vec::with_capacity(count + 1);
    for (parent, (h, own)) in row.going.iter().zip(log_probs.chunks_exact(vocab)).enumerate() {
        for (id, &p) in own.iter().enumerate() {
            let whole = h.log_prob + p;
            if whole == f32::NEG_INFINITY {
                continue;
            }
            if found.len() == count && found.last().is_some_and(|f| f.2 >= whole) {
                continue;
            }
            let at = found.partition_point(|f| f.2 >= whole);
            found.insert(at, (parent, id as u32, whole));
            found.truncate(count);
        }
    }
    found
}

impl Row {
    /// Replaces the hypotheses by the best continuations; an end token ends one only among the first `beams` candidates.
    /// New hypotheses still carry their parent's slot.
    ///
    /// What the guide refuses falls away. With `first` a row is done once its best end is more probable than all that is
    /// still going on: nothing that goes on can become more probable.
    fn advance(
        &mut self,
        candidates: &[(usize, u32, f32)],
        beams: usize,
        eos: Option<u32>,
        guide: &mut dyn Guide,
        first: bool,
    ) {
        let mut next: Vec<Hypothesis> = Vec::with_capacity(beams);
        for (rank, &(parent, id, log_prob)) in candidates.iter().enumerate() {
            let from = &self.going[parent];
            if eos == Some(id) {
                if (rank < beams || first) && guide.accepts(&from.ids) {
                    self.ended.push(Beam { ids: from.ids.clone(), log_prob, ended: true });
                }
            } else if next.len() < beams {
                let mut ids = from.ids.clone();
                ids.push(id);
                if !guide.is_alive(&ids) {
                    continue;
                }
                next.push(Hypothesis { slot: from.slot, ids, log_prob });
            }
        }
        let best = |all: &mut dyn Iterator<Item = f32>| all.fold(f32::NEG_INFINITY, f32::max);
        let done = first
            && !self.ended.is_empty()
            && best(&mut self.ended.iter().map(|b| b.log_prob))
                >= best(&mut next.iter().map(|h| h.log_prob));
        if done || self.ended.len() >= beams {
            next.clear();
        }
        self.going = next;
    }

    /// All that was found, best first; with `first` what has ended before what has not.
    fn finish(mut self, beams: usize, first: bool) -> Vec<Beam> {
        let rest = self.going.into_iter();
        self.ended.extend(rest.map(|h| Beam { ids: h.ids, log_prob: h.log_prob, ended: false }));
        self.ended.sort_by(|a, b| {
            let ends = if first { b.ended.cmp(&a.ended) } else { std::cmp::Ordering::Equal };
            ends.then(b.score().total_cmp(&a.score()))
        });
        self.ended.truncate(beams);
        self.ended
    }
}

/// Gives every hypothesis a slot of its own: the first child keeps its parent's, the others get copies.
fn place(
    row: &mut Row,
    steps: &mut Steps<'_, '_>,
    slots: std::ops::Range<usize>,
    positions: usize,
) {
    let mut free: Vec<usize> =
        slots.filter(|slot| row.going.iter().all(|h| h.slot != *slot)).collect();
    let mut taken = Vec::with_capacity(row.going.len());
    for h in &mut row.going {
        if taken.contains(&h.slot) {
            // There are as many slots as hypotheses at most, so one is free.
            if let Some(slot) = free.pop() {
                steps.copy_slot(h.slot, slot, positions);
                h.slot = slot;
            }
        }
        taken.push(h.slot);
    }
}
