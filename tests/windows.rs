//! Attention within windows gives what full attention gives under the same mask, in training and in generation.

use std::ops::ControlFlow;

use candle_core::{Device, Result, Tensor, Var};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tvae_tui::latent::Latent;
use tvae_tui::model::{
    AttentionKind, Batch, Config, Context, DecoderAttention, Generator, SphereShape, TransformerVae,
};
use tvae_tui::numeric::decoder::Draft;
use tvae_tui::numeric::{
    composed_attention, composed_windowed_attention, windowed_attention, AttentionArgs, Bias,
    Projections, RelativeIndex, Span, WindowedArgs,
};
use tvae_tui::train::TrainConfig;

fn random(shape: &[usize], seed: u64) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(values, shape, &Device::Cpu).expect("a variable")
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().and_then(|x| x.to_vec1()).expect("numbers")
}

fn apart(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A scalar that depends on every number of `x` differently.
fn weigh(x: &Tensor) -> Result<Tensor> {
    let n = x.elem_count();
    let weights: Vec<f32> = (0..n).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
    (x.flatten_all()? * Tensor::from_vec(weights, n, x.device())?)?.sum_all()
}

/// Full attention under the mask of a span.
fn masked(args: &WindowedArgs<'_>) -> Result<Tensor> {
    let (len, heads) = (args.qkv.dim(1)?, args.bias.dim(0)?);
    let sees = |i: usize, j: usize| j <= i && args.span.first(i) <= j;
    let back: Vec<u32> =
        (0..len * len).map(|at| (at / len).saturating_sub(at % len) as u32).collect();
    let low: Vec<f32> =
        (0..len * len).map(|at| if sees(at / len, at % len) { 0.0 } else { -1e9 }).collect();
    let entries = args.bias.dim(1)?;
    let back: Vec<u32> = back.into_iter().map(|b| b.min(entries as u32 - 1)).collect();
    let bias = args.bias.index_select(&Tensor::new(back, &Device::Cpu)?, 1)?;
    let bias = bias.reshape((1, heads, len, len))?;
    let bias = bias.broadcast_add(&Tensor::from_vec(low, (len, len), &Device::Cpu)?)?;
    let args = AttentionArgs {
        input: Projections::Joined(args.qkv),
        heads,
        scale: args.scale,
        causal: true,
        key_mask: None,
        bias: Some(Bias { values: &bias, index: RelativeIndex::Direct }),
    };
    composed_attention(&args, &Ok)
}

fn spans() -> Vec<Span> {
    let mut spans = vec![Span::All, Span::Sliding { size: 1 }];
    for size in [2, 5, 64, 100] {
        spans.push(Span::Sliding { size });
        spans.extend([0, size / 2].map(|shift| Span::Block { size, shift }));
    }
    spans
}

#[test]
fn windows_are_full_attention_under_their_mask() {
    let (batch, heads, d) = (2, 2, 3);
    for len in [1, 7, 150] {
        for span in spans() {
            let qkv = random(&[batch, len, 3 * heads * d], 1);
            // More entries than are in reach: those get no gradient.
            let bias = random(&[heads, span.reach(len) + 2], 2);
            let args = WindowedArgs { qkv: &qkv, bias: &bias, scale: 0.7, span };
            let ours = windowed_attention(&args).expect("windows");
            let wanted = masked(&args).expect("full attention");
            let composed = composed_windowed_attention(&args, &Ok).expect("composed");
            assert!(apart(&ours, &wanted) < 1e-5, "{span:?} of {len}");
            assert!(apart(&composed, &wanted) < 1e-5, "{span:?} of {len}, composed");
            let gradients = |y: &Tensor| {
                let store = weigh(y).and_then(|s| s.backward()).expect("backward");
                [&qkv, &bias].map(|v| store.get(v).expect("a gradient").clone())
            };
            let wanted = gradients(&wanted);
            for (name, ours) in [("fused", gradients(&ours)), ("composed", gradients(&composed))] {
                for (ours, wanted) in ours.iter().zip(&wanted) {
                    assert!(apart(ours, wanted) < 5e-4, "{name}, {span:?} of {len}");
                }
            }
        }
    }
}

#[test]
fn gradients_of_windows_are_differences() {
    let (heads, len) = (2, 9);
    for span in [Span::Block { size: 4, shift: 2 }, Span::Sliding { size: 3 }] {
        let (qkv, bias) = (random(&[2, len, 18], 3), random(&[heads, span.reach(len)], 4));
        let loss = || {
            weigh(&windowed_attention(&WindowedArgs { qkv: &qkv, bias: &bias, scale: 0.6, span })?)
        };
        let grads = loss().and_then(|l| l.backward()).expect("backward");
        for var in [&qkv, &bias] {
            let gradient = values(grads.get(var).expect("a gradient"));
            let start = values(var);
            for at in (0..start.len()).step_by(1 + start.len() / 29) {
                let moved = |delta: f32| {
                    let mut moved = start.clone();
                    moved[at] += delta;
                    let moved = Tensor::from_vec(moved, var.shape(), &Device::Cpu).expect("tensor");
                    var.set(&moved).expect("set");
                    loss().and_then(|l| l.to_scalar::<f32>()).expect("loss")
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                moved(0.0);
                assert!((slope - gradient[at]).abs() < 2e-2, "{span:?} {at} {slope}");
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let (qkv, bias) = (random(&[1, 6, 12], 1), random(&[2, 3], 2));
    let attend = |span| {
        windowed_attention(&WindowedArgs { qkv: &qkv, bias: &bias, scale: 1.0, span }).map(drop)
    };
    attend(Span::Sliding { size: 3 }).expect("as many entries as keys in reach");
    assert!(attend(Span::Sliding { size: 4 }).is_err());
    assert!(attend(Span::All).is_err());
}

/// A random model with so few words that rows end early, and weights so large that words depend on what came before.
fn model(seed: u64, attention: DecoderAttention, layers: usize, gated: bool) -> TransformerVae {
    let mut config = Config::sphere(SphereShape {
        vocab: 9,
        d_model: 24,
        heads: 2,
        d_ff: 20,
        encoder_blocks: vec![1],
        decoder_layers: layers,
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
    if let Some(tvae) = &mut config.tvae {
        tvae.attention = attention;
    }
    let model = TransformerVae::new(config, seed, &Device::Cpu).expect("a model");
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
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || (0..15).map(|_| rng.random_range(-2.0..2.0)).collect();
    (0..rows).map(|_| Latent { tokens: 3, size: 5, values: draw() }).collect()
}

/// Log probabilities of every word behind every position of teacher-forced inputs; padding and mask do not occur.
fn log_probs(model: &TransformerVae, memory: &[f32], inputs: &[u32]) -> Vec<Vec<f64>> {
    let d = model.config().t5.d_model;
    let memory = Tensor::from_slice(memory, (1, memory.len() / d, d), &Device::Cpu);
    let ids = Tensor::from_slice(inputs, (1, inputs.len()), &Device::Cpu).expect("ids");
    let logits = model
        .decode(&ids, &memory.expect("memory"), None, &Context::eval())
        .and_then(|l| l.get(0)?.to_vec2::<f32>())
        .expect("logits");
    let normed = logits.into_iter().map(|row| {
        let allowed = |id: usize| id != 1 && id != 2;
        let weight = |id: usize| if allowed(id) { f64::from(row[id]).exp() } else { 0.0 };
        let total: f64 = (0..9).map(weight).sum();
        (0..9).map(|id| (weight(id) / total).ln()).collect()
    });
    normed.collect()
}

/// Greedy decoding of one latent that computes the whole prefix again for every token.
fn without_cache(model: &TransformerVae, latent: &Latent, max_len: usize) -> Vec<u32> {
    let memory = model.memory_values(std::slice::from_ref(latent)).expect("memory");
    let mut ids = vec![0u32];
    while ids.len() <= max_len {
        let all = log_probs(model, &memory, &ids);
        let last = all.last().expect("a position");
        let best = (0..9).fold(0, |best, id| if last[id] > last[best] { id } else { best });
        if best == 0 {
            break;
        }
        ids.push(best as u32);
    }
    ids.split_off(1)
}

fn windows() -> impl Strategy<Value = DecoderAttention> {
    (prop_oneof![Just(AttentionKind::Blocks), Just(AttentionKind::Sliding)], 2usize..9)
        .prop_map(|(kind, window)| DecoderAttention { kind, window })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn generation_with_a_cache_is_what_training_computes(
        seed in 0u64..1000, attention in windows(), layers in 1usize..4, gated: bool,
        rows in 1usize..12,
    ) {
        let model = model(seed, attention, layers, gated);
        let latents = latents(rows, seed);
        let generator = Generator::new(&model).expect("a generator");
        let batched = generator.greedy(&model, &latents, 24).expect("decodes");
        for (latent, row) in latents.iter().zip(&batched) {
            prop_assert_eq!(&without_cache(&model, latent, 24), row);
        }
        // Guesses, right ones and others, change nothing.
        let drafts: Vec<Draft> = (0..rows)
            .map(|row| match row % 3 {
                0 => Draft::Tokens(batched[row].clone()),
                1 => Draft::Tokens(batched[rows - 1 - row].clone()),
                _ => Draft::Row(row - 1),
            })
            .collect();
        let batch = Batch { latents: &latents, max_len: 24, drafts: &drafts, threads: 2 };
        let drafted = generator.decode(&model, batch, &mut |_| ControlFlow::Continue(()));
        prop_assert_eq!(&drafted.expect("decodes").expect("not broken off").rows, &batched);
    }

    #[test]
    fn beams_have_the_probability_that_training_gives_them(
        seed in 0u64..1000, attention in windows()
    ) {
        let model = model(seed, attention, 2, false);
        let latents = latents(2, seed);
        let generator = Generator::new(&model).expect("a generator");
        let greedy = generator.greedy(&model, &latents, 12).expect("decodes");
        let one = generator.beams(&model, &latents, 1, 12).expect("beams");
        for (greedy, beams) in greedy.iter().zip(&one) {
            prop_assert_eq!(greedy, &beams[0].ids);
        }
        for (latent, beams) in latents.iter().zip(generator.beams(&model, &latents, 4, 12).expect("beams")) {
            let memory = model.memory_values(std::slice::from_ref(latent)).expect("memory");
            for beam in beams {
                let inputs: Vec<u32> = std::iter::once(0).chain(beam.ids.iter().copied()).collect();
                let all = log_probs(&model, &memory, &inputs);
                let mut targets = beam.ids.clone();
                if beam.ended {
                    targets.push(0);
                }
                let wanted: f64 = targets.iter().zip(&all).map(|(&id, row)| row[id as usize]).sum();
                prop_assert!((wanted - f64::from(beam.log_prob)).abs() < 1e-2, "{wanted} {}", beam.log_prob);
            }
        }
    }
}

#[test]
fn drawn_texts_are_as_surprising_as_their_distribution_says() {
    for kind in [AttentionKind::Blocks, AttentionKind::Sliding] {
        let model = model(5, DecoderAttention { kind, window: 4 }, 2, false);
        let generator = Generator::new(&model).expect("a generator");
        let memory = model.memory_of_nothing(300).expect("memory");
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let texts = generator.sample(&memory, 300, 14, 1.0, &mut rng).expect("texts");
        let one = &memory[..memory.len() / 300];
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for text in &texts {
            let inputs: Vec<u32> = std::iter::once(0).chain(text.iter().copied()).collect();
            let all = log_probs(&model, one, &inputs);
            let ended = text.len() < 14;
            let targets = text.iter().copied().chain(ended.then_some(0));
            for (id, row) in targets.zip(&all) {
                let entropy: f64 = row.iter().filter(|l| l.is_finite()).map(|l| -l * l.exp()).sum();
                let off = -row[id as usize] - entropy;
                (sum, squares, count) = (sum + off, squares + off * off, count + 1.0);
            }
        }
        let deviation = (squares / count / count).sqrt();
        assert!(count > 600.0 && deviation > 0.0, "{kind:?}: {count} tokens");
        assert!((sum / count).abs() < 4.0 * deviation, "{kind:?}: {} {deviation}", sum / count);
    }
}

#[test]
fn what_is_out_of_the_window_is_not_heard_and_blocks_let_it_through_by_half() {
    let hidden = |attention, layers, changed: Option<usize>| {
        let model = model(3, attention, layers, false);
        let mut ids: Vec<u32> = (0..16).map(|i| 3 + i % 5).collect();
        if let Some(at) = changed {
            ids[at] = 8;
        }
        let ids = Tensor::from_vec(ids, (1, 16), &Device::Cpu).expect("ids");
        let memory = model.null_memory(1).expect("memory");
        let hidden = model.decode_hidden(&ids, &memory, None, &Context::eval()).expect("hidden");
        hidden.get(0).and_then(|h| h.to_vec2::<f32>()).expect("numbers")
    };
    // The positions that notice when one input changes.
    let heard = |kind, layers, changed| -> Vec<usize> {
        let attention = DecoderAttention { kind, window: 4 };
        let (still, moved) =
            (hidden(attention, layers, None), hidden(attention, layers, Some(changed)));
        (0..16).filter(|&i| still[i] != moved[i]).collect()
    };
    assert_eq!(heard(AttentionKind::Full, 1, 5), (5..16).collect::<Vec<_>>());
    assert_eq!(heard(AttentionKind::Sliding, 1, 5), (5..9).collect::<Vec<_>>());
    assert_eq!(heard(AttentionKind::Sliding, 2, 5), (5..12).collect::<Vec<_>>());
    assert_eq!(heard(AttentionKind::Blocks, 1, 5), (5..8).collect::<Vec<_>>());
    // The second layer's blocks begin at 2, 6, 10: from 5…7 it goes on to 9.
    assert_eq!(heard(AttentionKind::Blocks, 2, 5), (5..10).collect::<Vec<_>>());
    assert_eq!(heard(AttentionKind::Blocks, 3, 5), (5..12).collect::<Vec<_>>());
}

#[test]
fn a_windowed_model_survives_its_files_and_a_full_one_says_nothing_of_it() {
    let attention = DecoderAttention { kind: AttentionKind::Blocks, window: 6 };
    let dir = tempfile::tempdir().expect("folder");
    model(1, attention, 2, false).save(dir.path(), candle_core::DType::F32).expect("saved");
    let again = TransformerVae::load(dir.path(), &Device::Cpu).expect("loaded");
    assert_eq!(again.config().attention(), attention);
    let full = model(1, DecoderAttention::default(), 2, false).config().to_json();
    assert!(!full.contains("\"attention\"") && !full.contains("\"encoder\""), "{full}");
    let narrow = again.config().to_json().replace("\"window\": 6", "\"window\": 1");
    let error = Config::from_json(narrow).expect_err("one position is no window").to_string();
    assert!(error.contains("tvae.attention.window"), "{error}");
}

#[test]
fn a_runs_configuration_decides_its_models_windows() {
    let read = |text: &str| toml::from_str::<TrainConfig>(text).expect("a configuration");
    let shape = |config: &TrainConfig| config.model_config(60).expect("a shape").attention();
    assert_eq!(shape(&read("")), DecoderAttention::default());
    let config = read("attention = { kind = \"sliding\", window = 12 }");
    assert_eq!(shape(&config), DecoderAttention { kind: AttentionKind::Sliding, window: 12 });
    // The window60 of the original, and nothing but the kind.
    let blocks = read("family = \"seed\"\nattention = { kind = \"blocks\" }");
    assert_eq!(shape(&blocks), DecoderAttention { kind: AttentionKind::Blocks, window: 60 });
    let narrow = read("attention = { kind = \"blocks\", window = 1 }");
    let error = narrow.validate().expect_err("one position is no window").to_string();
    assert!(error.contains("attention.window = 1"), "{error}");
    assert!(toml::from_str::<TrainConfig>("attention = { kind = \"strided\" }").is_err());
}
