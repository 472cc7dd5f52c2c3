//! A small normalising flow over whole latents: affine couplings (Dinh et al. 2017, RealNVP) from latents to N(0, I).
//!
//! Of the numbers in a coupling's own order the first half stays and tells, through a hidden layer, by what the second half
//! is scaled and moved. Its inverse is as cheap, which is how latents are drawn.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var, D};
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::weights::{Init, Store};
use super::Error;
use crate::numeric;

/// Largest logarithm of a coupling's scale.
const LARGEST_SCALE: f64 = 2.0;

/// The flow: what it is fitted to is centred and scaled first, so that it starts as a Gaussian of the data's spread.
#[derive(Debug)]
pub struct Flow {
    dims: usize,
    /// Mean and deviation of every number, [D].
    centre: Tensor,
    scale: Tensor,
    couplings: Vec<Coupling>,
    vars: Vec<(String, Var)>,
}

#[derive(Debug)]
struct Coupling {
    /// Where each number of its own order stands in its input [D], and the other way round.
    order: Tensor,
    back: Tensor,
    /// [hidden, kept], [hidden].
    inner: (Tensor, Tensor),
    /// [2 · changed, hidden], [2 · changed]: scales, then moves.
    outer: (Tensor, Tensor),
}

impl Flow {
    /// A flow of D = 2 or more numbers with so many couplings and hidden units, which is still the Gaussian of these means
    /// and deviations.
    ///
    /// # Errors
    /// Means and deviations of different numbers or fewer than 2, a deviation that is not above 0.
    pub fn new(
        centre: &[f32],
        scale: &[f32],
        couplings: usize,
        hidden: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let dims = centre.len();
        if dims < 2 || scale.len() != dims || scale.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(Error::Config(format!(
                "a flow needs 2 numbers or more with deviations above 0, and has {dims}"
            )));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let orders = (0..couplings).map(|_| {
            let mut order: Vec<u32> = (0..dims as u32).collect();
            order.shuffle(&mut rng);
            order
        });
        let orders: Vec<Vec<u32>> = orders.collect();
        Self::build(Store::draw(seed, &Device::Cpu), centre, scale, &orders, hidden.max(1))
    }

    fn build(
        mut store: Store,
        centre: &[f32],
        scale: &[f32],
        orders: &[Vec<u32>],
        hidden: usize,
    ) -> Result<Self, Error> {
        let dims = centre.len();
        let (kept, changed) = (dims / 2, dims - dims / 2);
        let couplings = orders
            .iter()
            .enumerate()
            .map(|(k, order)| {
                let mut back = vec![0u32; dims];
                for (at, &from) in order.iter().enumerate() {
                    *back.get_mut(from as usize).ok_or_else(|| {
                        Error::Config(format!("flow.{k}.order is no order of {dims} numbers"))
                    })? = at as u32;
                }
                let mut get = |name: &str, shape: &[usize], init: Init| {
                    store.get(&format!("flow.{k}.{name}"), shape, init)
                };
                let bound = (kept as f64).powf(-0.5);
                let spread = Init::Uniform(-bound, bound);
                Ok(Coupling {
                    order: Tensor::from_slice(order, dims, &Device::Cpu)?,
                    back: Tensor::from_vec(back, dims, &Device::Cpu)?,
                    inner: (
                        get("inner.weight", &[hidden, kept], spread)?,
                        get("inner.bias", &[hidden], spread)?,
                    ),
                    // Zeros: nothing is scaled or moved before the first step.
                    outer: (
                        get("outer.weight", &[2 * changed, hidden], Init::Constant(0.0))?,
                        get("outer.bias", &[2 * changed], Init::Constant(0.0))?,
                    ),
                })
            })
            .collect::<Result<_, Error>>()?;
        let (vars, _) = store.finish();
        Ok(Self {
            dims,
            centre: Tensor::from_slice(centre, dims, &Device::Cpu)?,
            scale: Tensor::from_slice(scale, dims, &Device::Cpu)?,
            couplings,
            vars: vars.into_iter().collect(),
        })
    }

    /// Numbers of a latent, D.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// What an optimiser moves, by name.
    #[must_use]
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.vars
    }

    /// Latents [b, D] as points [b, D] of N(0, I), and the logarithm of how much the map widens there [b].
    ///
    /// # Errors
    /// Where the shape does not fit.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let mut x = x.broadcast_sub(&self.centre)?.broadcast_div(&self.scale)?;
        let narrowed = self.scale.log()?.sum_all()?.neg()?;
        let mut widened = narrowed.broadcast_as(x.dim(0)?)?.contiguous()?;
        for coupling in &self.couplings {
            let (kept, rest) = coupling.split(&x.index_select(&coupling.order, 1)?)?;
            let (scale, shift) = coupling.tell(&kept)?;
            widened = (widened + scale.sum(1)?)?;
            let rest = ((rest * scale.exp()?)? + shift)?;
            x = Tensor::cat(&[&kept, &rest], 1)?;
        }
        Ok((x, widened))
    }

    /// The latents [b, D] of points [b, D] of N(0, I): the inverse of [`Self::forward`].
    ///
    /// # Errors
    /// Where the shape does not fit.
    pub fn inverse(&self, u: &Tensor) -> candle_core::Result<Tensor> {
        let mut x = u.clone();
        for coupling in self.couplings.iter().rev() {
            let (kept, rest) = coupling.split(&x)?;
            let (scale, shift) = coupling.tell(&kept)?;
            let rest = ((rest - shift)? * scale.neg()?.exp()?)?;
            x = Tensor::cat(&[&kept, &rest], 1)?.index_select(&coupling.back, 1)?;
        }
        x.broadcast_mul(&self.scale)?.broadcast_add(&self.centre)
    }

    /// Log densities [b] of latents [b, D], in nats; differentiable.
    ///
    /// # Errors
    /// Where the shape does not fit.
    pub fn log_density(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (u, widened) = self.forward(x)?;
        let constant = 0.5 * self.dims as f64 * std::f64::consts::TAU.ln();
        (widened - (u.sqr()?.sum(D::Minus1)? * 0.5)?)? - constant
    }

    /// Everything that a file has to hold, under names that begin with `flow.`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn tensors(&self) -> Result<Vec<(String, Tensor)>, Error> {
        let mut all = vec![
            ("flow.centre".to_owned(), self.centre.clone()),
            ("flow.scale".to_owned(), self.scale.clone()),
        ];
        for (k, coupling) in self.couplings.iter().enumerate() {
            all.push((format!("flow.{k}.order"), coupling.order.clone()));
        }
        all.extend(self.vars.iter().map(|(name, v)| (name.clone(), v.as_detached_tensor())));
        Ok(all)
    }

    /// The flow of [`Self::tensors`]; none where there is none of its names.
    ///
    /// # Errors
    /// A tensor that is missing or does not fit.
    pub fn from_tensors(tensors: &HashMap<String, Tensor>) -> Result<Option<Self>, Error> {
        if !tensors.keys().any(|name| name.starts_with("flow.")) {
            return Ok(None);
        }
        let get = |name: &str| tensors.get(name).ok_or_else(|| Error::Missing(name.to_owned()));
        let (centre, scale) =
            (get("flow.centre")?.to_vec1::<f32>()?, get("flow.scale")?.to_vec1::<f32>()?);
        let mut orders = Vec::new();
        while let Some(order) = tensors.get(&format!("flow.{}.order", orders.len())) {
            let order = order.to_dtype(DType::U32)?.to_vec1::<u32>()?;
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..centre.len() as u32) {
                return Err(Error::Config(format!(
                    "flow.{}.order is no order of {} numbers",
                    orders.len(),
                    centre.len()
                )));
            }
            orders.push(order);
        }
        let hidden = match tensors.get("flow.0.inner.bias") {
            Some(bias) => bias.dim(0)?,
            None => 1,
        };
        let store = Store::file(tensors.clone(), &Device::Cpu);
        if centre.len() < 2 || scale.len() != centre.len() {
            return Err(Error::Config("flow.centre and flow.scale differ in length".to_owned()));
        }
        Self::build(store, &centre, &scale, &orders, hidden).map(Some)
    }
}

impl Coupling {
    fn split(&self, x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let dims = x.dim(1)?;
        let kept = dims / 2;
        Ok((x.narrow(1, 0, kept)?.contiguous()?, x.narrow(1, kept, dims - kept)?.contiguous()?))
    }

    /// Logarithms of scales and moves [b, changed] from what is kept [b, kept].
    fn tell(&self, kept: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let hidden = numeric::linear_relu(kept, &self.inner.0, Some(&self.inner.1))?;
        let both = numeric::linear(&hidden, &self.outer.0, Some(&self.outer.1))?;
        let changed = both.dim(1)? / 2;
        let scale = both.narrow(1, 0, changed)?.contiguous()?;
        let scale = ((scale * (1.0 / LARGEST_SCALE))?.tanh()? * LARGEST_SCALE)?;
        Ok((scale, both.narrow(1, changed, changed)?.contiguous()?))
    }
}
