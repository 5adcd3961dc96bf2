//! What a node counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) malformed: Counter,
    pub(crate) unhandled: Counter,
    pub(crate) unknown_events: Counter,
    pub(crate) failed_handlers: Counter,
    pub(crate) slow_clients: Counter,
    pub(crate) unreadable: Counter,
}

/// What a server has counted since it started, from [`PPServer::stats`](super::PPServer::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Clients that are connected now.
    pub connections: usize,
    /// Messages of clients that were no frame, no JSON, or did not fit their event; each was answered with `__pp_error`.
    pub malformed: u64,
    /// Well-formed messages of clients that no handler was set for.
    pub unhandled: u64,
    /// Events from other nodes that this node's schema does not have; passed over.
    pub unknown_events: u64,
    /// Calls of handlers that ended with an error or a panic.
    pub failed_handlers: u64,
    /// Clients that were closed because they read too slowly.
    pub slow_clients: u64,
    /// Messages of other nodes, those of the TypeScript implementation included, that could not be read; passed over.
    pub unreadable: u64,
}
