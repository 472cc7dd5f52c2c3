use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Rows around three centres, a fifth, two fifths and two fifths of them.
fn planted(rows: usize) -> Vec<Vec<f64>> {
    let centres = [[6.0, 0.0, 1.0], [-6.0, 3.0, 1.0], [0.0, -7.0, -2.0]];
    let mut rng = rng(5);
    let mut noise = |deviation: f64| {
        let x: f64 = StandardNormal.sample(&mut rng);
        deviation * x
    };
    (0..rows)
        .map(|i| {
            let centre = centres[[0, 1, 1, 2, 2][i % 5]];
            vec![centre[0] + noise(0.5), centre[1] + noise(1.0), centre[2] + noise(0.25)]
        })
        .collect()
}

fn mean_log_density(rows: &[Vec<f64>], density: &dyn Fn(&[f64]) -> f64) -> f64 {
    rows.iter().map(|r| density(r)).sum::<f64>() / rows.len() as f64
}

#[test]
fn planted_clusters_are_found_with_their_shares_and_spreads() {
    let fitted = Mixture::fit(&planted(1500), 3, 100, &mut rng(1)).unwrap().mixture;
    let mut found: Vec<usize> = (0..3).collect();
    found.sort_by(|&a, &b| fitted.means()[3 * b].total_cmp(&fitted.means()[3 * a]));
    for (k, (weight, mean)) in
        found.into_iter().zip([(0.2, [6.0, 0.0]), (0.4, [0.0, -7.0]), (0.4, [-6.0, 3.0])])
    {
        assert!((fitted.weights()[k] - weight).abs() < 0.01, "{:?}", fitted.weights());
        assert!((fitted.means()[3 * k] - mean[0]).abs() < 0.1, "{:?}", fitted.means());
        assert!((fitted.means()[3 * k + 1] - mean[1]).abs() < 0.2, "{:?}", fitted.means());
        let deviations = fitted.variances()[3 * k..3 * k + 3].iter().map(|v| v.sqrt());
        for (found, wanted) in deviations.zip([0.5, 1.0, 0.25]) {
            assert!((found / wanted - 1.0).abs() < 0.15, "{found} {wanted}");
        }
    }
}

#[test]
fn the_likelihood_never_falls_whatever_the_components() {
    let rows = planted(200);
    for components in [1, 2, 5, 20] {
        for seed in 0..4 {
            let fitted = Mixture::fit(&rows, components, 60, &mut rng(seed)).unwrap();
            assert!(fitted.history.len() > 1);
            for pair in fitted.history.windows(2) {
                assert!(pair[1] >= pair[0] - 1e-9, "{components} components: {pair:?}");
            }
            let last = fitted.history[fitted.history.len() - 1];
            let told = mean_log_density(&rows, &|r| fitted.mixture.log_density(r));
            assert!((last - told).abs() < 1e-9);
        }
    }
}

#[test]
fn rows_that_are_all_the_same_have_a_finite_density() {
    let fitted = Mixture::fit(&vec![vec![1.0, -2.0]; 9], 2, 10, &mut rng(0)).unwrap().mixture;
    assert!(fitted.log_density(&[1.0, -2.0]).is_finite());
    assert!(fitted.log_density(&[2.0, -2.0]) < fitted.log_density(&[1.0, -2.0]));
}

#[test]
fn a_draw_depends_on_the_seed_alone_and_has_the_mixtures_moments() {
    let fitted = Mixture::fit(&planted(1500), 3, 100, &mut rng(1)).unwrap().mixture;
    let draw = |seed: u64| {
        let mut rng = rng(seed);
        (0..4000).map(|_| fitted.sample(&mut rng)).collect::<Vec<_>>()
    };
    let drawn = draw(3);
    assert_eq!(drawn, draw(3));
    assert_ne!(drawn, draw(4));
    let right = drawn.iter().filter(|r| r[0] > 3.0).count() as f64 / 4000.0;
    assert!((right - 0.2).abs() < 0.03, "{right}");
    // Draws are as likely as what was fitted.
    let (own, data) = (
        mean_log_density(&drawn, &|r| fitted.log_density(r)),
        mean_log_density(&planted(1500), &|r| fitted.log_density(r)),
    );
    assert!((own - data).abs() < 0.1, "{own} {data}");
}

#[test]
fn the_standard_density_is_known() {
    let at_0 = -0.5 * std::f64::consts::TAU.ln();
    assert!((standard_log_density(&[0.0, 0.0]) - 2.0 * at_0).abs() < 1e-12);
    assert!((standard_log_density(&[2.0]) - (at_0 - 2.0)).abs() < 1e-12);
}

#[test]
fn uniform_on_the_sphere_is_the_standard_prior_in_coordinates() {
    let mut rng = rng(2);
    let mut square = [0.0; 2];
    let mut fourth = 0.0;
    let draws = 4000;
    for _ in 0..draws {
        let values = (0..4).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut latent = Latent { tokens: 2, size: 2, values };
        crate::latent::project_sphere(&mut latent);
        let x = coordinates(&latent, Geometry::Sphere, &mut rng).unwrap();
        square[0] += x[0] * x[0] / f64::from(draws);
        square[1] += x[3] * x[3] / f64::from(draws);
        fourth += x[0].powi(4) / f64::from(draws);
        let back = latent_at(&x, (2, 2), Geometry::Sphere);
        let angle = back.values[0] * latent.values[1] - back.values[1] * latent.values[0];
        assert!(angle.abs() < 1e-4, "the place on the sphere stays");
    }
    assert!(square.iter().all(|s| (s - 1.0).abs() < 0.1), "{square:?}");
    assert!((fourth - 3.0).abs() < 0.5, "{fourth}");
}

#[test]
fn what_cannot_be_fitted_is_an_error() {
    let fit = |rows: &[Vec<f64>]| Mixture::fit(rows, 2, 5, &mut rng(0)).unwrap_err();
    assert_eq!(fit(&[vec![0.0], vec![1.0]]), PriorError::TooFew { found: 2, needed: 4 });
    assert_eq!(fit(&[vec![0.0], vec![1.0], vec![f64::NAN], vec![2.0]]), PriorError::Malformed);
    assert!(Mixture::new(vec![0.5, 0.4], vec![0.0; 2], vec![1.0; 2]).is_err());
    assert!(Mixture::new(vec![1.0], vec![0.0; 2], vec![1.0, 0.0]).is_err());
    let code = Latent { tokens: 1, size: 1, values: vec![0.5] };
    assert_eq!(coordinates(&code, Geometry::Codes, &mut rng(0)), Err(PriorError::Codes));
    assert_eq!(latent_at(&[-3.0], (1, 1), Geometry::Tanh).values, [-1.0]);
}

/// Rows of three symbols: half of them 0, 1 and anything, the others 3, 0 and 2.
fn coded(rows: usize) -> Vec<Vec<u32>> {
    let mut rng = rng(6);
    (0..rows)
        .map(|i| if i % 2 == 0 { vec![0, 1, rng.random_range(0..5)] } else { vec![3, 0, 2] })
        .collect()
}

#[test]
fn planted_codes_are_found_and_drawn() {
    let levels = [4, 2, 5];
    let fitted = CodeMixture::fit(&coded(400), &levels, 2, 50, &mut rng(1)).unwrap();
    assert!(fitted.history.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{fitted:?}");
    let mixture = fitted.mixture;
    assert!(mixture.weights().iter().all(|w| (w - 0.5).abs() < 0.02), "{:?}", mixture.weights());
    let found = mixture.log_probabilities(&[vec![3, 0, 2], vec![0, 1, 4], vec![3, 1, 4]]);
    assert!((found[0] - 0.5f64.ln()).abs() < 0.1 && (found[1] - 0.1f64.ln()).abs() < 0.3);
    assert!(found[2].is_finite() && found[2] < -5.0, "what was never seen is rare: {found:?}");
    // All rows together have a probability of 1.
    let all: Vec<Vec<u32>> = (0..40).map(|i| vec![i / 10, i / 5 % 2, i % 5]).collect();
    let sum: f64 = mixture.log_probabilities(&all).iter().map(|l| l.exp()).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");

    let draw = |seed: u64| {
        let mut rng = rng(seed);
        (0..2000).map(|_| mixture.sample(&mut rng)).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    let threes = draw(1).iter().filter(|row| **row == [3, 0, 2]).count();
    assert!((900..1100).contains(&threes), "{threes}");

    let parts = (levels.to_vec(), mixture.weights().to_vec(), mixture.tables().to_vec());
    assert_eq!(CodeMixture::new(parts.0.clone(), parts.1.clone(), parts.2), Ok(mixture));
    assert!(CodeMixture::new(parts.0, parts.1, vec![0.5; 22]).is_err());
    let wrong = CodeMixture::fit(&vec![vec![9, 0, 0]; 8], &levels, 2, 5, &mut rng(0));
    assert_eq!(wrong, Err(PriorError::Malformed));
}
