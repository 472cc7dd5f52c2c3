//! A character model: how usual a text is among others, in bits per character.
//!
//! An n-gram model with Witten and Bell's interpolation (1991): the probability after a long context is mixed with that
//! after a shorter one, by how many different characters the long one has been followed by.

use std::collections::HashMap;

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
    contexts: HashMap<u64, Followed>,
    counts: HashMap<u64, u32>,
}

/// The hash of a context of a given length, and of it with a character behind it (FNV-1a).
fn hash(context: &[char], next: Option<char>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ context.len() as u64;
    for c in context.iter().copied().chain(next) {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // FNV's low bits are weak where texts are short.
    hash ^ (hash >> 29)
}

/// The text's characters with the edges that they are counted with.
fn framed(text: &str) -> Vec<char> {
    std::iter::repeat_n(EDGE, ORDER).chain(text.chars()).chain([EDGE]).collect()
}

impl CharModel {
    /// Counts the characters of texts.
    pub fn train<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut model = Self::default();
        for text in texts {
            let chars = framed(text);
            for at in ORDER..chars.len() {
                for length in 0..=ORDER {
                    let context = &chars[at - length..at];
                    let count = model.counts.entry(hash(context, Some(chars[at]))).or_default();
                    *count += 1;
                    let followed = model.contexts.entry(hash(context, None)).or_default();
                    followed.times += 1;
                    followed.different += u32::from(*count == 1);
                }
            }
        }
        model
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
        let model = CharModel::train(["abab", "abac", "b"]);
        for context in ["ababa", "zzzzz", "\n\n\n\n\n"] {
            let context: Vec<char> = context.chars().collect();
            let seen: f64 = "abc\n".chars().map(|c| model.probability(&context, c)).sum();
            let unseen = (1.0 / FLOOR - 4.0) * model.probability(&context, '?');
            assert!((seen + unseen - 1.0).abs() < 1e-9, "{context:?} {seen} {unseen}");
        }
    }
}
