//! A model ready for use: weights, packed decoder, tokenizer and domain together.

mod search;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use candle_core::Device;

use super::pool::{self, NamedDirection, Pool};
use super::recent::Recent;
use super::stream::News;
use super::{decode, Decoding, EngineError, LatentModel, ModelInfo, TokenProbability};
use crate::corpus::hub::{Hub, HubName, Listener};
use crate::corpus::Example;
use crate::domain::{domain, Codec, Domain, Examiner, Judge, Verdict};
use crate::latent::{Geometry, Latent};
use crate::model::{Batch, Generator, Given, TransformerVae};
use crate::numeric::Precision;

/// A model that comes with the program.
#[derive(Clone, Copy)]
pub(super) struct Bundled {
    pub name: &'static str,
    pub config: &'static [u8],
    pub weights: &'static [u8],
    pub tokenizer: &'static [u8],
    /// What judges its decodes, where its domain asks for that: the file's name and its bytes.
    pub examiner: Option<(&'static str, &'static [u8])>,
    pub trainer: &'static [u8],
}

impl Bundled {
    /// The files of its folder.
    pub(super) fn files(&self) -> Vec<(&'static str, &'static [u8])> {
        let mut files = vec![
            ("config.json", self.config),
            ("model.safetensors", self.weights),
            ("tokenizer.json", self.tokenizer),
            ("trainer.json", self.trainer),
        ];
        files.extend(self.examiner);
        files
    }
}

/// All models that come with the program.
pub(super) fn bundled_models() -> impl Iterator<Item = Bundled> {
    BUNDLED.into_iter()
}

/// A file of a folder of `checkpoints`.
macro_rules! file {
    ($name:literal, $file:literal) => {
        include_bytes!(concat!("../../checkpoints/", $name, "/", $file))
    };
}

/// The files of such a folder; the second name is that of what judges decodes.
macro_rules! bundled {
    ($name:literal) => {
        bundled!($name => None)
    };
    ($name:literal, $examiner:literal) => {
        bundled!($name => Some(($examiner, file!($name, $examiner).as_slice())))
    };
    ($name:literal => $examiner:expr) => {
        Bundled {
            name: $name,
            config: file!($name, "config.json"),
            weights: file!($name, "model.safetensors"),
            tokenizer: file!($name, "tokenizer.json"),
            examiner: $examiner,
            trainer: file!($name, "trainer.json"),
        }
    };
}

const BUNDLED: [Bundled; 3] = [
    bundled!("python"),
    bundled!("mnist", "classifier.safetensors"),
    bundled!("headlines", "fluency.safetensors"),
];

/// A model with everything that turns texts into latents and back.
pub struct LoadedModel {
    name: String,
    /// Where it was read from; none for a bundled one and one of the hub, whose folder is the cache's.
    folder: Option<PathBuf>,
    domain: &'static dyn Domain,
    codec: Codec,
    examiner: Option<Examiner>,
    model: TransformerVae,
    generator: Generator,
    max_len: usize,
    samples: Vec<Example>,
    recent: Recent,
}

impl LoadedModel {
    /// Opens a bundled name, a folder, or a name of the hub (`hf:OWNER/NAME`), whose files are downloaded where the cache
    /// lacks them. A folder of that name in the data folder wins over the bundled model.
    ///
    /// # Errors
    /// When none of them exists, or the folder holds no model that can be read; the message says what to do.
    pub fn open(name: &str) -> Result<Self, EngineError> {
        if HubName::is_one(name) {
            let (name, folder) = fetch_model(&Hub::from_env().map_err(load)?, name, &mut |_| {
                ControlFlow::Continue(())
            })?;
            return Self::from_hub(&name, &folder);
        }
        let folder = Path::new(name);
        if folder.is_dir() {
            return Self::from_folder(folder);
        }
        if let Some(folder) = models_folder().map(|m| m.join(name)).filter(|f| f.is_dir()) {
            return Self::from_folder(&folder);
        }
        let Some(bundled) = BUNDLED.iter().find(|b| b.name == name) else {
            return Err(EngineError::Load(unknown(name)));
        };
        let model = TransformerVae::from_bytes(bundled.config, bundled.weights, &Device::Cpu)
            .map_err(load)?;
        let codec = Codec::from_bytes(bundled.tokenizer).map_err(load)?;
        let examiner = match bundled.examiner {
            Some((file, bytes)) => Examiner::from_bytes(file, bytes).map_err(EngineError::Load)?,
            None => None,
        };
        Ok(Self { examiner, ..Self::assemble(bundled.name.to_owned(), model, codec)? })
    }

    /// Opens a model folder.
    ///
    /// # Errors
    /// When a file is missing or cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Self, EngineError> {
        let model = TransformerVae::load(folder, &Device::Cpu).map_err(load)?;
        let codec = Codec::from_folder(folder).map_err(load)?;
        let name = folder
            .canonicalize()
            .ok()
            .and_then(|f| Some(f.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| folder.display().to_string());
        let examiner = Examiner::from_folder(folder).map_err(EngineError::Load)?;
        let model = Self::assemble(name, model, codec)?;
        Ok(Self { folder: Some(folder.to_owned()), examiner, ..model })
    }

    /// Opens a model of the hub from its folder in the cache, under its name there.
    ///
    /// # Errors
    /// When a file is missing or cannot be read.
    pub fn from_hub(name: &HubName, folder: &Path) -> Result<Self, EngineError> {
        let model = Self::from_folder(folder)?;
        Ok(Self { name: name.repository.clone(), folder: None, ..model })
    }

    /// Puts the parts together; the domain is the one that the configuration names, else free text.
    ///
    /// # Errors
    /// When the parts do not fit each other.
    pub fn assemble(
        name: String,
        model: TransformerVae,
        codec: Codec,
    ) -> Result<Self, EngineError> {
        // A folder of the original says nothing of its domain.
        let named = match model.config().domain() {
            "" => "text",
            name => name,
        };
        let domain = domain(named).map_err(load)?;
        if codec.vocab_size() > model.config().vocab_size() {
            return Err(EngineError::Load(format!(
                "the tokenizer has {} words, the model only {}: tokenizer.json belongs to another model",
                codec.vocab_size(),
                model.config().vocab_size()
            )));
        }
        let precision = Generator::default_precision(&model);
        let generator = Generator::with_precision(&model, precision).map_err(load)?;
        let max_len = model.config().max_len();
        let codec = codec.with_room(max_len);
        let samples = domain.samples_within(max_len);
        Ok(Self {
            name,
            folder: None,
            domain,
            codec,
            examiner: None,
            model,
            generator,
            max_len,
            samples,
            recent: Recent::default(),
        })
    }

    /// The same model, decoding with weights of this precision.
    ///
    /// # Errors
    /// Those of packing the weights.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self, EngineError> {
        if self.generator.precision() != precision {
            self.generator = Generator::with_precision(&self.model, precision).map_err(load)?;
            self.recent = Recent::default();
        }
        Ok(self)
    }

    /// The same model, beginning with these texts instead of its domain's.
    #[must_use]
    pub fn with_samples(self, samples: Vec<Example>) -> Self {
        Self { samples, ..self }
    }

    /// Precision of the weights that it decodes with.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.generator.precision()
    }

    /// The domain of its sequences.
    #[must_use]
    pub fn domain(&self) -> &'static dyn Domain {
        self.domain
    }

    /// The network.
    #[must_use]
    pub fn model(&self) -> &TransformerVae {
        &self.model
    }

    /// Tokens of a text at most, its end included.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// The token ids of a text, without specials.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.codec.encode(text).map_err(failed)
    }

    /// Bytes of the text that each of these tokens stands for.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn token_bytes(&self, ids: &[u32]) -> Result<Vec<usize>, EngineError> {
        ids.iter().map(|&id| Ok(self.codec.decode(&[id]).map_err(failed)?.len())).collect()
    }

    /// Texts drawn from the decoder when it is told nothing.
    ///
    /// # Errors
    /// Those of the model.
    pub fn draw_without_latent(
        &self,
        count: usize,
        rng: &mut dyn rand::RngCore,
    ) -> Result<Vec<String>, EngineError> {
        let memory = self.model.memory_of_nothing(count).map_err(failed)?;
        let drawn =
            self.generator.sample(&memory, count, self.max_len, 1.0, rng).map_err(failed)?;
        drawn.iter().map(|ids| self.codec.decode(ids).map_err(failed)).collect()
    }

    /// A file that belongs to the model: in its folder; for a bundled one and one of the hub, in the data folder under
    /// the model's name.
    #[must_use]
    pub fn file_beside(&self, name: &str) -> Option<PathBuf> {
        match &self.folder {
            Some(folder) => Some(folder.join(name)),
            None => Some(models_folder()?.join(format!("{}.{name}", self.name.replace('/', "--")))),
        }
    }

    /// Decodes latents.
    ///
    /// # Errors
    /// Latents of another shape than the model's.
    pub fn decode_with(
        &self,
        latents: &[Latent],
        decoding: Decoding,
    ) -> Result<Vec<String>, EngineError> {
        let found = decode(self, latents, decoding, &mut |_| ControlFlow::Continue(()))?;
        Ok(found.into_iter().map(|found| found.text).collect())
    }
}

/// That there is no such model, and what to do about it: a domain's name asks for a model that can be trained.
fn unknown(name: &str) -> String {
    if domain(name).is_ok() {
        return format!(
            "no model of {name} comes with the program; train one: \
             tvae-tui train --domain {name} --preset cpu --data DATA --out {name}-model, then tvae-tui --model {name}-model"
        );
    }
    let names: Vec<&str> = BUNDLED.iter().map(|b| b.name).collect();
    format!(
        "no model `{name}`: give a folder with config.json and model.safetensors, hf:OWNER/NAME, or one of: {}",
        names.join(", ")
    )
}

/// Downloads what the cache lacks of a model of the hub: its name, taken apart, and its folder in the cache.
///
/// # Errors
/// When it is no name, or the model cannot be had.
pub fn fetch_model(
    hub: &Hub,
    name: &str,
    news: &mut Listener<'_>,
) -> Result<(HubName, PathBuf), EngineError> {
    let name: HubName = name.parse().map_err(load)?;
    let folder = hub.model(&name, news).map_err(load)?;
    Ok((name, folder))
}

/// Where a person's own models lie: `models` in the platform's data folder.
#[must_use]
pub fn models_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.data_dir().join("tvae-tui").join("models"))
}

fn load(e: impl std::fmt::Display) -> EngineError {
    EngineError::Load(e.to_string())
}

fn failed(e: impl std::fmt::Display) -> EngineError {
    EngineError::Model(e.to_string())
}

impl LatentModel for LoadedModel {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.name.clone(),
            domain: self.domain.name().to_owned(),
            parameters: self.model.parameters().iter().map(|(_, v)| v.elem_count()).sum(),
            latent_tokens: self.model.config().n_latent_tokens,
            latent_size: self.model.config().latent_size,
            geometry: self.model.geometry(),
        }
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        let lines: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| {
                let mut ids = self.codec.encode(text)?;
                ids.truncate(self.max_len - 1);
                Ok(ids)
            })
            .collect::<Result<_, crate::domain::CodecError>>()
            .map_err(failed)?;
        self.model.encode_lines(&lines).map_err(failed)
    }

    fn decode(
        &self,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[(usize, String, bool)]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError> {
        let drafts = self.recent.drafts(latents);
        // A single point is what a person drags: one core stays free for the screen.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if latents.len() == 1 { (cores - 1).max(1) } else { 0 };
        let batch = Batch { latents, max_len: self.max_len, drafts: &drafts, threads };
        let mut news = News::new(latents.len());
        let clock = std::time::Instant::now();
        let decoded = self
            .generator
            .decode(&self.model, batch, &mut |step| {
                news.take(step.tokens);
                on_step(&news.tell(&self.codec))
            })
            .map_err(failed)?
            .ok_or(EngineError::Cancelled)?;
        let ms = 1e3 * clock.elapsed().as_secs_f64();
        tracing::debug!(rows = latents.len(), ms, "decoded");
        self.recent.add(latents, &decoded.rows);
        decoded.rows.iter().map(|ids| self.codec.decode(ids).map_err(failed)).collect()
    }

    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        self.found(latents)
    }

    fn nearest(&self, latents: Vec<Latent>) -> Result<Vec<Latent>, EngineError> {
        if self.model.geometry() != Geometry::Codes {
            return Ok(latents);
        }
        self.model.nearest(&latents).map_err(failed)
    }

    /// The tokens are those that the tokenizer makes of `text`; a decode can have been made of others.
    fn probabilities(
        &self,
        latent: &Latent,
        text: &str,
    ) -> Result<Vec<TokenProbability>, EngineError> {
        let mut ids = self.ids(text)?;
        ids.truncate(self.max_len - 1);
        let given = Given::Latents(std::slice::from_ref(latent));
        let score = self.model.score(std::slice::from_ref(&ids), given).map_err(failed)?;
        let nats = score.into_iter().next().map(|s| s.token_nats).unwrap_or_default();
        let mut texts = ids
            .iter()
            .map(|&id| self.codec.decode(&[id]).map_err(failed))
            .collect::<Result<Vec<_>, _>>()?;
        texts.push(String::new());
        Ok(texts
            .into_iter()
            .zip(nats)
            .map(|(text, nats)| TokenProbability { text, probability: (-nats).exp() as f32 })
            .collect())
    }

    fn verdict(&self, text: &str) -> Verdict {
        Judge { domain: self.domain, examiner: self.examiner.as_ref() }.verdict(text)
    }

    fn samples(&self) -> &[Example] {
        &self.samples
    }

    fn decoder_directions(
        &self,
        pool: &Pool,
        per_token: usize,
    ) -> Result<Vec<NamedDirection>, EngineError> {
        pool::decoder_directions(&self.model, pool, per_token).map_err(failed)
    }

    fn directions_file(&self) -> Option<PathBuf> {
        self.file_beside("directions.json")
    }
}
