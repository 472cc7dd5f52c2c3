//! The groups of options of the objectives beside the cross entropy of lines. All are off unless a weight or a share says so.

use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::train::TrainError;

/// What the decoder reads at an interpolated latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterpolationInputs {
    /// The text that it decodes there greedily, as when it is used; the original's way.
    Greedy,
    /// The text of the nearer line: needs no decoding.
    Forced,
}

/// The critic (ACAI, Berthelot et al. 2019, arXiv 1807.07543): a network with weights of its own reads the decoder's hidden
/// states h(α) at the latent z(α) on the way from one line to the next, α drawn from U(0, ½), and tells α. Over the mean of
/// these rows it lowers (d(h(α)) − α)² + d(γ h(x) + (1 − γ) h(x̂))², and the autoencoder lowers weight · d(h(α))², so that what
/// lies between lines looks like what lies at one. h(x) are the states at a line's own latent under its text, h(x̂) those under
/// its greedy decode, and γ is 0.2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Critic {
    /// Weight of the autoencoder's part, λ. 0, the default, is without a critic; the paper's is 0.5, the original's 1.
    pub weight: f64,
    /// Interpolated rows, as a share of the batch.
    pub share: f64,
    /// Share of the run after which the autoencoder is trained against the critic, which itself learns from the start.
    pub from: f64,
    /// How the critic comes to one number.
    pub head: CriticHead,
    /// Transformer layers of the critic, of the decoder's width.
    pub layers: usize,
}

impl Default for Critic {
    fn default() -> Self {
        Self { weight: 0.0, share: 0.25, from: 0.1, head: CriticHead::FirstToken, layers: 1 }
    }
}

/// How the critic comes from its hidden states c to one number; the original's three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticHead {
    /// ½ sigmoid(w · c₀ + b) of the first position.
    FirstToken,
    /// The mean of ½ sigmoid(w · cₜ + b) over the text's positions.
    Mean,
    /// The mean of w · cₜ + b over the text's positions.
    MeanLinear,
}

/// The cycle loss: what is decoded at an interpolated latent z is encoded again and has to come back, weight · the mean over
/// rows and latent tokens of ‖ẑ − z‖² / (2 ‖z‖²), which is 1 − cos(ẑ, z) where both lie on the sphere; z is not moved by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cycle {
    /// Weight. 0, the default, is without; the original's is 1.
    pub weight: f64,
    /// Interpolated rows, as a share of the batch.
    pub share: f64,
    /// Share of the run after which it begins.
    pub from: f64,
    /// Which way it goes round.
    pub kind: CycleKind,
}

impl Default for Cycle {
    fn default() -> Self {
        Self { weight: 0.0, share: 0.125, from: 0.1, kind: CycleKind::States }
    }
}

/// Which way the cycle loss goes round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleKind {
    /// Through decoder and encoder: the encoder reads the embeddings that the decoder's distributions expect.
    States,
    /// Through the two maps between latents and tokens alone, without the transformers.
    Vae,
}

/// The smoothness loss (AEAI, Oring et al. 2020, arXiv 2008.01487): the decoder's logits ℓ move slowly along the way between
/// two lines, weight · the mean over positions and words of (ℓ(α + δ) − ℓ(α))² / δ², with the same decoder inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smoothness {
    /// Weight. 0, the default, is without; 0.01 to 0.1 is where to start, since the quantity comes to about ½ where a decoder
    /// listens to its latents.
    pub weight: f64,
    /// Interpolated rows, as a share of the batch.
    pub share: f64,
    /// Share of the run after which it begins.
    pub from: f64,
    /// Step of the ratio, δ.
    pub delta: f64,
    /// Positions per row whose logits are compared, at most.
    pub positions: usize,
}

impl Default for Smoothness {
    fn default() -> Self {
        Self { weight: 0.0, share: 0.125, from: 0.1, delta: 0.05, positions: 8 }
    }
}

/// The bag-of-words loss (Zhao et al. 2017, arXiv 1703.10960): the latent alone, read without order by the language-model head,
/// tells which words a text has, so that it holds what the text is about and not only how it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Weight beside the cross entropy; both are means over tokens, in nats. 0, the default, is without.
    pub weight: f64,
}

impl Default for Words {
    fn default() -> Self {
        Self { weight: 0.0 }
    }
}

/// The class loss: a linear layer of the model tells a line's label from its noisy latents, so that they are told apart by it (the
/// label as a second target of the encoder, Kingma et al. 2014, arXiv 1406.5298). A line without a label has no part in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Classes {
    /// Weight of the mean over labelled lines, in nats, beside the cross entropy of tokens. 0, the default, is without.
    pub weight: f64,
    /// Whether the decoder is told which label the layer finds most probable, as an embedding that is added to its memory: that of
    /// the clean latents while it learns from noisy ones. What it gives between two labels is of one of them then and no blend
    /// of both (the label as a latent variable of its own, the same paper's M2).
    #[serde(default)]
    pub decoder: bool,
}

impl Default for Classes {
    fn default() -> Self {
        Self { weight: 0.0, decoder: false }
    }
}

/// Self-distillation: late in the run the model's own decodes between two lines are taught to it. At a latent between a line
/// and a partner, at a ratio from U(`edge`, 1 − `edge`), so many samples are drawn with the weights as they are; of those
/// that the domain accepts, that copy no end and that are nearer to both ends than these are to one another, the most probable
/// per token becomes a text that the decoder gives at that latent and that the encoder maps there. With `sure`, a sample counts
/// only where `judge` takes it for the label of one of its ends (away from the middle: of the nearer one) with so much probability. With `pool`, so many times as many pairs
/// are looked at, and those whose greedy decode is not accepted go first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distill {
    /// Such texts, as a share of the batch, a half at most. 0, the default, is without.
    pub share: f64,
    /// Share of the run after which it begins.
    pub from: f64,
    /// How near to an end the ratio comes.
    #[serde(default = "edge")]
    pub edge: f64,
    /// Pairs whose greedy decode is looked at, per pair that is taught. 1, the default, takes pairs as they come.
    #[serde(default = "pool")]
    pub pool: usize,
    /// Samples per pair.
    pub samples: usize,
    /// Least probability of an end's label. 0, the default, asks for none.
    #[serde(default)]
    pub sure: f64,
    /// What tells the label of a sample.
    #[serde(default)]
    pub judge: LabelJudge,
    /// Weight of these texts' tokens, and of the distance of their latents as in [`Cycle`]; a line's own tokens weigh 1.
    pub weight: f64,
    /// Weight, as a share of this, of a sample of the same latent that is not accepted and is made less probable: the two differ in
    /// what they are accepted for, and what both have cancels (a policy gradient whose baseline is another sample, Ahmadian et
    /// al. 2024). With it the accepted one is the first drawn, and pairs that have not both are left out. 0, the default, learns
    /// from accepted samples only.
    #[serde(default)]
    pub against: f64,
}

impl Default for Distill {
    fn default() -> Self {
        Self {
            share: 0.0,
            from: 0.85,
            edge: edge(),
            pool: pool(),
            samples: 8,
            sure: 0.0,
            judge: LabelJudge::default(),
            weight: 1.0,
            against: 0.0,
        }
    }
}

/// What tells the label of a text that the model has decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelJudge {
    /// The layer of [`Classes`], from the latents that the model's own encoder gives it.
    #[default]
    Latents,
    /// A classifier of pictures, which the run fits on its training lines before its first step; for digits.
    Pictures,
}

/// In the middle between two lines only.
fn edge() -> f64 {
    0.3
}

/// Pairs as they come.
fn pool() -> usize {
    1
}

/// The largest share of a batch that self-distillation may take.
const MOST_DISTILLED: f64 = 0.5;

impl TrainConfig {
    /// Whether samples of self-distillation are judged as pictures.
    pub(in crate::train) fn distills_pictures(&self) -> bool {
        let Distill { share, weight, judge, .. } = self.distill;
        judge == LabelJudge::Pictures && share > 0.0 && weight > 0.0
    }

    /// Rejects values of the groups above that no run can have, naming the option.
    pub(super) fn validate_objectives(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        let (c, y, s, d) = (&self.critic, &self.cycle, &self.smoothness, &self.distill);
        for (name, weight) in [
            ("critic.weight", c.weight),
            ("cycle.weight", y.weight),
            ("smoothness.weight", s.weight),
            ("words.weight", self.words.weight),
            ("classes.weight", self.classes.weight),
            ("distill.weight", d.weight),
        ] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return fail(format!("{name} = {weight} must be 0 or above"));
            }
        }
        for (name, share) in [
            ("critic.share", c.share),
            ("critic.from", c.from),
            ("cycle.share", y.share),
            ("cycle.from", y.from),
            ("smoothness.share", s.share),
            ("smoothness.from", s.from),
            ("distill.from", d.from),
            ("distill.sure", d.sure),
            ("distill.against", d.against),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return fail(format!("{name} = {share} must be between 0 and 1"));
            }
        }
        if !(0.0..=MOST_DISTILLED).contains(&d.share) {
            return fail(format!(
                "distill.share = {} must be between 0 and {MOST_DISTILLED}",
                d.share
            ));
        }
        if self.classes.decoder && self.classes.weight <= 0.0 {
            return fail("classes.decoder = true needs a classes.weight above 0".to_owned());
        }
        match d.judge {
            LabelJudge::Latents if d.sure > 0.0 && self.classes.weight <= 0.0 => {
                return fail(format!("distill.sure = {} needs a classes.weight above 0", d.sure));
            }
            LabelJudge::Pictures if self.domain != "mnist" => {
                return fail("distill.judge = pictures needs a domain of pictures".to_owned());
            }
            LabelJudge::Latents | LabelJudge::Pictures => (),
        }
        if !(0.0..0.5).contains(&d.edge) {
            return fail(format!("distill.edge = {} must be 0 or above and below 0.5", d.edge));
        }
        if !(s.delta > 0.0 && s.delta <= 0.5) {
            return fail(format!("smoothness.delta = {} must be above 0 and at most 0.5", s.delta));
        }
        for (name, count) in [
            ("smoothness.positions", s.positions),
            ("distill.pool", d.pool),
            ("distill.samples", d.samples),
        ] {
            if count == 0 {
                return fail(format!("{name} must be at least 1"));
            }
        }
        Ok(())
    }
}
