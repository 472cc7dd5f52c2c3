//! AdamW (Loshchilov and Hutter 2019) in one pass over weights, summed gradients, moments and the weights' average.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use super::slices::{sum, with};

/// The optimiser's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay of the weights that take part in it.
    pub weight_decay: f64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepStats {
    /// Norm of the summed gradient before clipping.
    pub grad_norm: f64,
    /// Whether it was finite; if not, nothing was changed.
    pub finite: bool,
}

struct Slot {
    name: String,
    var: Var,
    decay: bool,
    m: Vec<f32>,
    v: Vec<f32>,
    ema: Vec<f32>,
}

/// The optimiser and its state.
pub struct AdamW {
    slots: Vec<Slot>,
    config: AdamWConfig,
    ema_decay: Option<f64>,
    steps: usize,
}

impl AdamW {
    /// An optimiser over named parameters; the flag says whether weight decay applies.
    ///
    /// # Errors
    /// A parameter that is not float32 on the CPU.
    pub fn new(params: Vec<(String, Var, bool)>, config: AdamWConfig) -> Result<Self> {
        let slots = params
            .into_iter()
            .map(|(name, var, decay)| {
                let values = numbers(&var)?;
                let zeros = vec![0f32; values.len()];
                Ok(Slot { name, var, decay, m: zeros.clone(), v: zeros, ema: values })
            })
            .collect::<Result<_>>()?;
        Ok(Self { slots, config, ema_decay: None, steps: 0 })
    }

    /// From now on every step keeps `ema ← decay · ema + (1 − decay) · weights`; `None` keeps no average.
    pub fn set_ema_decay(&mut self, decay: Option<f64>) {
        self.ema_decay = decay;
    }

    /// Steps taken.
    #[must_use]
    pub fn step_count(&self) -> usize {
        self.steps
    }

    /// One step at rate `lr` with the sum of the given gradients, clipped to the norm `clip`.
    ///
    /// # Errors
    /// Gradients that do not fit their parameters.
    pub fn step(&mut self, grads: &[&GradStore], lr: f64, clip: Option<f64>) -> Result<StepStats> {
        let mut summed = Vec::with_capacity(self.slots.len());
        let mut square = 0f64;
        for slot in &self.slots {
            let gradient = sum_gradients(&slot.var, grads)?;
            square += gradient.as_deref().map_or(0.0, |g| f64::from(sum(g, |v| v * v)));
            summed.push(gradient);
        }
        let grad_norm = square.sqrt();
        if !grad_norm.is_finite() {
            return Ok(StepStats { grad_norm, finite: false });
        }
        let shrink = match clip {
            Some(clip) if grad_norm > clip => (clip / grad_norm) as f32,
            _ => 1.0,
        };
        self.steps += 1;
        let c = self.config;
        let power = self.steps.min(i32::MAX as usize) as i32;
        let rate = (lr / (1.0 - c.beta1.powi(power))) as f32;
        let unbias = (1.0 / (1.0 - c.beta2.powi(power))) as f32;
        let (b1, b2, eps) = (c.beta1 as f32, c.beta2 as f32, c.eps as f32);
        for (slot, gradient) in self.slots.iter_mut().zip(summed) {
            let Some(gradient) = gradient else { continue };
            let keep = if slot.decay { (1.0 - lr * c.weight_decay) as f32 } else { 1.0 };
            let mut weights = numbers(&slot.var)?;
            let moments = slot.m.iter_mut().zip(slot.v.iter_mut());
            for ((w, g), (m, v)) in weights.iter_mut().zip(&gradient).zip(moments) {
                let g = g * shrink;
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *w = *w * keep - rate * *m / ((*v * unbias).sqrt() + eps);
            }
            if let Some(decay) = self.ema_decay {
                let decay = decay as f32;
                for (e, w) in slot.ema.iter_mut().zip(&weights) {
                    *e = decay * *e + (1.0 - decay) * w;
                }
            }
            slot.var.set(&Tensor::from_vec(weights, slot.var.shape(), &Device::Cpu)?)?;
        }
        Ok(StepStats { grad_norm, finite: true })
    }

    /// The averaged weights by name.
    ///
    /// # Errors
    /// Those of candle.
    pub fn ema(&self) -> Result<Vec<(String, Tensor)>> {
        self.slots.iter().map(|s| Ok((s.name.clone(), s.tensor(&s.ema)?))).collect()
    }

    /// Moments and average as `m.NAME`, `v.NAME`, `ema.NAME`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::with_capacity(3 * self.slots.len());
        for s in &self.slots {
            for (kind, values) in [("m", &s.m), ("v", &s.v), ("ema", &s.ema)] {
                state.push((format!("{kind}.{}", s.name), s.tensor(values)?));
            }
        }
        Ok(state)
    }

    /// Takes over what [`AdamW::state`] gave, after `steps` steps.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
        for s in &mut self.slots {
            let name = s.name.clone();
            let shape = s.var.shape().clone();
            for (kind, values) in [("m", &mut s.m), ("v", &mut s.v), ("ema", &mut s.ema)] {
                let key = format!("{kind}.{name}");
                match state.get(&key) {
                    Some(t) if t.shape() == &shape => *values = numbers(t)?,
                    Some(t) => candle_core::bail!("{key} is {:?}, expected {shape:?}", t.shape()),
                    None => candle_core::bail!("the optimiser's state lacks {key}"),
                }
            }
        }
        self.steps = steps;
        Ok(())
    }
}

impl Slot {
    fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(values, self.var.shape(), &Device::Cpu)
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    with(tensor, |values| Ok(values.to_vec()))
}

/// The sum over shards, in their order; `None` where no shard has a gradient.
fn sum_gradients(var: &Var, grads: &[&GradStore]) -> Result<Option<Vec<f32>>> {
    let mut total: Option<Vec<f32>> = None;
    for gradient in grads.iter().filter_map(|g| g.get(var)) {
        match &mut total {
            None => total = Some(numbers(gradient)?),
            Some(total) => with(gradient, |g| {
                total.iter_mut().zip(g).for_each(|(t, g)| *t += g);
                Ok(())
            })?,
        }
    }
    Ok(total)
}
