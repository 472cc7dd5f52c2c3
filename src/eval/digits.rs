//! Judging a model of digits: errors of pixels, and for what a classifier takes the pictures, which the evaluation itself trains
//! on real digits.

mod figures;
mod material;
mod nearest;
mod yardstick;

pub use crate::domain::class_of;
pub use figures::{both, interior_mean, ladder_figures, reconstruction_figures, Seen};
pub use material::{Known, KnownFrom, Material};
pub use nearest::Neighbours;
pub use yardstick::Yardstick;

#[cfg(test)]
mod tests;
