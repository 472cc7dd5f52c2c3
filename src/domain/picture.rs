//! Sequences that are pictures, as grey levels for whoever draws them.

use std::ops::Range;

use crate::corpus::mnist_text::{Digit, LEVELS};

/// A grey picture, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Picture {
    width: usize,
    height: usize,
    levels: Vec<Option<u8>>,
}

impl Picture {
    /// The level of full ink; 0 is background.
    pub const FULL: u8 = LEVELS - 1;

    /// From `width · height` levels, 0 to [`Picture::FULL`]; `None` is a pixel that is not known yet. Levels above are
    /// full ink, levels that are missing at the end are not known, and those that are too many are left out.
    #[must_use]
    pub fn new(width: usize, height: usize, mut levels: Vec<Option<u8>>) -> Self {
        levels.resize(width * height, None);
        for level in levels.iter_mut().flatten() {
            *level = (*level).min(Self::FULL);
        }
        Self { width, height, levels }
    }

    /// Its upper left part; what it lacks of this size is not known.
    #[must_use]
    pub fn cropped(&self, width: usize, height: usize) -> Self {
        let level = |i: usize| self.level(i % width.max(1), i / width.max(1));
        Self::new(width, height, (0..width * height).map(level).collect())
    }

    /// Pixels per row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The level of a pixel; `None` outside and where it is not known yet.
    #[must_use]
    pub fn level(&self, x: usize, y: usize) -> Option<u8> {
        if x >= self.width {
            return None;
        }
        self.levels.get(y * self.width + x).copied().flatten()
    }

    /// Whether every pixel is known.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.levels.iter().all(Option::is_some)
    }
}

/// How the ids of a sequence lie on a square picture, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Pixels of a row, and rows.
    pub side: usize,
    /// Ids in front of the first pixel.
    pub before: usize,
    /// The ids of the levels, from background to full ink.
    pub levels: Range<u32>,
}

impl From<&Digit> for Picture {
    fn from(digit: &Digit) -> Self {
        let side = digit.size.side();
        Self::new(side, side, digit.levels.iter().copied().map(Some).collect())
    }
}
