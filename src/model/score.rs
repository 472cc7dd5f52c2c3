//! How well a model gives back known lines, token by token, with the true tokens in front given.

use candle_core::{DType, Device, Tensor};

use super::{Context, Error, TransformerVae};
use crate::latent::Latent;

/// What a line's score is, one entry per token, the end token included.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Cross entropy of every token, in nats.
    pub token_nats: Vec<f64>,
    /// Whether the most probable token is the true one.
    pub right: Vec<bool>,
}

impl Score {
    /// Cross entropy of the line, in nats.
    #[must_use]
    pub fn nats(&self) -> f64 {
        self.token_nats.iter().sum()
    }
}

/// What the decoder is told of the lines.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// A latent per line.
    Latents(&'a [Latent]),
    /// Nothing.
    Nothing,
}

impl TransformerVae {
    /// Teacher-forced scores of lines given as ids without specials.
    ///
    /// # Errors
    /// Shapes that do not fit the model.
    pub fn score(&self, lines: &[Vec<u32>], given: Given<'_>) -> Result<Vec<Score>, Error> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let memory = match given {
            Given::Latents(latents) => self.memory_values(latents)?,
            Given::Nothing => self.memory_of_nothing(lines.len())?,
        };
        let (rows, len) = (lines.len(), lines.iter().map(Vec::len).max().unwrap_or(0) + 1);
        let d = self.config().t5.d_model;
        let memory_len = memory.len() / (rows * d);
        let memory = Tensor::from_vec(memory, (rows, memory_len, d), self.device())?;
        let (start, eos) = (self.config().t5.decoder_start_token_id, self.config().eos());
        let mut inputs = vec![self.config().t5.pad_token_id; rows * len];
        let (mut positions, mut labels) = (Vec::new(), Vec::new());
        for (row, line) in lines.iter().enumerate() {
            let at = row * len;
            inputs[at] = start;
            inputs[at + 1..=at + line.len()].copy_from_slice(line);
            positions.extend((at..=at + line.len()).map(|p| p as u32));
            labels.extend(line.iter().copied().chain([eos]));
        }
        let inputs = Tensor::from_vec(inputs, (rows, len), self.device())?;
        let hidden = self.decode_hidden(&inputs, &memory, None, &Context::eval())?.detach();
        let count = positions.len();
        let positions = Tensor::from_vec(positions, count, self.device())?;
        let hidden = hidden.reshape((rows * len, d))?.index_select(&positions, 0)?;
        let logits = self.head(&hidden)?.detach().to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
        let vocab = logits.dim(1)?;
        let logits = logits.flatten_all()?.to_vec1::<f32>()?;
        let (mut nats, mut right) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (row, &label) in logits.chunks_exact(vocab).zip(&labels) {
            let own = row[label as usize];
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
            nats.push(sum.ln() + f64::from(largest - own));
            right.push(row.iter().position(|&x| x == largest) == Some(label as usize));
        }
        let mut at = 0;
        Ok(lines
            .iter()
            .map(|line| {
                let own = at..at + line.len() + 1;
                at = own.end;
                Score { token_nats: nats[own.clone()].to_vec(), right: right[own].to_vec() }
            })
            .collect())
    }

    /// The decoder's memory when it is told nothing, `[rows × m × d_model]`: the learned one or, under `seed`, that of a
    /// latent of zeros.
    ///
    /// # Errors
    /// None in practice.
    pub fn memory_of_nothing(&self, rows: usize) -> Result<Vec<f32>, Error> {
        let config = self.config();
        let memory = match self.null_memory(rows) {
            Ok(memory) => memory,
            Err(_) => {
                let shape = (rows, config.n_latent_tokens, config.latent_size);
                self.memory(&Tensor::zeros(shape, DType::F32, self.device())?)?
            }
        };
        Ok(memory.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
    }
}
