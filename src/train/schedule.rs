//! Learning rate and noise strength along a run, as functions of its progress in [0, 1].

use super::config::{Decay, Noise, Optimiser};

/// The learning rate at `progress` (0 at the first step, 1 at the end).
#[must_use]
pub fn learning_rate(optimiser: &Optimiser, progress: f64) -> f64 {
    let progress = progress.clamp(0.0, 1.0);
    let warm = if optimiser.warmup > 0.0 {
        // Never exactly 0: the first step would be wasted.
        (progress / optimiser.warmup).clamp(0.01, 1.0)
    } else {
        1.0
    };
    let rest = ((progress - optimiser.warmup) / (1.0 - optimiser.warmup).max(1e-9)).clamp(0.0, 1.0);
    let fall = match optimiser.decay {
        Decay::Cosine => {
            let cosine = 0.5 * (1.0 + (std::f64::consts::PI * rest).cos());
            optimiser.final_share + (1.0 - optimiser.final_share) * cosine
        }
        Decay::Linear => 1.0 - rest,
        Decay::Constant => 1.0,
    };
    optimiser.learning_rate * warm * fall
}

/// The largest σ of the latent noise at `progress`.
#[must_use]
pub fn latent_noise(noise: &Noise, progress: f64) -> f64 {
    let ramp =
        if noise.latent_ramp > 0.0 { (progress / noise.latent_ramp).clamp(0.0, 1.0) } else { 1.0 };
    noise.latent_max * ramp
}

/// Decay of the weights' average after `step` steps: short at first, so that the start is forgotten.
#[must_use]
pub fn ema_decay(target: f64, step: usize) -> f64 {
    target.min((1.0 + step as f64) / (50.0 + step as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_warms_up_peaks_and_falls_to_the_final_share() {
        let o = Optimiser::default();
        assert!(learning_rate(&o, 0.0) > 0.0);
        assert!(learning_rate(&o, 0.015) < o.learning_rate * 0.51);
        assert!((learning_rate(&o, 0.03) - o.learning_rate).abs() < 1e-9);
        assert!((learning_rate(&o, 1.0) - 0.05 * o.learning_rate).abs() < 1e-9);
        let linear = Optimiser { decay: Decay::Linear, warmup: 0.0, ..o };
        assert!((learning_rate(&linear, 0.25) - 0.75 * linear.learning_rate).abs() < 1e-12);
    }

    #[test]
    fn noise_ramps_over_the_given_share() {
        let n = Noise::default();
        assert_eq!(latent_noise(&n, 0.0), 0.0);
        assert!((latent_noise(&n, 0.15) - 0.3).abs() < 1e-12);
        assert!((latent_noise(&n, 0.9) - 0.6).abs() < 1e-12);
        assert_eq!(latent_noise(&Noise::none(), 0.5), 0.0);
    }
}
