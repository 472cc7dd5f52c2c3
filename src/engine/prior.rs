//! The priors of a model: the standard one, and those fitted to encoded texts, which are kept in a file beside it.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use candle_core::{Device, Tensor};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::{EngineError, LatentModel, LoadedModel};
use crate::latent::{latent_at, CodeMixture, Latent, Mixture};
use crate::model::{write_atomically, Flow};

/// The file of fitted priors in a model's folder.
pub const PRIOR_FILE: &str = "prior.safetensors";
/// Where the description stands in the file's metadata.
const DESCRIPTION: &str = "prior";

/// What latents are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorKind {
    /// What training held the latents to: uniform on the sphere, uniform codes, else N(0, I).
    Standard,
    /// A mixture of Gaussians; over codes, of independent symbols.
    Mixture,
    /// A normalising flow.
    Flow,
}

impl PriorKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Mixture, Self::Flow];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Mixture => "mixture",
            Self::Flow => "flow",
        }
    }
}

impl std::fmt::Display for PriorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PriorKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("`{name}` is no prior; expected standard, mixture or flow"))
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Description {
    tokens: usize,
    size: usize,
    /// Of the weights whose latents it was fitted to.
    fingerprint: u64,
    /// The kind that made held-out latents most likely.
    best: PriorKind,
}

/// Priors that were fitted to a model's latents.
#[derive(Debug)]
pub struct LearnedPrior {
    description: Description,
    mixture: Option<Mixture>,
    flow: Option<Flow>,
    codes: Option<CodeMixture>,
}

impl LearnedPrior {
    /// The priors that were fitted to a model's latents, of which `best` is drawn from where nothing else is asked for.
    ///
    /// # Errors
    /// Those of reading the model's weights.
    pub fn new(
        model: &LoadedModel,
        mixture: Option<Mixture>,
        flow: Option<Flow>,
        best: PriorKind,
    ) -> Result<Self, EngineError> {
        let (tokens, size) = shape(model);
        let fingerprint = model.model().latent_fingerprint().map_err(failed)?;
        let description = Description { tokens, size, fingerprint, best };
        Ok(Self { description, mixture, flow, codes: None })
    }

    /// A mixture that was fitted to the symbols of a model's codes.
    ///
    /// # Errors
    /// Those of reading the model's weights.
    pub fn of_codes(
        model: &LoadedModel,
        codes: CodeMixture,
        best: PriorKind,
    ) -> Result<Self, EngineError> {
        Ok(Self { codes: Some(codes), ..Self::new(model, None, None, best)? })
    }

    /// The priors that were fitted to a model, where there are any.
    ///
    /// # Errors
    /// [`EngineError::Load`] where the file cannot be read or belongs to other weights.
    pub fn of(model: &LoadedModel) -> Result<Option<Self>, EngineError> {
        match model.file_beside(PRIOR_FILE) {
            Some(file) => Self::load(&file, model),
            None => Ok(None),
        }
    }

    fn load(file: &Path, model: &LoadedModel) -> Result<Option<Self>, EngineError> {
        let wrong =
            |e: &dyn std::fmt::Display| EngineError::Load(format!("{}: {e}", file.display()));
        let bytes = match std::fs::read(file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| wrong(&e))?,
        };
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|e| wrong(&e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let text = metadata.get(DESCRIPTION).ok_or_else(|| wrong(&"it holds no prior"))?;
        let description: Description = serde_json::from_str(text).map_err(|e| wrong(&e))?;
        let fingerprint = model.model().latent_fingerprint().map_err(failed)?;
        if (description.tokens, description.size) != shape(model)
            || description.fingerprint != fingerprint
        {
            return Err(wrong(
                &"it was fitted to other weights of this model; fit it again with `tvae-tui prior`, or draw with --prior standard",
            ));
        }
        let tensors =
            candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|e| wrong(&e))?;
        let flow = Flow::from_tensors(&tensors).map_err(|e| wrong(&e))?;
        let mixture = mixture_of(&tensors).map_err(|e| wrong(&e))?;
        let codes = codes_of(&tensors).map_err(|e| wrong(&e))?;
        let dims = description.tokens * description.size;
        let symbols = model.model().code_symbols().map_err(failed)?;
        let fits = codes.as_ref().is_none_or(|c| c.levels() == symbols)
            && flow.as_ref().is_none_or(|f| f.dims() == dims)
            && mixture.as_ref().is_none_or(|m| m.dims() == dims);
        if !fits {
            return Err(wrong(&"its priors are of other latents than it says"));
        }
        Ok(Some(Self { description, mixture, flow, codes }))
    }

    /// Writes the file, whole or not at all; its folder is made where it is missing.
    ///
    /// # Errors
    /// [`EngineError::Save`]; an old file stays then.
    pub fn save(&self, file: &Path) -> Result<(), EngineError> {
        let wrong =
            |e: &dyn std::fmt::Display| EngineError::Save(format!("{}: {e}", file.display()));
        let mut tensors: Vec<(String, Tensor)> = Vec::new();
        if let Some(mixture) = &self.mixture {
            let shape = (mixture.weights().len(), mixture.dims());
            let matrix = |values: &[f64]| Tensor::from_slice(values, shape, &Device::Cpu);
            let weights = Tensor::from_slice(mixture.weights(), shape.0, &Device::Cpu);
            tensors.push(("mixture.weights".into(), weights.map_err(failed)?));
            tensors.push(("mixture.means".into(), matrix(mixture.means()).map_err(failed)?));
            tensors
                .push(("mixture.variances".into(), matrix(mixture.variances()).map_err(failed)?));
        }
        if let Some(codes) = &self.codes {
            let levels: Vec<u32> = codes.levels().iter().map(|&l| l as u32).collect();
            let (count, width) = (codes.weights().len(), codes.levels().iter().sum::<usize>());
            for (name, tensor) in [
                ("levels", Tensor::from_slice(&levels, levels.len(), &Device::Cpu)),
                ("weights", Tensor::from_slice(codes.weights(), count, &Device::Cpu)),
                ("tables", Tensor::from_slice(codes.tables(), (count, width), &Device::Cpu)),
            ] {
                tensors.push((format!("codes.{name}"), tensor.map_err(failed)?));
            }
        }
        if let Some(flow) = &self.flow {
            tensors.extend(flow.tensors().map_err(failed)?);
        }
        let text = serde_json::to_string(&self.description).map_err(|e| wrong(&e))?;
        let metadata = HashMap::from([(DESCRIPTION.to_owned(), text)]);
        let each = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let bytes = safetensors::serialize(each, Some(metadata)).map_err(|e| wrong(&e))?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| wrong(&e))?;
        }
        write_atomically(file, &bytes).map_err(|e| wrong(&e))
    }

    /// The kind that made held-out latents most likely.
    #[must_use]
    pub fn best(&self) -> PriorKind {
        self.description.best
    }

    /// Latents drawn from one of the priors.
    ///
    /// # Errors
    /// [`EngineError::Model`] where none of this kind was fitted.
    pub fn draw(
        &self,
        model: &LoadedModel,
        kind: PriorKind,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Latent>, EngineError> {
        if let (PriorKind::Mixture, Some(codes)) = (kind, &self.codes) {
            let rows: Vec<Vec<u32>> = (0..count).map(|_| codes.sample(rng)).collect();
            return model.model().latents_with_symbols(&rows).map_err(failed);
        }
        let rows: Vec<Vec<f64>> = match (kind, &self.mixture, &self.flow) {
            (PriorKind::Standard, ..) => return model.draw_standard(count, rng),
            (PriorKind::Mixture, Some(mixture), _) => {
                (0..count).map(|_| mixture.sample(rng)).collect()
            }
            (PriorKind::Flow, _, Some(flow)) => draw_flow(flow, count, rng).map_err(failed)?,
            _ => {
                return Err(EngineError::Model(format!(
                    "no {kind} was fitted to it; fit one with `tvae-tui prior --kind {kind}`"
                )))
            }
        };
        let (shape, geometry) = (shape(model), model.info().geometry);
        Ok(rows.iter().map(|row| latent_at(row, shape, geometry)).collect())
    }
}

fn draw_flow(
    flow: &Flow,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> candle_core::Result<Vec<Vec<f64>>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let dims = flow.dims();
    let normal: Vec<f32> = (0..count * dims).map(|_| StandardNormal.sample(rng)).collect();
    let drawn = flow.inverse(&Tensor::from_vec(normal, (count, dims), &Device::Cpu)?)?;
    let values = drawn.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.chunks_exact(dims).map(|v| v.iter().map(|&x| f64::from(x)).collect()).collect())
}

fn codes_of(tensors: &HashMap<String, Tensor>) -> Result<Option<CodeMixture>, String> {
    let get = |name: &str| tensors.get(&format!("codes.{name}"));
    let (levels, weights, tables) = match (get("levels"), get("weights"), get("tables")) {
        (None, None, None) => return Ok(None),
        (Some(levels), Some(weights), Some(tables)) => (levels, weights, tables),
        _ => return Err("a part of its mixture is missing".to_owned()),
    };
    let read = || -> candle_core::Result<_> {
        let levels = levels.flatten_all()?.to_vec1::<u32>()?;
        Ok((levels, weights.flatten_all()?.to_vec1()?, tables.flatten_all()?.to_vec1()?))
    };
    let (levels, weights, tables) = read().map_err(|e| e.to_string())?;
    let levels = levels.into_iter().map(|l| l as usize).collect();
    CodeMixture::new(levels, weights, tables).map(Some).map_err(|e| e.to_string())
}

fn mixture_of(tensors: &HashMap<String, Tensor>) -> Result<Option<Mixture>, String> {
    let values = |name: &str| -> Result<Option<Vec<f64>>, String> {
        let Some(tensor) = tensors.get(&format!("mixture.{name}")) else { return Ok(None) };
        let values = tensor.flatten_all().and_then(|t| t.to_vec1::<f64>());
        values.map(Some).map_err(|e| e.to_string())
    };
    match (values("weights")?, values("means")?, values("variances")?) {
        (None, None, None) => Ok(None),
        (Some(weights), Some(means), Some(variances)) => {
            Mixture::new(weights, means, variances).map(Some).map_err(|e| e.to_string())
        }
        _ => Err("a part of its mixture is missing".to_owned()),
    }
}

fn shape(model: &LoadedModel) -> (usize, usize) {
    let config = model.model().config();
    (config.n_latent_tokens, config.latent_size)
}

fn failed(e: impl std::fmt::Display) -> EngineError {
    EngineError::Model(e.to_string())
}

impl LoadedModel {
    /// Latents drawn from the prior that training held them to; decoding brings them to where the bottleneck puts them.
    ///
    /// # Errors
    /// Those of the model.
    pub fn draw_standard(
        &self,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Latent>, EngineError> {
        let symbols = self.model().code_symbols().map_err(failed)?;
        if !symbols.is_empty() {
            let mut row = || symbols.iter().map(|&l| rng.random_range(0..l as u32)).collect();
            let rows: Vec<Vec<u32>> = (0..count).map(|_| row()).collect();
            return self.model().latents_with_symbols(&rows).map_err(failed);
        }
        let (tokens, size) = shape(self);
        Ok((0..count)
            .map(|_| {
                let values = (0..tokens * size).map(|_| StandardNormal.sample(rng)).collect();
                Latent { tokens, size, values }
            })
            .collect())
    }
}
