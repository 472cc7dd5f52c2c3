//! Generation on slices with its cache gives what the model computes without one.

use std::ops::ControlFlow;

use candle_core::{Device, Tensor};
use proptest::prelude::*;
use tvae_tui::latent::Latent;
use tvae_tui::model::{
    Batch, Config, Context, Generator, GridConfig, GridPooling, NestingConfig, SphereShape,
    TransformerVae,
};
use tvae_tui::numeric::decoder::{Draft, Guide, Precision};

/// A random model with so few words that rows end early and at different steps.
fn model(seed: u64, gated: bool, tied: bool, heads: usize) -> TransformerVae {
    let mut config = Config::sphere(SphereShape {
        vocab: 9,
        d_model: 12 * heads,
        heads,
        d_ff: 20,
        encoder_blocks: vec![1, 1],
        decoder_layers: 2,
        latent_tokens: 3,
        latent_size: 5,
        max_len: 40,
        pad: 1,
        eos: 0,
    })
    .expect("a configuration");
    if gated {
        config.t5.feed_forward_proj = "gated-gelu".to_owned();
    }
    config.t5.tie_word_embeddings = tied;
    if seed % 2 == 1 {
        // A decoder that knows where in a picture it is, for a part of its positions.
        let (pooling, embeddings) = (GridPooling::Square, true);
        let grid = Some(GridConfig { side: 3, before: 1, pooling, embeddings });
        config.tvae.as_mut().expect("options of ours").grid = grid;
    }
    if seed.is_multiple_of(3) {
        // One that is told which brackets and strings are open.
        let kinds = |ids: &[u32]| ids.iter().map(|&id| vec![id]).collect();
        let (open, quote) = (kinds(&[3, 4]), kinds(&[6]));
        // And, by what the last token is, which clauses.
        let last = ["W", "I", "f", "L", ",", "=", ":", "."][seed as usize / 3 % 8];
        let roles = if seed.is_multiple_of(2) { format!("{:8}{last}", "") } else { String::new() };
        let nesting = NestingConfig { open, close: vec![5], quote, escape: vec![7], roles };
        let nesting = Some(nesting);
        config.tvae.as_mut().expect("options of ours").nesting = nesting;
    }
    let model = TransformerVae::new(config, seed, &Device::Cpu).expect("a model");
    // Larger weights make the choice of words depend on what came before.
    let loud: Vec<(String, Tensor)> = model
        .parameters()
        .into_iter()
        .map(|(name, var)| {
            let scale = if name.contains("norm") { 1.0 } else { 9.0 };
            (name, (var.as_tensor() * scale).expect("scaled"))
        })
        .collect();
    model.set_parameters(&loud).expect("parameters");
    model
}

fn latents(rows: usize, seed: u64) -> Vec<Latent> {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..rows)
        .map(|_| Latent {
            tokens: 3,
            size: 5,
            values: (0..15).map(|_| rng.random_range(-2.0..2.0)).collect(),
        })
        .collect()
}

/// Greedy decoding of one latent that computes the whole prefix again for every token.
fn without_cache(model: &TransformerVae, latent: &Latent, max_len: usize) -> Vec<u32> {
    let memory = model.memory_values(std::slice::from_ref(latent)).expect("memory");
    let d = model.config().t5.d_model;
    let memory =
        Tensor::from_vec(memory.clone(), (1, memory.len() / d, d), &Device::Cpu).expect("memory");
    let mut ids = vec![0u32];
    while ids.len() <= max_len {
        let input = Tensor::from_slice(&ids, (1, ids.len()), &Device::Cpu).expect("ids");
        let logits = model.decode(&input, &memory, None, &Context::eval()).expect("logits");
        let last = logits.get(0).and_then(|l| l.get(ids.len() - 1)).expect("last position");
        let last = last.to_vec1::<f32>().expect("values");
        let allowed = last.iter().enumerate().filter(|(id, _)| ![1, 2].contains(id));
        let best = allowed.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        match best.map(|(id, _)| id as u32) {
            Some(0) | None => break,
            Some(id) => ids.push(id),
        }
    }
    ids.split_off(1)
}

/// The log probability of a text at one latent, of all texts without padding and masks, computed without a cache.
fn log_prob(model: &TransformerVae, latent: &Latent, ids: &[u32], ended: bool) -> f32 {
    let memory = model.memory_values(std::slice::from_ref(latent)).expect("memory");
    let d = model.config().t5.d_model;
    let memory =
        Tensor::from_vec(memory.clone(), (1, memory.len() / d, d), &Device::Cpu).expect("memory");
    let said: Vec<u32> = ids.iter().copied().chain(ended.then_some(0)).collect();
    let read: Vec<u32> = [0].into_iter().chain(ids.iter().copied()).collect();
    let input = Tensor::from_slice(&read, (1, read.len()), &Device::Cpu).expect("ids");
    let logits = model.decode(&input, &memory, None, &Context::eval()).expect("logits");
    let logits = logits.get(0).and_then(|l| l.to_vec2::<f32>()).expect("values");
    let sum = |row: &[f32]| {
        let allowed = row.iter().enumerate().filter(|(id, _)| ![1, 2].contains(id));
        allowed.map(|(_, &x)| f64::from(x).exp()).sum::<f64>().ln() as f32
    };
    said.iter().zip(&logits).map(|(&id, row)| row[id as usize] - sum(row)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batched_and_cached_equals_alone_and_uncached(
        seed in 0u64..1000, gated: bool, tied: bool, heads in 1usize..4, rows in 1usize..14
    ) {
        let model = model(seed, gated, tied, heads);
        let latents = latents(rows, seed);
        let generator = Generator::new(&model).expect("a generator");
        let batched = generator.greedy(&model, &latents, 24).expect("decodes");
        for (latent, row) in latents.iter().zip(&batched) {
            prop_assert_eq!(&without_cache(&model, latent, 24), row);
        }
        let lengths: std::collections::BTreeSet<usize> = batched.iter().map(Vec::len).collect();
        prop_assert!(lengths.iter().all(|l| *l <= 24));
    }

    #[test]
    fn drafts_threads_and_company_change_nothing(
        seed in 0u64..1000, gated: bool, rows in 1usize..60, threads in 1usize..4, bf16: bool,
        edits in proptest::collection::vec((0usize..60, 0usize..24, 0u32..9), 0..40),
    ) {
        let model = model(seed, gated, true, 2);
        let latents = latents(rows, seed);
        let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
        let generator = Generator::with_precision(&model, precision).expect("a generator");
        let decode = |drafts: &[Draft], threads| {
            let batch = Batch { latents: &latents, max_len: 24, drafts, threads };
            let done = generator.decode(&model, batch, &mut |_| ControlFlow::Continue(()));
            let decoded = done.expect("decodes").expect("not broken off");
            (decoded.rows, decoded.effort)
        };
        let (plain, effort) = decode(&[], 1);
        prop_assert_eq!(effort.drafted, 0);
        // Guesses of every quality: exact, edited, of another row, following a row, none.
        let mut guesses = plain.clone();
        for (row, at, id) in edits {
            if let Some(slot) = guesses.get_mut(row).and_then(|g| g.get_mut(at)) {
                *slot = id;
            }
        }
        let drafts: Vec<Draft> = (0..rows)
            .map(|row| match row % 4 {
                0 | 1 => Draft::Tokens(guesses[row].clone()),
                2 => Draft::Row((row + 1) % rows),
                _ if row % 8 == 3 => Draft::Tokens(guesses[rows - 1 - row].clone()),
                _ => Draft::Nothing,
            })
            .collect();
        let (drafted, effort) = decode(&drafts, threads);
        prop_assert_eq!(&drafted, &plain);
        prop_assert!(effort.accepted <= effort.drafted);
        // A right guess saves passes.
        let exact: Vec<Draft> = plain.iter().cloned().map(Draft::Tokens).collect();
        let (again, fewer) = decode(&exact, threads);
        prop_assert_eq!(&again, &plain);
        let longest = plain.iter().map(Vec::len).max().unwrap_or(0);
        prop_assert!(rows > 1 || longest < 2 || fewer.passes <= longest.div_ceil(24) + 1);
    }

    #[test]
    fn one_beam_is_greedy_and_beams_are_ranked(seed in 0u64..1000, rows in 1usize..6) {
        let model = model(seed, false, true, 2);
        let latents = latents(rows, seed);
        let generator = Generator::new(&model).expect("a generator");
        let greedy = generator.greedy(&model, &latents, 16).expect("decodes");
        let one = generator.beams(&model, &latents, 1, 16).expect("beams");
        for (greedy, beams) in greedy.iter().zip(&one) {
            prop_assert_eq!(greedy, &beams[0].ids);
        }
        for (latent, beams) in latents.iter().zip(generator.beams(&model, &latents, 5, 16).expect("beams")) {
            for beam in &beams {
                let alone = log_prob(&model, latent, &beam.ids, beam.ended);
                prop_assert!((beam.log_prob - alone).abs() < 1e-3 * (1.0 + alone.abs()));
            }
            prop_assert!(beams.windows(2).all(|w| w[0].score() >= w[1].score()));
            let different: std::collections::BTreeSet<_> =
                beams.iter().map(|b| (&b.ids, b.ended)).collect();
            prop_assert_eq!(different.len(), beams.len());
        }
    }
}

#[test]
fn steps_tell_every_token_and_breaking_off_ends_at_once() {
    let model = model(3, false, true, 2);
    let generator = Generator::new(&model).expect("a generator");
    let latents = latents(7, 3);
    let mut told = vec![Vec::new(); 7];
    let rows = generator
        .stream(&model, &latents, 20, &mut |step| {
            for &(row, id, _) in step.tokens {
                told[row].push(id);
            }
            ControlFlow::Continue(())
        })
        .expect("decodes")
        .expect("not broken off");
    for (row, told) in rows.iter().zip(&told) {
        let text: Vec<u32> = told.iter().copied().filter(|id| *id != 0).collect();
        assert_eq!(row, &text);
    }
    let mut steps = 0;
    let broken = generator.stream(&model, &latents, 20, &mut |_| {
        steps += 1;
        ControlFlow::Break(())
    });
    assert!(broken.expect("no failure").is_none() && steps == 1);
}

#[test]
fn latents_of_another_shape_are_an_error() {
    let model = model(3, false, true, 2);
    let generator = Generator::new(&model).expect("a generator");
    let odd = Latent { tokens: 2, size: 5, values: vec![0.0; 10] };
    assert!(generator.greedy(&model, &[odd], 8).is_err());
}

/// Accepts texts whose tokens are all allowed and that are long enough.
struct Only {
    allowed: Vec<u32>,
    least: usize,
}

impl Guide for Only {
    fn is_alive(&mut self, ids: &[u32]) -> bool {
        ids.iter().all(|id| self.allowed.contains(id))
    }

    fn accepts(&mut self, ids: &[u32]) -> bool {
        ids.len() >= self.least && self.is_alive(ids)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_guided_search_gives_what_its_guide_accepts(seed in 0u64..1000, least in 0usize..4) {
        let model = model(seed, false, true, 2);
        let generator = Generator::new(&model).expect("a generator");
        let latents = latents(3, seed);
        let mut guide = Only { allowed: vec![3, 4, 5, 6], least };
        let found = generator.guided(&model, &latents, 4, 12, &mut guide).expect("beams");
        for beams in found {
            // What has ended stands in front of what has not.
            prop_assert!(beams.windows(2).all(|w| w[0].ended >= w[1].ended));
            for beam in beams {
                prop_assert!(guide.is_alive(&beam.ids));
                prop_assert!(!beam.ended || guide.accepts(&beam.ids));
            }
        }
    }
}

#[test]
fn drawn_texts_follow_the_decoders_distribution() {
    use rand::SeedableRng;
    let model = model(5, false, true, 2);
    let generator = Generator::new(&model).expect("a generator");
    let memory = model.memory_of_nothing(2000).expect("memory");
    let draw = |seed| {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        generator.sample(&memory, 2000, 2, 1.0, &mut rng).expect("texts")
    };
    let texts = draw(1);
    assert_eq!(texts, draw(1));
    assert_ne!(texts, draw(2));
    // The first token's frequencies are its probabilities, padding and mask apart.
    let d = model.config().t5.d_model;
    let one = Tensor::from_slice(&memory[..memory.len() / 2000], (1, (), d), &Device::Cpu);
    let ids = Tensor::new(&[[0u32]], &Device::Cpu).expect("start");
    let logits = model
        .decode(&ids, &one.expect("memory"), None, &Context::eval())
        .and_then(|l| l.flatten_all()?.to_vec1::<f32>())
        .expect("logits");
    let weight = |id: usize| if id == 1 || id == 2 { 0.0 } else { f64::from(logits[id]).exp() };
    let total: f64 = (0..9).map(weight).sum();
    for id in 0..9u32 {
        let first = |text: &&Vec<u32>| text.first().copied().unwrap_or(0) == id;
        let seen = texts.iter().filter(first).count() as f64 / 2000.0;
        let wanted = weight(id as usize) / total;
        assert!((seen - wanted).abs() < 0.045, "{id}: {seen} {wanted}");
    }
}
