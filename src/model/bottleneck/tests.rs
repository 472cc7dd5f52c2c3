use candle_core::{Device, Tensor, Var};

use super::*;
use crate::model::weights::Store;

fn tensor(values: &[f32], shape: (usize, usize, usize)) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// Weights that make every number of a gradient different.
fn weigh(x: &Tensor) -> Tensor {
    let n = x.elem_count();
    let weights: Vec<f32> = (0..n).map(|i| 0.5 + i as f32).collect();
    let weights = Tensor::from_vec(weights, x.shape(), &Device::Cpu).unwrap();
    (x * weights).unwrap().sum_all().unwrap()
}

fn fsq(levels: &[usize], size: usize) -> Fsq {
    Fsq::new(levels, size, &Device::Cpu).unwrap()
}

#[test]
fn vq_takes_the_nearest_vector_to_the_bit_and_lets_gradients_through() {
    let mut store = Store::draw(3, &Device::Cpu);
    let vq = Vq::new(&mut Scope::new(&mut store, "tvae"), [5, 2]).unwrap();
    let (vars, _) = store.finish();
    let codebook = flat(vars["tvae.codebook"].as_tensor());
    let z = Var::from_tensor(&tensor(&[0.3, -0.2, 1.4, 0.9, -1.0, 0.1, 5.0, 5.0], (2, 2, 2)));
    let z = z.unwrap();
    let (codes, indices) = vq.nearest(&z).unwrap();
    let distance = |row: &[f32], code: &[f32]| -> f32 {
        row.iter().zip(code).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let (values, indices) = (flat(&codes), indices.to_vec1::<u32>().unwrap());
    for ((row, code), &index) in flat(&z).chunks(2).zip(values.chunks(2)).zip(&indices) {
        let nearest = codebook.chunks(2).map(|c| distance(row, c)).fold(f32::MAX, f32::min);
        assert_eq!(distance(row, code), nearest);
        assert_eq!(code, &codebook[2 * index as usize..][..2]);
    }
    let grads = weigh(&codes).backward().unwrap();
    assert_eq!(flat(grads.get(&z).unwrap()), flat(weigh(&z).backward().unwrap().get(&z).unwrap()));
    assert!(grads.get(&vars["tvae.codebook"]).is_none(), "the codebook has no gradient");
    let again = vq.nearest(&codes).unwrap().0;
    assert_eq!(flat(&again), values, "codes stay where they are");
}

#[test]
fn fsq_rounds_to_its_levels_and_reaches_each() {
    let fsq = fsq(&[8, 5, 2], 3);
    let sweep: Vec<f32> = (-400..=400).flat_map(|i| [i as f32 / 100.0; 3]).collect();
    let z = tensor(&sweep, (1, 801, 3));
    let codes = fsq.nearest(&fsq.bound(&z).unwrap()).unwrap();
    let column = |at: usize| {
        let mut found: Vec<f32> = flat(&codes).into_iter().skip(at).step_by(3).collect();
        assert!(found.is_sorted(), "larger numbers never give lower levels");
        found.dedup();
        found
    };
    assert_eq!(column(0), [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]);
    assert_eq!(column(1), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    assert_eq!(column(2), [-1.0, 0.0]);
    assert_eq!(flat(&fsq.nearest(&codes).unwrap()), flat(&codes), "codes stay where they are");
    // Beyond the ends of a ladder lie the outermost levels.
    let beyond = fsq.nearest(&tensor(&[9.0, -9.0, 9.0], (1, 1, 3))).unwrap();
    assert_eq!(flat(&beyond), [0.75, -1.0, 0.0]);
}

#[test]
fn the_indices_of_fsq_count_all_codes() {
    let fsq = fsq(&[3, 4], 4);
    let mut all = Vec::new();
    for high in 0..4 {
        for low in 0..3 {
            let pair = [low as f32 - 1.0, (high as f32 - 2.0) / 2.0];
            all.extend([pair[0], pair[1], -1.0, -1.0]);
        }
    }
    let indices = fsq.indices(&tensor(&all, (1, 12, 4))).unwrap();
    let (first, second): (Vec<u32>, Vec<u32>) = indices.chunks(2).map(|p| (p[0], p[1])).unzip();
    assert_eq!(first, (0..12).collect::<Vec<u32>>());
    assert_eq!(second, [0; 12]);
}

#[test]
fn the_gradient_of_fsq_is_that_of_its_bound() {
    let fsq = fsq(&[8, 5], 2);
    let z = Var::from_tensor(&tensor(&[0.3, -0.8, 1.1, 0.05], (1, 2, 2))).unwrap();
    let bounded = |z: &Tensor| weigh(&fsq.bound(z).unwrap());
    let rounded = weigh(&fsq.nearest(&fsq.bound(&z).unwrap()).unwrap());
    let gradient = flat(rounded.backward().unwrap().get(&z).unwrap());
    let values = flat(&z);
    for (at, found) in gradient.iter().enumerate() {
        let moved = |by: f32| {
            let mut values = values.clone();
            values[at] += by;
            bounded(&tensor(&values, (1, 2, 2))).to_scalar::<f32>().unwrap()
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((slope - found).abs() < 1e-2 * slope.abs().max(0.1), "{at}: {slope} {found}");
    }
}

#[test]
fn draws_have_the_posteriors_mean_and_deviation() {
    let n = 20_000;
    let shape = (1, n, 1);
    let mean = tensor(&vec![1.5; n], shape);
    let log_variance = tensor(&vec![(0.25f32).ln(); n], shape);
    let epsilon = Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap();
    let drawn = flat(&gaussian::draw(&mean, &log_variance, &epsilon).unwrap());
    let average = drawn.iter().sum::<f32>() / n as f32;
    let spread = drawn.iter().map(|x| (x - average).powi(2)).sum::<f32>() / n as f32;
    assert!((average - 1.5).abs() < 0.02 && (spread - 0.25).abs() < 0.02, "{average} {spread}");
}

#[test]
fn the_divergence_is_0_at_the_prior_and_known_elsewhere() {
    let kl = |mean: f32, variance: f32| {
        let (mean, variance) = (tensor(&[mean], (1, 1, 1)), tensor(&[variance.ln()], (1, 1, 1)));
        flat(&kl_divergence(&mean, &variance).unwrap())[0]
    };
    assert_eq!(kl(0.0, 1.0), 0.0);
    assert!((kl(2.0, 1.0) - 2.0).abs() < 1e-6);
    assert!((kl(0.0, 0.25) - (0.5 * (0.25 - 1.0) + 2f32.ln())).abs() < 1e-6);
}
