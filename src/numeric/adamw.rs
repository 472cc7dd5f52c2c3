//! AdamW (Loshchilov and Hutter 2019) in one pass over weights, summed gradients, moments and the weights' average.

use std::collections::HashMap;
use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Storage, Tensor, Var};
use multiversion::multiversion;

use super::slices::{sum, view, with};

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
        let gradients: Vec<Vec<Tensor>> = self
            .slots
            .iter()
            .map(|slot| grads.iter().filter_map(|g| g.get(&slot.var)?.contiguous().ok()).collect())
            .collect();
        let squares = |gradients: &[Vec<Tensor>]| -> Result<f64> {
            gradients.iter().map(|g| with_all(g, |shards| Ok(square_of_sum(shards)))).sum()
        };
        // Memory is what this costs: two threads reach more of it than one.
        let half = self.slots.len() / 2;
        let (front, back) = in_two(|| squares(&gradients[..half]), || squares(&gradients[half..]));
        let square = front? + back?;
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
        let rates = Rates {
            beta1: c.beta1 as f32,
            beta2: c.beta2 as f32,
            eps: c.eps as f32,
            shrink,
            rate,
            unbias,
            ema: self.ema_decay.map(|d| d as f32),
        };
        let decay = |slot: &Slot| if slot.decay { (1.0 - lr * c.weight_decay) as f32 } else { 1.0 };
        let (front, back) = self.slots.split_at_mut(half);
        let run = |slots: &mut [Slot], gradients: &[Vec<Tensor>]| -> Result<()> {
            for (slot, of_slot) in slots.iter_mut().zip(gradients) {
                if !of_slot.is_empty() {
                    let keep = decay(slot);
                    with_all(of_slot, |shards| slot.update(shards, keep, rates))?;
                }
            }
            Ok(())
        };
        let (front, back) =
            in_two(|| run(front, &gradients[..half]), || run(back, &gradients[half..]));
        front.and(back)?;
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

/// Both results, the first computed in another thread.
fn in_two<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

/// What a step applies to every weight.
#[derive(Clone, Copy)]
struct Rates {
    beta1: f32,
    beta2: f32,
    eps: f32,
    shrink: f32,
    rate: f32,
    unbias: f32,
    ema: Option<f32>,
}

/// A step on one parameter's weights in place.
struct Update<'a> {
    shards: &'a [&'a [f32]],
    keep: f32,
    rates: Rates,
    /// First and second moment, and average.
    state: Mutex<[&'a mut [f32]; 3]>,
}

impl InplaceOp1 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(weights), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            candle_core::bail!("AdamW needs contiguous float32 parameters");
        };
        let Ok(mut state) = self.state.lock() else { return Ok(()) };
        let [m, v, ema] = &mut *state;
        update(&mut weights[start..end], self.shards, [m, v, ema], self.keep, self.rates);
        Ok(())
    }
}

/// Numbers that are updated together, so that the sum of their gradients stays in a register or two.
const BLOCK: usize = 256;

#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn update(
    weights: &mut [f32],
    shards: &[&[f32]],
    [m, v, ema]: [&mut [f32]; 3],
    keep: f32,
    rates: Rates,
) {
    let Rates { beta1, beta2, eps, shrink, rate, unbias, ema: ema_decay } = rates;
    let mut sum = [0f32; BLOCK];
    for (block, weights) in weights.chunks_mut(BLOCK).enumerate() {
        let at = block * BLOCK..block * BLOCK + weights.len();
        let sum = &mut sum[..weights.len()];
        add_up(shards, at.clone(), sum);
        let (m, v, ema) = (&mut m[at.clone()], &mut v[at.clone()], &mut ema[at]);
        for (((w, &mut g), m), v) in weights.iter_mut().zip(sum).zip(m).zip(v) {
            let g = g * shrink;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *w = *w * keep - rate * *m / ((*v * unbias).sqrt() + eps);
        }
        if let Some(decay) = ema_decay {
            for (e, w) in ema.iter_mut().zip(&*weights) {
                *e = decay * *e + (1.0 - decay) * w;
            }
        }
    }
}

/// The sum over shards, in their order.
#[inline(always)]
fn add_up(shards: &[&[f32]], at: std::ops::Range<usize>, sum: &mut [f32]) {
    sum.fill(0.0);
    for shard in shards {
        for (sum, g) in sum.iter_mut().zip(&shard[at.clone()]) {
            *sum += g;
        }
    }
}

/// The squared norm of the sum over shards.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma"))]
fn square_of_sum(shards: &[&[f32]]) -> f64 {
    let len = shards.first().map_or(0, |s| s.len());
    let mut buffer = [0f32; BLOCK];
    let mut total = 0f64;
    for start in (0..len).step_by(BLOCK) {
        let at = start..(start + BLOCK).min(len);
        let part = &mut buffer[..at.len()];
        add_up(shards, at, part);
        total += f64::from(sum(part, |v| v * v));
    }
    total
}

/// Calls `f` with the numbers of all tensors.
fn with_all<R>(tensors: &[Tensor], f: impl FnOnce(&[&[f32]]) -> Result<R>) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(Tensor::storage_and_layout).collect();
    let slices: Vec<&[f32]> = guards
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => view(storage, layout),
            _ => candle_core::bail!("expected a tensor on the CPU"),
        })
        .collect::<Result<_>>()?;
    f(&slices)
}

impl Slot {
    fn update(&mut self, shards: &[&[f32]], keep: f32, rates: Rates) -> Result<()> {
        if shards.iter().any(|s| s.len() != self.m.len()) {
            candle_core::bail!("the gradient of {} has another shape than its weights", self.name);
        }
        let state = Mutex::new([&mut self.m[..], &mut self.v[..], &mut self.ema[..]]);
        self.var.inplace_op1(&Update { shards, keep, rates, state })
    }

    fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(values, self.var.shape(), &Device::Cpu)
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    with(tensor, |values| Ok(values.to_vec()))
}
