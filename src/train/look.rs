//! A look at data and at what a run on them would cost, before it is started.

use std::time::Instant;

use candle_core::Device;

use super::batch::{Sampler, POOL};
use super::step::{run_shards, StepInput};
use super::{encode_corpus, Budget, DataOptions, TrainConfig, TrainError};
use crate::domain::domain;
use crate::model::{GridPooling, TransformerVae};

/// Lines that are looked at.
const LINES: usize = 2000;
/// Lines of the trial step at most: enough to fill the products.
const TRIAL: usize = 32;
/// Bytes of the program with the model that is explored.
const PROGRAM: usize = 100_000_000;
/// What the allocator holds for each byte that a step asks for, as measured.
const KEPT: f64 = 1.2;
/// Bytes of a number in single precision.
const NUMBER: usize = 4;

/// What some lines of a data set are like.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The lines, from the start of the data.
    pub lines: Vec<String>,
    /// Whether there are more.
    pub more: bool,
    /// Rows that were skipped as bad.
    pub skipped: usize,
    /// What a run on them would be, or why there can be none.
    pub estimate: Result<Estimate, String>,
}

/// What a run costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estimate {
    /// Trainable numbers.
    pub parameters: usize,
    /// Lengths of the lines in tokens, their ends included.
    pub lengths: Vec<usize>,
    /// Of these, lines that are too long for the model.
    pub too_long: usize,
    /// Tokens trained per second, as one small step of this machine says.
    pub tokens_per_second: f64,
    /// Seconds of a step.
    pub seconds_per_step: f64,
    /// Steps of the run.
    pub steps: f64,
    /// Minutes of the run.
    pub minutes: f64,
    /// Lines that it sees.
    pub lines: f64,
    /// Bytes of memory that weights, optimiser and one step take, about.
    pub memory: usize,
}

/// Looks at the data of a run.
///
/// # Errors
/// Where the data cannot be read. That no run is possible on them is part of the [`Look`].
pub fn look(config: &TrainConfig, data: &DataOptions) -> Result<Look, TrainError> {
    let domain = domain(&config.domain).map_err(|e| TrainError::Config(e.to_string()))?;
    let limit = data.limit.unwrap_or(usize::MAX).min(LINES + 1);
    let columns = [data.column.as_ref(), data.label_column.as_ref()];
    let corpus = data.data.read(domain, config.max_len, columns, Some(limit))?;
    let mut lines: Vec<String> = corpus.examples.into_iter().map(|e| e.text).collect();
    let more = lines.len() > LINES;
    lines.truncate(LINES);
    let estimate = estimate(config, &lines).map_err(|e| e.to_string());
    Ok(Look { lines, more, skipped: corpus.report.skipped, estimate })
}

/// What a run on lines like these costs; takes a small step to find out.
///
/// # Errors
/// Where a run with this configuration on these lines is not possible.
pub fn estimate(config: &TrainConfig, lines: &[String]) -> Result<Estimate, TrainError> {
    config.validate()?;
    let domain = domain(&config.domain).map_err(|e| TrainError::Config(e.to_string()))?;
    let codec = domain
        .train_codec(&mut lines.iter().map(String::as_str), config.vocab)?
        .with_room(config.max_len);
    let all = encode_corpus(&codec, lines, usize::MAX, &mut |_| ())?;
    let lengths: Vec<usize> = all.lengths().iter().map(|&l| l as usize + 1).collect();
    let data = encode_corpus(&codec, lines, config.max_len, &mut |_| ())?;
    if data.is_empty() {
        return Err(TrainError::NoData(format!(
            "all {} lines that were looked at are empty or longer than max_len = {}",
            lines.len(),
            config.max_len
        )));
    }
    // With all of the data the vocabulary is as large as was asked for; digits have a fixed one.
    let vocab =
        if codec.vocab_size() * 2 < config.vocab { codec.vocab_size() } else { config.vocab };
    let shape = config.model_config_for(&codec, vocab, all.labels())?;
    let model = TransformerVae::new(shape, config.seed, &Device::Cpu)?;
    let parameters = model.parameters().iter().map(|(_, v)| v.elem_count()).sum();

    let trial = TrainConfig { batch: config.batch.min(TRIAL), ..config.clone() };
    let mut sampler = Sampler::new(data.lengths(), trial.batch, POOL, config.seed);
    let mut rates = Vec::new();
    // The first step also asks the system for its memory.
    for step in 0..2 {
        let rows: Vec<&[u32]> =
            sampler.batch(step).iter().map(|&i| data.line(i as usize)).collect();
        let tokens: usize = rows.iter().map(|row| row.len() + 1).sum();
        let clock = Instant::now();
        run_shards(
            &model,
            &trial,
            StepInput {
                step,
                progress: 0.5,
                sigma_max: config.noise.latent_max,
                lines: &rows,
                partners: &[],
                between: None,
                vocab: codec.vocab_size() as u32,
            },
        )?;
        rates.push(tokens as f64 / clock.elapsed().as_secs_f64().max(1e-9));
    }
    let tokens_per_second = rates.last().copied().unwrap_or_default();
    let mean = data.lengths().iter().map(|&l| f64::from(l) + 1.0).sum::<f64>() / data.len() as f64;
    let batch = config.batch.min(data.len()).max(1) as f64;
    // Partners and the texts between are as long as lines.
    let rows = batch * (1.0 + config.blend.share * (1.0 + config.blend.points as f64));
    let seconds_per_step = rows * mean / tokens_per_second;
    let (steps, minutes) = match config.budget {
        Budget::Steps(steps) => (steps as f64, steps as f64 * seconds_per_step / 60.0),
        Budget::Minutes(minutes) => (minutes * 60.0 / seconds_per_step, minutes),
    };
    Ok(Estimate {
        parameters,
        too_long: data.too_long,
        tokens_per_second,
        seconds_per_step,
        steps,
        minutes,
        lines: steps * batch,
        memory: memory(config, parameters, rows, longest(&data.lengths())),
        lengths,
    })
}

/// The length that nine tenths of the lines do not exceed: batches hold lines of like length, and the longer ones set the peak.
fn longest(lengths: &[u32]) -> f64 {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() * 9 / 10).map_or(1.0, |&l| f64::from(l) + 1.0)
}

/// Bytes of the program, and of weights, gradients, moments and averages, and of what a step of `rows` sequences of `length`
/// tokens keeps for its backward pass.
fn memory(config: &TrainConfig, parameters: usize, rows: f64, length: f64) -> usize {
    // The weights, the model that is saved for use, both moments, their average, and a gradient per shard.
    let state = parameters * NUMBER * (5 + config.shards);
    // Layers, and positions that they attend from and to, are pooled from block to block.
    let pooled = if config.pixels.pooling == GridPooling::Square { 0.25f64 } else { 0.5 };
    let (mut encoder, mut pairs) = (0.0, 0.0);
    for (block, &layers) in config.encoder_blocks.iter().enumerate() {
        let share = pooled.powi(block as i32);
        encoder += layers as f64 * share;
        pairs += layers as f64 * share * share;
    }
    let decoder = config.decoder_layers as f64;
    // What a layer keeps per token: projections, norms, the feed-forward layer's inside, and their gradients; the decoder's
    // has two attentions. Then the scores of each pair of positions: content, position and their softmax in the encoder.
    let layer = (14 * config.d_model + 2 * config.d_ff) as f64;
    let scores = config.heads as f64 * length * (4.0 * pairs + 2.0 * decoder);
    let numbers = rows * length * ((encoder + 1.5 * decoder) * layer + scores);
    PROGRAM + state + (numbers * KEPT) as usize * NUMBER
}
