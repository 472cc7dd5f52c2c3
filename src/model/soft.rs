//! Texts as distributions over words: what the decoder expects to say, read by the encoder with a gradient.

use candle_core::{Result, Tensor, D};

use super::{Context, TransformerVae};
use crate::numeric;

impl TransformerVae {
    /// The embeddings [b, t, d] that the decoder expects at hidden states [b, t, d]: the mean of all words' embeddings, weighted
    /// with their probabilities.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn expected_embeddings(&self, hidden: &Tensor) -> Result<Tensor> {
        let (b, t, d) = hidden.dims3()?;
        let logits = self.decoder.logits(&hidden.reshape((b * t, d))?)?; // [b · t, vocab]
        let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
        let weights = shifted.exp()?;
        let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        let words = self.decoder.embedding().t()?.contiguous()?; // [d, vocab]
        numeric::linear(&weights, &words, None)?.reshape((b, t, d))
    }

    /// Latents [b, n, L] of embedded texts [b, s, d] with their mask [b, s], behind the bottleneck; what
    /// [`TransformerVae::encode`] gives for the embeddings of ids.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn encode_embedded(
        &self,
        embedded: &Tensor,
        mask: &Tensor,
        ctx: &Context,
    ) -> Result<Tensor> {
        let (b, s, _) = embedded.dims3()?;
        let padding = Tensor::full(self.config.t5.pad_token_id, (b, s), embedded.device())?;
        let (ids, longer) = self.lengthen(&padding, mask)?;
        let mut embedded = embedded.clone();
        if ids.dim(1)? > s {
            let rest = ids.narrow(1, s, ids.dim(1)? - s)?.contiguous()?;
            let rest = numeric::embedding(self.decoder.embedding(), &rest)?;
            embedded = Tensor::cat(&[&embedded, &rest], 1)?;
        }
        self.latent.encode(&self.states_of_embedded(&embedded, &longer, ctx)?)
    }
}
