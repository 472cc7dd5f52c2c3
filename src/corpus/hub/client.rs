//! The hub: which of a repository's files are needed, and getting those that the cache lacks.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo, RepoType};

use super::download::{Downloader, Failure};
use super::files::{choose, Split};
use super::name::is_safe;
use super::snapshot::Snapshot;
use super::{Download, HubError, HubName, Listener, News};

/// The hub where `HF_ENDPOINT` names no other.
const ENDPOINT: &str = "https://huggingface.co";
/// How often a download is taken up again after it broke off.
const TRIES: u32 = 5;
/// Wait before the first new try; it doubles.
const PATIENCE: Duration = Duration::from_millis(500);

/// What opens a model.
const MODEL_CONFIG: &str = "config.json";
const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
const TOKENIZERS: [&[&str]; 2] = [&["tokenizer.json"], &["vocab.json", "merges.txt"]];
/// What a model may have beside them.
const BESIDE: [&str; 2] = ["fluency.safetensors", "classifier.safetensors"];

/// The hub with its cache.
#[derive(Debug)]
pub struct Hub {
    /// What asks and what downloads; `None` when no network is to be used.
    pub(super) network: Option<(Api, Downloader)>,
    pub(super) cache: Cache,
    pub(super) endpoint: String,
    pub(super) patience: Duration,
}

impl Hub {
    /// The hub and the cache that the environment names: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`,
    /// `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// Where there is no home folder, or the connection cannot be set up.
    pub fn from_env() -> Result<Self, HubError> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let home = match text("HF_HOME") {
            Some(home) => PathBuf::from(home),
            None => {
                let cache = text("XDG_CACHE_HOME")
                    .map(PathBuf::from)
                    .or_else(|| Some(etcetera::home_dir().ok()?.join(".cache")));
                let Some(cache) = cache else {
                    return Err(HubError::Cache {
                        cache: PathBuf::new(),
                        message: "there is no home folder: set HF_HOME".to_owned(),
                    });
                };
                cache.join("huggingface")
            }
        };
        let cache = text("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from);
        let token = text("HF_TOKEN").or_else(|| {
            let file = text("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
            std::fs::read_to_string(file).ok()
        });
        let token = token.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let offline = text("HF_HUB_OFFLINE").is_some_and(|v| {
            matches!(v.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
        });
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        if offline {
            return Ok(Self::offline(cache));
        }
        Self::new(cache, &endpoint, token)
    }

    /// A hub at `endpoint` with its cache in `cache`.
    ///
    /// # Errors
    /// Where the connection cannot be set up.
    pub fn new(cache: PathBuf, endpoint: &str, token: Option<String>) -> Result<Self, HubError> {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let cache = Cache::new(cache);
        let downloader = Downloader::new(token.clone());
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(endpoint.clone())
            .with_token(token)
            .with_user_agent("tvae-tui", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|e| HubError::Cache { cache: cache.path().clone(), message: e.to_string() })?;
        Ok(Self { network: Some((api, downloader)), cache, endpoint, patience: PATIENCE })
    }

    /// The cache alone.
    #[must_use]
    pub fn offline(cache: PathBuf) -> Self {
        let cache = Cache::new(cache);
        Self { network: None, cache, endpoint: ENDPOINT.to_owned(), patience: PATIENCE }
    }

    /// The same with another wait before the first new try; for tests.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The folder of a model, with what opens it: `config.json`, `model.safetensors` or else `pytorch_model.bin`,
    /// `tokenizer.json` or else `vocab.json` and `merges.txt`; and what judges decodes where there is something.
    ///
    /// # Errors
    /// [`HubError`]; what has arrived by then is kept.
    pub fn model(&self, name: &HubName, news: &mut Listener<'_>) -> Result<PathBuf, HubError> {
        if name.path.is_some() || name.column.is_some() {
            let message = "a model is a whole repository: hf:OWNER/NAME or hf:OWNER/NAME@REVISION";
            return Err(HubError::Files { name: name.to_string(), message: message.to_owned() });
        }
        let snapshot = self.snapshot(name, RepoType::Model, news)?;
        let has = |file: &str| snapshot.files.iter().any(|f| f == file);
        let lacks = |what: &str| self.lacks(&snapshot, what);
        let mut needed = vec![MODEL_CONFIG];
        if !has(MODEL_CONFIG) {
            return Err(lacks(MODEL_CONFIG));
        }
        let weights = WEIGHTS.into_iter().find(|file| has(file));
        needed.push(weights.ok_or_else(|| lacks("model.safetensors or pytorch_model.bin"))?);
        let tokenizer = TOKENIZERS.iter().find(|files| files.iter().all(|file| has(file)));
        needed.extend(
            *tokenizer.ok_or_else(|| lacks("tokenizer.json, or vocab.json with merges.txt"))?,
        );
        needed.extend(BESIDE.into_iter().filter(|file| has(file)));
        for (i, file) in needed.iter().enumerate() {
            self.fetch(&snapshot, file, (i + 1, needed.len()), news)?;
        }
        self.note(&snapshot)?;
        Ok(snapshot.folder)
    }

    /// Gives the files of a data set's split one after the other to `read`, downloading each before, until it says that
    /// it has enough.
    ///
    /// # Errors
    /// [`HubError`], or what `read` fails with.
    pub fn data<E: From<HubError>>(
        &self,
        name: &HubName,
        split: Split,
        news: &mut Listener<'_>,
        read: &mut dyn FnMut(&Path) -> Result<bool, E>,
    ) -> Result<(), E> {
        let snapshot = self.snapshot(name, RepoType::Dataset, news)?;
        let files =
            choose(&snapshot.files, name.path.as_deref(), split).map_err(
                |message| match &snapshot.offline {
                    Some(_) => self.lacks(&snapshot, &format!("the files: {message}")),
                    None => HubError::Files { name: snapshot.name.clone(), message },
                },
            )?;
        for (i, file) in files.iter().enumerate() {
            let path = self.fetch(&snapshot, file, (i + 1, files.len()), news)?;
            if !read(&path)? {
                break;
            }
        }
        Ok(self.note(&snapshot)?)
    }

    /// A file of the repository in the cache, downloaded where it is not there.
    fn fetch(
        &self,
        snapshot: &Snapshot,
        file: &str,
        number: (usize, usize),
        news: &mut Listener<'_>,
    ) -> Result<PathBuf, HubError> {
        let pointer = snapshot.folder.join(file);
        if pointer.exists() {
            return Ok(pointer);
        }
        let (Some((api, downloader)), None) = (&self.network, &snapshot.offline) else {
            return Err(self.lacks(snapshot, file));
        };
        let full = format!("{}/{file}", snapshot.name);
        let failed = |message: String| HubError::Download { file: full.clone(), message };
        let mut wait = self.patience;
        for left in (0..TRIES).rev() {
            let mut on_bytes = |done: u64, total: u64| {
                news(&News::File(Download { file: full.clone(), number, done, total }))
            };
            match self.attempt(api, downloader, snapshot, file, &mut on_bytes) {
                Ok(()) => return Ok(pointer),
                Err(Failure::Stopped) => return Err(HubError::Stopped(full)),
                Err(Failure::Refused) => return Err(HubError::Gated(snapshot.name.clone())),
                Err(Failure::Final(message)) => return Err(failed(message)),
                Err(Failure::Transient(message)) if left == 0 => return Err(failed(message)),
                Err(Failure::Transient(message)) => {
                    tracing::warn!(file = full, message, "download broke off");
                    std::thread::sleep(wait);
                    wait *= 2;
                }
            }
        }
        Err(failed("too many tries".to_owned()))
    }

    /// One try to have a file in the cache.
    fn attempt(
        &self,
        api: &Api,
        downloader: &Downloader,
        snapshot: &Snapshot,
        file: &str,
        on_bytes: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        // One commit for all files, whatever happens to the branch meanwhile.
        let Snapshot { repository, kind, commit, .. } = snapshot;
        let repo = Repo::with_revision(repository.clone(), *kind, commit.clone());
        let url = api.repo(repo.clone()).url(file);
        let metadata = api.metadata(&url)?;
        if !is_safe(metadata.etag()) {
            return Err(Failure::Final("its etag is no name".to_owned()));
        }
        let size = metadata.size() as u64;
        let blob = self.cache.repo(repo).blob_path(metadata.etag());
        if let Some(folder) = blob.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Another commit may have the same content.
        if std::fs::metadata(&blob).map_or(true, |m| m.len() != size) {
            downloader.get(&url, &blob, size, &mut |done| on_bytes(done, size))?;
            // That all is there is told whatever the listener says.
            let _ = on_bytes(size, size);
        }
        link(&blob, &snapshot.folder, file, metadata.etag())?;
        Ok(())
    }
}

/// Makes a file of a snapshot stand for a blob: a link relative to it where there are such, as other programs have it.
fn link(blob: &Path, folder: &Path, file: &str, etag: &str) -> std::io::Result<()> {
    let pointer = folder.join(file);
    if let Some(folder) = pointer.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Others may make it at the same time, and a link can be left whose blob is gone.
    if pointer.symlink_metadata().is_ok() && !pointer.exists() {
        std::fs::remove_file(&pointer)?;
    }
    #[cfg(unix)]
    {
        // `snapshots`, the commit, and the file's own folders lie between.
        let up = "../".repeat(2 + file.matches('/').count());
        let _ = std::os::unix::fs::symlink(format!("{up}blobs/{etag}"), &pointer);
    }
    if pointer.exists() || std::fs::hard_link(blob, &pointer).is_ok() || pointer.exists() {
        return Ok(());
    }
    let copy = blob.with_extension("copy");
    std::fs::copy(blob, &copy)?;
    std::fs::rename(&copy, &pointer)
}
