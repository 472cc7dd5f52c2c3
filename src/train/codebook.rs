//! The codebook of `vq` in training: each vector moves to the mean of the latents that are assigned to it, an exponential
//! average over the steps (van den Oord et al. 2017, appendix A.1; Razavi et al. 2019).

use std::collections::HashMap;

use candle_core::{Device, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::config::Vq;
use super::TrainError;
use crate::model::{TransformerVae, CODEBOOK};

/// Laplace smoothing of the counts: no vector is divided by nothing.
const SMOOTHING: f64 = 1e-5;
/// Sets the codebook's random stream apart from the others of a run.
const STREAM: u64 = 0x00c0_deb0_0c5e_ed00;

/// How the latent tokens of a shard were coded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CodeUse {
    /// Index of each latent token's code; under `fsq` several of a latent token.
    pub indices: Vec<u32>,
    /// What stood in front of the codebook, L numbers per index, under `vq`.
    pub vectors: Vec<f32>,
    /// The shard's part of the mean squared distance from the codes, before its weight.
    pub commitment: f64,
}

impl CodeUse {
    /// Adds how the same shard of another batch was coded.
    pub fn add(&mut self, other: &Self) {
        self.indices.extend_from_slice(&other.indices);
        self.vectors.extend_from_slice(&other.vectors);
        self.commitment += other.commitment;
    }
}

/// 2 to the entropy of the codes in bits: how many codes would be in use if all in use were used alike. 0 of none.
#[must_use]
pub fn perplexity<'a>(uses: impl IntoIterator<Item = &'a CodeUse>) -> f64 {
    let mut indices: Vec<u32> =
        uses.into_iter().flat_map(|of_shard| of_shard.indices.iter().copied()).collect();
    if indices.is_empty() {
        return 0.0;
    }
    indices.sort_unstable();
    let total = indices.len() as f64;
    let entropy: f64 = indices
        .chunk_by(|a, b| a == b)
        .map(|run| {
            let share = run.len() as f64 / total;
            -share * share.ln()
        })
        .sum();
    entropy.exp()
}

/// The averages behind a codebook [K, L], in single precision so that a saved state goes on to the bit.
#[derive(Debug)]
pub(super) struct Codebook {
    options: Vq,
    seed: u64,
    size: usize,
    /// Average number of latents per step that are assigned to each vector; 0 of one that was never placed.
    counts: Vec<f32>,
    /// Average sum per step of the latents assigned to each.
    sums: Vec<f32>,
    /// The vectors averaged as the weights are.
    average: Vec<f32>,
    var: Var,
}

impl Codebook {
    /// The codebook of a model that has one. What is `placed` (it comes from another run) is kept as it is; else the first
    /// step puts every vector on a latent of its batch.
    pub(super) fn new(
        model: &TransformerVae,
        options: &Vq,
        seed: u64,
        placed: bool,
    ) -> Result<Option<Self>, TrainError> {
        let found = model.parameters().into_iter().find(|(name, _)| name == CODEBOOK);
        let Some((_, var)) = found else { return Ok(None) };
        let (codes, size) = var.dims2()?;
        let average = values(var.as_tensor())?;
        let counts = vec![if placed { 1.0 } else { 0.0 }; codes];
        let sums = average.clone();
        Ok(Some(Self { options: options.clone(), seed, size, counts, sums, average, var }))
    }

    /// Takes a step's uses in and moves the vectors; `ema` is the decay of the weights' average, where there is one.
    pub(super) fn update<'a>(
        &mut self,
        uses: impl IntoIterator<Item = &'a CodeUse>,
        step: usize,
        ema: Option<f64>,
    ) -> Result<(), TrainError> {
        let (codes, size) = (self.counts.len(), self.size);
        let (mut counts, mut sums) = (vec![0f64; codes], vec![0f64; codes * size]);
        let mut latents: Vec<&[f32]> = Vec::new();
        for of_shard in uses {
            for (&index, vector) in of_shard.indices.iter().zip(of_shard.vectors.chunks_exact(size))
            {
                let index = index as usize;
                counts[index] += 1.0;
                let sum = &mut sums[index * size..][..size];
                sum.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
                latents.push(vector);
            }
        }
        if latents.is_empty() {
            return Ok(());
        }
        // The vectors that were drawn mean nothing: the first update places all.
        let first = self.counts.iter().all(|&n| n == 0.0);
        let decay = self.options.decay;
        let blend = |old: &mut f32, new: f64| {
            *old = (decay * f64::from(*old) + (1.0 - decay) * new) as f32;
        };
        self.counts.iter_mut().zip(&counts).for_each(|(old, &new)| blend(old, new));
        self.sums.iter_mut().zip(&sums).for_each(|(old, &new)| blend(old, new));

        // What nothing is assigned to any more is put on a latent of the batch, and given time to attract some.
        let even = latents.len() as f64 / codes as f64;
        let dead: Vec<usize> = (0..codes)
            .filter(|&i| first || f64::from(self.counts[i]) < self.options.dead * even)
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ STREAM);
        rng.set_stream(step as u64);
        let drawn =
            rand::seq::index::sample(&mut rng, latents.len(), dead.len().min(latents.len()));
        for (&code, latent) in dead.iter().zip(drawn.into_vec().into_iter().cycle()) {
            self.counts[code] = even as f32;
            let sum = &mut self.sums[code * size..][..size];
            sum.iter_mut()
                .zip(latents[latent])
                .for_each(|(s, &x)| *s = (even * f64::from(x)) as f32);
        }

        let total: f64 = self.counts.iter().map(|&n| f64::from(n)).sum();
        let scale = total / (total + codes as f64 * SMOOTHING);
        let mut vectors = Vec::with_capacity(codes * size);
        for (&count, sum) in self.counts.iter().zip(self.sums.chunks_exact(size)) {
            let count = (f64::from(count) + SMOOTHING) * scale;
            vectors.extend(sum.iter().map(|&s| (f64::from(s) / count) as f32));
        }
        match ema {
            Some(ema) => {
                let averages = self.average.chunks_exact_mut(size).zip(vectors.chunks_exact(size));
                for (code, (average, vector)) in averages.enumerate() {
                    let jumped = dead.binary_search(&code).is_ok();
                    for (a, &v) in average.iter_mut().zip(vector) {
                        *a = if jumped {
                            v
                        } else {
                            (ema * f64::from(*a) + (1.0 - ema) * f64::from(v)) as f32
                        };
                    }
                }
            }
            None => self.average.clone_from(&vectors),
        }
        let vectors = Tensor::from_vec(vectors, (codes, size), &Device::Cpu)?;
        Ok(self.var.set(&vectors.to_device(self.var.device())?)?)
    }

    /// The averaged vectors under the parameter's name.
    pub(super) fn averaged(&self) -> Result<(String, Tensor), TrainError> {
        Ok((CODEBOOK.to_owned(), self.tensor(&self.average)?))
    }

    fn tensor(&self, values: &[f32]) -> Result<Tensor, TrainError> {
        Ok(Tensor::from_slice(values, (self.counts.len(), self.size), &Device::Cpu)?)
    }

    /// What a checkpoint has to hold, as `vq.counts`, `vq.sums`, `vq.average`.
    pub(super) fn state(&self) -> Result<Vec<(String, Tensor)>, TrainError> {
        let counts = Tensor::from_slice(&self.counts, self.counts.len(), &Device::Cpu)?;
        Ok(vec![
            ("vq.counts".to_owned(), counts),
            ("vq.sums".to_owned(), self.tensor(&self.sums)?),
            ("vq.average".to_owned(), self.tensor(&self.average)?),
        ])
    }

    /// Takes over what [`Self::state`] gave.
    pub(super) fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<(), TrainError> {
        for (name, slot) in [
            ("vq.counts", &mut self.counts),
            ("vq.sums", &mut self.sums),
            ("vq.average", &mut self.average),
        ] {
            let found = state.get(name).map(values).transpose()?;
            match found {
                Some(found) if found.len() == slot.len() => *slot = found,
                _ => {
                    return Err(TrainError::Config(format!(
                        "the training state has no `{name}` of {} numbers",
                        slot.len()
                    )))
                }
            }
        }
        Ok(())
    }
}

fn values(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()
}

#[cfg(test)]
mod tests;
