//! Corruption of inputs (denoising text autoencoders, Shen et al. 2020) and the padded arrays of a shard.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::Noise;
use crate::domain::{FIRST_TOKEN_ID, MASK_ID, PAD_ID, START_ID};

/// One shard of a batch as rectangular arrays.
#[derive(Debug, Clone)]
pub struct ShardInput {
    /// Sequences.
    pub rows: usize,
    /// Encoder input ids, `[rows, encoder_len]`, corrupted, padded.
    pub encoder_ids: Vec<u32>,
    /// Encoder length.
    pub encoder_len: usize,
    /// 1 where `encoder_ids` is not padding.
    pub encoder_mask: Vec<f32>,
    /// Decoder input ids, `[rows, decoder_len]`: labels shifted right behind the start id, corrupted.
    pub decoder_ids: Vec<u32>,
    /// Decoder length.
    pub decoder_len: usize,
    /// Positions of `[rows × decoder_len]` that carry a label.
    pub positions: Vec<u32>,
    /// The labels at `positions`.
    pub labels: Vec<u32>,
    /// Standard deviation of the latent noise per row.
    pub sigma: Vec<f32>,
    /// 1 where the row keeps its latent, 0 where it gets the null latent.
    pub keep_latent: Vec<f32>,
}

/// Builds a shard from clean lines (ids without specials; the end token is added here).
#[must_use]
pub fn shard_input(
    lines: &[&[u32]],
    vocab: u32,
    noise: &Noise,
    sigma_max: f64,
    rng: &mut ChaCha8Rng,
) -> ShardInput {
    let rows = lines.len();
    let corrupted: Vec<Vec<u32>> = lines.iter().map(|l| corrupt(l, vocab, noise, rng)).collect();
    let encoder_len = corrupted.iter().map(Vec::len).max().unwrap_or(0);
    let decoder_len = lines.iter().map(|l| l.len()).max().unwrap_or(0) + 1;
    let mut input = ShardInput {
        rows,
        encoder_ids: vec![PAD_ID; rows * encoder_len],
        encoder_len,
        encoder_mask: vec![0.0; rows * encoder_len],
        decoder_ids: vec![PAD_ID; rows * decoder_len],
        decoder_len,
        positions: Vec::new(),
        labels: Vec::new(),
        sigma: Vec::with_capacity(rows),
        keep_latent: Vec::with_capacity(rows),
    };
    for (row, (line, noisy)) in lines.iter().zip(&corrupted).enumerate() {
        let at = row * encoder_len;
        input.encoder_ids[at..at + noisy.len()].copy_from_slice(noisy);
        input.encoder_mask[at..at + noisy.len()].fill(1.0);
        let at = row * decoder_len;
        input.decoder_ids[at] = START_ID;
        for (i, &id) in line.iter().enumerate() {
            let shown = if hit(rng, noise.decoder) { random_token(rng, vocab) } else { id };
            input.decoder_ids[at + 1 + i] = shown;
        }
        for (i, id) in line.iter().copied().chain([START_ID]).enumerate() {
            input.positions.push((at + i) as u32);
            input.labels.push(id);
        }
        let clean = hit(rng, noise.latent_clean) || sigma_max <= 0.0;
        input.sigma.push(if clean { 0.0 } else { rng.random_range(0.0..sigma_max as f32) });
        input.keep_latent.push(if hit(rng, noise.null_latent) { 0.0 } else { 1.0 });
    }
    input
}

/// Whether an event of the given rate happens. A rate of 0 draws nothing, so options that are off cost nothing.
fn hit(rng: &mut ChaCha8Rng, rate: f64) -> bool {
    rate > 0.0 && rng.random::<f64>() < rate
}

fn random_token(rng: &mut ChaCha8Rng, vocab: u32) -> u32 {
    rng.random_range(FIRST_TOKEN_ID..vocab.max(FIRST_TOKEN_ID + 1))
}

/// The corrupted encoder input, end token included. Never empty.
fn corrupt(line: &[u32], vocab: u32, noise: &Noise, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut out = Vec::with_capacity(line.len() + 1);
    let active = noise.delete + noise.substitute + noise.mask > 0.0;
    for &id in line {
        if !active {
            out.push(id);
            continue;
        }
        let draw = rng.random::<f64>();
        if draw < noise.delete {
        } else if draw < noise.delete + noise.substitute {
            out.push(random_token(rng, vocab));
        } else if draw < noise.delete + noise.substitute + noise.mask {
            out.push(MASK_ID);
        } else {
            out.push(id);
        }
    }
    out.push(START_ID);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn without_noise_the_arrays_are_the_lines() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let s = shard_input(&[&[5, 6, 7], &[8]], 10, &Noise::none(), 0.0, &mut rng);
        assert_eq!((s.encoder_len, s.decoder_len), (4, 4));
        assert_eq!(s.encoder_ids, [5, 6, 7, 0, 8, 0, 1, 1]);
        assert_eq!(s.encoder_mask, [1., 1., 1., 1., 1., 1., 0., 0.]);
        assert_eq!(s.decoder_ids, [0, 5, 6, 7, 0, 8, 1, 1]);
        assert_eq!(s.positions, [0, 1, 2, 3, 4, 5]);
        assert_eq!(s.labels, [5, 6, 7, 0, 8, 0]);
        assert_eq!(s.sigma, [0.0, 0.0]);
        assert_eq!(s.keep_latent, [1.0, 1.0]);
    }

    #[test]
    fn rates_are_met_and_labels_stay_clean() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let line: Vec<u32> = vec![50; 1000];
        let lines: Vec<&[u32]> = vec![&line; 40];
        let s = shard_input(&lines, 100, &Noise::default(), 0.6, &mut rng);
        let share = |f: &dyn Fn(u32) -> bool| {
            s.encoder_ids.iter().filter(|&&i| f(i)).count() as f64 / 40_000.0
        };
        assert!((share(&|i| i == MASK_ID) - 0.05).abs() < 0.006);
        assert!((share(&|i| i == 50) - 0.85).abs() < 0.01);
        assert!((share(&|i| i >= 3 && i != 50) - 0.05).abs() < 0.006);
        assert!(s.labels.iter().all(|&i| i == 50 || i == START_ID));
        let seen = s.decoder_ids.iter().filter(|&&i| i == 50).count() as f64 / 40_000.0;
        assert!((seen - 0.95).abs() < 0.01);
        assert!(s.sigma.iter().all(|&v| (0.0..0.6).contains(&v)));
        assert!(s.sigma.contains(&0.0));
    }
}
