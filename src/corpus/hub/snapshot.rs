//! A repository at one commit: what the hub says is in it, or, where the hub is not to be had, what the cache says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::sync::Api;
use hf_hub::api::RepoInfo;
use hf_hub::{Repo, RepoType};

use super::client::Hub;
use super::download::is_transient;
use super::name::is_safe;
use super::{HubError, HubName, Listener, News};

/// How long the hub may take to answer at all before the cache is used.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest list of a repository's files, in bytes.
const LIST: u64 = 64 << 20;

/// A repository at one commit.
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) repository: String,
    pub(super) kind: RepoType,
    /// As it was asked for.
    pub(super) repo: Repo,
    pub(super) commit: String,
    /// Where its files lie, or will.
    pub(super) folder: PathBuf,
    /// Paths of its files: all of them, or those in the cache.
    pub(super) files: Vec<String>,
    /// Why the hub was not asked, where it was not.
    pub(super) offline: Option<String>,
}

impl Hub {
    /// Something that the repository, or without a network the cache, does not have.
    pub(super) fn lacks(&self, snapshot: &Snapshot, what: &str) -> HubError {
        let name = snapshot.name.clone();
        match &snapshot.offline {
            Some(reason) => HubError::Offline {
                name,
                reason: reason.clone(),
                cache: self.cache.path().clone(),
                missing: what.to_owned(),
            },
            None => HubError::Files { name, message: format!("the repository has no {what}") },
        }
    }

    /// Asks the hub what there is; where it cannot be reached, the cache.
    pub(super) fn snapshot(
        &self,
        name: &HubName,
        kind: RepoType,
        news: &mut Listener<'_>,
    ) -> Result<Snapshot, HubError> {
        let repo = Repo::with_revision(name.repository.clone(), kind, name.revision().to_owned());
        let at = |commit: String, files: Vec<String>, offline: Option<String>| Snapshot {
            name: name.to_string(),
            repository: name.repository.clone(),
            kind,
            folder: self.cache.repo(repo.clone()).pointer_path(&commit),
            repo: repo.clone(),
            commit,
            files,
            offline,
        };
        let reason = match &self.network {
            None => "HF_HUB_OFFLINE is set".to_owned(),
            Some((api, _)) => match self.ask(api, name, &repo)? {
                // Files whose names could lead out of the cache are left out.
                Ok(RepoInfo { siblings, sha }) => {
                    let files = siblings.into_iter().map(|s| s.rfilename);
                    return Ok(at(sha, files.filter(|file| is_safe(file)).collect(), None));
                }
                Err(reason) => {
                    if news(&News::Offline(reason.clone())).is_break() {
                        return Err(HubError::Stopped(name.to_string()));
                    }
                    reason
                }
            },
        };
        let mut snapshot = at(String::new(), Vec::new(), Some(reason));
        let commit = std::fs::read_to_string(self.reference(&repo)).unwrap_or_default();
        if !is_safe(commit.trim()) {
            return Err(self.lacks(&snapshot, "the whole repository"));
        }
        snapshot.commit = commit.trim().to_owned();
        snapshot.folder = self.cache.repo(repo.clone()).pointer_path(&snapshot.commit);
        let listing = std::fs::read(self.listing(&snapshot)).ok();
        match listing.and_then(|text| serde_json::from_slice::<Vec<String>>(&text).ok()) {
            Some(files) => snapshot.files = files.into_iter().filter(|f| is_safe(f)).collect(),
            // Another program filled the cache.
            None => list(&snapshot.folder, "", &mut snapshot.files),
        }
        Ok(snapshot)
    }

    /// The list of a commit's files, kept so that a cache with a part of them is not taken for the whole.
    fn listing(&self, snapshot: &Snapshot) -> PathBuf {
        let repository = self.cache.path().join(snapshot.repo.folder_name());
        repository.join("listings").join(format!("{}.json", snapshot.commit))
    }

    /// The hub's list of files; the inner error is why it cannot be reached.
    fn ask(
        &self,
        api: &Api,
        name: &HubName,
        repo: &Repo,
    ) -> Result<Result<RepoInfo, String>, HubError> {
        let not_found = |message: &str| {
            Err(HubError::NotFound { name: name.to_string(), message: message.to_owned() })
        };
        let request = api
            .repo(repo.clone())
            .info_request()
            .config()
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false)
            .build();
        let mut response = match request.call() {
            Ok(response) => response,
            Err(e) if is_transient(&e) => {
                return Ok(Err(format!("{} cannot be reached ({e})", self.endpoint)));
            }
            Err(e) => return not_found(&format!("{}: {e}", self.endpoint)),
        };
        let code = response.headers().get("x-error-code").and_then(|v| v.to_str().ok());
        match (response.status().as_u16(), code) {
            (200..=299, _) => {}
            (_, Some("GatedRepo")) | (403, _) => return Err(HubError::Gated(name.to_string())),
            (404, Some("RevisionNotFound")) => {
                return not_found(&format!("there is no revision `{}`", name.revision()));
            }
            // Without a token the hub does not tell private from missing.
            (401 | 404, _) => {
                return not_found(
                    "there is no such repository on the hub, or it is private and HF_TOKEN holds no token for it",
                );
            }
            (status, _) => return Ok(Err(format!("{} answers {status}", self.endpoint))),
        }
        match response.body_mut().with_config().limit(LIST).read_json::<RepoInfo>() {
            Ok(info) if is_safe(&info.sha) => Ok(Ok(info)),
            Ok(_) => not_found("the hub's answer names no commit"),
            Err(e) if is_transient(&e) => Ok(Err(format!("{} broke off ({e})", self.endpoint))),
            Err(e) => not_found(&format!("the hub's answer cannot be read: {e}")),
        }
    }

    /// The cache's note of the commit that a revision stands for.
    fn reference(&self, repo: &Repo) -> PathBuf {
        self.cache.path().join(repo.folder_name()).join("refs").join(repo.revision())
    }

    /// Notes which commit the revision stands for and what it holds, now that all that was asked for is there.
    pub(super) fn note(&self, snapshot: &Snapshot) -> Result<(), HubError> {
        if snapshot.offline.is_some() {
            return Ok(());
        }
        let listing = self.listing(snapshot);
        let write = || -> std::io::Result<()> {
            if let Some(folder) = listing.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&listing, serde_json::to_vec(&snapshot.files)?)?;
            self.cache.repo(snapshot.repo.clone()).create_ref(&snapshot.commit)
        };
        write().map_err(|e| HubError::Cache {
            cache: self.cache.path().clone(),
            message: e.to_string(),
        })
    }
}

/// Files below a folder, as paths with slashes.
fn list(folder: &Path, prefix: &str, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_dir() {
            list(&path, &format!("{name}/"), into);
        } else if path.is_file() && is_safe(&name) {
            into.push(name);
        }
    }
}
