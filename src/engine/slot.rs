//! The slot: one waiting request of each kind, the latest.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Kind, Request};

#[derive(Default)]
struct Waiting {
    /// By kind, so that what goes first stands first.
    requests: [Option<Request>; Kind::COUNT],
    closed: bool,
    /// Whether the engine's thread has done all and waits for more.
    idle: bool,
}

#[derive(Default)]
pub(super) struct Slot {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request in, over one of its kind that waits.
    pub(super) fn put(&self, request: Request) {
        let kind = request.kind as usize;
        self.lock().requests[kind] = Some(request);
        self.news.notify_one();
    }

    /// Puts a request back that stood aside, unless a newer one of its kind waits.
    pub(super) fn put_back(&self, request: Request) {
        let kind = request.kind as usize;
        self.lock().requests[kind].get_or_insert(request);
    }

    /// The next request; waits for one. `None` once closed.
    pub(super) fn take(&self) -> Option<Request> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(request) = waiting.requests.iter_mut().find_map(Option::take) {
                waiting.idle = false;
                return Some(request);
            }
            waiting.idle = true;
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether running work has to stop: for a newer request of its kind, or for one that goes before it.
    pub(super) fn supersedes(&self, running: Kind) -> bool {
        let waiting = self.lock();
        waiting.closed || waiting.requests[..=running as usize].iter().any(Option::is_some)
    }

    /// Whether nothing waits and nothing is being done.
    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.idle && waiting.requests.iter().all(Option::is_none)
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }
}
