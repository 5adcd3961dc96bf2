//! What an operator sees of the adapter: counters, and whether both connections are up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use crate::adapter::AdapterError;

/// What the adapter has counted since it was made. Messages, unless the name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Publishes that Redis has taken. If it dies or hangs at that moment, it may not have passed them on to all nodes.
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
    /// For how long, in all, a subscribing connection was down. How many messages of other nodes were missed in that time
    /// can't be known: pub/sub keeps nothing, and the wire has no number to find a gap by.
    pub subscription_down: Duration,
    /// Publishes that were sent again because a cluster had moved their channel to another server.
    pub redirected: u64,
    /// How often this node was away for so long that its lease had ended; it has taken its members back each time.
    pub leases_lost: u64,
    /// Clients of dead nodes that this node has removed from their rooms.
    pub swept_clients: u64,
    /// Publishes that wait in the queue now.
    pub queued: u64,
    /// The same in bytes, as the bound counts them.
    pub queued_bytes: u64,
    /// The last error of Redis or of a connection.
    pub last_error: Option<Arc<str>>,
}

/// What happened to the adapter, from [`RedisAdapter::events`](super::RedisAdapter::events).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisEvent {
    /// A connection broke. Attempts to make it again follow without end, and are no events.
    Lost {
        /// Which one: "publishing" or "subscribing".
        connection: &'static str,
        /// The server.
        server: Arc<str>,
        /// Why.
        error: AdapterError,
    },
    /// The connection is there again.
    Restored {
        /// Which one: "publishing" or "subscribing".
        connection: &'static str,
        /// The server.
        server: Arc<str>,
        /// How long it was down.
        after: Duration,
    },
    /// Publishes were in flight when their connection broke: Redis has taken them or not.
    LostInFlight {
        /// How many.
        count: u64,
    },
    /// Redis refused something, while the connection stays up.
    Refused(AdapterError),
    /// This node was away for longer than its lease, and others may have taken it for dead; it takes its members back.
    LeaseLost,
    /// A node has died, and this node has removed its clients from their rooms.
    Swept {
        /// The adapter's id of the dead node.
        node: Arc<str>,
        /// How many clients it had.
        clients: u64,
    },
    /// A cluster's slots are served by other servers than before.
    Rerouted {
        /// The servers now.
        servers: Vec<Arc<str>>,
    },
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    Publishing,
    Subscribing,
}

impl Link {
    fn name(self) -> &'static str {
        match self {
            Self::Publishing => "publishing",
            Self::Subscribing => "subscribing",
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many events wait for a receiver that does not read; it is told how many it has missed.
const EVENTS: usize = 256;

/// Counters, health and events of all servers' connections. A server is known by its lane's number and its label.
pub(super) struct Observed {
    pub(super) published: Counter,
    pub(super) received: Counter,
    pub(super) own_copies: Counter,
    pub(super) refused: Counter,
    pub(super) dropped: Counter,
    pub(super) rejected: Counter,
    pub(super) lost_in_flight: Counter,
    pub(super) unreadable: Counter,
    pub(super) redirected: Counter,
    pub(super) leases_lost: Counter,
    pub(super) swept_clients: Counter,
    pub(super) deaf: Counter,
    reconnects: Counter,
    /// In milliseconds.
    subscription_down: Counter,
    state: Mutex<State>,
    health: watch::Sender<Health>,
    events: broadcast::Sender<RedisEvent>,
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
            redirected: Counter::default(),
            leases_lost: Counter::default(),
            swept_clients: Counter::default(),
            deaf: Counter::default(),
            reconnects: Counter::default(),
            subscription_down: Counter::default(),
            state: Mutex::default(),
            health: watch::Sender::new(Health::Up),
            events: broadcast::Sender::new(EVENTS),
        }
    }
}

struct Down {
    why: AdapterError,
    since: SystemTime,
    at: Instant,
}

#[derive(Default)]
struct State {
    /// Why and since when connections are down.
    down: BTreeMap<(u64, Link), Down>,
    /// Lanes that are no more: their tasks may have a last word.
    retired: BTreeSet<u64>,
    last_error: Option<Arc<str>>,
}

impl Observed {
    /// A connection is up again.
    pub(super) fn up(&self, lane: u64, server: &Arc<str>, link: Link) {
        let mut state = self.state.lock();
        if let Some(down) = state.down.remove(&(lane, link)) {
            self.reconnects.add(1);
            let after = down.at.elapsed();
            if link == Link::Subscribing {
                self.subscription_down.add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            }
            self.health.send_replace(state.health());
            drop(state);
            tracing::info!(target: "painda::redis", connection = %link, %server, ?after, "reconnected");
            self.tell(RedisEvent::Restored { connection: link.name(), server: server.clone(), after });
        }
    }

    /// A connection broke, or could not be made again.
    pub(super) fn down(&self, lane: u64, server: &Arc<str>, link: Link, why: &AdapterError) {
        let mut state = self.state.lock();
        if state.retired.contains(&lane) {
            return;
        }
        state.last_error = Some(why.to_string().into());
        let first = match state.down.get_mut(&(lane, link)) {
            Some(down) => {
                down.why = why.clone();
                false
            }
            None => {
                let down = Down { why: why.clone(), since: SystemTime::now(), at: Instant::now() };
                state.down.insert((lane, link), down);
                true
            }
        };
        self.health.send_replace(state.health());
        drop(state);
        // An outage is one event, however many attempts it takes.
        if first {
            tracing::warn!(target: "painda::redis", connection = %link, %server, error = %why, "connection lost");
            self.tell(RedisEvent::Lost { connection: link.name(), server: server.clone(), error: why.clone() });
        }
    }

    /// A server is no longer ours to talk to: its connections are not missed.
    pub(super) fn retired(&self, lane: u64) {
        let mut state = self.state.lock();
        state.retired.insert(lane);
        state.down.retain(|(of, _), _| *of != lane);
        self.health.send_replace(state.health());
    }

    /// Why a connection is down.
    pub(super) fn why_down(&self, lane: u64, link: Link) -> Option<AdapterError> {
        self.state.lock().down.get(&(lane, link)).map(|down| down.why.clone())
    }

    /// Redis refused something, while the connection stays up.
    pub(super) fn error(&self, error: &AdapterError) {
        self.state.lock().last_error = Some(error.to_string().into());
        tracing::warn!(target: "painda::redis", %error, "refused by Redis");
        self.tell(RedisEvent::Refused(error.clone()));
    }

    pub(super) fn lose_in_flight(&self, count: u64) {
        if count > 0 {
            self.lost_in_flight.add(count);
            tracing::warn!(target: "painda::redis", count, "publishes in flight, fate unknown");
            self.tell(RedisEvent::LostInFlight { count });
        }
    }

    pub(super) fn tell(&self, event: RedisEvent) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    pub(super) fn events(&self) -> broadcast::Receiver<RedisEvent> {
        self.events.subscribe()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn snapshot(&self) -> RedisStats {
        let state = self.state.lock();
        let still_down = state.down.iter().filter(|((_, link), _)| *link == Link::Subscribing);
        let still_down = still_down.map(|(_, down)| down.at.elapsed()).sum::<Duration>();
        RedisStats {
            published: self.published.get(),
            received: self.received.get(),
            own_copies: self.own_copies.get(),
            refused: self.refused.get(),
            dropped: self.dropped.get(),
            rejected: self.rejected.get(),
            lost_in_flight: self.lost_in_flight.get(),
            unreadable: self.unreadable.get(),
            redirected: self.redirected.get(),
            leases_lost: self.leases_lost.get(),
            swept_clients: self.swept_clients.get(),
            reconnects: self.reconnects.get(),
            deaf: self.deaf.get(),
            subscription_down: Duration::from_millis(self.subscription_down.get()) + still_down,
            queued: 0,
            queued_bytes: 0,
            last_error: state.last_error.clone(),
        }
    }
}

impl State {
    fn health(&self) -> Health {
        match self.down.iter().min_by_key(|(_, down)| down.since) {
            Some(((_, link), down)) => {
                Health::Degraded { reason: format!("{link} connection: {}", down.why).into(), since: down.since }
            }
            None => Health::Up,
        }
    }
}
