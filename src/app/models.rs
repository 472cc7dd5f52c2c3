//! The models that there are, as the screen of models knows them.

use std::path::Path;

use super::picker::{Item, Picker};
use super::state::State;
use crate::engine::{LibraryChange, ModelEntry, ModelKind};
use crate::report::{bytes, share};

/// All models, after a change where there was one.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What was asked for.
    pub change: Option<LibraryChange>,
    /// What was done, or why it was not.
    pub told: Option<Result<String, String>>,
    /// The models.
    pub entries: Vec<ModelEntry>,
}

/// The list of models, what narrows it down, and which one is chosen.
#[derive(Debug, Clone)]
pub struct Models {
    /// All of them; none until they have been listed.
    entries: Option<Vec<ModelEntry>>,
    /// Those that match what has been typed.
    pub(super) picker: Picker,
    /// What is being opened, as it was asked for.
    pub(super) opening: Option<String>,
    /// What a question on the screen is about, by its full name.
    pub(super) about: Option<String>,
    /// Changes that have been asked for and not been done yet.
    pub(super) changing: usize,
}

impl Default for Models {
    fn default() -> Self {
        let picker = Picker::new(Vec::new());
        Self { entries: None, picker, opening: None, about: None, changing: 0 }
    }
}

impl Models {
    /// Whether they have been listed.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.entries.is_some()
    }

    /// All models, shown or not.
    #[must_use]
    pub fn entries(&self) -> &[ModelEntry] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// Those that match what has been typed, in the order in which they are shown.
    pub fn shown(&self) -> impl ExactSizeIterator<Item = &ModelEntry> {
        self.picker.matches().map(|(index, _)| &self.entries()[index])
    }

    /// The chosen row of those that are shown.
    #[must_use]
    pub fn row(&self) -> usize {
        self.picker.chosen()
    }

    /// The chosen model.
    #[must_use]
    pub fn chosen(&self) -> Option<&ModelEntry> {
        self.entries().get(self.picker.chosen_item()?)
    }

    /// What narrows the list down.
    #[must_use]
    pub fn query(&self) -> &tui_input::Input {
        &self.picker.input
    }

    /// What is being opened, as it was asked for.
    #[must_use]
    pub fn opening(&self) -> Option<&str> {
        self.opening.as_deref()
    }

    /// The folder of the chosen run, where training can go on from it.
    #[must_use]
    pub fn chosen_run(&self) -> Option<&Path> {
        let entry = self.chosen().filter(|entry| entry.resumes)?;
        entry.folder.as_deref()
    }

    /// Another listing; the chosen model stays chosen, or the one of the name `then`.
    pub(super) fn list(&mut self, entries: Vec<ModelEntry>, then: Option<&str>) {
        let chosen = match then {
            Some(name) => entries.iter().position(|entry| entry.full_name() == name),
            None => None,
        };
        let before = self.chosen().map(|entry| entry.opens.clone());
        let chosen = chosen.or_else(|| {
            before.and_then(|opens| entries.iter().position(|entry| entry.opens == opens))
        });
        let row = self.picker.chosen();
        let typed = self.picker.input.value().to_owned();
        self.picker = Picker::new(entries.iter().map(item).collect());
        if !typed.is_empty() {
            self.picker.paste(&typed);
        }
        let place = self.picker.matches().position(|(index, _)| Some(index) == chosen);
        self.picker.choose(place.unwrap_or(row));
        self.entries = Some(entries);
    }

    /// Shows all of them, the chosen one still chosen.
    pub(super) fn show_all(&mut self) {
        let chosen = self.picker.chosen_item();
        self.picker = Picker::new(self.entries().iter().map(item).collect());
        self.picker.choose(chosen.unwrap_or(0));
    }
}

/// What is searched of a model.
fn item(entry: &ModelEntry) -> Item {
    Item { text: entry.full_name(), detail: format!("{} {}", entry.domain, entry.kind.name()) }
}

impl State {
    /// Whether a model of the list is the open one.
    #[must_use]
    pub fn is_open(&self, entry: &ModelEntry) -> bool {
        self.model.is_some() && entry.is_opened_by(&self.keep.model)
    }

    /// Whether a model of the list is the one that the open one is compared with.
    #[must_use]
    pub fn is_compared(&self, entry: &ModelEntry) -> bool {
        self.comparison.as_ref().is_some_and(|other| entry.is_opened_by(&other.given))
    }

    /// Whether a model's folder is that of an open model, or holds it.
    pub(super) fn is_in_use(&self, entry: &ModelEntry) -> bool {
        let compared = self.comparison.as_ref().map(|other| &other.given);
        let within = |given: &String| {
            entry.is_opened_by(given)
                || entry.folder.is_some() && Path::new(given).starts_with(&entry.opens)
        };
        let trained = self.training.run.as_ref().filter(|run| !run.state.is_over());
        let trained = trained.map(|run| run.out.display().to_string());
        within(&self.keep.model)
            || trained.as_ref().is_some_and(within)
            || compared.is_some_and(within)
    }
}

/// Facts about a model, each with its name, for people.
#[must_use]
pub fn model_facts(entry: &ModelEntry) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |name, value: String| facts.push((name, value));
    fact("kind", entry.kind.name().to_owned());
    if let Some(folder) = &entry.folder {
        fact("folder", folder.display().to_string());
    }
    fact("domain", entry.domain.clone());
    if let Some(shape) = &entry.shape {
        let blocks: Vec<String> = shape.encoder_blocks.iter().map(ToString::to_string).collect();
        fact(
            "latents",
            format!(
                "{} × {}, {} ({})",
                shape.latent_tokens, shape.latent_size, shape.bottleneck, shape.family
            ),
        );
        fact(
            "network",
            format!(
                "d {}, encoder {}, decoder {}",
                shape.d_model,
                blocks.join("_"),
                shape.decoder_layers
            ),
        );
        fact("tokens", format!("{} words, {} in a text", shape.vocab, shape.max_len));
    }
    if let Some(parameters) = entry.parameters {
        fact("parameters", crate::report::count(parameters));
    }
    fact("size", bytes(entry.bytes));
    if let Some(saved) = entry.saved {
        fact("saved", crate::report::date(saved));
    }
    if let Some(training) = &entry.training {
        let (preset, data) = (training.preset(), &training.data);
        let preset = if preset.is_empty() { String::new() } else { format!(", {preset}") };
        fact("data", format!("{data}, {} lines", crate::report::count(training.data_lines)));
        fact(
            "trained",
            format!(
                "{} steps, {} lines, {}{preset}",
                crate::report::count(training.step),
                crate::report::count(training.lines),
                crate::report::duration(training.seconds)
            ),
        );
    }
    if let Some(figures) = entry.figures() {
        fact("tokens right", share(figures.token_accuracy));
        fact("exact", share(figures.exact_match));
        fact("valid", share(figures.interior_validity));
        fact("copies", share(figures.copy_rate));
        match figures.mean_absolute_error {
            Some(error) => fact("pixel error", format!("{error:.4}")),
            // Pictures have no pieces that could blend.
            None => fact("blends", share(figures.blend_yield)),
        }
        if let Some(ink) = figures.foreground_accuracy {
            fact("ink found", share(ink));
        }
    }
    if entry.resumes && entry.kind == ModelKind::Trained {
        fact("training", "can go on".to_owned());
    }
    if let Some(problem) = &entry.problem {
        fact("problem", problem.clone());
    }
    facts
}
