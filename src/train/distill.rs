//! Self-distillation: the model's own decodes between two lines, chosen, become texts to learn.
//!
//! They are drawn anew for every batch from the weights as they are, so that they are a function of the checkpoint and the
//! step alone and a resumed run learns the same ones.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::pictures::PictureLabels;
use super::{Inputs, TrainConfig, TrainError};
use crate::domain::Codec;
use crate::eval::Units;
use crate::latent::{ladder, Latent, Path};
use crate::model::{Generator, Given, TransformerVae};

/// Candidates that are scored at a time.
const BLOCK: usize = 64;
/// How far from a ratio of a half the label of either end will do.
const MIDDLE: f64 = 0.1;
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
    /// Whether it is one that was not accepted, to be made less probable there.
    pub refused: bool,
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

/// Partners that a batch needs for that: those of all pairs that are looked at.
#[must_use]
pub fn looked_at(config: &TrainConfig, progress: f64, lines: usize) -> usize {
    wanted(config, progress, lines).saturating_mul(config.distill.pool).min(lines)
}

/// A latent between a line's and its partner's.
struct Between {
    pair: usize,
    ratio: f64,
    latent: Latent,
    /// The label that the decoder is told of it, where it is told one.
    told: Option<u32>,
}

impl Between {
    /// Of the line and its partner those whose label a text here may have: in the middle both.
    fn ends_that_count(&self) -> std::ops::Range<usize> {
        if (self.ratio - 0.5).abs() <= MIDDLE {
            0..2
        } else {
            let nearer = usize::from(self.ratio > 0.5);
            nearer..nearer + 1
        }
    }
}

/// A decode, and which of the latents it is from.
struct Candidate {
    at: usize,
    ids: Vec<u32>,
}

/// Decodes of a latent by what becomes of them.
struct Sorted<T> {
    /// Those that may be learnt.
    accepted: Vec<T>,
    /// Those that the domain or who tells the labels does not accept.
    refused: Vec<T>,
}

impl<T> Sorted<T> {
    fn none() -> Self {
        Self { accepted: Vec::new(), refused: Vec::new() }
    }
}

/// The labels of a batch's lines and of their partners, and what tells those of decodes.
pub(super) struct EndLabels<'a> {
    /// The model itself where there is none.
    pub(super) pictures: Option<&'a PictureLabels<'a>>,
    pub(super) lines: &'a [Option<u32>],
    pub(super) partners: &'a [Option<u32>],
}

impl EndLabels<'_> {
    /// Which of these decodes, each of such a latent, are told, with `least` probability, to have the label of one of its ends: that
    /// which the decoder is told, where it is told one of them.
    fn sure<'t>(
        &self,
        model: &TransformerVae,
        codec: &Codec,
        decodes: impl Iterator<Item = (&'t Between, Vec<u32>)>,
        least: f64,
    ) -> Result<Vec<bool>, TrainError> {
        let (at, texts): (Vec<_>, Vec<_>) = decodes.unzip();
        let told: Vec<(Option<u32>, f32)> = match self.pictures {
            Some(judge) => {
                let texts: Result<Vec<_>, _> = texts.iter().map(|ids| codec.decode(ids)).collect();
                judge.tell(&texts?)?
            }
            None => {
                let told = model.tell_labels(&model.encode_lines(&texts)?)?;
                told.into_iter().map(|(label, p)| (Some(label), p)).collect()
            }
        };
        let sure = at.into_iter().zip(told).map(|(at, (label, p))| {
            let ends = [self.lines[at.pair], self.partners[at.pair]];
            // What the decoder is told it is to hold to; else near an end it is that end's.
            let fits = match at.told {
                told @ Some(_) if ends.contains(&told) => label == told,
                _ => label.is_some() && ends[at.ends_that_count()].contains(&label),
            };
            fits && f64::from(p) >= least
        });
        Ok(sure.collect())
    }
}

/// Texts between `pairs` of the lines and their partners, at most one of each pair; `batch` is the number of the batch among
/// all of the run. With a pool of more pairs than are wanted, those whose greedy decode is not accepted come first. Where refused
/// samples count, a pair has one of these as well and all of the pool are sampled: a pair whose samples are all accepted, or
/// none of them, has nothing to compare.
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
    let d = &config.distill;
    let pool = pairs.saturating_mul(d.pool).min(lines.len()).min(partners.len());
    if pool == 0 {
        return Ok(Vec::new());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ STREAM);
    rng.set_stream(batch as u64);
    let labelled = labelled.filter(|_| d.sure > 0.0);
    let mut between = latents_between(model, config, &lines[..pool], partners, &mut rng)?;
    let longest = lines.iter().chain(partners).map(|line| line.len() + 1).max().unwrap_or(1);
    let longest = longest.min(config.max_len);
    let generator = Generator::with_precision(model, config.precision)?;

    let against = d.against > 0.0;
    if pool > pairs && !against {
        let latents: Vec<Latent> = between.iter().map(|at| at.latent.clone()).collect();
        let mut decodes = generator.greedy(model, &latents, longest)?;
        // One that does not end is cut where a line's end would fit.
        decodes.iter_mut().for_each(|ids| ids.truncate(config.max_len - 1));
        let accepted = accepted(model, config, inputs, &between, decodes, labelled.as_ref())?;
        between = rejected_first(between, &accepted, pairs);
    }

    let rows: Vec<_> =
        between.iter().flat_map(|at| std::iter::repeat_n(at.latent.clone(), d.samples)).collect();
    let drawn =
        generator.sample(&model.memory_values(&rows)?, rows.len(), longest, 1.0, &mut rng)?;
    let mut sorted = Sorted::none();
    for ((number, at), drawn) in between.iter().enumerate().zip(drawn.chunks_exact(d.samples)) {
        let ends = (lines[at.pair], partners[at.pair]);
        let own = sort_out(inputs, config, ends, drawn)?;
        let candidates =
            |texts: Vec<Vec<u32>>| texts.into_iter().map(move |ids| Candidate { at: number, ids });
        sorted.accepted.extend(candidates(own.accepted));
        sorted.refused.extend(candidates(own.refused));
    }
    if let Some(labelled) = &labelled {
        let decodes = sorted.accepted.iter().map(|c| (&between[c.at], c.ids.clone()));
        let mut sure = labelled.sure(model, inputs.codec, decodes, d.sure)?.into_iter();
        let (accepted, refused) =
            sorted.accepted.into_iter().partition(|_| sure.next().unwrap_or(false));
        sorted.accepted = accepted;
        sorted.refused.extend::<Vec<_>>(refused);
    }
    if against {
        Ok(compared(&between, &sorted, pairs))
    } else {
        most_probable(model, &between, &sorted.accepted)
    }
}

/// The first accepted and the first refused candidate of so many latents that have both, in this order.
fn compared(between: &[Between], sorted: &Sorted<Candidate>, pairs: usize) -> Vec<Distilled> {
    let first = |of: &[Candidate], at: usize| {
        of.iter().find(|candidate| candidate.at == at).map(|candidate| candidate.ids.clone())
    };
    let both = between.iter().enumerate().filter_map(|(at, &Between { pair, ratio, .. })| {
        let text = |ids, refused| Distilled { pair, ratio, ids, refused };
        Some([text(first(&sorted.accepted, at)?, false), text(first(&sorted.refused, at)?, true)])
    });
    both.take(pairs).flatten().collect()
}

/// Whether the domain accepts each of these decodes, one of every latent, and where labels are asked for, whether it is told for
/// one of its ends'.
fn accepted(
    model: &TransformerVae,
    config: &TrainConfig,
    inputs: &Inputs<'_>,
    between: &[Between],
    decodes: Vec<Vec<u32>>,
    labelled: Option<&EndLabels<'_>>,
) -> Result<Vec<bool>, TrainError> {
    let judge = inputs.judge();
    let valid =
        |ids: &Vec<u32>| inputs.codec.decode(ids).is_ok_and(|text| judge.verdict(&text).is_valid());
    let mut accepted: Vec<bool> = decodes.iter().map(valid).collect();
    if let Some(labelled) = labelled {
        let sure =
            labelled.sure(model, inputs.codec, between.iter().zip(decodes), config.distill.sure)?;
        accepted.iter_mut().zip(sure).for_each(|(accepted, sure)| *accepted &= sure);
    }
    Ok(accepted)
}

/// Of the candidates of each latent the one that is most probable per token.
fn most_probable(
    model: &TransformerVae,
    between: &[Between],
    candidates: &[Candidate],
) -> Result<Vec<Distilled>, TrainError> {
    let mut best: Vec<Option<(f64, &Candidate)>> = vec![None; between.len()];
    for block in candidates.chunks(BLOCK) {
        let texts: Vec<Vec<u32>> = block.iter().map(|c| c.ids.clone()).collect();
        let at: Vec<_> = block.iter().map(|c| between[c.at].latent.clone()).collect();
        for (candidate, score) in block.iter().zip(model.score(&texts, Given::Latents(&at))?) {
            let nats = score.nats() / score.token_nats.len().max(1) as f64;
            let slot = &mut best[candidate.at];
            if slot.is_none_or(|(least, _)| nats < least) {
                *slot = Some((nats, candidate));
            }
        }
    }
    let chosen = best.into_iter().flatten().map(|(_, candidate)| {
        let Between { pair, ratio, .. } = between[candidate.at];
        Distilled { pair, ratio, ids: candidate.ids.clone(), refused: false }
    });
    Ok(chosen.collect())
}

/// A latent between each of the lines and its partner, where the step teaches what lies between them.
fn latents_between(
    model: &TransformerVae,
    config: &TrainConfig,
    lines: &[&[u32]],
    partners: &[&[u32]],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Between>, TrainError> {
    let ends = lines.iter().zip(partners).flat_map(|(a, b)| [a.to_vec(), b.to_vec()]);
    let ends = model.encode_lines(&ends.collect::<Vec<_>>())?;
    let discrete = model.config().bottleneck().is_discrete();
    let path = if discrete { Path::Linear } else { Path::PerToken };
    let edge = config.distill.edge as f32;
    let mut between = Vec::with_capacity(lines.len());
    for (pair, ends) in ends.chunks_exact(2).enumerate() {
        let ratio = rng.random_range(edge..1.0 - edge);
        let rungs = ladder(&ends[0], &ends[1], &[ratio], path)
            .map_err(|e| TrainError::Config(e.to_string()))?;
        let ratio = f64::from(ratio);
        let told = None;
        between.extend(rungs.into_iter().map(|latent| Between { pair, ratio, latent, told }));
    }
    if model.config().labels().is_some_and(|labels| labels.decoder) {
        let latents: Vec<Latent> = between.iter().map(|at| at.latent.clone()).collect();
        for (at, (label, _)) in between.iter_mut().zip(model.tell_labels(&latents)?) {
            at.told = Some(label);
        }
    }
    Ok(between)
}

/// So many of these, those that were not accepted in front, else in their order.
fn rejected_first<T>(items: Vec<T>, accepted: &[bool], count: usize) -> Vec<T> {
    let mut order: Vec<(bool, T)> = accepted.iter().copied().zip(items).collect();
    order.sort_by_key(|(accepted, _)| *accepted);
    order.into_iter().take(count).map(|(_, item)| item).collect()
}

/// Of decodes those that the domain accepts, that copy no end and lie nearer to both ends than these to one another, each text
/// once; and those that it does not accept.
fn sort_out(
    inputs: &Inputs<'_>,
    config: &TrainConfig,
    (a, b): (&[u32], &[u32]),
    drawn: &[Vec<u32>],
) -> Result<Sorted<Vec<u32>>, TrainError> {
    let (codec, judge) = (inputs.codec, inputs.judge());
    let units = Units::of(inputs.domain.name());
    let (a, b) = (codec.decode(a)?, codec.decode(b)?);
    let apart = units.distance(&a, &b);
    let fits = |ids: &Vec<u32>| !ids.is_empty() && ids.len() < config.max_len;
    let mut seen = std::collections::HashSet::new();
    let mut sorted = Sorted::none();
    for ids in drawn {
        let text = codec.decode(ids)?;
        if text == a || text == b || !seen.insert(text.clone()) {
            continue;
        }
        if !judge.verdict(&text).is_valid() {
            sorted.refused.extend(Some(ids.clone()).filter(fits));
            continue;
        }
        if units.distance(&a, &text) >= apart || units.distance(&text, &b) >= apart {
            continue;
        }
        // A text may be drawn in other pieces than the tokenizer would cut it into.
        sorted.accepted.extend(Some(codec.encode(&text)?).filter(fits));
    }
    Ok(sorted)
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
            examiner: None,
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
        let sorted = sort_out(&inputs, &config, (&a, &b), &drawn).expect("a choice");
        let texts = |of: &[Vec<u32>]| -> Vec<String> {
            of.iter().map(|ids| codec.decode(ids).expect("a text")).collect()
        };
        assert_eq!(texts(&sorted.accepted), ["x = bar(1)", "y = bar(1)"]);
        assert_eq!(texts(&sorted.refused), ["x = ("]);
    }

    #[test]
    fn a_pair_is_compared_where_samples_of_both_kinds_are() {
        let latent = Latent { tokens: 1, size: 1, values: vec![1.0] };
        let between: Vec<Between> = (0..4)
            .map(|pair| Between { pair, ratio: 0.5, latent: latent.clone(), told: None })
            .collect();
        let candidates = |of: &[(usize, u32)]| {
            of.iter().map(|&(at, id)| Candidate { at, ids: vec![id] }).collect::<Vec<_>>()
        };
        let sorted = Sorted {
            accepted: candidates(&[(0, 10), (2, 12), (2, 13), (3, 14)]),
            refused: candidates(&[(1, 20), (2, 21), (3, 22)]),
        };
        let found = |pairs| -> Vec<(usize, u32, bool)> {
            let found = compared(&between, &sorted, pairs).into_iter();
            found.map(|text| (text.pair, text.ids[0], text.refused)).collect()
        };
        let all = [(2, 12, false), (2, 21, true), (3, 14, false), (3, 22, true)];
        assert_eq!(found(4), all);
        assert_eq!(found(1), all[..2]);
    }

    #[test]
    fn near_an_end_only_its_label_counts() {
        let latent = Latent { tokens: 1, size: 1, values: vec![1.0] };
        let at = |ratio| Between { pair: 0, ratio, latent: latent.clone(), told: None };
        assert_eq!(at(0.3).ends_that_count(), 0..1);
        assert_eq!(at(0.45).ends_that_count(), 0..2);
        assert_eq!(at(0.7).ends_that_count(), 1..2);
    }

    #[test]
    fn what_is_not_decoded_well_goes_first_and_the_rest_in_its_order() {
        let accepted = [true, false, true, true, false];
        let chosen = |count| rejected_first(vec!['a', 'b', 'c', 'd', 'e'], &accepted, count);
        assert_eq!(chosen(1), ['b']);
        assert_eq!(chosen(4), ['b', 'e', 'a', 'c']);
    }

    #[test]
    fn a_share_of_the_batch_is_wanted_once_its_time_has_come() {
        let mut config = TrainConfig::preset(Preset::Tiny, "python");
        assert_eq!(wanted(&config, 1.0, 100), 0);
        config.distill.share = 0.15;
        assert_eq!((wanted(&config, 0.8, 100), wanted(&config, 0.85, 100)), (0, 15));
        assert_eq!(wanted(&config, 0.9, 32), 4);
        assert_eq!(looked_at(&config, 0.9, 32), 4);
        config.distill.pool = 4;
        assert_eq!((looked_at(&config, 0.9, 32), looked_at(&config, 0.9, 8)), (16, 4));
        config.distill.pool = 100;
        assert_eq!(looked_at(&config, 0.9, 32), 32);
    }
}
