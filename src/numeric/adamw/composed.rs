//! The optimiser's step from candle's operations, for parameters that are not on the CPU.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::Rates;

/// Moments and average of a parameter, on its device.
pub(super) struct Composed {
    m: Tensor,
    v: Tensor,
    ema: Tensor,
}

/// The sum over shards; `None` of none.
fn add_up(shards: &[Tensor]) -> Result<Option<Tensor>> {
    let Some((first, rest)) = shards.split_first() else { return Ok(None) };
    rest.iter().try_fold(first.clone(), |sum, shard| sum.add(shard)).map(Some)
}

/// The squared norm of all gradients: one number comes back from the device, however many parameters there are.
pub(super) fn square(gradients: &[Vec<Tensor>]) -> Result<f64> {
    let mut total: Option<Tensor> = None;
    for shards in gradients {
        if let Some(sum) = add_up(shards)? {
            let square = sum.to_dtype(DType::F32)?.sqr()?.sum_all()?;
            total = Some(match total {
                Some(total) => (total + square)?,
                None => square,
            });
        }
    }
    total.map_or(Ok(0.0), |t| Ok(f64::from(t.to_scalar::<f32>()?)))
}

impl Composed {
    pub(super) fn new(var: &Var) -> Result<Self> {
        let zeros = var.zeros_like()?.detach();
        Ok(Self { m: zeros.clone(), v: zeros, ema: var.as_detached_tensor().copy()? })
    }

    pub(super) fn update(
        &mut self,
        var: &Var,
        shards: &[Tensor],
        keep: f32,
        rates: Rates,
    ) -> Result<()> {
        let Some(gradient) = add_up(shards)? else { return Ok(()) };
        let [b1, b2, eps, shrink, rate, unbias] =
            [rates.beta1, rates.beta2, rates.eps, rates.shrink, rates.rate, rates.unbias]
                .map(f64::from);
        let g = (gradient.detach() * shrink)?;
        self.m = ((&self.m * b1)? + (&g * (1.0 - b1))?)?;
        self.v = ((&self.v * b2)? + (g.sqr()? * (1.0 - b2))?)?;
        let change = (&self.m / ((&self.v * unbias)?.sqrt()? + eps)?)?;
        let weights = ((var.as_detached_tensor() * f64::from(keep))? - (change * rate)?)?;
        if let Some(decay) = rates.ema.map(f64::from) {
            self.ema = ((&self.ema * decay)? + (&weights * (1.0 - decay))?)?;
        }
        var.set(&weights)
    }

    pub(super) fn tensors(&self) -> Result<[Tensor; 3]> {
        let host = |t: &Tensor| t.to_device(&Device::Cpu);
        Ok([host(&self.m)?, host(&self.v)?, host(&self.ema)?])
    }

    /// Takes over `[m, v, ema]`.
    pub(super) fn load(&mut self, var: &Var, state: &[&Tensor]) -> Result<()> {
        let there = |t: &Tensor| t.to_device(var.device());
        (self.m, self.v, self.ema) = (there(state[0])?, there(state[1])?, there(state[2])?);
        Ok(())
    }
}
