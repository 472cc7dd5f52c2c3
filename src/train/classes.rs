//! The label of a line told from its latents.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::latent::Latent;
use crate::numeric;

/// A linear layer from latents to labels, which learns beside the model and is not part of it.
pub struct ClassLayer {
    /// [labels, n · L].
    weight: Var,
    /// [labels].
    bias: Var,
}

impl ClassLayer {
    /// One of zeros, for so many labels and numbers of a latent.
    ///
    /// # Errors
    /// Where memory for it cannot be had.
    pub fn new(labels: usize, numbers: usize, device: &Device) -> Result<Self> {
        Ok(Self {
            weight: Var::zeros((labels, numbers), DType::F32, device)?,
            bias: Var::zeros(labels, DType::F32, device)?,
        })
    }

    /// Its parameters by name.
    #[must_use]
    pub fn parameters(&self) -> [(String, Var); 2] {
        [("weight", &self.weight), ("bias", &self.bias)]
            .map(|(name, var)| (format!("classes.{name}"), var.clone()))
    }

    /// Logits [rows, labels] of latents [rows, n, L].
    ///
    /// # Errors
    /// Latents of another size.
    pub fn logits(&self, latents: &Tensor) -> Result<Tensor> {
        numeric::linear(&latents.flatten_from(1)?, &self.weight, Some(&self.bias))
    }

    /// The most probable label of each of the latents, and its probability.
    ///
    /// # Errors
    /// Latents of another size.
    pub fn tell(&self, latents: &[Latent]) -> Result<Vec<(u32, f32)>> {
        let Some(first) = latents.first() else { return Ok(Vec::new()) };
        let values: Vec<f32> = latents.iter().flat_map(|z| &z.values).copied().collect();
        let shape = (latents.len(), first.tokens, first.size);
        let latents = Tensor::from_vec(values, shape, self.weight.device())?;
        let rows = self.logits(&latents)?.detach().to_device(&Device::Cpu)?.to_vec2::<f32>()?;
        let told = rows.into_iter().map(|row| {
            let (label, top) =
                row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (label, &logit)| {
                    if logit > best.1 {
                        (label, logit)
                    } else {
                        best
                    }
                });
            (label as u32, 1.0 / row.iter().map(|logit| (logit - top).exp()).sum::<f32>())
        });
        Ok(told.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::bag_of_words::bag_of_words;

    #[test]
    fn a_new_layer_knows_nothing_and_learns_from_the_gradient() {
        let device = Device::Cpu;
        let layer = ClassLayer::new(3, 4, &device).expect("a layer");
        let latents = Tensor::new(&[[[1f32, 0.], [0., 1.]], [[0., 1.], [1., 0.]]], &device);
        let latents = latents.expect("latents");
        let loss = || {
            let logits = layer.logits(&latents).expect("logits");
            assert_eq!(logits.dims(), [2, 3]);
            bag_of_words(&logits, [(0, 2), (1, 0)].into_iter()).expect("a loss")
        };
        let value = |loss: &Tensor| loss.to_scalar::<f32>().expect("one number");
        assert!((value(&loss()) - 2.0 * 3f32.ln()).abs() < 1e-5);
        for _ in 0..50 {
            let grads = loss().backward().expect("gradients");
            for (_, var) in layer.parameters() {
                let step = (grads.get(&var).expect("a gradient") * 0.5).expect("a step");
                var.set(&(var.as_tensor() - step).expect("less")).expect("set");
            }
        }
        assert!(value(&loss()) < 0.2);
        let latent = |values: [f32; 4]| Latent { tokens: 2, size: 2, values: values.to_vec() };
        let told = layer.tell(&[latent([1., 0., 0., 1.]), latent([0., 1., 1., 0.])]).expect("told");
        assert_eq!([told[0].0, told[1].0], [2, 0]);
        assert!(told.iter().all(|&(_, p)| p > 0.9 && p < 1.0), "{told:?}");
    }
}
