//! Priors over latents that have a density: a mixture of Gaussians and a flow.

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{PriorArgs, Row, BLOCK, ROUNDS};
use crate::cli::eval::Bar;
use crate::engine::{LatentModel, LearnedPrior, LoadedModel, PriorKind, Progress};
use crate::latent::{coordinates, standard_log_density, Geometry, Latent, Mixture, PriorError};
use crate::model::Flow;
use crate::train::{fit_flow, FlowOptions, StopSignal};

/// Fits what is asked for to `own` and measures it on `held`; `None` where it was stopped.
pub(super) fn fit(
    args: &PriorArgs,
    model: &LoadedModel,
    (own, held): (&[Latent], &[Latent]),
    bar: &mut Bar,
    stop: &StopSignal,
) -> anyhow::Result<Option<(Vec<Row>, LearnedPrior)>> {
    let data = Data::new(own, held, model.info().geometry, args.seed)?;

    let wanted = |kind: PriorKind| args.kind.is_none_or(|only| only == kind);
    let mut fitted = None;
    if wanted(PriorKind::Mixture) {
        bar.show(Progress { what: "fitting the mixture", done: 0, total: 1 });
        let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
        fitted = Some(Mixture::fit(&data.own, args.components as usize, ROUNDS, &mut rng)?);
    }
    let mut flow = None;
    if wanted(PriorKind::Flow) {
        let total = args.steps as usize;
        let options = FlowOptions { steps: total, seed: args.seed, ..FlowOptions::default() };
        let row = |i: usize, rng: &mut ChaCha8Rng| data.coordinates(&own[i], rng);
        let found = fit_flow(own.len(), &row, &options, &mut |done| {
            bar.show(Progress { what: "fitting the flow", done, total });
            !stop.is_raised()
        })?;
        let Some(found) = found else { return Ok(None) };
        flow = Some(found);
    }

    let mut rows = vec![Row::new(PriorKind::Standard, data.mean(&standard_log_density))];
    if let Some(fitted) = &fitted {
        let likelihood = data.mean(&|x| fitted.mixture.log_density(x));
        rows.push(Row {
            components: Some(fitted.mixture.weights().len()),
            rounds: Some(fitted.history.len() - 1),
            ..Row::new(PriorKind::Mixture, likelihood)
        });
    }
    if let Some(flow) = &flow {
        rows.push(Row::new(PriorKind::Flow, data.mean_of_flow(flow)?));
    }
    let best = super::likeliest(&rows);
    let learned = LearnedPrior::new(model, fitted.map(|f| f.mixture), flow, best)?;
    Ok(Some((rows, learned)))
}

/// Latents to fit to and to measure on, in the coordinates of a prior.
struct Data {
    geometry: Geometry,
    own: Vec<Vec<f64>>,
    held: Vec<Vec<f64>>,
}

impl Data {
    fn new(
        own: &[Latent],
        held: &[Latent],
        geometry: Geometry,
        seed: u64,
    ) -> Result<Self, PriorError> {
        let rows = |latents: &[Latent], stream: u64| -> Result<Vec<Vec<f64>>, PriorError> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream);
            latents.iter().map(|l| coordinates(l, geometry, &mut rng)).collect()
        };
        Ok(Self { geometry, own: rows(own, 1)?, held: rows(held, 2)? })
    }

    /// Coordinates of a latent with a fresh draw of what its place leaves open.
    fn coordinates(&self, latent: &Latent, rng: &mut ChaCha8Rng) -> Vec<f64> {
        // Codes have none, and were refused before.
        coordinates(latent, self.geometry, rng).unwrap_or_default()
    }

    /// Numbers of a latent.
    fn numbers(&self) -> usize {
        self.held.first().map_or(0, Vec::len)
    }

    /// The mean log density of the held-out latents per number.
    fn mean(&self, density: &dyn Fn(&[f64]) -> f64) -> f64 {
        let total: f64 = self.held.iter().map(|x| density(x)).sum();
        total / (self.held.len() * self.numbers()).max(1) as f64
    }

    fn mean_of_flow(&self, flow: &Flow) -> anyhow::Result<f64> {
        let mut total = 0.0;
        for block in self.held.chunks(BLOCK) {
            let values: Vec<f32> = block.iter().flatten().map(|&x| x as f32).collect();
            let x = Tensor::from_vec(values, (block.len(), self.numbers()), &Device::Cpu)?;
            total +=
                flow.log_density(&x)?.to_vec1::<f32>()?.iter().map(|&d| f64::from(d)).sum::<f64>();
        }
        Ok(total / (self.held.len() * self.numbers()).max(1) as f64)
    }
}
