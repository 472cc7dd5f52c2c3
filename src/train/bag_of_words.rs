//! Words told without their order.

use candle_core::{Result, Tensor, D};

/// The summed cross entropy, in nats, of words that belong to rows of `logits` `[rows, vocab]`: a row's probabilities are the
/// same for each of its words, whatever their order (Zhao et al. 2017, arXiv 1703.10960, section 3.3).
///
/// # Errors
/// A row or a word that is not there.
pub fn bag_of_words(logits: &Tensor, words: impl Iterator<Item = (usize, u32)>) -> Result<Tensor> {
    let (rows, vocab) = logits.dims2()?;
    let mut counts = vec![0f32; rows * vocab];
    for (row, word) in words {
        if row >= rows || word as usize >= vocab {
            candle_core::bail!("word {word} of row {row} for logits {:?}", logits.shape());
        }
        counts[row * vocab + word as usize] += 1.0;
    }
    let counts = Tensor::from_vec(counts, (rows, vocab), logits.device())?;
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&top)?;
    let norm = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?; // [rows, 1]
    let of_rows = (counts.sum_keepdim(D::Minus1)? * norm)?.sum_all()?;
    of_rows - (counts * shifted)?.sum_all()?
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    const WORDS: [(usize, u32); 5] = [(0, 2), (1, 0), (0, 2), (0, 1), (1, 3)];

    fn nats(logits: &[f32]) -> (f64, Vec<f32>) {
        let var = Var::from_slice(logits, (2, 4), &Device::Cpu).expect("logits");
        let loss = bag_of_words(&var, WORDS.into_iter()).expect("loss");
        let grads = loss.backward().expect("backward");
        let grad = grads.get(&var).expect("a gradient").flatten_all().expect("flat");
        (f64::from(loss.to_scalar::<f32>().expect("one number")), grad.to_vec1().expect("numbers"))
    }

    #[test]
    fn it_is_the_cross_entropy_of_every_word_under_its_row() {
        assert!((nats(&[0.3; 8]).0 - 5.0 * 4f64.ln()).abs() < 1e-5);
        // A row that is sure of its only words costs next to nothing; large logits do not overflow.
        let logits = [-900.0, 900.0, 901.0, -900.0, 0.0, -900.0, -900.0, 0.0];
        let (p1, p2) = (1.0 / (1.0 + 1f64.exp()), 1.0 / (1.0 + (-1f64).exp()));
        let want = -p1.ln() - 2.0 * p2.ln() + 2.0 * 2f64.ln();
        assert!((nats(&logits).0 - want).abs() < 1e-3);
    }

    #[test]
    fn its_gradient_is_that_of_finite_differences() {
        let logits = [0.3, -0.2, 0.9, 0.1, -0.5, 0.4, 0.2, 1.1];
        let (_, grad) = nats(&logits);
        for i in 0..logits.len() {
            let moved = |by: f32| {
                let mut logits = logits;
                logits[i] += by;
                nats(&logits).0
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(grad[i])).abs() < 1e-3, "{i}: {slope} {}", grad[i]);
        }
    }

    #[test]
    fn a_word_that_is_not_there_is_refused() {
        let logits = Tensor::zeros((2, 4), candle_core::DType::F32, &Device::Cpu).expect("logits");
        assert!(bag_of_words(&logits, [(0, 4)].into_iter()).is_err());
        assert!(bag_of_words(&logits, [(2, 0)].into_iter()).is_err());
    }
}
