//! Block characters as rectangles, so that they meet without gaps whatever the font.

use std::fmt::Write;

use super::CELL;

/// Octants (Unicode 16) from U+1CD00 on are in the order of their patterns, without these, which are elsewhere.
const ELSEWHERE: [(u8, char); 26] = [
    (0b0000_0000, ' '),
    (0b0000_0001, '\u{1CEA8}'),
    (0b0000_0010, '\u{1CEAB}'),
    (0b0000_0011, '\u{1FB82}'),
    (0b0000_0101, '▘'),
    (0b0000_1010, '▝'),
    (0b0000_1111, '▀'),
    (0b0001_0100, '\u{1FBE6}'),
    (0b0010_1000, '\u{1FBE7}'),
    (0b0011_1111, '\u{1FB85}'),
    (0b0100_0000, '\u{1CEA3}'),
    (0b0101_0000, '▖'),
    (0b0101_0101, '▌'),
    (0b0101_1010, '▞'),
    (0b0101_1111, '▛'),
    (0b1000_0000, '\u{1CEA0}'),
    (0b1010_0000, '▗'),
    (0b1010_0101, '▚'),
    (0b1010_1010, '▐'),
    (0b1010_1111, '▜'),
    (0b1100_0000, '▂'),
    (0b1111_0000, '▄'),
    (0b1111_0101, '▙'),
    (0b1111_1010, '▟'),
    (0b1111_1100, '▆'),
    (0b1111_1111, '█'),
];

/// Draws a block character at a place; false where the symbol is none.
pub(super) fn draw(symbol: &str, (x, y): (usize, usize), ink: &str, out: &mut String) -> bool {
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return false };
    let mut rect = |left: usize, top: usize, width: usize, height: usize, opacity: &str| {
        let (x, y) = (x + left, y + top);
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{ink}\"{opacity}/>"
        );
    };
    let (width, height) = CELL;
    let code = u32::from(c);
    match c {
        ' ' => return false,
        // Lower eighths, left eighths and shades.
        '▁'..='█' => {
            let part = height / 8 * (code - 0x2580) as usize;
            rect(0, height - part, width, part, "");
        }
        '▉'..='▏' => rect(0, 0, width / 8 * (0x2590 - code) as usize, height, ""),
        '░' => rect(0, 0, width, height, " fill-opacity=\"0.25\""),
        '▒' => rect(0, 0, width, height, " fill-opacity=\"0.5\""),
        '▓' => rect(0, 0, width, height, " fill-opacity=\"0.75\""),
        '▔' => rect(0, 0, width, height / 8, ""),
        '▕' => rect(width - width / 8, 0, width / 8, height, ""),
        _ => {
            let Some(pattern) = pattern(c) else { return false };
            for (row, bits) in (0..4).map(|row| (row, pattern >> (2 * row) & 3)) {
                let top = row * height / 4;
                match bits {
                    1 => rect(0, top, width / 2, height / 4, ""),
                    2 => rect(width / 2, top, width / 2, height / 4, ""),
                    3 => rect(0, top, width, height / 4, ""),
                    _ => {}
                }
            }
        }
    }
    true
}

/// Which eighths of the cell a character fills: bit 0 is top left, bit 1 top right, bits 2 and 3 the row below.
fn pattern(c: char) -> Option<u8> {
    if let Some((pattern, _)) = ELSEWHERE.iter().find(|(_, known)| *known == c) {
        return Some(*pattern);
    }
    let nth = u32::from(c).checked_sub(0x1CD00)? as usize;
    (0..=u8::MAX).filter(|p| !ELSEWHERE.iter().any(|(known, _)| known == p)).nth(nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octants_follow_their_names() {
        // BLOCK OCTANT-3, -23, -123, -4, the last is -2345678.
        for (c, octants) in [
            ('\u{1CD00}', &[3][..]),
            ('\u{1CD01}', &[2, 3]),
            ('\u{1CD02}', &[1, 2, 3]),
            ('\u{1CD03}', &[4]),
            ('\u{1CDE5}', &[2, 3, 4, 5, 6, 7, 8]),
        ] {
            let expected = octants.iter().map(|n| 1 << (n - 1)).sum::<u8>();
            assert_eq!(pattern(c), Some(expected), "{c:?}");
        }
        assert_eq!(pattern('\u{1CDE6}'), None);
        assert_eq!(pattern('a'), None);
    }

    #[test]
    fn blocks_fill_what_they_say() {
        let area = |symbol: &str| {
            let mut out = String::new();
            assert!(draw(symbol, (0, 0), "#fff", &mut out), "{symbol}");
            let number = |line: &str, name: &str| -> usize {
                let rest = line.split(&format!(" {name}=\"")).nth(1).expect(name);
                rest.split('"').next().and_then(|n| n.parse().ok()).expect(name)
            };
            out.lines().map(|l| number(l, "width") * number(l, "height")).sum::<usize>()
        };
        let cell = CELL.0 * CELL.1;
        for (symbol, eighths) in [
            ("█", 8),
            ("▀", 4),
            ("▄", 4),
            ("▌", 4),
            ("▐", 4),
            ("▁", 1),
            ("▇", 7),
            ("▏", 1),
            ("▉", 7),
            ("▔", 1),
            ("▕", 1),
            ("▖", 2),
            ("▞", 4),
            ("▟", 6),
            ("▂", 2),
            ("▆", 6),
            ("\u{1CD00}", 1),
        ] {
            assert_eq!(area(symbol), cell * eighths / 8, "{symbol}");
        }
        assert!(!draw("a", (0, 0), "#fff", &mut String::new()));
        assert!(!draw("█\u{301}", (0, 0), "#fff", &mut String::new()));
    }
}
