//! A character model: how usual a text is among others, in bits per character.
//!
//! An n-gram model with Witten and Bell's interpolation (1991): the probability after a long context is mixed with that
//! after a shorter one, by how many different characters the long one has been followed by.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Characters of the longest context.
const ORDER: usize = 5;
/// What stands before and behind every text.
const EDGE: char = '\n';
/// Probability of a character that was never seen at all.
const FLOOR: f64 = 1.0 / 65_536.0;

/// What followed a context.
#[derive(Debug, Clone, Copy, Default)]
struct Followed {
    times: u32,
    different: u32,
}

/// Counts of characters after contexts of 0 to 5 characters.
#[derive(Debug, Clone, Default)]
pub struct CharModel {
    contexts: HashMap<u32, Followed>,
    counts: HashMap<u32, u32>,
}

/// The hash of a context of a given length, and of it with a character behind it (FNV-1a).
fn hash(context: &[char], next: Option<char>) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ context.len() as u64;
    for c in context.iter().copied().chain(next) {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // FNV's low bits are weak where texts are short. Of a million contexts one in four thousand meets another by chance.
    (hash ^ (hash >> 29) ^ (hash >> 47)) as u32
}

/// The text's characters with the edges that they are counted with.
fn framed(text: &str) -> Vec<char> {
    std::iter::repeat_n(EDGE, ORDER).chain(text.chars()).chain([EDGE]).collect()
}

impl CharModel {
    /// Counts the characters of texts.
    pub fn train<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::train_pruned(texts, 1)
    }

    /// The same, keeping only what was seen at least so many times behind its context: a small part of the memory. The rest
    /// shares what the shorter context says; probabilities still sum to 1.
    pub fn train_pruned<'a>(texts: impl IntoIterator<Item = &'a str>, least: u32) -> Self {
        // Of every character behind a context: the context, and how often.
        let mut seen: HashMap<u32, (u32, u32)> = HashMap::new();
        for text in texts {
            let chars = framed(text);
            for at in ORDER..chars.len() {
                for length in 0..=ORDER {
                    let context = &chars[at - length..at];
                    let entry = seen
                        .entry(hash(context, Some(chars[at])))
                        .or_insert_with(|| (hash(context, None), 0));
                    entry.1 += 1;
                }
            }
        }
        let mut model = Self::default();
        for &(context, times) in seen.values() {
            let followed = model.contexts.entry(context).or_default();
            followed.different += 1;
            followed.times += if times >= least { times } else { 0 };
        }
        model.contexts.retain(|_, followed| followed.times > 0);
        let kept = seen.into_iter().filter(|(_, (_, times))| *times >= least);
        model.counts = kept.map(|(key, (_, times))| (key, times)).collect();
        model
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Bits of a text, its end included, and how many characters that is.
    #[must_use]
    pub fn bits(&self, text: &str) -> (f64, usize) {
        let chars = framed(text);
        let bits = (ORDER..chars.len())
            .map(|at| -self.probability(&chars[at - ORDER..at], chars[at]).log2())
            .sum();
        (bits, chars.len() - ORDER)
    }

    /// Bits per character of a text.
    #[must_use]
    pub fn bits_per_char(&self, text: &str) -> f64 {
        let (bits, chars) = self.bits(text);
        bits / chars as f64
    }

    /// The counts as a file of tensors, with a number of the caller's.
    ///
    /// # Errors
    /// Those of the format.
    pub(super) fn to_bytes(&self, number: f32) -> Result<Vec<u8>, safetensors::SafeTensorError> {
        // In the order of the keys, so that the same counts give the same file.
        let mut counts: Vec<[u32; 2]> = self.counts.iter().map(|(&k, &n)| [k, n]).collect();
        let mut contexts: Vec<[u32; 3]> =
            self.contexts.iter().map(|(&k, f)| [k, f.times, f.different]).collect();
        counts.sort_unstable();
        contexts.sort_unstable();
        let bytes = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let parts: [(&str, Vec<usize>, Vec<u8>); 3] = [
            ("counts", vec![counts.len(), 2], bytes(counts.as_flattened())),
            ("contexts", vec![contexts.len(), 3], bytes(contexts.as_flattened())),
            ("number", vec![1], bytes(&[number.to_bits()])),
        ];
        let views = parts.iter().map(|(name, shape, bytes)| {
            Ok((*name, TensorView::new(Dtype::U32, shape.clone(), bytes)?))
        });
        let views: Vec<_> = views.collect::<Result<_, safetensors::SafeTensorError>>()?;
        safetensors::serialize(views, None)
    }

    /// Counts and number from [`Self::to_bytes`].
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Self, f32), String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
        let rows = |name: &str, width: usize| -> Result<Vec<u32>, String> {
            let tensor = file.tensor(name).map_err(|e| e.to_string())?;
            if tensor.dtype() != Dtype::U32 || tensor.shape().last() != Some(&width) {
                return Err(format!("`{name}` is {:?} of {:?}", tensor.shape(), tensor.dtype()));
            }
            let numbers = tensor.data().as_chunks::<4>().0.iter();
            Ok(numbers.map(|number| u32::from_le_bytes(*number)).collect())
        };
        let counts = rows("counts", 2)?.as_chunks::<2>().0.iter().map(|&[k, n]| (k, n)).collect();
        let contexts = rows("contexts", 3)?;
        let contexts = contexts.as_chunks::<3>().0.iter();
        let contexts =
            contexts.map(|&[k, times, different]| (k, Followed { times, different })).collect();
        let number = f32::from_bits(*rows("number", 1)?.first().ok_or("`number` is empty")?);
        Ok((Self { contexts, counts }, number))
    }

    fn probability(&self, context: &[char], next: char) -> f64 {
        let mut p = FLOOR;
        for length in 0..=context.len() {
            let context = &context[context.len() - length..];
            let Some(followed) = self.contexts.get(&hash(context, None)) else { break };
            let count = self.counts.get(&hash(context, Some(next))).copied().unwrap_or(0);
            let (times, different) = (f64::from(followed.times), f64::from(followed.different));
            p = (f64::from(count) + different * p) / (times + different);
        }
        p
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_costs_fewer_bits_than_the_unusual() {
        let texts: Vec<String> = (0..200).map(|i| format!("return self.item_{}", i % 7)).collect();
        let model = CharModel::train(texts.iter().map(String::as_str));
        let bits = |text| model.bits_per_char(text);
        assert!(bits("return self.item_3") < 0.5);
        assert!(bits("return self.item_3") < bits("return item_3.self"));
        assert!(bits("return item_3.self") < bits("{}!?<>zq"));
        assert!(bits("日本").is_finite() && bits("").is_finite());
    }

    #[test]
    fn probabilities_of_all_characters_sum_to_one() {
        let texts = ["abab", "abac", "b"];
        for (model, context) in [1, 2, 3].into_iter().flat_map(|least| {
            let model = CharModel::train_pruned(texts, least);
            ["ababa", "zzzzz", "\n\n\n\n\n"].map(|context| (model.clone(), context))
        }) {
            let context: Vec<char> = context.chars().collect();
            let seen: f64 = "abc\n".chars().map(|c| model.probability(&context, c)).sum();
            let unseen = (1.0 / FLOOR - 4.0) * model.probability(&context, '?');
            assert!((seen + unseen - 1.0).abs() < 1e-9, "{context:?} {seen} {unseen}");
        }
    }
}
