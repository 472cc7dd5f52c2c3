//! How well labels of texts can be read from their latents: which texts are taken, their encoding, the probe itself.

use std::collections::HashSet;

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::pool::Pool;
use super::progress::{OnProgress, Progress};
use super::{EngineError, LatentModel, LoadedModel};
use crate::corpus::Example;
use crate::domain::Picture;
use crate::eval::probe::{self, Item, Probe};

/// What is probed, and how.
#[derive(Clone, Copy)]
pub struct ProbeProtocol<'a> {
    /// Held-out items.
    pub data: &'a [Example],
    /// Items to fit on; without them 70 % of the others.
    pub train: Option<&'a [Example]>,
    /// Held-out items that are taken, at most.
    pub items: usize,
    /// Items to fit on that are taken, at most.
    pub train_items: usize,
    /// Decides which items are taken, splits, the solvers' orders and intervals.
    pub seed: u64,
}

/// Items that are not probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LeftOut {
    /// Without a label.
    pub unlabelled: usize,
    /// With a text, or a picture, that came before; of those to fit on also with one of the held-out items'.
    pub repeated: usize,
    /// Longer than the model takes; only items that would have been taken are looked at.
    pub too_long: usize,
}

/// What a probe of a model finds. The same protocol gives the same one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probed {
    /// The model's name.
    pub model: String,
    /// The domain of its sequences.
    pub domain: String,
    /// Latent tokens of an item.
    pub latent_tokens: usize,
    /// Numbers per latent token.
    pub latent_size: usize,
    /// The protocol's seed.
    pub seed: u64,
    /// Held-out items taken.
    pub items: usize,
    /// Items to fit on taken, where they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_items: Option<usize>,
    /// What was left out of both.
    pub left_out: LeftOut,
    /// The figures.
    #[serde(flatten)]
    pub probe: Probe,
}

/// Probes a model's latents for labels. Texts of pictures get no control on words. `None` where `on_progress` breaks off.
///
/// # Errors
/// [`EngineError::Probe`] where there are no labels, one class, or too few items; the model's.
pub fn probe(
    model: &LoadedModel,
    protocol: ProbeProtocol<'_>,
    on_progress: OnProgress<'_>,
) -> Result<Option<Probed>, EngineError> {
    let ProbeProtocol { data, train, items, train_items, seed } = protocol;
    let mut taking = Taking { model, seen: HashSet::new(), left_out: LeftOut::default(), seed };
    let data = taking.take("the held-out items", data, items)?;
    let train = train.map(|train| taking.take("the items to fit on", train, train_items));
    let train = train.transpose()?;
    let Some(data) = Pool::encode(model, &data, on_progress)? else { return Ok(None) };
    let train = match train {
        Some(train) => match Pool::encode(model, &train, on_progress)? {
            Some(pool) => Some(pool),
            None => return Ok(None),
        },
        None => None,
    };
    let items = |pool| of_pool(model, pool);
    let of_train = train.as_ref().map(items);
    let mut tell = |what, done, total| on_progress(Progress { what, done, total });
    let found = probe::probe(of_train.as_deref(), &of_pool(model, &data), seed, &mut tell);
    let info = model.info();
    Ok(found.map_err(|e| EngineError::Probe(e.to_string()))?.map(|probe| Probed {
        model: info.name,
        domain: info.domain,
        latent_tokens: info.latent_tokens,
        latent_size: info.latent_size,
        seed,
        items: data.texts().len(),
        train_items: train.map(|pool| pool.texts().len()),
        left_out: taking.left_out,
        probe,
    }))
}

/// A pool's items; those whose texts are pictures are probed without words.
fn of_pool<'a>(model: &LoadedModel, pool: &'a Pool) -> Vec<Item<'a>> {
    let texts = pool.texts().iter().zip(pool.labels()).zip(pool.latents());
    texts
        .filter_map(|((text, label), latent)| {
            let is_read = model.domain().picture(text).is_none();
            let text = is_read.then_some(text.as_str());
            Some(Item { features: &latent.values, label: label.as_deref()?, text })
        })
        .collect()
}

/// What makes two items the same.
#[derive(PartialEq, Eq, Hash)]
enum Content {
    Text(String),
    Picture(Picture),
}

/// Takes items at random, none twice.
struct Taking<'a> {
    model: &'a LoadedModel,
    seen: HashSet<Content>,
    left_out: LeftOut,
    seed: u64,
}

impl Taking<'_> {
    /// At most `count` labelled items that fit the model, in random order. Of items with one text or picture the first of
    /// the data is taken: a digit is read downwards.
    fn take(
        &mut self,
        what: &str,
        examples: &[Example],
        count: usize,
    ) -> Result<Vec<Example>, EngineError> {
        let labelled = |e: &&Example| e.label.as_deref().is_some_and(|l| !l.trim().is_empty());
        let mut fresh = Vec::new();
        let mut unlabelled = 0;
        for example in examples {
            if !labelled(&example) {
                unlabelled += 1;
                continue;
            }
            let content = match self.model.domain().picture(&example.text) {
                Some(picture) => Content::Picture(picture),
                None => Content::Text(example.text.clone()),
            };
            if self.seen.insert(content) {
                fresh.push(example);
            } else {
                self.left_out.repeated += 1;
            }
        }
        self.left_out.unlabelled += unlabelled;
        if unlabelled == examples.len() {
            return Err(EngineError::Probe(format!(
                "none of {what} ({unlabelled} read) has a label: --label-column names a column of a table (.tsv, .csv, .jsonl or .parquet)"
            )));
        }
        fresh.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed));
        let mut taken = Vec::new();
        for example in fresh {
            if taken.len() >= count {
                break;
            }
            // The end token needs a place too.
            let fits = self.model.ids(&example.text)?.len() < self.model.max_len();
            if fits {
                taken.push(example.clone());
            } else {
                self.left_out.too_long += 1;
            }
        }
        if taken.is_empty() {
            let max_len = self.model.max_len();
            return Err(EngineError::Probe(format!(
                "{what} are all longer than the {max_len} tokens that the model takes, or given twice"
            )));
        }
        Ok(taken)
    }
}
