//! The palette as the screen knows it: its cells as far as they have come, and the chosen one.

use rand::seq::index::sample;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::state::{EditedEnd, RungView, State};
use crate::corpus::Example;
use crate::engine::RowUpdate;
use crate::latent::ratios;
use crate::report::{PaletteDocument, Rung};

/// Random corners come from a stream of their own, so that the random ends of a seed are those that they always were.
const STREAM: u64 = 1;

/// What is shown of a palette beside what the scene says.
#[derive(Debug, Clone)]
pub struct PaletteView {
    size: usize,
    cells: Vec<RungView>,
    cursor: (usize, usize),
    /// Where the chosen cell lay between the corners when it was chosen, so that other sizes and back lead to it again.
    chosen_at: (f32, f32),
    /// Whether the engine has been asked for the scene's palette.
    pub(super) asked: bool,
    /// The corners of scenes that have none of their own: samples of the open model.
    pub(super) drawn: [String; 2],
    rng: ChaCha8Rng,
}

impl PaletteView {
    /// Nothing decoded yet; `seed` decides the random corners.
    #[must_use]
    pub fn new(seed: u64, size: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let mut view = Self {
            size: 0,
            cells: Vec::new(),
            cursor: (0, 0),
            chosen_at: (0.0, 0.0),
            asked: false,
            drawn: Default::default(),
            rng,
        };
        view.resize(size);
        view
    }

    /// Cells of a side.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The cells, row by row.
    #[must_use]
    pub fn cells(&self) -> &[RungView] {
        &self.cells
    }

    /// Column and row of the chosen cell.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        self.cursor
    }

    /// The chosen cell.
    #[must_use]
    pub fn chosen(&self) -> Option<&RungView> {
        self.cell(self.cursor)
    }

    /// How far to the right and down a cell lies, each from 0 to 1.
    #[must_use]
    pub fn place(&self, (x, y): (usize, usize)) -> (f32, f32) {
        let last = self.size.saturating_sub(1).max(1) as f32;
        (x as f32 / last, y as f32 / last)
    }

    /// The corner at a column and a row, where one is.
    #[must_use]
    pub fn corner_at(&self, (x, y): (usize, usize)) -> Option<EditedEnd> {
        let last = self.size.saturating_sub(1);
        EditedEnd::ALL.into_iter().find(|end| {
            let right = matches!(end, EditedEnd::B | EditedEnd::D);
            let below = matches!(end, EditedEnd::C | EditedEnd::D);
            x == if right { last } else { 0 } && y == if below { last } else { 0 }
        })
    }

    /// The corner nearest to the chosen cell; of equally near ones the upper, the left one.
    #[must_use]
    pub fn nearest_corner(&self) -> EditedEnd {
        let last = self.size.saturating_sub(1);
        let (x, y) = self.cursor;
        match (2 * x > last, 2 * y > last) {
            (false, false) => EditedEnd::A,
            (true, false) => EditedEnd::B,
            (false, true) => EditedEnd::C,
            (true, true) => EditedEnd::D,
        }
    }

    /// What a corner comes back as, as far as it has come.
    #[must_use]
    pub fn corner(&self, end: EditedEnd) -> Option<&RungView> {
        let last = self.size.checked_sub(1)?;
        self.cell(match end {
            EditedEnd::A => (0, 0),
            EditedEnd::B => (last, 0),
            EditedEnd::C => (0, last),
            EditedEnd::D => (last, last),
        })
    }

    /// Valid cells and all cells; none while the palette is not whole.
    #[must_use]
    pub fn validity(&self) -> Option<(usize, usize)> {
        let verdicts = self.cells.iter().map(|cell| Some(cell.verdict.as_ref()?.is_valid()));
        let valid: Vec<bool> = verdicts.collect::<Option<_>>()?;
        Some((valid.iter().filter(|valid| **valid).count(), valid.len()))
    }

    fn cell(&self, (x, y): (usize, usize)) -> Option<&RungView> {
        self.cells.get(y * self.size + x).filter(|_| x < self.size)
    }

    /// Another size: nothing of it is decoded yet, and the chosen cell stays where it lies between the corners.
    pub(super) fn resize(&mut self, size: usize) {
        if size == self.size {
            return;
        }
        let (x, y) = self.chosen_at;
        let last = size.saturating_sub(1);
        let nearest = |share: f32| ((share * last as f32).round() as usize).min(last);
        self.cursor = (nearest(x), nearest(y));
        self.size = size;
        self.cells = ratios(size).repeat(size).into_iter().map(RungView::empty).collect();
    }

    /// Chooses a cell, or the nearest to where there is none.
    pub(super) fn choose(&mut self, x: usize, y: usize) {
        let last = self.size.saturating_sub(1);
        self.cursor = (x.min(last), y.min(last));
        self.chosen_at = self.place(self.cursor);
    }

    /// What is shown belongs to another scene until the first news come.
    pub(super) fn forget(&mut self) {
        self.asked = false;
        for cell in &mut self.cells {
            cell.verdict = None;
        }
    }

    /// Texts so far.
    pub(super) fn hear(&mut self, rows: Vec<RowUpdate>) {
        for (row, text, _) in rows {
            if let Some(cell) = self.cells.get_mut(row) {
                cell.text = text;
            }
        }
    }

    /// The whole palette; one of another size is nobody's.
    pub(super) fn finish(&mut self, cells: Vec<RungView>) {
        if cells.len() == self.cells.len() {
            self.cells = cells;
        }
    }

    /// So many samples, different ones as far as there are any, and other texts than `taken` where that can be.
    pub(super) fn draw(
        &mut self,
        samples: &[Example],
        count: usize,
        taken: &[&str],
    ) -> Vec<String> {
        let free: Vec<&str> =
            samples.iter().map(|s| s.text.as_str()).filter(|text| !taken.contains(text)).collect();
        let all: Vec<&str> = samples.iter().map(|s| s.text.as_str()).collect();
        let pool = if free.is_empty() { all } else { free };
        if pool.is_empty() {
            return vec![String::new(); count];
        }
        let drawn = sample(&mut self.rng, pool.len(), count.min(pool.len())).into_vec();
        drawn.into_iter().cycle().take(count).map(|i| pool[i].to_owned()).collect()
    }
}

impl State {
    /// The palette as it is written to files; none while it is not whole.
    #[must_use]
    pub fn whole_palette(&self) -> Option<PaletteDocument> {
        let model = self.model.as_ref()?;
        let cells = self.palette.cells.iter().map(|cell| {
            Some(Rung {
                ratio: cell.ratio,
                text: cell.text.clone(),
                verdict: cell.verdict.clone()?,
                guided: cell.guided,
            })
        });
        Some(PaletteDocument {
            model: model.name.clone(),
            domain: model.domain.clone(),
            corners: self.scene.corners().map(str::to_owned),
            path: self.scene.path.to_string(),
            decoding: self.scene.decoding.name().to_owned(),
            size: self.palette.size,
            cells: cells.collect::<Option<_>>()?,
        })
    }
}
