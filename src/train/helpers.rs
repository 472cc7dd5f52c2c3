//! What a run trains beside its model: the critic.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};

use super::config::TrainConfig;
use super::critic::{CriticNet, CriticShape};
use super::optimise::Updater;
use super::step::ShardResult;
use super::TrainError;

/// The networks that a configuration asks for, with their optimiser.
pub struct Helpers {
    critic: CriticNet,
    vars: Vec<(String, Var)>,
    updater: Updater,
}

impl Helpers {
    /// Those of a run; `None` where it has none.
    ///
    /// # Errors
    /// Where memory for them cannot be had.
    pub fn new(config: &TrainConfig, device: &Device) -> Result<Option<Self>> {
        if config.critic.weight <= 0.0 {
            return Ok(None);
        }
        let shape = CriticShape {
            d_model: config.d_model,
            heads: config.heads,
            d_ff: config.d_ff,
            layers: config.critic.layers,
        };
        let critic = CriticNet::new(shape, config.critic.head, config.seed, device)?;
        let vars: Vec<_> = critic.parameters().to_vec();
        let params = vars.iter().map(|(name, var)| (name.clone(), var.clone(), false));
        let updater = Updater::new(&config.optimiser, params.collect())?;
        Ok(Some(Self { critic, vars, updater }))
    }

    /// The critic.
    #[must_use]
    pub fn critic(&self) -> &CriticNet {
        &self.critic
    }

    /// One step with their part of the gradients; whether they were finite.
    ///
    /// # Errors
    /// Gradients that do not fit their parameters.
    pub fn step(&mut self, results: &[ShardResult], rate: f64, clip: Option<f64>) -> Result<bool> {
        let grads: Vec<_> = results.iter().map(|r| &r.grads).collect();
        Ok(self.updater.step(&grads, rate, clip)?.finite)
    }

    /// Weights and moments by name, for the checkpoint.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = self.updater.state()?;
        for (name, var) in &self.vars {
            state.push((name.clone(), var.as_detached_tensor().to_device(&Device::Cpu)?));
        }
        Ok(state)
    }

    /// Takes over what [`Helpers::state`] gave, after `steps` steps.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn load(
        &mut self,
        state: &HashMap<String, Tensor>,
        steps: usize,
    ) -> std::result::Result<(), TrainError> {
        for (name, var) in &self.vars {
            let Some(value) = state.get(name).filter(|t| t.dims() == var.dims()) else {
                return Err(TrainError::Config(format!(
                    "the checkpoint holds no {name} of shape {:?}: its run had nothing of the kind",
                    var.dims()
                )));
            };
            var.set(&value.to_dtype(DType::F32)?.to_device(var.device())?)?;
        }
        Ok(self.updater.load_state(state, steps)?)
    }
}
