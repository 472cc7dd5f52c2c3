//! Greedy generation, with drafts that are checked many tokens at a time.
//!
//! A draft is a guess at what a row will say. One pass feeds several of its tokens; those that agree with the most probable
//! ones are what stepping would have given, since a position's result does not depend on what else is in the pass
//! (Leviathan et al. 2023, with a neighbour's output in place of a small model).

use std::ops::ControlFlow;

use super::pass::{with_steps, Entry, Room, Steps};
use super::weights::Packed;
use super::{DecoderError, Draft, GenerateOptions, Step};

/// Entries of a pass at most: as many as two milliseconds of a middling model allow, so that a caller can break off soon.
const CAPACITY: usize = 48;
/// How far around its place in a draft a token is looked for, once the row has gone another way.
const REACH: usize = 4;

/// What a generation cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Passes of the decoder.
    pub passes: usize,
    /// Draft tokens that were fed.
    pub drafted: usize,
    /// Draft tokens that were what greedy decoding gives.
    pub accepted: usize,
}

/// A row that is still going.
struct Row {
    index: usize,
    /// Where in its draft it stands.
    at: usize,
    /// Draft tokens that it may feed in one pass.
    window: usize,
    ended: bool,
}

struct Greedy<'a> {
    packed: &'a Packed,
    options: &'a GenerateOptions,
    drafts: &'a [Draft],
    /// What the rows have said so far.
    ids: Vec<Vec<u32>>,
    effort: Effort,
}

pub(super) fn generate(
    packed: &Packed,
    memory: &[f32],
    rows: usize,
    options: &GenerateOptions,
    drafts: &[Draft],
    on_step: &mut dyn FnMut(&Step<'_>) -> ControlFlow<()>,
) -> Result<(Vec<Vec<u32>>, Effort), DecoderError> {
    let room = Room {
        rows,
        slots: rows,
        max_len: options.max_len,
        capacity: CAPACITY.min(rows * options.max_len),
        threads: options.threads,
    };
    let mut greedy =
        Greedy { packed, options, drafts, ids: vec![Vec::new(); rows], effort: Effort::default() };
    let whole = with_steps(packed, memory, room, &options.suppress, |steps| {
        let mut live: Vec<Row> = (0..rows)
            .map(|index| Row { index, at: 0, window: usize::MAX, ended: options.max_len == 0 })
            .collect();
        let mut told = Vec::new();
        live.retain(|row| !row.ended);
        while !live.is_empty() {
            for rows in live.chunks_mut(CAPACITY) {
                told.clear();
                greedy.pass(steps, rows, &mut told);
                let step = Step { index: greedy.effort.passes - 1, tokens: &told };
                on_step(&step)?;
            }
            live.retain(|row| !row.ended);
        }
        ControlFlow::Continue(())
    })?;
    if whole.is_break() {
        return Err(DecoderError::Cancelled);
    }
    Ok((greedy.ids, greedy.effort))
}

impl Greedy<'_> {
    /// One pass over the rows: a token for each, and as much of their drafts as there is room for.
    fn pass(
        &mut self,
        steps: &mut Steps<'_, '_>,
        rows: &mut [Row],
        told: &mut Vec<(usize, u32, bool)>,
    ) {
        let mut spare = CAPACITY - rows.len();
        let mut entries = Vec::with_capacity(CAPACITY);
        let mut starts = Vec::with_capacity(rows.len() + 1);
        for (waiting, row) in (1..=rows.len()).rev().zip(&*rows) {
            starts.push(entries.len());
            let slot = row.index;
            let position = self.ids[slot].len();
            let id = self.ids[slot].last().copied().unwrap_or(self.packed.spec.start_id);
            entries.push(Entry { slot, position, id });
            let draft = self.draft(row);
            let room = self.options.max_len - position - 1;
            let count = draft.len().min(row.window).min(spare.div_ceil(waiting)).min(room);
            spare -= count;
            let tokens = draft[..count].iter().zip(position + 1..);
            entries.extend(tokens.map(|(&id, position)| Entry { slot, position, id }));
        }
        starts.push(entries.len());
        let best = steps.best(&entries);
        self.effort.passes += 1;
        for (row, range) in rows.iter_mut().zip(starts.windows(2)) {
            let (fed, best) = (&entries[range[0] + 1..range[1]], &best[range[0]..range[1]]);
            let agree = fed.iter().zip(best).take_while(|(fed, &best)| fed.id == best).count();
            self.effort.drafted += fed.len();
            self.effort.accepted += agree;
            for &id in &best[..=agree] {
                let end = self.options.eos == Some(id);
                if !end {
                    self.ids[row.index].push(id);
                }
                row.ended = end || self.ids[row.index].len() == self.options.max_len;
                told.push((row.index, id, row.ended));
                if row.ended {
                    break;
                }
            }
            let said = best[agree];
            let at = row.at + agree;
            let draft = self.whole_draft(row.index);
            let next = follow(draft, at, said);
            row.window = match fed.len() {
                fed if agree == fed => row.window.saturating_mul(2),
                _ => (2 * agree).max(2),
            };
            row.at = next;
        }
    }

    fn whole_draft(&self, row: usize) -> &[u32] {
        match self.drafts.get(row) {
            Some(Draft::Tokens(ids)) => ids,
            Some(&Draft::Row(other)) => self.ids.get(other).map_or(&[], Vec::as_slice),
            Some(Draft::Nothing) | None => &[],
        }
    }

    fn draft(&self, row: &Row) -> &[u32] {
        self.whole_draft(row.index).get(row.at..).unwrap_or_default()
    }
}

/// Where a row stands in its draft after saying `said` where the draft has token `at`: behind the nearest such token, or
/// where it would be had it said another word in that one's place.
fn follow(draft: &[u32], at: usize, said: u32) -> usize {
    let around = (0..=REACH).flat_map(|d| [at.checked_add(d), at.checked_sub(d)]).flatten();
    let found = around.into_iter().find(|&i| draft.get(i) == Some(&said));
    found.unwrap_or(at) + 1
}

#[cfg(test)]
mod tests {
    use super::follow;

    #[test]
    fn a_row_finds_its_place_in_a_draft_again() {
        let draft = [7, 8, 9, 10, 11];
        assert_eq!(follow(&draft, 1, 8), 2, "as drafted");
        assert_eq!(follow(&draft, 1, 10), 4, "left two out");
        assert_eq!(follow(&draft, 2, 8), 2, "said one again");
        assert_eq!(follow(&draft, 1, 5), 2, "another word");
        assert_eq!(follow(&draft, 9, 5), 10, "beyond the draft");
    }
}
