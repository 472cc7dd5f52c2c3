//! The training lines as token ids, held in one flat array.

use std::collections::HashMap;

use crate::corpus::Labelled;
use crate::domain::{Codec, CodecError};

/// Encoded lines: without specials, each at least one token long and short enough for the model.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    ids: Vec<u32>,
    ends: Vec<usize>,
    /// Labels with their numbers.
    labels: HashMap<String, u32>,
    /// A line's label, up to the last line that has one.
    classes: Vec<Option<u32>>,
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

    /// The labels that lines have, sorted.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.labels.keys().cloned().collect();
        labels.sort_unstable();
        labels
    }

    /// The label of line `i`, as its place in [`Self::labels`] once all lines of a corpus are there.
    #[must_use]
    pub fn class(&self, i: usize) -> Option<u32> {
        self.classes.get(i).copied().flatten()
    }

    /// Length of every line, in tokens.
    #[must_use]
    pub fn lengths(&self) -> Vec<u32> {
        (0..self.len()).map(|i| self.line(i).len() as u32).collect()
    }

    fn class_of(&mut self, label: &str) -> u32 {
        if let Some(&known) = self.labels.get(label) {
            return known;
        }
        let new = self.labels.len() as u32;
        self.labels.insert(label.to_owned(), new);
        new
    }

    /// Numbers labels by their place in order, whatever lines they came with: two corpora of the same labels number them alike.
    fn sort_labels(&mut self) {
        let sorted = self.labels();
        let mut places = vec![0; sorted.len()];
        for (place, label) in (0u32..).zip(&sorted) {
            if let Some(number) = self.labels.get_mut(label) {
                places[*number as usize] = place;
                *number = place;
            }
        }
        self.classes.iter_mut().flatten().for_each(|class| *class = places[*class as usize]);
    }

    /// Adds a line with its label unless it is empty or, with its end token, longer than `max_len`.
    pub fn push(&mut self, ids: &[u32], label: Option<&str>, max_len: usize) {
        if ids.is_empty() {
            self.empty += 1;
        } else if ids.len() + 1 > max_len {
            self.too_long += 1;
        } else {
            self.ids.extend_from_slice(ids);
            self.ends.push(self.ids.len());
            if let Some(label) = label {
                let class = self.class_of(label);
                self.classes.resize(self.ends.len() - 1, None);
                self.classes.push(Some(class));
            }
        }
    }
}

/// Encodes lines in order, in blocks, telling `on_block` how many are done.
///
/// # Errors
/// The tokenizer's own errors.
pub fn encode_corpus(
    codec: &Codec,
    lines: &[impl Labelled],
    max_len: usize,
    on_block: &mut dyn FnMut(usize),
) -> Result<TrainingData, CodecError> {
    let mut data = TrainingData::default();
    let mut done = 0;
    for block in lines.chunks(20_000) {
        let texts: Vec<&str> = block.iter().map(Labelled::text).collect();
        for (ids, line) in codec.encode_batch(&texts)?.iter().zip(block) {
            data.push(ids, line.label(), max_len);
        }
        done += block.len();
        on_block(done);
    }
    data.sort_labels();
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_misfits_are_counted() {
        let mut data = TrainingData::default();
        data.push(&[4, 5], Some("b"), 4);
        data.push(&[], Some("c"), 4);
        data.push(&[1, 2, 3, 4], None, 4);
        data.push(&[7, 8, 9], None, 4);
        data.push(&[3], Some("a"), 4);
        data.push(&[6], Some("b"), 4);
        assert_eq!((data.len(), data.empty, data.too_long), (4, 1, 1));
        assert_eq!((data.line(0), data.line(1)), (&[4u32, 5][..], &[7u32, 8, 9][..]));
        assert_eq!(data.lengths(), [2, 3, 1, 1]);
        data.sort_labels();
        assert_eq!(data.labels(), ["a", "b"]);
        assert_eq!([0, 1, 2, 3].map(|i| data.class(i)), [Some(1), None, Some(0), Some(1)]);
    }
}
