//! Which path a ladder takes, and the choice of the best one.

use std::ops::ControlFlow;

use super::{decode, Decoding, EngineError, LoadedModel};
use crate::eval::{Ladder, Units};
use crate::latent::{Latent, Path};
use crate::report::Rung;

/// The way between two latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// This path for every pair.
    Fixed(Path),
    /// For every pair the path with the best ladder: valid, then varied, then smooth rungs.
    Best,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(path) => path.fmt(f),
            Self::Best => f.pad("best"),
        }
    }
}

impl std::str::FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "best" {
            return Ok(Self::Best);
        }
        name.parse().map(Self::Fixed).map_err(|e| format!("{e}, or `best`"))
    }
}

impl LoadedModel {
    /// The rungs at `ratios` between the latents of `a` and `b`, and the path that they were decoded on.
    ///
    /// # Errors
    /// Latents of another shape than the model's.
    pub fn ladder(
        &self,
        (a, b): (&str, &str),
        latents: (&Latent, &Latent),
        ratios: &[f32],
        way: Way,
        decoding: Decoding,
    ) -> Result<(Vec<Rung>, Path), EngineError> {
        let on = |path: Path| {
            let way = self
                .model()
                .geometry()
                .ladder(latents.0, latents.1, ratios, path)
                .map_err(|e| EngineError::Model(e.to_string()))?;
            let found = decode(self, &way, decoding, &mut |_| ControlFlow::Continue(()))?;
            Ok(found.into_iter().zip(ratios).map(|(found, &ratio)| found.at(ratio)).collect())
        };
        let candidates = match way {
            Way::Fixed(path) => return Ok((on(path)?, path)),
            Way::Best => Path::ALL,
        };
        let mut ladders = Vec::with_capacity(candidates.len());
        for path in candidates {
            ladders.push((on(path)?, path));
        }
        best_of(ladders, (a, b), Units::of(self.domain().name()))
            .ok_or_else(|| EngineError::Model("there is no path".to_owned()))
    }
}

/// The best of some ladders between the same ends, the first of equal ones: most valid rungs, then most different ones, then
/// the smallest largest step.
pub(super) fn best_of(
    ladders: Vec<(Vec<Rung>, Path)>,
    (a, b): (&str, &str),
    units: Units,
) -> Option<(Vec<Rung>, Path)> {
    let mut best: Option<(f64, (Vec<Rung>, Path))> = None;
    for (rungs, path) in ladders {
        let rank = finished(a, b, &rungs).rank(units);
        if best.as_ref().is_none_or(|(old, _)| rank > *old) {
            best = Some((rank, (rungs, path)));
        }
    }
    best.map(|(_, found)| found)
}

/// A ladder for the figures.
fn finished(a: &str, b: &str, rungs: &[Rung]) -> Ladder {
    Ladder {
        a: a.to_owned(),
        b: b.to_owned(),
        rungs: rungs.iter().map(|rung| rung.text.clone()).collect(),
        valid: rungs.iter().map(|rung| rung.verdict.is_valid()).collect(),
    }
}
