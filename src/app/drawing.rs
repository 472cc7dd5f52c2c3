//! An end that is drawn by hand, and what keys and mouse do on its canvas.

use super::canvas::Canvas;
use super::state::EditedEnd;

/// An end that is being drawn; the ladder follows while it is.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// Which end.
    pub end: EditedEnd,
    /// The pixels and the hand over them.
    pub canvas: Canvas,
    /// The end's text before, for leaving it as it was.
    pub before: String,
}

/// Something done on a canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawAction {
    /// The cursor goes by so many pixels to the right and down.
    Step(isize, isize),
    /// The whole drawing moves by so many pixels to the right and down.
    Shift(isize, isize),
    /// The brush is set down or lifted.
    Brush,
    /// Ink is put on or taken off.
    Erase,
    /// The next edge of the brush.
    NextBrush,
    /// All ink is taken off.
    Clear,
    /// Ink becomes background and background ink.
    Invert,
    /// The drawing goes to the middle.
    Centre,
    /// The last stroke or change is taken back.
    Undo,
    /// The brush is set down at a pixel, column and row.
    Press(usize, usize),
    /// The cursor goes to a pixel; a stroke follows.
    Go(usize, usize),
    /// The brush is lifted.
    Lift,
}

/// A row of the canvas's table of keys.
#[derive(Debug)]
pub struct DrawKey {
    /// Keys, as in the table of commands.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: DrawAction,
    /// A word for the line of hints; empty where it has no place there.
    pub hint: &'static str,
}

const fn key(keys: &'static [&'static str], action: DrawAction, hint: &'static str) -> DrawKey {
    DrawKey { keys, action, hint }
}

/// The keys of a canvas, in the order of the hints.
pub const DRAW_KEYS: &[DrawKey] = &[
    key(&["space"], DrawAction::Brush, "pen down or up"),
    key(&["left", "h"], DrawAction::Step(-1, 0), ""),
    key(&["right", "l"], DrawAction::Step(1, 0), ""),
    key(&["up", "k"], DrawAction::Step(0, -1), ""),
    key(&["down", "j"], DrawAction::Step(0, 1), ""),
    key(&["shift+left", "H"], DrawAction::Shift(-1, 0), ""),
    key(&["shift+right", "L"], DrawAction::Shift(1, 0), ""),
    key(&["shift+up", "K"], DrawAction::Shift(0, -1), ""),
    key(&["shift+down", "J"], DrawAction::Shift(0, 1), ""),
    key(&["e"], DrawAction::Erase, "erase"),
    key(&["u", "backspace"], DrawAction::Undo, "undo"),
    key(&["c"], DrawAction::Clear, "clear"),
    key(&["b"], DrawAction::NextBrush, "brush"),
    key(&["m"], DrawAction::Centre, "middle"),
    key(&["i"], DrawAction::Invert, "invert"),
];

/// What a key does on a canvas.
#[must_use]
pub fn draw_key(name: &str) -> Option<DrawAction> {
    DRAW_KEYS.iter().find(|row| row.keys.contains(&name)).map(|row| row.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Key;

    #[test]
    fn every_key_is_one_and_does_one_thing() {
        let mut seen = Vec::new();
        for name in DRAW_KEYS.iter().flat_map(|row| row.keys) {
            let key: Key = name.parse().expect("a key");
            assert_eq!(&key.to_string(), name);
            assert!(!seen.contains(name), "{name}");
            seen.push(name);
        }
        assert_eq!(draw_key("space"), Some(DrawAction::Brush));
        assert_eq!(draw_key("q"), None);
    }
}
