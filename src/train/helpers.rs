//! What a run trains beside its model: the critic, and the layer that tells labels.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};

use super::classes::ClassLayer;
use super::config::TrainConfig;
use super::critic::{CriticNet, CriticShape};
use super::optimise::Updater;
use super::step::ShardResult;
use super::TrainError;

/// The networks that a configuration asks for, with their optimiser.
pub struct Helpers {
    critic: Option<CriticNet>,
    classes: Option<ClassLayer>,
    vars: Vec<(String, Var)>,
    updater: Updater,
}

impl Helpers {
    /// Those of a run on data with so many labels; `None` where it has none.
    ///
    /// # Errors
    /// Where memory for them cannot be had, or labels are to be told and there are not two.
    pub fn new(
        config: &TrainConfig,
        labels: usize,
        device: &Device,
    ) -> std::result::Result<Option<Self>, TrainError> {
        let critic = if config.critic.weight > 0.0 {
            let shape = CriticShape {
                d_model: config.d_model,
                heads: config.heads,
                d_ff: config.d_ff,
                layers: config.critic.layers,
            };
            Some(CriticNet::new(shape, config.critic.head, config.seed, device)?)
        } else {
            None
        };
        let classes = if config.classes.weight > 0.0 {
            if labels < 2 {
                return Err(TrainError::Config(format!(
                    "classes.weight = {} needs lines of two labels at least and the data have {labels}: \
                     --label-column names their column",
                    config.classes.weight
                )));
            }
            let numbers = config.latent_tokens * config.latent_size;
            Some(ClassLayer::new(labels, numbers, device)?)
        } else {
            None
        };
        let of_critic = critic.iter().flat_map(CriticNet::parameters).cloned();
        let vars: Vec<_> =
            of_critic.chain(classes.iter().flat_map(ClassLayer::parameters)).collect();
        if vars.is_empty() {
            return Ok(None);
        }
        let params = vars.iter().map(|(name, var)| (name.clone(), var.clone(), false));
        let updater = Updater::new(&config.optimiser, params.collect())?;
        Ok(Some(Self { critic, classes, vars, updater }))
    }

    /// The critic, where there is one.
    #[must_use]
    pub fn critic(&self) -> Option<&CriticNet> {
        self.critic.as_ref()
    }

    /// What tells labels, where that is asked for.
    #[must_use]
    pub fn classes(&self) -> Option<&ClassLayer> {
        self.classes.as_ref()
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
