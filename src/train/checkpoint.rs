//! What a run leaves on the disk, and how it goes on from there.
//!
//! A run's folder is a model folder (`config.json`, `model.safetensors`, `tokenizer.json`) with `training.safetensors`
//! and `trainer.json` beside it. `training.safetensors` alone decides where a resumed run starts: weights, both moments,
//! the average, and in its metadata the step and the seconds. So whichever of the files a kill falls between, each is
//! whole, the model loads and the run resumes.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{TrainConfig, TrainError};
use crate::domain::{Codec, Examiner};
use crate::model::{write_atomically, TransformerVae};

/// Optimiser, weights in full precision, step.
pub const TRAINING_FILE: &str = "training.safetensors";
/// Configuration, progress and last figures.
pub const TRAINER_FILE: &str = "trainer.json";

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Lines seen so far.
    pub lines: u64,
    /// Best score so far, see `Evaluation::score`.
    pub best: Option<f64>,
    /// Last figures on the held-out lines.
    pub evaluation: Option<super::Evaluation>,
    /// What the scheduled learning rate is multiplied by, as a person asked while the run went on.
    #[serde(default = "unscaled", skip_serializing_if = "is_unscaled")]
    pub rate_scale: f64,
}

fn unscaled() -> f64 {
    1.0
}

fn is_unscaled(scale: &f64) -> bool {
    *scale == unscaled()
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            step: 0,
            seconds: 0.0,
            lines: 0,
            best: None,
            evaluation: None,
            rate_scale: unscaled(),
        }
    }
}

impl Checkpoint {
    /// Writes the training state of `tensors` (weights `p.*`, moments `m.*`, `v.*`, average `ema.*`).
    ///
    /// # Errors
    /// When the file cannot be written whole; the previous one is then untouched.
    pub fn save(
        &self,
        dir: &Path,
        config: &TrainConfig,
        tensors: &[(String, Tensor)],
    ) -> Result<(), TrainError> {
        let path = dir.join(TRAINING_FILE);
        let metadata = HashMap::from([
            ("checkpoint".to_owned(), to_json(self, &path)?),
            ("config".to_owned(), to_json(config, &path)?),
        ]);
        let bytes = safetensors::serialize(
            tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)),
            Some(metadata),
        )
        .map_err(|e| TrainError::file(&path, e))?;
        write_atomically(&path, &bytes).map_err(|e| TrainError::file(&path, e))
    }

    /// Reads a training state back.
    ///
    /// # Errors
    /// When the file is missing, cut short or of another configuration format.
    pub fn load(dir: &Path) -> Result<(Self, TrainConfig, HashMap<String, Tensor>), TrainError> {
        let path = dir.join(TRAINING_FILE);
        let bytes = std::fs::read(&path).map_err(|e| {
            TrainError::file(
                &path,
                format!("{e} (--resume needs a folder that a run has saved to)"),
            )
        })?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes)
            .map_err(|e| TrainError::file(&path, e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let field = |name: &str| {
            metadata
                .get(name)
                .ok_or_else(|| TrainError::file(&path, format!("its metadata lack `{name}`")))
        };
        let checkpoint =
            serde_json::from_str(field("checkpoint")?).map_err(|e| TrainError::file(&path, e))?;
        let config =
            serde_json::from_str(field("config")?).map_err(|e| TrainError::file(&path, e))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        Ok((checkpoint, config, tensors))
    }
}

fn to_json(value: &impl Serialize, path: &Path) -> Result<String, TrainError> {
    serde_json::to_string(value).map_err(|e| TrainError::file(path, e))
}

/// `trainer.json`, for people and scripts.
#[derive(Debug, Serialize)]
pub struct TrainerFile<'a> {
    /// Version of the program that wrote it.
    pub version: &'a str,
    /// Where the run stands.
    #[serde(flatten)]
    pub checkpoint: &'a Checkpoint,
    /// Its configuration.
    pub config: &'a TrainConfig,
    /// What it is trained on, as given.
    pub data: &'a str,
    /// Lines to train on.
    pub data_lines: usize,
}

/// Writes the model folder: configuration, weights in half precision unless `full`, tokenizer, and what judges decodes
/// where the folder lacks it: a run has one.
///
/// # Errors
/// When a file cannot be written whole; the previous ones are then untouched.
pub fn save_model(
    dir: &Path,
    model: &TransformerVae,
    codec: &Codec,
    examiner: Option<&Examiner>,
    full: bool,
) -> Result<(), TrainError> {
    let dtype = if full { candle_core::DType::F32 } else { candle_core::DType::F16 };
    model.save(dir, dtype)?;
    codec.save(&dir.join("tokenizer.json"))?;
    let missing = examiner.map(|examiner| (examiner, dir.join(examiner.file())));
    if let Some((examiner, path)) = missing.filter(|(_, path)| !path.exists()) {
        let bytes = examiner.to_bytes().map_err(|e| TrainError::file(&path, e))?;
        write_atomically(&path, &bytes).map_err(|e| TrainError::file(&path, e))?;
    }
    Ok(())
}

/// Writes `trainer.json`.
///
/// # Errors
/// When it cannot be written whole.
pub fn save_trainer(dir: &Path, file: &TrainerFile<'_>) -> Result<(), TrainError> {
    let path = dir.join(TRAINER_FILE);
    let mut text = serde_json::to_string_pretty(file).map_err(|e| TrainError::file(&path, e))?;
    text.push('\n');
    write_atomically(&path, text.as_bytes()).map_err(|e| TrainError::file(&path, e))
}
