//! The slot: one waiting request of each kind, the latest.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Request;

#[derive(Default)]
struct Waiting {
    point: Option<Request>,
    ladder: Option<Request>,
    closed: bool,
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
        let mut waiting = self.lock();
        match request {
            Request::Point { .. } => waiting.point = Some(request),
            Request::Ladder { .. } => waiting.ladder = Some(request),
        }
        self.news.notify_one();
    }

    /// Puts a ladder back that stood aside, unless a newer one waits.
    pub(super) fn put_back(&self, request: Request) {
        self.lock().ladder.get_or_insert(request);
    }

    /// The next request, a point first; waits for one. `None` once closed.
    pub(super) fn take(&self) -> Option<Request> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(request) = waiting.point.take().or_else(|| waiting.ladder.take()) {
                return Some(request);
            }
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a running request has to stop: for a newer one of its kind, or a ladder for a point.
    pub(super) fn supersedes(&self, running: &Request) -> bool {
        let waiting = self.lock();
        waiting.closed
            || waiting.point.is_some()
            || (matches!(running, Request::Ladder { .. }) && waiting.ladder.is_some())
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }
}
