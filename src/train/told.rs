//! What latents alone are asked to tell of their lines: the words, and the label.

use candle_core::{DType, Tensor};

use super::bag_of_words::bag_of_words;
use super::noise::Labels;
use super::step::Task;
use super::TrainError;
use crate::domain::START_ID;

impl Task<'_> {
    /// The bag-of-words loss as a part of the loss, weighted, and its share of the mean over the batch's labels in nats.
    pub(super) fn words(
        &self,
        memory: &Tensor,
        own: &Labels,
        decoder_len: usize,
    ) -> Result<(Tensor, f64), TrainError> {
        let logits = self.model.head(&memory.mean(1)?)?;
        let words = own.positions.iter().zip(&own.ids).filter(|(_, &id)| id != START_ID);
        let words = words.map(|(&at, &id)| (at as usize / decoder_len, id));
        let nats = bag_of_words(&logits, words)?;
        let labels = self.whole.labels.max(1) as f64;
        let value = f64::from(nats.to_dtype(DType::F32)?.to_scalar::<f32>()?) / labels;
        let scale = self.config.words.weight / self.whole.step_labels.max(1) as f64;
        Ok(((nats * scale)?, value / self.config.accumulate.max(1) as f64))
    }

    /// The class loss of the latents [rows, n, L] as a part of the batch's loss, weighted, and its share of the mean over the
    /// batch's labelled lines in nats; nothing where it is off or no line of the shard has a label.
    pub(super) fn classes(&self, latents: &Tensor) -> Result<Option<(Tensor, f64)>, TrainError> {
        let beside = &self.whole.beside;
        let own = self.rows.iter().enumerate();
        let own: Vec<(usize, u32)> =
            own.filter_map(|(row, &at)| Some((row, (*beside.classes.get(at)?)?))).collect();
        if own.is_empty() {
            return Ok(None);
        }
        let labelled = beside.classes.iter().flatten().count() as f64;
        let nats = (bag_of_words(&self.model.label_logits(latents)?, own.into_iter())? / labelled)?;
        let value = f64::from(nats.to_dtype(DType::F32)?.to_scalar::<f32>()?);
        Ok(Some(((nats * self.config.classes.weight)?, value)))
    }
}
