//! What a request is about beside its scene: a direction to measure, or one to make.

use std::sync::Arc;

use super::pool::{NamedDirection, Pool, Source};
use super::{EngineError, Scene};
use crate::latent::{Direction, DirectionError, Geometry, Latent};

/// Work on directions.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Measure what steps along a direction do.
    Measure(Arc<NamedDirection>),
    /// Make a direction of this name.
    Make(String, Recipe),
}

/// What a direction is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// From the end A of the request's scene to the end B, with their own edits.
    Ends,
    /// From one text to another; a strength of 1 is all of the way.
    Texts {
        /// The one.
        from: String,
        /// The other.
        to: String,
    },
    /// From the texts of one label to those of another, as far as texts have been read.
    Labels {
        /// The one.
        from: String,
        /// The other.
        to: String,
    },
    /// From the mean of the points of one set to the mean of those of the other; of one point each, from that to this.
    Sets {
        /// What it leads to: scenes, each at its slider.
        with: Vec<Arc<Scene>>,
        /// What it leads away from.
        without: Vec<Arc<Scene>>,
    },
}

/// The direction between two points.
pub(super) fn between(
    name: &str,
    from: &Latent,
    to: &Latent,
    geometry: Geometry,
) -> Result<NamedDirection, EngineError> {
    let direction = Direction::between(from, to, geometry).map_err(refused)?;
    Ok(NamedDirection {
        name: name.to_owned(),
        source: Source::Own,
        with: 0,
        without: 0,
        direction,
    })
}

/// The direction between two sets, its strength counted in deviations of the pool where there is one.
pub(super) fn of_sets(
    name: &str,
    with: &[Latent],
    without: &[Latent],
    pool: Option<&Pool>,
    geometry: Geometry,
) -> Result<NamedDirection, EngineError> {
    if let ([to], [from]) = (with, without) {
        let made = between(name, from, to, geometry)?;
        return Ok(NamedDirection { with: 1, without: 1, ..made });
    }
    let sides = [with, without].map(|set| set.iter().collect::<Vec<&Latent>>());
    let mut direction =
        Direction::from_sets(&sides[0], &sides[1], None, geometry).map_err(refused)?;
    let latents: Vec<&Latent> = pool.map_or_else(Vec::new, |pool| pool.latents().iter().collect());
    if latents.len() > 1 {
        direction = direction.with_sigma_of(&latents, geometry).map_err(refused)?;
    }
    let (with, without) = (with.len(), without.len());
    Ok(NamedDirection { name: name.to_owned(), source: Source::Own, with, without, direction })
}

fn refused(e: DirectionError) -> EngineError {
    EngineError::Direction(e.to_string())
}
