//! Paths between two latents: spherical (Shoemake 1985) per token or over all tokens at once, and linear.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Latent, LatentError};

/// Below this sine of the angle, vectors that point the same way count as parallel.
const PARALLEL_SINE: f64 = 1e-6;
/// Below this sine of the angle, vectors that point opposite ways count as antipodal.
const ANTIPODAL_SINE: f64 = 1e-4;
/// Below this part of `b` across `a`, rounding decides its direction, and an axis is taken instead.
const RESIDUAL: f64 = 1e-6;

/// How a ladder goes from one latent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// Spherical, every latent token along its own great circle.
    #[default]
    PerToken,
    /// As per token, at a pace that takes the share of B in the squared length evenly from 0 to 1 where the ends are at right
    /// angles, as the ends of a high-dimensional space nearly are: `√(1−t) · a + √t · b`. Rungs leave the ends sooner.
    Even,
    /// Spherical, all latent tokens as one long vector.
    #[serde(rename = "all")]
    AllAtOnce,
    /// Straight.
    Linear,
    /// One latent token after the other, from the first, each along its own great circle.
    Forward,
    /// One latent token after the other, from the last.
    Backward,
}

/// The name is none of a path's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no interpolation path; expected `per-token`, `even`, `all`, `linear`, `forward` or `backward`")]
pub struct ParsePathError(String);

impl Path {
    /// Every path, in the order in which help texts list them.
    pub const ALL: [Self; 6] =
        [Self::PerToken, Self::Even, Self::AllAtOnce, Self::Linear, Self::Forward, Self::Backward];

    /// The share of the angle that a ratio stands for. Beyond the ends it is the ratio itself.
    fn paced(self, ratio: f32) -> f32 {
        if self == Self::Even && 0.0 < ratio && ratio < 1.0 {
            (f64::from(ratio).sqrt().asin() * std::f64::consts::FRAC_2_PI) as f32
        } else {
            ratio
        }
    }

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PerToken => "per-token",
            Self::Even => "even",
            Self::AllAtOnce => "all",
            Self::Linear => "linear",
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Path {
    type Err = ParsePathError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|path| path.name() == name)
            .ok_or_else(|| ParsePathError(name.to_owned()))
    }
}

/// Spherical interpolation, `sin((1−t)ω)/sin ω · a + sin(tω)/sin ω · b` with ω the angle between `a` and `b`.
///
/// Magnitudes are those of the given vectors. Ratios outside 0…1 extrapolate; 0 and 1 give the ends bit by bit. The
/// result is finite for finite vectors and ratios (a ratio that is not finite counts as 0). Where the formula has no
/// answer:
/// - nearly parallel vectors, and any zero vector: linear;
/// - nearly antipodal vectors: the great circle through what little of `b` lies across `a` or, where that is only
///   rounding, through the axis of `a`'s smallest coordinate (the first of them), with the magnitude linear; vectors
///   of a single number have no circle and go linearly.
///
/// `a` and `b` have the same length; what one has beyond the other is ignored.
#[must_use]
pub fn slerp(a: &[f32], b: &[f32], ratio: f32) -> Vec<f32> {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    if ratio == 0.0 || !ratio.is_finite() {
        return a.to_vec();
    }
    if ratio == 1.0 {
        return b.to_vec();
    }
    let t = f64::from(ratio);
    let (a_norm, b_norm) = (norm(a), norm(b));
    if a_norm == 0.0 || b_norm == 0.0 {
        return combine(a, b, 1.0 - t, t);
    }

    let omega = angle(a, b, a_norm, b_norm);
    let (sine, ahead) = (omega.sin(), omega < std::f64::consts::FRAC_PI_2);
    if sine < PARALLEL_SINE && ahead {
        return combine(a, b, 1.0 - t, t);
    }
    if sine < ANTIPODAL_SINE && !ahead {
        return half_turn(a, b, omega, t);
    }
    combine(a, b, ((1.0 - t) * omega).sin() / sine, (t * omega).sin() / sine)
}

/// The angle between two vectors of these norms, from 0 to π.
///
/// Kahan's: exact near 0 and π, where the arc cosine loses half its digits or, for a cosine that rounding took above 1,
/// gives NaN.
pub(super) fn angle(a: &[f32], b: &[f32], a_norm: f64, b_norm: f64) -> f64 {
    let (mut apart, mut together) = (0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (u, v) = (f64::from(*x) / a_norm, f64::from(*y) / b_norm);
        apart += (u - v) * (u - v);
        together += (u + v) * (u + v);
    }
    2.0 * apart.sqrt().atan2(together.sqrt())
}

/// The weights of two vectors of equal length in [`slerp`], from the cosine of their angle; those of the straight line
/// where the angle is nearly 0 or a half turn.
#[must_use]
pub fn slerp_weights(cosine: f64, ratio: f64) -> (f64, f64) {
    let omega = cosine.clamp(-1.0, 1.0).acos();
    let sine = omega.sin();
    if sine < ANTIPODAL_SINE {
        return (1.0 - ratio, ratio);
    }
    (((1.0 - ratio) * omega).sin() / sine, (ratio * omega).sin() / sine)
}

/// The great circle between nearly antipodal vectors; see [`slerp`].
fn half_turn(a: &[f32], b: &[f32], omega: f64, t: f64) -> Vec<f32> {
    if a.len() < 2 {
        return combine(a, b, 1.0 - t, t);
    }
    let (a_norm, b_norm) = (norm(a), norm(b));
    let u: Vec<f64> = a.iter().map(|&x| f64::from(x) / a_norm).collect();
    let v: Vec<f64> = b.iter().map(|&x| f64::from(x) / b_norm).collect();
    let (mut across, mut length) = reject(&v, &u);
    let mut angle = omega;
    if length < RESIDUAL {
        let mut smallest = 0;
        for (i, x) in u.iter().enumerate() {
            if x.abs() < u[smallest].abs() {
                smallest = i;
            }
        }
        let mut axis = vec![0.0; u.len()];
        axis[smallest] = 1.0;
        (across, length) = reject(&axis, &u);
        angle = std::f64::consts::PI;
    }
    let magnitude = ((1.0 - t) * a_norm + t * b_norm).max(0.0);
    let (along, aside) = (magnitude * (t * angle).cos(), magnitude * (t * angle).sin() / length);
    u.iter().zip(&across).map(|(x, y)| to_f32(along * x + aside * y)).collect()
}

/// The part of `v` across the unit vector `u`, and its length.
pub(super) fn reject(v: &[f64], u: &[f64]) -> (Vec<f64>, f64) {
    let dot: f64 = v.iter().zip(u).map(|(x, y)| x * y).sum();
    let across: Vec<f64> = v.iter().zip(u).map(|(x, y)| x - dot * y).collect();
    let length = across.iter().map(|x| x * x).sum::<f64>().sqrt();
    (across, length)
}

/// The length of a vector; in double precision no finite one leaves the range.
pub(super) fn norm(v: &[f32]) -> f64 {
    v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

/// The straight line; 0 and 1 give the ends bit by bit.
fn lerp(a: &[f32], b: &[f32], ratio: f32) -> Vec<f32> {
    match ratio {
        0.0 => a.to_vec(),
        1.0 => b.to_vec(),
        _ => combine(a, b, 1.0 - f64::from(ratio), f64::from(ratio)),
    }
}

fn combine(a: &[f32], b: &[f32], a_weight: f64, b_weight: f64) -> Vec<f32> {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| to_f32(a_weight * f64::from(x) + b_weight * f64::from(y)))
        .collect()
}

/// Extrapolating near the end of the f32 range stops there: infinity would become NaN in the model.
pub(super) fn to_f32(x: f64) -> f32 {
    x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// The latents at `ratios` on the path from `a` (ratio 0) to `b` (ratio 1).
///
/// # Errors
/// The ends differ in shape or do not hold the values that their shape claims; a ratio is not finite.
pub fn ladder(
    a: &Latent,
    b: &Latent,
    ratios: &[f32],
    path: Path,
) -> Result<Vec<Latent>, LatentError> {
    walk(a, b, ratios, path, false)
}

/// As [`ladder`]; with `straight`, what would go along a great circle goes straight.
pub(super) fn walk(
    a: &Latent,
    b: &Latent,
    ratios: &[f32],
    path: Path,
    straight: bool,
) -> Result<Vec<Latent>, LatentError> {
    if (a.tokens, a.size) != (b.tokens, b.size) {
        return Err(LatentError::Shape {
            a_tokens: a.tokens,
            a_size: a.size,
            b_tokens: b.tokens,
            b_size: b.size,
        });
    }
    a.check()?;
    b.check()?;
    if let Some(&ratio) = ratios.iter().find(|ratio| !ratio.is_finite()) {
        return Err(LatentError::Ratio(ratio));
    }
    let way = if straight { lerp } else { slerp };
    let rung = |&ratio: &f32| {
        let values = match path {
            Path::Linear => lerp(&a.values, &b.values, ratio),
            Path::AllAtOnce => way(&a.values, &b.values, ratio),
            Path::PerToken | Path::Even | Path::Forward | Path::Backward => {
                let size = a.size.max(1);
                let tokens = a.values.chunks_exact(size).zip(b.values.chunks_exact(size));
                let token = |(i, (from, to)): (usize, (&[f32], &[f32]))| {
                    let turn = match path {
                        Path::Forward => Some(i),
                        Path::Backward => Some(a.tokens - 1 - i),
                        _ => None,
                    };
                    let ratio = path.paced(ratio);
                    // A token has its own n-th of the way, and the others stand still then.
                    let own = |turn: usize| (ratio * a.tokens as f32 - turn as f32).clamp(0.0, 1.0);
                    way(from, to, turn.map_or(ratio, own))
                };
                tokens.enumerate().flat_map(token).collect()
            }
        };
        Latent { tokens: a.tokens, size: a.size, values }
    };
    Ok(ratios.iter().map(rung).collect())
}

/// A point of the way from `a` to `b` with some latent tokens at ratios of their own instead (style mixing): straight on
/// the straight path, else each along its own great circle. All three have the same shape; tokens beyond `own` and
/// ratios that are not finite change nothing.
#[must_use]
pub fn with_own_ratios(
    mut point: Latent,
    a: &Latent,
    b: &Latent,
    own: &[Option<f32>],
    path: Path,
) -> Latent {
    let size = point.size.max(1);
    let ends = a.values.chunks_exact(size).zip(b.values.chunks_exact(size));
    let tokens = point.values.chunks_exact_mut(size).zip(ends);
    for ((token, (from, to)), ratio) in tokens.zip(own) {
        let Some(ratio) = ratio.filter(|ratio| ratio.is_finite()) else { continue };
        let values = match path {
            Path::Linear => combine(from, to, 1.0 - f64::from(ratio), f64::from(ratio)),
            _ => slerp(from, to, path.paced(ratio)),
        };
        token.copy_from_slice(&values);
    }
    point
}

/// `rungs` ratios evenly from 0 to 1; a single one is 0.
#[must_use]
pub fn ratios(rungs: usize) -> Vec<f32> {
    let last = rungs.saturating_sub(1).max(1) as f64;
    (0..rungs).map(|k| (k as f64 / last) as f32).collect()
}

#[cfg(test)]
mod tests;
