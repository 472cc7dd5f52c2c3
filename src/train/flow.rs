//! Fitting the flow of a learned prior to latents, by maximum likelihood with our AdamW.

use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::TrainError;
use crate::model::Flow;
use crate::numeric::adamw::{AdamW, AdamWConfig};

/// Steps between two looks at the latents held aside.
const LOOK_EVERY: usize = 25;
/// One of so many latents is held aside to tell when the flow begins to learn them by heart.
const HELD: usize = 10;
/// Looks without a better likelihood after which a fit ends.
const PATIENCE: usize = 8;
/// Least deviation of a number, so that one that never varies has a scale.
const LEAST_DEVIATION: f64 = 1e-4;

/// How a flow is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowOptions {
    /// Affine couplings.
    pub couplings: usize,
    /// Hidden units of each.
    pub hidden: usize,
    /// Optimiser steps at most.
    pub steps: usize,
    /// Latents per step.
    pub batch: usize,
    /// Peak learning rate; falls to 0 over the steps on a half cosine.
    pub learning_rate: f64,
    /// Seed of every draw.
    pub seed: u64,
}

impl Default for FlowOptions {
    fn default() -> Self {
        Self { couplings: 6, hidden: 128, steps: 800, batch: 256, learning_rate: 2e-3, seed: 0 }
    }
}

/// Fits a flow to `count` latents. `row` gives the coordinates of the i-th, with draws of its own each time where the place
/// on the sphere leaves the radius open. Stops with `None` where `go_on`, asked with the steps done, says so.
///
/// The flow with the best likelihood of a tenth of the latents, held aside, is kept.
///
/// # Errors
/// Fewer than 20 latents, latents of fewer than two numbers or of different lengths; those of the numeric core.
pub fn fit_flow(
    count: usize,
    row: &dyn Fn(usize, &mut ChaCha8Rng) -> Vec<f64>,
    options: &FlowOptions,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Flow>, TrainError> {
    let needed = 2 * HELD;
    if count < needed {
        return Err(TrainError::Config(format!(
            "{count} latents are too few for a flow: {needed} are needed"
        )));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut rng);
    let (held, own) = order.split_at(count / HELD);
    let (mut own, held) = (own.to_vec(), batch_of(held, row, &mut rng)?);

    let all = batch_of(&own, row, &mut rng)?;
    let mean = all.mean_keepdim(0)?;
    let deviation = all.broadcast_sub(&mean)?.sqr()?.mean(0)?.sqrt()?;
    let deviation = deviation.maximum(LEAST_DEVIATION)?;
    let (mean, deviation) = (mean.squeeze(0)?.to_vec1::<f32>()?, deviation.to_vec1::<f32>()?);
    let flow = Flow::new(&mean, &deviation, options.couplings, options.hidden, options.seed)?;

    let parameters = flow.parameters().iter();
    let parameters = parameters.map(|(n, v)| (n.clone(), v.clone(), n.ends_with("weight")));
    let constants = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.01 };
    let mut optimiser = AdamW::new(parameters.collect(), constants)?;
    let likelihood = |flow: &Flow| -> Result<f64, TrainError> {
        Ok(f64::from(flow.log_density(&held)?.mean_all()?.to_scalar::<f32>()?))
    };
    let copy = |flow: &Flow| -> Result<Vec<Tensor>, TrainError> {
        flow.parameters().iter().map(|(_, v)| Ok(v.as_tensor().copy()?)).collect()
    };
    let (mut best, mut kept, mut looks) = (likelihood(&flow)?, copy(&flow)?, 0);
    let mut next = 0;
    for step in 0..options.steps {
        if !go_on(step) {
            return Ok(None);
        }
        let size = options.batch.clamp(1, own.len());
        if next + size > own.len() {
            own.shuffle(&mut rng);
            next = 0;
        }
        let x = batch_of(&own[next..next + size], row, &mut rng)?;
        next += size;
        let loss = (flow.log_density(&x)?.mean_all()? / -(flow.dims() as f64))?;
        let progress = step as f64 / options.steps.max(1) as f64;
        let rate = options.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        optimiser.step(&[&loss.backward()?], rate, Some(1.0))?;
        if (step + 1).is_multiple_of(LOOK_EVERY) || step + 1 == options.steps {
            let now = likelihood(&flow)?;
            if now > best {
                (best, kept, looks) = (now, copy(&flow)?, 0);
            } else {
                looks += 1;
                if looks == PATIENCE {
                    break;
                }
            }
        }
    }
    for ((_, var), value) in flow.parameters().iter().zip(&kept) {
        var.set(value)?;
    }
    Ok(Some(flow))
}

/// Coordinates of some latents as a tensor [b, D].
fn batch_of(
    places: &[usize],
    row: &dyn Fn(usize, &mut ChaCha8Rng) -> Vec<f64>,
    rng: &mut ChaCha8Rng,
) -> Result<Tensor, TrainError> {
    let mut values: Vec<f32> = Vec::new();
    for &i in places {
        values.extend(row(i, rng).into_iter().map(|x| x as f32));
    }
    let dims = values.len().checked_div(places.len()).unwrap_or(0);
    Ok(Tensor::from_vec(values, (places.len(), dims), &Device::Cpu)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    /// A banana: the second number lies around the square of the first.
    fn banana(rows: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        (0..rows)
            .map(|_| {
                let x = normal();
                vec![x, x * x + 0.3 * normal()]
            })
            .collect()
    }

    fn tensor(rows: &[Vec<f64>]) -> Tensor {
        let values: Vec<f32> = rows.concat().iter().map(|&x| x as f32).collect();
        Tensor::from_vec(values, (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
    }

    fn fitted(rows: &[Vec<f64>], steps: usize) -> Flow {
        let options = FlowOptions { steps, hidden: 32, ..FlowOptions::default() };
        let row = |i: usize, _: &mut ChaCha8Rng| rows[i].clone();
        fit_flow(rows.len(), &row, &options, &mut |_| true).unwrap().unwrap()
    }

    fn mean_log_density(flow: &Flow, rows: &[Vec<f64>]) -> f64 {
        let found = flow.log_density(&tensor(rows)).unwrap().mean_all().unwrap();
        f64::from(found.to_scalar::<f32>().unwrap())
    }

    #[test]
    fn a_flow_beats_a_gaussian_on_a_banana_and_is_its_own_inverse() {
        let (rows, held) = (banana(1200, 1), banana(400, 2));
        // Without a step it is the Gaussian of the data's means and deviations.
        let (gaussian, flow) = (fitted(&rows, 0), fitted(&rows, 400));
        let (before, after) = (mean_log_density(&gaussian, &held), mean_log_density(&flow, &held));
        assert!(after > before + 0.5, "{before} {after}");
        // The truth is the density of two normal draws, the second of deviation 0.3.
        let best = -(std::f64::consts::TAU.ln() + 1.0 + 0.3f64.ln());
        assert!(after < best + 0.1, "{after} {best}: no density is above the truth's");

        let x = tensor(&held);
        let (u, _) = flow.forward(&x).unwrap();
        let back = flow.inverse(&u).unwrap();
        let apart = (back - &x).unwrap().abs().unwrap().max_all().unwrap();
        assert!(apart.to_scalar::<f32>().unwrap() < 1e-3);
        // What the data become is standard normal.
        let square = u.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((square - 1.0).abs() < 0.2, "{square}");
    }

    #[test]
    fn the_widening_is_that_of_the_map() {
        let flow = fitted(&banana(300, 3), 60);
        let at = [0.4, 0.9];
        let map = |x: [f64; 2]| {
            let (u, widened) = flow.forward(&tensor(&[x.to_vec()])).unwrap();
            let u = u.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            ([f64::from(u[0]), f64::from(u[1])], widened.to_vec1::<f32>().unwrap()[0])
        };
        let h = 1e-2;
        let column = |i: usize| {
            let (mut up, mut down) = (at, at);
            up[i] += h;
            down[i] -= h;
            let (up, down) = (map(up).0, map(down).0);
            [(up[0] - down[0]) / (2.0 * h), (up[1] - down[1]) / (2.0 * h)]
        };
        let (a, b) = (column(0), column(1));
        let determinant = (a[0] * b[1] - a[1] * b[0]).abs();
        let told = f64::from(map(at).1);
        assert!((determinant.ln() - told).abs() < 0.05, "{} {told}", determinant.ln());
    }

    #[test]
    fn a_fit_is_the_same_every_time_can_be_kept_and_can_be_broken_off() {
        let rows = banana(100, 4);
        let (one, other) = (fitted(&rows, 30), fitted(&rows, 30));
        assert_eq!(
            mean_log_density(&one, &rows).to_bits(),
            mean_log_density(&other, &rows).to_bits()
        );
        let kept = one.tensors().unwrap().into_iter().collect();
        let read = Flow::from_tensors(&kept).unwrap().unwrap();
        assert_eq!(
            mean_log_density(&one, &rows).to_bits(),
            mean_log_density(&read, &rows).to_bits()
        );
        assert!(Flow::from_tensors(&std::collections::HashMap::new()).unwrap().is_none());
        let mut short = kept.clone();
        short.remove("flow.1.outer.bias");
        assert!(Flow::from_tensors(&short).unwrap_err().to_string().contains("flow.1.outer.bias"));

        let row = |i: usize, _: &mut ChaCha8Rng| rows[i].clone();
        let options = FlowOptions::default();
        assert!(fit_flow(100, &row, &options, &mut |step| step < 3).unwrap().is_none());
        assert!(fit_flow(10, &row, &options, &mut |_| true).is_err());
    }
}
