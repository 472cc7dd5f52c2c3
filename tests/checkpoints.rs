//! Gradient checkpointing: the same gradients from less memory.

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use tvae_tui::model::{
    AttentionKind, Checkpointing, Config, Context, DecoderAttention, EncoderKind, TransformerVae,
};
use tvae_tui::numeric::memory::Counting;
use tvae_tui::numeric::{linear, recomputed, with_precision, Precision};
use tvae_tui::train::{run_shards, Preset, StepInput, TrainConfig};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting::new(System);

/// One test at a time, so that memory is that of one of them.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const VOCAB: usize = 60;
/// Nothing, the encoder, all decoder layers, and the encoder with every other decoder layer.
const WAYS: [Checkpointing; 4] = [
    Checkpointing { encoder: false, every: 0 },
    Checkpointing { encoder: true, every: 0 },
    Checkpointing { encoder: false, every: 1 },
    Checkpointing { encoder: true, every: 2 },
];

fn config(preset: Preset) -> TrainConfig {
    TrainConfig {
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1, 2],
        decoder_layers: 3,
        latent_tokens: 2,
        latent_size: 8,
        max_len: 32,
        shards: 1,
        ..TrainConfig::preset(preset, "python")
    }
}

fn lines(count: usize, len: usize) -> Vec<Vec<u32>> {
    let word = |row: usize, at: usize| ((row * 7 + at * 13) % (VOCAB - 4) + 4) as u32;
    (0..count).map(|row| (0..len - row % 3).map(|at| word(row, at)).collect()).collect()
}

/// The gradients of one step by name, and its cross entropy.
fn step(
    config: &TrainConfig,
    shape: &Config,
    lines: &[Vec<u32>],
) -> (Vec<(String, Vec<f32>)>, f64) {
    let model = TransformerVae::new(shape.clone(), 3, &Device::Cpu).expect("a model");
    let lines: Vec<&[u32]> = lines.iter().map(Vec::as_slice).collect();
    let input = StepInput {
        step: 5_000,
        progress: 0.5,
        sigma_max: 0.5,
        lines: &lines,
        partners: &[],
        between: None,
        vocab: VOCAB as u32,
    };
    let shards = run_shards(&model, config, input).expect("a step");
    let numbers = |store: &GradStore, var: &Var| {
        let gradient = store.get(var)?.flatten_all().and_then(|g| g.to_vec1::<f32>());
        Some(gradient.expect("numbers"))
    };
    let named = model.parameters().into_iter();
    let gradients = named.filter_map(|(name, var)| Some((name, numbers(&shards[0].grads, &var)?)));
    (gradients.collect(), shards[0].cross_entropy)
}

/// Holds a step's gradients to those without checkpointing.
fn agree(name: &str, config: &TrainConfig, dropout: f64) {
    let mut shape = config.model_config(VOCAB).expect("a shape");
    shape.funnel.hidden_dropout = dropout;
    shape.funnel.attention_dropout = dropout;
    shape.funnel.activation_dropout = dropout;
    shape.t5.dropout_rate = dropout;
    let lines = lines(5, 14);
    let (wanted, loss) = step(config, &shape, &lines);
    assert!(wanted.len() > 40, "{name}: {} gradients", wanted.len());
    for checkpoint in &WAYS[1..] {
        let config = TrainConfig { checkpoint: *checkpoint, ..config.clone() };
        let (found, same) = step(&config, &shape, &lines);
        assert_eq!(loss.to_bits(), same.to_bits(), "{name}: the forward pass differs");
        assert_eq!(wanted.len(), found.len(), "{name}, {checkpoint:?}");
        for ((parameter, a), (other, b)) in wanted.iter().zip(&found) {
            assert_eq!(parameter, other);
            let scale = a.iter().fold(1e-3f32, |m, x| m.max(x.abs()));
            let off = a.iter().zip(b).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(off <= 1e-6 * scale, "{name}, {checkpoint:?}: {parameter} is {off} off");
        }
    }
}

#[test]
fn gradients_are_those_without_it() {
    let _alone = alone();
    for preset in [Preset::Tiny, Preset::Seed] {
        for precision in [Precision::F32, Precision::Bf16] {
            for dropout in [0.0, 0.2] {
                let config = TrainConfig { precision, ..config(preset) };
                agree(&format!("{preset:?} {precision} dropout {dropout}"), &config, dropout);
            }
        }
    }
}

#[test]
fn gradients_within_windows_and_of_the_t5_encoder_are_those_without_it() {
    let _alone = alone();
    for kind in [AttentionKind::Blocks, AttentionKind::Sliding] {
        let attention = DecoderAttention { kind, window: 6 };
        let config = TrainConfig {
            attention,
            encoder: EncoderKind::T5,
            precision: Precision::F32,
            ..config(Preset::Tiny)
        };
        for dropout in [0.0, 0.1] {
            agree(&format!("{kind:?} dropout {dropout}"), &config, dropout);
        }
    }
}

#[test]
fn a_recomputed_block_can_be_differentiated_twice_and_remembers_its_precision() {
    let _alone = alone();
    let var = |shape: &[usize], seed: f32| {
        let n = shape.iter().product();
        let values: Vec<f32> = (0..n).map(|i| ((i as f32 + seed) * 0.7).sin()).collect();
        Var::from_vec(values, shape, &Device::Cpu).expect("a variable")
    };
    let (x, w, unused) = (var(&[40, 48], 1.0), var(&[32, 48], 2.0), var(&[3], 3.0));
    let plain = |precision| {
        with_precision(precision, || {
            let y = linear(&x, &w, None).and_then(|y| y.sqr()?.sum_all()).expect("loss");
            let grads = y.backward().expect("backward");
            [&x, &w].map(|v| values(grads.get(v).expect("a gradient")))
        })
    };
    let again = with_precision(Precision::Bf16, || {
        let weights = w.as_tensor().clone();
        let y = linear(&x.detach(), &weights, None).expect("output");
        let parameters = [w.as_tensor().clone(), unused.as_tensor().clone()];
        recomputed(&y, &[&x], &parameters, move |inputs| linear(&inputs[0], &weights, None))
    });
    let loss = again.and_then(|y| y.sqr()?.sum_all()).expect("loss");
    for _ in 0..2 {
        // Outside of what set the precision.
        let grads = loss.backward().expect("backward");
        let found = [&x, &w].map(|v| values(grads.get(v).expect("a gradient")));
        assert_eq!(found, plain(Precision::Bf16));
        assert_ne!(found, plain(Precision::F32));
        assert!(grads.get(&unused).is_none());
    }
    let derived = (w.as_tensor() * 2.0).expect("a tensor");
    let refused = recomputed(&x, &[&x], &[derived], |inputs| Ok(inputs[0].clone()));
    assert!(refused.is_err(), "a parameter that is computed from a variable");
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().and_then(|x| x.to_vec1()).expect("numbers")
}

#[test]
fn memory_falls_with_every_layer_that_is_computed_again() {
    let _alone = alone();
    let config = TrainConfig {
        d_model: 64,
        d_ff: 256,
        encoder_blocks: vec![3],
        decoder_layers: 4,
        max_len: 128,
        precision: Precision::F32,
        ..config(Preset::Tiny)
    };
    let shape = config.model_config(VOCAB).expect("a shape");
    let model = TransformerVae::new(shape, 3, &Device::Cpu).expect("a model");
    let lines = lines(6, 120);
    let lines: Vec<&[u32]> = lines.iter().map(Vec::as_slice).collect();
    let peak = |checkpoint: Checkpointing| {
        let config = TrainConfig { checkpoint, ..config.clone() };
        let input = StepInput {
            step: 0,
            progress: 0.5,
            sigma_max: 0.0,
            lines: &lines,
            partners: &[],
            between: None,
            vocab: VOCAB as u32,
        };
        let mut most = 0;
        // The first one fills what stays: plans and working memory.
        for _ in 0..2 {
            let before = ALLOCATOR.live();
            ALLOCATOR.restart();
            drop(run_shards(&model, &config, input).expect("a step"));
            most = ALLOCATOR.peak() - before;
        }
        most as f64 / 1e6
    };
    let checkpointing = |encoder, every| peak(Checkpointing { encoder, every });
    let none = checkpointing(false, 0);
    let (encoder, half) = (checkpointing(true, 0), checkpointing(false, 2));
    let (decoder, all) = (checkpointing(false, 1), checkpointing(true, 1));
    println!("MB: none {none:.1}, encoder {encoder:.1}, every other decoder layer {half:.1}, decoder {decoder:.1}, all {all:.1}");
    assert!(encoder < 0.9 * none && half < 0.9 * none && decoder < 0.9 * half);
    assert!(all < 0.5 * none, "{all} of {none} MB");
    // Evaluation keeps nothing in any case, and is not asked to.
    let ids = Tensor::zeros((1, 8), candle_core::DType::U32, &Device::Cpu).expect("ids");
    let mask = Tensor::ones((1, 8), candle_core::DType::F32, &Device::Cpu).expect("mask");
    let latent = |ctx: &Context| values(&model.encode(&ids, &mask, ctx).expect("latent"));
    let again = Context::eval().checkpointing(Checkpointing { encoder: true, every: 1 });
    assert_eq!(latent(&Context::eval()), latent(&again));
}

#[test]
fn it_is_told_in_the_configuration() {
    let read = |text: &str| toml::from_str::<TrainConfig>(text);
    let config = read("checkpoint = { encoder = true, every = 2 }").expect("a configuration");
    assert_eq!(config.checkpoint, Checkpointing { encoder: true, every: 2 });
    let layers = (0..5).filter(|&layer| config.checkpoint.decoder_layer(layer));
    assert_eq!(layers.collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(read("").expect("a configuration").checkpoint, Checkpointing::default());
    assert!(read("checkpoint = { decoder = true }").is_err());
}
