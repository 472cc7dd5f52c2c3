//! Ladders as files: JSON, Markdown, SVG, and PNG for those of pictures.

mod markdown;
mod palette;
mod png;
mod svg;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{json, Value};

use super::ladder::{judgement, ladder_json, ladder_table, rung_json};
use super::{picture_rows, visible, Rung};
use crate::domain::{domain, Domain, Picture};
pub use palette::PaletteDocument;
pub use png::{picture_sheet, scaled_sheet};

/// A ladder to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is, as the note of a bookmark; empty where there is nothing to say.
    pub title: String,
    /// The text at ratio 0.
    pub a: String,
    /// The text at ratio 1.
    pub b: String,
    /// The way between them.
    pub path: String,
    /// How latents were decoded.
    pub decoding: String,
    /// The rungs.
    pub rungs: Vec<Rung>,
    /// The decode at the slider, where it belongs to the ladder.
    pub point: Option<Rung>,
}

/// Ladders of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The model's name.
    pub model: String,
    /// The domain of its sequences.
    pub domain: String,
    /// The ladders, in their order.
    pub parts: Vec<Part>,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people, as text.
    Markdown,
    /// For people, as a drawing.
    Svg,
    /// The pixels of pictures.
    Png,
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The name tells of no format.
    #[error("`{0}` tells of no format: give a name that ends in .json, .md, .svg or .png")]
    Name(String),
    /// Sequences that are no pictures have no pixels.
    #[error(
        "the sequences of {0} are no pictures, so there is no PNG of them: give a name that ends in .svg, .md or .json"
    )]
    NoPictures(String),
    /// The picture could not be encoded.
    #[error("the PNG could not be written: {0}")]
    Png(String),
}

impl Format {
    /// The format that a file's name asks for.
    ///
    /// # Errors
    /// [`ExportError::Name`] where it ends in nothing known.
    pub fn of(file: &Path) -> Result<Self, ExportError> {
        let ending = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("json") => Ok(Self::Json),
            Some("md" | "markdown") => Ok(Self::Markdown),
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(ExportError::Name(file.display().to_string())),
        }
    }
}

impl Document {
    /// What a file of this format holds. The same ladders give the same bytes.
    ///
    /// # Errors
    /// A PNG of sequences that are no pictures.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, ExportError> {
        match format {
            Format::Json => Ok(format!("{:#}\n", self.json()).into_bytes()),
            Format::Markdown => Ok(markdown::write(self).into_bytes()),
            Format::Svg => Ok(svg::write(self).into_bytes()),
            Format::Png => png::write(self),
        }
    }

    /// A single ladder as one object, several as `{"model", "decodes": […]}`.
    #[must_use]
    pub fn json(&self) -> Value {
        match self.parts.as_slice() {
            [part] if part.title.is_empty() => self.part_json(part),
            parts => {
                let decodes: Vec<Value> = parts.iter().map(|part| self.part_json(part)).collect();
                json!({ "model": self.model, "decodes": decodes })
            }
        }
    }

    /// All ladders as text for a terminal, each with its title, ends and the decode at the slider.
    #[must_use]
    pub fn table(&self) -> String {
        let part = |part: &Part| {
            let title = visible(&part.title);
            format!("{title} · path {} · {}\n{}", part.path, part.decoding, markdown::texts(part))
        };
        self.parts.iter().map(part).collect::<Vec<_>>().join("\n")
    }

    /// The ladders alone: tables or, of pictures, strips.
    #[must_use]
    pub fn ladders(&self) -> String {
        self.parts
            .iter()
            .map(|part| self.strip(part).unwrap_or_else(|| ladder_table(&part.rungs)))
            .collect()
    }

    /// A ladder's pictures, each under its ratio and verdict; none where texts are read.
    fn strip(&self, part: &Part) -> Option<String> {
        let captioned = part.rungs.iter().map(|rung| {
            let caption = format!("{:.2} {}", rung.ratio, judgement(&rung.verdict));
            // The reason has no room above a picture.
            let caption: String = caption.chars().take(6).collect();
            Some((caption, self.picture(&rung.text)?))
        });
        Some(picture_rows(&captioned.collect::<Option<Vec<_>>>()?, None))
    }

    fn part_json(&self, part: &Part) -> Value {
        let mut value = ladder_json(&part.a, &part.b, &part.rungs);
        if !part.title.is_empty() {
            value["title"] = part.title.as_str().into();
        }
        if let Some(point) = &part.point {
            value["point"] = rung_json(point);
        }
        value["model"] = self.model.as_str().into();
        value["path"] = part.path.as_str().into();
        value["decoding"] = part.decoding.as_str().into();
        value
    }

    fn domain(&self) -> Option<&'static dyn Domain> {
        domain(&self.domain).ok()
    }

    /// A text as a picture; none where texts are read.
    fn picture(&self, text: &str) -> Option<Picture> {
        self.domain()?.picture(text)
    }
}
