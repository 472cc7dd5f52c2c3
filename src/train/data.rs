//! The training lines as token ids, held in one flat array.

use crate::domain::{Codec, CodecError};

/// Encoded lines: without specials, each at least one token long and short enough for the model.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    ids: Vec<u32>,
    ends: Vec<usize>,
    /// Lines left out because they exceed the longest sequence.
    pub too_long: usize,
    /// Lines left out because they hold no token.
    pub empty: usize,
}

impl TrainingData {
    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The ids of line `i`.
    #[must_use]
    pub fn line(&self, i: usize) -> &[u32] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.ids[start..self.ends[i]]
    }

    /// Length of every line, in tokens.
    #[must_use]
    pub fn lengths(&self) -> Vec<u32> {
        (0..self.len()).map(|i| self.line(i).len() as u32).collect()
    }

    /// Adds a line unless it is empty or, with its end token, longer than `max_len`.
    pub fn push(&mut self, ids: &[u32], max_len: usize) {
        if ids.is_empty() {
            self.empty += 1;
        } else if ids.len() + 1 > max_len {
            self.too_long += 1;
        } else {
            self.ids.extend_from_slice(ids);
            self.ends.push(self.ids.len());
        }
    }
}

/// Encodes lines in order, in blocks, telling `on_block` how many are done.
///
/// # Errors
/// The tokenizer's own errors.
pub fn encode_corpus(
    codec: &Codec,
    lines: &[String],
    max_len: usize,
    on_block: &mut dyn FnMut(usize),
) -> Result<TrainingData, CodecError> {
    let mut data = TrainingData::default();
    let mut done = 0;
    for block in lines.chunks(20_000) {
        let texts: Vec<&str> = block.iter().map(String::as_str).collect();
        for ids in codec.encode_batch(&texts)? {
            data.push(&ids, max_len);
        }
        done += block.len();
        on_block(done);
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_misfits_are_counted() {
        let mut data = TrainingData::default();
        data.push(&[4, 5], 4);
        data.push(&[], 4);
        data.push(&[1, 2, 3, 4], 4);
        data.push(&[7, 8, 9], 4);
        assert_eq!((data.len(), data.empty, data.too_long), (2, 1, 1));
        assert_eq!((data.line(0), data.line(1)), (&[4u32, 5][..], &[7u32, 8, 9][..]));
        assert_eq!(data.lengths(), [2, 3]);
    }
}
