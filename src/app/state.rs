//! What the explorer knows.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tui_input::Input;

use crate::domain::Verdict;
use crate::engine::{Ends, ModelInfo};
use crate::latent::{ratios, Path};

/// How far the slider goes.
pub const RATIO_RANGE: std::ops::RangeInclusive<f32> = -0.5..=1.5;
/// How many rungs a ladder can have.
pub const RUNG_RANGE: std::ops::RangeInclusive<usize> = 3..=33;

/// Which end is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditedEnd {
    /// The one at ratio 0.
    A,
    /// The one at ratio 1.
    B,
}

/// A text field that is open.
#[derive(Debug, Clone)]
pub struct Editing {
    /// Which end it becomes.
    pub end: EditedEnd,
    /// Its text and cursor.
    pub input: Input,
}

/// A decode as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct RungView {
    /// Where it lies.
    pub ratio: f32,
    /// Its text so far.
    pub text: String,
    /// The judgement, once the text is whole.
    pub verdict: Option<Verdict>,
}

impl RungView {
    /// Nothing yet at `ratio`.
    #[must_use]
    pub fn empty(ratio: f32) -> Self {
        Self { ratio, text: String::new(), verdict: None }
    }
}

/// A line for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// How things stand.
    Status(String),
    /// What went wrong and what to do.
    Error(String),
}

/// The explorer's state.
#[derive(Debug, Clone)]
pub struct State {
    /// The open model; none until it is loaded.
    pub model: Option<ModelInfo>,
    /// Texts that random ends are drawn from.
    pub samples: Vec<String>,
    /// The ends and the way between them.
    pub ends: Ends,
    /// The ladder.
    pub rungs: Vec<RungView>,
    /// The decode at the slider.
    pub point: RungView,
    /// The open text field.
    pub editing: Option<Editing>,
    /// Whether the help is shown.
    pub help: bool,
    /// The line for the person.
    pub notice: Notice,
    /// Whether the program is to end.
    pub quit: bool,
    pub(super) ladder_generation: u64,
    pub(super) point_generation: u64,
    pub(super) rng: ChaCha8Rng,
}

impl State {
    /// The state before the model is open; `seed` decides the random ends.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            model: None,
            samples: Vec::new(),
            ends: Ends { a: String::new(), b: String::new(), path: Path::PerToken },
            rungs: ratios(11).into_iter().map(RungView::empty).collect(),
            point: RungView::empty(0.5),
            editing: None,
            help: false,
            notice: Notice::Status("opening the model …".to_owned()),
            quit: false,
            ladder_generation: 0,
            point_generation: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The rung nearest to the slider.
    #[must_use]
    pub fn nearest_rung(&self) -> usize {
        let last = self.rungs.len().saturating_sub(1);
        (self.point.ratio.clamp(0.0, 1.0) * last as f32).round() as usize
    }

    /// Valid interior rungs and all interior rungs; none while the ladder is not whole.
    #[must_use]
    pub fn interior_validity(&self) -> Option<(usize, usize)> {
        let interior = self.rungs.get(1..self.rungs.len().checked_sub(1)?)?;
        let valid: Option<Vec<bool>> = interior
            .iter()
            .map(|r| Some(r.verdict.as_ref()?.is_valid() && !r.text.trim().is_empty()))
            .collect();
        Some((valid?.into_iter().filter(|v| *v).count(), interior.len()))
    }

    /// Whether an end comes back exactly; none while its rung is not whole.
    #[must_use]
    pub fn reconstructed(&self, end: EditedEnd) -> Option<bool> {
        let (rung, text) = match end {
            EditedEnd::A => (self.rungs.first()?, &self.ends.a),
            EditedEnd::B => (self.rungs.last()?, &self.ends.b),
        };
        rung.verdict.as_ref().map(|_| rung.text == *text)
    }
}
