//! Steps along a direction that end where the decoder knows its way: on the sphere, within tanh, or anywhere.

use serde::{Deserialize, Serialize};

use super::{Direction, DirectionError};
use crate::latent::path::{norm, to_f32, walk, with_own_ratios};
use crate::latent::{Latent, LatentError, Path};

/// The largest angle of one step at one latent token, in radians: 60°.
const LARGEST_ANGLE: f64 = std::f64::consts::FRAC_PI_3;
/// Where values under tanh are clipped: beyond it the inverse grows without bound.
const TANH_CLIP: f64 = 0.98;

/// Where the latents of a model lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// Every latent token on a sphere of radius √L.
    #[default]
    Sphere,
    /// Every value between −1 and 1.
    Tanh,
    /// Anywhere.
    Flat,
    /// At codes: steps and ways go straight, and the model brings what lies between two codes to the nearest.
    Codes,
}

impl Geometry {
    /// Values as coordinates that may be added and averaged: inverse hyperbolic tangents under tanh, else themselves.
    pub(super) fn chart(self, values: &[f32]) -> Vec<f64> {
        let coordinate = |&x: &f32| match self {
            Self::Tanh => clip(f64::from(x)).atanh(),
            Self::Sphere | Self::Flat | Self::Codes => f64::from(x),
        };
        values.iter().map(coordinate).collect()
    }

    /// The latents at `ratios` on the path from `a` (ratio 0) to `b` (ratio 1), as [`ladder`](crate::latent::ladder) gives
    /// them; between codes every stretch is straight, whatever the path.
    ///
    /// # Errors
    /// As there.
    pub fn ladder(
        self,
        a: &Latent,
        b: &Latent,
        ratios: &[f32],
        path: Path,
    ) -> Result<Vec<Latent>, LatentError> {
        walk(a, b, ratios, path, self == Self::Codes)
    }

    /// As [`with_own_ratios`]; between codes straight.
    #[must_use]
    pub fn with_own_ratios(
        self,
        point: Latent,
        (a, b): (&Latent, &Latent),
        own: &[Option<f32>],
        path: Path,
    ) -> Latent {
        with_own_ratios(point, a, b, own, if self == Self::Codes { Path::Linear } else { path })
    }
}

impl Direction {
    /// The latent that lies `strength` deviations along the direction.
    ///
    /// - On the sphere every latent token turns in the plane of itself and the direction's part that lies in it, by the angle
    ///   whose arc is that part's length, at most 60° and never past the direction itself; norms stay.
    /// - Under tanh the inverse hyperbolic tangents move, and what moves ends within ±0.98.
    /// - On flat latents it is a plain sum, and so it is from codes.
    ///
    /// A strength of 0 gives the latent back bit by bit, −s the mirror image of s. For finite latents the result is finite.
    ///
    /// # Errors
    /// A latent of another shape; a strength that is not finite.
    pub fn step(
        &self,
        latent: &Latent,
        strength: f32,
        geometry: Geometry,
    ) -> Result<Latent, DirectionError> {
        self.fits(latent)?;
        if !strength.is_finite() {
            return Err(DirectionError::NotFinite("the strength of a step"));
        }
        let mut out = latent.clone();
        let length = f64::from(strength) * f64::from(self.sigma);
        if length == 0.0 || self.size == 0 {
            return Ok(out);
        }
        match geometry {
            Geometry::Sphere => {
                let parts = self.values.chunks_exact(self.size);
                for (token, part) in out.values.chunks_exact_mut(self.size).zip(parts) {
                    turn(token, part, length);
                }
            }
            Geometry::Tanh => {
                for (x, &v) in out.values.iter_mut().zip(&self.values) {
                    *x = squashed(*x, length * f64::from(v));
                }
            }
            Geometry::Flat | Geometry::Codes => {
                for (x, &v) in out.values.iter_mut().zip(&self.values) {
                    *x = to_f32(f64::from(*x) + length * f64::from(v));
                }
            }
        }
        Ok(out)
    }
}

/// Turns a latent token towards `part`, by an arc of `length` times what of `part` lies across it.
fn turn(token: &mut [f32], part: &[f32], length: f64) {
    let radius = norm(token);
    if radius == 0.0 || !radius.is_finite() {
        return;
    }
    let unit: Vec<f64> = token.iter().map(|&x| f64::from(x) / radius).collect();
    let along: f64 = unit.iter().zip(part).map(|(u, &v)| u * f64::from(v)).sum();
    let across: Vec<f64> = unit.iter().zip(part).map(|(u, &v)| f64::from(v) - along * u).collect();
    let width = across.iter().map(|x| x * x).sum::<f64>().sqrt();
    // A token that has nothing across it stands at the direction's pole already.
    if width <= f64::EPSILON * along.abs() {
        return;
    }
    // Past the pole, on either side, the way would lead back.
    let most = width.atan2(along.abs()).min(LARGEST_ANGLE);
    let angle = (length * width / radius).clamp(-most, most);
    let (ahead, aside) = (angle.cos() * radius, angle.sin() * radius / width);
    for (x, (u, v)) in token.iter_mut().zip(unit.iter().zip(&across)) {
        *x = to_f32(ahead * u + aside * v);
    }
}

/// A value under tanh, moved by `by` in its inverse. What lies beyond the clip already is not moved further out.
fn squashed(x: f32, by: f64) -> f32 {
    let value = f64::from(x);
    let outside = value.abs() >= TANH_CLIP;
    if by == 0.0 || outside && by * value > 0.0 {
        return x;
    }
    to_f32(clip((clip(value).atanh() + by).tanh()))
}

fn clip(x: f64) -> f64 {
    x.clamp(-TANH_CLIP, TANH_CLIP)
}
