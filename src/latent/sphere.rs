//! The sphere that `sphere` models keep their latent tokens on.

use super::Latent;

/// RMS-normalises each latent token, which puts it on the sphere of radius √L.
///
/// A zero token has no direction and stays zero.
pub fn project_sphere(latent: &mut Latent) {
    let size = latent.size;
    if size == 0 {
        return;
    }
    for token in latent.values.chunks_exact_mut(size) {
        // In double precision neither the largest nor the smallest f32 leaves the range when squared.
        let squares: f64 = token.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let rms = (squares / size as f64).sqrt();
        if rms > 0.0 {
            for x in token {
                *x = (f64::from(*x) / rms) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_land_on_the_sphere_each_by_itself() {
        let mut latent = Latent {
            tokens: 4,
            size: 3,
            values: vec![1.0, 2.0, 2.0, 1e-30, 0.0, 0.0, 0.0, 0.0, 0.0, 3e38, -3e38, 3e38],
        };
        project_sphere(&mut latent);
        let norm = |token: usize| {
            latent.values[token * 3..token * 3 + 3].iter().map(|x| x * x).sum::<f32>().sqrt()
        };
        for token in [0, 1, 3] {
            assert!((norm(token) - 3f32.sqrt()).abs() < 1e-5, "token {token}: {}", norm(token));
        }
        assert_eq!(norm(2), 0.0);
        assert!((latent.values[1] / latent.values[0] - 2.0).abs() < 1e-6);
        let once = latent.clone();
        project_sphere(&mut latent);
        for (x, y) in latent.values.iter().zip(&once.values) {
            assert!((x - y).abs() < 1e-6);
        }
    }
}
