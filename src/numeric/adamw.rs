//! AdamW (Loshchilov and Hutter 2019) in one pass over weights, summed gradients, moments and the weights' average.

mod composed;

use std::collections::HashMap;
use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, Var};
use multiversion::multiversion;

use super::slices::{fused, sum, view, with};
use super::team::Place;
use composed::Composed;

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
    state: State,
}

/// Moments and average of a parameter.
enum State {
    /// On the CPU, in single precision.
    Host(Box<Host>),
    /// Anywhere, as tensors.
    Composed(Composed),
}

struct Host {
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
    /// Those of candle.
    pub fn new(params: Vec<(String, Var, bool)>, config: AdamWConfig) -> Result<Self> {
        let on_cpu = params.iter().all(|(_, var, _)| fused(&[var]));
        Self::with_states(params, config, |var| {
            if !on_cpu {
                return Ok(State::Composed(Composed::new(var)?));
            }
            let values = numbers(var)?;
            let zeros = vec![0f32; values.len()];
            Ok(State::Host(Box::new(Host { m: zeros.clone(), v: zeros, ema: values })))
        })
    }

    /// The same from candle's operations, as parameters on another device have it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn composed(params: Vec<(String, Var, bool)>, config: AdamWConfig) -> Result<Self> {
        Self::with_states(params, config, |var| Ok(State::Composed(Composed::new(var)?)))
    }

    fn with_states(
        params: Vec<(String, Var, bool)>,
        config: AdamWConfig,
        state: impl Fn(&Var) -> Result<State>,
    ) -> Result<Self> {
        let slots = params
            .into_iter()
            .map(|(name, var, decay)| Ok(Slot { state: state(&var)?, name, var, decay }))
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
        let composed = matches!(self.slots.first(), Some(Slot { state: State::Composed(_), .. }));
        let squares = |gradients: &[Vec<Tensor>]| -> Result<f64> {
            gradients.iter().map(|g| with_all(g, |shards| Ok(square_of_sum(shards)))).sum()
        };
        // Memory is what this costs: two threads reach more of it than one.
        let half = self.slots.len() / 2;
        let square = if composed {
            composed::square(&gradients)?
        } else {
            let (front, back) =
                in_two(|| squares(&gradients[..half]), || squares(&gradients[half..]));
            front? + back?
        };
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
        if composed {
            for (slot, of_slot) in self.slots.iter_mut().zip(&gradients) {
                let keep = decay(slot);
                if let State::Composed(state) = &mut slot.state {
                    state.update(&slot.var, of_slot, keep, rates)?;
                }
            }
            return Ok(StepStats { grad_norm, finite: true });
        }
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
        self.slots.iter().map(|s| Ok((s.name.clone(), s.tensors()?[2].clone()))).collect()
    }

    /// Moments and average as `m.NAME`, `v.NAME`, `ema.NAME`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::with_capacity(3 * self.slots.len());
        for s in &self.slots {
            for (kind, tensor) in KINDS.iter().zip(s.tensors()?) {
                state.push((format!("{kind}.{}", s.name), tensor));
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
            let shape = s.var.shape().clone();
            let mut found = Vec::with_capacity(KINDS.len());
            for kind in KINDS {
                let key = format!("{kind}.{}", s.name);
                match state.get(&key) {
                    Some(t) if t.shape() == &shape => found.push(t),
                    Some(t) => candle_core::bail!("{key} is {:?}, expected {shape:?}", t.shape()),
                    None => candle_core::bail!("the optimiser's state lacks {key}"),
                }
            }
            match &mut s.state {
                State::Host(host) => {
                    host.m = numbers(found[0])?;
                    host.v = numbers(found[1])?;
                    host.ema = numbers(found[2])?;
                }
                State::Composed(state) => state.load(&s.var, &found)?,
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// Both results, the first computed in another thread.
fn in_two<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    let place = Place::here();
    std::thread::scope(|scope| {
        let first = scope.spawn(move || {
            place.avoid();
            first()
        });
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
        let State::Host(host) = &mut self.state else { return Ok(()) };
        if shards.iter().any(|s| s.len() != host.m.len()) {
            candle_core::bail!("the gradient of {} has another shape than its weights", self.name);
        }
        let state = Mutex::new([&mut host.m[..], &mut host.v[..], &mut host.ema[..]]);
        self.var.inplace_op1(&Update { shards, keep, rates, state })
    }

    /// Moments and average, in the order of [`KINDS`].
    fn tensors(&self) -> Result<[Tensor; 3]> {
        match &self.state {
            State::Host(host) => {
                let tensor =
                    |x: &[f32]| Tensor::from_slice(x, self.var.shape(), &candle_core::Device::Cpu);
                Ok([tensor(&host.m)?, tensor(&host.v)?, tensor(&host.ema)?])
            }
            State::Composed(state) => state.tensors(),
        }
    }
}

/// What the optimiser keeps of every parameter, as its saved state names it.
const KINDS: [&str; 3] = ["m", "v", "ema"];

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    with(tensor, |values| Ok(values.to_vec()))
}
