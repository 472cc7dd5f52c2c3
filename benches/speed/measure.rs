//! Medians and spreads, the machine's peak, and whole processes.

use std::time::Instant;

use candle_core::{Device, Tensor};
use serde_json::{json, Value};
use tvae_tui::numeric::{linear, with_precision, Precision};

use super::Failure;

/// A row of the table.
pub struct Figure {
    model: String,
    what: String,
    precision: String,
    unit: String,
    /// Sorted.
    values: Vec<f64>,
}

impl Figure {
    pub fn of(model: &str, what: &str, precision: &str, unit: &str, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let [model, what, precision, unit] = [model, what, precision, unit].map(str::to_owned);
        Self { model, what, precision, unit, values }
    }

    pub fn row(model: &str, what: &str, precision: &str, unit: &str, value: f64) -> Self {
        Self::of(model, what, precision, unit, vec![value])
    }

    pub fn one(what: &str, precision: &str, unit: &str, value: f64) -> Self {
        Self::row("machine", what, precision, unit, value)
    }

    fn quantile(&self, share: f64) -> f64 {
        let at = (share * self.values.len().saturating_sub(1) as f64).round() as usize;
        self.values.get(at).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn json(&self) -> Value {
        json!({
            "model": self.model, "what": self.what, "precision": self.precision, "unit": self.unit,
            "median": self.median(), "lower_quartile": self.quantile(0.25),
            "upper_quartile": self.quantile(0.75), "rounds": self.values.len(),
        })
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    let digits = (2 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 3) as usize;
    format!("{value:.digits$}")
}

/// The table for people, quartiles in brackets.
pub fn markdown(figures: &[Figure]) -> String {
    let mut text =
        String::from("| model | figure | weights | median | quartiles |\n|---|---|---|---|---|\n");
    for f in figures {
        let spread = if f.values.len() < 2 {
            String::new()
        } else {
            format!("{} – {}", short(f.quantile(0.25)), short(f.quantile(0.75)))
        };
        text += &format!(
            "| {} | {} | {} | {} {} | {spread} |\n",
            f.model,
            f.what,
            f.precision,
            short(f.median()),
            f.unit
        );
    }
    text
}

/// Milliseconds of every task, taken in turn; a first round is not counted.
pub fn alternate(
    rounds: usize,
    tasks: &mut [&mut dyn FnMut() -> Result<(), Failure>],
) -> Result<Vec<Vec<f64>>, Failure> {
    let mut times = vec![Vec::with_capacity(rounds); tasks.len()];
    for round in 0..=rounds {
        for (task, times) in tasks.iter_mut().zip(&mut times) {
            let clock = Instant::now();
            task()?;
            if round > 0 {
                times.push(1e3 * clock.elapsed().as_secs_f64());
            }
        }
    }
    Ok(times)
}

/// The best rate of large products on all cores, in GFLOP/s, by the same kernels as everything else.
pub fn peaks() -> Result<Vec<(Precision, f64)>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut peaks = Vec::new();
    for precision in [Precision::F32, Precision::Bf16] {
        let mut best = 0f64;
        for (m, k, n) in [(1024, 1024, 1024), (2048, 256, 1024), (1024, 1024, 256)] {
            let repeats = 30 * 1024 * 1024 * 1024 / (m * k * n);
            for _ in 0..3 {
                let clock = Instant::now();
                std::thread::scope(|scope| {
                    let work = || -> candle_core::Result<()> {
                        let x = Tensor::ones((m, k), candle_core::DType::F32, &Device::Cpu)?;
                        let w = Tensor::ones((n, k), candle_core::DType::F32, &Device::Cpu)?;
                        with_precision(precision, || {
                            (0..repeats).try_for_each(|_| linear(&x, &w, None).map(drop))
                        })
                    };
                    let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
                    threads.into_iter().for_each(|t| drop(t.join()));
                });
                let flops = 2.0 * (cores * repeats * m * k * n) as f64;
                best = best.max(flops / clock.elapsed().as_secs_f64() / 1e9);
            }
        }
        peaks.push((precision, best));
    }
    Ok(peaks)
}

/// Wall time in milliseconds and peak memory in megabytes of a process.
pub fn process(program: &str, args: &[&str]) -> Result<(f64, f64), Failure> {
    let clock = Instant::now();
    let mut child = std::process::Command::new(program)
        .args(args)
        .stdout(std::process::Stdio::null())
        .spawn()?;
    // The kernel's high-water mark is there as long as the process is; a reader cannot miss much of it.
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0f64;
    let code = loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0.0) / 1024.0);
        }
        if let Some(code) = child.try_wait()? {
            break code;
        }
        std::thread::sleep(std::time::Duration::from_micros(500));
    };
    let milliseconds = 1e3 * clock.elapsed().as_secs_f64();
    if !code.success() {
        return Err(format!("{program} {args:?} ended with {code}").into());
    }
    Ok((milliseconds, if peak > 0.0 { peak } else { f64::NAN }))
}
