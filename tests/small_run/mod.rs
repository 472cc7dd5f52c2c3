//! A tiny model and made-up lines of Python to train it on in a second.

use std::collections::HashMap;
use std::path::Path;

use candle_core::Device;
use tvae_tui::domain::{domain, Codec};
use tvae_tui::train::{
    encode_corpus, train, Budget, Checkpoint, Inputs, Preset, Progress, Report, StopSignal,
    TrainConfig, TrainError, TrainingData,
};

/// Lines of Python made from a few forms: enough to train on, nothing taken from anywhere.
pub fn lines(n: usize) -> Vec<String> {
    let names = ["value", "total", "index", "result", "node", "items", "self.size", "count"];
    let calls = ["len", "max", "load_file", "parse", "self.update", "np.sum"];
    (0..n)
        .map(|i| {
            let (a, b) = (names[i % 8], names[(i / 8 + 3) % 8]);
            let f = calls[(i / 3) % 6];
            match i % 4 {
                0 => format!("{a} = {f}({b}, {})", i % 17),
                1 => format!("return {a} + {b}"),
                2 => format!("assert {f}({a}) == {}", i % 29),
                _ => format!("{a}.append({b}[{}])", i % 11),
            }
        })
        .collect()
}

/// A model of a few thousand parameters and 60 steps.
pub fn config() -> TrainConfig {
    TrainConfig {
        vocab: 384,
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1, 1],
        decoder_layers: 1,
        latent_tokens: 2,
        latent_size: 8,
        batch: 16,
        held_out: 20,
        pairs: 2,
        final_pairs: 4,
        budget: Budget::Steps(60),
        eval_steps: 30,
        save_steps: 10,
        ..TrainConfig::preset(Preset::Tiny, "python")
    }
}

/// Keeps the step reports, and raises the signal at a step.
struct Watch<'a>(&'a mut Vec<Report>, usize, StopSignal);

impl Progress for Watch<'_> {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        if let Report::Step { step, .. } = report {
            self.0.push(report.clone());
            if *step >= self.1 {
                self.2.flag().store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Data and tokenizer of a run.
pub struct Fixture {
    pub codec: Codec,
    pub train: TrainingData,
    pub held_out: TrainingData,
}

impl Fixture {
    pub fn new(config: &TrainConfig) -> Self {
        let texts = lines(400);
        let mut iter = texts.iter().map(String::as_str);
        let python = domain("python").expect("python is a domain");
        let codec = python.train_codec(&mut iter, config.vocab).expect("tokenizer");
        let encode = |l: &[String]| {
            encode_corpus(&codec, l, config.max_len, &mut |_| ()).expect("encoded lines")
        };
        Self { train: encode(&texts[..360]), held_out: encode(&texts[360..]), codec }
    }

    /// Trains to the end, or to the report of a step; gives the step reports.
    pub fn run(
        &self,
        config: &TrainConfig,
        dir: &Path,
        stop_at: Option<usize>,
        resume: bool,
    ) -> Vec<Report> {
        let inputs = Inputs {
            domain: domain("python").expect("python is a domain"),
            codec: &self.codec,
            train: &self.train,
            held_out: &self.held_out,
            examiner: None,
            data_name: "made up",
            start: None,
            device: Device::Cpu,
        };
        let resume = resume.then(|| {
            let (checkpoint, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
            (checkpoint, tensors)
        });
        let (stop, mut reports) = (StopSignal::new(), Vec::new());
        let mut watch = Watch(&mut reports, stop_at.unwrap_or(usize::MAX), stop.clone());
        train(config, &inputs, dir, resume, &mut [&mut watch], &stop).expect("a run");
        reports
    }
}

/// Every tensor of a training state, to the bit.
pub fn bits(dir: &Path) -> HashMap<String, Vec<u32>> {
    let (_, _, tensors) = Checkpoint::load(dir).expect("a checkpoint");
    let values = |t: candle_core::Tensor| {
        t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("float32 values")
    };
    tensors
        .into_iter()
        .map(|(name, t)| (name, values(t).into_iter().map(f32::to_bits).collect()))
        .collect()
}
