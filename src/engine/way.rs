//! Which path a ladder takes, and the choice of the best one.

use super::{Decoding, EngineError, LatentModel, LoadedModel};
use crate::eval::{Ladder, Units};
use crate::latent::{ladder, Latent, Path};

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
    /// The texts at `ratios` between the latents of `a` and `b`, and the path that they were decoded on.
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
    ) -> Result<(Vec<String>, Path), EngineError> {
        let on = |path: Path| {
            let rungs = ladder(latents.0, latents.1, ratios, path)
                .map_err(|e| EngineError::Model(e.to_string()))?;
            Ok((self.decode_with(&rungs, decoding)?, path))
        };
        let candidates = match way {
            Way::Fixed(path) => return on(path),
            Way::Best => Path::ALL,
        };
        let units = Units::of(self.domain().name());
        let mut best: Option<(f64, Vec<String>, Path)> = None;
        for path in candidates {
            let (rungs, path) = on(path)?;
            let valid = rungs.iter().map(|text| self.verdict(text).is_valid()).collect();
            let found = Ladder { a: a.to_owned(), b: b.to_owned(), rungs, valid };
            let rank = found.rank(units);
            if best.as_ref().is_none_or(|(old, ..)| rank > *old) {
                best = Some((rank, found.rungs, path));
            }
        }
        best.map(|(_, rungs, path)| (rungs, path))
            .ok_or_else(|| EngineError::Model("there is no path".to_owned()))
    }
}
