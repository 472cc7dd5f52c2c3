//! Corruption of inputs (denoising text autoencoders, Shen et al. 2020) and the padded arrays of a shard.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::Noise;
use crate::domain::{FIRST_TOKEN_ID, MASK_ID, PAD_ID, START_ID};
use crate::numeric::Nesting;

/// A text to be given at a latent between those of two rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Between {
    /// The row at ratio 0.
    pub a: u32,
    /// The row at ratio 1.
    pub b: u32,
    /// Where between them.
    pub ratio: f64,
    /// The text, ids without specials.
    pub ids: Vec<u32>,
}

/// One shard of a batch as rectangular arrays.
#[derive(Debug, Clone)]
pub struct ShardInput {
    /// Sequences that are encoded.
    pub rows: usize,
    /// Encoder input ids, `[rows, encoder_len]`, corrupted, padded.
    pub encoder_ids: Vec<u32>,
    /// Encoder length.
    pub encoder_len: usize,
    /// 1 where `encoder_ids` is not padding.
    pub encoder_mask: Vec<f32>,
    /// Decoder input ids, `[rows + between, decoder_len]`: labels shifted right behind the start id, corrupted.
    pub decoder_ids: Vec<u32>,
    /// Decoder length.
    pub decoder_len: usize,
    /// Positions and labels of the rows.
    pub own: Labels,
    /// Texts between rows, whose decoder rows follow the rows' own.
    pub between: Vec<Between>,
    /// Positions and labels of the texts between rows.
    pub blended: Labels,
    /// Standard deviation of the latent noise per row.
    pub sigma: Vec<f32>,
    /// 1 where the row keeps its latent, 0 where it gets the null latent.
    pub keep_latent: Vec<f32>,
}

/// Where a decoder's output is held to a label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// Positions of `[decoder rows × decoder_len]` that carry a label.
    pub positions: Vec<u32>,
    /// The labels at `positions`.
    pub ids: Vec<u32>,
}

impl Labels {
    /// The first `count` labels, and the others.
    #[must_use]
    pub fn split_at(&self, count: usize) -> (Self, Self) {
        let (a, b) = (self.positions.split_at(count), self.ids.split_at(count));
        let of = |positions: &[u32], ids: &[u32]| Self {
            positions: positions.to_vec(),
            ids: ids.to_vec(),
        };
        (of(a.0, b.0), of(a.1, b.1))
    }
}

/// The texts of a shard: ids without specials, as they are before corruption.
pub struct Texts<'a> {
    /// What the decoder is held to.
    pub lines: &'a [&'a [u32]],
    /// What the encoder reads for each of the lines: the line, or the same thing written another way.
    pub read: &'a [&'a [u32]],
    /// What its tokens do to brackets and strings, where the decoder is told: these it then reads as they are.
    pub nesting: Option<&'a Nesting>,
    /// Texts between some of the lines.
    pub between: Vec<Between>,
}

impl<'a> Texts<'a> {
    /// Lines that the encoder reads as they are, with nothing between them.
    #[must_use]
    pub fn plain(lines: &'a [&'a [u32]]) -> Self {
        Self { lines, read: lines, nesting: None, between: Vec::new() }
    }
}

/// Builds a shard's arrays; end tokens are added here.
///
/// Rows that have a text between them are encoded as they are: it is their own latents that the text lies between.
#[must_use]
pub fn shard_input(
    Texts { lines, read, nesting, between }: Texts<'_>,
    vocab: u32,
    noise: &Noise,
    sigma_max: f64,
    rng: &mut ChaCha8Rng,
) -> ShardInput {
    let rows = lines.len();
    let mut clean = vec![false; rows];
    for text in &between {
        clean[text.a as usize] = true;
        clean[text.b as usize] = true;
    }
    let corrupted: Vec<Vec<u32>> = lines
        .iter()
        .zip(read)
        .zip(&clean)
        .map(|((line, read), &clean)| {
            if clean {
                line.iter().copied().chain([START_ID]).collect()
            } else {
                corrupt(read, vocab, noise, rng)
            }
        })
        .collect();
    let encoder_len = corrupted.iter().map(Vec::len).max().unwrap_or(0);
    let texts = lines.iter().copied().chain(between.iter().map(|b| b.ids.as_slice()));
    let decoder_len = texts.clone().map(<[u32]>::len).max().unwrap_or(0) + 1;
    let mut input = ShardInput {
        rows,
        encoder_ids: vec![PAD_ID; rows * encoder_len],
        encoder_len,
        encoder_mask: vec![0.0; rows * encoder_len],
        decoder_ids: vec![PAD_ID; (rows + between.len()) * decoder_len],
        decoder_len,
        own: Labels::default(),
        blended: Labels::default(),
        sigma: Vec::with_capacity(rows),
        keep_latent: Vec::with_capacity(rows),
        between: Vec::new(),
    };
    for (row, line) in texts.enumerate() {
        let at = row * decoder_len;
        input.decoder_ids[at] = START_ID;
        let blind = hit(rng, noise.blind);
        for (i, &id) in line.iter().enumerate() {
            let shown = match id {
                _ if blind && i > 0 => MASK_ID,
                _ if hit(rng, noise.decoder) => replacement(id, nesting, vocab, rng),
                id => id,
            };
            input.decoder_ids[at + 1 + i] = shown;
        }
        let labels = if row < rows { &mut input.own } else { &mut input.blended };
        for (i, id) in line.iter().copied().chain([START_ID]).enumerate() {
            labels.positions.push((at + i) as u32);
            labels.ids.push(id);
        }
    }
    for (row, noisy) in corrupted.iter().enumerate() {
        let at = row * encoder_len;
        input.encoder_ids[at..at + noisy.len()].copy_from_slice(noisy);
        input.encoder_mask[at..at + noisy.len()].fill(1.0);
        let clean = hit(rng, noise.latent_clean) || sigma_max <= 0.0;
        input.sigma.push(if clean { 0.0 } else { rng.random_range(0.0..sigma_max as f32) });
        input.keep_latent.push(if hit(rng, noise.null_latent) { 0.0 } else { 1.0 });
    }
    input.between = between;
    input
}

/// Whether an event of the given rate happens. A rate of 0 draws nothing, so options that are off cost nothing.
fn hit(rng: &mut ChaCha8Rng, rate: f64) -> bool {
    rate > 0.0 && rng.random::<f64>() < rate
}

fn random_token(rng: &mut ChaCha8Rng, vocab: u32) -> u32 {
    rng.random_range(FIRST_TOKEN_ID..vocab.max(FIRST_TOKEN_ID + 1))
}

/// What the decoder reads in a token's place. Where it is told what is open, no bracket comes or goes, and of tokens with roles
/// only a word for a word: it would be told what is not so for the rest of the text.
fn replacement(id: u32, nesting: Option<&Nesting>, vocab: u32, rng: &mut ChaCha8Rng) -> u32 {
    let other = random_token(rng, vocab);
    if nesting.is_none_or(|nesting| nesting.alike(id, other)) {
        other
    } else {
        id
    }
}

/// The corrupted encoder input, end token included. Never empty.
fn corrupt(line: &[u32], vocab: u32, noise: &Noise, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut out = Vec::with_capacity(line.len() + 1);
    let active = noise.delete + noise.substitute + noise.mask > 0.0;
    for &id in line {
        // BERT's masking: of the tokens that are chosen, 80 % are masked, 10 % replaced, 10 % stay.
        if hit(rng, noise.mlm) {
            out.push(match rng.random::<f64>() {
                draw if draw < 0.8 => MASK_ID,
                draw if draw < 0.9 => random_token(rng, vocab),
                _ => id,
            });
            continue;
        }
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
    use crate::numeric::Turn;
    use rand::SeedableRng;

    #[test]
    fn without_noise_the_arrays_are_the_lines() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let s = shard_input(Texts::plain(&[&[5, 6, 7], &[8]]), 10, &Noise::none(), 0.0, &mut rng);
        assert_eq!((s.encoder_len, s.decoder_len), (4, 4));
        assert_eq!(s.encoder_ids, [5, 6, 7, 0, 8, 0, 1, 1]);
        assert_eq!(s.encoder_mask, [1., 1., 1., 1., 1., 1., 0., 0.]);
        assert_eq!(s.decoder_ids, [0, 5, 6, 7, 0, 8, 1, 1]);
        assert_eq!(s.own.positions, [0, 1, 2, 3, 4, 5]);
        assert_eq!(s.own.ids, [5, 6, 7, 0, 8, 0]);
        assert_eq!(s.sigma, [0.0, 0.0]);
        assert_eq!(s.keep_latent, [1.0, 1.0]);
    }

    #[test]
    fn a_text_between_follows_the_rows_and_keeps_its_ends_clean() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let noise = Noise { delete: 1.0, decoder: 0.0, ..Noise::default() };
        let text = Between { a: 0, b: 2, ratio: 0.5, ids: vec![5, 9, 9] };
        let lines: [&[u32]; 3] = [&[5, 6], &[7], &[8]];
        let texts = Texts { between: vec![text], ..Texts::plain(&lines) };
        let s = shard_input(texts, 10, &noise, 0.0, &mut rng);
        assert_eq!(s.encoder_ids, [5, 6, 0, 0, 1, 1, 8, 0, 1]);
        assert_eq!(s.decoder_ids, [0, 5, 6, 1, 0, 7, 1, 1, 0, 8, 1, 1, 0, 5, 9, 9]);
        assert_eq!(s.own.positions, [0, 1, 2, 4, 5, 8, 9]);
        assert_eq!(s.blended, Labels { positions: vec![12, 13, 14, 15], ids: vec![5, 9, 9, 0] });
        assert_eq!((s.rows, s.sigma.len(), s.between.len()), (3, 3, 1));
    }

    #[test]
    fn a_blind_decoder_reads_the_first_token_and_masks() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let noise = Noise { blind: 1.0, decoder: 1.0, ..Noise::none() };
        let text = Between { a: 0, b: 1, ratio: 0.5, ids: vec![5, 9, 9] };
        let lines: [&[u32]; 2] = [&[5, 6, 7], &[7]];
        let texts = Texts { between: vec![text], ..Texts::plain(&lines) };
        let s = shard_input(texts, 6, &noise, 0.0, &mut rng);
        let kept = |row: usize| (3..6).contains(&s.decoder_ids[4 * row + 1]);
        assert!((0..3).all(kept), "{:?}", s.decoder_ids);
        assert_eq!([&s.decoder_ids[2..4], &s.decoder_ids[10..12]], [[MASK_ID; 2]; 2]);
        assert_eq!(s.own.ids, [5, 6, 7, 0, 7, 0]);
    }

    #[test]
    fn where_the_decoder_is_told_what_is_open_no_bracket_comes_or_goes() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let line: Vec<u32> = (0..400).map(|i| 3 + i % 4).collect();
        let mut turns = vec![Turn::Nothing; 8];
        (turns[4], turns[6]) = (Turn::Open(0), Turn::Close);
        let nesting = Nesting::new(turns, Vec::new());
        let noise = Noise { decoder: 1.0, ..Noise::none() };
        let lines = [line.as_slice()];
        let texts = Texts { nesting: Some(&nesting), ..Texts::plain(&lines) };
        let read = shard_input(texts, 8, &noise, 0.0, &mut rng).decoder_ids;
        assert!(nesting.behind(&read[1..]).eq(nesting.behind(&line)));
        let changed = read[1..].iter().zip(&line).filter(|(a, b)| a != b).count();
        assert!(changed > 40, "{changed} of 400");
    }

    #[test]
    fn another_reading_is_encoded_and_the_line_itself_is_decoded() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (lines, read): ([&[u32]; 2], [&[u32]; 2]) = ([&[5, 6], &[7, 8]], [&[6, 5, 9], &[7, 8]]);
        let texts = Texts { read: &read, ..Texts::plain(&lines) };
        let s = shard_input(texts, 10, &Noise::none(), 0.0, &mut rng);
        assert_eq!(s.encoder_ids, [6, 5, 9, 0, 7, 8, 0, 1]);
        assert_eq!(s.own.ids, [5, 6, 0, 7, 8, 0]);
    }

    #[test]
    fn masked_inputs_are_berts_and_every_label_counts() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let line: Vec<u32> = vec![50; 1000];
        let lines: Vec<&[u32]> = vec![&line; 40];
        let noise = Noise { mlm: 0.15, ..Noise::none() };
        let s = shard_input(Texts::plain(&lines), 100, &noise, 0.0, &mut rng);
        let share = |f: &dyn Fn(u32) -> bool| {
            s.encoder_ids.iter().filter(|&&i| f(i)).count() as f64 / 40_000.0
        };
        assert!((share(&|i| i == MASK_ID) - 0.12).abs() < 0.006);
        assert!((share(&|i| i >= FIRST_TOKEN_ID && i != 50) - 0.015).abs() < 0.003);
        assert_eq!(s.encoder_ids.len(), 40 * 1001);
        // Unlike BERT's, the loss is on all tokens, and the decoder sees the text as it is.
        assert_eq!(s.own.ids.len(), 40 * 1001);
        assert!(s.own.ids.iter().all(|&i| i == 50 || i == START_ID));
    }

    #[test]
    fn rates_are_met_and_labels_stay_clean() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let line: Vec<u32> = vec![50; 1000];
        let lines: Vec<&[u32]> = vec![&line; 40];
        let s = shard_input(Texts::plain(&lines), 100, &Noise::default(), 0.6, &mut rng);
        let share = |f: &dyn Fn(u32) -> bool| {
            s.encoder_ids.iter().filter(|&&i| f(i)).count() as f64 / 40_000.0
        };
        assert!((share(&|i| i == MASK_ID) - 0.05).abs() < 0.006);
        assert!((share(&|i| i == 50) - 0.85).abs() < 0.01);
        assert!((share(&|i| i >= 3 && i != 50) - 0.05).abs() < 0.006);
        assert!(s.own.ids.iter().all(|&i| i == 50 || i == START_ID));
        let seen = s.decoder_ids.iter().filter(|&&i| i == 50).count() as f64 / 40_000.0;
        assert!((seen - 0.95).abs() < 0.01);
        assert!(s.sigma.iter().all(|&v| (0.0..0.6).contains(&v)));
        assert!(s.sigma.contains(&0.0));
    }
}
