//! Every option of a run with its explanation: what the form of the train screen, `--set` and the reference are made of.

use toml::{Table, Value};

use super::{Budget, Preset, TrainConfig};
use crate::train::TrainError;

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainOption {
    /// Its key in a configuration, with the group in front: `noise.mask`.
    pub key: &'static str,
    /// What it is and when to change it, in one line.
    pub about: &'static str,
    /// The values that it can have, where these are names.
    pub choices: &'static [&'static str],
    /// Whether most runs are well advised to look at it.
    pub matters: bool,
}

const fn option(key: &'static str, about: &'static str) -> TrainOption {
    TrainOption { key, about, choices: &[], matters: false }
}

const fn choice(
    key: &'static str,
    choices: &'static [&'static str],
    about: &'static str,
) -> TrainOption {
    TrainOption { choices, ..option(key, about) }
}

/// One that matters to most runs.
const fn first(option: TrainOption) -> TrainOption {
    TrainOption { matters: true, ..option }
}

const SWITCH: &[&str] = &["true", "false"];

/// All options, in the order of the reference.
pub const OPTIONS: &[TrainOption] = &[
    first(option("budget.minutes", "length of the run in minutes; more is better until the held-out figures stop rising")),
    option("budget.steps", "length of the run in steps instead: for runs that are to be repeated exactly"),
    option("seed", "decides every random draw: two seeds tell how much of a difference is chance"),
    choice("family", &["sphere", "seed"], "sphere: ours; seed: the original, with its upsampling, scales and start"),
    option("vocab", "words of the tokenizer; more make sequences shorter and the model larger"),
    option("tokenizer_lines", "lines that the tokenizer is trained on, from the start of the data"),
    first(option("max_len", "longest sequence in tokens, its end included; longer lines are left out and counted")),
    first(option("d_model", "width of the transformer; cost grows with its square")),
    option("heads", "attention heads; d_model must be a multiple"),
    option("d_ff", "width of the feed-forward layers, as a rule four times d_model"),
    option("encoder_blocks", "Funnel layers per block; between blocks the sequence is halved: [2, 2]"),
    option("decoder_layers", "T5 decoder layers; decoding time grows with them"),
    choice("encoder", &["funnel", "t5"], "t5: the encoder of the earlier T5-VAE, as a baseline; without queries it gives one latent token"),
    choice("attention.kind", &["full", "blocks", "sliding"], "how far the decoder looks back: within windows for sequences of several hundred tokens"),
    option("attention.window", "tokens of such a window"),
    first(option("latent_tokens", "latent tokens, n: more carry more of a sequence and blend less of it")),
    first(option("latent_size", "numbers per latent token, L")),
    choice("slots", SWITCH, "a learned embedding per latent token, so that the decoder tells them apart; off as an ablation"),
    choice("queries", SWITCH, "latents from learned query tokens; off: from the first pooled positions, as the original"),
    choice("nesting", SWITCH, "the decoder is told with every token which brackets and strings are open, where the domain has any (Python)"),
    choice("clauses", SWITCH, "with nesting, it is also told of clauses: whether an operand is to come, whether if waits for else or for waits for in, what a statement began with"),
    choice("bottleneck", &["sphere", "tanh", "gaussian", "vq", "fsq", "none"], "what a latent token goes through; sphere keeps every rung as typical as the ends"),
    choice("regulariser", &["mmd_imq", "mmd_rbf", "mmd_original", "sliced_wasserstein", "kl", "none"], "what keeps latents where the prior is, so that samples decode; kl with gaussian, none with vq and fsq"),
    option("reg_weight", "weight of the regulariser in the loss; 0 as an ablation"),
    option("reg_max_tokens", "latent tokens that the regulariser looks at, at most, per batch; its cost grows with their square"),
    option("projections", "random directions of sliced_wasserstein per step"),
    option("kl.free_bits", "nats that every number of a latent may carry for nothing; keeps gaussian latents in use"),
    option("kl.anneal", "share of the run over which the weight of kl grows from 0"),
    option("vq.codes", "vectors of the codebook"),
    option("vq.commitment", "weight of the distance between latents and their codes"),
    option("vq.decay", "decay of the averages that the codebook's vectors are"),
    option("vq.dead", "a vector used less than this share of an even use is put on a latent of the batch; 0 for never"),
    option("fsq.levels", "levels of a latent token's numbers, repeated along it: latent_size must be a multiple of how many there are"),
    choice("pixels.pooling", &["sequence", "rows", "square"], "how the encoder shrinks a picture: square as images are pooled, rows within a row, sequence as text"),
    choice("pixels.embeddings", SWITCH, "learned embeddings of rows and columns, so that encoder and decoder know where a pixel is"),
    option("pixels.neighbours", "levels of 64 that a pixel's label reaches to, so that a neighbouring intensity is less wrong than a far one; 0 is without"),
    option("noise.delete", "share of the encoder's input tokens that are deleted; makes the latent space smooth, 0 as an ablation"),
    option("noise.substitute", "share of the encoder's input tokens replaced by a random one"),
    option("noise.mask", "share of the encoder's input tokens replaced by <mask>"),
    option("noise.mlm", "share of the encoder's input tokens chosen as in BERT, of which 80 % are masked; the original's is 0.15"),
    option(
        "noise.reading",
        "share of samples whose encoder reads the same digit in the other direction, so that the latent forgets the direction",
    ),
    option("noise.decoder", "share of the decoder's input tokens replaced, so that it must listen to the latent"),
    option("noise.blind", "share of samples whose decoder reads masks behind the first token, so that the latent alone has to tell the others"),
    option("noise.null_latent", "share of samples with the null latent, so that syntax falls back on the language model"),
    first(option("noise.latent_max", "largest σ of the noise on latents: more gives more valid rungs and fewer exact ones")),
    option("noise.latent_clean", "share of samples whose latent stays clean"),
    option("noise.latent_ramp", "share of the run over which the largest σ grows from 0"),
    first(option("blend.share", "lines per batch that learn what lies between them and a partner; raises blends, costs as much time")),
    option("blend.points", "points on the way that are taught per such line"),
    option("blend.from", "share of the run after which it begins"),
    option("blend.weight", "weight of these tokens in the loss; a line's own weigh 1"),
    choice("blend.edits", &["any", "one_run"], "which text on the way is taught: any, or always the shorter line's beginning with the longer one's end"),
    option("distill.share", "the model's own valid decodes between lines, learnt late in the run, as a share of the batch; a half at most"),
    option("distill.from", "share of the run after which that begins"),
    option("distill.edge", "how near to an end such a text may lie: 0.3 for the middle only, less where rungs beside the ends copy them"),
    option("distill.pool", "pairs looked at per pair taught: those whose greedy decode is not accepted go first; 1 takes pairs as they come"),
    option("distill.samples", "samples per pair of lines, of which at most one is learnt"),
    option("distill.sure", "least probability with which a sample is taken for the label of one of its ends; 0 asks for none"),
    choice("distill.judge", &["latents", "pictures"], "what tells the label: the class loss's layer, or a classifier of pictures fitted on the training digits first"),
    option("distill.weight", "weight of these texts; a line's own tokens weigh 1"),
    option("distill.against", "weight, as a share of that, of a refused sample at the same latent, which is made less probable; 0 learns accepted ones only"),
    option("critic.weight", "weight of the critic, which tells points between lines from lines; 0 is without, the paper's is 0.5"),
    option("critic.share", "rows between lines that it sees, as a share of the batch"),
    option("critic.from", "share of the run after which the model is trained against it"),
    choice("critic.head", &["first_token", "mean", "mean_linear"], "how it comes to one number"),
    option("critic.layers", "its transformer layers"),
    option("cycle.weight", "weight of the cycle loss: what is decoded between lines is to be encoded to where it came from; 0 is without"),
    option("cycle.share", "its rows, as a share of the batch"),
    option("cycle.from", "share of the run after which it begins"),
    choice("cycle.kind", &["states", "vae"], "through decoder and encoder, or through the maps between latents and tokens alone"),
    option("smoothness.weight", "weight of the smoothness loss: logits are to change slowly along the way; start at 0.01 to 0.1, 0 is without"),
    option("smoothness.share", "its rows, as a share of the batch"),
    option("smoothness.from", "share of the run after which it begins"),
    option("smoothness.delta", "its step of the ratio"),
    option("smoothness.positions", "positions per row that it compares, at most"),
    option("words.weight", "weight of the bag of words: the latent alone tells which words a text has, so that it holds what the text is about"),
    option("classes.weight", "weight of the class loss: a linear layer tells a line's label from its latents, where the data have labels"),
    choice("classes.decoder", SWITCH, "whether the decoder is told the label that this layer finds most probable, so that what is between two labels is of one"),
    choice("interpolation_inputs", &["greedy", "forced"], "what the decoder reads between lines for critic, cycle and smoothness: its own decode, or the nearer line"),
    choice("optimiser.kind", &["adamw", "adafactor"], "adafactor keeps next to no state: where memory is short"),
    choice("optimiser.scale_parameter", SWITCH, "adafactor only: steps relative to the weights, as in the paper; take a rate of about 0.01 then"),
    first(option("optimiser.learning_rate", "peak learning rate; lower it where the loss jumps or is not finite")),
    option("optimiser.warmup", "share of the run with a growing rate"),
    choice("optimiser.decay", &["cosine", "linear", "constant"], "how the rate falls after that"),
    option("optimiser.final_share", "the rate at the end, as a share of the peak (cosine)"),
    option("optimiser.beta1", "decay of the first moment"),
    option("optimiser.beta2", "decay of the second moment"),
    option("optimiser.eps", "added to the root of the second moment"),
    option("optimiser.weight_decay", "decoupled weight decay, on matrices only"),
    option("optimiser.clip", "largest norm of the gradient; 0 for no clipping"),
    option("optimiser.ema", "decay of the average of the weights, which is what is saved for use; 0 saves the weights themselves"),
    first(option("batch", "sequences per batch; memory and time of a step grow with it")),
    option("accumulate", "batches whose gradients are summed before a step: a large batch in the memory of a small one"),
    option("label_smoothing", "share of every label that is spread over the vocabulary; 0.1 is usual where a model is too sure of itself"),
    choice("token_sort", SWITCH, "sort the lines of an epoch by length: next to no padding, batches less mixed"),
    choice("checkpoint.encoder", SWITCH, "compute the encoder's layers again in the backward pass and do not keep them: less memory, up to two fifths more time"),
    option("checkpoint.every", "the same for the first decoder layer and every so many from there; 0 for none"),
    option("shards", "parts of a batch computed side by side, one thread each; part of the result"),
    choice("precision", &["f32", "bf16"], "products with weights; bf16 pays where the processor has an instruction for it"),
    option("held_out", "lines held out for the figures when no validation file is given"),
    option("pairs", "pairs of held-out lines whose ladders are judged at every evaluation"),
    option("final_pairs", "pairs of the last evaluation"),
    option("eval_minutes", "minutes between evaluations"),
    option("eval_steps", "steps between evaluations instead; 0: by time"),
    option("history", "models of earlier evaluations that are kept, to go back to; 0 for none"),
    choice("tensorboard", SWITCH, "also write figures, ladders and samples for TensorBoard, into the run's folder"),
    option("save_minutes", "minutes between checkpoints; what a crash can cost"),
    option("save_steps", "steps between checkpoints instead; 0: by time"),
];

/// The option of a key.
#[must_use]
pub fn train_option(key: &str) -> Option<&'static TrainOption> {
    OPTIONS.iter().find(|option| option.key == key)
}

impl TrainConfig {
    /// The value of an option as it is written in a configuration; empty where it has none, such as the minutes of a run that
    /// is counted in steps.
    #[must_use]
    pub fn value(&self, key: &str) -> String {
        let Ok(table) = Table::try_from(self) else { return String::new() };
        let mut parts = key.split('.');
        let first = parts.next().and_then(|part| table.get(part));
        match parts.fold(first, |value, part| value?.get(part)) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    /// Gives an option another value, written as in a configuration; names need no quotes.
    ///
    /// # Errors
    /// [`TrainError::Config`] where there is no such option or it cannot have this value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), TrainError> {
        self.set_all([(key, value)])
    }

    /// As [`Self::set`] for several options, which have to fit together once all are set, in whatever order they come.
    ///
    /// # Errors
    /// As [`Self::set`]; nothing is changed then.
    pub fn set_all<'a>(
        &mut self,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), TrainError> {
        let mut config = self.clone();
        for (key, value) in options {
            config = config.with(key, value)?;
        }
        config.validate()?;
        *self = config;
        Ok(())
    }

    /// This configuration with another value of an option, whether or not a run can have it.
    fn with(&self, key: &str, value: &str) -> Result<Self, TrainError> {
        let wrong = |message: String| TrainError::Config(format!("{key} = {value}: {message}"));
        if train_option(key).is_none() {
            let known = OPTIONS.iter().map(|o| o.key);
            let near = known
                .min_by_key(|k| crate::domain::levenshtein(k.as_bytes(), key.as_bytes()))
                .unwrap_or_default();
            return Err(wrong(format!("there is no such option; is `{near}` meant?")));
        }
        let given = format!("value = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| Value::String(value.to_owned()));
        let mut table = Table::try_from(self).map_err(|e| wrong(e.to_string()))?;
        let (group, name) = key.split_once('.').unwrap_or(("", key));
        let place = match table.get_mut(group) {
            // A run has minutes or steps, not both.
            Some(Value::Table(budget)) if group == "budget" => {
                budget.clear();
                budget
            }
            Some(Value::Table(group)) => group,
            _ => &mut table,
        };
        let given = match (&given, place.get(name)) {
            // 1 is a fine value for a rate.
            (Value::Integer(whole), Some(Value::Float(_))) => Value::Float(*whole as f64),
            (Value::Integer(whole), None) if name == "minutes" => Value::Float(*whole as f64),
            _ => given,
        };
        place.insert(name.to_owned(), given);
        table.try_into().map_err(|e: toml::de::Error| {
            wrong(e.message().lines().next().unwrap_or_default().to_owned())
        })
    }

    /// The options that differ from those of its preset, with their values.
    #[must_use]
    pub fn changes(&self) -> Vec<(&'static str, String)> {
        let preset = Self::preset(self.preset, &self.domain);
        let changed = OPTIONS.iter().filter(|o| self.value(o.key) != preset.value(o.key));
        changed.map(|o| (o.key, self.value(o.key))).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Its length, for people.
    #[must_use]
    pub fn length(&self) -> String {
        match self.budget {
            Budget::Steps(steps) => format!("{steps} steps"),
            Budget::Minutes(minutes) => format!("{minutes} minutes"),
        }
    }
}

/// Every option with its value in each preset and its explanation, as a Markdown table.
#[must_use]
pub fn reference(domain: &str) -> String {
    let presets = [Preset::Tiny, Preset::Cpu, Preset::Gpu, Preset::Seed];
    let mut table = String::from("| option | tiny | cpu | gpu | seed | what it is, and when to change it |\n|---|---|---|---|---|---|\n");
    for option in OPTIONS {
        table += &format!("| `{}` |", option.key);
        for preset in presets {
            let mut value = TrainConfig::preset(preset, domain).value(option.key);
            if option.key == "precision" && preset != Preset::Gpu && preset != Preset::Seed {
                // It is the processor's to say.
                value = "f32, bf16".to_owned();
            }
            table += &format!(" {} |", if value.is_empty() { "–" } else { &value });
        }
        let choices = match option.choices {
            [] => String::new(),
            choices => format!(" ({})", choices.join(", ")),
        };
        table += &format!(" {}{choices} |\n", option.about);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(table: &Table, group: &str, into: &mut BTreeSet<String>) {
        for (key, value) in table {
            let key = if group.is_empty() { key.clone() } else { format!("{group}.{key}") };
            match value {
                Value::Table(inner) => keys(inner, &key, into),
                _ => {
                    into.insert(key);
                }
            }
        }
    }

    #[test]
    fn every_option_is_told_of_and_nothing_else_is() {
        let mut there = BTreeSet::new();
        for preset in [Preset::Cpu, Preset::Seed] {
            let config = TrainConfig::preset(preset, "python");
            keys(&Table::try_from(&config).expect("a table"), "", &mut there);
        }
        // Asked for by options of their own.
        for own in ["domain", "preset"] {
            assert!(there.remove(own));
        }
        there.insert("budget.steps".to_owned());
        let told: BTreeSet<String> = OPTIONS.iter().map(|o| o.key.to_owned()).collect();
        assert_eq!(told, there);
        assert_eq!(told.len(), OPTIONS.len(), "an option is told of twice");
    }

    #[test]
    fn values_are_read_back_as_they_were_set() {
        let mut config = TrainConfig::preset(Preset::Cpu, "python");
        for (key, value) in [
            ("noise.mask", "0.25"),
            ("optimiser.learning_rate", "0.002"),
            ("optimiser.decay", "linear"),
            ("slots", "false"),
            ("encoder_blocks", "[1, 1, 1]"),
            ("bottleneck", "tanh"),
            ("seed", "7"),
        ] {
            config.set(key, value).expect("a value that it can have");
            assert_eq!(config.value(key), value);
        }
        config.set("optimiser.clip", "2").expect("a whole number is a rate too");
        assert_eq!(config.changes().len(), 8);
        // Of two options that need one another either may come first.
        let both = [("classes.decoder", "true"), ("classes.weight", "0.1")];
        let mut reversed = config.clone();
        config.clone().set_all(both).expect("both");
        reversed.set_all(both.into_iter().rev()).expect("both");
        assert!(reversed.classes.decoder);
        assert!(config.set_all([both[0]]).is_err() && !config.classes.decoder);
        config.set("budget.steps", "50").expect("steps");
        assert_eq!(config.budget, Budget::Steps(50));
        assert_eq!(config.value("budget.minutes"), "");
        config.set("budget.minutes", "3").expect("minutes");
        assert_eq!(config.budget, Budget::Minutes(3.0));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason_and_changes_nothing() {
        let mut config = TrainConfig::preset(Preset::Cpu, "python");
        for (key, value, part) in [
            ("noise.msak", "0.1", "noise.mask"),
            ("heads", "5", "multiple"),
            ("noise.mask", "2", "between 0 and 1"),
            ("batch", "many", "batch = many"),
            ("bottleneck", "cube", "cube"),
        ] {
            let error = config.set(key, value).expect_err("refused").to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(config, TrainConfig::preset(Preset::Cpu, "python"));
    }
}
