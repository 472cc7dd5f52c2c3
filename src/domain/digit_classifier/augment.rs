//! What the classifier sees of a digit at a step: the digit moved, stretched, slanted and made noisy; and pictures that are
//! no digits.

use rand::seq::SliceRandom;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::corpus::mnist_text::{Digit, LEVELS};

/// Of so many digits one stays as it is, on average.
const UNCHANGED: u32 = 2;
/// Move along each axis at most, as a share of the side: half a pixel of fourteen.
const MOVE: f32 = 0.5 / 14.0;
/// Change of a width or height at most, as a share.
const STRETCH: f32 = 0.08;
/// Pixels aside per pixel along the other axis, at most.
const SLANT: f32 = 0.08;
/// Deviation of the noise at most, of full ink.
const NOISE: f32 = 0.03;

/// Appends the pixels of a digit, changed at random, as ink from 0 to 1.
pub(super) fn digit(digit: &Digit, rng: &mut impl Rng, pixels: &mut Vec<f32>) {
    let side = digit.size.side();
    let full = f32::from(LEVELS - 1);
    if rng.random_ratio(1, UNCHANGED) {
        pixels.extend(digit.levels.iter().map(|&level| f32::from(level) / full));
        return;
    }
    let mut within = |most: f32| rng.random_range(-most..most);
    let (across, down) = (1.0 + within(STRETCH), 1.0 + within(STRETCH));
    let (aside, along) = (within(SLANT), within(SLANT));
    let (right, below) = (within(MOVE * side as f32), within(MOVE * side as f32));
    let noise = rng.random_range(0.0..NOISE);
    let middle = (side - 1) as f32 / 2.0;
    let level = |x: f32, y: f32| -> f32 {
        if x < 0.0 || y < 0.0 || x >= side as f32 || y >= side as f32 {
            return 0.0;
        }
        f32::from(digit.levels[y as usize * side + x as usize]) / full
    };
    for y in 0..side {
        for x in 0..side {
            let (dx, dy) = (x as f32 - middle, y as f32 - middle);
            let from_x = middle + across * dx + aside * dy + right;
            let from_y = middle + along * dx + down * dy + below;
            let (x, y) = (from_x.floor(), from_y.floor());
            let (u, v) = (from_x - x, from_y - y);
            let ink = (1.0 - v) * ((1.0 - u) * level(x, y) + u * level(x + 1.0, y))
                + v * ((1.0 - u) * level(x, y + 1.0) + u * level(x + 1.0, y + 1.0));
            let draw: f32 = StandardNormal.sample(rng);
            pixels.push((ink + noise * draw).clamp(0.0, 1.0));
        }
    }
}

/// Appends a picture that is no digit: nothing but faint noise, noise of any strength, or a digit's pixels in disorder.
pub(super) fn no_digit(digit: &Digit, rng: &mut impl Rng, pixels: &mut Vec<f32>) {
    let count = digit.levels.len();
    match rng.random_range(0..3) {
        0 => {
            let most = rng.random_range(0.0..0.2f32);
            pixels.extend((0..count).map(|_| most * rng.random::<f32>()));
        }
        1 => {
            let (share, most) = (rng.random::<f32>(), rng.random::<f32>());
            pixels.extend((0..count).map(|_| {
                let ink = most * rng.random::<f32>();
                if rng.random::<f32>() < share {
                    ink
                } else {
                    0.0
                }
            }));
        }
        _ => {
            let mut levels = digit.levels.clone();
            levels.shuffle(rng);
            let full = f32::from(LEVELS - 1);
            pixels.extend(levels.into_iter().map(|level| f32::from(level) / full));
        }
    }
}
