//! Ways between latents.

use super::*;
use proptest::prelude::*;
use std::f32::consts::FRAC_1_SQRT_2;

const WIDE: [f32; 9] = [-0.5, -0.1, 0.0, 0.25, 0.5, 0.9, 1.0, 1.1, 1.5];

fn close(x: &[f32], y: &[f32], tolerance: f32) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(x, y)| (x - y).abs() <= tolerance)
}

fn unit(v: &[f32]) -> Option<Vec<f32>> {
    let length = norm(v);
    (length > 1e-3).then(|| v.iter().map(|x| (f64::from(*x) / length) as f32).collect())
}

#[test]
fn names_round_trip() {
    for path in Path::ALL {
        assert_eq!(path.to_string().parse(), Ok(path));
    }
    let error = "spiral".parse::<Path>().unwrap_err().to_string();
    assert!(error.contains("spiral") && error.contains("per-token"), "{error}");
}

#[test]
fn ratios_are_even() {
    assert_eq!(ratios(11)[3], 0.3);
    assert_eq!(ratios(3), [0.0, 0.5, 1.0]);
    assert_eq!(ratios(1), [0.0]);
    assert!(ratios(0).is_empty());
}

#[test]
fn quarter_circle() {
    let middle = slerp(&[1.0, 0.0], &[0.0, 1.0], 0.5);
    assert!(close(&middle, &[FRAC_1_SQRT_2, FRAC_1_SQRT_2], 1e-6));
    let beyond = slerp(&[1.0, 0.0], &[0.0, 1.0], 1.5);
    assert!(close(&beyond, &[-FRAC_1_SQRT_2, FRAC_1_SQRT_2], 1e-6));
    let before = slerp(&[1.0, 0.0], &[0.0, 1.0], -0.5);
    assert!(close(&before, &[FRAC_1_SQRT_2, -FRAC_1_SQRT_2], 1e-6));
    let magnitudes = slerp(&[2.0, 0.0], &[0.0, 4.0], 0.5);
    assert!(close(&magnitudes, &[2.0 * FRAC_1_SQRT_2, 4.0 * FRAC_1_SQRT_2], 1e-6));
}

#[test]
fn opposite_ends_turn_through_the_first_smallest_axis() {
    let middle = slerp(&[0.0, 3.0, 0.0], &[0.0, -3.0, 0.0], 0.5);
    assert!(close(&middle, &[3.0, 0.0, 0.0], 1e-6), "{middle:?}");
    assert!(close(&slerp(&[2.0], &[-2.0], 0.5), &[0.0], 0.0));
}

#[test]
fn nearly_opposite_ends_meet_the_general_formula() {
    // On both sides of the threshold the way leads through the same direction.
    for tilt in [2e-5f32, 9e-5, 1.1e-4, 1e-3] {
        let middle = slerp(&[1.0, 0.0, 0.0], &[-1.0, 0.0, tilt], 0.5);
        assert!(close(&middle, &[0.0, 0.0, 1.0], 1e-3), "{tilt}: {middle:?}");
    }
}

#[test]
fn in_token_order_one_token_moves_at_a_time() {
    let latent = |values: [f32; 6]| Latent { tokens: 3, size: 2, values: values.into() };
    let (a, b) = (latent([1., 0., 1., 0., 1., 0.]), latent([0., 1., 0., 1., 0., 1.]));
    let at = |path, ratio| ladder(&a, &b, &[ratio], path).unwrap().remove(0).values;
    let half = std::f32::consts::FRAC_1_SQRT_2;
    assert!(close(&at(Path::Forward, 0.5), &[0., 1., half, half, 1., 0.], 1e-6));
    assert!(close(&at(Path::Backward, 1.0 / 6.0), &[1., 0., 1., 0., half, half], 1e-5));
    for path in [Path::Forward, Path::Backward] {
        assert_eq!((at(path, 0.0), at(path, 1.0)), (a.values.clone(), b.values.clone()));
    }
}

#[test]
fn at_an_even_pace_the_ends_share_the_squared_length() {
    let latent = |values: [f32; 4]| Latent { tokens: 2, size: 2, values: values.into() };
    let (a, b) = (latent([3., 0., 0., 2.]), latent([0., 3., 2., 0.]));
    let places: Vec<f32> = (0..=20).map(|k| k as f32 / 20.0).collect();
    for (rung, t) in ladder(&a, &b, &places, Path::Even).unwrap().iter().zip(&places) {
        let (of_a, of_b) = ((1.0 - t).sqrt(), t.sqrt());
        assert!(close(&rung.values, &[3. * of_a, 3. * of_b, 2. * of_b, 2. * of_a], 1e-5), "{t}");
    }
    let half = |path| ladder(&a, &b, &[0.5, -0.5, 1.5], path).unwrap();
    assert_eq!(half(Path::Even)[1..], half(Path::PerToken)[1..], "beyond the ends as per token");
}

#[test]
fn a_token_with_a_ratio_of_its_own_leaves_the_others_where_they_are() {
    let latent = |values: [f32; 4]| Latent { tokens: 2, size: 2, values: values.into() };
    let (a, b) = (latent([1., 0., 1., 0.]), latent([0., 1., 0., 1.]));
    for path in Path::ALL {
        let point = ladder(&a, &b, &[0.5], path).unwrap().remove(0);
        let own = with_own_ratios(point.clone(), &a, &b, &[None, Some(1.0)], path);
        assert_eq!(own.values[..2], point.values[..2]);
        assert!(close(&own.values[2..], &[0., 1.], 1e-6));
        assert_eq!(with_own_ratios(point.clone(), &a, &b, &[], path), point);
    }
}

#[test]
fn the_weights_are_those_of_slerp() {
    let (a, b) = ([0.6f32, 0.8, 0.0], [0.0f32, 0.28, 0.96]);
    let cosine = f64::from(a[1] * b[1]);
    for ratio in [0.1, 0.5, 0.9] {
        let (of_a, of_b) = slerp_weights(cosine, ratio);
        let mixed = combine(&a, &b, of_a, of_b);
        assert!(close(&mixed, &slerp(&a, &b, ratio as f32), 1e-6));
    }
    assert_eq!(slerp_weights(1.0, 0.25), (0.75, 0.25));
    assert!(slerp_weights(-1.0, 0.5).0.is_finite());
}

#[test]
fn shape_mismatch_is_an_error() {
    let a = Latent { tokens: 2, size: 2, values: vec![1.0; 4] };
    let b = Latent { tokens: 1, size: 4, values: vec![1.0; 4] };
    let short = Latent { values: vec![1.0; 3], ..a.clone() };
    for path in Path::ALL {
        assert!(matches!(ladder(&a, &b, &[0.5], path), Err(LatentError::Shape { .. })));
        assert!(matches!(ladder(&a, &short, &[0.5], path), Err(LatentError::Values { .. })));
        assert!(matches!(ladder(&a, &a, &[f32::NAN], path), Err(LatentError::Ratio(_))));
    }
}

fn finite_with_exact_ends(a: &[f32], b: &[f32], size: usize) {
    let latent =
        |values: &[f32]| Latent { tokens: values.len() / size, size, values: values.to_vec() };
    let (a, b) = (latent(a), latent(b));
    for path in Path::ALL {
        let rungs = ladder(&a, &b, &WIDE, path).unwrap();
        for (rung, ratio) in rungs.iter().zip(WIDE) {
            assert!(rung.values.iter().all(|x| x.is_finite()), "{path} {ratio}: {rung:?}");
        }
        assert_eq!((&rungs[2], &rungs[6]), (&a, &b), "{path}");
    }
}

fn latent_values() -> impl Strategy<Value = Vec<f32>> {
    let scale = prop::sample::select(vec![0.0f32, 1e-45, 1e-30, 1e-3, 1.0, 1e20, 3e38]);
    (prop::collection::vec(-1.0f32..1.0, 12), scale)
        .prop_map(|(values, scale)| values.iter().map(|x| x * scale).collect())
}

proptest! {
    #[test]
    fn never_nan(a in latent_values(), b in latent_values(), nudge in -1e-3f32..1e-3) {
        finite_with_exact_ends(&a, &b, 4);
        finite_with_exact_ends(&a, &a, 4);
        let opposite: Vec<f32> = a.iter().map(|x| -x).collect();
        finite_with_exact_ends(&a, &opposite, 4);
        finite_with_exact_ends(&a, &opposite, 1);
        let nearly_equal: Vec<f32> = a.iter().map(|x| x * (1.0 + nudge)).collect();
        finite_with_exact_ends(&a, &nearly_equal, 4);
        let nearly_opposite: Vec<f32> = nearly_equal.iter().map(|x| -x).collect();
        finite_with_exact_ends(&a, &nearly_opposite, 4);
        let mut turned = opposite;
        turned[0] += nudge * turned[1];
        finite_with_exact_ends(&a, &turned, 4);
    }

    #[test]
    fn unit_ends_keep_the_norm(
        a in prop::collection::vec(-1.0f32..1.0, 8),
        b in prop::collection::vec(-1.0f32..1.0, 8),
        tilt in -1e-3f32..1e-3,
        ratio in -0.5f32..1.5,
    ) {
        let mut opposite: Vec<f32> = a.iter().map(|x| -x).collect();
        opposite[3] += tilt;
        let mut near = a.clone();
        near[3] += tilt;
        if let (Some(a), Some(b), Some(opposite), Some(near)) =
            (unit(&a), unit(&b), unit(&opposite), unit(&near))
        {
            for end in [&b, &opposite, &near, &a] {
                let length = norm(&slerp(&a, end, ratio));
                prop_assert!((length - 1.0).abs() < 2e-3, "{}", length);
            }
            let reverse = slerp(&b, &a, 1.0 - ratio);
            prop_assert!(close(&slerp(&a, &b, ratio), &reverse, 1e-2));
        }
    }
}

fn shared() -> std::path::PathBuf {
    std::env::var_os("TVAE_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into(),
        std::path::PathBuf::from,
    )
}

/// The first rows of a golden tensor as latents.
fn rows(file: &safetensors::SafeTensors<'_>, name: &str) -> Vec<Latent> {
    let tensor = file.tensor(name).unwrap();
    let (tokens, size) = (tensor.shape()[1], tensor.shape()[2]);
    let values: Vec<f32> =
        tensor.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    values
        .chunks_exact(tokens * size)
        .map(|row| Latent { tokens, size, values: row.to_vec() })
        .collect()
}

#[test]
fn ladders_equal_the_original() {
    let folder = shared().join("goldens");
    if !folder.is_dir() {
        eprintln!("skipped: no folder {}", folder.display());
        return;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path().join("expected.safetensors");
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let ends = rows(&file, "latent");
        for (name, kind) in
            [("ladder_per_token", Path::PerToken), ("ladder_all_at_once", Path::AllAtOnce)]
        {
            let wanted = rows(&file, name);
            let rungs = ladder(&ends[0], &ends[1], &ratios(wanted.len()), kind).unwrap();
            let difference = rungs
                .iter()
                .zip(&wanted)
                .flat_map(|(x, y)| x.values.iter().zip(&y.values))
                .fold(0f32, |most, (x, y)| most.max((x - y).abs()));
            eprintln!("{} {name}: {difference:e}", path.display());
            assert!(difference <= 1e-5, "{} {name}: {difference:e}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "no goldens in {}", folder.display());
}
