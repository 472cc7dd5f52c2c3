//! Finite scalar quantisation (Mentzer et al. 2023): every number of a latent token is bounded and rounded to one of a few
//! levels.
//!
//! Of l levels the values are k / ⌊l / 2⌋ for whole k from −⌊l / 2⌋: five levels are −1, −½, 0, ½, 1, eight are −1, −¾ … ¾.

use candle_core::{Device, Result, Tensor};

use super::straight_through;

/// How far beyond its outermost level a bounded number may lie, as a share of the range.
const MARGIN: f64 = 1e-3;

/// The levels of every number of a latent token, as vectors of L numbers.
pub(super) struct Fsq {
    /// The configured levels, which repeat along the latent token.
    levels: Vec<usize>,
    /// ⌊l / 2⌋: steps of a unit.
    steps: Tensor,
    /// Lowest and highest whole number of steps.
    low: Tensor,
    high: Tensor,
    /// Half of the bounded range, in steps, and what makes it even: tanh(z + shift) · half − offset.
    half: Tensor,
    offset: Tensor,
    shift: Tensor,
}

impl Fsq {
    pub(super) fn new(levels: &[usize], size: usize, device: &Device) -> Result<Self> {
        let row = |of: &dyn Fn(usize) -> f64| {
            let values: Vec<f32> =
                levels.iter().cycle().take(size).map(|&l| of(l) as f32).collect();
            Tensor::from_vec(values, size, device)
        };
        let half = |l: usize| (l - 1) as f64 * (1.0 + MARGIN) / 2.0;
        let offset = |l: usize| if l.is_multiple_of(2) { 0.5 } else { 0.0 };
        Ok(Self {
            levels: levels.to_vec(),
            steps: row(&|l| (l / 2) as f64)?,
            low: row(&|l| -((l / 2) as f64))?,
            high: row(&|l| (l - 1 - l / 2) as f64)?,
            half: row(&half)?,
            offset: row(&offset)?,
            shift: row(&|l| (offset(l) / half(l)).atanh())?,
        })
    }

    /// Numbers of any size within the range of their levels, in units.
    pub(super) fn bound(&self, z: &Tensor) -> Result<Tensor> {
        z.broadcast_add(&self.shift)?
            .tanh()?
            .broadcast_mul(&self.half)?
            .broadcast_sub(&self.offset)?
            .broadcast_div(&self.steps)
    }

    /// The nearest levels of bounded numbers, whose gradient goes straight through.
    pub(super) fn nearest(&self, bounded: &Tensor) -> Result<Tensor> {
        straight_through(&self.whole(bounded)?.broadcast_div(&self.steps)?, bounded)
    }

    fn whole(&self, bounded: &Tensor) -> Result<Tensor> {
        bounded
            .detach()
            .broadcast_mul(&self.steps)?
            .round()?
            .broadcast_maximum(&self.low)?
            .broadcast_minimum(&self.high)
    }

    /// Of every number the place of its level among its levels, from the lowest.
    pub(super) fn digits(&self, codes: &Tensor) -> Result<Vec<u32>> {
        let digits = self.whole(codes)?.broadcast_sub(&self.low)?;
        let digits = digits.flatten_all()?.to_vec1::<f32>()?;
        Ok(digits.into_iter().map(|digit| digit as u32).collect())
    }

    /// The codes [N, L] of such places.
    pub(super) fn codes(&self, digits: Vec<u32>) -> Result<Tensor> {
        let size = self.steps.dim(0)?;
        let digits: Vec<f32> = digits.into_iter().map(|digit| digit as f32).collect();
        Tensor::from_vec(digits, ((), size), self.steps.device())?
            .broadcast_add(&self.low)?
            .broadcast_div(&self.steps)
    }

    /// Levels of every number of a latent token.
    pub(super) fn levels(&self) -> Result<Vec<usize>> {
        Ok(self.levels.iter().copied().cycle().take(self.steps.dim(0)?).collect())
    }

    /// One index per run of the configured levels: its digits in mixed radix, the first the least.
    pub(super) fn indices(&self, codes: &Tensor) -> Result<Vec<u32>> {
        let index = |digits: &[u32]| {
            let places = digits.iter().zip(&self.levels).rev();
            places.fold(0u32, |index, (&digit, &level)| {
                index.saturating_mul(level as u32).saturating_add(digit)
            })
        };
        Ok(self.digits(codes)?.chunks_exact(self.levels.len().max(1)).map(index).collect())
    }
}
