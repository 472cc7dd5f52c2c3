//! What only models of digits are judged by: whether their digits pass for digits, and whether the direction of reading is no
//! matter.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{Judge, Line, Reconstructed, BLOCK, RUNGS};
use crate::corpus::mnist_text::Digit;
use crate::domain::Opinion;
use crate::engine::{EngineError, LearnedPrior, OnProgress, PriorKind, Progress};
use crate::eval::digits::{
    both, class_of, interior_mean, ladder_figures, KnownFrom, Seen, Yardstick,
};
use crate::eval::{controls, Estimates, Figure, Ladder, Parts};
use crate::latent::Latent;

/// Keeps the draws of samples apart from all others of the seed.
const SAMPLES: u64 = 0x5a3b_1e5d;
/// The figures of the model's ladders.
const LADDERS: [&str; 4] = ["interior", "third_class", "same_class_kept", "switches_once"];
/// The same of the cross-fades.
const CROSS_FADES: [&str; 4] = [
    "cross_fade",
    "cross_fade_third_class",
    "cross_fade_same_class_kept",
    "cross_fade_switches_once",
];

/// What samples were drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SampledFrom {
    /// What training held the latents to.
    Standard,
    /// The prior that was fitted to the model's latents.
    Learned,
}

impl std::fmt::Display for SampledFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Standard => "the standard prior",
            Self::Learned => "the model's learned prior",
        })
    }
}

/// For what a classifier takes a model's digits, and how near they are to real ones.
///
/// Shares of rungs and pictures that pass for digits: `interior`, of the model's ladders; `cross_fade`, of the pictures of the
/// same pairs laid over each other; `real`, of the digits that are judged; `samples`, of draws from the prior. `third_class`: of
/// interior rungs whose class is neither end's. `same_class_kept`: of interior rungs between digits of one class that have it.
/// `switches_once`: of pairs of two classes, ends included, that change once from A's to B's. The same of the cross-fades under
/// `cross_fade_…`. `nearest_…`: mean distance to the nearest digit that the classifier knows. `classifier_accuracy`: its own
/// share of judged digits put in their class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Credibility {
    /// The figures.
    #[serde(flatten)]
    pub figures: Estimates,
    /// Probability from which on a picture passes for a digit.
    pub threshold: f32,
    /// Digits that the classifier was trained on.
    pub known: usize,
    /// Where they come from.
    #[serde(serialize_with = "as_text")]
    pub known_from: KnownFrom,
    /// Draws from the prior.
    pub drawn: usize,
    /// What they were drawn from.
    pub drawn_from: SampledFrom,
}

fn as_text<S: serde::Serializer>(value: &KnownFrom, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// What the classifier says of a model's ladders.
#[derive(Default)]
pub(super) struct Seeing {
    pub(super) credibility: Option<Credibility>,
    /// The ladders, where there is a classifier.
    pub(super) ladders: Vec<Seen>,
    /// Figures by pair.
    pub(super) figures: Vec<Figure>,
}

/// The prior that samples are drawn from: known to fit before anything else is done.
pub(super) struct Prior(Option<LearnedPrior>);

impl Prior {
    pub(super) fn of(judge: &Judge<'_>) -> Result<Self, EngineError> {
        match judge.protocol.yardstick {
            Some(_) => LearnedPrior::of(judge.model).map(Self),
            None => Ok(Self(None)),
        }
    }

    fn draw(&self, judge: &Judge<'_>, count: usize) -> Result<Vec<Latent>, EngineError> {
        let mut rng = ChaCha8Rng::seed_from_u64(judge.protocol.seed ^ SAMPLES);
        match &self.0 {
            Some(prior) => prior.draw(judge.model, prior.best(), count, &mut rng),
            None => judge.model.draw_standard(count, &mut rng),
        }
    }

    fn kind(&self) -> SampledFrom {
        match &self.0 {
            Some(prior) if prior.best() != PriorKind::Standard => SampledFrom::Learned,
            _ => SampledFrom::Standard,
        }
    }
}

/// The figures of ladders by pair.
pub(super) fn of_ladders(seen: &[Seen]) -> Vec<Figure> {
    ladder_figures(seen, LADDERS)
}

impl Judge<'_> {
    /// What becomes of the same digit written downward and upward, by line: `mean_absolute_difference` of the two decodes and
    /// `cosine` of the two latents; beside them the same of two different digits. Nothing for texts that read one way.
    pub(super) fn consistency(
        &self,
        lines: &[Line<'_>],
        back: &Reconstructed,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Vec<Figure>>, EngineError> {
        let other = |line: &Line<'_>| self.model.domain().readings(line.text()).pop();
        let upward: Vec<String> = lines.iter().filter_map(other).collect();
        if !self.pictures || upward.len() != lines.len() {
            return Ok(Some(Vec::new()));
        }
        let (mut pictures, mut cosines) = (Vec::new(), Vec::new());
        let (mut other_pictures, mut other_cosines) = (Vec::new(), Vec::new());
        let difference = |a: &str, b: &str| {
            let (a, b) = both(a, b);
            Some(Parts::Picture(a).distance(&Parts::Picture(b)))
        };
        for block in upward.chunks(BLOCK) {
            let done = pictures.len();
            if !on_progress(Progress { what: "reading upward", done, total: lines.len() }) {
                return Ok(None);
            }
            let latents = self.encode_all(block)?;
            let decoded = self.model.decode_with(&latents, self.protocol.decoding)?;
            for (i, (latent, text)) in latents.iter().zip(&decoded).enumerate() {
                let own = done + i;
                // Lines are in random order, so the next one is any other one.
                let other = (own + 1) % lines.len();
                pictures.push(difference(&back.decoded[own], text));
                cosines.push(cosine(&back.latents[own], latent));
                other_pictures.push(difference(&back.decoded[other], text));
                other_cosines.push(cosine(&back.latents[other], latent));
            }
        }
        Ok(Some(vec![
            Figure::mean("mean_absolute_difference", pictures.into_iter()),
            Figure::mean("other_mean_absolute_difference", other_pictures.into_iter()),
            Figure::mean("cosine", cosines.into_iter()),
            Figure::mean("other_cosine", other_cosines.into_iter()),
        ]))
    }

    fn encode_all(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        let ids: Vec<Vec<u32>> =
            texts.iter().map(|text| self.model.ids(text)).collect::<Result<_, _>>()?;
        self.model.model().encode_lines(&ids).map_err(failed)
    }

    /// What the classifier says; nothing where there is none.
    pub(super) fn credibility(
        &self,
        pairs: &[(&Line<'_>, &Line<'_>)],
        ladders: &[Ladder],
        lines: &[Line<'_>],
        prior: Prior,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Seeing>, EngineError> {
        let Some(yardstick) = self.protocol.yardstick else { return Ok(Some(Seeing::default())) };
        let seed = self.protocol.seed;
        let Some(samples) = self.samples(&prior, pairs.len(), on_progress)? else {
            return Ok(None);
        };
        if !on_progress(Progress { what: "classifying", done: 0, total: 1 }) {
            return Ok(None);
        }
        let classes: Vec<[Option<u8>; 2]> =
            pairs.iter().map(|(a, b)| [class_of(a.example), class_of(b.example)]).collect();
        let own = look(yardstick, ladders, &classes)?;
        let faded =
            pairs.iter().map(|(a, b)| controls::cross_fade(a.text(), b.text(), RUNGS, &|_| true));
        let faded = look(yardstick, &faded.collect::<Vec<_>>(), &classes)?;
        let real: Vec<Digit> = lines.iter().map(|line| yardstick.read(line.text())).collect();
        let said = yardstick.opinions(&real).map_err(failed)?;
        let right = lines
            .iter()
            .zip(&said)
            .map(|(line, said)| Some(f64::from(said.class == class_of(line.example)?)));
        let by_line = [
            passing("real", &said),
            Figure::mean("nearest_real", yardstick.nearest(&real).into_iter()),
            Figure::mean("classifier_accuracy", right),
        ];
        let drawn: Vec<Digit> = samples.iter().map(|text| yardstick.read(text)).collect();
        let said = yardstick.opinions(&drawn).map_err(failed)?;
        let by_sample = [
            passing("samples", &said),
            Figure::mean("nearest_samples", yardstick.nearest(&drawn).into_iter()),
        ];
        let mut by_pair = of_ladders(&own.seen);
        by_pair.push(interior_mean("nearest_interior", &own.nearest));
        let mut of_fades = ladder_figures(&faded.seen, CROSS_FADES);
        of_fades.push(interior_mean("nearest_cross_fade", &faded.nearest));

        let mut figures = Estimates::of(&by_pair, seed);
        figures.push(Estimates::of(&of_fades, seed));
        figures.push(Estimates::of(&by_line, seed));
        figures.push(Estimates::of(&by_sample, seed));
        let credibility = Credibility {
            figures,
            threshold: Opinion::CREDIBLE,
            known: yardstick.known(),
            known_from: yardstick.source(),
            drawn: drawn.len(),
            drawn_from: prior.kind(),
        };
        Ok(Some(Seeing { credibility: Some(credibility), ladders: own.seen, figures: by_pair }))
    }

    /// Texts of latents drawn from the prior.
    fn samples(
        &self,
        prior: &Prior,
        count: usize,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Vec<String>>, EngineError> {
        let mut texts = Vec::with_capacity(count);
        for block in prior.draw(self, count)?.chunks(BLOCK) {
            if !on_progress(Progress { what: "samples", done: texts.len(), total: count }) {
                return Ok(None);
            }
            texts.extend(self.model.decode_with(block, self.protocol.decoding)?);
        }
        Ok(Some(texts))
    }
}

/// Ladders as a classifier sees them, and each rung's distance to the nearest digit.
struct Look {
    seen: Vec<Seen>,
    nearest: Vec<Vec<Option<f64>>>,
}

fn look(
    yardstick: &Yardstick,
    ladders: &[Ladder],
    classes: &[[Option<u8>; 2]],
) -> Result<Look, EngineError> {
    let pictures: Vec<Digit> =
        ladders.iter().flat_map(|l| &l.rungs).map(|text| yardstick.read(text)).collect();
    let mut opinions = yardstick.opinions(&pictures).map_err(failed)?.into_iter();
    let mut distances = yardstick.nearest(&pictures).into_iter();
    let (mut seen, mut nearest) = (Vec::new(), Vec::new());
    for (ladder, &ends) in ladders.iter().zip(classes) {
        let rungs = opinions.by_ref().take(ladder.rungs.len()).collect();
        seen.push(Seen { ends, rungs });
        nearest.push(distances.by_ref().take(ladder.rungs.len()).collect());
    }
    Ok(Look { seen, nearest })
}

/// The share of pictures that pass for digits.
fn passing(name: &'static str, opinions: &[Opinion]) -> Figure {
    Figure::mean(name, opinions.iter().map(|opinion| Some(f64::from(opinion.is_credible()))))
}

/// `None` where a latent is all zeros.
fn cosine(a: &Latent, b: &Latent) -> Option<f64> {
    let dot = |a: &Latent, b: &Latent| -> f64 {
        a.values.iter().zip(&b.values).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    (norms > 0.0).then(|| dot(a, b) / norms)
}

fn failed(e: impl std::fmt::Display) -> EngineError {
    EngineError::Model(e.to_string())
}
