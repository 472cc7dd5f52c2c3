//! Figures on held-out lines while a run goes on: teacher-forced accuracy, exact match, and ladders on fixed pairs.

use serde::{Deserialize, Serialize};

use super::{TrainError, TrainingData};
use crate::domain::{Codec, Judge};
use crate::eval::digits::{both, reconstruction_figures};
use crate::eval::{sample_pairs, Estimates, Ladder, Units};
use crate::latent::{ratios, Path};
use crate::model::{Generator, Given, TransformerVae};

/// Lines per batch.
const BLOCK: usize = 64;
/// Rungs of an evaluated ladder.
const RUNGS: usize = 11;

/// Held-out figures of one moment; shares are in [0, 1].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Teacher-forced share of tokens predicted right, end tokens included.
    pub token_accuracy: f64,
    /// Cross entropy per token, nats.
    pub cross_entropy: f64,
    /// Share of lines that greedy decoding gives back exactly.
    pub exact_match: f64,
    /// Share of interior rungs that are valid.
    pub interior_validity: f64,
    /// Share of interior rungs that copy an end.
    pub copy_rate: f64,
    /// Different strings among the interior rungs.
    pub distinct: f64,
    /// Share of interior rungs that are valid, no copy, and hold a piece of each end; 0 for digits, which have no pieces.
    pub blend_yield: f64,
    /// Of digits that greedy decoding gives back: mean absolute difference of all pixels, from 0 for background to 1 for ink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    /// Share of their inked pixels that are ink again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreground_accuracy: Option<f64>,
    /// Pairs behind the ladder figures.
    pub pairs: usize,
    /// Lines behind the exact match.
    pub lines: usize,
}

impl Evaluation {
    /// What "best" means: exact match first, teacher-forced accuracy where that ties.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.exact_match + 1e-3 * self.token_accuracy
    }
}

impl std::fmt::Display for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let p = |v: f64| 100.0 * v;
        write!(
            f,
            "held out: tokens {:.1} % · exact {:.1} % · valid {:.1} % · copies {:.1} % · distinct {:.1} % · blend {:.1} %",
            p(self.token_accuracy),
            p(self.exact_match),
            p(self.interior_validity),
            p(self.copy_rate),
            p(self.distinct),
            p(self.blend_yield)
        )?;
        if let Some(error) = self.mean_absolute_error {
            write!(f, " · pixel error {error:.4}")?;
        }
        match self.foreground_accuracy {
            Some(ink) => write!(f, " · ink {:.1} %", p(ink)),
            None => Ok(()),
        }
    }
}

/// Holds what every evaluation of a run shares: the lines and the fixed pairs.
pub struct Evaluator<'a> {
    judge: Judge<'a>,
    codec: &'a Codec,
    data: &'a TrainingData,
    pairs: Vec<(usize, usize)>,
    lines: usize,
    max_len: usize,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that decodes the ladders of so many fixed `pairs` and reconstructs so many `lines`.
    #[must_use]
    pub fn new(
        judge: Judge<'a>,
        codec: &'a Codec,
        data: &'a TrainingData,
        (pairs, lines): (usize, usize),
        seed: u64,
        max_len: usize,
    ) -> Self {
        let pairs = if data.len() < 2 { Vec::new() } else { sample_pairs(data.len(), pairs, seed) };
        Self { judge, codec, data, pairs, lines: lines.min(data.len()), max_len }
    }

    /// Measures `model`. Stops early, with `None`, when `stopped` says so.
    ///
    /// # Errors
    /// Those of the model.
    pub fn evaluate(
        &self,
        model: &TransformerVae,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let mut figures =
            Evaluation { pairs: self.pairs.len(), lines: self.lines, ..Evaluation::default() };
        (figures.token_accuracy, figures.cross_entropy) = self.teacher_forced(model)?;
        let generator = Generator::new(model)?;

        let lines: Vec<Vec<u32>> = (0..self.lines).map(|i| self.data.line(i).to_vec()).collect();
        let (mut exact, mut pictures) = (0, Vec::new());
        for block in lines.chunks(BLOCK) {
            if stopped() {
                return Ok(None);
            }
            let latents = model.encode_lines(block)?;
            let decoded = generator.greedy(model, &latents, self.max_len)?;
            exact += block.iter().zip(&decoded).filter(|(a, b)| a == b).count();
            for (line, decoded) in block.iter().zip(&decoded) {
                let (line, decoded) = (self.codec.decode(line)?, self.codec.decode(decoded)?);
                if self.judge.domain.picture(&line).is_some() {
                    pictures.push(both(&line, &decoded));
                }
            }
        }
        figures.exact_match = exact as f64 / lines.len() as f64;
        let of_pictures = Estimates::of(&reconstruction_figures(&pictures), 0);
        let value = |name| of_pictures.get(name).map(|estimate| estimate.value);
        figures.mean_absolute_error = value("mean_absolute_error");
        figures.foreground_accuracy = value("foreground_accuracy");

        let mut ladders = Vec::with_capacity(self.pairs.len());
        for pairs in self.pairs.chunks(8) {
            if stopped() {
                return Ok(None);
            }
            ladders.extend(self.ladders(model, &generator, pairs)?);
        }
        if !ladders.is_empty() {
            let all = Estimates::of_ladders(&ladders, Units::of(self.judge.domain.name()), 0);
            // A figure that no ladder has is 0: nothing was blended, copied or valid.
            let value = |name| all.get(name).map_or(0.0, |e| e.value);
            figures.interior_validity = value("interior_validity");
            figures.copy_rate = value("copy_rate");
            figures.distinct = value("distinct");
            figures.blend_yield = value("blend_yield");
        }
        Ok(Some(figures))
    }

    /// Decodes the ladders of some pairs as one batch.
    fn ladders(
        &self,
        model: &TransformerVae,
        generator: &Generator,
        pairs: &[(usize, usize)],
    ) -> Result<Vec<Ladder>, TrainError> {
        let ends: Vec<Vec<u32>> = pairs
            .iter()
            .flat_map(|&(a, b)| [self.data.line(a).to_vec(), self.data.line(b).to_vec()])
            .collect();
        let latents = model.encode_lines(&ends)?;
        let mut rungs = Vec::with_capacity(pairs.len() * RUNGS);
        for ends in latents.chunks_exact(2) {
            rungs.extend(
                model
                    .geometry()
                    .ladder(&ends[0], &ends[1], &ratios(RUNGS), Path::PerToken)
                    .map_err(|e| TrainError::Config(e.to_string()))?,
            );
        }
        let texts: Vec<String> = generator
            .greedy(model, &rungs, self.max_len)?
            .iter()
            .map(|ids| self.codec.decode(ids))
            .collect::<Result<_, _>>()?;
        let mut ladders = Vec::with_capacity(pairs.len());
        for (&(a, b), rungs) in pairs.iter().zip(texts.chunks_exact(RUNGS)) {
            ladders.push(Ladder {
                a: self.codec.decode(self.data.line(a))?,
                b: self.codec.decode(self.data.line(b))?,
                // Nothing at all parses, but is no rung (METRICS: "valid and not empty").
                valid: rungs.iter().map(|t| self.judge.verdict(t).is_valid()).collect(),
                rungs: rungs.to_vec(),
            });
        }
        Ok(ladders)
    }

    /// Share of tokens right and cross entropy with the true prefix given.
    fn teacher_forced(&self, model: &TransformerVae) -> Result<(f64, f64), TrainError> {
        let (mut right, mut nats, mut total) = (0usize, 0.0, 0usize);
        let lines: Vec<Vec<u32>> = (0..self.data.len().min(self.lines.saturating_mul(4)))
            .map(|i| self.data.line(i).to_vec())
            .collect();
        for block in lines.chunks(BLOCK) {
            for score in model.score(block, Given::Latents(&model.encode_lines(block)?))? {
                right += score.right.iter().filter(|&&right| right).count();
                total += score.right.len();
                nats += score.nats();
            }
        }
        Ok((right as f64 / total as f64, nats / total as f64))
    }
}
