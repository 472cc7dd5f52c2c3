//! Judging an open model: reconstructions and ladders of held-out lines, with controls that no model made.

mod digits;
mod strata;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::probe::ProbeProtocol;
use super::{Decoding, EngineError, LatentModel, LoadedModel, OnProgress, Progress, Way};
use crate::corpus::Example;
use crate::domain::Opinion;
use crate::eval::digits::{both, reconstruction_figures, Yardstick};
use crate::eval::probe::Probe;
use crate::eval::{
    controls, ladder_figures, sample_pairs, Estimates, Figure, Ladder, Reference, Units,
};
use crate::latent::{ratios, Latent, Path};
use crate::model::Given;
pub use digits::{Credibility, SampledFrom};

/// Rungs of a judged ladder.
const RUNGS: usize = 11;
/// Lines per batch.
const BLOCK: usize = 64;
/// Pairs per batch.
const PAIRS: usize = 8;
/// Held-out items that are probed, and items that the probe is fitted on, at most.
const PROBED: (usize, usize) = (2000, 5000);
/// Ladders that a report shows.
const SHOWN: usize = 10;

/// What is judged, and how.
#[derive(Clone, Copy)]
pub struct Protocol<'a> {
    /// Held-out lines; of digits each once.
    pub lines: &'a [Example],
    /// Lines that are reconstructed, from the first.
    pub reconstructed: usize,
    /// Pairs whose ladders are decoded.
    pub pairs: usize,
    /// Decides pairs, controls, intervals and which ladders are shown.
    pub seed: u64,
    /// How latents are decoded.
    pub decoding: Decoding,
    /// The way between the ends.
    pub way: Way,
    /// The lines that the model was trained on.
    pub reference: Option<&'a Reference>,
    /// What digits are held to.
    pub yardstick: Option<&'a Yardstick>,
    /// What the probe is fitted on where the lines have labels; without it 70 % of them.
    pub train: Option<&'a [Example]>,
}

/// Figures of ladders over one set of pairs.
#[derive(Debug, Clone, Serialize)]
pub struct Stratum {
    /// What the pairs have in common.
    pub pairs_with: String,
    /// How many they are.
    pub pairs: usize,
    /// Their figures.
    pub interpolation: Estimates,
}

/// A ladder as a report shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownLadder {
    /// The text at ratio 0.
    pub a: String,
    /// The text at ratio 1.
    pub b: String,
    /// The path that was taken.
    pub path: String,
    /// The decoded texts.
    pub rungs: Vec<String>,
    /// For each of them whether it is valid.
    pub valid: Vec<bool>,
    /// For each of them which digit it is taken for, where a classifier was at hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<Opinion>,
}

/// The ladders that no model made, and those of the decoder without a latent.
#[derive(Debug, Clone, Serialize)]
pub struct Controls {
    /// Ends copied, with a step in the middle.
    pub copy: Estimates,
    /// The left part of A with the right part of B; not for pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub splice: Option<Estimates>,
    /// The pictures of A and B laid over each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_fade: Option<Estimates>,
    /// Every rung drawn from the decoder without a latent.
    pub no_latent: Estimates,
}

/// A judgement. The same protocol gives the same one.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// The model's name.
    pub model: String,
    /// The domain of its sequences.
    pub domain: String,
    /// Its trainable numbers.
    pub parameters: usize,
    /// Pairs of the ladders.
    pub pairs: usize,
    /// Lines of the reconstruction.
    pub lines: usize,
    /// Lines left out because they are longer than the model takes.
    pub too_long: usize,
    /// The protocol's seed.
    pub seed: u64,
    /// `greedy` or `guided`.
    pub decoding: &'static str,
    /// The way between the ends.
    pub path: String,
    /// How often each path was taken, where the best was.
    pub paths: Vec<(String, usize)>,
    /// `token_accuracy`, `byte_accuracy`, `exact_match`, `edit_distance`; of digits also `mean_absolute_error`,
    /// `foreground_accuracy` and `iou`.
    pub reconstruction: Estimates,
    /// The figures of the ladders.
    pub interpolation: Estimates,
    /// The same figures of the controls.
    pub controls: Controls,
    /// What becomes of the same digit written downward and upward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_consistency: Option<Estimates>,
    /// For what a classifier takes the model's digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credibility: Option<Credibility>,
    /// How well the lines' labels can be read from their latents, where they have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The same figures by length and by whether both ends were given back exactly; of digits by class and by whether both ends
    /// pass for digits.
    pub strata: Vec<Stratum>,
    /// Random ladders.
    pub ladders: Vec<ShownLadder>,
    /// Figures by pair, for comparisons.
    #[serde(skip)]
    pub figures: Vec<Figure>,
    /// Figures by line, for comparisons.
    #[serde(skip)]
    pub line_figures: Vec<Figure>,
    /// The classifier's figures by pair, for comparisons.
    #[serde(skip)]
    pub seen_figures: Vec<Figure>,
}

/// Judges a model. `None` where `on_progress` breaks off.
///
/// # Errors
/// Fewer than two lines that fit the model; its own.
pub fn judge(
    model: &LoadedModel,
    protocol: Protocol<'_>,
    on_progress: OnProgress<'_>,
) -> Result<Option<Judgement>, EngineError> {
    let domain = model.domain();
    let pictures = protocol.lines.first().is_some_and(|line| domain.picture(&line.text).is_some());
    Judge { model, units: Units::of(domain.name()), pictures, protocol }.run(on_progress)
}

struct Judge<'a> {
    model: &'a LoadedModel,
    units: Units,
    /// Whether the texts are pictures.
    pictures: bool,
    protocol: Protocol<'a>,
}

/// A line that the model takes.
struct Line<'a> {
    example: &'a Example,
    ids: Vec<u32>,
}

impl Line<'_> {
    fn text(&self) -> &str {
        &self.example.text
    }
}

/// Lines given back.
struct Reconstructed {
    /// Figures by line.
    figures: Vec<Figure>,
    /// How much the decoder's cross entropy grows with another line's latent.
    dependence: Figure,
    latents: Vec<Latent>,
    decoded: Vec<String>,
}

impl Judge<'_> {
    fn run(&self, on_progress: OnProgress<'_>) -> Result<Option<Judgement>, EngineError> {
        let Protocol { seed, decoding, way, .. } = self.protocol;
        let prior = digits::Prior::of(self)?;
        let (lines, too_long) = self.lines()?;
        let reconstructed = &lines[..self.protocol.reconstructed.clamp(1, lines.len())];
        let Some(back) = self.reconstruct(reconstructed, on_progress)? else { return Ok(None) };
        let Some(consistency) = self.consistency(reconstructed, &back, on_progress)? else {
            return Ok(None);
        };
        let pairs = sample_pairs(lines.len(), self.protocol.pairs, seed);
        let pairs: Vec<(&Line<'_>, &Line<'_>)> =
            pairs.iter().map(|&(a, b)| (&lines[a], &lines[b])).collect();
        let texts: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.text(), b.text())).collect();
        let Some(ladders) = self.ladders(&texts, on_progress)? else { return Ok(None) };
        let (ladders, paths): (Vec<Ladder>, Vec<Path>) = ladders.into_iter().unzip();
        let figures = self.figures(&ladders);
        let mut interpolation = Estimates::of(&figures, seed);
        interpolation.push(Estimates::of(&[back.dependence], seed));
        let Some(controls) = self.controls(&texts, on_progress)? else { return Ok(None) };
        let Some(seen) = self.credibility(&pairs, &ladders, &lines, prior, on_progress)? else {
            return Ok(None);
        };
        let Some(probe) = self.probe(on_progress)? else { return Ok(None) };
        let info = self.model.info();
        let taken = |path: Path| paths.iter().filter(|&&other| other == path).count();
        let shown = sample_pairs(ladders.len().max(2), SHOWN, seed)
            .into_iter()
            .filter_map(|(i, _)| Some((ladders.get(i)?, paths.get(i)?, seen.ladders.get(i))));
        Ok(Some(Judgement {
            model: info.name,
            domain: info.domain,
            parameters: info.parameters,
            pairs: ladders.len(),
            lines: reconstructed.len(),
            too_long,
            seed,
            decoding: if decoding == Decoding::Guided { "guided" } else { "greedy" },
            path: way.to_string(),
            paths: match way {
                Way::Fixed(_) => Vec::new(),
                Way::Best => Path::ALL.map(|p| (p.to_string(), taken(p))).into(),
            },
            reconstruction: Estimates::of(&back.figures, seed),
            interpolation,
            controls,
            direction_consistency: self.pictures.then(|| Estimates::of(&consistency, seed)),
            credibility: seen.credibility,
            probe,
            strata: self.strata(&ladders, &pairs, &seen.ladders),
            ladders: shown
                .map(|(ladder, path, seen)| ShownLadder {
                    a: ladder.a.clone(),
                    b: ladder.b.clone(),
                    path: path.to_string(),
                    rungs: ladder.rungs.clone(),
                    valid: (0..ladder.rungs.len()).map(|k| ladder.accepts(k)).collect(),
                    opinions: seen.map(|seen| seen.rungs.clone()).unwrap_or_default(),
                })
                .collect(),
            figures,
            line_figures: back.figures,
            seen_figures: seen.figures,
        }))
    }

    /// How well the lines' labels can be read from their latents; nothing where there are no labels, or too few.
    fn probe(&self, on_progress: OnProgress<'_>) -> Result<Option<Option<Probe>>, EngineError> {
        let Protocol { lines, train, seed, .. } = self.protocol;
        let (items, train_items) = PROBED;
        let protocol = ProbeProtocol { data: lines, train, items, train_items, seed };
        match super::probe::probe(self.model, protocol, on_progress) {
            Ok(found) => Ok(found.map(|found| Some(found.probe))),
            Err(EngineError::Probe(_)) => Ok(Some(None)),
            Err(other) => Err(other),
        }
    }

    /// The lines that the model takes, and how many it does not.
    fn lines(&self) -> Result<(Vec<Line<'_>>, usize), EngineError> {
        let (mut lines, mut too_long) = (Vec::new(), 0);
        for example in self.protocol.lines {
            let ids = self.model.ids(&example.text)?;
            // The end token needs a place too.
            if ids.len() < self.model.max_len() && !ids.is_empty() {
                lines.push(Line { example, ids });
            } else {
                too_long += 1;
            }
        }
        if lines.len() < 2 {
            return Err(EngineError::Model(format!(
                "of {} lines fewer than two are short enough for it",
                self.protocol.lines.len()
            )));
        }
        Ok((lines, too_long))
    }

    fn figures(&self, ladders: &[Ladder]) -> Vec<Figure> {
        let mut figures = ladder_figures(ladders, self.units, self.protocol.seed);
        figures.extend(self.protocol.reference.map(|r| r.figures(ladders)).unwrap_or_default());
        figures
    }

    fn reconstruct(
        &self,
        lines: &[Line<'_>],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Reconstructed>, EngineError> {
        let failed = |e: crate::model::Error| EngineError::Model(e.to_string());
        let (mut tokens, mut bytes, mut exact, mut edits, mut nats) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut all_latents, mut all_decoded) = (Vec::new(), Vec::new());
        for block in lines.chunks(BLOCK) {
            let progress =
                Progress { what: "reconstructing", done: exact.len(), total: lines.len() };
            if !on_progress(progress) {
                return Ok(None);
            }
            let ids: Vec<Vec<u32>> = block.iter().map(|line| line.ids.clone()).collect();
            let latents = self.model.model().encode_lines(&ids).map_err(failed)?;
            let own = self.model.model().score(&ids, Given::Latents(&latents)).map_err(failed)?;
            // Lines are in random order, so the next one's latent is any other line's.
            let mut others = latents.clone();
            others.rotate_left(1);
            let foreign =
                self.model.model().score(&ids, Given::Latents(&others)).map_err(failed)?;
            let decoded = self.model.decode_with(&latents, self.protocol.decoding)?;
            for (i, line) in block.iter().enumerate() {
                let right = &own[i].right;
                let count = right.iter().filter(|&&right| right).count();
                tokens.push((count as f64, right.len() as f64));
                bytes.push(self.bytes(&line.ids, right)?);
                exact.push((f64::from(decoded[i] == line.text()), 1.0));
                edits.push((self.units.distance(line.text(), &decoded[i]), 1.0));
                if block.len() > 1 {
                    nats.push((foreign[i].nats() - own[i].nats(), right.len() as f64));
                }
            }
            all_latents.extend(latents);
            all_decoded.extend(decoded);
        }
        let mut figures = vec![
            Figure { name: "token_accuracy", parts: tokens },
            Figure { name: "byte_accuracy", parts: bytes },
            Figure { name: "exact_match", parts: exact },
            Figure { name: "edit_distance", parts: edits },
        ];
        if self.pictures {
            let read = |(line, back): (&Line<'_>, &String)| both(line.text(), back);
            let pairs: Vec<_> = lines.iter().zip(&all_decoded).map(read).collect();
            figures.extend(reconstruction_figures(&pairs));
        }
        Ok(Some(Reconstructed {
            figures,
            dependence: Figure { name: "latent_dependence", parts: nats },
            latents: all_latents,
            decoded: all_decoded,
        }))
    }

    /// Bytes of a line's tokens that were predicted right, and of all. A picture's tokens have no bytes of their own.
    fn bytes(&self, ids: &[u32], right: &[bool]) -> Result<(f64, f64), EngineError> {
        if self.pictures {
            return Ok((0.0, 0.0));
        }
        let sizes = self.model.token_bytes(ids)?;
        // The end token carries no byte.
        let hit = sizes.iter().zip(right).filter(|(_, right)| **right).map(|(size, _)| size);
        Ok((hit.sum::<usize>() as f64, sizes.iter().sum::<usize>() as f64))
    }

    fn ladders(
        &self,
        pairs: &[(&str, &str)],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Vec<(Ladder, Path)>>, EngineError> {
        let candidates: &[Path] = match &self.protocol.way {
            Way::Fixed(path) => std::slice::from_ref(path),
            Way::Best => &Path::ALL,
        };
        let geometry = self.model.model().geometry();
        let mut out: Vec<(Ladder, Path)> = Vec::with_capacity(pairs.len());
        for pairs_now in pairs.chunks(PAIRS) {
            let progress = Progress { what: "ladders", done: out.len(), total: pairs.len() };
            if !on_progress(progress) {
                return Ok(None);
            }
            let ends: Vec<String> =
                pairs_now.iter().flat_map(|(a, b)| [(*a).to_owned(), (*b).to_owned()]).collect();
            let latents = self.model.encode(&ends)?;
            let mut best: Vec<Option<(Ladder, Path)>> = vec![None; pairs_now.len()];
            for &path in candidates {
                let mut rungs: Vec<Latent> = Vec::with_capacity(pairs_now.len() * RUNGS);
                for ends in latents.chunks_exact(2) {
                    let ladder = geometry.ladder(&ends[0], &ends[1], &ratios(RUNGS), path);
                    rungs.extend(ladder.map_err(|e| EngineError::Model(e.to_string()))?);
                }
                let texts = self.model.decode_with(&rungs, self.protocol.decoding)?;
                for ((pair, texts), best) in
                    pairs_now.iter().zip(texts.chunks_exact(RUNGS)).zip(&mut best)
                {
                    let found = self.finished(*pair, texts.to_vec());
                    let rank = |ladder: &Ladder| ladder.rank(self.units);
                    if best.as_ref().is_none_or(|(old, _)| rank(&found) > rank(old)) {
                        *best = Some((found, path));
                    }
                }
            }
            out.extend(best.into_iter().flatten());
        }
        Ok(Some(out))
    }

    fn finished(&self, (a, b): (&str, &str), rungs: Vec<String>) -> Ladder {
        let valid = rungs.iter().map(|text| self.model.verdict(text).is_valid()).collect();
        Ladder { a: a.to_owned(), b: b.to_owned(), rungs, valid }
    }

    fn controls(
        &self,
        pairs: &[(&str, &str)],
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Controls>, EngineError> {
        let is_valid = |text: &str| self.model.verdict(text).is_valid();
        let estimates =
            |ladders: &[Ladder]| Estimates::of(&self.figures(ladders), self.protocol.seed);
        let copies: Vec<Ladder> =
            pairs.iter().map(|(a, b)| controls::copy(a, b, RUNGS, &is_valid)).collect();
        let mixed: Vec<Ladder> = pairs
            .iter()
            .map(|(a, b)| match self.pictures {
                true => controls::cross_fade(a, b, RUNGS, &is_valid),
                false => controls::splice(a, b, RUNGS, self.units, &is_valid),
            })
            .collect();
        let mixed = estimates(&mixed);
        let (splice, cross_fade) =
            if self.pictures { (None, Some(mixed)) } else { (Some(mixed), None) };
        let mut rng = ChaCha8Rng::seed_from_u64(self.protocol.seed);
        let mut drawn = Vec::with_capacity(pairs.len());
        for block in pairs.chunks(PAIRS) {
            let progress = Progress { what: "controls", done: drawn.len(), total: pairs.len() };
            if !on_progress(progress) {
                return Ok(None);
            }
            let texts = self.model.draw_without_latent(block.len() * RUNGS, &mut rng)?;
            for (pair, texts) in block.iter().zip(texts.chunks_exact(RUNGS)) {
                drawn.push(self.finished(*pair, texts.to_vec()));
            }
        }
        Ok(Some(Controls {
            copy: estimates(&copies),
            splice,
            cross_fade,
            no_latent: estimates(&drawn),
        }))
    }
}
