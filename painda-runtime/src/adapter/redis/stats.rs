//! What an operator sees of the adapter: counters, what is wrong now, and the log's lines.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use super::faults::{Faults, Part};
use crate::adapter::AdapterError;

/// What the adapter has counted since it was made. Messages, unless the name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Publishes that Redis has taken. If it dies or hangs at that moment, it may not have passed them on to all nodes.
    pub published: u64,
    /// Of those, how many were taken by a server that turned out not to be the master any more: all since it was last known to
    /// be, of which it, and the sentinels, are asked every second. They have reached the nodes that were subscribed to the same
    /// server, and may not have reached the others. Without sentinels, a server that is demoted and cuts off its clients within
    /// that second leaves no trace here.
    pub possibly_lost: u64,
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
    /// How often this node had no contact with Redis for so long that its lease had ended; it has taken its members back each time.
    pub leases_lost: u64,
    /// How often Redis had forgotten this node although its lease had not ended: because it was emptied, came back empty, or evicts
    /// keys. Its members were written again each time.
    pub forgotten: u64,
    /// How often Redis refused something. Events and lines of the log are fewer: one where that begins, and one where it ends.
    pub refusals: u64,
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
    /// A server has turned out not to be the master any more, after it had taken publishes. See
    /// [`possibly_lost`](RedisStats::possibly_lost).
    PossiblyLost {
        /// How many it took since it was last known to be the master.
        count: u64,
        /// The server.
        server: Arc<str>,
    },
    /// Redis refuses something, while the connection stays up: once when that begins, and once for each other reason. What comes
    /// and goes is told every ten seconds at most.
    Refused {
        /// What: "writes" (of rooms' members and leases), "publishes", "subscriptions" and others.
        what: &'static str,
        /// The server.
        server: Arc<str>,
        /// Redis' own words.
        error: AdapterError,
    },
    /// What Redis refused it does not refuse any more.
    Accepted {
        /// The same as in [`Refused`](Self::Refused).
        what: &'static str,
        /// The server.
        server: Arc<str>,
        /// How long it was refused.
        after: Duration,
        /// How often.
        refusals: u64,
    },
    /// This node had no contact with Redis for longer than its lease, and others may have taken it for dead; it takes its members back.
    LeaseLost,
    /// Redis has forgotten this node although its lease has not ended: it was emptied, came back empty, or evicts keys. The node
    /// writes its members again.
    Forgotten,
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
pub enum Health {
    /// Both connections are up, to a master that takes what it is given.
    Up,
    /// Other nodes hear us later, or we don't hear them, or rooms' members are not known: a connection is down, or leads to a server that
    /// is no master, or Redis takes no writes for now. Delivery on this node goes on.
    Degraded {
        /// What it is that does not work, and why; of several things, the one that has not worked for longest.
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
    lost_in_flight: Counter,
    possibly_lost: Counter,
    pub(super) unreadable: Counter,
    pub(super) redirected: Counter,
    leases_lost: Counter,
    forgotten: Counter,
    refusals: Counter,
    pub(super) swept_clients: Counter,
    pub(super) deaf: Counter,
    reconnects: Counter,
    /// In milliseconds.
    subscription_down: Counter,
    state: Mutex<State>,
    /// Something may be wrong: where nothing is, no lock is taken to say so.
    faulty: AtomicBool,
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
            possibly_lost: Counter::default(),
            unreadable: Counter::default(),
            redirected: Counter::default(),
            leases_lost: Counter::default(),
            forgotten: Counter::default(),
            refusals: Counter::default(),
            swept_clients: Counter::default(),
            deaf: Counter::default(),
            reconnects: Counter::default(),
            subscription_down: Counter::default(),
            state: Mutex::default(),
            faulty: AtomicBool::new(false),
            health: watch::Sender::new(Health::Up),
            events: broadcast::Sender::new(EVENTS),
        }
    }
}

#[derive(Default)]
struct State {
    faults: Faults,
    last_error: Option<Arc<str>>,
}

/// A server: the number of its lane, and what it is called.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) lane: u64,
    pub(super) label: &'a Arc<str>,
}

impl Observed {
    /// Something works (again).
    pub(super) fn works(&self, Server { lane, label: server }: Server<'_>, part: Part) {
        if !self.faulty.load(Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        let Some(ended) = state.faults.works((lane, part), Instant::now()) else { return };
        self.faulty.store(state.faults.all().next().is_some(), Relaxed);
        self.show(&state);
        drop(state);
        let (after, failures, server) = (ended.after, ended.failures, server.clone());
        if let Some(connection) = part.connection() {
            self.reconnects.add(1);
            if part == Part::Subscribing {
                self.subscription_down.add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            }
            if ended.say {
                tracing::info!(target: "painda::redis", connection, %server, ?after, failures, "reconnected");
            }
            self.tell(RedisEvent::Restored { connection, server, after });
        } else if ended.say {
            let what = part.name();
            tracing::info!(target: "painda::redis", what, %server, ?after, refusals = failures, "no longer refused by Redis");
            self.tell(RedisEvent::Accepted { what, server, after, refusals: failures });
        }
    }

    /// Something does not work; `grave` is what makes somebody hear less than was said.
    pub(super) fn fails(
        &self,
        Server { lane, label: server }: Server<'_>,
        part: Part,
        why: &AdapterError,
        grave: bool,
    ) {
        let mut state = self.state.lock();
        let Some(failed) = state.faults.fails((lane, part), why, grave, Instant::now()) else { return };
        self.faulty.store(true, Relaxed);
        state.last_error = Some(why.to_string().into());
        self.show(&state);
        drop(state);
        // How many like this went unsaid since the last line.
        let unsaid = failed.say.filter(|unsaid| *unsaid > 0);
        let (say, server, error) = (failed.say.is_some(), server.clone(), why.clone());
        if let Some(connection) = part.connection() {
            if say && failed.begins {
                tracing::warn!(target: "painda::redis", connection, %server, %error, unsaid, "connection lost");
            } else if say {
                tracing::warn!(target: "painda::redis", connection, %server, %error, unsaid, "still not connected");
            }
            // An outage is one event, however many attempts it takes.
            if failed.begins {
                self.tell(RedisEvent::Lost { connection, server, error });
            }
            return;
        }
        self.refusals.add(1);
        if say {
            let what = part.name();
            tracing::warn!(target: "painda::redis", what, %server, %error, unsaid, "refused by Redis");
            self.tell(RedisEvent::Refused { what, server, error });
        }
    }

    /// What was refused concerns this server no longer.
    pub(super) fn forget(&self, lane: u64, part: Part) {
        let mut state = self.state.lock();
        state.faults.works((lane, part), Instant::now());
        self.show(&state);
    }

    /// A server is no longer ours to talk to: nothing of it is missed.
    pub(super) fn retired(&self, lane: u64) {
        let mut state = self.state.lock();
        state.faults.retired(lane);
        self.show(&state);
    }

    /// Why something does not work.
    pub(super) fn why(&self, lane: u64, part: Part) -> Option<AdapterError> {
        self.state.lock().faults.at((lane, part)).map(|fault| fault.why.clone())
    }

    fn show(&self, state: &State) {
        let now = state.health();
        self.health.send_if_modified(|health| {
            let changed = *health != now;
            *health = now;
            changed
        });
    }

    pub(super) fn lose_in_flight(&self, count: u64) {
        if count > 0 {
            self.lost_in_flight.add(count);
            tracing::warn!(target: "painda::redis", count, "publishes in flight, fate unknown");
            self.tell(RedisEvent::LostInFlight { count });
        }
    }

    pub(super) fn lose_possibly(&self, server: &Arc<str>, count: u64) {
        if count > 0 {
            self.possibly_lost.add(count);
            tracing::warn!(
                target: "painda::redis", %server, count,
                "publishes were taken by a server that is not the master any more; some nodes may not have heard them"
            );
            self.tell(RedisEvent::PossiblyLost { count, server: server.clone() });
        }
    }

    /// The lease had ended: there was no contact with Redis for this long.
    pub(super) fn lose_lease(&self, away: Duration) {
        self.leases_lost.add(1);
        tracing::warn!(
            target: "painda::redis", ?away,
            "no contact with Redis for longer than this node's lease: others may have taken it for dead; its members come back"
        );
        self.tell(RedisEvent::LeaseLost);
    }

    /// The lease had not ended, and Redis does not have it; `say` unless that was so the last time as well.
    pub(super) fn forgotten(&self, say: bool) {
        self.forgotten.add(1);
        if say {
            tracing::warn!(
                target: "painda::redis",
                "Redis has forgotten this node: it was emptied, came back empty, or evicts keys; the members are written again"
            );
            self.tell(RedisEvent::Forgotten);
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
        let still_down = state.faults.all().filter(|(part, _)| *part == Part::Subscribing);
        let still_down = still_down.map(|(_, fault)| fault.at.elapsed()).sum::<Duration>();
        RedisStats {
            published: self.published.get(),
            received: self.received.get(),
            own_copies: self.own_copies.get(),
            refused: self.refused.get(),
            dropped: self.dropped.get(),
            rejected: self.rejected.get(),
            lost_in_flight: self.lost_in_flight.get(),
            possibly_lost: self.possibly_lost.get(),
            unreadable: self.unreadable.get(),
            redirected: self.redirected.get(),
            leases_lost: self.leases_lost.get(),
            forgotten: self.forgotten.get(),
            refusals: self.refusals.get(),
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
        match self.faults.worst() {
            Some((part, fault)) => {
                Health::Degraded { reason: format!("{}: {}", part.name(), fault.why).into(), since: fault.since }
            }
            None => Health::Up,
        }
    }
}
