//! Digits as text, in the format of the original's data set.
//!
//! A row is its two-digit number, `down` or `up`, then one symbol per pixel, all separated by single spaces. A pixel of
//! 0…255 is one of 65 symbols, `!` to `a`. `up` holds the rows in reverse order.

/// Symbols that a pixel can be.
pub const LEVELS: u8 = 65;
const FIRST: u8 = b'!';

/// The three sizes of the original's data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// 28 × 28, as it is.
    Default,
    /// 14 × 14 by 2 × 2 maximum pooling.
    #[default]
    Small,
    /// 9 × 9 by leaving out the first row and column and 3 × 3 maximum pooling.
    Tiny,
}

impl Size {
    /// All of them, largest first.
    pub const ALL: [Self; 3] = [Self::Default, Self::Small, Self::Tiny];

    /// Pixels per row.
    #[must_use]
    pub fn side(self) -> usize {
        match self {
            Self::Default => 28,
            Self::Small => 14,
            Self::Tiny => 9,
        }
    }

    /// The size of the digit that a text is, or was going to be where it is cut short.
    ///
    /// By the number that an upward text begins with, else by its first row and the count of its rows. A first row that
    /// may still grow tells little: then it is the default unless that is too small.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let rows = text.split('\n').count();
        let mut first = text.split('\n').next().unwrap_or_default().split(' ');
        let number = first.next().and_then(|n| n.parse::<usize>().ok());
        if first.next() == Some(Direction::Up.word()) {
            let named = Self::ALL.into_iter().find(|s| number == Some(s.side() - 1));
            if let Some(size) = named {
                return size;
            }
        }
        let seen = first.count().max(rows);
        let least = if rows == 1 { Self::default().side() } else { 0 };
        let mut larger = Self::ALL.into_iter().rev();
        larger.find(|s| s.side() >= seen.max(least)).unwrap_or(Self::Default)
    }

    /// The largest size that a model with room for so many tokens takes: a direction, the pixels and an end.
    #[must_use]
    pub fn within(tokens: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.side() * s.side() + 2 <= tokens)
    }

    /// The size with this many pixels in all.
    #[must_use]
    pub fn with_pixels(count: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.side() * s.side() == count)
    }
}

/// Reading order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the top row.
    Down,
    /// From the bottom row.
    Up,
}

impl Direction {
    /// Its word in the text.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// A digit: levels 0…64, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digit {
    /// Its size.
    pub size: Size,
    /// `side²` levels.
    pub levels: Vec<u8>,
}

impl Digit {
    /// From 28 × 28 bytes, 0 background and 255 ink; missing ones are background.
    #[must_use]
    pub fn from_pixels(pixels: &[u8], size: Size) -> Self {
        let at = |row: usize, column: usize| pixels.get(row * 28 + column).copied().unwrap_or(0);
        let side = size.side();
        let (window, offset) = match size {
            Size::Default => (1, 0),
            Size::Small => (2, 0),
            Size::Tiny => (3, 1),
        };
        let mut levels = Vec::with_capacity(side * side);
        for row in 0..side {
            for column in 0..side {
                let pool = (0..window * window).map(|k| {
                    at(offset + row * window + k / window, offset + column * window + k % window)
                });
                let pixel = u32::from(pool.max().unwrap_or(0));
                levels.push((pixel * 64 / 255) as u8);
            }
        }
        Self { size, levels }
    }

    /// The digit's text.
    #[must_use]
    pub fn write(&self, direction: Direction) -> String {
        let side = self.size.side();
        let mut rows: Vec<String> = self
            .levels
            .chunks(side)
            .enumerate()
            .map(|(i, row)| {
                let mut line = format!("{i:02} {}", direction.word());
                for &level in row {
                    line.push(' ');
                    line.push(symbol(level));
                }
                line
            })
            .collect();
        if direction == Direction::Up {
            rows.reverse();
        }
        rows.join("\n")
    }

    /// Reads a text by position, as leniently as the original: what is not one of the symbols is background, what is
    /// missing too, and what is too much is not looked at.
    #[must_use]
    pub fn read(text: &str, size: Size) -> (Self, Direction) {
        let (levels, direction) = read_pixels(text, size);
        (
            Self { size, levels: levels.into_iter().map(Option::unwrap_or_default).collect() },
            direction,
        )
    }
}

/// The pixels of a text, row by row from the top, as [`Digit::read`] reads them; `None` for those that the text is too
/// short for.
#[must_use]
pub fn read_pixels(text: &str, size: Size) -> (Vec<Option<u8>>, Direction) {
    let side = size.side();
    let mut rows = vec![vec![None; side]; side];
    let mut direction = Direction::Down;
    for (row, line) in rows.iter_mut().zip(text.split('\n')) {
        let mut tokens = line.split(' ');
        direction = match tokens.nth(1) {
            Some("up") => Direction::Up,
            _ => Direction::Down,
        };
        for (level, token) in row.iter_mut().zip(tokens) {
            *level = Some(level_of(token).unwrap_or(0));
        }
    }
    if direction == Direction::Up {
        rows.reverse();
    }
    (rows.concat(), direction)
}

/// The symbol of a level; levels above 64 are 64.
#[must_use]
pub fn symbol(level: u8) -> char {
    char::from(FIRST + level.min(LEVELS - 1))
}

/// The level of a token, if it is one of the symbols.
#[must_use]
pub fn level_of(token: &str) -> Option<u8> {
    match token.as_bytes() {
        [b] => b.checked_sub(FIRST).filter(|&level| level < LEVELS),
        _ => None,
    }
}
