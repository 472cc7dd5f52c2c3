//! A document's pictures as pixels: a row of pictures per ladder, each pixel as a square.

use png::{BitDepth, ColorType, Encoder};

use super::{Document, ExportError};
use crate::domain::Picture;
use crate::report::Png;

/// Side of a pixel's square.
const TIMES: usize = 8;
/// Grey between the pictures.
const BETWEEN: u8 = 0x60;

/// Grey values, row by row.
struct Sheet {
    width: usize,
    values: Vec<u8>,
}

pub(super) fn write(document: &Document) -> Result<Vec<u8>, ExportError> {
    let none = || ExportError::NoPictures(document.domain.clone());
    let mut rows: Vec<Vec<Picture>> = Vec::new();
    for part in &document.parts {
        let row: Option<Vec<Picture>> =
            part.rungs.iter().map(|rung| document.picture(&rung.text)).collect();
        rows.push(row.filter(|row| !row.is_empty()).ok_or_else(none)?);
    }
    if rows.is_empty() {
        return Err(none());
    }
    Ok(picture_sheet(&rows)?.bytes)
}

/// Rows of pictures as one, white on black as in the data set.
///
/// # Errors
/// [`ExportError::Png`] where they are too many, or there is none.
pub fn picture_sheet(rows: &[Vec<Picture>]) -> Result<Png, ExportError> {
    scaled_sheet(rows, TIMES)
}

/// As [`picture_sheet`], every pixel a square of so many.
///
/// # Errors
/// As there.
pub fn scaled_sheet(rows: &[Vec<Picture>], times: usize) -> Result<Png, ExportError> {
    let sheet = place(rows, times);
    let failed = |e: png::EncodingError| ExportError::Png(e.to_string());
    let side = |n: usize| u32::try_from(n).map_err(|e| ExportError::Png(e.to_string()));
    let (width, height) = (side(sheet.width)?, side(sheet.values.len() / sheet.width.max(1))?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&sheet.values).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(Png { width, height, bytes })
}

/// Pictures beside and below each other, a pixel's width between them.
fn place(rows: &[Vec<Picture>], times: usize) -> Sheet {
    let across =
        |row: &Vec<Picture>| row.iter().map(|p| p.width() + 1).sum::<usize>().saturating_sub(1);
    let width = rows.iter().map(across).max().unwrap_or(0);
    let mut values = Vec::new();
    for (k, row) in rows.iter().enumerate() {
        if k > 0 {
            values.extend(vec![BETWEEN; width * times * times]);
        }
        let height = row.iter().map(Picture::height).max().unwrap_or(0);
        for y in 0..height {
            let mut line = Vec::with_capacity(width);
            for (i, picture) in row.iter().enumerate() {
                if i > 0 {
                    line.push(BETWEEN);
                }
                line.extend((0..picture.width()).map(|x| grey(picture, x, y)));
            }
            line.resize(width, BETWEEN);
            let wide: Vec<u8> = line.iter().flat_map(|&v| std::iter::repeat_n(v, times)).collect();
            for _ in 0..times {
                values.extend_from_slice(&wide);
            }
        }
    }
    Sheet { width: width * times, values }
}

/// Ink is white on black, as in the data set; what is not known is background.
pub(super) fn grey(picture: &Picture, x: usize, y: usize) -> u8 {
    let level = u32::from(picture.level(x, y).unwrap_or(0));
    u8::try_from(level * 255 / u32::from(Picture::FULL)).unwrap_or(u8::MAX)
}
