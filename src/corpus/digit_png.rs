//! A digit as a small grey PNG, white ink on black, one pixel for one: 28 × 28, 14 × 14 or 9 × 9.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Encoder, Transformations};

use super::mnist_text::{Digit, Direction, Size, LEVELS};

/// Keywords of the text chunks beside the pixels.
const LABEL: &str = "label";
const DIRECTION: &str = "direction";

/// A digit with what stands beside its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigitPng {
    /// The pixels.
    pub digit: Digit,
    /// Reading order of its text; downward where the file says nothing.
    pub direction: Direction,
    /// Its class, where the file tells it.
    pub label: Option<String>,
}

/// Why a file is no digit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigitPngError {
    /// It is no PNG, or cannot be written as one.
    #[error("no PNG: {0}")]
    Png(String),
    /// Its pixels are not grey.
    #[error("expected grey pixels without transparency, found {0}")]
    Colour(String),
    /// It has another size than digits have.
    #[error("{0}×{1} pixels, expected 28×28, 14×14 or 9×9")]
    Size(u32, u32),
}

impl DigitPng {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`DigitPngError::Png`] where the encoder says no, as for a label that is no Latin text.
    pub fn encode(&self) -> Result<Vec<u8>, DigitPngError> {
        let failed = |e: png::EncodingError| DigitPngError::Png(e.to_string());
        let side = self.digit.size.side() as u32;
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, side, side);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        let told = [(LABEL, self.label.as_deref()), (DIRECTION, Some(self.direction.word()))];
        for (keyword, text) in told {
            if let Some(text) = text {
                encoder.add_text_chunk(keyword.to_owned(), text.to_owned()).map_err(failed)?;
            }
        }
        let mut writer = encoder.write_header().map_err(failed)?;
        let pixels: Vec<u8> = self.digit.levels.iter().map(|&level| grey(level)).collect();
        writer.write_image_data(&pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }

    /// Reads a file, quantised as the data set is: what [`DigitPng::encode`] wrote comes back exactly.
    ///
    /// # Errors
    /// No PNG, colours, or another size.
    pub fn decode(bytes: &[u8]) -> Result<Self, DigitPngError> {
        let failed = |e: png::DecodingError| DigitPngError::Png(e.to_string());
        let mut decoder = Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(failed)?;
        let (width, height) = (reader.info().width, reader.info().height);
        let (colour, _) = reader.output_color_type();
        if colour != ColorType::Grayscale {
            return Err(DigitPngError::Colour(format!("{colour:?}")));
        }
        let size =
            Size::ALL.into_iter().find(|s| (s.side() as u32, s.side() as u32) == (width, height));
        let size = size.ok_or(DigitPngError::Size(width, height))?;
        let mut pixels = vec![0; size.side() * size.side()];
        reader.next_frame(&mut pixels).map_err(failed)?;
        // Text chunks may stand behind the pixels.
        reader.finish().map_err(failed)?;
        let told = |keyword: &str| {
            let chunks = reader.info().uncompressed_latin1_text.iter();
            chunks.rev().find(|chunk| chunk.keyword == keyword).map(|chunk| chunk.text.clone())
        };
        let direction = match told(DIRECTION).as_deref() {
            Some("up") => Direction::Up,
            _ => Direction::Down,
        };
        let label = told(LABEL);
        let levels = pixels.into_iter().map(level).collect();
        Ok(Self { digit: Digit { size, levels }, direction, label })
    }
}

/// The least grey that is read as this level: the data set's rule, `floor(p · 64 / 255)`, turned around.
fn grey(level: u8) -> u8 {
    let most = u32::from(LEVELS - 1);
    (u32::from(level) * 255).div_ceil(most).min(255) as u8
}

fn level(grey: u8) -> u8 {
    (u32::from(grey) * u32::from(LEVELS - 1) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_direction_and_label_comes_back() {
        assert!((0..LEVELS).all(|l| level(grey(l)) == l));
        for size in Size::ALL {
            let side = size.side();
            let levels = (0..side * side).map(|i| (i % usize::from(LEVELS)) as u8).collect();
            for (direction, label) in
                [(Direction::Down, None), (Direction::Up, Some("7".to_owned()))]
            {
                let digit = Digit { size, levels: Clone::clone(&levels) };
                let whole = DigitPng { digit, direction, label };
                let bytes = whole.encode().expect("a PNG");
                assert_eq!(DigitPng::decode(&bytes), Ok(whole));
            }
        }
    }

    #[test]
    fn what_is_no_digit_is_told() {
        let of = |colour, width: u32, pixels: &[u8]| {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, width, 14);
            encoder.set_color(colour);
            let mut writer = encoder.write_header().expect("a header");
            writer.write_image_data(pixels).expect("pixels");
            writer.finish().expect("the end");
            DigitPng::decode(&bytes).expect_err("no digit").to_string()
        };
        assert!(of(ColorType::Rgb, 14, &[0; 588]).contains("Rgb"));
        assert!(of(ColorType::Grayscale, 15, &[0; 210]).contains("15×14"));
        let message = DigitPng::decode(b"P5").expect_err("no PNG").to_string();
        assert!(message.contains("no PNG"), "{message}");
    }
}
