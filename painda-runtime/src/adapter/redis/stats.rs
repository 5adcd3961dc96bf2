//! What an operator sees of the adapter: counters, and whether both connections are up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use crate::adapter::{
    AdapterError, Health,
    counters::{Count, Counter, counters},
};

counters! {
    /// What the adapter has counted since it was made. Messages, unless the name says otherwise.
    ///
    /// With the feature `metrics` the same is kept in the `metrics` facade, under the name that each field gives. Install the
    /// recorder before the adapter connects: it is asked for its counters then.
    #[derive(Default)]
    pub struct RedisStats {
        /// For how long, in all, a subscribing connection was down. How many messages of other nodes were missed in that time
        /// can't be known: pub/sub keeps nothing, and the wire has no number to find a gap by. Counter
        /// `painda_redis_subscription_down_milliseconds_total`, of outages that are over.
        pub subscription_down: Duration,
        /// Publishes that wait in the queue now. Gauge `painda_redis_queue_messages`, set once a second.
        pub queued: u64,
        /// The same in bytes, as the bound counts them. Gauge `painda_redis_queue_bytes`, set once a second.
        pub queued_bytes: u64,
        /// Publishes that Redis has been sent and has not answered. Gauge `painda_redis_in_flight_messages`, set once a second.
        pub in_flight: u64,
        /// The last error of Redis or of a connection.
        pub last_error: Option<Arc<str>>,
    }

    pub(crate) struct Counters from () {
        /// Publishes that Redis has taken. If it dies or hangs at that moment, it may not have passed them on to all nodes.
        published: Counter = "painda_redis_published_total",
        /// Messages of other nodes that were handed on.
        received: Counter = "painda_redis_received_total",
        /// Copies of our own publishes that were recognised and dropped.
        own_copies: Counter = "painda_redis_own_copies_total",
        /// Publishes that were refused at the call, because the queue was full.
        refused: Counter = "painda_redis_refused_total",
        /// Publishes that were dropped from the queue: the oldest, where the settings say so, and what was left at the close.
        dropped: Counter = "painda_redis_dropped_total",
        /// Publishes that Redis answered with an error.
        rejected: Counter = "painda_redis_rejected_total",
        /// Publishes in flight when their connection broke: Redis may have taken them or not. They are not sent again.
        lost_in_flight: Counter = "painda_redis_lost_in_flight_total",
        /// Messages that came in and could not be read.
        unreadable: Counter = "painda_redis_unreadable_total",
        /// How often either connection was made again.
        reconnects: Counter = "painda_redis_reconnects_total",
        /// How often the subscription was found deaf: connected, but hearing nothing.
        deaf: Counter = "painda_redis_deaf_total",
        /// Publishes that were sent again because a cluster had moved their channel to another server.
        redirected: Counter = "painda_redis_redirected_total",
        /// How often this node was away for so long that its lease had ended; it has taken its members back each time.
        leases_lost: Counter = "painda_redis_leases_lost_total",
        /// Clients of dead nodes that this node has removed from their rooms.
        swept_clients: Counter = "painda_redis_swept_clients_total",
    }
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
    counters: Counters,
    /// In milliseconds.
    subscription_down: Counter,
    state: Mutex<State>,
    health: watch::Sender<Health>,
    events: broadcast::Sender<RedisEvent>,
}

impl Default for Observed {
    fn default() -> Self {
        let down = "For how long, in all, a subscribing connection was down, of outages that are over.";
        Self {
            counters: Counters::new(&()),
            subscription_down: Count::<()>::new("painda_redis_subscription_down_milliseconds_total", down, &()),
            state: Mutex::default(),
            health: watch::Sender::new(Health::Up),
            events: broadcast::Sender::new(EVENTS),
        }
    }
}

/// So that whoever counts something names only what it counts.
impl Deref for Observed {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.counters
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

    /// All of it, but for what waits in the servers' queues.
    pub(super) fn snapshot(&self) -> RedisStats {
        let state = self.state.lock();
        let still_down = state.down.iter().filter(|((_, link), _)| *link == Link::Subscribing);
        let still_down = still_down.map(|(_, down)| down.at.elapsed()).sum::<Duration>();
        let down = Duration::from_millis(Count::<()>::total(&self.subscription_down)) + still_down;
        self.counters.snapshot(down, 0, 0, 0, state.last_error.clone())
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
