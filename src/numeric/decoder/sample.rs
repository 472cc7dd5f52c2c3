//! Decodes drawn from the decoder's distribution.

use rand::{Rng, RngCore};

use super::pass::{with_steps, Entry, Room};
use super::weights::Packed;
use super::{DecoderError, GenerateOptions};

pub(super) fn sample(
    packed: &Packed,
    memory: &[f32],
    rows: usize,
    options: &GenerateOptions,
    temperature: f32,
    rng: &mut dyn RngCore,
) -> Result<Vec<Vec<u32>>, DecoderError> {
    let room = Room {
        rows,
        slots: rows,
        max_len: options.max_len,
        capacity: rows,
        threads: options.threads,
    };
    with_steps(packed, memory, room, &options.suppress, |steps| {
        let vocab = packed.spec.vocab;
        let mut texts: Vec<Vec<u32>> = vec![Vec::new(); rows];
        let mut going: Vec<usize> = (0..rows).collect();
        for position in 0..options.max_len {
            let last = |slot: usize| texts[slot].last().copied().unwrap_or(packed.spec.start_id);
            let entries: Vec<Entry> =
                going.iter().map(|&slot| Entry { slot, position, id: last(slot) }).collect();
            if entries.is_empty() {
                break;
            }
            let log_probs = steps.log_probs(&entries);
            let drawn: Vec<u32> =
                log_probs.chunks_exact(vocab).map(|row| draw(row, temperature, rng)).collect();
            for (&slot, &id) in going.iter().zip(&drawn) {
                if options.eos != Some(id) {
                    texts[slot].push(id);
                }
            }
            let mut drawn = drawn.into_iter();
            going.retain(|_| drawn.next() != options.eos);
        }
        texts
    })
}

/// A token of these log probabilities, those at a lower temperature being further apart.
fn draw(log_probs: &[f32], temperature: f32, rng: &mut dyn RngCore) -> u32 {
    let scaled = |&p: &f32| f64::from(p / temperature).exp();
    let total: f64 = log_probs.iter().map(scaled).sum();
    let mut left = rng.random::<f64>() * total;
    let mut last = 0;
    for (id, p) in log_probs.iter().enumerate() {
        let p = scaled(p);
        if p > 0.0 {
            last = id;
            left -= p;
            if left < 0.0 {
                break;
            }
        }
    }
    last as u32
}
