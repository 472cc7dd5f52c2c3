//! One try to download a file: takes up what an earlier one left, can be stopped, and leaves what it got.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use hf_hub::api::sync::ApiError;
use ureq::config::RedirectAuthHeaders;
use ureq::Agent;

/// A server that sends nothing for so long has broken off.
const SILENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether another download of the same file has ended.
const MEANWHILE: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

/// Why a try failed.
pub(super) enum Failure {
    /// It may go better in a moment.
    Transient(String),
    /// The listener asked to stop.
    Stopped,
    /// The server asks who one is.
    Refused,
    /// It will not go better.
    Final(String),
}

impl From<&ureq::Error> for Failure {
    fn from(e: &ureq::Error) -> Self {
        match e {
            ureq::Error::StatusCode(401 | 403) => Self::Refused,
            e if is_transient(e) => Self::Transient(e.to_string()),
            e => Self::Final(e.to_string()),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Self {
        match &e {
            ApiError::RequestError(e) => (&**e).into(),
            _ => Self::Final(e.to_string()),
        }
    }
}

/// Files are ours; what the network does is told apart where it is read.
impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Self::Final(e.to_string())
    }
}

/// Whether an error is the network's or the server's, not the request's.
pub(super) fn is_transient(e: &ureq::Error) -> bool {
    match e {
        ureq::Error::StatusCode(status) => matches!(status, 408 | 429 | 500..=599),
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Downloads contents.
#[derive(Debug)]
pub(super) struct Downloader {
    agent: Agent,
    token: Option<String>,
}

impl Downloader {
    pub(super) fn new(token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build();
        Self { agent: config.into(), token }
    }

    /// Brings `blob` to its `size` from `url`, through a file beside it that ends in `.part`. `on_bytes` hears how many
    /// bytes are there, and can stop it.
    pub(super) fn get(
        &self,
        url: &str,
        blob: &Path,
        size: u64,
        on_bytes: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let path = blob.with_extension("part");
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        let lock = File::create(blob.with_extension("lock"))?;
        // Who else downloads it, another thread or program, is waited for and then needs no second download.
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if on_bytes(length(&path)).is_break() => {
                    return Err(Failure::Stopped);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(MEANWHILE),
                Err(TryLockError::Error(e)) => return Err(e.into()),
            }
        }
        if length(blob) == size && blob.is_file() {
            return Ok(());
        }
        let mut part = OpenOptions::new().append(true).create(true).open(&path)?;
        let mut done = part.metadata()?.len();
        if done > size {
            part.set_len(0)?;
            done = 0;
        }
        if done < size {
            self.append(url, &mut part, done, size, on_bytes)?;
        }
        part.sync_all()?;
        std::fs::rename(&path, blob)?;
        Ok(())
    }

    /// Appends what is missing.
    fn append(
        &self,
        url: &str,
        part: &mut File,
        mut done: u64,
        size: u64,
        on_bytes: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if done > 0 {
            request = request.header("Range", format!("bytes={done}-"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(ureq::Error::StatusCode(416)) => {
                part.set_len(0)?;
                return Err(Failure::Transient("the server has another file".to_owned()));
            }
            Err(e) => return Err((&e).into()),
        };
        let range = format!("bytes {done}-");
        let goes_on = response
            .headers()
            .get("content-range")
            .is_some_and(|found| found.as_bytes().starts_with(range.as_bytes()));
        if done > 0 && !(response.status() == 206 && goes_on) {
            // A server that cannot go on in the middle sends all of it again.
            part.set_len(0)?;
            done = 0;
        }
        let mut body = response.into_body().into_reader();
        let mut block = vec![0; BLOCK];
        loop {
            if on_bytes(done).is_break() {
                return Err(Failure::Stopped);
            }
            let n = body.read(&mut block).map_err(|e| Failure::Transient(e.to_string()))?;
            if n == 0 {
                break;
            }
            part.write_all(&block[..n])?;
            done += n as u64;
        }
        if done == size {
            return Ok(());
        }
        if done > size {
            part.set_len(0)?;
        }
        Err(Failure::Transient(format!("{done} of {size} bytes have arrived")))
    }
}
