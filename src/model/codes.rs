//! Latents at the places that the bottleneck can give, and the codes that they are.

use candle_core::{DType, Device};

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

    /// How many symbols each place of a latent's code has: a place per latent token under `vq`, one per number under `fsq`.
    /// Empty where latents are no codes.
    ///
    /// # Errors
    /// Those of candle.
    pub fn code_symbols(&self) -> Result<Vec<usize>, Error> {
        Ok(self.latent.symbols()?.repeat(self.config().n_latent_tokens))
    }

    /// The symbols of the codes nearest to latents, latent by latent; empty rows where latents are no codes.
    ///
    /// # Errors
    /// When a latent has another shape than the model's.
    pub fn symbols_of(&self, latents: &[Latent]) -> Result<Vec<Vec<u32>>, Error> {
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let symbols = self.latent.symbols_of(&self.latent_tensor(latents)?)?;
        let places = symbols.len() / latents.len();
        let row = |i: usize| symbols[i * places..(i + 1) * places].to_vec();
        Ok((0..latents.len()).map(row).collect())
    }

    /// The latents of such rows of symbols.
    ///
    /// # Errors
    /// Symbols that the model does not have; latents that are no codes.
    pub fn latents_with_symbols(&self, rows: &[Vec<u32>]) -> Result<Vec<Latent>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let (tokens, size) = (self.config().n_latent_tokens, self.config().latent_size);
        let levels = self.code_symbols()?;
        let fits = |row: &Vec<u32>| {
            row.len() == levels.len() && row.iter().zip(&levels).all(|(&s, &l)| (s as usize) < l)
        };
        if !rows.iter().all(fits) {
            return Err(Error::Config("a code has symbols that the model does not have".into()));
        }
        let values = self.latent.codes_with(rows.concat())?.flatten_all()?.to_vec1::<f32>()?;
        let latent = |v: &[f32]| Latent { tokens, size, values: v.to_vec() };
        Ok(values.chunks_exact(tokens * size).map(latent).collect())
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
