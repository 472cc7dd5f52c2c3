//! What is asked of a run before it starts: its data, its name, its options.

use std::path::Path;

use clap::ValueEnum;

use crate::domain::domain;
use crate::engine::check_name;
use crate::train::{DataOptions, Job, Preset, Source, TrainConfig, TrainOption, OPTIONS};

/// Kinds of sequences, in the order that they are offered.
const DOMAINS: [&str; 6] = ["python", "mnist", "headlines", "text", "text/json", "text/python"];

/// A row of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormRow {
    /// What kind of sequences.
    Domain,
    /// Where the lines are.
    Data,
    /// The column of the text.
    Column,
    /// The column of the labels.
    LabelColumn,
    /// Where held-out lines are.
    Valid,
    /// How many lines are read.
    Limit,
    /// The model's name.
    Name,
    /// Where all options start from.
    Preset,
    /// An option.
    Option(&'static TrainOption),
}

impl FormRow {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Data => "data",
            Self::Column => "column",
            Self::LabelColumn => "label column",
            Self::Valid => "held-out lines",
            Self::Limit => "lines at most",
            Self::Name => "name",
            Self::Preset => "preset",
            Self::Option(option) => option.key,
        }
    }

    /// What it is.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Domain => "python: lines with the parser's verdict · mnist: digits · headlines: with categories · text: any lines, or those that are JSON, Python or match text/regex:PATTERN",
            Self::Data => "samples: those that come with the program · a file: lines, jsonl, json, csv, tsv, .gz, .zst · a folder of sources or of MNIST",
            Self::Column => "column of the text, by name or number from 0; empty: text, headline, line or sentence, else the last",
            Self::LabelColumn => "column of the labels that `classes` tells, by name or number from 0; digits and samples have theirs without",
            Self::Valid => "a file of lines to measure on; empty: some lines of the data are held out",
            Self::Limit => "read no more than so many lines of the data; empty: all of them",
            Self::Name => "the model's folder among your models",
            Self::Preset => "tiny: a minute or two · cpu: an hour · gpu: a large model · seed: the original's method",
            Self::Option(option) => option.about,
        }
    }

    /// Whether it is typed; the kind of sequences can be, because a pattern may belong to it.
    #[must_use]
    pub fn is_typed(self) -> bool {
        self == Self::Domain || self.choices().is_empty()
    }

    /// The values between which the arrows go, if it has any.
    #[must_use]
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Domain => &DOMAINS,
            Self::Preset => &["tiny", "cpu", "gpu", "seed"],
            Self::Option(option) => option.choices,
            Self::Data
            | Self::Column
            | Self::LabelColumn
            | Self::Valid
            | Self::Limit
            | Self::Name => &[],
        }
    }
}

/// The form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The run's options.
    pub config: TrainConfig,
    /// Where the lines are.
    pub data: String,
    /// The column of the text.
    pub column: String,
    /// The column of the labels.
    pub label_column: String,
    /// Where held-out lines are.
    pub valid: String,
    /// How many lines are read at most.
    pub limit: Option<usize>,
    /// The model's name.
    pub name: String,
    /// The chosen row, from 0.
    pub row: usize,
    /// Whether every option is shown, and not only those that matter to most.
    pub all: bool,
}

/// The name of a model before a person gives it one.
fn own_name(domain: &str) -> String {
    format!("my-{}", domain.split('/').next().unwrap_or_default())
}

impl Default for Form {
    fn default() -> Self {
        Self {
            config: TrainConfig::preset(Preset::Tiny, "python"),
            data: Source::Samples.to_string(),
            column: String::new(),
            label_column: String::new(),
            valid: String::new(),
            limit: None,
            name: own_name("python"),
            row: 0,
            all: false,
        }
    }
}

impl Form {
    /// Its rows, from the top.
    #[must_use]
    pub fn rows(&self) -> Vec<FormRow> {
        let mut rows = vec![
            FormRow::Domain,
            FormRow::Data,
            FormRow::Column,
            FormRow::LabelColumn,
            FormRow::Valid,
            FormRow::Limit,
            FormRow::Name,
            FormRow::Preset,
        ];
        let changed = self.config.changes();
        let shown = |option: &&TrainOption| {
            self.all || option.matters || changed.iter().any(|(key, _)| *key == option.key)
        };
        rows.extend(OPTIONS.iter().filter(shown).map(FormRow::Option));
        rows
    }

    /// The chosen row.
    #[must_use]
    pub fn chosen(&self) -> FormRow {
        let rows = self.rows();
        rows[self.row.min(rows.len() - 1)]
    }

    /// What a row says now.
    #[must_use]
    pub fn value(&self, row: FormRow) -> String {
        match row {
            FormRow::Domain => self.config.domain.clone(),
            FormRow::Data => self.data.clone(),
            FormRow::Column => self.column.clone(),
            FormRow::LabelColumn => self.label_column.clone(),
            FormRow::Valid => self.valid.clone(),
            FormRow::Limit => self.limit.map(|limit| limit.to_string()).unwrap_or_default(),
            FormRow::Name => self.name.clone(),
            FormRow::Preset => preset_name(self.config.preset),
            FormRow::Option(option) => self.config.value(option.key),
        }
    }

    /// Whether a row differs from what the preset says.
    #[must_use]
    pub fn is_changed(&self, row: FormRow) -> bool {
        match row {
            FormRow::Option(option) => {
                self.config.changes().iter().any(|(key, _)| *key == option.key)
            }
            _ => false,
        }
    }

    /// Gives a row another value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&mut self, row: FormRow, value: &str) -> Result<(), String> {
        let value = value.trim();
        match row {
            FormRow::Domain => {
                domain(value).map_err(|e| e.to_string())?;
                if self.name == own_name(&self.config.domain) {
                    self.name = own_name(value);
                }
                self.start_from(self.config.preset, value);
            }
            FormRow::Preset => {
                let preset = Preset::from_str(value, true).map_err(|e| format!("{value}: {e}"))?;
                self.start_from(preset, &self.config.domain.clone());
            }
            FormRow::Data if value.is_empty() => return Err("name the lines to train on".into()),
            FormRow::Data => value.clone_into(&mut self.data),
            FormRow::Column => value.clone_into(&mut self.column),
            FormRow::LabelColumn => value.clone_into(&mut self.label_column),
            FormRow::Valid => value.clone_into(&mut self.valid),
            FormRow::Limit if value.is_empty() => self.limit = None,
            FormRow::Limit => {
                let limit = value.parse().ok().filter(|limit| *limit > 0);
                self.limit = Some(limit.ok_or("a number of lines, or nothing for all of them")?);
            }
            FormRow::Name => {
                check_name(value).map_err(|e| e.to_string())?;
                value.clone_into(&mut self.name);
            }
            FormRow::Option(option) => {
                self.config.set(option.key, value).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    /// Another preset or domain below the values that were changed.
    fn start_from(&mut self, preset: Preset, domain: &str) {
        let changes = self.config.changes();
        let pinned = self.config.pinned.take().filter(|_| domain == self.config.domain);
        self.config = TrainConfig { pinned, ..TrainConfig::preset(preset, domain) };
        for (key, value) in changes {
            // A value that does not fit the new preset's others goes.
            let _ = self.config.set(key, &value);
        }
    }

    /// To the next value of the chosen row; whether it has values to go through.
    pub fn turn(&mut self, forward: bool) -> bool {
        let (row, choices) = (self.chosen(), self.chosen().choices());
        if choices.is_empty() {
            return false;
        }
        let at = choices.iter().position(|c| *c == self.value(row)).unwrap_or(0);
        let next = (at + if forward { 1 } else { choices.len() - 1 }) % choices.len();
        self.set(row, choices[next]).is_ok()
    }

    /// The chosen option as its preset has it.
    pub fn reset(&mut self) {
        if let FormRow::Option(option) = self.chosen() {
            let preset = TrainConfig::preset(self.config.preset, &self.config.domain);
            let _ = self.config.set(option.key, &preset.value(option.key));
        }
    }

    /// The lines that it names.
    #[must_use]
    pub fn lines(&self) -> DataOptions {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let column = |text: &String| given(text).and_then(|column| column.parse().ok());
        DataOptions {
            data: self.data.clone().into(),
            valid: given(&self.valid).map(Source::from),
            column: column(&self.column),
            label_column: column(&self.label_column),
            limit: self.limit,
        }
    }

    /// The run that it asks for.
    #[must_use]
    pub fn job(&self, folder: &Path) -> Job {
        Job {
            config: self.config.clone(),
            lines: self.lines(),
            out: folder.join(&self.name),
            tokenizer: None,
            start_from: None,
            resume: false,
        }
    }
}

fn preset_name(preset: Preset) -> String {
    preset.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Column;
    use crate::train::train_option;

    #[test]
    fn what_was_changed_stays_under_another_preset() {
        let mut form = Form::default();
        let mask = FormRow::Option(train_option("noise.mask").expect("an option"));
        form.set(mask, "0.2").expect("a rate");
        assert!(form.rows().contains(&mask) && form.is_changed(mask));
        form.set(FormRow::Preset, "cpu").expect("a preset");
        form.set(FormRow::Domain, "headlines").expect("a domain");
        assert_eq!((form.value(mask), form.name.as_str()), ("0.2".to_owned(), "my-headlines"));
        assert_eq!((form.config.vocab, form.config.d_model), (8192, 192));
        form.row = form.rows().iter().position(|row| *row == mask).expect("a row");
        form.reset();
        assert!(!form.is_changed(mask));
    }

    #[test]
    fn choices_turn_around_and_names_lead_nowhere() {
        let mut form = Form::default();
        assert!(form.turn(false));
        assert_eq!(form.config.domain, "text/python");
        let pattern = "text/regex:[a-z]+";
        form.set(FormRow::Domain, pattern).expect("a pattern");
        assert_eq!((form.config.domain.as_str(), form.name.as_str()), (pattern, "my-text"));
        let error = form.set(FormRow::Domain, "text/regex:(").expect_err("no pattern");
        assert!(error.contains("no regular expression"), "{error}");
        form.set(FormRow::Domain, "text/python").expect("a domain");
        assert!(form.turn(true));
        assert_eq!(form.config.domain, "python");
        form.row = 1;
        assert!(!form.turn(true));
        for name in ["", "../x", ".hidden", "a/b", "a\\b"] {
            assert!(form.set(FormRow::Name, name).is_err(), "{name}");
        }
        assert_eq!(form.lines().label_column, None);
        form.set(FormRow::LabelColumn, "kind").expect("a column");
        assert_eq!(form.lines().label_column, Some(Column::Name("kind".to_owned())));
        form.set(FormRow::Name, "lines 2").expect("a name");
        assert_eq!(form.job(Path::new("models")).out, Path::new("models/lines 2"));
    }
}
