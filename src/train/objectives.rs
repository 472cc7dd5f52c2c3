//! Values of the objectives beside the cross entropy of lines and the regulariser, where they are on.

use serde::{Deserialize, Serialize};

/// Values of a step, or parts of them that shards add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objectives {
    /// What the critic lowers: its squared errors on interpolations and on lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critic: Option<f64>,
    /// What the autoencoder lowers against the critic: the mean square of the ratios that it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adversarial: Option<f64>,
    /// Distance of interpolated latents from those that their decodes are encoded to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<f64>,
    /// Mean squared change of logits per ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoothness: Option<f64>,
    /// Cross entropy per token of a text's words told from its latent alone, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<f64>,
    /// Cross entropy per line of its label told from its latents, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<f64>,
    /// Cross entropy per token of the texts of self-distillation, nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distilled: Option<f64>,
    /// Distance of these texts' latents from where they were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distilled_latent: Option<f64>,
    /// Such texts in a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distilled_texts: Option<f64>,
}

/// Number of values.
const COUNT: usize = 9;

impl Objectives {
    fn values(&self) -> [Option<f64>; COUNT] {
        [
            self.critic,
            self.adversarial,
            self.cycle,
            self.smoothness,
            self.words,
            self.classes,
            self.distilled,
            self.distilled_latent,
            self.distilled_texts,
        ]
    }

    fn of(values: [Option<f64>; COUNT]) -> Self {
        let [critic, adversarial, cycle, smoothness, words, classes, distilled, distilled_latent, distilled_texts] =
            values;
        Self {
            critic,
            adversarial,
            cycle,
            smoothness,
            words,
            classes,
            distilled,
            distilled_latent,
            distilled_texts,
        }
    }

    /// All values times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self::of(self.values().map(|value| value.map(|value| value * factor)))
    }

    /// Both added up; a value that only one has is that one's.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (a, b) = (self.values(), other.values());
        Self::of(std::array::from_fn(|i| match (a[i], b[i]) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        }))
    }
}

/// Means over steps, each value over those that have it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means {
    sums: [f64; COUNT],
    steps: [usize; COUNT],
}

impl Means {
    /// Takes a step's values in.
    pub fn add(&mut self, step: &Objectives) {
        for (i, value) in step.values().into_iter().enumerate() {
            if let Some(value) = value {
                self.sums[i] += value;
                self.steps[i] += 1;
            }
        }
    }

    /// The means; nothing for what no step had.
    #[must_use]
    pub fn means(&self) -> Objectives {
        Objectives::of(std::array::from_fn(|i| {
            (self.steps[i] > 0).then(|| self.sums[i] / self.steps[i] as f64)
        }))
    }
}
