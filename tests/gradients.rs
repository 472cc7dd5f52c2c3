//! Every fused operation against central differences, and against its composed form.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var, D};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tvae_tui::numeric::{
    attention, composed_attention, cross_entropy, cross_entropy_sum, embedding, feed_forward,
    gelu_new, layer_norm, linear, linear_cross_entropy, linear_relu, relative_scores, relu,
    rms_norm, unit_rms, with_precision, AttentionArgs, Bias, Near, Precision, Projections,
    RelativeIndex, Smoothing,
};

fn random(shape: &[usize], seed: u64) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(values, shape, &Device::Cpu).expect("a variable")
}

/// A scalar that depends on every number of `x` differently.
fn weigh(x: &Tensor) -> Result<Tensor> {
    let n = x.elem_count();
    let weights: Vec<f32> = (0..n).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
    (x.flatten_all()? * Tensor::from_vec(weights, n, x.device())?)?.sum_all()
}

fn scalar(x: &Tensor) -> f64 {
    f64::from(x.to_scalar::<f32>().expect("a scalar"))
}

/// Holds the gradients of `f` to central differences at some numbers of every variable.
fn check(name: &str, vars: &[&Var], f: &dyn Fn() -> Result<Tensor>) {
    let grads = f().expect("forward").backward().expect("backward");
    for (index, var) in vars.iter().enumerate() {
        let gradient = grads.get(var).unwrap_or_else(|| panic!("{name}: no gradient {index}"));
        let gradient = gradient.flatten_all().and_then(|g| g.to_vec1::<f32>()).expect("values");
        let values = var.flatten_all().and_then(|v| v.to_vec1::<f32>()).expect("values");
        let scale = gradient.iter().fold(1e-2f64, |m, g| m.max(f64::from(g.abs())));
        for at in (0..values.len()).step_by(1 + values.len() / 23) {
            let h = 1e-2f32;
            let moved = |delta: f32| {
                let mut values = values.clone();
                values[at] += delta;
                let moved = Tensor::from_vec(values, var.shape(), &Device::Cpu).expect("tensor");
                var.set(&moved).expect("set");
                scalar(&f().expect("forward"))
            };
            let numeric = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
            moved(0.0);
            let error = (numeric - f64::from(gradient[at])).abs();
            assert!(
                error < 1.5e-2 * scale,
                "{name}, variable {index}, number {at}: {numeric} {}",
                gradient[at]
            );
        }
    }
}

fn close(name: &str, a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape(), "{name}");
    let difference = (a - b).and_then(|d| d.abs()?.max_all()).expect("difference");
    assert!(scalar(&difference) < 1e-5, "{name}: {}", scalar(&difference));
}

#[test]
fn norms() {
    for (rows, d) in [(3, 13), (2, 16), (5, 40), (1, 1)] {
        let (x, w, b) = (random(&[rows, d], 1), random(&[d], 2), random(&[d], 3));
        if d > 1 {
            // A single number only has its sign left, and no slope to measure.
            check("layer norm", &[&x, &w, &b], &|| weigh(&layer_norm(&x, &w, &b, 1e-3)?));
            check("rms norm", &[&x, &w], &|| weigh(&rms_norm(&x, &w, 1e-3)?));
            check("unit rms", &[&x], &|| weigh(&unit_rms(&x, 1e-3)?));
        }
        let mean = x.mean_keepdim(D::Minus1).expect("mean");
        let centred = x.broadcast_sub(&mean).expect("centred");
        let composed = unit_rms(&centred, 1e-3)
            .and_then(|n| n.broadcast_mul(&w)?.broadcast_add(&b))
            .expect("composed");
        close("layer norm", &layer_norm(&x, &w, &b, 1e-3).expect("fused"), &composed);
        let composed = unit_rms(&x, 1e-3).and_then(|n| n.broadcast_mul(&w)).expect("composed");
        close("rms norm", &rms_norm(&x, &w, 1e-3).expect("fused"), &composed);
    }
}

#[test]
fn activations() {
    let x = random(&[7, 5], 4);
    check("gelu", &[&x], &|| weigh(&gelu_new(&x.affine(3.0, 0.0)?)?));
    close("gelu", &gelu_new(&x).expect("fused"), &x.gelu().expect("candle"));
    // Away from the kink, where differences mean nothing.
    let x = Var::from_vec(vec![-2f32, -0.5, 0.5, 2.0, 3.0], 5, &Device::Cpu).expect("variable");
    check("relu", &[&x], &|| weigh(&relu(&x)?));
}

#[test]
fn products_and_rows() {
    let (x, w, b) = (random(&[2, 3, 7], 5), random(&[11, 7], 6), random(&[11], 7));
    check("linear", &[&x, &w, &b], &|| weigh(&linear(&x, &w, Some(&b))?));
    check("linear without bias", &[&x, &w], &|| weigh(&linear(&x, &w, None)?));
    // A transposed input: the case that candle's batched product gets wrong.
    let turned = random(&[2, 7, 3], 8);
    let input = || turned.transpose(1, 2);
    check("linear of a transposed input", &[&turned, &w], &|| weigh(&linear(&input()?, &w, None)?));
    let plain =
        input().and_then(|t| t.contiguous()?.reshape((6, 7))?.matmul(&w.t()?)).expect("product");
    let ours = linear(&input().expect("input"), &w, None)
        .and_then(|y| y.reshape((6, 11)))
        .expect("linear");
    close("linear of a transposed input", &ours, &plain);
    let ids = Tensor::new(&[[3u32, 0, 3], [10, 3, 1]], &Device::Cpu).expect("ids");
    check("embedding", &[&w], &|| weigh(&embedding(&w, &ids)?));
    assert!(embedding(&w, &Tensor::new(&[11u32], &Device::Cpu).expect("ids")).is_err());
}

#[test]
fn losses() {
    let logits = random(&[5, 19], 9);
    let targets = [3u32, 1, 18, 1, 0];
    for smoothing in [0.0, 0.1] {
        check("cross entropy", &[&logits], &|| cross_entropy(&logits, &targets, 1, smoothing));
        check("its sum", &[&logits], &|| {
            cross_entropy_sum(&logits, &targets, 1, smoothing)? * 0.25
        });
    }
    let log_softmax = candle_nn::ops::log_softmax(&logits, 1).expect("log softmax");
    let picked = |row: usize, id: u32| {
        let row = log_softmax.get(row).and_then(|r| r.get(id as usize)).expect("entry");
        scalar(&row)
    };
    let wanted = -(picked(0, 3) + picked(2, 18) + picked(4, 0)) / 3.0;
    let got = scalar(&cross_entropy(&logits, &targets, 1, 0.0).expect("loss"));
    assert!((got - wanted).abs() < 1e-5);
    let none = cross_entropy(&logits, &[1; 5], 1, 0.0).expect("loss");
    assert_eq!(scalar(&none), 0.0);
}

/// Levels 4 to 16 of 19 words, a target's share halved with every level.
fn near(even: f64) -> Smoothing {
    let width = 1.0 / std::f64::consts::LN_2;
    Smoothing { even, near: Some(Near { first: 4, count: 13, width }) }
}

#[test]
fn targets_are_shared_with_neighbouring_levels() {
    let logits = random(&[5, 19], 9);
    // The lowest level, one inside, the highest, a word that is no level, one that is ignored.
    let targets = [4u32, 9, 16, 2, 1];
    for even in [0.0, 0.1] {
        check("shared", &[&logits], &|| cross_entropy(&logits, &targets, 1, near(even)));
    }
    let log_softmax = candle_nn::ops::log_softmax(&logits, 1).and_then(|l| l.to_vec2::<f32>());
    let log_softmax = log_softmax.expect("log probabilities");
    let wanted: f64 = targets[..4]
        .iter()
        .zip(&log_softmax)
        .map(|(&target, row)| {
            let share = |level: u32| match target {
                2 => f64::from(u8::from(level == 2)),
                _ if !(4..17).contains(&level) => 0.0,
                _ => 0.5f64.powi(level.abs_diff(target) as i32),
            };
            let sum: f64 = (0..19).map(share).sum();
            -(0..19).map(|k| share(k) / sum * f64::from(row[k as usize])).sum::<f64>()
        })
        .sum();
    let got = cross_entropy_sum(&logits, &targets, 1, near(0.0)).expect("loss");
    assert!((scalar(&got) - wanted).abs() < 1e-4, "{} {wanted}", scalar(&got));
    let wide = Near { first: 7, count: 13, width: 1.0 };
    let wide = Smoothing { even: 0.0, near: Some(wide) };
    assert!(cross_entropy(&logits, &targets, 1, wide).is_err(), "levels beyond the vocabulary");
}

#[test]
fn attentions() {
    let (b, sk, heads, d, entries) = (3, 7, 2, 9, 11);
    let width = heads * d;
    // The middle row sees no key at all.
    let mask: Vec<f32> =
        (0..b * sk).map(|i| if i / sk == 1 || i % sk == 6 { 0.0 } else { 1.0 }).collect();
    let mask = Tensor::from_vec(mask, (b, sk), &Device::Cpu).expect("mask");
    for (causal, masked, joined) in [false, true]
        .into_iter()
        .flat_map(|c| [(c, false), (c, true)])
        .flat_map(|(c, m)| [(c, m, false), (c, m, true)])
    {
        let sq = if joined { sk } else { 5 };
        let (q, k, v) =
            (random(&[b, sq, width], 1), random(&[b, sk, width], 2), random(&[b, sk, width], 3));
        let table: Vec<u32> = (0..sq * sk).map(|i| ((i * 5 + i / sk) % entries) as u32).collect();
        let table = Arc::new(table);
        for (rows, indexed) in [(0, false), (1, false), (b, false), (1, true), (b, true)] {
            let entries = if indexed { entries } else { sk };
            let bias = random(&[rows.max(1), heads, sq, entries], 4);
            let attend = |composed: bool| {
                let kv = Tensor::cat(&[k.as_tensor(), v.as_tensor()], 2)?;
                let qkv = if joined { Some(Tensor::cat(&[q.as_tensor(), &kv], 2)?) } else { None };
                let index = if indexed {
                    RelativeIndex::Table(Arc::clone(&table))
                } else {
                    RelativeIndex::Direct
                };
                let args = AttentionArgs {
                    input: match &qkv {
                        Some(qkv) => Projections::Joined(qkv),
                        None => Projections::Pair { q: &q, kv: &kv },
                    },
                    heads,
                    scale: 0.4,
                    causal,
                    key_mask: masked.then_some(&mask),
                    bias: (rows > 0).then(|| Bias { values: bias.as_tensor(), index }),
                };
                if composed {
                    composed_attention(&args, &Ok)
                } else {
                    attention(&args)
                }
            };
            let name = format!(
                "attention causal {causal} masked {masked} joined {joined} bias {rows} table {indexed}"
            );
            let mut vars = vec![&q, &k, &v];
            if rows > 0 {
                vars.push(&bias);
            }
            check(&name, &vars, &|| weigh(&attend(false)?));
            close(&name, &attend(false).expect("fused"), &attend(true).expect("composed"));
        }
    }
}

#[test]
fn relative_scores_of_all_heads() {
    let (b, s, heads, d, positions) = (2, 5, 3, 4, 7);
    let (q, rows) = (random(&[b, s, heads * d], 1), random(&[positions, heads * d], 2));
    let constant = random(&[heads, positions], 3);
    check("relative scores", &[&q, &rows, &constant], &|| {
        weigh(&relative_scores(&q, &rows, &constant)?)
    });
    let scores = relative_scores(&q, &rows, &constant).expect("scores");
    assert_eq!(scores.dims(), [b, heads, s, positions]);
    for head in 0..heads {
        let part = |x: &Tensor, dim| x.narrow(dim, head * d, d).and_then(|x| x.contiguous());
        let wanted = linear(
            &part(&q, 2).expect("queries"),
            &part(&rows, 1).expect("rows"),
            Some(&constant.get(head).expect("constant")),
        )
        .expect("linear");
        let got = scores.narrow(1, head, 1).and_then(|s| s.squeeze(1)).expect("one head");
        close("one head", &got, &wanted);
    }
}

#[test]
fn feed_forward_and_relu() {
    // Rows of weights of one sign and positive inputs: no difference steps over a kink.
    let positive = |t: Var| (t.abs()? + 0.2).and_then(|t| Var::from_tensor(&t));
    let x = positive(random(&[2, 5, 9], 1)).expect("inputs");
    let w1 = positive(random(&[11, 9], 2)).expect("weights");
    let signs: Vec<f32> = (0..11).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
    let signs = Tensor::from_vec(signs, (11, 1), &Device::Cpu).expect("signs");
    w1.set(&w1.broadcast_mul(&signs).expect("signed")).expect("set");
    let (w2, b) = (random(&[6, 11], 3), random(&[11], 4));
    b.set(&(b.as_tensor() * 0.05).expect("small")).expect("set");
    check("feed-forward", &[&x, &w1, &w2], &|| weigh(&feed_forward(&x, &w1, &w2)?));
    let wide = relu(&linear(&x, &w1, None).expect("wide")).expect("relu");
    let wanted = linear(&wide, &w2, None).expect("composed");
    close("feed-forward", &feed_forward(&x, &w1, &w2).expect("fused"), &wanted);
    check("linear relu", &[&x, &w1], &|| weigh(&linear_relu(&x, &w1, None)?));
    check("linear relu with bias", &[&x, &w1, &b], &|| weigh(&linear_relu(&x, &w1, Some(&b))?));
    let wanted = relu(&linear(&x, &w1, Some(&b)).expect("linear")).expect("relu");
    close("linear relu", &linear_relu(&x, &w1, Some(&b)).expect("fused"), &wanted);
}

#[test]
fn a_heads_cross_entropy_without_its_logits() {
    // More rows than are computed at a time.
    let (n, d, vocab) = (300, 5, 19);
    let (hidden, w) = (random(&[n, d], 1), random(&[vocab, d], 2));
    let targets: Vec<u32> = (0..n as u32).map(|i| i * 7 % vocab as u32).collect();
    let scale = 1.0 / n as f64;
    let even = Smoothing::from;
    for (smoothing, factor) in
        [(even(0.0), 1.0), (even(0.0), 0.3), (even(0.2), 1.0), (near(0.1), 1.0)]
    {
        let fused = || linear_cross_entropy(&hidden, &w, &targets, 3, smoothing, scale);
        let composed =
            || cross_entropy_sum(&linear(&hidden, &w, None)?, &targets, 3, smoothing)? * scale;
        close("its value", &fused().expect("fused"), &composed().expect("composed"));
        let ours = (fused().expect("loss") * factor).and_then(|l| l.backward()).expect("backward");
        let theirs = (composed().expect("loss") * factor).and_then(|l| l.backward());
        let theirs = theirs.expect("backward");
        for var in [&hidden, &w] {
            let gradient = |store: &GradStore| store.get(var).expect("a gradient").clone();
            close("its gradient", &gradient(&ours), &gradient(&theirs));
        }
    }
}

#[test]
fn bf16_products_are_near() {
    let (x, w1, w2) = (random(&[40, 48], 1), random(&[64, 48], 2), random(&[32, 64], 3));
    let gradients = |precision| {
        with_precision(precision, || {
            let y = feed_forward(&x, &w1, &w2).and_then(|y| y.sqr()?.sum_all()).expect("loss");
            let store = y.backward().expect("backward");
            [&x, &w1, &w2].map(|v| store.get(v).expect("a gradient").clone())
        })
    };
    for (a, b) in gradients(Precision::F32).iter().zip(&gradients(Precision::Bf16)) {
        let norm = |t: &Tensor| scalar(&t.sqr().and_then(|t| t.sum_all()).expect("norm")).sqrt();
        let away = norm(&(a - b).expect("difference")) / norm(a);
        assert!(away > 0.0 && away < 0.02, "{away}");
    }
}

mod optimiser {
    use super::*;
    use candle_nn::{AdamW as Candle, Optimizer, ParamsAdamW};
    use tvae_tui::numeric::adamw::{AdamW, AdamWConfig};

    const CONFIG: AdamWConfig =
        AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.1 };

    fn loss(x: &Tensor) -> Tensor {
        weigh(x).and_then(|s| s + x.sqr()?.sum_all()?).expect("loss")
    }

    #[test]
    fn steps_as_candles_and_keeps_the_average() {
        let (ours, theirs) = (random(&[3, 7], 1), random(&[3, 7], 1));
        let mut own = AdamW::new(vec![("x".to_owned(), ours.clone(), true)], CONFIG).expect("ours");
        own.set_ema_decay(Some(0.5));
        let params =
            ParamsAdamW { lr: 0.05, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.1 };
        let mut candle = Candle::new(vec![theirs.clone()], params).expect("candle's");
        let mut average = ours.as_tensor().copy().expect("copy");
        for _ in 0..8 {
            let grads = loss(&ours).backward().expect("backward");
            // Two shards of half each are the whole.
            let half = (loss(&ours) * 0.5).and_then(|l| l.backward()).expect("backward");
            let stats = own.step(&[&half, &half], 0.05, None).expect("step");
            let norm = grads.get(&ours).and_then(|g| g.sqr().ok()?.sum_all().ok()).expect("norm");
            assert!(stats.finite && (stats.grad_norm - scalar(&norm).sqrt()).abs() < 1e-3);
            candle.step(&loss(&theirs).backward().expect("backward")).expect("step");
            close("adamw", &ours, &theirs);
            average = ((average * 0.5).expect("half") + (ours.as_tensor() * 0.5).expect("half"))
                .expect("sum");
        }
        close("average", &own.ema().expect("average")[0].1, &average);
        let state = own.state().expect("state").into_iter().collect();
        let mut again =
            AdamW::new(vec![("x".to_owned(), theirs.clone(), true)], CONFIG).expect("ours");
        again.set_ema_decay(Some(0.5));
        again.load_state(&state, 8).expect("state");
        own.step(&[&loss(&ours).backward().expect("backward")], 0.05, None).expect("step");
        again.step(&[&loss(&theirs).backward().expect("backward")], 0.05, None).expect("step");
        close("after loading", &ours, &theirs);
    }

    #[test]
    fn the_composed_step_is_the_fused_one() {
        let (a, b) = (random(&[3, 7], 1), random(&[3, 7], 1));
        let slot = |var: &Var| vec![("x".to_owned(), var.clone(), true)];
        let mut fused = AdamW::new(slot(&a), CONFIG).expect("fused");
        let mut composed = AdamW::composed(slot(&b), CONFIG).expect("composed");
        for optimiser in [&mut fused, &mut composed] {
            optimiser.set_ema_decay(Some(0.5));
        }
        for _ in 0..5 {
            let (ga, gb) = (loss(&a).backward().expect("a"), loss(&b).backward().expect("b"));
            let ours = fused.step(&[&ga, &ga], 0.05, Some(1.0)).expect("step");
            let theirs = composed.step(&[&gb, &gb], 0.05, Some(1.0)).expect("step");
            assert!((ours.grad_norm - theirs.grad_norm).abs() < 1e-3 * ours.grad_norm);
            close("weights", &a, &b);
        }
        let (ours, theirs) = (fused.state().expect("state"), composed.state().expect("state"));
        for ((name, a), (other, b)) in ours.iter().zip(&theirs) {
            assert_eq!(name, other);
            close(name, a, b);
        }
        let saved = ours.into_iter().collect();
        composed.load_state(&saved, 5).expect("loads");
        fused.step(&[&loss(&a).backward().expect("a")], 0.05, None).expect("step");
        composed.step(&[&loss(&b).backward().expect("b")], 0.05, None).expect("step");
        close("after loading", &a, &b);
    }

    #[test]
    fn clips_to_the_norm_and_refuses_what_is_not_finite() {
        let x = random(&[40], 2);
        let sgd_like = AdamWConfig { beta1: 0.0, beta2: 0.0, eps: 1e3, weight_decay: 0.0 };
        let mut own = AdamW::new(vec![("x".to_owned(), x.clone(), false)], sgd_like).expect("ours");
        let before = x.as_tensor().copy().expect("copy");
        let grads = loss(&x).backward().expect("backward");
        let stats = own.step(&[&grads], 1e3, Some(0.01)).expect("step");
        let moved = (x.as_tensor() - &before).and_then(|d| d.sqr()?.sum_all()).expect("moved");
        assert!(stats.grad_norm > 0.01 && (scalar(&moved).sqrt() - 0.01).abs() < 1e-4);
        let before = x.as_tensor().copy().expect("copy");
        let bad = (loss(&x) * f64::NAN).and_then(|l| l.backward()).expect("backward");
        let stats = own.step(&[&bad], 1.0, Some(1.0)).expect("step");
        assert!(!stats.finite && own.step_count() == 1);
        close("untouched", &x, &before);
    }
}
