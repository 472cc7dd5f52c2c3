//! A palette: the decodes of a square grid between four corners.
//!
//! ```text
//! A  ·  ·  ·  B
//! ·  ·  ·  ·  ·
//! C  ·  ·  ·  D
//! ```

use serde::{Deserialize, Serialize};

use super::{Scene, SceneError, Target};
use crate::latent::{ratios, Geometry, Latent};

/// How many cells a side of a palette can have.
pub const PALETTE_RANGE: std::ops::RangeInclusive<usize> = 3..=9;

/// What a palette has beside the scene's ends, which are its upper corners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    /// The text of the lower left corner, once one is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<String>,
    /// The text of the lower right corner, once one is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<String>,
    /// Cells of a side, the corners included.
    pub size: usize,
}

impl Default for Palette {
    fn default() -> Self {
        Self { c: None, d: None, size: 5 }
    }
}

impl Palette {
    /// Whether nothing of it was ever chosen, so that files need not tell of it.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Brings what a file may hold into the range.
    pub(super) fn clamp(&mut self) {
        self.size = self.size.clamp(*PALETTE_RANGE.start(), *PALETTE_RANGE.end());
    }

    /// Where the columns, and the rows, lie: evenly from 0 to 1.
    #[must_use]
    pub fn places(&self) -> Vec<f32> {
        ratios(self.size)
    }

    /// How far to the right every cell lies, row by row.
    #[must_use]
    pub fn columns(&self) -> Vec<f32> {
        self.places().repeat(self.size)
    }
}

impl Scene {
    /// The texts of the palette's corners: upper left, upper right, lower left, lower right. One that nobody chose is empty.
    #[must_use]
    pub fn corners(&self) -> [&str; 4] {
        let Palette { c, d, .. } = &self.palette;
        [&self.a, &self.b, c.as_deref().unwrap_or_default(), d.as_deref().unwrap_or_default()]
    }

    /// The latents of the palette's cells, row by row, from those of its corners' texts.
    ///
    /// The cell at (x, y) is `way(way(A, B, x), way(C, D, x), y)` on the scene's path, so the upper row is the scene's own
    /// way at as many rungs. Own ratios of latent tokens count in the rows, edits of A and B at these corners, and those of
    /// the way everywhere.
    ///
    /// # Errors
    /// Latents or directions of different shapes.
    pub fn cells(
        &self,
        [a, b, c, d]: [&Latent; 4],
        geometry: Geometry,
    ) -> Result<Vec<Latent>, SceneError> {
        let places = self.palette.places();
        let a = self.edited(a.clone(), Target::A, geometry)?;
        let b = self.edited(b.clone(), Target::B, geometry)?;
        let upper = self.way((&a, &b), &places, geometry)?;
        let lower = self.way((c, d), &places, geometry)?;
        let columns = upper
            .iter()
            .zip(&lower)
            .map(|(from, to)| geometry.ladder(from, to, &places, self.path))
            .collect::<Result<Vec<Vec<Latent>>, _>>()?;
        let rows = (0..places.len()).flat_map(|y| columns.iter().map(move |column| &column[y]));
        rows.map(|latent| self.edited(latent.clone(), Target::Way, geometry)).collect()
    }

    /// Whether the palette of `other` is the same.
    #[must_use]
    pub fn same_palette(&self, other: &Self) -> bool {
        self.palette == other.palette && self.same_way(other)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::Edit;
    use crate::latent::{project_sphere, slerp, Direction, Path};

    fn latent(values: &[f32]) -> Latent {
        Latent { tokens: 2, size: values.len() / 2, values: values.to_vec() }
    }

    fn scene(path: Path, size: usize) -> Scene {
        Scene { path, palette: Palette { size, ..Palette::default() }, ..Scene::default() }
    }

    fn on_sphere() -> impl Strategy<Value = Latent> {
        prop::collection::vec(0.1f32..2.0, 8).prop_map(|values| {
            let mut latent = latent(&values);
            project_sphere(&mut latent);
            latent
        })
    }

    proptest! {
        #[test]
        fn corners_are_the_ends_and_edges_are_ladders(
            a in on_sphere(), b in on_sphere(), c in on_sphere(), d in on_sphere(),
            path in 0usize..5, size in 3usize..=9,
        ) {
            let (geometry, scene) = (Geometry::Sphere, scene(Path::ALL[path], size));
            let cells = scene.cells([&a, &b, &c, &d], geometry).unwrap();
            prop_assert_eq!(cells.len(), size * size);
            let last = size - 1;
            let at = |x: usize, y: usize| &cells[y * size + x];
            prop_assert_eq!([at(0, 0), at(last, 0), at(0, last), at(last, last)], [&a, &b, &c, &d]);
            let edge = |from, to| geometry.ladder(from, to, &ratios(size), scene.path).unwrap();
            let (upper, lower, left, right) = (edge(&a, &b), edge(&c, &d), edge(&a, &c), edge(&b, &d));
            for k in 0..size {
                prop_assert_eq!([at(k, 0), at(k, last), at(0, k), at(last, k)],
                    [&upper[k], &lower[k], &left[k], &right[k]]);
            }
        }

        #[test]
        fn a_cell_is_a_way_between_ways(
            a in on_sphere(), b in on_sphere(), c in on_sphere(), d in on_sphere(),
        ) {
            let scene = scene(Path::AllAtOnce, 5);
            let cells = scene.cells([&a, &b, &c, &d], Geometry::Sphere).unwrap();
            // Cell (1, 3) of 5 × 5.
            let rows = [(&a, &b), (&c, &d)].map(|(l, r)| slerp(&l.values, &r.values, 0.25));
            prop_assert_eq!(&cells[16].values, &slerp(&rows[0], &rows[1], 0.75));
            // Great circles leave the norm as it is.
            let norm = |l: &Latent| l.values.iter().map(|x| x * x).sum::<f32>().sqrt();
            for cell in &cells {
                prop_assert!((norm(cell) - 8f32.sqrt()).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn known_values_on_the_plane() {
        let corners = [[0.0, 0.0], [4.0, 0.0], [0.0, 8.0], [4.0, 8.0]].map(|[x, y]| Latent {
            tokens: 1,
            size: 2,
            values: vec![x, y],
        });
        let [a, b, c, d] = &corners;
        let cells = scene(Path::Linear, 3).cells([a, b, c, d], Geometry::Flat).unwrap();
        let values: Vec<[f32; 2]> = cells.iter().map(|l| [l.values[0], l.values[1]]).collect();
        let wanted = [0.0, 4.0, 8.0].map(|y| [0.0, 2.0, 4.0].map(|x| [x, y]));
        assert_eq!(values, wanted.concat());
    }

    #[test]
    fn edits_act_on_their_corners_and_those_of_the_way_everywhere() {
        let zero = latent(&[0.0; 4]);
        let direction = Arc::new(Direction::new(2, 2, &[1.0, 0.0, 0.0, 0.0], 1.0).unwrap());
        let edit = |target, strength| Edit {
            name: "x".into(),
            target,
            strength,
            direction: Arc::clone(&direction),
        };
        let mut scene = scene(Path::Linear, 3);
        let first = |scene: &Scene| -> Vec<f32> {
            let cells = scene.cells([&zero; 4], Geometry::Flat).unwrap();
            cells.iter().map(|l| l.values[0]).collect()
        };
        scene.edits = vec![edit(Target::B, 2.0)];
        assert_eq!(first(&scene), [0.0, 1.0, 2.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0]);
        scene.edits = vec![edit(Target::Way, -1.0)];
        assert_eq!(first(&scene), [-1.0; 9]);
        let other = Latent { tokens: 1, size: 2, values: vec![0.0; 2] };
        assert!(scene.cells([&zero, &zero, &zero, &other], Geometry::Flat).is_err());
    }
}
