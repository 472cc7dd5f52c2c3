//! Adafactor against the paper's formulas, worked out by hand and in double precision.

use super::*;

fn var(values: &[f32], dims: &[usize]) -> Var {
    Var::from_vec(values.to_vec(), dims, &Device::Cpu).expect("a variable")
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("numbers")
}

/// A store that holds this gradient of a parameter.
fn store(var: &Var, gradient: &[f32]) -> GradStore {
    let gradient = Tensor::from_slice(gradient, var.dims(), &Device::Cpu).expect("a gradient");
    var.mul(&gradient).and_then(|t| t.sum_all()?.backward()).expect("backward")
}

fn close(found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (f, w) in found.iter().zip(wanted) {
        assert!((f64::from(*f) - w).abs() < 1e-5 * w.abs().max(1.0), "{found:?} {wanted:?}");
    }
}

#[test]
fn a_first_step_on_two_by_three_by_hand() {
    let x = var(&[1.0; 6], &[2, 3]);
    let mut own =
        Adafactor::new(vec![("x".to_owned(), x.clone(), false)], AdafactorConfig::default())
            .expect("an optimiser");
    // At t = 1 nothing is kept. G² = [1 4 9; 1 1 1], rows' means R = (14/3, 1), columns' C = (1, 5/2, 5), mean of R 17/6.
    let g = [1.0, 2.0, -3.0, 1.0, -1.0, 1.0];
    let stats = own.step(&[&store(&x, &g)], 0.1, None).expect("step");
    assert!((stats.grad_norm - 17f64.sqrt()).abs() < 1e-5);
    let state: HashMap<String, Tensor> = own.state().expect("state").into_iter().collect();
    close(&numbers(&state["vr.x"]), &[14.0 / 3.0, 1.0]);
    close(&numbers(&state["vc.x"]), &[1.0, 2.5, 5.0]);
    // V̂ = R C / mean(R): rows (28/17, 6/17) times C. U = G / √V̂, whose mean square is cut to 1.
    let v = [28.0 / 17.0, 70.0 / 17.0, 140.0 / 17.0, 6.0 / 17.0, 15.0 / 17.0, 30.0 / 17.0];
    let u: Vec<f64> = g.iter().zip(v).map(|(&g, v): (&f32, f64)| f64::from(g) / v.sqrt()).collect();
    let rms = (u.iter().map(|u| u * u).sum::<f64>() / 6.0).sqrt();
    assert!(rms > 1.0);
    let wanted: Vec<f64> = u.iter().map(|u| 1.0 - 0.1 * u / rms).collect();
    close(&numbers(&x), &wanted);
}

/// The paper's algorithm for a matrix or a vector, in double precision.
struct Reference {
    dims: (usize, usize),
    weights: Vec<f64>,
    rows: Vec<f64>,
    columns: Vec<f64>,
    whole: Vec<f64>,
    t: f64,
}

impl Reference {
    fn step(&mut self, g: &[f32], lr: f64, c: &AdafactorConfig, decay: bool) {
        self.t += 1.0;
        let keep = 1.0 - self.t.powf(-0.8);
        let (r, n) = self.dims;
        let sq: Vec<f64> = g.iter().map(|&g| f64::from(g) * f64::from(g) + c.eps1).collect();
        let blend = |old: &mut f64, new: f64| *old = keep * *old + (1.0 - keep) * new;
        let v: Vec<f64> = if r == 0 {
            self.whole.iter_mut().zip(&sq).for_each(|(v, s)| blend(v, *s));
            self.whole.clone()
        } else {
            for i in 0..r {
                blend(&mut self.rows[i], sq[i * n..][..n].iter().sum::<f64>() / n as f64);
            }
            for j in 0..n {
                let column: f64 = (0..r).map(|i| sq[i * n + j]).sum();
                blend(&mut self.columns[j], column / r as f64);
            }
            let mean = self.rows.iter().sum::<f64>() / r as f64;
            (0..r * n).map(|at| self.rows[at / n] * self.columns[at % n] / mean).collect()
        };
        let rms = |x: &[f64]| (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
        let u: Vec<f64> = g.iter().zip(&v).map(|(&g, v)| f64::from(g) / v.sqrt()).collect();
        let scale = if c.scale_parameter { rms(&self.weights).max(c.eps2) } else { 1.0 };
        let cut = rms(&u).max(1.0);
        let shrink = if decay { 1.0 - lr * c.weight_decay } else { 1.0 };
        for (w, u) in self.weights.iter_mut().zip(&u) {
            *w = *w * shrink - lr * scale * u / cut;
        }
    }
}

#[test]
fn many_steps_follow_the_papers_formulas_and_resume() {
    let gradient = |step: usize, n: usize| -> Vec<f32> {
        // A column that never has a gradient, as a token that is never seen.
        (0..n)
            .map(|i| if i % 4 == 2 { 0.0 } else { ((i * 7 + step * 5) % 11) as f32 - 5.0 })
            .collect()
    };
    for scale_parameter in [false, true] {
        let config =
            AdafactorConfig { scale_parameter, weight_decay: 0.1, ..AdafactorConfig::default() };
        let start: Vec<f32> = (0..12).map(|i| i as f32 / 10.0 - 0.4).collect();
        let (matrix, vector) = (var(&start, &[3, 4]), var(&start[..4], &[4]));
        let params = |m: &Var, v: &Var| {
            vec![("m".to_owned(), m.clone(), true), ("v".to_owned(), v.clone(), false)]
        };
        let mut own = Adafactor::new(params(&matrix, &vector), config).expect("an optimiser");
        own.set_ema_decay(Some(0.5));
        let reference = |dims: (usize, usize), weights: &[f32]| Reference {
            dims,
            weights: weights.iter().map(|&w| f64::from(w)).collect(),
            rows: vec![0.0; dims.0],
            columns: vec![0.0; dims.1],
            whole: vec![0.0; weights.len()],
            t: 0.0,
        };
        let (mut m, mut v) = (reference((3, 4), &start), reference((0, 4), &start[..4]));
        let mut average = m.weights.clone();
        for step in 0..6 {
            let (of_m, of_v) = (gradient(step, 12), gradient(step + 3, 4));
            // Two shards of half each are the whole.
            let half = |var: &Var, g: &[f32]| {
                let g: Vec<f32> = g.iter().map(|g| g / 2.0).collect();
                store(var, &g)
            };
            let mut shard = half(&matrix, &of_m);
            let of_vector = half(&vector, &of_v);
            shard.insert(&vector, of_vector.get(&vector).expect("a gradient").clone());
            own.step(&[&shard, &shard], 0.05, None).expect("step");
            m.step(&of_m, 0.05, &config, true);
            v.step(&of_v, 0.05, &config, false);
            average.iter_mut().zip(&m.weights).for_each(|(a, w)| *a = (*a + w) / 2.0);
        }
        close(&numbers(&matrix), &m.weights);
        close(&numbers(&vector), &v.weights);
        let ema = own.ema().expect("average");
        close(&numbers(&ema[0].1), &average);

        let (again_m, again_v) = (var(&numbers(&matrix), &[3, 4]), var(&numbers(&vector), &[4]));
        let mut again = Adafactor::new(params(&again_m, &again_v), config).expect("an optimiser");
        again.set_ema_decay(Some(0.5));
        let state = own.state().expect("state").into_iter().collect();
        again.load_state(&state, 6).expect("loads");
        own.step(&[&store(&matrix, &gradient(9, 12))], 0.05, None).expect("step");
        again.step(&[&store(&again_m, &gradient(9, 12))], 0.05, None).expect("step");
        assert_eq!(numbers(&matrix), numbers(&again_m));
        assert!(again.load_state(&HashMap::new(), 6).is_err());
    }
}

#[test]
fn clips_to_the_norm_and_refuses_what_is_not_finite() {
    let x = var(&[0.5; 4], &[2, 2]);
    let params = vec![("x".to_owned(), x.clone(), false)];
    let mut own = Adafactor::new(params, AdafactorConfig::default()).expect("an optimiser");
    let stats = own.step(&[&store(&x, &[3.0, 0.0, 0.0, 4.0])], 0.1, Some(1.0)).expect("step");
    assert!((stats.grad_norm - 5.0).abs() < 1e-6);
    let state: HashMap<String, Tensor> = own.state().expect("state").into_iter().collect();
    // Rows of (0.6, 0) and (0, 0.8).
    close(&numbers(&state["vr.x"]), &[0.18, 0.32]);
    let before = numbers(&x);
    let stats = own.step(&[&store(&x, &[f32::NAN; 4])], 0.1, Some(1.0)).expect("step");
    assert!(!stats.finite);
    assert_eq!(numbers(&x), before);
}
