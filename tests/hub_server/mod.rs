//! A hub of a few files on loopback: lists repositories, serves ranges, breaks off and refuses when told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Why a repository is not for everybody.
#[derive(Clone, Copy)]
pub enum Refusal {
    /// Only with this token.
    Private(&'static str),
    /// Listed, but its files are not given.
    Gated,
}

#[derive(Default)]
struct State {
    /// Files by repository: `datasets/OWNER/NAME` or `OWNER/NAME`.
    repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    refusals: BTreeMap<String, Refusal>,
    /// After how many bytes the next answers with a file's content break off.
    breaks: BTreeMap<String, Vec<usize>>,
    ignores_ranges: bool,
    /// Files whose content was asked for, with the first byte.
    asked: Vec<(String, usize)>,
    stopped: bool,
}

/// The server, until it is stopped or dropped.
pub struct HubServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl HubServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().expect("state").stopped {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || stream.map(|stream| answer(stream, &shared)));
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a file: the repository is then at another commit.
    pub fn add(&self, repository: &str, file: &str, bytes: &[u8]) {
        let mut state = self.state.lock().expect("state");
        let files = state.repositories.entry(repository.to_owned()).or_default();
        files.insert(file.to_owned(), bytes.to_vec());
    }

    pub fn refuse(&self, repository: &str, refusal: Refusal) {
        self.state.lock().expect("state").refusals.insert(repository.to_owned(), refusal);
    }

    pub fn break_after(&self, file: &str, bytes: &[usize]) {
        self.state.lock().expect("state").breaks.insert(file.to_owned(), bytes.to_vec());
    }

    pub fn ignore_ranges(&self) {
        self.state.lock().expect("state").ignores_ranges = true;
    }

    /// Files whose content was asked for, in order.
    pub fn downloads(&self) -> Vec<String> {
        self.state.lock().expect("state").asked.iter().map(|(file, _)| file.clone()).collect()
    }

    /// The first bytes that were asked of a file.
    pub fn starts(&self, file: &str) -> Vec<usize> {
        let state = self.state.lock().expect("state");
        state.asked.iter().filter(|(name, _)| name == file).map(|(_, start)| *start).collect()
    }

    /// From now on the port is closed.
    pub fn stop(&mut self) {
        self.state.lock().expect("state").stopped = true;
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends");
        }
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
    }
}

/// A name for content, as a commit or an etag.
fn digest(parts: impl Iterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for &byte in part.as_ref().iter().chain(b"\0") {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}{hash:016x}deadbeef")
}

fn commit(files: &BTreeMap<String, Vec<u8>>) -> String {
    digest(files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()]))
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    // One connection serves several requests.
    while let Some((path, headers)) = request(&mut reader) {
        let header = |name: &str| headers.get(name).map(String::as_str);
        let goes_on = match path.strip_prefix("/api/") {
            Some(path) => list(&mut stream, path, header("authorization"), state),
            None => {
                let path = path.trim_start_matches('/');
                serve(&mut stream, path, header("range"), header("authorization"), state)
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<(String, BTreeMap<String, String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => return Some((path, headers)),
        };
    }
}

fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> bool {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
}

fn is_refused(state: &State, repository: &str, token: Option<&str>) -> bool {
    match state.refusals.get(repository) {
        Some(Refusal::Private(right)) => token != Some(format!("Bearer {right}").as_str()),
        _ => false,
    }
}

fn list(stream: &mut TcpStream, path: &str, token: Option<&str>, state: &Mutex<State>) -> bool {
    let state = state.lock().expect("state");
    let (repository, revision) = path.split_once("/revision/").expect("a revision");
    let repository = repository.strip_prefix("models/").unwrap_or(repository);
    let Some(files) =
        state.repositories.get(repository).filter(|_| !is_refused(&state, repository, token))
    else {
        // Private or missing: the same answer.
        return respond(stream, "401 Unauthorized", "X-Error-Code: RepoNotFound\r\n", b"{}");
    };
    let sha = commit(files);
    if revision != "main" && revision != sha {
        return respond(stream, "404 Not Found", "X-Error-Code: RevisionNotFound\r\n", b"{}");
    }
    let siblings: Vec<_> =
        files.keys().map(|file| serde_json::json!({ "rfilename": file })).collect();
    let body = serde_json::json!({ "sha": sha, "siblings": siblings, "private": false });
    respond(stream, "200 OK", "Content-Type: application/json\r\n", body.to_string().as_bytes())
}

fn serve(
    stream: &mut TcpStream,
    path: &str,
    range: Option<&str>,
    token: Option<&str>,
    state: &Mutex<State>,
) -> bool {
    let mut state = state.lock().expect("state");
    let found = path.split_once("/resolve/").and_then(|(repository, rest)| {
        let (sha, file) = rest.split_once('/')?;
        let files = state.repositories.get(repository)?;
        let bytes = files.get(file).filter(|_| commit(files) == sha)?;
        Some((repository, sha, file, bytes.clone()))
    });
    let Some((repository, sha, file, bytes)) = found else {
        return respond(stream, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", b"");
    };
    if matches!(state.refusals.get(repository), Some(Refusal::Gated)) {
        return respond(stream, "403 Forbidden", "X-Error-Code: GatedRepo\r\n", b"");
    }
    if is_refused(&state, repository, token) {
        return respond(stream, "401 Unauthorized", "", b"");
    }
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (start, end) = range.map_or((0, bytes.len()), |(start, end)| {
        let end = end.parse().map_or(bytes.len(), |end: usize| (end + 1).min(bytes.len()));
        (start.parse().expect("a number"), end)
    });
    let etag = digest(std::iter::once(&bytes));
    let mut headers = format!("ETag: \"{etag}\"\r\nX-Repo-Commit: {sha}\r\n");
    let is_content = range.is_none_or(|(_, end)| end.is_empty());
    if !is_content {
        headers += &format!("Content-Range: bytes {start}-{}/{}\r\n", end.max(1) - 1, bytes.len());
        return respond(stream, "206 Partial Content", &headers, &bytes[start..end]);
    }
    state.asked.push((file.to_owned(), start));
    if start >= bytes.len() {
        return respond(stream, "416 Range Not Satisfiable", &headers, b"");
    }
    let breaks = state.breaks.get_mut(file);
    let stop = breaks.filter(|b| !b.is_empty()).map(|breaks| breaks.remove(0));
    let whole = state.ignores_ranges || start == 0;
    drop(state);
    let (status, body) = match whole {
        true => ("200 OK", &bytes[..]),
        false => {
            headers += &format!("Content-Range: bytes {start}-{}/{}\r\n", end - 1, bytes.len());
            ("206 Partial Content", &bytes[start..end])
        }
    };
    match stop {
        Some(stop) => {
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
            let body = &body[..stop.min(body.len())];
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
            false
        }
        None => respond(stream, status, &headers, body),
    }
}
