//! Pictures between two pictures: of the training data those that are like both.

use multiversion::multiversion;
use rand::Rng;

use super::TrainingData;
use crate::domain::Grid;

/// Share of the pictures that are looked through for one between two: for others the next time.
const SEEN: usize = 4;

/// The pictures of the training data, whichever way their rows are written.
pub struct Pictures {
    grid: Grid,
    /// Levels row by row from the top, `[pictures, side²]`.
    levels: Vec<u8>,
    /// 1 over the length of a picture's levels as a vector.
    scales: Vec<f32>,
}

impl Pictures {
    /// Those of the data that are whole; one that is written both ways, one after the other, counts once.
    #[must_use]
    pub fn new(data: &TrainingData, grid: Grid) -> Self {
        let size = grid.side * grid.side;
        let mut pictures = Self { grid, levels: Vec::new(), scales: Vec::new() };
        for i in 0..data.len() {
            let Some(levels) = pictures.read(data.line(i)) else { continue };
            if !pictures.levels.ends_with(&levels) {
                pictures.scales.push(scale(&levels));
                pictures.levels.extend(levels);
            }
        }
        debug_assert_eq!(pictures.levels.len(), pictures.scales.len() * size);
        pictures
    }

    /// Of a random quarter of the pictures the one x, neither `a` nor `b`, whose (1 − r)·cos(a, x) + r·cos(b, x) is largest, the
    /// cosines being those of levels: what is like both, at `ratio` r of the way. Written as the nearer end is.
    ///
    /// A mix of two pictures is none; to be taught a real one there is what makes decodes between two look real. `None` where
    /// `a` or `b` is no whole picture, or there is no other.
    pub fn between(
        &self,
        a: &[u32],
        b: &[u32],
        ratio: f64,
        rng: &mut impl Rng,
    ) -> Option<Vec<u32>> {
        let (of_a, of_b) = (self.read(a)?, self.read(b)?);
        let (at_a, at_b) = ((1.0 - ratio) as f32 * scale(&of_a), ratio as f32 * scale(&of_b));
        let mix: Vec<f32> = of_a
            .iter()
            .zip(&of_b)
            .map(|(&a, &b)| at_a * f32::from(a) + at_b * f32::from(b))
            .collect();
        let count = self.scales.len();
        let first = rng.random_range(0..count.max(1));
        let seen = (0..count.div_ceil(SEEN)).map(|i| (first + i) % count);
        let mut best: Option<(f32, &[u8])> = None;
        for i in seen {
            let levels = &self.levels[i * mix.len()..][..mix.len()];
            let likeness = along(&mix, levels) * self.scales[i];
            let better = best.is_none_or(|(most, _)| likeness > most);
            if better && levels != of_a && levels != of_b {
                best = Some((likeness, levels));
            }
        }
        let (_, levels) = best?;
        Some(self.write(levels, if ratio < 0.5 { a } else { b }))
    }

    /// The levels of a picture, row by row from the top.
    fn read(&self, ids: &[u32]) -> Option<Vec<u8>> {
        let Grid { side, before, levels, upward } = &self.grid;
        let pixels = ids.get(*before..).filter(|pixels| pixels.len() == side * side)?;
        let level = |&id: &u32| levels.contains(&id).then(|| (id - levels.start) as u8);
        if ids.first() == Some(upward) {
            return pixels.chunks(*side).rev().flatten().map(level).collect();
        }
        pixels.iter().map(level).collect()
    }

    /// A picture's ids, in the order of `like`.
    fn write(&self, picture: &[u8], like: &[u32]) -> Vec<u32> {
        let Grid { side, before, levels, upward } = &self.grid;
        let mut ids = like[..*before].to_vec();
        let id = |&level: &u8| levels.start + u32::from(level);
        if ids.first() == Some(upward) {
            ids.extend(picture.chunks(*side).rev().flatten().map(id));
        } else {
            ids.extend(picture.iter().map(id));
        }
        ids
    }
}

/// 1 over the length of levels as a vector; 0 for an empty picture.
fn scale(levels: &[u8]) -> f32 {
    let square: f32 = levels.iter().map(|&l| f32::from(l) * f32::from(l)).sum();
    if square > 0.0 {
        1.0 / square.sqrt()
    } else {
        0.0
    }
}

/// The sum of products, in lanes.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+fma", "x86_64+avx2+fma"))]
fn along(mix: &[f32], levels: &[u8]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let (mixes, parts) = (mix.chunks_exact(LANES), levels.chunks_exact(LANES));
    let tail = mixes.remainder().iter().zip(parts.remainder());
    let tail: f32 = tail.map(|(&m, &l)| m * f32::from(l)).sum();
    for (mix, levels) in mixes.zip(parts) {
        for i in 0..LANES {
            lanes[i] += mix[i] * f32::from(levels[i]);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::domain::domain;

    /// Every digit that comes with the program, written downward and upward.
    fn data() -> (TrainingData, Grid, Vec<Vec<u32>>) {
        let mnist = domain("mnist").expect("mnist");
        let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("codec");
        let (mut data, mut all) = (TrainingData::default(), Vec::new());
        for example in mnist.samples_within(85).iter().take(60) {
            for text in mnist.readings(&example.text) {
                let ids = codec.encode(&text).expect("ids");
                data.push(&ids, 85);
                all.push(ids);
            }
        }
        (data, mnist.grid(85).expect("grid"), all)
    }

    #[test]
    fn both_ways_of_writing_are_one_picture() {
        let (data, grid, all) = data();
        let pictures = Pictures::new(&data, grid);
        assert_eq!(pictures.scales.len(), 60);
        for pair in all.chunks(2) {
            assert_eq!(pictures.read(&pair[0]), pictures.read(&pair[1]));
            let levels = pictures.read(&pair[0]).expect("levels");
            assert_eq!([&pair[0], &pair[1]].map(|like| pictures.write(&levels, like)), pair);
        }
        assert_eq!(pictures.read(&all[0][..50]), None);
    }

    #[test]
    fn what_lies_between_is_another_picture_and_like_both() {
        let (data, grid, all) = data();
        let pictures = Pictures::new(&data, grid);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let cosine = |a: &[u32], b: &[u32]| {
            let [a, b] = [a, b].map(|ids| pictures.read(ids).expect("levels"));
            let mix: Vec<f32> = a.iter().map(|&l| f32::from(l)).collect();
            along(&mix, &b) * scale(&a) * scale(&b)
        };
        let (mut near, mut far) = (0.0, 0.0);
        for (a, b) in (0..60).map(|i| (&all[2 * i], &all[(2 * i + 7) % 120])) {
            let found = pictures.between(a, b, 0.3, &mut rng).expect("a picture");
            assert!(all.contains(&found) && found != *a && found != *b);
            assert_eq!(found[0], a[0], "written as the nearer end");
            near += cosine(a, &found) + cosine(b, &found);
            far += cosine(a, &all[50]) + cosine(b, &all[50]);
            let late = pictures.between(a, b, 0.9, &mut rng).expect("a picture");
            assert_eq!(late[0], b[0]);
        }
        assert!(near > far + 10.0, "{near} {far}");
        assert_eq!(pictures.between(&all[0][..9], &all[1], 0.5, &mut rng), None);
    }
}
