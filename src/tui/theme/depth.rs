//! How many colours a terminal has, and the nearest ones to those that a theme asks for.

use ratatui::style::Color;

/// Colours of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// All 24 bits.
    True,
    /// xterm's 256.
    Indexed,
    /// The 16 that every terminal has, in whatever shade its owner chose.
    Ansi,
}

/// Values of xterm's colour cube along each axis.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The 16 colours with xterm's values.
pub(in crate::tui) const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

impl Depth {
    /// What the environment tells of the terminal.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, values: &[&str]| {
            variable(name).is_some_and(|v| values.contains(&v.to_ascii_lowercase().as_str()))
        };
        let term = variable("TERM").unwrap_or_default();
        let speaks_true = is("COLORTERM", &["truecolor", "24bit"])
            || is("TERM_PROGRAM", &["iterm.app", "wezterm", "vscode", "ghostty"])
            || variable("WT_SESSION").is_some()
            || ["direct", "kitty", "alacritty", "foot", "wezterm", "ghostty", "contour"]
                .iter()
                .any(|known| term.contains(known));
        if speaks_true {
            Self::True
        } else if term.contains("256") {
            Self::Indexed
        } else {
            Self::Ansi
        }
    }

    /// The colour of this depth that is nearest to a true colour; other colours stay as they are.
    #[must_use]
    pub fn nearest(self, colour: Color) -> Color {
        let Color::Rgb(r, g, b) = colour else { return colour };
        let wanted = [r, g, b];
        match self {
            Self::True => colour,
            Self::Indexed => {
                let axis =
                    |v: u8| (0..6).min_by_key(|&i| CUBE[usize::from(i)].abs_diff(v)).unwrap_or(0u8);
                let cube = 16 + 36 * axis(r) + 6 * axis(g) + axis(b);
                let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
                let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
                let nearer =
                    [cube, grey].into_iter().min_by_key(|&index| distance(indexed(index), wanted));
                Color::Indexed(nearer.unwrap_or(cube))
            }
            Self::Ansi => ANSI
                .into_iter()
                .min_by_key(|&(_, value)| distance(value, wanted))
                .map_or(colour, |(name, _)| name),
        }
    }
}

/// Red, green and blue of one of the 256 colours, with xterm's values for the first 16.
pub(in crate::tui) fn indexed(index: u8) -> [u8; 3] {
    match index {
        0..=15 => ANSI[usize::from(index)].1,
        16..=231 => {
            let index = usize::from(index - 16);
            [CUBE[index / 36], CUBE[index / 6 % 6], CUBE[index % 6]]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
    }
}

/// How different two colours look: the weights follow how red and blue count beside green.
fn distance(a: [u8; 3], b: [u8; 3]) -> i32 {
    let [dr, dg, db] = [0, 1, 2].map(|i| i32::from(a[i]) - i32::from(b[i]));
    let red = (i32::from(a[0]) + i32::from(b[0])) / 2;
    ((512 + red) * dr * dr + 1024 * dg * dg + (767 - red) * db * db) / 256
}
