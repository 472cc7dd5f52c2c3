//! Adafactor (Shazeer and Stern 2018) at a rate that is given: the second moment of a matrix is kept as the means of its rows
//! and columns, and there is no first moment.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var, D};

use super::adamw::StepStats;

/// The optimiser's constants, named as in the paper; the rate is given with every step ("relative step" off).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdafactorConfig {
    /// Added to squared gradients, ε₁.
    pub eps1: f64,
    /// Smallest size of weights that a step is relative to, ε₂.
    pub eps2: f64,
    /// Root mean square that an update is cut to, d.
    pub clip_threshold: f64,
    /// The second moment's decay at step t is 1 − t^−this.
    pub decay_rate: f64,
    /// Whether a step is multiplied by max(ε₂, RMS(weights)).
    pub scale_parameter: bool,
    /// Decoupled decay of the weights that take part in it.
    pub weight_decay: f64,
}

impl Default for AdafactorConfig {
    fn default() -> Self {
        Self {
            eps1: 1e-30,
            eps2: 1e-3,
            clip_threshold: 1.0,
            decay_rate: 0.8,
            scale_parameter: false,
            weight_decay: 0.0,
        }
    }
}

/// Running mean of squared gradients.
enum Second {
    /// Of every number: vectors.
    Whole(Tensor),
    /// Of a matrix's rows [.., r] and columns [.., c]; tensors of more dimensions are stacks of matrices.
    Factored { rows: Tensor, columns: Tensor },
}

struct Slot {
    name: String,
    var: Var,
    decay: bool,
    second: Second,
    ema: Tensor,
}

/// The optimiser and its state.
pub struct Adafactor {
    slots: Vec<Slot>,
    config: AdafactorConfig,
    ema_decay: Option<f64>,
    steps: usize,
}

impl Adafactor {
    /// An optimiser over named parameters; the flag says whether weight decay applies.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(params: Vec<(String, Var, bool)>, config: AdafactorConfig) -> Result<Self> {
        let slots = params
            .into_iter()
            .map(|(name, var, decay)| {
                let (second, ema) = (Second::new(&var)?, var.as_detached_tensor().copy()?);
                Ok(Slot { name, var, decay, second, ema })
            })
            .collect::<Result<_>>()?;
        Ok(Self { slots, config, ema_decay: None, steps: 0 })
    }

    /// From now on every step keeps `ema ← decay · ema + (1 − decay) · weights`; `None` keeps no average.
    pub fn set_ema_decay(&mut self, decay: Option<f64>) {
        self.ema_decay = decay;
    }

    /// One step at rate `lr` with the sum of the given gradients, clipped to the norm `clip`.
    ///
    /// # Errors
    /// Gradients that do not fit their parameters.
    pub fn step(&mut self, grads: &[&GradStore], lr: f64, clip: Option<f64>) -> Result<StepStats> {
        let mut gradients = Vec::with_capacity(self.slots.len());
        let mut square = 0.0;
        for slot in &self.slots {
            let gradient = sum_of(grads, &slot.var)?;
            if let Some(gradient) = &gradient {
                square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
            gradients.push(gradient);
        }
        let grad_norm = square.sqrt();
        if !grad_norm.is_finite() {
            return Ok(StepStats { grad_norm, finite: false });
        }
        let shrink = clip.filter(|&c| grad_norm > c).map_or(1.0, |c| c / grad_norm);
        self.steps += 1;
        let keep = 1.0 - (self.steps as f64).powf(-self.config.decay_rate);
        for (slot, gradient) in self.slots.iter_mut().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            slot.update(&(gradient * shrink)?, keep, lr, &self.config, self.ema_decay)?;
        }
        Ok(StepStats { grad_norm, finite: true })
    }

    /// The averaged weights by name.
    ///
    /// # Errors
    /// Those of candle.
    pub fn ema(&self) -> Result<Vec<(String, Tensor)>> {
        self.slots.iter().map(|s| Ok((s.name.clone(), s.ema.to_device(&Device::Cpu)?))).collect()
    }

    /// Second moments and average as `v.NAME`, or `vr.NAME` and `vc.NAME` of rows and columns, and `ema.NAME`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::with_capacity(3 * self.slots.len());
        for slot in &self.slots {
            for (kind, tensor) in slot.tensors() {
                state.push((format!("{kind}.{}", slot.name), tensor.to_device(&Device::Cpu)?));
            }
        }
        Ok(state)
    }

    /// Takes over what [`Adafactor::state`] gave, after `steps` steps.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        for slot in &mut self.slots {
            let mut found = Vec::with_capacity(3);
            for (kind, tensor) in slot.tensors() {
                let (key, shape) = (format!("{kind}.{}", slot.name), tensor.shape());
                match state.get(&key) {
                    Some(t) if t.shape() == shape => found.push(t.to_device(slot.var.device())?),
                    Some(t) => candle_core::bail!("{key} is {:?}, expected {shape:?}", t.shape()),
                    None => candle_core::bail!("the optimiser's state lacks {key}"),
                }
            }
            let mut found = found.into_iter();
            let targets = match &mut slot.second {
                Second::Whole(mean) => vec![mean, &mut slot.ema],
                Second::Factored { rows, columns } => vec![rows, columns, &mut slot.ema],
            };
            for target in targets {
                if let Some(tensor) = found.next() {
                    *target = tensor;
                }
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// The sum of a parameter's gradients over shards, in their order; `None` of none.
fn sum_of(grads: &[&GradStore], var: &Var) -> Result<Option<Tensor>> {
    let mut sum: Option<Tensor> = None;
    for gradient in grads.iter().filter_map(|store| store.get(var)) {
        let gradient = gradient.detach().to_dtype(DType::F32)?;
        sum = Some(match sum {
            Some(sum) => (sum + gradient)?,
            None => gradient,
        });
    }
    Ok(sum)
}

/// The root of the mean square of all numbers.
fn rms(x: &Tensor) -> Result<f64> {
    Ok(f64::from(x.sqr()?.mean_all()?.to_scalar::<f32>()?).sqrt())
}

impl Second {
    fn new(var: &Var) -> Result<Self> {
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, var.device());
        let dims = var.dims();
        let [stack @ .., r, c] = dims else { return Ok(Self::Whole(zeros(dims)?)) };
        Ok(Self::Factored {
            rows: zeros(&[stack, &[*r][..]].concat())?,
            columns: zeros(&[stack, &[*c][..]].concat())?,
        })
    }

    /// Takes a gradient in, keeping `keep` of what was, and divides it by the root of the second moment.
    fn normed(&mut self, gradient: &Tensor, keep: f64, eps: f64) -> Result<Tensor> {
        let square = (gradient.sqr()? + eps)?;
        let blend = |old: &Tensor, new: Tensor| (old * keep)?.add(&(new * (1.0 - keep))?);
        match self {
            Self::Whole(mean) => {
                *mean = blend(mean, square)?;
                gradient.div(&mean.sqrt()?)
            }
            Self::Factored { rows, columns } => {
                *rows = blend(rows, square.mean(D::Minus1)?)?;
                *columns = blend(columns, square.mean(D::Minus2)?)?;
                // V̂ = R C / mean(R), as two roots: their product would leave the range of single precision.
                let of_rows = rows.broadcast_div(&rows.mean_keepdim(D::Minus1)?)?.sqrt()?;
                gradient
                    .broadcast_div(&of_rows.unsqueeze(D::Minus1)?)?
                    .broadcast_div(&columns.sqrt()?.unsqueeze(D::Minus2)?)
            }
        }
    }
}

impl Slot {
    fn update(
        &mut self,
        gradient: &Tensor,
        keep: f64,
        lr: f64,
        config: &AdafactorConfig,
        ema_decay: Option<f64>,
    ) -> Result<()> {
        let update = self.second.normed(gradient, keep, config.eps1)?;
        let excess = (rms(&update)? / config.clip_threshold).max(1.0);
        let weights = self.var.as_detached_tensor();
        let scale = if config.scale_parameter { rms(&weights)?.max(config.eps2) } else { 1.0 };
        let decay = if self.decay { lr * config.weight_decay } else { 0.0 };
        let weights = ((weights * (1.0 - decay))? - (update * (lr * scale / excess))?)?;
        if let Some(decay) = ema_decay {
            self.ema = ((&self.ema * decay)? + (&weights * (1.0 - decay))?)?;
        }
        self.var.set(&weights)
    }

    /// What the slot keeps, with the names' beginnings.
    fn tensors(&self) -> Vec<(&'static str, &Tensor)> {
        match &self.second {
            Second::Whole(mean) => vec![("v", mean), ("ema", &self.ema)],
            Second::Factored { rows, columns } => {
                vec![("vr", rows), ("vc", columns), ("ema", &self.ema)]
            }
        }
    }
}

#[cfg(test)]
mod tests;
