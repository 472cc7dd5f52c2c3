//! A model as a listing knows it: what its folder tells without its weights being read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{name_of, TRAINER_FILE};
use crate::engine::loaded::Bundled;
use crate::model::Config;

/// A safetensors file's head is no longer than this.
const LONGEST_HEAD: u64 = 64 << 20;
/// Folders within folders that a size counts.
const DEPTH: usize = 8;
/// What a run goes on from.
const TRAINING_FILE: &str = "training.safetensors";

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// With the program.
    Bundled,
    /// A folder without a run: copied or downloaded.
    Local,
    /// A run's folder.
    Trained,
    /// What a run was at a step, within its folder.
    Snapshot,
}

impl ModelKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Local => "local",
            Self::Trained => "trained",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Sizes of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Model family, as in the configuration.
    pub family: String,
    /// What a latent token goes through, as in the configuration.
    pub bottleneck: String,
    /// Latent tokens, n.
    pub latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Width of the hidden states.
    pub d_model: usize,
    /// Encoder layers per block.
    pub encoder_blocks: Vec<usize>,
    /// Decoder layers.
    pub decoder_layers: usize,
    /// Number of words.
    pub vocab: usize,
    /// Longest sequence in tokens, the end included.
    pub max_len: usize,
}

/// Figures on the held-out lines of a run; shares are in [0, 1].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Teacher-forced share of tokens predicted right.
    pub token_accuracy: f64,
    /// Share of lines that come back exactly.
    pub exact_match: f64,
    /// Share of interior rungs that are valid.
    pub interior_validity: f64,
    /// Share of interior rungs that copy an end.
    pub copy_rate: f64,
    /// Share of interior rungs that are valid, no copy, and hold a piece of each end.
    pub blend_yield: f64,
    /// Of digits: mean absolute difference of pixels, from 0 for background to 1 for ink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_absolute_error: Option<f64>,
    /// Of digits: share of inked pixels that come back as ink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreground_accuracy: Option<f64>,
}

/// How a model was trained: what `trainer.json` tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Training {
    /// Steps done.
    pub step: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Lines seen.
    pub lines: u64,
    /// What it was trained on, as given.
    pub data: String,
    /// Lines to train on.
    pub data_lines: u64,
    /// The last figures, where there are any.
    #[serde(rename = "evaluation")]
    pub figures: Option<Figures>,
    #[serde(rename = "config", skip_serializing)]
    run: Run,
}

/// What is read of a run's configuration.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Run {
    preset: Value,
}

impl Training {
    /// The preset that it started from; empty where it is not known.
    #[must_use]
    pub fn preset(&self) -> &str {
        self.run.preset.as_str().unwrap_or_default()
    }
}

/// A model of a listing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelEntry {
    /// Its name: that of its folder.
    pub name: String,
    /// Where it comes from.
    pub kind: ModelKind,
    /// The run that it is a snapshot of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What opens it from anywhere: a bundled name or a whole path.
    pub opens: String,
    /// Where it lies; none for a bundled one.
    pub folder: Option<PathBuf>,
    /// Whether it is a folder of its own in the folder of models, so that it can be renamed and deleted.
    pub own: bool,
    /// Whether a training run can go on from it.
    pub resumes: bool,
    /// The domain of its sequences.
    pub domain: String,
    /// Trainable numbers, where the weights tell them.
    pub parameters: Option<u64>,
    /// Bytes on the disk, with what lies in its folder beside it.
    pub bytes: u64,
    /// When its weights were written, in seconds since 1970; none for a bundled one.
    pub saved: Option<u64>,
    /// The sizes of its network, where its configuration can be read.
    pub shape: Option<Shape>,
    /// How it was trained, where that is known.
    pub training: Option<Training>,
    /// Why it cannot be opened, where that is known already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl ModelEntry {
    /// Its name, behind that of the run that it is a snapshot of.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.run {
            Some(run) => format!("{run}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether this name or folder, as it was given to open a model, means this one.
    #[must_use]
    pub fn is_opened_by(&self, given: &str) -> bool {
        given == self.opens || self.own && given == self.name
    }

    /// The last figures, where there are any.
    #[must_use]
    pub fn figures(&self) -> Option<&Figures> {
        self.training.as_ref()?.figures.as_ref()
    }

    pub(super) fn within(self, run: &str) -> Self {
        Self { run: Some(run.to_owned()), kind: ModelKind::Snapshot, ..self }
    }

    pub(super) fn of_bundled(bundled: &Bundled) -> Self {
        let parts = [bundled.config, bundled.weights, bundled.tokenizer, bundled.trainer];
        let empty = Self {
            name: bundled.name.to_owned(),
            kind: ModelKind::Bundled,
            run: None,
            opens: bundled.name.to_owned(),
            folder: None,
            own: false,
            resumes: false,
            domain: String::new(),
            parameters: parameters_in(bundled.weights, bundled.weights.len() as u64),
            bytes: parts.iter().map(|part| part.len() as u64).sum(),
            saved: None,
            shape: None,
            training: serde_json::from_slice(bundled.trainer).ok(),
            problem: None,
        };
        empty.with_config(Ok(bundled.config.to_vec()))
    }

    /// What a folder tells; `own` where it is one of the folder of models.
    pub(super) fn of_folder(folder: &Path, own: bool) -> Self {
        let weights = ["model.safetensors", "pytorch_model.bin"].map(|name| folder.join(name));
        let weights = weights.into_iter().find(|file| file.is_file());
        let training: Option<Training> = fs::read(folder.join(TRAINER_FILE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        let config = folder.join("config.json");
        let read = fs::read(&config).map_err(|e| format!("config.json: {e}"));
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut entry = Self {
            name: name_of(if own { folder } else { &real }),
            kind: if training.is_some() { ModelKind::Trained } else { ModelKind::Local },
            run: None,
            opens: real.display().to_string(),
            folder: Some(folder.to_owned()),
            own,
            resumes: training.is_some() && folder.join(TRAINING_FILE).is_file(),
            domain: String::new(),
            parameters: weights.as_deref().and_then(parameters_of),
            bytes: size_of(folder, DEPTH),
            saved: weights.as_deref().and_then(written),
            shape: None,
            training,
            problem: None,
        };
        if weights.is_none() {
            let missing = "there is no model.safetensors and no pytorch_model.bin in it";
            entry.problem = Some(missing.to_owned());
        }
        entry.with_config(read)
    }

    fn with_config(mut self, config: Result<Vec<u8>, String>) -> Self {
        let read = config.and_then(|text| Config::from_json(text).map_err(|e| e.to_string()));
        match read {
            Ok(config) => {
                self.domain = match config.domain() {
                    // A folder of the original says nothing of its domain.
                    "" => "text".to_owned(),
                    domain => domain.to_owned(),
                };
                self.shape = Some(Shape::of(&config));
            }
            Err(reason) => self.problem = Some(reason),
        }
        self
    }
}

impl Shape {
    fn of(config: &Config) -> Self {
        let blocks = config.funnel.block_sizes.iter().zip(&config.funnel.block_repeats);
        Self {
            family: word(&config.family()),
            bottleneck: word(&config.bottleneck()),
            latent_tokens: config.n_latent_tokens,
            latent_size: config.latent_size,
            d_model: config.t5.d_model,
            encoder_blocks: blocks.map(|(size, repeats)| size * repeats).collect(),
            decoder_layers: config.t5.num_decoder_layers,
            vocab: config.vocab_size(),
            max_len: config.max_len(),
        }
    }
}

/// An option's value as it is written in a configuration.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}

/// The numbers in a safetensors file, by its head.
fn parameters_of(file: &Path) -> Option<u64> {
    if file.extension()? != "safetensors" {
        return None;
    }
    let length = file.metadata().ok()?.len();
    parameters_in(File::open(file).ok()?, length)
}

/// The numbers in a safetensors file of `length` bytes: eight bytes tell how long its head is, the head every tensor's shape.
fn parameters_in(mut file: impl Read, length: u64) -> Option<u64> {
    let mut size = [0; 8];
    file.read_exact(&mut size).ok()?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEAD.min(length) {
        return None;
    }
    let mut head = vec![0; usize::try_from(size).ok()?];
    file.read_exact(&mut head).ok()?;
    let Value::Object(head) = serde_json::from_slice(&head).ok()? else { return None };
    let tensors = head.iter().filter(|(name, _)| *name != "__metadata__");
    let mut sum = 0u64;
    for (_, tensor) in tensors {
        let numbers = tensor.get("shape")?.as_array()?.iter().map(Value::as_u64);
        let numbers = numbers.collect::<Option<Vec<u64>>>()?;
        let numbers = numbers.into_iter().try_fold(1u64, u64::checked_mul)?;
        sum = sum.checked_add(numbers)?;
    }
    Some(sum)
}

/// Bytes of a folder's files; links to elsewhere count as what they point at where that is a file.
fn size_of(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth > 0 => size_of(&entry.path(), depth - 1),
        Ok(kind) if kind.is_dir() => 0,
        _ => fs::metadata(entry.path()).ok().filter(|m| m.is_file()).map_or(0, |m| m.len()),
    };
    entries.filter_map(Result::ok).map(of).sum()
}

/// When a file was written, in seconds since 1970.
fn written(file: &Path) -> Option<u64> {
    let time = file.metadata().ok()?.modified().ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
