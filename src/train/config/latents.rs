//! The groups of options that belong to one regulariser or one bottleneck.

use serde::{Deserialize, Serialize};

/// The regulariser `kl`, for the bottleneck `gaussian`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kl {
    /// Nats that every number of the latent may carry for nothing, on the batch's mean (Kingma et al. 2016). Ablation: 0.
    pub free_bits: f64,
    /// Share of the run over which the weight grows from 0 to `reg_weight` (Bowman et al. 2016). Ablation: 0.
    pub anneal: f64,
}

impl Default for Kl {
    fn default() -> Self {
        Self { free_bits: 0.1, anneal: 0.3 }
    }
}

/// The bottleneck `vq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vq {
    /// Vectors of the codebook, K.
    pub codes: usize,
    /// Weight of the commitment, β: mean (z − sg(e))² (van den Oord et al. 2017).
    pub commitment: f64,
    /// Decay per step of the averages whose quotient the vectors are, γ (Razavi et al. 2019).
    pub decay: f64,
    /// A vector that is used less than this share of an even use is put on a latent of the batch. Ablation: 0.
    pub dead: f64,
}

impl Default for Vq {
    fn default() -> Self {
        Self { codes: 512, commitment: 0.25, decay: 0.99, dead: 0.05 }
    }
}

/// The bottleneck `fsq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fsq {
    /// Levels of a latent token's numbers (Mentzer et al. 2023), repeated along it: `latent_size` is a multiple of their
    /// number. With `latent_size = 4` a latent token is one of 1,000 codes.
    pub levels: Vec<usize>,
}

impl Default for Fsq {
    fn default() -> Self {
        Self { levels: vec![8, 5, 5, 5] }
    }
}
