//! What long sequences cost: attention within windows against all of it, and layers that are computed again.

use std::time::Instant;

use candle_core::{Device, Tensor};
use tvae_tui::model::{AttentionKind, Checkpointing, Context, DecoderAttention, TransformerVae};
use tvae_tui::model::{Batch, Generator};
use tvae_tui::numeric::Precision;

use super::measure::Figure;
use super::setup::{self, Trainer};
use super::{Failure, ALLOCATOR};

/// Positions of a window, as in the original's argument file of that name.
const WINDOW: usize = 60;
/// Tokens of a step.
const TOKENS: usize = 2048;

/// Times of decoder, whole step and generation by sequence length, for every kind of attention in turn.
pub fn windows(figures: &mut Vec<Figure>) -> Result<(), Failure> {
    for seq in [240, 840, 3360] {
        let rows = (TOKENS / seq).max(1);
        let lines = setup::full_lines(seq, rows);
        let rounds = if seq > 840 { 1 } else { 2 };
        for (name, kind) in [
            ("full", AttentionKind::Full),
            ("blocks of 60", AttentionKind::Blocks),
            ("sliding 60", AttentionKind::Sliding),
        ] {
            let mut config = setup::options(seq, rows);
            config.precision = Precision::F32;
            config.attention = DecoderAttention { kind, window: WINDOW };
            let per_thousand = 1e3 / (rows * seq) as f64;
            let model = TransformerVae::new(setup::shape(&config)?, 1, &Device::Cpu)?;
            let mut row = |what: &str, times: Vec<f64>| {
                let what = format!("{what}, {name}");
                eprintln!("{seq} tokens: {what}");
                figures.push(Figure::of(
                    &format!("12 M model, {seq} tokens"),
                    &what,
                    "f32",
                    "ms per 1,000 tokens",
                    times,
                ));
            };
            let mut times = Vec::new();
            for _ in 0..=rounds {
                times.push(decoder(&model, rows, seq)? * per_thousand);
            }
            row("decoder forward and backward", times.split_off(1));
            let latents = setup::random_latents(&model, 1);
            let generator = Generator::new(&model)?;
            let mut times = Vec::new();
            for _ in 0..rounds {
                let batch = Batch { latents: &latents, max_len: seq, drafts: &[], threads: 1 };
                let clock = Instant::now();
                let go_on = &mut |_: &tvae_tui::numeric::decoder::Step<'_>| {
                    std::ops::ControlFlow::Continue(())
                };
                let rows = generator.decode(&model, batch, go_on)?.ok_or("broken off")?.rows;
                let milliseconds = 1e3 * clock.elapsed().as_secs_f64();
                times.push(1e3 * milliseconds / (rows[0].len() + 1) as f64);
            }
            row("one text decoded by one thread", times);
            drop((model, generator));
            let mut trainer = Trainer::with(config, &lines)?;
            let mut times = Vec::new();
            for _ in 0..=rounds {
                times.push(trainer.step()?.0 * per_thousand);
            }
            row("train step", times.split_off(1));
        }
    }
    Ok(())
}

/// Milliseconds of the decoder's layers, forward and backward, over a memory that is given.
fn decoder(model: &TransformerVae, rows: usize, seq: usize) -> Result<f64, Failure> {
    let ids: Vec<u32> = setup::full_lines(seq + 1, rows).concat();
    let ids = Tensor::from_vec(ids, (rows, seq), &Device::Cpu)?;
    let config = model.config();
    let latent = (rows, config.n_latent_tokens, config.latent_size);
    let memory = model.memory(&Tensor::ones(latent, candle_core::DType::F32, &Device::Cpu)?)?;
    let memory = memory.detach();
    let clock = Instant::now();
    let hidden = model.decode_hidden(&ids, &memory, None, &Context::train(1))?;
    drop(hidden.sqr()?.mean_all()?.backward()?);
    Ok(1e3 * clock.elapsed().as_secs_f64())
}

/// Peak memory and time of a training step by sequence length, without and with checkpointing.
pub fn checkpoints(figures: &mut Vec<Figure>) -> Result<(), Failure> {
    let ways = [
        ("nothing recomputed", Checkpointing::default()),
        ("encoder recomputed", Checkpointing { encoder: true, every: 0 }),
        ("decoder recomputed", Checkpointing { encoder: false, every: 1 }),
        ("both recomputed", Checkpointing { encoder: true, every: 1 }),
    ];
    for seq in [32, 240, 840] {
        let lines = setup::full_lines(seq, TOKENS / seq);
        for (name, checkpoint) in ways {
            let mut config = setup::options(seq, lines.len());
            config.precision = Precision::F32;
            config.checkpoint = checkpoint;
            let mut trainer = Trainer::with(config, &lines)?;
            let (mut times, mut peaks) = (Vec::new(), Vec::new());
            for _ in 0..=2 {
                ALLOCATOR.restart();
                times.push(trainer.step()?.0);
                peaks.push(ALLOCATOR.peak() as f64 / 1e6);
            }
            let model = format!("12 M model, {seq} tokens");
            eprintln!("{model}: {name}");
            let (time, peak) = (format!("train step, {name}"), format!("peak memory, {name}"));
            figures.push(Figure::of(&model, &time, "f32", "ms", times.split_off(1)));
            figures.push(Figure::of(&model, &peak, "f32", "MB", peaks.split_off(1)));
        }
    }
    Ok(())
}
