//! What an operator sees of the adapter: counters, and whether both connections are up.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::adapter::AdapterError;

/// What the adapter has counted since it was made. Messages, unless the name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Publishes that Redis has taken.
    pub published: u64,
    /// Messages of other nodes that were handed on.
    pub received: u64,
    /// Copies of our own publishes that were recognised and dropped.
    pub own_copies: u64,
    /// Publishes that were refused at the call, because the queue was full.
    pub refused: u64,
    /// Publishes that were dropped from the queue: the oldest, where the settings say so, and what was left at the close.
    pub dropped: u64,
    /// Publishes that Redis answered with an error.
    pub rejected: u64,
    /// Publishes in flight when their connection broke: Redis may have taken them or not. They are not sent again.
    pub lost_in_flight: u64,
    /// Messages that came in and could not be read.
    pub unreadable: u64,
    /// How often either connection was made again.
    pub reconnects: u64,
    /// How often the subscription was found deaf: connected, but hearing nothing.
    pub deaf: u64,
    /// Publishes that wait in the queue now.
    pub queued: u64,
    /// The same in bytes, as the bound counts them.
    pub queued_bytes: u64,
    /// The last error of Redis or of a connection.
    pub last_error: Option<Arc<str>>,
}

/// Whether the cluster can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Both connections are up.
    Up,
    /// At least one connection is down: other nodes hear us later, or we don't hear them. Delivery on this node goes on.
    Degraded {
        /// Which connection, and why.
        reason: Arc<str>,
        /// Since when.
        since: SystemTime,
    },
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Publishing,
    Subscribing,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publishing => "publishing",
            Self::Subscribing => "subscribing",
        })
    }
}

pub(super) struct Observed {
    pub(super) published: Counter,
    pub(super) received: Counter,
    pub(super) own_copies: Counter,
    pub(super) refused: Counter,
    pub(super) dropped: Counter,
    pub(super) rejected: Counter,
    pub(super) lost_in_flight: Counter,
    pub(super) unreadable: Counter,
    pub(super) reconnects: Counter,
    pub(super) deaf: Counter,
    state: Mutex<State>,
    health: watch::Sender<Health>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            published: Counter::default(),
            received: Counter::default(),
            own_copies: Counter::default(),
            refused: Counter::default(),
            dropped: Counter::default(),
            rejected: Counter::default(),
            lost_in_flight: Counter::default(),
            unreadable: Counter::default(),
            reconnects: Counter::default(),
            deaf: Counter::default(),
            state: Mutex::default(),
            health: watch::Sender::new(Health::Up),
        }
    }
}

#[derive(Default)]
struct State {
    /// Why and since when each connection is down, in the order of [`Link`].
    down: [Option<(AdapterError, SystemTime)>; 2],
    last_error: Option<Arc<str>>,
}

impl Observed {
    /// A connection is up again.
    pub(super) fn up(&self, link: Link) {
        let mut state = self.state.lock();
        if state.down[link as usize].take().is_some() {
            self.reconnects.add(1);
            self.health.send_replace(state.health());
            drop(state);
            tracing::info!(target: "painda::redis", connection = %link, "reconnected");
        }
    }

    /// A connection broke, or could not be made again.
    pub(super) fn down(&self, link: Link, why: &AdapterError) {
        let mut state = self.state.lock();
        state.last_error = Some(why.to_string().into());
        let first = state.down[link as usize].is_none();
        let since = state.down[link as usize].take().map_or_else(SystemTime::now, |(_, since)| since);
        state.down[link as usize] = Some((why.clone(), since));
        self.health.send_replace(state.health());
        drop(state);
        // An outage is one event, however many attempts it takes.
        if first {
            tracing::warn!(target: "painda::redis", connection = %link, error = %why, "connection lost");
        }
    }

    /// Why a connection is down.
    pub(super) fn why_down(&self, link: Link) -> Option<AdapterError> {
        self.state.lock().down[link as usize].as_ref().map(|(why, _)| why.clone())
    }

    /// Redis refused something, while the connection stays up.
    pub(super) fn error(&self, error: &AdapterError) {
        self.state.lock().last_error = Some(error.to_string().into());
        tracing::warn!(target: "painda::redis", %error, "refused by Redis");
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn snapshot(&self) -> RedisStats {
        RedisStats {
            published: self.published.get(),
            received: self.received.get(),
            own_copies: self.own_copies.get(),
            refused: self.refused.get(),
            dropped: self.dropped.get(),
            rejected: self.rejected.get(),
            lost_in_flight: self.lost_in_flight.get(),
            unreadable: self.unreadable.get(),
            reconnects: self.reconnects.get(),
            deaf: self.deaf.get(),
            queued: 0,
            queued_bytes: 0,
            last_error: self.state.lock().last_error.clone(),
        }
    }
}

impl State {
    fn health(&self) -> Health {
        let links = [Link::Publishing, Link::Subscribing];
        let down = links.into_iter().filter_map(|link| Some((link, self.down[link as usize].as_ref()?)));
        match down.min_by_key(|(_, (_, since))| *since) {
            Some((link, (why, since))) => {
                Health::Degraded { reason: format!("{link} connection: {why}").into(), since: *since }
            }
            None => Health::Up,
        }
    }
}
