//! Which values no run can have.

use super::{Budget, TrainConfig};
use crate::model::{Bottleneck, EncoderKind, Family, GridPooling, Regulariser};
use crate::train::TrainError;

impl TrainConfig {
    /// Rejects values that no run can have, naming the option.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the option, its value and what was expected.
    pub fn validate(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        if self.heads == 0 || !self.d_model.is_multiple_of(self.heads) {
            return fail(format!(
                "d_model = {} must be a multiple of heads = {}",
                self.d_model, self.heads
            ));
        }
        for (name, value) in [
            ("batch", self.batch),
            ("accumulate", self.accumulate),
            ("shards", self.shards),
            ("d_model", self.d_model),
            ("d_ff", self.d_ff),
            ("decoder_layers", self.decoder_layers),
            ("latent_tokens", self.latent_tokens),
            ("latent_size", self.latent_size),
        ] {
            if value == 0 {
                return fail(format!("{name} must be at least 1"));
            }
        }
        if self.encoder_blocks.is_empty() || self.encoder_blocks.contains(&0) {
            return fail("encoder_blocks must name at least one layer per block".to_owned());
        }
        if !self.attention.is_possible() {
            return fail(format!(
                "attention.window = {} must be at least 2",
                self.attention.window
            ));
        }
        // The original's family has no queries.
        let one_latent =
            self.encoder == EncoderKind::T5 && (!self.queries || self.family == Family::Seed);
        if one_latent && self.latent_tokens != 1 {
            return fail(format!(
                "latent_tokens = {} must be 1 with encoder = \"t5\" where there are no queries",
                self.latent_tokens
            ));
        }
        if self.shards > self.batch {
            return fail(format!("shards = {} is more than batch = {}", self.shards, self.batch));
        }
        if self.max_len < 4 {
            return fail(format!("max_len = {} must be at least 4", self.max_len));
        }
        let n = &self.noise;
        for (name, rate) in [
            ("noise.delete", n.delete),
            ("noise.substitute", n.substitute),
            ("noise.mask", n.mask),
            ("noise.mlm", n.mlm),
            ("noise.reading", n.reading),
            ("label_smoothing", self.label_smoothing),
            ("noise.decoder", n.decoder),
            ("noise.blind", n.blind),
            ("noise.null_latent", n.null_latent),
            ("noise.latent_clean", n.latent_clean),
            ("noise.latent_ramp", n.latent_ramp),
            ("blend.share", self.blend.share),
            ("blend.from", self.blend.from),
            ("optimiser.warmup", self.optimiser.warmup),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return fail(format!("{name} = {rate} must be between 0 and 1"));
            }
        }
        if self.family == Family::Seed && n.null_latent > 0.0 {
            return fail(format!(
                "noise.null_latent = {} must be 0 with family = seed, which has no null latent",
                n.null_latent
            ));
        }
        if n.delete + n.substitute + n.mask > 1.0 {
            return fail("noise.delete, substitute and mask together exceed 1".to_owned());
        }
        if !(self.optimiser.learning_rate > 0.0 && self.optimiser.learning_rate.is_finite()) {
            return fail(format!(
                "learning_rate = {} must be above 0",
                self.optimiser.learning_rate
            ));
        }
        self.validate_objectives()?;
        self.validate_latents()?;
        self.validate_pixels()?;
        match self.budget {
            Budget::Steps(0) => fail("steps must be at least 1".to_owned()),
            Budget::Minutes(m) if !(m > 0.0 && m.is_finite()) => {
                fail(format!("minutes = {m} must be above 0"))
            }
            _ => Ok(()),
        }
    }
    /// Options on pictures need pictures, whose pixels keep their places.
    fn validate_pixels(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        let p = &self.pixels;
        if !(p.neighbours >= 0.0 && p.neighbours.is_finite()) {
            return fail(format!("pixels.neighbours = {} must be 0 or above", p.neighbours));
        }
        if p.neighbours > 0.0 && self.grid().is_none() {
            return fail(format!(
                "pixels.neighbours = {} needs a domain of pictures, such as mnist, and max_len = 83 or more",
                p.neighbours
            ));
        }
        let places = p.pooling != GridPooling::Sequence || p.embeddings;
        if !places {
            return Ok(());
        }
        if self.grid().is_none() {
            return fail(
                "pixels.pooling and pixels.embeddings need a domain of pictures, such as mnist, and max_len = 83 or more"
                    .into(),
            );
        }
        if self.family == Family::Seed {
            return fail("pixels.pooling and pixels.embeddings need family = sphere".into());
        }
        if self.noise.delete > 0.0 {
            return fail(format!(
                "noise.delete = {} must be 0 with pixels.pooling or pixels.embeddings: pixels have to keep their places",
                self.noise.delete
            ));
        }
        Ok(())
    }

    /// Regulariser and bottleneck have to fit each other, and their own options have to make sense.
    fn validate_latents(&self) -> Result<(), TrainError> {
        let fail = |text: String| Err(TrainError::Config(text));
        // The original's family has no bottleneck but tanh, whatever is set.
        let bottleneck = match self.family {
            Family::Seed => Bottleneck::Tanh,
            Family::Sphere => self.bottleneck,
        };
        if self.regulariser == Regulariser::Kl && bottleneck != Bottleneck::Gaussian {
            return fail(
                "regulariser = kl needs bottleneck = gaussian: other latents have no posterior"
                    .into(),
            );
        }
        if bottleneck.is_discrete() && self.regulariser != Regulariser::None {
            return fail(
                "bottleneck = vq and fsq keep latents apart by themselves: set regulariser = none"
                    .into(),
            );
        }
        if !(self.reg_weight >= 0.0 && self.reg_weight.is_finite()) {
            return fail(format!("reg_weight = {} must be 0 or above", self.reg_weight));
        }
        if self.projections == 0 {
            return fail("projections must be at least 1".into());
        }
        let (kl, vq, levels) = (&self.kl, &self.vq, &self.fsq.levels);
        for (name, value) in
            [("kl.free_bits", kl.free_bits), ("vq.commitment", vq.commitment), ("vq.dead", vq.dead)]
        {
            if !(value >= 0.0 && value.is_finite()) {
                return fail(format!("{name} = {value} must be 0 or above"));
            }
        }
        if !(0.0..=1.0).contains(&kl.anneal) {
            return fail(format!("kl.anneal = {} must be between 0 and 1", kl.anneal));
        }
        if !(0.0..1.0).contains(&vq.decay) {
            return fail(format!("vq.decay = {} must be 0 or above and below 1", vq.decay));
        }
        if bottleneck == Bottleneck::Vq && vq.codes < 2 {
            return fail(format!("vq.codes = {} must be at least 2", vq.codes));
        }
        let fits = !levels.is_empty() && self.latent_size.is_multiple_of(levels.len());
        if bottleneck == Bottleneck::Fsq && !(fits && levels.iter().all(|&l| l >= 2)) {
            return fail(format!(
                "fsq.levels = {levels:?} must be numbers of 2 or more, and as many as divide latent_size = {}",
                self.latent_size
            ));
        }
        Ok(())
    }
}
