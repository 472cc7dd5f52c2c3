//! The gradients of a step: those of its batches, computed one after the other and summed.

use candle_core::Var;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::batch::Sampler;
use super::distill::{distil, looked_at, wanted, EndLabels};
use super::helpers::Helpers;
use super::pictures::PictureLabels;
use super::schedule::latent_noise;
use super::step::{run_part, Beside, ShardResult, StepInput};
use super::{Inputs, TrainConfig, TrainError};
use crate::model::TransformerVae;
use crate::numeric;

/// Apart from all other draws of the seed.
const READINGS: u64 = 0x5ead_1265;

/// What a step computed.
pub struct Gathered {
    /// Numbers of the lines: of every batch its own and then its partners.
    pub rows: Vec<u32>,
    /// Per shard, summed over the batches.
    pub results: Vec<ShardResult>,
}

/// What the gradients of a step are a function of.
pub struct Gathering<'a> {
    /// The model.
    pub model: &'a TransformerVae,
    /// The run's configuration.
    pub config: &'a TrainConfig,
    /// The run's data.
    pub inputs: &'a Inputs<'a>,
    /// What learns beside the model, where anything does.
    pub helpers: Option<&'a Helpers>,
    /// What tells the labels of decoded pictures, where that is asked for.
    pub pictures: Option<&'a PictureLabels<'a>>,
    /// Step number, from 0.
    pub step: usize,
    /// Share of the run done.
    pub progress: f64,
}

impl Gathering<'_> {
    /// Computes the step's gradients.
    ///
    /// # Errors
    /// Those of the model and of the numeric core.
    pub fn run(&self, sampler: &mut Sampler) -> Result<Gathered, TrainError> {
        let accumulate = self.config.accumulate;
        let batches: Vec<(Vec<u32>, usize)> = (0..accumulate)
            .map(|part| self.lines(sampler, self.step * accumulate + part))
            .collect();
        let data = self.inputs.train;
        let labels =
            batches.iter().flat_map(|(rows, _)| rows).map(|&i| data.line(i as usize).len() + 1);
        let labels: usize = labels.sum();
        let vars: Vec<Var> = self.model.parameters().into_iter().map(|(_, var)| var).collect();
        let mut gathered = Gathered { rows: Vec::new(), results: Vec::new() };
        for (part, (rows, own)) in batches.into_iter().enumerate() {
            let results = self.batch(part, &rows, own, labels)?;
            gathered.rows.extend(rows);
            if gathered.results.is_empty() {
                gathered.results = results;
                continue;
            }
            for (sum, result) in gathered.results.iter_mut().zip(&results) {
                sum.add(result, &vars)?;
            }
        }
        Ok(gathered)
    }

    /// The lines of a batch and behind them the partners of its first ones, and how many are its own.
    fn lines(&self, sampler: &mut Sampler, batch: usize) -> (Vec<u32>, usize) {
        let mut rows = sampler.batch(batch).to_vec();
        let own = rows.len();
        let partners = self.blends(own).max(looked_at(self.config, self.progress, own));
        rows.extend(sampler.partners(batch, partners));
        (rows, own)
    }

    /// Lines of so many that texts between them and a partner are looked for with.
    fn blends(&self, own: usize) -> usize {
        if self.progress < self.config.blend.from {
            return 0;
        }
        ((self.config.blend.share * own as f64).round() as usize).min(own)
    }

    /// What the encoder reads in place of these lines: now and then the same thing written another way.
    fn readings(&self, lines: &[&[u32]], batch: usize) -> Vec<Option<Vec<u32>>> {
        let rate = self.config.noise.reading;
        if rate <= 0.0 {
            return Vec::new();
        }
        let Inputs { domain, codec, .. } = *self.inputs;
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed ^ READINGS);
        rng.set_stream(batch as u64);
        let mut other = |line: &[u32]| {
            if rng.random::<f64>() >= rate {
                return None;
            }
            let text = codec.decode(line).ok()?;
            let others: Vec<String> =
                domain.readings(&text).into_iter().filter(|reading| *reading != text).collect();
            codec.encode(others.choose(&mut rng)?).ok()
        };
        lines.iter().map(|line| other(line)).collect()
    }

    fn batch(
        &self,
        part: usize,
        rows: &[u32],
        own: usize,
        labels: usize,
    ) -> Result<Vec<ShardResult>, TrainError> {
        let lines: Vec<&[u32]> = rows.iter().map(|&i| self.inputs.train.line(i as usize)).collect();
        let Inputs { domain, codec, .. } = *self.inputs;
        let find = |a: &[u32], b: &[u32], ratio: f64, rng: &mut ChaCha8Rng| {
            let (a, b) = (codec.decode(a).ok()?, codec.decode(b).ok()?);
            let text = domain.between((&a, &b), ratio, self.config.blend.edits, rng)?;
            // What the domain finds is valid by its form; it may still read unlike its kind.
            let usual = self.inputs.examiner.is_none_or(|e| e.verdict(&text).is_valid());
            usual.then(|| codec.encode(&text).ok())?
        };
        let input = StepInput {
            step: self.step,
            progress: self.progress,
            sigma_max: latent_noise(&self.config.noise, self.progress),
            lines: &lines[..own],
            partners: &lines[own..],
            between: Some(&find),
            vocab: codec.vocab_size() as u32,
        };
        let told = self.config.classes.weight > 0.0;
        let asked = told || self.pictures.is_some();
        let class = |&i: &u32| self.inputs.train.class(i as usize);
        let classes: Vec<_> = rows.iter().filter(|_| asked).map(class).collect();
        let labelled = asked.then(|| {
            let (lines, partners) = classes.split_at(own);
            EndLabels { pictures: self.pictures, lines, partners }
        });
        let distilled = numeric::with_precision(self.config.precision, || {
            distil(
                self.model,
                self.config,
                self.inputs,
                (&lines[..own], &lines[own..]),
                wanted(self.config, self.progress, own),
                self.step * self.config.accumulate + part,
                labelled,
            )
        })?;
        let readings = self.readings(&lines[..own], self.step * self.config.accumulate + part);
        let beside = Beside {
            part,
            labels: Some(labels),
            blends: Some(self.blends(own)),
            distilled: &distilled,
            readings: &readings,
            critic: self.helpers.map(Helpers::critic),
            classes: if told { &classes } else { &[] },
        };
        run_part(self.model, self.config, input, &beside)
    }
}
