//! Directions: known values, and what must hold for any latent.

use super::*;
use crate::latent::path::norm;
use crate::latent::project_sphere;
use proptest::prelude::*;

const GEOMETRIES: [Geometry; 3] = [Geometry::Sphere, Geometry::Tanh, Geometry::Flat];

fn latent(values: &[f32], size: usize) -> Latent {
    Latent { tokens: values.len() / size, size, values: values.to_vec() }
}

/// A latent that a model of this geometry could give, of any twelve values.
fn placed(values: &[f32], geometry: Geometry) -> Latent {
    let mut latent = latent(values, 4);
    match geometry {
        Geometry::Sphere => project_sphere(&mut latent),
        Geometry::Tanh => latent.values.iter_mut().for_each(|x| *x = x.tanh()),
        Geometry::Flat | Geometry::Codes => {}
    }
    latent
}

fn direction(values: &[f64], size: usize, sigma: f64) -> Direction {
    Direction::new(values.len() / size, size, values, sigma).unwrap()
}

fn close(x: &[f32], y: &[f32], tolerance: f32) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(x, y)| (x - y).abs() <= tolerance)
}

#[test]
fn a_direction_is_a_unit_vector_with_a_deviation() {
    let found = direction(&[3.0, 0.0, 0.0, -4.0], 2, 2.5);
    assert_eq!((found.tokens(), found.size(), found.sigma()), (2, 2, 2.5));
    assert!(close(found.values(), &[0.6, 0.0, 0.0, -0.8], 1e-7));
    let huge = direction(&[1e300, -1e300], 2, 1.0);
    assert!(close(huge.values(), &[0.5f32.sqrt(), -0.5f32.sqrt()], 1e-7));
    let refused = |values: &[f64], sigma| Direction::new(2, 2, values, sigma).unwrap_err();
    assert!(matches!(refused(&[1.0; 3], 1.0), DirectionError::Latent(LatentError::Values { .. })));
    assert!(matches!(refused(&[0.0; 4], 1.0), DirectionError::Degenerate(_)));
    assert!(matches!(refused(&[1.0; 4], 0.0), DirectionError::Degenerate(_)));
    assert!(matches!(refused(&[f64::NAN; 4], 1.0), DirectionError::NotFinite(_)));
    assert!(matches!(refused(&[1.0; 4], f64::INFINITY), DirectionError::NotFinite(_)));
}

#[test]
fn what_is_written_is_read_to_the_bit_and_nothing_else_is_read() {
    let found = Direction::random(3, 4, 0.7, 5).unwrap();
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Direction>(&text).unwrap(), found);
    for wrong in [
        r#"{"tokens": 1, "size": 2, "values": [1.0], "sigma": 1.0}"#,
        r#"{"tokens": 1, "size": 2, "values": [1.0, 1.0], "sigma": 1.0}"#,
        r#"{"tokens": 1, "size": 2, "values": [1.0, 0.0], "sigma": -1.0}"#,
        r#"{"tokens": 4294967297, "size": 4294967295, "values": [1.0], "sigma": 1.0}"#,
    ] {
        assert!(serde_json::from_str::<Direction>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_step_turns_a_token_by_its_arc_and_at_most_60_degrees() {
    // Radius 2, arc 1: half a radian. The second token has no part of the direction.
    let z = latent(&[2.0, 0.0, 0.0, 2.0], 2);
    let up = direction(&[0.0, 1.0, 0.0, 0.0], 2, 0.5);
    let at = |strength| up.step(&z, strength, Geometry::Sphere).unwrap().values;
    let (sin, cos) = 0.5f32.sin_cos();
    assert!(close(&at(2.0), &[2.0 * cos, 2.0 * sin, 0.0, 2.0], 1e-6));
    assert!(close(&at(-2.0), &[2.0 * cos, -2.0 * sin, 0.0, 2.0], 1e-6));
    assert!(close(&at(1e9), &[1.0, 3f32.sqrt(), 0.0, 2.0], 1e-6));
    assert!(close(&at(-1e9), &[1.0, -(3f32.sqrt()), 0.0, 2.0], 1e-6));
    // A token at the pole stays there, and one that is near ends at it.
    let pole = latent(&[0.0, 2.0, 1.0, 0.0], 2);
    assert_eq!(up.step(&pole, 3.0, Geometry::Sphere).unwrap(), pole);
    let near = latent(&[0.02, 2.0, 1.0, 0.0], 2);
    let ended = up.step(&near, 1e9, Geometry::Sphere).unwrap();
    assert!(close(&ended.values[..2], &[0.0, 2.0001], 1e-6), "{ended:?}");
    let nothing = latent(&[0.0; 4], 2);
    assert_eq!(up.step(&nothing, 3.0, Geometry::Sphere).unwrap(), nothing);
}

#[test]
fn under_tanh_the_inverse_moves_and_the_clip_holds() {
    let z = latent(&[0.5, 0.0, 0.99, -1.0], 4);
    let along = direction(&[1.0, 0.0, 0.0, 0.0], 4, 0.25);
    let stepped = along.step(&z, 2.0, Geometry::Tanh).unwrap();
    assert!(close(&stepped.values, &[(0.5f32.atanh() + 0.5).tanh(), 0.0, 0.99, -1.0], 1e-6));
    assert!(close(&along.step(&z, 1e6, Geometry::Tanh).unwrap().values[..1], &[0.98], 1e-6));
    let outer = direction(&[0.0, 0.0, 1.0, 0.0], 4, 1.0);
    assert_eq!(outer.step(&z, 1.0, Geometry::Tanh).unwrap(), z, "no step back for one outwards");
    let inner = outer.step(&z, -1.0, Geometry::Tanh).unwrap().values[2];
    assert!((inner - (0.98f32.atanh() - 1.0).tanh()).abs() < 1e-6);
    let last = direction(&[0.0, 0.0, 0.0, 1.0], 4, 1.0);
    assert!(last.step(&z, 1.0, Geometry::Tanh).unwrap().values[3].is_finite());
}

#[test]
fn shapes_and_strengths_that_do_not_fit_are_errors() {
    let (two, four) = (latent(&[1.0; 4], 2), latent(&[1.0; 4], 4));
    let broken = Latent { values: vec![1.0; 3], ..two.clone() };
    let along = direction(&[1.0, 0.0, 0.0, 0.0], 2, 1.0);
    for geometry in GEOMETRIES {
        let step = |latent, strength| along.step(latent, strength, geometry).unwrap_err();
        assert!(matches!(step(&four, 1.0), DirectionError::Latent(LatentError::Shape { .. })));
        assert!(matches!(step(&broken, 1.0), DirectionError::Latent(LatentError::Values { .. })));
        assert!(matches!(step(&two, f32::NAN), DirectionError::NotFinite(_)));
        let sets = |a: &[&Latent], b: &[&Latent]| Direction::from_sets(a, b, None, geometry);
        assert!(matches!(sets(&[&two], &[&two, &two]), Err(DirectionError::TooFew { .. })));
        assert!(matches!(sets(&[&two, &two], &[&four, &four]), Err(DirectionError::Latent(_))));
        assert!(matches!(sets(&[&two, &two], &[&two, &two]), Err(DirectionError::Degenerate(_))));
        assert!(Direction::between(&two, &four, geometry).is_err());
        assert!(Direction::between(&two, &two, geometry).is_err());
        assert!(principal_components(&[&two, &two], 1, geometry).is_err());
        assert!(principal_components(&[&two, &four], 1, geometry).is_err());
    }
    let nothing = Latent { tokens: 0, size: 4, values: Vec::new() };
    assert!(principal_components(&[&nothing, &nothing], 1, Geometry::Flat).is_err());
    let count = Direction::from_values(&[&two, &two, &two], &[1.0], None, Geometry::Flat);
    assert_eq!(count, Err(DirectionError::Count { values: 1, latents: 3 }));
    assert!(Direction::random(0, 4, 1.0, 0).is_err());
}

/// Latents of four values: the first two the given ones, the others noise of the index.
fn scattered(first: &[(f32, f32)]) -> Vec<Latent> {
    let noise = |i: usize, k: usize| ((i * 7919 + k * 104_729) % 101) as f32 / 101.0 - 0.5;
    let row = |(i, &(x, y)): (usize, &(f32, f32))| {
        latent(&[x, y, 0.1 * noise(i, 1), 0.1 * noise(i, 2)], 4)
    };
    first.iter().enumerate().map(row).collect()
}

#[test]
fn the_difference_of_means_leaves_out_what_the_length_explains() {
    // The second value is the length of the text, which is longer where the attribute holds; the first is the attribute.
    let texts: Vec<(f32, f32, bool)> = (0..200)
        .map(|i| {
            let with = i % 2 == 0;
            let length = (i % 13) as f32 / 6.0 + if with { 2.0 } else { 0.0 };
            (if with { 1.0 } else { -1.0 }, length, with)
        })
        .collect();
    let latents = scattered(&texts.iter().map(|t| (t.0, t.1)).collect::<Vec<_>>());
    let of = |wanted: bool| -> (Vec<&Latent>, Vec<f32>) {
        let chosen = latents.iter().zip(&texts).filter(|(_, t)| t.2 == wanted);
        chosen.map(|(latent, text)| (latent, text.1)).unzip()
    };
    let ((with, long), (without, short)) = (of(true), of(false));
    let plain = Direction::from_sets(&with, &without, None, Geometry::Flat).unwrap();
    assert!(plain.values()[1] > 0.6, "the means differ in length: {plain:?}");
    let lengths = Some((&long[..], &short[..]));
    let clean = Direction::from_sets(&with, &without, lengths, Geometry::Flat).unwrap();
    assert!(clean.values()[0] > 0.99 && clean.values()[1].abs() < 0.05, "{clean:?}");
    assert!((clean.sigma() - 1.0).abs() < 0.05, "the first value is ±1: {}", clean.sigma());
    let one_by_one =
        Direction::from_sets(&with, &without, Some((&long[1..], &short)), Geometry::Flat);
    assert!(matches!(one_by_one, Err(DirectionError::Count { .. })));
}

#[test]
fn a_number_points_to_where_it_grows() {
    let numbers: Vec<f32> = (0..60).map(|i| ((i * 37) % 60) as f32).collect();
    let latents = scattered(&numbers.iter().map(|&x| (-0.1 * x, 0.3)).collect::<Vec<_>>());
    let latents: Vec<&Latent> = latents.iter().collect();
    let found = Direction::from_values(&latents, &numbers, None, Geometry::Flat).unwrap();
    assert!(found.values()[0] < -0.99, "{found:?}");
    let own = Direction::from_values(&latents, &numbers, Some(&numbers), Geometry::Flat);
    assert!(matches!(own, Err(DirectionError::Degenerate(_))), "nothing is left: {own:?}");
    let along: Vec<f64> =
        latents.iter().map(|l| found.projection(l, Geometry::Flat).unwrap()).collect();
    assert!((deviation(&along) - f64::from(found.sigma())).abs() < 1e-4);
    let doubled = found.clone().with_sigma(9.0).unwrap();
    assert_eq!(doubled.with_sigma_of(&latents, Geometry::Flat).unwrap().values(), found.values());
}

#[test]
fn principal_components_find_a_planted_axis_in_either_matrix() {
    for size in [8, 600] {
        let axis = Direction::random(1, size, 1.0, 3).unwrap();
        let pool: Vec<Latent> = (0..90)
            .map(|i| {
                let noise = Direction::random(1, size, 1.0, 100 + i).unwrap();
                let along = (i as f32 / 89.0 - 0.5) * 20.0;
                let mix = axis.values().iter().zip(noise.values());
                latent(&mix.map(|(a, n)| 5.0 + along * a + 0.5 * n).collect::<Vec<_>>(), size)
            })
            .collect();
        let pool: Vec<&Latent> = pool.iter().collect();
        let found = principal_components(&pool, 3, Geometry::Flat).unwrap();
        assert_eq!(found.len(), 3);
        let cosine: f32 = found[0].values().iter().zip(axis.values()).map(|(x, y)| x * y).sum();
        assert!(cosine.abs() > 0.99, "{size}: {cosine}");
        assert!(found.windows(2).all(|pair| pair[0].sigma() >= pair[1].sigma()));
        let measured = found[0].clone().with_sigma_of(&pool, Geometry::Flat).unwrap().sigma();
        assert!((measured / found[0].sigma() - 1.0).abs() < 1e-3, "{measured}");
        let largest =
            found[0].values().iter().fold(0f32, |m, &x| if x.abs() > m.abs() { x } else { m });
        assert!(largest > 0.0);
        assert_eq!(principal_components(&pool, 3, Geometry::Flat).unwrap(), found);
    }
}

#[test]
fn right_singular_vectors_of_a_known_matrix() {
    let matrix = [0.0, 2.0, 3.0, 0.0, 0.0, 0.0];
    let found = right_singular_vectors(&matrix, 2);
    assert!((found[0].0 - 3.0).abs() < 1e-12 && (found[1].0 - 2.0).abs() < 1e-12);
    assert!((found[0].1[0] - 1.0).abs() < 1e-12 && (found[1].1[1] - 1.0).abs() < 1e-12);
    assert!(right_singular_vectors(&[], 0).is_empty());
    assert!(right_singular_vectors(&[f64::NAN], 1).is_empty());
}

#[test]
fn random_directions_depend_on_the_seed_and_match_their_model_token_by_token() {
    let draw = |seed| Direction::random(3, 4, 2.0, seed).unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let own = direction(&[3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0], 4, 2.0);
    let alike = own.random_alike(7).unwrap();
    for (token, wanted) in alike.values().chunks(4).zip([0.6, 0.0, 0.8]) {
        assert!((norm(token) - wanted).abs() < 1e-6);
    }
    assert_eq!(alike.sigma(), own.sigma());
}

fn twelve() -> impl Strategy<Value = Vec<f32>> {
    let scale = prop::sample::select(vec![0.0f32, 1e-30, 1e-3, 1.0, 3.0, 1e20, 3e38]);
    (prop::collection::vec(-1.0f32..1.0, 12), scale)
        .prop_map(|(values, scale)| values.iter().map(|x| x * scale).collect())
}

proptest! {
    #[test]
    fn steps_are_finite_and_0_is_no_step(
        values in twelve(),
        strength in -1e30f32..1e30,
        small in -5.0f32..5.0,
        seed: u64,
        sigma in 1e-3f64..1e3,
    ) {
        let along = Direction::random(3, 4, sigma, seed).unwrap();
        for geometry in GEOMETRIES {
            let z = placed(&values, geometry);
            prop_assert_eq!(&along.step(&z, 0.0, geometry).unwrap(), &z);
            for strength in [strength, small, -small] {
                let stepped = along.step(&z, strength, geometry).unwrap();
                prop_assert!(stepped.values.iter().all(|x| x.is_finite()), "{:?}", stepped);
                let again = along.random_alike(seed).unwrap().step(&stepped, small, geometry);
                prop_assert!(again.unwrap().values.iter().all(|x| x.is_finite()));
            }
        }
    }

    #[test]
    fn on_the_sphere_norms_stay_and_minus_is_the_mirror(
        values in prop::collection::vec(-1.0f32..1.0, 12),
        strength in -40.0f32..40.0,
        seed: u64,
    ) {
        let along = Direction::random(3, 4, 0.8, seed).unwrap();
        let z = placed(&values, Geometry::Sphere);
        let there = along.step(&z, strength, Geometry::Sphere).unwrap();
        let back = along.step(&z, -strength, Geometry::Sphere).unwrap();
        for ((own, there), back) in
            z.values.chunks(4).zip(there.values.chunks(4)).zip(back.values.chunks(4))
        {
            prop_assert!((norm(there) - norm(own)).abs() < 1e-5);
            // The token lies in the middle of both, and the angle to each is at most 60°.
            let cosine: f64 = own.iter().zip(there).map(|(x, y)| f64::from(x * y)).sum();
            prop_assert!(cosine / norm(own).powi(2) > 0.5 - 1e-5);
            let sum: Vec<f32> = there.iter().zip(back).map(|(x, y)| x + y).collect();
            let scale = norm(&sum) as f32 / norm(own).max(1e-9) as f32;
            let wanted: Vec<f32> = own.iter().map(|x| x * scale).collect();
            prop_assert!(close(&sum, &wanted, 1e-4));
        }
    }

    #[test]
    fn a_larger_strength_never_lies_less_far_along(
        values in prop::collection::vec(-2.0f32..2.0, 12),
        mut strengths in prop::collection::vec(-60.0f32..60.0, 2..8),
        seed: u64,
    ) {
        strengths.sort_by(f32::total_cmp);
        let along = Direction::random(3, 4, 0.5, seed).unwrap();
        for geometry in GEOMETRIES {
            let z = placed(&values, geometry);
            let far: Vec<f64> = strengths
                .iter()
                .map(|&s| along.projection(&along.step(&z, s, geometry).unwrap(), geometry).unwrap())
                .collect();
            prop_assert!(far.windows(2).all(|w| w[1] >= w[0] - 1e-4), "{:?} {:?}", geometry, far);
        }
    }

    #[test]
    fn between_ends_at_its_end(
        a in prop::collection::vec(-1.0f32..1.0, 12),
        b in prop::collection::vec(-1.0f32..1.0, 12),
    ) {
        for geometry in GEOMETRIES {
            let (a, b) = (placed(&a, geometry), placed(&b, geometry));
            let Ok(way) = Direction::between(&a, &b, geometry) else {
                prop_assert!(close(&a.values, &b.values, 1e-6));
                continue;
            };
            let end = way.step(&a, 1.0, geometry).unwrap();
            for ((from, to), end) in
                a.values.chunks(4).zip(b.values.chunks(4)).zip(end.values.chunks(4))
            {
                let turned = crate::latent::path::angle(from, to, norm(from), norm(to));
                if geometry != Geometry::Sphere || turned < 60f64.to_radians() {
                    prop_assert!(close(end, to, 1e-3), "{:?} {:?} {:?}", geometry, end, to);
                } else {
                    let left = crate::latent::path::angle(end, to, norm(end), norm(to));
                    prop_assert!((turned - left - 60f64.to_radians()).abs() < 1e-3);
                }
            }
        }
    }

    #[test]
    fn opposite_tokens_have_a_way_too(a in prop::collection::vec(-1.0f32..1.0, 12)) {
        let z = placed(&a, Geometry::Sphere);
        let opposite = Latent { values: z.values.iter().map(|x| -x).collect(), ..z.clone() };
        if let Ok(way) = Direction::between(&z, &opposite, Geometry::Sphere) {
            let end = way.step(&z, 1.0, Geometry::Sphere).unwrap();
            for (from, end) in z.values.chunks(4).zip(end.values.chunks(4)) {
                let cosine: f64 = from.iter().zip(end).map(|(x, y)| f64::from(x * y)).sum();
                prop_assert!((cosine - 0.5 * norm(from).powi(2)).abs() < 1e-3);
            }
        }
    }
}
