//! What the explorer knows.

use std::collections::HashSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tui_input::Input;

use super::actions::Command;
use super::commands::{Entry, Keys};
use super::comparison::Comparison;
use super::directions::{Directions, Texts};
use super::drawing::Drawing;
use super::history::History;
use super::keep::Keep;
use super::models::Models;
use super::palette::PaletteView;
use super::picker::Picker;
use super::prompt::Prompt;
use super::screen::Screen;
use super::training::{TrainCommand, Training};
use super::update::Effect;
use crate::corpus::Example;
use crate::domain::{domain, Domain, Verdict};
use crate::engine::{Inspection, Kind, ModelInfo, Scene, StripSample, Target, STRENGTH_RANGE};
use crate::eval::LadderMetrics;
use crate::latent::{ratios, Path};

/// Which end is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditedEnd {
    /// The one at ratio 0.
    A,
    /// The one at ratio 1.
    B,
    /// The lower left corner of the palette.
    C,
    /// The lower right corner of the palette.
    D,
}

impl EditedEnd {
    /// All of them, in the order of [`Scene::corners`].
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// Its letter.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["A", "B", "C", "D"][self as usize]
    }
}

/// A part of the screen that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Panel {
    /// The ladder and the slider.
    #[default]
    Ladder,
    /// A slider per latent token.
    Mix,
    /// The latents as a heat map.
    Latents,
    /// A slider per direction.
    Directions,
    /// The texts nearest to the point.
    Neighbours,
    /// Bookmarks and history.
    Keep,
    /// The grid between four corners.
    Palette,
    /// The ladder of a second model, while there is one.
    Compare,
}

impl Panel {
    /// The panels that are always there, in the order of the tabs.
    pub const ALL: [Self; 7] = [
        Self::Ladder,
        Self::Mix,
        Self::Directions,
        Self::Latents,
        Self::Neighbours,
        Self::Keep,
        Self::Palette,
    ];

    /// The name on its tab.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ladder => "ladder",
            Self::Mix => "mix",
            Self::Latents => "latents",
            Self::Keep => "keep",
            Self::Directions => "directions",
            Self::Neighbours => "neighbours",
            Self::Palette => "palette",
            Self::Compare => "compare",
        }
    }
}

/// What lies on top of the panels and takes the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The help, from this row of it on.
    Help(usize),
    /// A text field.
    Typing(Typing),
    /// A list to choose from.
    Picking(Pick, Picker),
    /// A canvas.
    Drawing(Drawing),
    /// A line that is asked for.
    Prompt(Prompt),
    /// What narrows the list of models down.
    Filter,
}

/// What is chosen from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// A sample for an end.
    End(EditedEnd),
    /// A command.
    Command,
    /// The text C of A − B + C.
    Third,
    /// What is to become of the run.
    Ending {
        /// Whether the program ends too.
        quit: bool,
    },
}

impl Pick {
    /// Whether the list is that of the samples.
    #[must_use]
    pub fn is_sample(self) -> bool {
        matches!(self, Self::End(_) | Self::Third)
    }
}

/// An end that is being typed; the ladder follows while it is.
#[derive(Debug, Clone)]
pub struct Typing {
    /// Which end.
    pub end: EditedEnd,
    /// Its text and cursor.
    pub input: Input,
    /// The text before, for leaving it as it was.
    pub before: String,
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
    /// Whether a guided search found it.
    pub guided: bool,
}

impl RungView {
    /// Nothing yet at `ratio`.
    #[must_use]
    pub fn empty(ratio: f32) -> Self {
        Self { ratio, text: String::new(), verdict: None, guided: false }
    }

    /// Valid interior rungs and all interior rungs; none while the ladder is not whole.
    #[must_use]
    pub fn interior_validity(rungs: &[Self]) -> Option<(usize, usize)> {
        let interior = rungs.get(1..rungs.len().checked_sub(1)?)?;
        let valid: Option<Vec<bool>> = interior
            .iter()
            .map(|r| Some(r.verdict.as_ref()?.is_valid() && !r.text.trim().is_empty()))
            .collect();
        Some((valid?.into_iter().filter(|v| *v).count(), interior.len()))
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

/// Where along the slider decodes are valid, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Strip {
    /// Judged points, by ratio.
    pub samples: Vec<StripSample>,
    /// Whether all is known as finely as it will be.
    pub done: bool,
}

impl Strip {
    /// Where the verdict flips: between two judged points.
    pub fn seams(&self) -> impl DoubleEndedIterator<Item = f32> + '_ {
        let flips = self.samples.windows(2).filter(|w| w[0].valid != w[1].valid);
        // To a thousandth, as the keys move.
        flips.map(|w| ((w[0].ratio + w[1].ratio) * 500.0).round() / 1000.0)
    }

    /// Whether all judged points from `from` to `to`, and those next to them, are valid; none where nothing is known.
    #[must_use]
    pub fn valid_within(&self, from: f32, to: f32) -> Option<bool> {
        let first = self.samples.partition_point(|s| s.ratio < from).min(self.samples.len());
        let last = self.samples.partition_point(|s| s.ratio <= to);
        let inside = self.samples.get(first..last).filter(|inside| !inside.is_empty());
        // Between two points of a coarse grid the nearer one speaks.
        let nearest = || {
            let after = self.samples.get(first)?;
            let before = first.checked_sub(1).and_then(|i| self.samples.get(i)).unwrap_or(after);
            let middle = (from + to) / 2.0;
            let nearer = if middle - before.ratio < after.ratio - middle { before } else { after };
            Some(nearer.valid)
        };
        inside.map(|inside| inside.iter().all(|s| s.valid)).or_else(nearest)
    }
}

/// The explorer's state.
#[derive(Debug, Clone)]
pub struct State {
    /// The screen that is shown.
    pub screen: Screen,
    /// The open model; none until it is loaded.
    pub model: Option<ModelInfo>,
    /// Sequences that the ends are picked and drawn from.
    pub samples: Vec<Example>,
    /// Their texts.
    pub(super) known: HashSet<String>,
    /// What is decoded.
    pub scene: Scene,
    /// The scenes before.
    pub history: History,
    /// The ladder.
    pub rungs: Vec<RungView>,
    /// The ladder's figures, once it is whole.
    pub figures: Option<LadderMetrics>,
    /// The decode at the slider.
    pub point: RungView,
    /// The validity along the slider.
    pub strip: Strip,
    /// What lies behind the point, as it was told last.
    pub inspection: Option<Inspection>,
    /// Whether the decode is shaded by the decoder's probabilities.
    pub probabilities: bool,
    /// The panel that the keys go to.
    pub focus: Panel,
    /// The panel that is shown beside the ladder.
    pub side: Panel,
    /// The chosen latent token of the mix.
    pub token: usize,
    /// The directions and what has been marked for new ones.
    pub directions: Directions,
    /// What lies on top.
    pub overlay: Option<Overlay>,
    /// The line for the person.
    pub notice: Notice,
    /// Which key does what.
    pub keys: Keys,
    /// The palette's cells and the chosen one.
    pub palette: PaletteView,
    /// What is kept, and where.
    pub keep: Keep,
    /// The models that there are.
    pub models: Models,
    /// The model that the open one is compared with.
    pub comparison: Option<Comparison>,
    /// The run before it starts and while it goes on.
    pub training: Training,
    /// The step of the tour that is shown.
    pub tour: Option<usize>,
    /// Whether the program is to end.
    pub quit: bool,
    /// What handlers ask the outside to do.
    pub(super) outbox: Vec<Effect>,
    pub(super) generations: Generations,
    pub(super) rng: ChaCha8Rng,
}

/// The numbers of the last requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Generations([u64; Kind::COUNT]);

impl Generations {
    /// A new number for a request of this kind.
    pub(super) fn next(&mut self, kind: Kind) -> u64 {
        self.0[kind as usize] += 1;
        self.0[kind as usize]
    }

    /// Whether a reply belongs to the last request of this kind.
    pub(super) fn is_last(&self, kind: Kind, generation: u64) -> bool {
        self.0[kind as usize] == generation
    }
}

impl State {
    /// The state before the model is open; `seed` decides the random ends.
    #[must_use]
    pub fn new(seed: u64, keys: Keys) -> Self {
        let scene = Scene::default();
        Self {
            screen: Screen::default(),
            model: None,
            samples: Vec::new(),
            known: HashSet::new(),
            history: History::default(),
            rungs: ratios(scene.rungs).into_iter().map(RungView::empty).collect(),
            figures: None,
            point: RungView::empty(scene.ratio),
            palette: PaletteView::new(seed, scene.palette.size),
            scene,
            strip: Strip::default(),
            inspection: None,
            probabilities: false,
            focus: Panel::default(),
            side: Panel::Mix,
            token: 0,
            directions: Directions::default(),
            overlay: None,
            notice: Notice::Status("opening the model …".to_owned()),
            keys,
            keep: Keep::default(),
            models: Models::default(),
            comparison: None,
            training: Training::default(),
            tour: None,
            quit: false,
            outbox: Vec::new(),
            generations: Generations::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Begins with another way and another number of rungs than the default ones.
    pub fn begin_with(&mut self, path: Path, rungs: usize) {
        self.scene.path = path;
        self.scene.rungs = rungs;
        self.scene.clamp();
        self.rungs = self.scene.places().into_iter().map(RungView::empty).collect();
    }

    /// The domain of the open model's sequences.
    #[must_use]
    pub fn domain(&self) -> Option<&'static dyn Domain> {
        domain(&self.model.as_ref()?.domain).ok()
    }

    /// The panels that there are now, in the order of the tabs.
    #[must_use]
    pub fn panels(&self) -> Vec<Panel> {
        let more = self.comparison.is_some().then_some(Panel::Compare);
        Panel::ALL.into_iter().chain(more).collect()
    }

    /// The rung nearest to the slider.
    #[must_use]
    pub fn nearest_rung(&self) -> usize {
        let last = self.rungs.len().saturating_sub(1);
        if let Some(along) = &self.scene.along {
            let strength = self.scene.strength(&along.name, Target::Way);
            let (low, high) = (STRENGTH_RANGE.start(), STRENGTH_RANGE.end());
            return ((strength - low) / (high - low) * last as f32).round() as usize;
        }
        (self.scene.ratio.clamp(0.0, 1.0) * last as f32).round() as usize
    }

    /// Latent tokens of the open model.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.model.as_ref().map_or(0, |model| model.latent_tokens)
    }

    /// Where a latent token stands: at its own ratio or at the slider's.
    #[must_use]
    pub fn token_ratio(&self, token: usize) -> f32 {
        self.scene.tokens.get(token).copied().flatten().unwrap_or(self.scene.ratio)
    }

    /// Valid interior rungs and all interior rungs; none while the ladder is not whole.
    #[must_use]
    pub fn interior_validity(&self) -> Option<(usize, usize)> {
        RungView::interior_validity(&self.rungs)
    }

    /// Whether an end comes back exactly; none while its rung is not whole, or where
    /// the ladder does not begin and end with them.
    #[must_use]
    pub fn reconstructed(&self, end: EditedEnd) -> Option<bool> {
        let text = self.scene.corners()[end as usize];
        self.reconstruction(end).map(|rung| rung.text == *text)
    }

    /// What an end comes back as, once its rung is whole.
    #[must_use]
    pub fn reconstruction(&self, end: EditedEnd) -> Option<&RungView> {
        let is_ladder_between = self.scene.along.is_none();
        let rung = match end {
            // A ladder along a direction does not begin and end with them.
            EditedEnd::A => self.rungs.first().filter(|_| is_ladder_between)?,
            EditedEnd::B => self.rungs.last().filter(|_| is_ladder_between)?,
            EditedEnd::C | EditedEnd::D => self.palette.corner(end)?,
        };
        rung.verdict.as_ref().map(|_| rung)
    }

    /// Whether a command's key does it where the keys count now, so that a hint at it is true.
    #[must_use]
    pub fn hints_at(&self, entry: &Entry) -> bool {
        let key = self.keys.keys(entry.command).first();
        let scopes = self.scopes();
        self.offers(entry.command)
            && entry.scope.is_none_or(|scope| scopes.contains(&scope))
            && key.is_some_and(|&k| self.keys.lookup(k, scopes) == Some(entry.command))
    }

    /// The commands that the help tells of: the focused panel's or the screen's own first, they are the least known.
    #[must_use]
    pub fn helped(&self) -> Vec<&'static Entry> {
        let scopes = self.scopes();
        let shown = self
            .commands()
            .filter(|e| !e.help.is_empty() && self.offers(e.command))
            .filter(|e| e.scope.is_none_or(|scope| scopes.contains(&scope)));
        let (own, common): (Vec<_>, Vec<_>) = shown.partition(|e| self.is_special(e));
        own.into_iter().chain(common).collect()
    }

    /// The end that is being typed, where one is.
    #[must_use]
    pub fn typing(&self) -> Option<&Typing> {
        match &self.overlay {
            Some(Overlay::Typing(typing)) => Some(typing),
            _ => None,
        }
    }

    /// The end that is being drawn, where one is.
    #[must_use]
    pub fn drawing(&self) -> Option<&Drawing> {
        match &self.overlay {
            Some(Overlay::Drawing(drawing)) => Some(drawing),
            _ => None,
        }
    }

    /// The end that is being typed or drawn, where one is.
    #[must_use]
    pub(super) fn edited_end(&self) -> Option<EditedEnd> {
        let typed = self.typing().map(|typing| typing.end);
        typed.or_else(|| self.drawing().map(|drawing| drawing.end))
    }

    /// Whether the open model's texts are pictures.
    #[must_use]
    pub fn draws_pictures(&self) -> bool {
        self.domain().is_some_and(|domain| domain.picture("").is_some())
    }

    /// Whether a command means anything now: pictures are drawn, other texts are typed, and a screen is shown already.
    #[must_use]
    pub fn offers(&self, command: Command) -> bool {
        match command {
            Command::Train(TrainCommand::Prepare) => self.training.run.is_some(),
            Command::Train(command) => command.counts(self.training.is_form()),
            Command::Draw(_) => self.draws_pictures(),
            Command::Type(_) | Command::Probabilities => !self.draws_pictures(),
            Command::Show(screen) => screen != self.screen,
            Command::Panel(panel) => panel != self.focus,
            _ => true,
        }
    }

    /// The label of a text, where it is one of the samples and has one.
    #[must_use]
    pub fn label(&self, text: &str) -> Option<&str> {
        self.samples.iter().find(|example| example.text == text)?.label.as_deref()
    }

    /// Whether anything on the screen shows what lies behind the point.
    #[must_use]
    pub(super) fn wants_inspection(&self) -> bool {
        let texts_read = matches!(self.directions.texts, Texts::Read(_));
        self.probabilities
            || self.side == Panel::Latents
            || self.side == Panel::Neighbours && texts_read
    }
}
