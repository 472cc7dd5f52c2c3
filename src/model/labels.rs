//! The label of what a latent is of: told by a linear layer from all of the latent and, where asked for, told to the decoder.

use super::weights::{Init, Scope};
use super::{Config, Error, TransformerVae};
use crate::latent::Latent;
use crate::numeric;
use candle_core::{DType, Device, Result, Tensor, D};

/// A linear layer from latents to labels and what the decoder is told of them.
pub(super) struct LabelLayer {
    /// [labels, n · L].
    weight: Tensor,
    /// [labels].
    bias: Tensor,
    /// [labels, d], where the decoder is told the most probable label.
    embedding: Option<Tensor>,
}

impl LabelLayer {
    /// That of a configuration that names labels. All of it starts at zero: it tells nothing, and a decoder that was not told
    /// labels before decodes as it did.
    pub(super) fn new(
        config: &Config,
        own: &mut Scope<'_>,
    ) -> std::result::Result<Option<Self>, Error> {
        let Some(labels) = config.labels() else { return Ok(None) };
        let (count, d) = (labels.names.len(), config.t5.d_model);
        let zero = Init::Constant(0.0);
        let weight =
            own.get("labels.weight", &[count, config.n_latent_tokens * config.latent_size], zero)?;
        let bias = own.get("labels.bias", &[count], zero)?;
        let embedding =
            labels.decoder.then(|| own.get("labels.embedding", &[count, d], zero)).transpose()?;
        Ok(Some(Self { weight, bias, embedding }))
    }

    /// Logits [b, labels] of latents [b, n, L].
    pub(super) fn logits(&self, z: &Tensor) -> Result<Tensor> {
        numeric::linear(&z.flatten_from(1)?, &self.weight, Some(&self.bias))
    }

    /// What the decoder is told of latents [b, n, L], to be added to each of their tokens: [b, 1, d]. A choice has no gradient: the
    /// layer learns by its own loss.
    pub(super) fn embedded(&self, z: &Tensor) -> Result<Option<Tensor>> {
        let Some(table) = &self.embedding else { return Ok(None) };
        let told = self.logits(&z.detach())?.detach().argmax(D::Minus1)?;
        numeric::embedding(table, &told)?.unsqueeze(1).map(Some)
    }
}

impl TransformerVae {
    /// Logits [b, labels] of the labels that [`Config::labels`] names, of latents [b, n, L].
    ///
    /// # Errors
    /// A model without labels; latents of another size.
    pub fn label_logits(&self, z: &Tensor) -> Result<Tensor> {
        match self.latent.labels() {
            Some(layer) => layer.logits(z),
            None => candle_core::bail!("this model tells no labels"),
        }
    }

    /// The most probable label of each of the latents, as its number among those that [`Config::labels`] names, and its probability.
    ///
    /// # Errors
    /// A model without labels; latents of another shape than the model's.
    pub fn tell_labels(&self, latents: &[Latent]) -> std::result::Result<Vec<(u32, f32)>, Error> {
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let logits = self.label_logits(&self.latent_tensor(latents)?)?.detach();
        let rows = logits.to_dtype(DType::F32)?.to_device(&Device::Cpu)?.to_vec2::<f32>()?;
        let told = rows.into_iter().map(|row| {
            let (label, top) =
                (0u32..).zip(&row).fold((0, f32::NEG_INFINITY), |best, (label, &logit)| {
                    if logit > best.1 {
                        (label, logit)
                    } else {
                        best
                    }
                });
            (label, 1.0 / row.iter().map(|logit| (logit - top).exp()).sum::<f32>())
        });
        Ok(told.collect())
    }
}
