//! Digits as text.

use std::ops::Range;

use super::{
    codec, digit_attributes, mark, AttributeInfo, Codec, CodecError, Domain, Grid, HeldTo, Picture,
    Verdict,
};
use crate::corpus::idx;
use crate::corpus::mnist_text::{level_of, read_pixels, Digit, Direction, Size, LEVELS};
use crate::corpus::Example;

const IMAGES: &[u8] = include_bytes!("../../assets/samples/mnist-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../../assets/samples/mnist-labels-idx1-ubyte.gz");

/// Texts in the original's format, at one of its three sizes.
pub(super) struct Mnist;

impl Domain for Mnist {
    fn name(&self) -> &'static str {
        "mnist"
    }

    fn train_codec(
        &self,
        _: &mut (dyn Iterator<Item = &str> + Send),
        _: usize,
    ) -> Result<Codec, CodecError> {
        Codec::pixels()
    }

    fn verdict(&self, text: &str) -> Verdict {
        let rows: Vec<&str> = text.split('\n').collect();
        let Some(side) = Size::ALL.map(Size::side).into_iter().find(|&s| s == rows.len()) else {
            let message = format!("{} rows, expected 28, 14 or 9", rows.len());
            return Verdict::invalid(rows.len(), 1, message);
        };
        let direction = rows[0].split(' ').nth(1).unwrap_or_default();
        for (index, row) in rows.iter().enumerate() {
            let number = if direction == "up" { side - 1 - index } else { index };
            let wanted = format!("{number:02}");
            let mut column = 1;
            for (at, token) in row.split(' ').enumerate() {
                let message = match at {
                    0 if token != wanted => format!("expected the row number {wanted}"),
                    1 if token != direction || !matches!(token, "up" | "down") => {
                        "expected `down` in every row, or `up`".to_owned()
                    }
                    n if n > side + 1 => format!("more than {side} pixels"),
                    n if n > 1 && level_of(token).is_none() => {
                        "a pixel is one character from `!` to `a`".to_owned()
                    }
                    _ => {
                        column += token.chars().count() + 1;
                        continue;
                    }
                };
                return Verdict::invalid(index + 1, column, message);
            }
            let found = row.split(' ').count().saturating_sub(2);
            if found < side {
                let message = format!("{found} pixels, expected {side}");
                return Verdict::invalid(index + 1, column, message);
            }
        }
        Verdict::Valid
    }

    fn held_to(&self) -> Option<HeldTo> {
        Some(HeldTo::Credibility)
    }

    fn attributes(&self) -> &'static [AttributeInfo] {
        &digit_attributes::ATTRIBUTES
    }

    fn attribute_values(&self, text: &str) -> Vec<Option<f32>> {
        digit_attributes::values(text)
    }

    fn label_direction(&self, label: &str) -> String {
        let article = if label == "8" { "an" } else { "a" };
        format!("more like {article} {label}")
    }

    fn units(&self, text: &str) -> Vec<Range<usize>> {
        mark::characters(text)
    }

    fn picture(&self, text: &str) -> Option<Picture> {
        let size = Size::of_text(text);
        let (levels, _) = read_pixels(text, size);
        Some(Picture::new(size.side(), size.side(), levels))
    }

    fn readings(&self, text: &str) -> Vec<String> {
        let (digit, _) = Digit::read(text, Size::of_text(text));
        [Direction::Down, Direction::Up].map(|direction| digit.write(direction)).into()
    }

    fn samples(&self) -> Vec<Example> {
        samples(Size::default())
    }

    fn grid(&self, max_len: usize) -> Option<Grid> {
        Size::within(max_len).map(|size| Grid {
            side: size.side(),
            before: 1,
            levels: codec::FIRST_LEVEL_ID..codec::FIRST_LEVEL_ID + u32::from(LEVELS),
        })
    }

    fn samples_within(&self, max_len: usize) -> Vec<Example> {
        samples(Size::within(max_len).unwrap_or(Size::Tiny))
    }
}

/// The bundled digits at a size.
fn samples(size: Size) -> Vec<Example> {
    // The bundled files are whole, which a test holds; without them there is nothing to draw from, but no harm.
    let (Ok(pixels), Ok(labels)) = (idx::unpack_images(IMAGES), idx::unpack_labels(LABELS)) else {
        return Vec::new();
    };
    pixels
        .chunks_exact(784)
        .zip(labels)
        .map(|(pixels, label)| Example {
            text: Digit::from_pixels(pixels, size).write(Direction::Down),
            label: Some(label.to_string()),
        })
        .collect()
}
