//! A digit that is drawn by hand: pixels, a cursor, a soft brush, and every stroke undone at will.

use crate::corpus::mnist_text::{Digit, Direction, Size, LEVELS};

/// Full ink.
const FULL: u8 = LEVELS - 1;
/// Changes that can be undone.
const UNDONE: usize = 200;

/// What the brush does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pen {
    /// It puts ink on.
    #[default]
    Draw,
    /// It takes ink off.
    Erase,
}

/// The edge of the brush.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Brush {
    /// One pixel, all or nothing.
    Hard,
    /// A stroke of MNIST's width with a grey edge.
    #[default]
    Soft,
    /// Half as wide again.
    Wide,
}

impl Brush {
    /// All of them, finest first.
    pub const ALL: [Self; 3] = [Self::Hard, Self::Soft, Self::Wide];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Wide => "wide",
        }
    }

    /// The one after it, and the first again.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Hard => Self::Soft,
            Self::Soft => Self::Wide,
            Self::Wide => Self::Hard,
        }
    }

    /// The level at a distance in pixels from the brush's middle, for a digit of this size.
    ///
    /// The soft one's strokes are as wide as those of MNIST's ones: 3.3 of 28 pixels, 2.3 of 14, 1.8 of 9.
    fn level(self, distance: f32, size: Size) -> u8 {
        let (radius, fade) = match (self, size) {
            (Self::Hard, _) => return if distance < 0.5 { FULL } else { 0 },
            (_, Size::Default) => (1.6, 1.2),
            (_, Size::Small) => (1.2, 1.0),
            (_, Size::Tiny) => (0.9, 1.0),
        };
        let radius = if self == Self::Wide { radius * 1.5 } else { radius };
        let share = ((radius + fade / 2.0 - distance) / fade).clamp(0.0, 1.0);
        (share * f32::from(FULL)).round() as u8
    }
}

/// The pixels of a digit and the hand over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    size: Size,
    levels: Vec<u8>,
    cursor: (usize, usize),
    /// What the brush does.
    pub pen: Pen,
    /// Its edge.
    pub brush: Brush,
    /// Where a stroke that is not done was last.
    stroke: Option<(usize, usize)>,
    before: Vec<Vec<u8>>,
}

impl Canvas {
    /// An empty one with the cursor in the middle.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let side = size.side();
        Self {
            size,
            levels: vec![0; side * side],
            cursor: (side / 2, side / 2),
            pen: Pen::default(),
            brush: Brush::default(),
            stroke: None,
            before: Vec::new(),
        }
    }

    /// With a digit's text on it, as large as that is; what it lacks is background.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let size = Size::of_text(text);
        let (digit, _) = Digit::read(text, size);
        Self { levels: digit.levels, ..Self::new(size) }
    }

    /// An empty one of the size of a digit's text.
    #[must_use]
    pub fn like(text: &str) -> Self {
        Self::new(Size::of_text(text))
    }

    /// Pixels per row and rows.
    #[must_use]
    pub fn side(&self) -> usize {
        self.size.side()
    }

    /// Levels 0 to 64, row by row from the top.
    #[must_use]
    pub fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// Column and row of the cursor.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        self.cursor
    }

    /// Whether nothing is drawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(|&level| level == 0)
    }

    /// The digit that is drawn.
    #[must_use]
    pub fn digit(&self) -> Digit {
        Digit { size: self.size, levels: self.levels.clone() }
    }

    /// The text of the digit that is drawn.
    #[must_use]
    pub fn text(&self) -> String {
        self.digit().write(Direction::Down)
    }

    /// Moves the cursor, at most to the edge; a stroke that is not done follows.
    pub fn step(&mut self, right: isize, down: isize) {
        let last = self.side() - 1;
        let to = |at: usize, by: isize| at.saturating_add_signed(by).min(last);
        self.go(to(self.cursor.0, right), to(self.cursor.1, down));
    }

    /// Puts the cursor on a pixel, or on the nearest at the edge; a stroke that is not done follows in a straight line.
    pub fn go(&mut self, x: usize, y: usize) {
        let last = self.side() - 1;
        self.cursor = (x.min(last), y.min(last));
        if let Some(from) = self.stroke {
            for pixel in line(from, self.cursor) {
                self.stamp(pixel);
            }
            self.stroke = Some(self.cursor);
        }
    }

    /// Sets the brush down at the cursor: a stroke begins.
    pub fn press(&mut self) {
        if self.stroke.is_none() {
            self.keep();
            self.stroke = Some(self.cursor);
        }
        self.stamp(self.cursor);
    }

    /// Lifts the brush: the stroke is done.
    pub fn lift(&mut self) {
        self.stroke = None;
    }

    /// Whether a stroke is not done yet.
    #[must_use]
    pub fn is_drawing(&self) -> bool {
        self.stroke.is_some()
    }

    /// Takes the last stroke or change back; tells whether there was one.
    pub fn undo(&mut self) -> bool {
        self.lift();
        let Some(levels) = self.before.pop() else { return false };
        self.levels = levels;
        true
    }

    /// Takes all ink off.
    pub fn clear(&mut self) {
        self.replace(vec![0; self.levels.len()]);
    }

    /// Makes ink of the background and background of the ink.
    pub fn invert(&mut self) {
        self.replace(self.levels.iter().map(|level| FULL - level).collect());
    }

    /// Moves the drawing; what leaves the canvas is lost.
    pub fn shift(&mut self, right: isize, down: isize) {
        let side = self.side();
        let from = |at: usize, by: isize| at.checked_add_signed(by.checked_neg()?);
        let level = |i: usize| {
            let (x, y) = (from(i % side, right)?, from(i / side, down)?);
            if x < side {
                self.levels.get(y * side + x).copied()
            } else {
                None
            }
        };
        self.replace((0..side * side).map(|i| level(i).unwrap_or(0)).collect());
    }

    /// Moves the drawing's centre of mass to the middle, as that of every digit of MNIST is.
    pub fn centre(&mut self) {
        let side = self.side();
        let (mut mass, mut right, mut down) = (0.0, 0.0, 0.0);
        for (i, &level) in self.levels.iter().enumerate() {
            let level = f64::from(level);
            mass += level;
            right += level * (i % side) as f64;
            down += level * (i / side) as f64;
        }
        if mass > 0.0 {
            // The first pixel behind the middle, as MNIST has it: 14 of 28.
            let middle = (side / 2) as f64;
            let by = |sum: f64| (middle - sum / mass).round() as isize;
            self.shift(by(right), by(down));
        }
    }

    /// Puts other levels in place and remembers those before.
    fn replace(&mut self, levels: Vec<u8>) {
        self.lift();
        if levels != self.levels {
            self.keep();
            self.levels = levels;
        }
    }

    fn keep(&mut self) {
        if self.before.len() == UNDONE {
            self.before.remove(0);
        }
        self.before.push(self.levels.clone());
    }

    /// The brush once, with its middle on a pixel.
    fn stamp(&mut self, (x, y): (usize, usize)) {
        let side = self.side();
        for (i, level) in self.levels.iter_mut().enumerate() {
            let (across, down) = (x.abs_diff(i % side) as f32, y.abs_diff(i / side) as f32);
            let ink = self.brush.level(across.hypot(down), self.size);
            *level = match self.pen {
                Pen::Draw => (*level).max(ink),
                Pen::Erase => (*level).min(FULL - ink),
            };
        }
    }
}

/// The pixels of a straight line, both ends included (Bresenham 1965).
fn line(from: (usize, usize), to: (usize, usize)) -> Vec<(usize, usize)> {
    let (dx, dy) = (from.0.abs_diff(to.0) as isize, from.1.abs_diff(to.1) as isize);
    let towards = |from: usize, to: usize| if from < to { 1 } else { -1 };
    let (sx, sy) = (towards(from.0, to.0), towards(from.1, to.1));
    let (mut at, mut error) = (from, dx - dy);
    let mut pixels = vec![at];
    while at != to {
        let twice = 2 * error;
        if twice > -dy {
            error -= dy;
            at.0 = at.0.saturating_add_signed(sx);
        }
        if twice < dx {
            error += dx;
            at.1 = at.1.saturating_add_signed(sy);
        }
        pixels.push(at);
    }
    pixels
}

#[cfg(test)]
mod tests;
