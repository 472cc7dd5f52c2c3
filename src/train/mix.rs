//! Latents between those of a batch's rows, as part of the graph.

use candle_core::{Device, Result, Tensor};

use crate::latent::slerp_weights;
use crate::model::TransformerVae;
use crate::numeric;

/// A place on the way between the latents of two rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The row at ratio 0.
    pub a: u32,
    /// The row at ratio 1.
    pub b: u32,
    /// Where between them.
    pub ratio: f64,
}

/// Latents [places, n, L] on the way between those of the rows [rows, n, L], per token on its great circle.
///
/// The angles are taken as they are: the gradient moves the ends, not their weights. Between codes the way is straight, and its
/// points are the codes nearest to it.
///
/// # Errors
/// Those of candle; rows that are not there.
pub fn on_the_way(model: &TransformerVae, clean: &Tensor, places: &[Place]) -> Result<Tensor> {
    let (rows, n, size) = clean.dims3()?;
    let device = model.device();
    let values = clean.detach().to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
    let token = |row: u32, token: usize| &values[(row as usize * n + token) * size..][..size];
    let straight = model.config().bottleneck().is_discrete();
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for place in places {
        for i in 0..n {
            let (mut ab, mut aa, mut bb) = (0f64, 0f64, 0f64);
            for (&x, &y) in token(place.a, i).iter().zip(token(place.b, i)) {
                let (x, y) = (f64::from(x), f64::from(y));
                (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
            }
            let cosine = ab / (aa * bb).sqrt().max(f64::MIN_POSITIVE);
            let (a, b) = if straight {
                (1.0 - place.ratio, place.ratio)
            } else {
                slerp_weights(cosine, place.ratio)
            };
            of_a.push(a as f32);
            of_b.push(b as f32);
        }
    }
    let flat = clean.reshape((rows, n * size))?;
    let side = |row: &dyn Fn(&Place) -> u32, weights: &[f32]| -> Result<Tensor> {
        let ids: Vec<u32> = places.iter().map(row).collect();
        let ends = numeric::embedding(&flat, &Tensor::from_slice(&ids, places.len(), device)?)?;
        let weights = Tensor::from_slice(weights, (places.len(), n, 1), device)?;
        ends.reshape((places.len(), n, size))?.broadcast_mul(&weights)
    };
    let mixed = (side(&|place| place.a, &of_a)? + side(&|place| place.b, &of_b)?)?;
    model.project(&mixed)
}

/// The summed distances of latents [rows, n, L] from where they should be: per row the mean over tokens of
/// ‖z − target‖² / (2 ‖target‖²), which on the sphere is 1 − cos(z, target). The targets are not moved.
///
/// # Errors
/// Where the shapes differ.
pub fn distance(z: &Tensor, target: &Tensor) -> Result<Tensor> {
    let target = target.detach();
    let tokens = z.dim(1)? as f64;
    let size = (target.sqr()?.sum_keepdim(2)? + 1e-12)?;
    let apart = (z - &target)?.sqr()?.sum_keepdim(2)?;
    apart.div(&size)?.sum_all()? * (0.5 / tokens)
}
