//! What a person looks at while a model learns: the same ladder and the same lines, decoded again at every evaluation.

use serde::{Deserialize, Serialize};

use super::{TrainConfig, TrainError, TrainingData};
use crate::domain::{Codec, Judge};
use crate::latent::{ladder, ratios, Path};
use crate::model::{Generator, TransformerVae};

/// Rungs of the ladder.
const RUNGS: usize = 11;
/// Held-out lines that are reconstructed.
const LINES: usize = 6;

/// A rung of the ladder that a run shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownRung {
    /// Where it lies between the ends.
    pub ratio: f32,
    /// What it decodes to.
    pub text: String,
    /// Whether the text is a member of the domain and not empty.
    pub valid: bool,
}

/// A ladder of one moment of a run, greedy along slerp per latent token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ShownLadder {
    /// The end at ratio 0.
    pub a: String,
    /// The end at ratio 1.
    pub b: String,
    /// Its rungs.
    pub rungs: Vec<ShownRung>,
}

/// A held-out line and what it comes back as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// The line.
    pub text: String,
    /// What it comes back as.
    pub decoded: String,
}

/// The ends and lines that a run shows, fixed for all of it.
pub struct Showcase<'a> {
    judge: Judge<'a>,
    codec: &'a Codec,
    max_len: usize,
    ends: Option<[Vec<u32>; 2]>,
    lines: Vec<Vec<u32>>,
}

impl<'a> Showcase<'a> {
    /// The pinned ends of `config`, or the first two held-out lines that differ; and some held-out lines.
    ///
    /// # Errors
    /// A pinned end that the tokenizer does not take or that is longer than the model takes.
    pub fn new(
        config: &TrainConfig,
        judge: Judge<'a>,
        codec: &'a Codec,
        held_out: &TrainingData,
    ) -> Result<Self, TrainError> {
        let encoded = |text: &String| -> Result<Vec<u32>, TrainError> {
            let ids = codec.encode(text)?;
            if ids.is_empty() || ids.len() >= config.max_len {
                return Err(TrainError::Config(format!(
                    "pinned = {text:?} has {} tokens: expected 1 to {}",
                    ids.len(),
                    config.max_len - 1
                )));
            }
            Ok(ids)
        };
        let lines: Vec<Vec<u32>> =
            (0..held_out.len().min(LINES)).map(|i| held_out.line(i).to_vec()).collect();
        let ends = match &config.pinned {
            Some([a, b]) => Some([encoded(a)?, encoded(b)?]),
            None => lines.split_first().and_then(|(a, rest)| {
                Some([a.clone(), rest.iter().find(|line| *line != a)?.clone()])
            }),
        };
        Ok(Self { judge, codec, max_len: config.max_len, ends, lines })
    }

    /// What `model` makes of the ends and the lines; no ladder where there are no ends.
    ///
    /// # Errors
    /// Those of the model.
    pub fn decode(
        &self,
        model: &TransformerVae,
    ) -> Result<(Option<ShownLadder>, Vec<Reconstruction>), TrainError> {
        let mut inputs: Vec<Vec<u32>> = self.ends.iter().flatten().cloned().collect();
        inputs.extend(self.lines.iter().cloned());
        if inputs.is_empty() {
            return Ok((None, Vec::new()));
        }
        let mut latents = model.encode_lines(&inputs)?;
        let places = ratios(RUNGS);
        if let [a, b] = &latents[..self.ends.iter().flatten().count()] {
            let rungs = ladder(a, b, &places, Path::PerToken)
                .map_err(|e| TrainError::Config(e.to_string()))?;
            latents.splice(..2, rungs);
        }
        let texts: Vec<String> = Generator::new(model)?
            .greedy(model, &latents, self.max_len)?
            .iter()
            .map(|ids| self.codec.decode(ids))
            .collect::<Result<_, _>>()?;
        let (rungs, decoded) = texts.split_at(texts.len() - self.lines.len());
        let shown = match &self.ends {
            None => None,
            Some([a, b]) => Some(ShownLadder {
                a: self.codec.decode(a)?,
                b: self.codec.decode(b)?,
                rungs: places.into_iter().zip(rungs).map(|(r, text)| self.rung(r, text)).collect(),
            }),
        };
        let reconstructions = self.lines.iter().zip(decoded).map(|(line, decoded)| {
            Ok(Reconstruction { text: self.codec.decode(line)?, decoded: decoded.clone() })
        });
        Ok((shown, reconstructions.collect::<Result<_, TrainError>>()?))
    }

    fn rung(&self, ratio: f32, text: &str) -> ShownRung {
        let valid = self.judge.verdict(text).is_valid();
        ShownRung { ratio, text: text.to_owned(), valid }
    }
}
