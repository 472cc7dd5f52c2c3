//! Latents at the places that the bottleneck can give, and the codes that they are.

use candle_core::{DType, Device};
use rand::RngCore;

use super::{Error, TransformerVae};
use crate::latent::Latent;

impl TransformerVae {
    /// The codes nearest to latents, by latent, latent token and, under `fsq`, run of levels; none where latents are no codes.
    ///
    /// # Errors
    /// When a latent has another shape than the model's.
    pub fn codes_of(&self, latents: &[Latent]) -> Result<Option<Vec<Vec<Vec<u32>>>>, Error> {
        if !self.config().bottleneck().is_discrete() || latents.is_empty() {
            return Ok(None);
        }
        let latent = self.latent_tensor(latents)?;
        let Some(codes) = self.latent.codes(&latent)? else { return Ok(None) };
        let tokens = self.config().n_latent_tokens;
        let per_latent = codes.len() / latents.len();
        let per_token = (per_latent / tokens.max(1)).max(1);
        let of_latent = |codes: &[u32]| codes.chunks(per_token).map(<[u32]>::to_vec).collect();
        Ok(Some(codes.chunks(per_latent.max(1)).map(of_latent).collect()))
    }

    /// The latents that decoding sees: each latent token at the nearest place that the bottleneck can give.
    ///
    /// # Errors
    /// When a latent has another shape than the model's.
    pub fn nearest(&self, latents: &[Latent]) -> Result<Vec<Latent>, Error> {
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let (tokens, size) = (self.config().n_latent_tokens, self.config().latent_size);
        let found = self.project(&self.latent_tensor(latents)?)?.detach();
        let values = found.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(values
            .chunks_exact(tokens * size)
            .map(|v| Latent { tokens, size, values: v.to_vec() })
            .collect())
    }

    /// Latents of codes that are drawn uniformly; none where latents are no codes.
    ///
    /// # Errors
    /// Those of candle.
    pub fn random_codes(
        &self,
        count: usize,
        rng: &mut dyn RngCore,
    ) -> Result<Option<Vec<Latent>>, Error> {
        let (tokens, size) = (self.config().n_latent_tokens, self.config().latent_size);
        let Some(drawn) = self.latent.random_codes(count * tokens, rng)? else { return Ok(None) };
        let values = drawn.flatten_all()?.to_vec1::<f32>()?;
        let latent = |v: &[f32]| Latent { tokens, size, values: v.to_vec() };
        Ok(Some(values.chunks_exact(tokens * size).map(latent).collect()))
    }

    /// A number that tells the weights around the latents from others: a prior belongs to the latents of one encoder.
    ///
    /// # Errors
    /// Those of candle.
    pub fn latent_fingerprint(&self) -> Result<u64, Error> {
        // FNV-1a over the bits.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (name, var) in self.parameters() {
            if !(name.starts_with("vae.") || name.starts_with("tvae.")) {
                continue;
            }
            for value in var.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()? {
                hash = (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Ok(hash)
    }
}
