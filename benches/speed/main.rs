//! The speed table of the README: `cargo bench`, or `cargo bench -- --json`. `--only windows` and `--only memory` measure
//! long sequences instead. With `--serve` it answers JSON lines, for
//! `against_pytorch.py`.

mod long;
mod measure;
mod setup;

use std::io::{BufRead, Write};
use std::time::Instant;

use measure::{alternate, Figure};
use serde_json::{json, Value};
use setup::{anchor, lines_of, Trainer};
use tvae_tui::latent::{ladder, Latent, Path};
use tvae_tui::model::{Batch, Generator, TransformerVae};
use tvae_tui::numeric::decoder::Draft;
use tvae_tui::numeric::memory::{Counting, Keeping};
use tvae_tui::numeric::Precision;

#[global_allocator]
static ALLOCATOR: Counting<Keeping<mimalloc::MiMalloc>> =
    Counting::new(Keeping::new(mimalloc::MiMalloc));

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        std::env::set_var("CANDLE_NUM_THREADS", "1");
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|a| a == name);
    if has("--serve") {
        return serve();
    }
    let only = args.iter().position(|a| a == "--only").and_then(|at| args.get(at + 1));
    let mut figures = Vec::new();
    match only.map(String::as_str) {
        None => table(&mut figures)?,
        Some("windows") => long::windows(&mut figures)?,
        Some("memory") => long::checkpoints(&mut figures)?,
        Some(other) => return Err(format!("--only {other}: windows or memory expected").into()),
    }
    if has("--json") {
        println!("{}", Value::from(figures.iter().map(Figure::json).collect::<Vec<_>>()));
    } else {
        print!("{}", measure::markdown(&figures));
    }
    Ok(())
}

fn ratios(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / (count - 1) as f32).collect()
}

/// Milliseconds until every row has its first token, until one row is whole, and until all are.
fn decode_times(
    generator: &Generator,
    model: &TransformerVae,
    latents: &[Latent],
    max_len: usize,
) -> Result<([f64; 3], Vec<Vec<u32>>), Failure> {
    let clock = Instant::now();
    let (mut first, mut row) = (0.0, 0.0);
    let batch = Batch { latents, max_len, drafts: &[], threads: 0 };
    let decoded = generator
        .decode(model, batch, &mut |step| {
            let now = 1e3 * clock.elapsed().as_secs_f64();
            if step.index == 0 {
                first = now;
            }
            if row == 0.0 && step.tokens.iter().any(|t| t.2) {
                row = now;
            }
            std::ops::ControlFlow::Continue(())
        })?
        .ok_or("broken off")?;
    Ok(([first, row, 1e3 * clock.elapsed().as_secs_f64()], decoded.rows))
}

fn table(figures: &mut Vec<Figure>) -> Result<(), Failure> {
    let peaks = measure::peaks()?;
    for (precision, peak) in &peaks {
        figures.push(Figure::one("GEMM peak, all cores", &precision.to_string(), "GFLOP/s", *peak));
    }
    python(figures)?;
    for seq in [32, 240, 840] {
        let name = format!("12 M model, {seq} tokens");
        let mut steps: Vec<Trainer> = [Precision::F32, Precision::Bf16]
            .into_iter()
            .map(|p| Trainer::new(seq, p, &setup::full_lines(seq, 2048 / seq)))
            .collect::<Result<_, _>>()?;
        let rounds = if seq == 32 { 9 } else { 5 };
        let mut times = vec![Vec::new(); 2];
        for _ in 0..=rounds {
            for (trainer, times) in steps.iter_mut().zip(&mut times) {
                times.push(trainer.step()?.0);
            }
        }
        for ((trainer, times), (precision, peak)) in steps.iter().zip(times).zip(&peaks) {
            let figure =
                Figure::of(&name, "train step", &precision.to_string(), "ms", times[1..].to_vec());
            let seconds = figure.median() / 1e3;
            let rate = trainer.flops() / seconds / 1e9;
            figures.push(figure);
            let p = precision.to_string();
            figures.push(Figure::row(
                &name,
                "trained tokens",
                &p,
                "1/s",
                trainer.labels() as f64 / seconds,
            ));
            figures.push(Figure::row(&name, "rate", &p, "GFLOP/s", rate));
            figures.push(Figure::row(
                &name,
                "share of the GEMM peak",
                &p,
                "%",
                100.0 * rate / peak,
            ));
        }
        drop(steps);
        let model = anchor(seq)?;
        let latents = setup::random_latents(&model, 11);
        let generators =
            [Precision::F32, Precision::Bf16].map(|p| (p, Generator::with_precision(&model, p)));
        for (precision, generator) in generators {
            let generator = generator?;
            let mut times = [Vec::new(), Vec::new(), Vec::new()];
            for _ in 0..if seq == 840 { 4 } else { 12 } {
                let (found, _) = decode_times(&generator, &model, &latents, seq)?;
                for (times, found) in times.iter_mut().zip(found) {
                    times.push(found);
                }
            }
            for (what, times) in ["first token", "first rung", "all rungs"].iter().zip(times) {
                let what = format!("ladder of 11, {what}");
                figures.push(Figure::of(
                    &name,
                    &what,
                    &precision.to_string(),
                    "ms",
                    times[1..].to_vec(),
                ));
            }
        }
        let line = setup::full_lines(seq, 1);
        let encode = alternate(
            20,
            &mut [&mut || model.encode_lines(&line).map(drop).map_err(Failure::from)],
        )?;
        figures.push(Figure::of(&name, "encode one text", "f32", "ms", encode[0].clone()));
    }
    Ok(())
}

/// The bundled Python model: ladders between sample lines, slides with and without drafts, and the program as a whole.
fn python(figures: &mut Vec<Figure>) -> Result<(), Failure> {
    let name = "bundled python";
    let (model, lines) = setup::bundled()?;
    let latents = model.encode_lines(&lines)?;
    let max_len = model.config().max_len();
    let pairs: Vec<&[Latent]> = latents.chunks_exact(2).collect();
    for precision in [Precision::F32, Precision::Bf16] {
        let generator = Generator::with_precision(&model, precision)?;
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for pair in &pairs {
            let rungs = ladder(&pair[0], &pair[1], &ratios(11), Path::PerToken)?;
            let (found, _) = decode_times(&generator, &model, &rungs, max_len)?;
            for (times, found) in times.iter_mut().zip(found) {
                times.push(found);
            }
        }
        let p = precision.to_string();
        for (what, times) in ["first token", "first rung", "all rungs"].iter().zip(times) {
            figures.push(Figure::of(name, &format!("ladder of 11, {what}"), &p, "ms", times));
        }
        // One core stays free while a person drags.
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() - 1).max(1);
        let (mut plain, mut drafted) = (Vec::new(), Vec::new());
        let (mut tokens, mut accepted, mut passes) = (0, 0, 0);
        for pair in pairs.iter().take(12) {
            let mut last = Draft::Nothing;
            for at in 0..=100 {
                let point = ladder(&pair[0], &pair[1], &[at as f32 / 100.0], Path::PerToken)?;
                for with in [false, true] {
                    let drafts = if with { vec![last.clone()] } else { Vec::new() };
                    let batch = Batch { latents: &point, max_len, drafts: &drafts, threads };
                    let clock = Instant::now();
                    let go_on = &mut |_: &tvae_tui::numeric::decoder::Step<'_>| {
                        std::ops::ControlFlow::Continue(())
                    };
                    let decoded = generator.decode(&model, batch, go_on)?.ok_or("broken off")?;
                    let time = 1e3 * clock.elapsed().as_secs_f64();
                    if with {
                        drafted.push(time);
                        tokens += decoded.rows[0].len() + 1;
                        accepted += decoded.effort.accepted;
                        passes += decoded.effort.passes;
                        last = Draft::Tokens(decoded.rows[0].clone());
                    } else {
                        plain.push(time);
                    }
                }
            }
        }
        figures.push(Figure::of(name, "slider move of 0.01, no draft", &p, "ms", plain));
        figures.push(Figure::of(name, "slider move of 0.01", &p, "ms", drafted));
        let share = 100.0 * accepted as f64 / tokens as f64;
        figures.push(Figure::row(name, "tokens taken from drafts while sliding", &p, "%", share));
        let per = tokens as f64 / passes as f64;
        figures.push(Figure::row(name, "tokens per pass while sliding", &p, "", per));
    }
    let generator = Generator::new(&model)?;
    let strip = ladder(&pairs[0][0], &pairs[0][1], &ratios(200), Path::PerToken)?;
    let text = &lines[..1];
    let palette: Vec<Latent> = strip.iter().step_by(2).take(81).cloned().collect();
    let times = alternate(
        12,
        &mut [
            &mut || generator.greedy(&model, &strip, max_len).map(drop).map_err(Failure::from),
            &mut || generator.greedy(&model, &palette, max_len).map(drop).map_err(Failure::from),
            &mut || {
                generator.beams(&model, &strip[..11], 8, max_len).map(drop).map_err(Failure::from)
            },
            &mut || model.encode_lines(text).map(drop).map_err(Failure::from),
        ],
    )?;
    let names =
        ["strip of 200 ratios", "palette of 9 × 9", "ladder of 11, 8 beams", "encode one text"];
    for (what, times) in names.iter().zip(times) {
        figures.push(Figure::of(name, what, "f32", "ms", times));
    }
    let binary = env!("CARGO_BIN_EXE_tvae-tui");
    let (mut wall, mut peak) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let (milliseconds, megabytes) = measure::process(binary, &["interpolate", "--seed", "3"])?;
        wall.push(milliseconds);
        peak.push(megabytes);
    }
    figures.push(Figure::of(
        name,
        "start to printed ladder, whole process",
        "f32",
        "ms",
        wall[1..].to_vec(),
    ));
    figures.push(Figure::of(name, "peak memory then", "f32", "MB", peak));
    Ok(())
}

/// Answers requests, one JSON line each, until there are no more: the other side measures meanwhile, so nothing runs
/// between two requests.
fn serve() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("tvae-speed-{}", std::process::id()));
    let model = anchor(32)?;
    model.save(&folder, candle_core::DType::F32)?;
    let mut trainers: Vec<((String, String), Trainer)> = Vec::new();
    let single = Generator::with_precision(&model, Precision::F32)?;
    let half = Generator::with_precision(&model, Precision::Bf16)?;
    let latents = setup::random_latents(&model, 11);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}",
        json!({ "folder": folder, "binary": env!("CARGO_BIN_EXE_tvae-tui"),
        "latents": latents.iter().map(|l| &l.values).collect::<Vec<_>>() })
    )?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
        let precision: Precision = text("precision").parse().unwrap_or_default();
        let answer = match text("what").as_str() {
            "ladder" => {
                let generator = if precision == Precision::F32 { &single } else { &half };
                let ([first, _, all], rows) = decode_times(generator, &model, &latents, 32)?;
                json!({ "ms": all, "first_ms": first, "tokens": rows })
            }
            "train" => {
                let key = (text("precision"), text("lines"));
                if !trainers.iter().any(|t| t.0 == key) {
                    let lines = match key.1.as_str() {
                        "full" => setup::full_lines(32, 64),
                        _ => lines_of(&request["lengths"]),
                    };
                    trainers.push((key.clone(), Trainer::new(32, precision, &lines)?));
                }
                let found = trainers.iter_mut().find(|t| t.0 == key).ok_or("no trainer")?;
                let (ms, loss) = found.1.step()?;
                json!({ "ms": ms, "loss": loss, "labels": found.1.labels() })
            }
            "encode" => {
                let line = setup::full_lines(32, 64);
                let clock = Instant::now();
                let latents = model.encode_lines(&line)?;
                let ms = 1e3 * clock.elapsed().as_secs_f64();
                json!({ "ms": ms, "latents": latents.iter().map(|l| &l.values).collect::<Vec<_>>() })
            }
            other => json!({ "error": format!("`{other}` is not served") }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    std::fs::remove_dir_all(&folder)?;

    Ok(())
}
