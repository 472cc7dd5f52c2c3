//! A prior over codes: a mixture of independent symbols, held to codes that are drawn uniformly.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{PriorArgs, Row, ROUNDS};
use crate::cli::eval::Bar;
use crate::engine::{LearnedPrior, LoadedModel, PriorKind, Progress};
use crate::latent::{CodeMixture, Latent};
use crate::train::StopSignal;

/// Fits a mixture to the codes of `own` and measures it on those of `held`; `None` where it was stopped.
pub(super) fn fit(
    args: &PriorArgs,
    model: &LoadedModel,
    (own, held): (&[Latent], &[Latent]),
    bar: &mut Bar,
    stop: &StopSignal,
) -> anyhow::Result<Option<(Vec<Row>, LearnedPrior)>> {
    let levels = model.model().code_symbols()?;
    let (own, held) = (model.model().symbols_of(own)?, model.model().symbols_of(held)?);
    bar.show(Progress { what: "fitting the mixture", done: 0, total: 1 });
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let components = args.components as usize;
    let fitted = CodeMixture::fit(&own, &levels, components, ROUNDS, &mut rng)?;
    if stop.is_raised() {
        return Ok(None);
    }
    let uniform: f64 = levels.iter().map(|&l| -(l as f64).ln()).sum();
    let total: f64 = fitted.mixture.log_probabilities(&held).iter().sum();
    let places = levels.len().max(1) as f64;
    let rows = vec![
        Row::new(PriorKind::Standard, uniform / places),
        Row {
            components: Some(components),
            rounds: Some(fitted.history.len() - 1),
            ..Row::new(PriorKind::Mixture, total / held.len().max(1) as f64 / places)
        },
    ];
    let best = super::likeliest(&rows);
    Ok(Some((rows, LearnedPrior::of_codes(model, fitted.mixture, best)?)))
}
