//! A model that begins with the weights of another, and may be deeper.

use super::{Error, TransformerVae};
use candle_core::Tensor;

const BLOCK: &str = "decoder.block.";

/// The number of a decoder layer's parameter, and its name within the layer.
fn in_layer(name: &str) -> Option<(usize, &str)> {
    let (layer, rest) = name.strip_prefix(BLOCK)?.split_once('.')?;
    Some((layer.parse().ok()?, rest))
}

/// Whether what a decoder layer adds to its input comes through this parameter.
fn is_output(name: &str) -> bool {
    name.ends_with(".o.weight") || name.ends_with(".wo.weight")
}

impl TransformerVae {
    /// Takes the weights of another model.
    ///
    /// Decoder layers that only this one has copy the other's last and add nothing to what goes through them until they are
    /// trained, so that both decode the same (block expansion: Wu et al. 2024, LLaMA Pro, section 3.2). Other parameters that
    /// only this one has stay as they are.
    ///
    /// # Errors
    /// Where the other has a parameter that this one lacks, or one of another shape.
    pub fn start_from(&self, other: &Self) -> Result<(), Error> {
        let weights: Vec<(String, Tensor)> = other
            .parameters()
            .into_iter()
            .map(|(name, var)| (name, var.as_detached_tensor()))
            .collect();
        self.set_parameters(&weights)?;
        let Some(last) = weights.iter().filter_map(|(name, _)| Some(in_layer(name)?.0)).max()
        else {
            return Ok(());
        };
        let mut added = Vec::new();
        for (name, var) in self.parameters() {
            let Some((_, within)) = in_layer(&name).filter(|(layer, _)| *layer > last) else {
                continue;
            };
            let copied = format!("{BLOCK}{last}.{within}");
            if is_output(within) {
                added.push((name, var.zeros_like()?));
            } else if let Some((_, tensor)) = weights.iter().find(|(other, _)| *other == copied) {
                added.push((name, tensor.clone()));
            }
        }
        self.set_parameters(&added)
    }
}
