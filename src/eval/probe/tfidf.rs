//! Texts as bags of words, weighed by how rare a word is: the control that knows the words themselves.
//!
//! As scikit-learn's `TfidfVectorizer` with `sublinear_tf`: lower case, words of two letters, digits or underscores and
//! more, 1 + ln of a word's count times ln((1 + n) / (1 + n with the word)) + 1, rows of length 1.

use std::collections::HashMap;

use super::rows::Rows;

/// The rows of all texts, of which `items` decide vocabulary and weights.
pub(super) fn tfidf(texts: &[&str], items: &[usize]) -> Rows {
    let bags: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    // Columns in the order in which the words come.
    let mut columns: HashMap<&str, usize> = HashMap::new();
    // For each column how many texts have the word, and the last that had.
    let mut texts_with: Vec<(usize, usize)> = Vec::new();
    for &i in items {
        for word in &bags[i] {
            let column = *columns.entry(word).or_insert(texts_with.len());
            match texts_with.get_mut(column) {
                None => texts_with.push((1, i)),
                Some((_, last)) if *last == i => {}
                Some(with) => *with = (with.0 + 1, i),
            }
        }
    }
    let all = items.len() as f64;
    let rarity: Vec<f64> = texts_with
        .iter()
        .map(|&(with, _)| ((1.0 + all) / (1.0 + with as f64)).ln() + 1.0)
        .collect();
    let row = |bag: &Vec<String>| {
        let mut found: Vec<usize> =
            bag.iter().filter_map(|word| columns.get(word.as_str()).copied()).collect();
        found.sort_unstable();
        let weigh = |same: &[usize]| (same[0], (1.0 + (same.len() as f64).ln()) * rarity[same[0]]);
        let row: Vec<(usize, f64)> = found.chunk_by(|a, b| a == b).map(weigh).collect();
        let length = row.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
        row.into_iter().map(|(column, value)| (column, (value / length) as f32)).collect()
    };
    Rows::sparse(columns.len(), bags.iter().map(row).collect())
}

/// The words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.chars().nth(1).is_some())
        .map(str::to_owned)
        .collect()
}
