//! TensorBoard's event files: records with checksums (TFRecord), each an `Event` in the encoding of protocol buffers.
//!
//! Only what a run writes is known here: scalars, texts and pictures. The numbers of the fields are those of TensorFlow's
//! `event.proto`, `summary.proto` and `tensor.proto`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the names of event files begin with.
const PREFIX: &str = "events.out.tfevents.";
/// What the first record of every file says.
const FILE_VERSION: &[u8] = b"brain.Event:2";
/// `SessionLog.START`: what was written before for this step and later ones is void.
const SESSION_START: u64 = 1;
/// `DataType.DT_STRING`.
const STRINGS: u64 = 7;
/// `Summary.Image.colorspace`: grey.
const GREY: u64 = 1;

/// A value that TensorBoard shows under its tag.
#[derive(Debug, Clone, PartialEq)]
pub enum EventValue {
    /// A point of a curve.
    Scalar(f32),
    /// A text in Markdown.
    Text(String),
    /// A grey picture.
    Picture(Png),
}

/// A picture as a PNG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A file of events that is being written.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    path: PathBuf,
}

impl EventFile {
    /// Starts a new file in `dir`, after those of earlier sessions there. A session that goes on from a step makes what
    /// they tell of later steps void.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &Path, step: usize) -> io::Result<Self> {
        // Files are read in the order of their names, and two sessions can start within a second.
        let seconds = newest(dir)?.map_or(0, |last| last + 1).max(now() as u64);
        let path = dir.join(format!("{PREFIX}{seconds:010}.tvae-tui"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let mut events = Self { file, path };
        let mut version = event(now(), 0);
        bytes(&mut version, 3, FILE_VERSION);
        events.write_record(&version)?;
        if step > 0 {
            let mut session = Vec::new();
            number(&mut session, 1, SESSION_START);
            let mut start = event(now(), step + 1);
            bytes(&mut start, 7, &session);
            events.write_record(&start)?;
        }
        Ok(events)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends values of one step.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, step: usize, values: &[(&str, EventValue)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in values {
            bytes(&mut summary, 1, &encoded(tag, value));
        }
        let mut event = event(now(), step);
        bytes(&mut event, 5, &summary);
        self.write_record(&event)
    }

    /// A record: its length and a checksum of that, the data and a checksum of them.
    fn write_record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(data.len() + 16);
        record.extend_from_slice(&length);
        record.extend_from_slice(&masked_crc(&length).to_le_bytes());
        record.extend_from_slice(data);
        record.extend_from_slice(&masked_crc(data).to_le_bytes());
        self.file.write_all(&record)
    }
}

/// The start of the newest session that wrote to a folder.
fn newest(dir: &Path) -> io::Result<Option<u64>> {
    let mut newest = None;
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let started = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.get(..10)?.parse().ok());
        newest = newest.max(started);
    }
    Ok(newest)
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// `Event` with its `wall_time` and `step`.
fn event(wall_time: f64, step: usize) -> Vec<u8> {
    let mut out = Vec::new();
    key(&mut out, 1, Wire::Eight);
    out.extend_from_slice(&wall_time.to_le_bytes());
    number(&mut out, 2, step as u64);
    out
}

/// `Summary.Value`.
fn encoded(tag: &str, value: &EventValue) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, tag.as_bytes());
    match value {
        EventValue::Scalar(value) => {
            key(&mut out, 2, Wire::Four);
            out.extend_from_slice(&value.to_le_bytes());
        }
        EventValue::Picture(Png { width, height, bytes: png }) => {
            let mut image = Vec::new();
            number(&mut image, 1, u64::from(*height));
            number(&mut image, 2, u64::from(*width));
            number(&mut image, 3, GREY);
            bytes(&mut image, 4, png);
            bytes(&mut out, 4, &image);
        }
        EventValue::Text(text) => {
            let mut dimension = Vec::new();
            number(&mut dimension, 1, 1);
            let mut shape = Vec::new();
            bytes(&mut shape, 2, &dimension);
            let mut tensor = Vec::new();
            number(&mut tensor, 1, STRINGS);
            bytes(&mut tensor, 2, &shape);
            bytes(&mut tensor, 8, text.as_bytes());
            bytes(&mut out, 8, &tensor);
            let mut plugin = Vec::new();
            bytes(&mut plugin, 1, b"text");
            let mut metadata = Vec::new();
            bytes(&mut metadata, 1, &plugin);
            bytes(&mut out, 9, &metadata);
        }
    }
    out
}

/// How a field's content is laid out.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Eight = 1,
    Bytes = 2,
    Four = 5,
}

fn key(out: &mut Vec<u8>, field: u64, wire: Wire) {
    varint(out, field << 3 | wire as u64);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, Wire::Varint);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    key(out, field, Wire::Bytes);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Seven bits per byte, the lowest first; the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// CRC-32C of every byte alone, by the reflected polynomial of Castagnoli.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| CRC[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

/// The checksum as records hold it: turned, so that a record of records does not have a checksum of checksums.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
pub(crate) mod reader;
#[cfg(test)]
mod tests;
