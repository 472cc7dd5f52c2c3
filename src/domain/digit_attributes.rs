//! Attributes of digits, measured on their pixels.

use super::attribute::AttributeInfo;
use crate::corpus::mnist_text::{Digit, Size, LEVELS};

/// The attributes, in the order of [`values`].
pub(super) const ATTRIBUTES: [AttributeInfo; 5] = [
    AttributeInfo::number("thickness", "width of the stroke in pixels"),
    AttributeInfo::number("slant", "degrees from upright, positive where it leans to the right"),
    AttributeInfo::number("width", "share of the image's width, by the spread of the ink"),
    AttributeInfo::number("height", "share of the image's height, by the spread of the ink"),
    AttributeInfo::number("ink", "share of the image that is ink"),
];

/// Below this much ink, in pixels, an image has no shape to measure.
const NO_INK: f64 = 1.0;

/// A text's values; none where it has not the rows of an image. A blank image has only its ink.
pub(super) fn values(text: &str) -> Vec<Option<f32>> {
    let rows = text.split('\n').count();
    let Some(size) = Size::ALL.into_iter().find(|size| size.side() == rows) else {
        return vec![None; ATTRIBUTES.len()];
    };
    let (digit, _) = Digit::read(text, size);
    let image = Image::of(&digit);
    let area = (image.side * image.side) as f64;
    let ink = Some((image.ink / area) as f32);
    match Moments::of(&image) {
        None => vec![None, None, None, None, ink],
        Some(moments) => {
            let side = image.side as f64;
            let shape = [
                image.thickness(),
                moments.slant(),
                extent(moments.across) / side,
                extent(moments.down) / side,
            ];
            shape.into_iter().map(|value| Some(value as f32)).chain([ink]).collect()
        }
    }
}

/// Ink per pixel, 0 to 1, row by row from the top.
struct Image {
    side: usize,
    pixels: Vec<f64>,
    ink: f64,
}

impl Image {
    fn of(digit: &Digit) -> Self {
        let full = f64::from(LEVELS - 1);
        let pixels: Vec<f64> = digit.levels.iter().map(|&level| f64::from(level) / full).collect();
        Self { side: digit.size.side(), ink: pixels.iter().sum(), pixels }
    }

    /// Ink at a place; none outside.
    fn at(&self, row: Option<usize>, column: Option<usize>) -> f64 {
        match (row, column) {
            (Some(row), Some(column)) if row < self.side && column < self.side => {
                self.pixels[row * self.side + column]
            }
            _ => 0.0,
        }
    }

    /// The width w of a stroke that has the digit's ink, A = l·w, and outline, P = 2 (l + w).
    fn thickness(&self) -> f64 {
        // The outline's length is the sum of the gradient's, one place beyond every border included.
        let mut outline = 0.0;
        for row in 0..=self.side {
            for column in 0..=self.side {
                let (above, before) = (row.checked_sub(1), column.checked_sub(1));
                let here = self.at(Some(row), Some(column));
                let down = here - self.at(above, Some(column));
                let across = here - self.at(Some(row), before);
                outline += down.hypot(across);
            }
        }
        let half = outline / 2.0;
        // A disc has more ink than any stroke of its outline.
        let root = (half * half - 4.0 * self.ink).max(0.0).sqrt();
        (half - root) / 2.0
    }
}

/// Central second moments of the ink, per ink.
struct Moments {
    across: f64,
    down: f64,
    both: f64,
}

impl Moments {
    fn of(image: &Image) -> Option<Self> {
        if image.ink < NO_INK {
            return None;
        }
        let places = || {
            let place = |at: usize| ((at % image.side) as f64, (at / image.side) as f64);
            image.pixels.iter().enumerate().map(move |(at, &ink)| (place(at), ink))
        };
        let mean = |of: fn((f64, f64)) -> f64| {
            places().map(|(place, ink)| ink * of(place)).sum::<f64>() / image.ink
        };
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread = |of: &dyn Fn(f64, f64) -> f64| {
            places().map(|(p, ink)| ink * of(p.0 - x, p.1 - y)).sum::<f64>() / image.ink
        };
        Some(Self {
            across: spread(&|x, _| x * x),
            down: spread(&|_, y| y * y),
            both: spread(&|x, y| x * y),
        })
    }

    /// The angle of the shear that makes the digit upright.
    fn slant(&self) -> f64 {
        // A pixel is no point: its own spread, a twelfth, keeps a single row from leaning.
        (-self.both / (self.down + PIXEL)).atan().to_degrees()
    }
}

/// The spread of ink within a pixel.
const PIXEL: f64 = 1.0 / 12.0;

/// The length of a bar of even ink that has this spread.
fn extent(spread: f64) -> f64 {
    (12.0 * (spread + PIXEL)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Direction;

    /// The values of an image of 14 × 14 whose ink is where `ink` says.
    fn measured(ink: impl Fn(i32, i32) -> bool) -> [f32; 5] {
        let levels = (0..196).map(|at| if ink(at % 14, at / 14) { 64 } else { 0 }).collect();
        let digit = Digit { size: Size::Small, levels };
        let down = values(&digit.write(Direction::Down));
        assert_eq!(down, values(&digit.write(Direction::Up)), "the reading order is no matter");
        down.into_iter().map(Option::unwrap).collect::<Vec<_>>().try_into().unwrap()
    }

    fn bar(width: i32, height: i32) -> [f32; 5] {
        measured(|x, y| (4..4 + width).contains(&x) && (1..=height).contains(&y))
    }

    #[test]
    fn a_bar_measures_what_it_is() {
        for (wide, high) in [(1, 10), (2, 10), (3, 12)] {
            let [thickness, slant, width, height, ink] = bar(wide, high);
            assert!((width * 14.0 - wide as f32).abs() < 1e-4, "{width}");
            assert!((height * 14.0 - high as f32).abs() < 1e-4, "{height}");
            assert!((ink * 196.0 - (wide * high) as f32).abs() < 1e-4, "{ink}");
            assert!(slant.abs() < 1e-4, "{slant}");
            assert!((thickness - wide as f32).abs() < 0.3, "{wide}: {thickness}");
        }
    }

    #[test]
    fn a_stroke_leans_where_its_top_goes() {
        let right = measured(|x, y| (1..13).contains(&y) && x == 13 - y)[1];
        let left = measured(|x, y| (1..13).contains(&y) && x == y)[1];
        assert!((40.0..46.0).contains(&right), "{right}");
        assert!((right + left).abs() < 1e-3, "{left}");
        let shear = measured(|x, y| (1..13).contains(&y) && (x == 9 - y / 2 || x == 8 - y / 2))[1];
        assert!((20.0..30.0).contains(&shear), "{shear}");
    }

    #[test]
    fn rings_grow_thicker_with_their_stroke() {
        let ring = |stroke: f64| {
            measured(|x, y| {
                let radius = f64::from(x - 7).hypot(f64::from(y - 7));
                (6.0 - stroke..=6.0).contains(&radius)
            })[0]
        };
        let (thin, thick) = (ring(1.0), ring(3.0));
        assert!(thin < 2.0 && thick > thin + 1.0, "{thin} {thick}");
    }

    #[test]
    fn blank_images_have_no_shape_and_other_texts_nothing() {
        let blank = Digit { size: Size::Tiny, levels: vec![0; 81] }.write(Direction::Down);
        assert_eq!(values(&blank), [None, None, None, None, Some(0.0)]);
        assert_eq!(values("three rows\nare no\ndigit"), [None; 5]);
        let full = Digit { size: Size::Default, levels: vec![64; 784] }.write(Direction::Down);
        assert!(values(&full).into_iter().all(|value| value.is_some_and(f32::is_finite)));
    }
}
