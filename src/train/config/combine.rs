//! A configuration from a preset, argument sets of the original over it, and a file's options over both.

use std::str::FromStr;

use clap::ValueEnum;

use super::argument_sets::{ArgumentSet, ARGUMENT_SETS};
use super::{Preset, TrainConfig};
use crate::train::TrainError;

/// What `--preset` names: a preset, and argument sets over it in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetNames {
    preset: Preset,
    sets: Vec<&'static ArgumentSet>,
}

impl Default for PresetNames {
    fn default() -> Self {
        Self { preset: Preset::Cpu, sets: Vec::new() }
    }
}

/// A list of presets that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresetNamesError {
    /// A name is neither a preset's nor an argument set's.
    #[error("`{0}` is no preset: expected {1}, or argument sets of the original: {2}")]
    Unknown(String, String, String),
    /// A preset stands behind another name.
    #[error("`{0}` sets every option: it has to stand first")]
    Late(String),
}

impl FromStr for PresetNames {
    type Err = PresetNamesError;

    /// `NAME[,NAME…]`: a preset may stand first; without one the argument sets are put over `seed`, the original's method.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut names = Self { preset: Preset::Seed, sets: Vec::new() };
        for (place, name) in text.split(',').map(str::trim).enumerate() {
            if let Ok(preset) = Preset::from_str(name, true) {
                if place > 0 {
                    return Err(PresetNamesError::Late(name.to_owned()));
                }
                names.preset = preset;
                continue;
            }
            let Some(set) = ARGUMENT_SETS.iter().find(|set| set.name.eq_ignore_ascii_case(name))
            else {
                let presets = Preset::value_variants().iter().filter_map(|p| p.to_possible_value());
                let presets: Vec<String> = presets.map(|p| p.get_name().to_owned()).collect();
                let sets: Vec<&str> = ARGUMENT_SETS.iter().map(|set| set.name).collect();
                return Err(PresetNamesError::Unknown(
                    name.to_owned(),
                    presets.join(", "),
                    sets.join(", "),
                ));
            };
            names.sets.push(set);
        }
        Ok(names)
    }
}

impl TrainConfig {
    /// The preset's values, over them those of the argument sets and then those of `file`. A domain that is given wins over the
    /// file's, and that over the argument sets'. Without `names` the file's `preset` is taken, else `cpu`.
    ///
    /// # Errors
    /// [`TrainError::Config`] for unknown options, values of another type and unknown presets.
    pub fn combined(
        names: Option<&PresetNames>,
        domain: Option<&str>,
        file: &toml::Table,
    ) -> Result<Self, TrainError> {
        let refused = |e: &dyn std::fmt::Display| TrainError::Config(format!("configuration: {e}"));
        let text = |key: &str| file.get(key).and_then(|value| value.as_str());
        let names = match (names, text("preset")) {
            (Some(names), _) => names.clone(),
            (None, Some(names)) => names.parse().map_err(|e| refused(&e))?,
            (None, None) => PresetNames::default(),
        };
        let mut over = toml::Table::new();
        for set in &names.sets {
            let options: toml::Table = set.options.parse().map_err(|e| refused(&e))?;
            merge(&mut over, &options);
        }
        merge(&mut over, file);
        let named = over.get("domain").and_then(|value| value.as_str());
        let domain = domain.or(named).unwrap_or("python").to_owned();
        over.insert("domain".to_owned(), domain.clone().into());
        over.remove("preset");
        let preset = Self::preset(names.preset, &domain);
        let mut table = toml::Table::try_from(preset).map_err(|e| refused(&e))?;
        merge(&mut table, &over);
        let mut config: Self = table.try_into().map_err(|e| refused(&e))?;
        if !names.sets.is_empty() {
            config.argument_sets = names.sets.iter().map(|set| set.name.to_owned()).collect();
        }
        Ok(config)
    }
}

/// Puts the values of `from` over those of `into`, table by table.
fn merge(into: &mut toml::Table, from: &toml::Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) if key != "budget" => {
                merge(old, new);
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Regulariser};
    use crate::train::{CriticHead, OptimiserKind};

    fn combined(names: &str, file: &str) -> TrainConfig {
        let names: PresetNames = names.parse().expect("names");
        let file = file.parse().expect("TOML");
        TrainConfig::combined(Some(&names), None, &file).expect("a configuration")
    }

    #[test]
    fn argument_sets_are_put_over_one_another_in_their_order() {
        let python = combined("syntax,tenth_5_tkn,batch_large,30Seq,eval", "");
        assert_eq!((python.domain.as_str(), python.family), ("python", Family::Seed));
        assert_eq!((python.latent_tokens, python.latent_size), (5, 77));
        assert_eq!((python.batch, python.max_len, python.eval_steps), (70, 30, 500));
        assert_eq!(python.argument_sets, ["syntax", "tenth_5_tkn", "batch_large", "30Seq", "eval"]);
        // Nothing else changes.
        let seed = TrainConfig::preset(Preset::Seed, "python");
        assert_eq!((python.d_model, python.optimiser), (seed.d_model, seed.optimiser));

        assert_eq!(combined("batch_small,batch_medium", "").batch, 30);
        assert_eq!(combined("batch_medium,batch_small", "").batch, 10);
        assert_eq!(combined("batch_medium", "batch = 7").batch, 7);
        let digits = combined("tiny,mnist_small,funnel_tiny", "");
        assert_eq!((digits.preset, digits.domain.as_str()), (Preset::Tiny, "mnist"));
        assert_eq!((digits.max_len, &digits.encoder_blocks[..]), (200, &[1, 1, 1][..]));
        // A group's other options stay.
        let critic = combined("critic,critic_mean,adafactor,no_reg", "[critic]\nlayers = 2");
        assert_eq!((critic.critic.head, critic.critic.layers), (CriticHead::Mean, 2));
        assert_eq!(critic.critic.weight, 1.0);
        assert_eq!(critic.optimiser.kind, OptimiserKind::Adafactor);
        assert_eq!(critic.optimiser.learning_rate, 1e-3);
        assert_eq!((critic.regulariser, critic.family), (Regulariser::None, Family::Seed));
    }

    #[test]
    fn every_argument_set_is_a_configuration_that_a_run_can_have() {
        for set in ARGUMENT_SETS {
            let config = combined(set.name, "");
            config.validate().expect(set.name);
            config.model_config(512).expect(set.name);
            assert_ne!(
                TrainConfig { argument_sets: Vec::new(), ..config },
                TrainConfig {
                    // What a set names may be the default; all but these change something.
                    seed: u64::from(["syntax"].contains(&set.name)),
                    ..TrainConfig::preset(Preset::Seed, "python")
                },
                "{}",
                set.name
            );
        }
    }

    #[test]
    fn the_file_names_presets_too_and_a_given_domain_wins() {
        let file: toml::Table = "preset = 'mnist_tiny,no_reg'\nseed = 4".parse().expect("TOML");
        let config = TrainConfig::combined(None, None, &file).expect("a configuration");
        assert_eq!((config.preset, config.domain.as_str()), (Preset::Seed, "mnist"));
        assert_eq!((config.seed, config.max_len), (4, 85));
        let config = TrainConfig::combined(None, Some("text"), &file).expect("a configuration");
        assert_eq!(config.domain, "text");
        let none = toml::Table::new();
        let config = TrainConfig::combined(None, None, &none).expect("a configuration");
        assert_eq!(config, TrainConfig::preset(Preset::Cpu, "python"));
        // What a run wrote is read again as it was.
        let written = combined("syntax,tenth_5_tkn", "");
        let table = toml::Table::try_from(&written).expect("TOML");
        assert_eq!(TrainConfig::combined(None, None, &table).expect("reads"), written);
    }

    #[test]
    fn names_that_cannot_be_are_told() {
        let fails = |names: &str| names.parse::<PresetNames>().expect_err("no names").to_string();
        let text = fails("syntax,nonsense");
        assert!(text.contains("`nonsense`") && text.contains("tiny, cpu, gpu, seed"), "{text}");
        assert!(text.contains("tenth_5_tkn"), "{text}");
        assert!(fails("syntax,cpu").contains("`cpu` sets every option"));
        let file = "learning_rate = 1".parse().expect("TOML");
        let error = TrainConfig::combined(None, None, &file).expect_err("an unknown option");
        assert!(error.to_string().contains("learning_rate"), "{error}");
    }
}
