//! Self-distillation: the model's own decodes between two lines, chosen, become texts to learn.
//!
//! They are drawn anew for every batch from the weights as they are, so that they are a function of the checkpoint and the
//! step alone and a resumed run learns the same ones.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::classes::ClassLayer;
use super::{Inputs, TrainConfig, TrainError};
use crate::eval::Units;
use crate::latent::{ladder, Path};
use crate::model::{Generator, Given, TransformerVae};

/// Candidates that are scored at a time.
const BLOCK: usize = 64;
/// Keeps these draws apart from all others of the seed.
const STREAM: u64 = 0xd157_111a;

/// A text to be given at a latent between those of a line and its partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Distilled {
    /// Number of the line in the batch, and of its partner among the partners.
    pub pair: usize,
    /// Where between the two.
    pub ratio: f64,
    /// The text, ids without specials.
    pub ids: Vec<u32>,
}

/// Such texts of a batch, as many as the configuration's share asks for.
#[must_use]
pub fn wanted(config: &TrainConfig, progress: f64, lines: usize) -> usize {
    let d = &config.distill;
    if d.share > 0.0 && d.weight > 0.0 && progress >= d.from {
        ((d.share * lines as f64).floor() as usize).min(lines)
    } else {
        0
    }
}

/// A decode that may be learnt.
struct Candidate {
    pair: usize,
    ids: Vec<u32>,
}

/// What tells labels, and the labels of a batch's lines and of their partners.
pub(super) struct EndLabels<'a> {
    pub(super) layer: &'a ClassLayer,
    pub(super) lines: &'a [Option<u32>],
    pub(super) partners: &'a [Option<u32>],
}

impl EndLabels<'_> {
    /// The candidates that are told, with `least` probability, to have the label of one of their ends.
    fn sure(
        &self,
        model: &TransformerVae,
        candidates: Vec<Candidate>,
        least: f64,
    ) -> Result<Vec<Candidate>, TrainError> {
        let texts: Vec<Vec<u32>> = candidates.iter().map(|c| c.ids.clone()).collect();
        let told = self.layer.tell(&model.encode_lines(&texts)?)?;
        let kept = candidates.into_iter().zip(told).filter(|(candidate, (label, p))| {
            let ends = [self.lines[candidate.pair], self.partners[candidate.pair]];
            f64::from(*p) >= least && ends.contains(&Some(*label))
        });
        Ok(kept.map(|(candidate, _)| candidate).collect())
    }
}

/// Texts between the first `pairs` lines and their partners, at most one of each pair; `batch` is the number of the batch
/// among all of the run.
///
/// # Errors
/// Those of the model and of the tokenizer.
pub(super) fn distil(
    model: &TransformerVae,
    config: &TrainConfig,
    inputs: &Inputs<'_>,
    (lines, partners): (&[&[u32]], &[&[u32]]),
    pairs: usize,
    batch: usize,
    labelled: Option<EndLabels<'_>>,
) -> Result<Vec<Distilled>, TrainError> {
    let pairs = pairs.min(lines.len()).min(partners.len());
    if pairs == 0 {
        return Ok(Vec::new());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ STREAM);
    rng.set_stream(batch as u64);
    let ends = (0..pairs).flat_map(|i| [lines[i].to_vec(), partners[i].to_vec()]);
    let ends = model.encode_lines(&ends.collect::<Vec<_>>())?;
    // The way that the step takes between latents.
    let discrete = model.config().bottleneck().is_discrete();
    let edge = config.distill.edge as f32;
    let path = if discrete { Path::Linear } else { Path::PerToken };
    let mut ratios = Vec::with_capacity(pairs);
    let mut latents = Vec::with_capacity(pairs);
    for ends in ends.chunks_exact(2) {
        let ratio = rng.random_range(edge..1.0 - edge);
        let rungs = ladder(&ends[0], &ends[1], &[ratio], path);
        latents.extend(rungs.map_err(|e| TrainError::Config(e.to_string()))?);
        ratios.push(f64::from(ratio));
    }
    let samples = config.distill.samples;
    let rows: Vec<_> =
        latents.iter().flat_map(|latent| std::iter::repeat_n(latent.clone(), samples)).collect();
    let memory = model.memory_values(&rows)?;
    let longest = lines.iter().chain(partners).map(|line| line.len() + 1).max().unwrap_or(1);
    let generator = Generator::with_precision(model, config.precision)?;
    let drawn = generator.sample(&memory, rows.len(), longest.min(config.max_len), &mut rng)?;

    let mut candidates = Vec::new();
    for (pair, drawn) in drawn.chunks_exact(samples).enumerate() {
        candidates.extend(passing(inputs, config, lines[pair], partners[pair], pair, drawn)?);
    }
    if let Some(labelled) = labelled.filter(|_| config.distill.sure > 0.0) {
        candidates = labelled.sure(model, candidates, config.distill.sure)?;
    }
    // The most probable per token of each pair's.
    let mut best: Vec<Option<(f64, &Candidate)>> = vec![None; pairs];
    for block in candidates.chunks(BLOCK) {
        let texts: Vec<Vec<u32>> = block.iter().map(|c| c.ids.clone()).collect();
        let at: Vec<_> = block.iter().map(|c| latents[c.pair].clone()).collect();
        for (candidate, score) in block.iter().zip(model.score(&texts, Given::Latents(&at))?) {
            let nats = score.nats() / score.token_nats.len().max(1) as f64;
            let slot = &mut best[candidate.pair];
            if slot.is_none_or(|(least, _)| nats < least) {
                *slot = Some((nats, candidate));
            }
        }
    }
    let chosen = best.into_iter().flatten().map(|(_, candidate)| Distilled {
        pair: candidate.pair,
        ratio: ratios[candidate.pair],
        ids: candidate.ids.clone(),
    });
    Ok(chosen.collect())
}

/// The decodes that are accepted, copy no end, and lie nearer to both ends than these to one another; each text once.
fn passing(
    inputs: &Inputs<'_>,
    config: &TrainConfig,
    a: &[u32],
    b: &[u32],
    pair: usize,
    drawn: &[Vec<u32>],
) -> Result<Vec<Candidate>, TrainError> {
    let (codec, judge) = (inputs.codec, inputs.judge());
    let units = Units::of(inputs.domain.name());
    let (a, b) = (codec.decode(a)?, codec.decode(b)?);
    let apart = units.distance(&a, &b);
    let mut seen = std::collections::HashSet::new();
    let mut passing = Vec::new();
    for ids in drawn {
        let Ok(text) = codec.decode(ids) else { continue };
        let fresh = text != a && text != b && seen.insert(text.clone());
        if !fresh || !judge.verdict(&text).is_valid() {
            continue;
        }
        if units.distance(&a, &text) >= apart || units.distance(&text, &b) >= apart {
            continue;
        }
        // A text may be drawn in other pieces than the tokenizer would cut it into.
        let ids = codec.encode(&text)?;
        if !ids.is_empty() && ids.len() < config.max_len {
            passing.push(Candidate { pair, ids });
        }
    }
    Ok(passing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::domain;
    use crate::train::{Preset, TrainingData};

    #[test]
    fn fresh_valid_texts_between_both_ends_pass_and_no_others() {
        let lines = ["x = foo(1)", "y = bar(2)", "x = bar(1)", "y = bar(1)", "import os", "x = ("];
        let python = domain("python").expect("a domain");
        let codec = python.train_codec(&mut lines.into_iter(), 384).expect("a tokenizer");
        let none = TrainingData::default();
        let inputs = Inputs {
            domain: python,
            codec: &codec,
            train: &none,
            held_out: &none,
            fluency: None,
            data_name: "made up",
            start: None,
            device: candle_core::Device::Cpu,
        };
        let encode = |text: &str| codec.encode(text).expect("ids");
        let (a, b) = (encode(lines[0]), encode(lines[1]));
        let drawn: Vec<Vec<u32>> = [
            "x = bar(1)",
            "x = foo(1)",
            "y = bar(2)",
            "x = (",
            "import os",
            "",
            "x = bar(1)",
            "y = bar(1)",
        ]
        .into_iter()
        .map(encode)
        .collect();
        let config = TrainConfig { max_len: 32, ..TrainConfig::preset(Preset::Tiny, "python") };
        let passing = passing(&inputs, &config, &a, &b, 3, &drawn).expect("a choice");
        let texts = passing.iter().map(|c| codec.decode(&c.ids).expect("a text"));
        assert_eq!(texts.collect::<Vec<_>>(), ["x = bar(1)", "y = bar(1)"]);
        assert!(passing.iter().all(|c| c.pair == 3));
    }

    #[test]
    fn a_share_of_the_batch_is_wanted_once_its_time_has_come() {
        let mut config = TrainConfig::preset(Preset::Tiny, "python");
        assert_eq!(wanted(&config, 1.0, 100), 0);
        config.distill.share = 0.15;
        assert_eq!((wanted(&config, 0.8, 100), wanted(&config, 0.85, 100)), (0, 15));
        assert_eq!(wanted(&config, 0.9, 32), 4);
    }
}
