//! What a training run is told: shape of the model, noise, optimiser, batches, budget; and the presets.

mod argument_sets;
mod combine;
mod latents;
mod objectives;
mod options;
mod parts;
mod presets;
mod validate;

use serde::{Deserialize, Serialize};

use super::TrainError;
use crate::domain::{domain, Codec, Grid, PAD_ID, START_ID};
use crate::model::{
    Bottleneck, Checkpointing, Config, DecoderAttention, EncoderKind, Family, GridConfig,
    GridPooling, LabelsConfig, NestingConfig, Queries, Regulariser, SphereShape, TvaeConfig,
};
use crate::numeric::{Near, Precision, Role, Smoothing};
pub use argument_sets::{ArgumentSet, ARGUMENT_SETS};
pub use combine::{PresetNames, PresetNamesError};
pub use latents::{Fsq, Kl, Vq};
pub use objectives::{
    Classes, Critic, CriticHead, Cycle, CycleKind, Distill, InterpolationInputs, LabelJudge,
    Smoothness, Words,
};
pub use options::{reference, train_option, TrainOption, OPTIONS};
pub use parts::{Blend, Budget, Decay, Noise, Optimiser, OptimiserKind, Pixels};
pub use presets::Preset;

/// Everything that decides a run. Read from TOML by `--config`, written to `trainer.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// What kind of sequences: `python`, `mnist`, `headlines` or `text`.
    pub domain: String,
    /// The preset that the other values started from.
    pub preset: Preset,
    /// Argument sets of the original that were put over it, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argument_sets: Vec<String>,
    /// Seed of every random draw.
    pub seed: u64,
    /// Name of the model whose weights the run starts from (`--start-from`); else they are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<String>,
    /// Model family.
    pub family: Family,
    /// Vocabulary of the tokenizer that the run trains.
    pub vocab: usize,
    /// Lines that the tokenizer is trained on, from the start of the data.
    pub tokenizer_lines: usize,
    /// Longest sequence in tokens, the end token included; longer lines are left out and counted.
    pub max_len: usize,
    /// Width of the transformer.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub d_ff: usize,
    /// Funnel layers per block; between blocks the sequence is pooled by two.
    pub encoder_blocks: Vec<usize>,
    /// T5 decoder layers.
    pub decoder_layers: usize,
    /// The encoder. Ablation: `t5`, with as many layers as `encoder_blocks` has together, and no pooling; without `queries`
    /// it gives one latent token, of the mean of its states.
    pub encoder: EncoderKind,
    /// How far the decoder's self-attention looks back. Ablation: `blocks` or `sliding` with a `window`.
    pub attention: DecoderAttention,
    /// Latent tokens, n.
    pub latent_tokens: usize,
    /// Numbers per latent token, L.
    pub latent_size: usize,
    /// Whether each latent token has a learned embedding. Ablation: false.
    pub slots: bool,
    /// Whether the latents are read from learned query tokens; else from the first n pooled positions. Ablation: false.
    pub queries: bool,
    /// Whether the decoder is told with every token which brackets and strings are open, where the domain's texts have any; not
    /// under family `seed`. Ablation: false.
    #[serde(default)] // A run of before the option has to be resumed without.
    pub nesting: bool,
    /// Whether it is also told of the clauses, where the domain's texts have any. Ablation: false.
    #[serde(default)] // As `nesting`.
    pub clauses: bool,
    /// What a latent token goes through: sphere, tanh, gaussian, vq, fsq or none. Ablation: tanh, none.
    pub bottleneck: Bottleneck,
    /// What keeps the latents spread out: mmd_imq, mmd_rbf, mmd_original, sliced_wasserstein, kl (with gaussian) or none, which
    /// the codes of vq and fsq ask for. Ablation: none, the original's MMD.
    pub regulariser: Regulariser,
    /// Weight of the regulariser; the original's is scheduled on top of it. Ablation: 0.
    pub reg_weight: f64,
    /// Latent tokens that the regulariser looks at, at most, per batch.
    pub reg_max_tokens: usize,
    /// Random projections of `sliced_wasserstein` per step.
    pub projections: usize,
    /// Free bits and annealing of the regulariser `kl`.
    pub kl: Kl,
    /// The codebook of the bottleneck `vq`.
    pub vq: Vq,
    /// The levels of the bottleneck `fsq`.
    pub fsq: Fsq,
    /// What is made of it that a sequence is a picture.
    pub pixels: Pixels,
    /// Corruption.
    pub noise: Noise,
    /// Texts between two lines, taught at latents between theirs.
    pub blend: Blend,
    /// Optimiser and schedule.
    pub optimiser: Optimiser,
    /// Sequences per batch.
    pub batch: usize,
    /// Parts of a batch that are computed side by side, one thread each. Part of the result: sums are taken in shard order.
    pub shards: usize,
    /// Layers whose results are computed again in the backward pass and not kept: less memory, more time, the same result.
    pub checkpoint: Checkpointing,
    /// Products with weights: f32, or bf16 with sums and weights kept in single precision. Our presets take bf16 where the
    /// processor has an instruction for it.
    pub precision: Precision,
    /// Length of the run.
    pub budget: Budget,
    /// Lines held out for evaluation when no validation file is given.
    pub held_out: usize,
    /// Pairs of held-out lines whose ladders are decoded at every evaluation.
    pub pairs: usize,
    /// Pairs of the last evaluation, which also reconstructs every held-out line.
    pub final_pairs: usize,
    /// Evaluate every so many steps; 0: by time.
    pub eval_steps: usize,
    /// Evaluate every so many minutes, where `eval_steps` is 0.
    pub eval_minutes: f64,
    /// Ends of the ladder that is decoded at every evaluation; two held-out lines where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<[String; 2]>,
    /// Models of earlier evaluations that are kept beside the run; 0 for none.
    pub history: usize,
    /// Whether figures, ladders and samples are also written for TensorBoard, into the run's folder.
    pub tensorboard: bool,
    /// Save a checkpoint every so many minutes.
    pub save_minutes: f64,
    /// Save a checkpoint every so many steps; 0: by time.
    pub save_steps: usize,
    /// Batches whose gradients are summed before a step. The step is that of one batch so many times as large, except that
    /// each batch has its regulariser of its own. Ablation: 1.
    pub accumulate: usize,
    /// Share of every label that is spread evenly over the vocabulary (Szegedy et al. 2016); evaluations are without.
    /// Ablation: 0.
    pub label_smoothing: f64,
    /// Whether a whole epoch's lines are sorted by their number of tokens before they are cut into batches, so that next to no
    /// padding is computed; else 50 batches at a time are. Batches come in random order either way. Ablation: false.
    pub token_sort: bool,
    /// What the decoder reads at interpolated latents for critic, cycle and smoothness. Ablation: forced.
    pub interpolation_inputs: InterpolationInputs,
    /// A critic that tells interpolations from lines.
    pub critic: Critic,
    /// Decodes of interpolations encoded again.
    pub cycle: Cycle,
    /// Slow change of the logits along the way between lines.
    pub smoothness: Smoothness,
    /// The words of a text told from its latent alone.
    #[serde(default)]
    pub words: Words,
    /// The label of a line told from its latents.
    #[serde(default)]
    pub classes: Classes,
    /// The model's own decodes between lines, learnt late in the run.
    pub distill: Distill,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self::preset(Preset::Cpu, "python")
    }
}

impl TrainConfig {
    /// The configuration of the model that this run trains with a tokenizer, of which `vocab` words count, on lines with these labels.
    ///
    /// # Errors
    /// As [`Self::model_config`].
    pub fn model_config_for(
        &self,
        codec: &Codec,
        vocab: usize,
        labels: Vec<String>,
    ) -> Result<Config, TrainError> {
        let mut config = self.model_config(vocab)?;
        if let Some(tvae) = &mut config.tvae {
            tvae.nesting = self.nesting_config(codec);
            let decoder = self.classes.decoder;
            let told = self.classes.weight > 0.0 && !labels.is_empty();
            tvae.labels = told.then_some(LabelsConfig { names: labels, decoder });
        }
        Ok(config)
    }

    /// As [`Self::model_config_for`] without what a tokenizer's tokens and the data's labels say.
    ///
    /// # Errors
    /// [`TrainError::Model`] where the sizes do not fit together.
    pub fn model_config(&self, vocab: usize) -> Result<Config, TrainError> {
        let mut config = Config::sphere(SphereShape {
            vocab,
            d_model: self.d_model,
            heads: self.heads,
            d_ff: self.d_ff,
            encoder_blocks: self.encoder_blocks.clone(),
            decoder_layers: self.decoder_layers,
            latent_tokens: self.latent_tokens,
            latent_size: self.latent_size,
            max_len: self.max_len,
            pad: PAD_ID,
            eos: START_ID,
        })?;
        let seed = self.family == Family::Seed;
        if seed {
            // The original's encoder: a class position apart, upsampled latents, its activation.
            config.funnel.hidden_act = "gelu_new".to_owned();
            config.funnel.separate_cls = true;
            config.funnel.truncate_seq = true;
            config.skip_upsample = false;
        }
        if self.encoder == EncoderKind::T5 {
            config.t5.num_layers = Some(self.encoder_blocks.iter().sum());
            config.skip_upsample = true;
        }
        config.tvae = Some(TvaeConfig {
            family: self.family,
            bottleneck: self.bottleneck,
            codebook: (self.bottleneck == Bottleneck::Vq).then_some(self.vq.codes),
            fsq_levels: match self.bottleneck {
                Bottleneck::Fsq => self.fsq.levels.clone(),
                _ => Vec::new(),
            },
            reg: self.regulariser,
            reg_weight: self.reg_weight,
            reg_max_tokens: self.reg_max_tokens,
            slots: self.slots,
            queries: if self.queries { Queries::Prepended } else { Queries::Pooled },
            encoder: self.encoder,
            attention: self.attention,
            grid: self.grid_config(),
            nesting: None,
            labels: None,
            latent_noise_max: self.noise.latent_max,
            latent_noise_clean: self.noise.latent_clean,
            latent_noise_ramp: self.noise.latent_ramp,
            input_delete: self.noise.delete,
            input_substitute: self.noise.substitute,
            input_mask: self.noise.mask,
            decoder_noise: self.noise.decoder,
            null_latent: self.noise.null_latent,
            domain: self.domain.clone(),
            max_len: self.max_len,
            bf16_agreement: None,
        });
        Ok(config)
    }

    /// Tokens that open and close brackets and strings, where the decoder is to be told what is open.
    fn nesting_config(&self, codec: &Codec) -> Option<NestingConfig> {
        let told = self.nesting && self.family == Family::Sphere;
        let brackets = domain(&self.domain).ok()?.brackets().filter(|_| told)?;
        let each = |pieces: &[&str]| pieces.iter().map(|piece| codec.ids_of(piece)).collect();
        let close: Vec<Vec<u32>> = each(brackets.close);
        Some(NestingConfig {
            open: each(brackets.open),
            close: close.concat(),
            quote: each(brackets.quotes),
            escape: codec.ids_of(brackets.escape),
            roles: if self.clauses { self.roles(codec) } else { String::new() },
        })
    }

    /// What every token is to clauses; empty where none is anything.
    fn roles(&self, codec: &Codec) -> String {
        let Ok(domain) = domain(&self.domain) else { return String::new() };
        let role = |id| codec.decode(&[id]).map_or(Role::Nothing, |piece| domain.role(&piece));
        let roles: Vec<Role> = (0..codec.vocab_size() as u32).map(role).collect();
        if roles.iter().all(|role| *role == Role::Nothing) {
            return String::new();
        }
        roles.into_iter().map(Role::code).collect()
    }

    /// How sequences lie on a picture, where the domain's do.
    fn grid(&self) -> Option<Grid> {
        domain(&self.domain).ok()?.grid(self.max_len)
    }

    /// What the model makes of that; `None` for nothing.
    fn grid_config(&self) -> Option<GridConfig> {
        let Pixels { pooling, embeddings, .. } = self.pixels;
        if pooling == GridPooling::Sequence && !embeddings {
            return None;
        }
        let Grid { side, before, .. } = self.grid()?;
        Some(GridConfig { side, before, pooling, embeddings })
    }

    /// How targets are softened.
    pub(super) fn smoothing(&self) -> Smoothing {
        let width = self.pixels.neighbours;
        let levels = self.grid().map(|grid| grid.levels).filter(|_| width > 0.0);
        let near = levels.map(|l| Near { first: l.start, count: l.end - l.start, width });
        Smoothing { even: self.label_smoothing, near }
    }
}
