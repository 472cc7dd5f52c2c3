//! The models and inputs that are measured.

use std::time::Instant;

use candle_core::Device;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tvae_tui::domain::{domain, Codec};
use tvae_tui::latent::Latent;
use tvae_tui::model::{Config, TransformerVae};
use tvae_tui::numeric::adamw::{AdamW, AdamWConfig};
use tvae_tui::numeric::Precision;
use tvae_tui::train::{run_shards, Preset, StepInput, TrainConfig};

use super::Failure;

const VOCAB: usize = 4096;

/// The anchor: d_model 256, Funnel 2_2_2, four T5 decoder layers, family `seed`, at a sequence length.
pub fn options(seq: usize, rows: usize) -> TrainConfig {
    let mut train = TrainConfig::preset(Preset::Seed, "python");
    (train.d_model, train.heads, train.d_ff) = (256, 4, 1024);
    (train.encoder_blocks, train.decoder_layers) = (vec![2, 2, 2], 4);
    (train.latent_tokens, train.latent_size) = (4, 64);
    (train.max_len, train.batch) = (seq, rows);
    train.shards = std::thread::available_parallelism().map_or(1, usize::from).min(rows);
    train
}

/// The shape of a model of these options.
pub fn shape(train: &TrainConfig) -> Result<Config, Failure> {
    let mut config = train.model_config(VOCAB)?;
    config.skip_upsample = true;
    // The original's start draws some biases from 0 to 0.1, and its latents' head apart from the embedding.
    config.t5.tie_word_embeddings = false;
    Ok(config)
}

/// The anchor's model with weights from a fixed seed.
pub fn anchor(seq: usize) -> Result<TransformerVae, Failure> {
    Ok(TransformerVae::new(shape(&options(seq, 1))?, 1, &Device::Cpu)?)
}

pub fn random_latents(model: &TransformerVae, count: usize) -> Vec<Latent> {
    let (tokens, size) = (model.config().n_latent_tokens, model.config().latent_size);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut draw = || (0..tokens * size).map(|_| rng.random_range(-1.0..1.0)).collect();
    (0..count).map(|_| Latent { tokens, size, values: draw() }).collect()
}

/// Ids of a line, without its end: anything but specials, always the same.
fn line(row: usize, len: usize) -> Vec<u32> {
    (0..len).map(|i| ((row * 7919 + i * 131) % 4000 + 5) as u32).collect()
}

/// Lines that fill the sequence length with their ends.
pub fn full_lines(seq: usize, rows: usize) -> Vec<Vec<u32>> {
    (0..rows.max(1)).map(|row| line(row, seq - 1)).collect()
}

/// Lines of the given lengths.
pub fn lines_of(lengths: &Value) -> Vec<Vec<u32>> {
    let lengths = lengths.as_array().map(Vec::as_slice).unwrap_or_default();
    let lengths = lengths.iter().filter_map(Value::as_u64);
    lengths.enumerate().map(|(row, len)| line(row, len as usize)).collect()
}

/// A model in training on one batch.
pub struct Trainer {
    config: TrainConfig,
    shape: Config,
    model: TransformerVae,
    optimiser: AdamW,
    lines: Vec<Vec<u32>>,
    step: usize,
}

impl Trainer {
    pub fn new(seq: usize, precision: Precision, lines: &[Vec<u32>]) -> Result<Self, Failure> {
        let mut config = options(seq, lines.len());
        config.precision = precision;
        Self::with(config, lines)
    }

    /// Of options of one's own.
    pub fn with(config: TrainConfig, lines: &[Vec<u32>]) -> Result<Self, Failure> {
        tvae_tui::numeric::memory::keep_large_blocks();
        let shape = shape(&config)?;
        let model = TransformerVae::new(shape.clone(), 1, &Device::Cpu)?;
        let parameters = model.parameters().into_iter().map(|(n, v)| (n, v, true)).collect();
        let constants = AdamWConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 };
        let optimiser = AdamW::new(parameters, constants)?;
        Ok(Self { config, shape, model, optimiser, lines: lines.to_vec(), step: 0 })
    }

    /// One step: its milliseconds, and the mean cross entropy.
    pub fn step(&mut self) -> Result<(f64, f64), Failure> {
        let lines: Vec<&[u32]> = self.lines.iter().map(Vec::as_slice).collect();
        // Far along, so that the original's schedule has its regulariser in full.
        let step = 5_000 + self.step;
        let input = StepInput {
            step,
            progress: 0.5,
            sigma_max: 0.0,
            lines: &lines,
            partners: &[],
            between: None,
            vocab: VOCAB as u32,
        };
        let clock = Instant::now();
        let shards = run_shards(&self.model, &self.config, input)?;
        let grads: Vec<_> = shards.iter().map(|s| &s.grads).collect();
        self.optimiser.step(&grads, 1e-4, None)?;
        drop(grads);
        let nats: f64 = shards.iter().map(|s| s.cross_entropy).sum();
        drop(shards);
        self.step += 1;
        Ok((1e3 * clock.elapsed().as_secs_f64(), nats / self.labels() as f64))
    }

    /// Labels of the batch, ends included.
    pub fn labels(&self) -> usize {
        self.lines.iter().map(|l| l.len() + 1).sum()
    }

    /// Floating-point operations of the step's products: twice the multiplications, three times over for the backward pass.
    pub fn flops(&self) -> f64 {
        let (f, t) = (&self.shape.funnel, &self.shape.t5);
        let mut total = 0usize;
        for line in &self.lines {
            let len = line.len() + 1;
            let (d, width) = (f.d_model, f.n_head * f.d_head);
            let mut positions = len;
            for (block, &layers) in f.block_sizes.iter().enumerate() {
                for layer in 0..layers {
                    let keys = positions;
                    if block > 0 && layer == 0 {
                        // The class position stays; the last one is cut off where the configuration says so.
                        positions = 1 + (positions - 1 - usize::from(f.truncate_seq)).div_ceil(2);
                    }
                    let projections = 2 * positions * d * width + 2 * keys * d * width;
                    let scores =
                        2 * positions * keys * width + positions * (positions + keys) * width;
                    total += projections + scores + 2 * positions * d * f.d_inner;
                }
            }
            let (d, width) = (t.d_model, t.num_heads * t.d_kv);
            let memory = self.shape.n_latent_tokens;
            let layer = len * (6 * d * width + 2 * d * t.d_ff)
                + 2 * len * len * width
                + 2 * len * memory * width
                + 2 * memory * d * width;
            total += t.num_decoder_layers * layer + len * d * t.vocab_size;
            total += 2 * memory * d * self.shape.latent_size;
        }
        6.0 * total as f64
    }
}

/// The bundled Python model and the ids of the sample lines that come with it.
pub fn bundled() -> Result<(TransformerVae, Vec<Vec<u32>>), Failure> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/python");
    let model = TransformerVae::load(&folder, &Device::Cpu)?;
    let codec = Codec::from_folder(&folder)?;
    let samples = domain("python")?.samples();
    let lines = samples.iter().map(|s| codec.encode(&s.text)).collect::<Result<Vec<_>, _>>()?;
    let mut lines: Vec<Vec<u32>> =
        lines.into_iter().filter(|l| l.len() < model.config().max_len()).collect();
    // Neighbours in the file are alike: a ladder is to cross some distance.
    let half = lines.len() / 2;
    let back = lines.split_off(half);
    let pairs = lines.into_iter().zip(back).take(40);
    Ok((model, pairs.flat_map(|(a, b)| [a, b]).collect()))
}
