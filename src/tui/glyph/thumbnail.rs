//! A picture in a single row of braille, for lists.

use super::scale::mean;
use crate::domain::Picture;

/// Bits of a braille cell's dots, row by row (Unicode 15.0, 2800–28FF).
const BITS: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];

/// The shape of a picture in so many cells of one row: four dots high and twice as wide as there are cells.
#[must_use]
pub fn thumbnail(picture: &Picture, cells: usize) -> String {
    let columns = 2 * cells;
    let levels: Vec<f32> =
        mean(picture, (columns, 4)).into_iter().map(Option::unwrap_or_default).collect();
    // Means are weaker than the strokes that they are of.
    let half = levels.iter().copied().fold(0.0, f32::max) / 2.0;
    let set = |x: usize, y: usize| {
        let level = levels.get(y * columns + x).copied().unwrap_or(0.0);
        level > 0.0 && level >= half
    };
    (0..cells)
        .map(|cell| {
            let dots = BITS.iter().enumerate();
            let bits = dots.filter(|(i, _)| set(2 * cell + i % 2, i / 2)).map(|(_, bit)| bit);
            char::from_u32(0x2800 + bits.sum::<u32>()).unwrap_or(' ')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_where_the_ink_is() {
        let level = |ink: &[usize], i: usize| Some(if ink.contains(&i) { 64 } else { 0 });
        let of = |ink: &[usize]| {
            let levels = (0..8).map(|i| level(ink, i)).collect();
            thumbnail(&Picture::new(2, 4, levels), 1)
        };
        assert_eq!(of(&[]), "⠀");
        assert_eq!(of(&[0, 2, 4, 6]), "⡇");
        assert_eq!(of(&[1, 7]), "⢈");
        assert_eq!(thumbnail(&Picture::new(0, 0, vec![]), 3), "⠀⠀⠀");
        assert_eq!(thumbnail(&Picture::new(14, 14, vec![None; 196]), 2), "⠀⠀");
    }
}
