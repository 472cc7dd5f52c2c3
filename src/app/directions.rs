//! The named directions of the explorer: those of the model's texts, a person's own, and what has been marked for new ones.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::pool::{Measurement, NamedDirection};
use crate::engine::{Scene, Target, Task};
use crate::latent::Direction;

/// Where a row of the panel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Taken from the model's texts or its decoder.
    Found,
    /// Made by the person: saved with the model on request.
    Own,
    /// An edit of the scene goes along it, and nothing else is known of it.
    Scene,
}

/// A direction with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectionRow {
    /// Its name on the screen and in edits: no other row has it.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The direction as the engine knows it.
    pub named: Arc<NamedDirection>,
    /// The same direction, for edits.
    pub direction: Arc<Direction>,
    /// What steps along it do, once that is measured.
    pub measured: Option<Arc<Measurement>>,
}

/// A point that was marked: the scene at its slider.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// The scene.
    pub scene: Arc<Scene>,
}

/// How far the model's texts have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Texts {
    /// Nobody has asked for them yet.
    #[default]
    Unread,
    /// So many of so many.
    Reading(usize, usize),
    /// All: so many different ones.
    Read(usize),
}

/// The directions, which one is chosen and what its strength acts on.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// Own ones first.
    pub(super) rows: Vec<DirectionRow>,
    pub(super) chosen: usize,
    /// What a strength acts on.
    pub target: Target,
    /// Points marked for set 1 and set 2.
    pub marked: [Vec<Marked>; 2],
    /// How far the model's texts have been read.
    pub texts: Texts,
    /// The row that is being measured, by name.
    pub measuring: Option<String>,
    /// Whether there are own ones that have not been saved.
    pub unsaved: bool,
    /// Where own ones are saved.
    pub(super) file: Option<PathBuf>,
    /// What the engine is to be asked for next.
    pub(super) asked: Option<Task>,
    /// What the direction that was asked for is applied to with strength 1.
    pub(super) apply_to: Option<Target>,
    /// Whether own ones are to be saved now.
    pub(super) saving: bool,
}

impl Default for Directions {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            chosen: 0,
            target: Target::Way,
            marked: [Vec::new(), Vec::new()],
            texts: Texts::Unread,
            measuring: None,
            unsaved: false,
            file: None,
            asked: None,
            apply_to: None,
            saving: false,
        }
    }
}

impl DirectionRow {
    pub(super) fn new(name: String, origin: Origin, named: NamedDirection) -> Self {
        let direction = Arc::new(named.direction.clone());
        Self { name, origin, named: Arc::new(named), direction, measured: None }
    }
}

impl Directions {
    /// The rows of the panel.
    #[must_use]
    pub fn rows(&self) -> &[DirectionRow] {
        &self.rows
    }

    /// The chosen row; 0 where there is none.
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The chosen direction.
    #[must_use]
    pub fn chosen_row(&self) -> Option<&DirectionRow> {
        self.rows.get(self.chosen)
    }

    pub(super) fn row_named(&self, name: &str) -> Option<&DirectionRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The name, with a number behind it where another row has it.
    pub(super) fn unique(&self, name: &str) -> String {
        if self.row_named(name).is_none() {
            return name.to_owned();
        }
        let mut names = (2..).map(|k| format!("{name} {k}"));
        names.find(|name| self.row_named(name).is_none()).unwrap_or_default()
    }

    /// Puts a row behind the last one of its origin and gives its place.
    pub(super) fn insert(&mut self, row: DirectionRow) -> usize {
        let at = match row.origin {
            Origin::Found => self.rows.len(),
            Origin::Own | Origin::Scene => {
                self.rows.iter().position(|r| r.origin == Origin::Found).unwrap_or(self.rows.len())
            }
        };
        self.rows.insert(at, row);
        if at <= self.chosen && self.rows.len() > 1 {
            self.chosen += 1;
        }
        at
    }
}
