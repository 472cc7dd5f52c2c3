//! The critic that interpolations are told from lines by (ACAI, arXiv 1807.07543): a small transformer over decoder states.

use candle_core::{Device, Result, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::config::CriticHead;
use crate::numeric::{self, AttentionArgs, Projections};

/// Added to the mean square in norms.
const EPS: f64 = 1e-6;
/// What the names of its parameters begin with.
const PREFIX: &str = "critic.";

/// Shape of a critic.
#[derive(Debug, Clone, Copy)]
pub struct CriticShape {
    /// Width of the states that it reads.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub d_ff: usize,
    /// Layers.
    pub layers: usize,
}

struct Layer {
    own_norm: Var,
    qkv: Var,
    output: Var,
    ff_norm: Var,
    inner: Var,
    outer: Var,
}

/// Hidden states to the ratio that they were decoded at.
pub struct CriticNet {
    shape: CriticShape,
    head: CriticHead,
    layers: Vec<Layer>,
    norm: Var,
    weight: Var,
    bias: Var,
    vars: Vec<(String, Var)>,
}

/// Draws parameters, each from a stream of its own.
struct Drawing<'a> {
    seed: u64,
    device: &'a Device,
    vars: Vec<(String, Var)>,
}

impl Drawing<'_> {
    /// A parameter of normally distributed numbers; the norms' are ones.
    fn draw(&mut self, name: &str, dims: &[usize], std: Option<f64>) -> Result<Var> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x0c71_71c5);
        rng.set_stream(self.vars.len() as u64);
        let mut draw = || -> f32 {
            let normal: f64 = StandardNormal.sample(&mut rng);
            std.map_or(1.0, |std| (std * normal) as f32)
        };
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| draw()).collect();
        let var = Var::from_vec(values, dims, self.device)?;
        self.vars.push((format!("{PREFIX}{name}"), var.clone()));
        Ok(var)
    }
}

impl CriticNet {
    /// A new critic; equal seeds give equal parameters.
    ///
    /// # Errors
    /// Where memory for the parameters cannot be had.
    pub fn new(shape: CriticShape, head: CriticHead, seed: u64, device: &Device) -> Result<Self> {
        let CriticShape { d_model: d, d_ff, layers, .. } = shape;
        let mut own = Drawing { seed, device, vars: Vec::new() };
        let root = |inputs: usize| Some((inputs as f64).powf(-0.5));
        let layers = (0..layers)
            .map(|i| {
                Ok(Layer {
                    own_norm: own.draw(&format!("layer.{i}.attention_norm"), &[d], None)?,
                    qkv: own.draw(&format!("layer.{i}.qkv"), &[3 * d, d], root(d))?,
                    output: own.draw(&format!("layer.{i}.output"), &[d, d], root(4 * d))?,
                    ff_norm: own.draw(&format!("layer.{i}.ff_norm"), &[d], None)?,
                    inner: own.draw(&format!("layer.{i}.inner"), &[d_ff, d], root(d))?,
                    outer: own.draw(&format!("layer.{i}.outer"), &[d, d_ff], root(4 * d_ff))?,
                })
            })
            .collect::<Result<_>>()?;
        let norm = own.draw("norm", &[d], None)?;
        let weight = own.draw("score.weight", &[1, d], root(d))?;
        let bias = own.draw("score.bias", &[1], Some(0.0))?;
        Ok(Self { shape, head, layers, norm, weight, bias, vars: own.vars })
    }

    /// All parameters by name.
    #[must_use]
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.vars
    }

    /// The ratios [b] told of states [b, t, d], where `mask` [b, t] has 1 for positions of the text. With `frozen` weights the
    /// gradient goes to the states alone.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn ratios(&self, states: &Tensor, mask: &Tensor, frozen: bool) -> Result<Tensor> {
        let get = |var: &Var| {
            if frozen {
                var.as_detached_tensor()
            } else {
                var.as_tensor().clone()
            }
        };
        let heads = self.shape.heads;
        let scale = ((self.shape.d_model / heads) as f64).powf(-0.5);
        let mut x = states.clone();
        for layer in &self.layers {
            let normed = numeric::rms_norm(&x, &get(&layer.own_norm), EPS)?;
            let qkv = numeric::linear(&normed, &get(&layer.qkv), None)?;
            let attended = numeric::attention(&AttentionArgs {
                input: Projections::Joined(&qkv),
                heads,
                scale,
                causal: false,
                key_mask: Some(mask),
                bias: None,
            })?;
            x = (x + numeric::linear(&attended, &get(&layer.output), None)?)?;
            let normed = numeric::rms_norm(&x, &get(&layer.ff_norm), EPS)?;
            x = (x + numeric::feed_forward(&normed, &get(&layer.inner), &get(&layer.outer))?)?;
        }
        if self.head == CriticHead::FirstToken {
            x = x.narrow(1, 0, 1)?.contiguous()?;
        }
        let x = numeric::rms_norm(&x, &get(&self.norm), EPS)?;
        let scores = numeric::linear(&x, &get(&self.weight), Some(&get(&self.bias)))?.squeeze(2)?;
        // ½ sigmoid(x) = ¼ (tanh(x / 2) + 1): no overflow on either side.
        let half = |x: &Tensor| (x * 0.5)?.tanh()?.affine(0.25, 0.25);
        let mean = |x: &Tensor| x.mul(mask)?.sum(1)?.div(&mask.sum(1)?);
        match self.head {
            CriticHead::FirstToken => half(&scores)?.squeeze(1),
            CriticHead::Mean => mean(&half(&scores)?),
            CriticHead::MeanLinear => mean(&scores),
        }
    }
}
