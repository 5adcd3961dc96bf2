//! What an operator sees of the adapter: counters, health, events and log lines.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

use super::part::{Part, RedisConnection};
use crate::adapter::{
    AdapterError, Health,
    counters::{Count, Counter, counters},
    faults::{Faults, Now, Severity},
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
        /// Of the publishes that Redis has taken, how many were taken by a server that turned out not to be the master any more: all
        /// since it was last known to be, of which it, and the sentinels, are asked every second. They have reached the nodes that were subscribed to the same
        /// server, and may not have reached the others. Without sentinels, a server that is demoted and cuts off its clients within
        /// that second leaves no trace here.
        possibly_lost: Counter = "painda_redis_possibly_lost_total",
        /// Messages of other nodes that were passed on.
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
        /// How often the subscription was connected and did not receive this node's own probe: it was made again each time.
        probe_timeouts: Counter = "painda_redis_probe_timeouts_total",
        /// Publishes that were sent again because a cluster had moved their channel to another server.
        redirected: Counter = "painda_redis_redirected_total",
        /// How often this node had no contact with Redis for so long that its lease had ended; it has taken its members back each time.
        leases_lost: Counter = "painda_redis_leases_lost_total",
        /// How often Redis had forgotten this node although its lease had not ended: because it was emptied, came back empty, or evicts
        /// keys. Its members were written again each time.
        forgotten: Counter = "painda_redis_forgotten_total",
        /// How often Redis refused something. Events and lines of the log are fewer: one where that begins, and one where it ends.
        refusals: Counter = "painda_redis_refusals_total",
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
        /// Which one.
        connection: RedisConnection,
        /// The server.
        server: Arc<str>,
        /// Why.
        error: AdapterError,
    },
    /// The connection is there again.
    Restored {
        /// Which one.
        connection: RedisConnection,
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
    /// Redis refuses something, while the connection stays up: once when that begins, and once for each other reason. A refusal that
    /// comes and goes is reported every ten seconds at most.
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

/// How many events wait for a receiver that does not read. Older ones are dropped, and the receiver learns how many.
const EVENTS: usize = 256;

/// Counters, health and events of all servers' connections. A server is known by its link's number and its label.
pub(super) struct Observed {
    counters: Counters,
    /// In milliseconds.
    subscription_down: Counter,
    state: Mutex<State>,
    /// Something may have failed. While nothing has, `works` takes no lock.
    faulty: AtomicBool,
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
            faulty: AtomicBool::new(false),
            health: watch::Sender::new(Health::Up),
            events: broadcast::Sender::new(EVENTS),
        }
    }
}

/// So that a counter is named alone: `observed.published`.
impl Deref for Observed {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.counters
    }
}

#[derive(Default)]
struct State {
    faults: Faults<Part>,
    last_error: Option<Arc<str>>,
}

/// A server: the number of this node's link to it, and its label.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) link: u64,
    pub(super) label: &'a Arc<str>,
}

impl Observed {
    /// Something works (again).
    pub(super) fn works(&self, Server { link, label: server }: Server<'_>, part: Part) {
        if !self.faulty.load(Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        let Some(ended) = state.faults.works((link, part), Instant::now()) else { return };
        self.show(&state);
        drop(state);
        let (after, failures, server) = (ended.after, ended.failures, server.clone());
        if let Some(connection) = part.connection() {
            self.reconnects.add(1);
            if part == Part::Subscribing {
                self.subscription_down.add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            }
            if ended.report {
                tracing::info!(target: "painda::redis", %connection, %server, ?after, failures, "reconnected");
            }
            self.send(RedisEvent::Restored { connection, server, after });
        } else if ended.report {
            let what = part.name();
            tracing::info!(target: "painda::redis", what, %server, ?after, refusals = failures, "no longer refused by Redis");
            self.send(RedisEvent::Accepted { what, server, after, refusals: failures });
        }
    }

    /// Something does not work.
    pub(super) fn fails(
        &self,
        Server { link, label: server }: Server<'_>,
        part: Part,
        why: &AdapterError,
        severity: Severity,
    ) {
        let mut state = self.state.lock();
        let Some(failed) = state.faults.fails((link, part), why, severity, Now::new()) else { return };
        state.last_error = Some(why.to_string().into());
        self.show(&state);
        drop(state);
        // How many like this went suppressed since the last line.
        let suppressed = failed.report.filter(|suppressed| *suppressed > 0);
        let (report, server, error) = (failed.report.is_some(), server.clone(), why.clone());
        if let Some(connection) = part.connection() {
            if report && failed.begins {
                tracing::warn!(target: "painda::redis", %connection, %server, %error, suppressed, "connection lost");
            } else if report {
                tracing::warn!(target: "painda::redis", %connection, %server, %error, suppressed, "still not connected");
            }
            // An outage is one event, however many attempts it takes.
            if failed.begins {
                self.send(RedisEvent::Lost { connection, server, error });
            }
            return;
        }
        self.refusals.add(1);
        if report {
            let what = part.name();
            tracing::warn!(target: "painda::redis", what, %server, %error, suppressed, "refused by Redis");
            self.send(RedisEvent::Refused { what, server, error });
        }
    }

    /// The refusal does not concern this server any more, because another one serves the slots now.
    pub(super) fn forget(&self, link: u64, part: Part) {
        let mut state = self.state.lock();
        state.faults.works((link, part), Instant::now());
        self.show(&state);
    }

    /// This node has left a server: its failures do not count any more.
    pub(super) fn retired(&self, link: u64) {
        let mut state = self.state.lock();
        state.faults.retired(link);
        self.show(&state);
    }

    /// Why something does not work.
    pub(super) fn why(&self, link: u64, part: Part) -> Option<AdapterError> {
        self.state.lock().faults.at((link, part)).map(|fault| fault.why.clone())
    }

    fn show(&self, state: &State) {
        self.faulty.store(state.faults.all().next().is_some(), Relaxed);
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
            self.send(RedisEvent::LostInFlight { count });
        }
    }

    pub(super) fn lose_possibly(&self, server: &Arc<str>, count: u64) {
        if count > 0 {
            self.possibly_lost.add(count);
            tracing::warn!(
                target: "painda::redis", %server, count,
                "publishes were taken by a server that is not the master any more; some nodes may not have received them"
            );
            self.send(RedisEvent::PossiblyLost { count, server: server.clone() });
        }
    }

    /// The lease had ended: there was no contact with Redis for this long.
    pub(super) fn lose_lease(&self, away: Duration) {
        self.leases_lost.add(1);
        tracing::warn!(
            target: "painda::redis", ?away,
            "no contact with Redis for longer than this node's lease: others may have taken it for dead; its members come back"
        );
        self.send(RedisEvent::LeaseLost);
    }

    /// The lease had not ended, and Redis does not have it. Only the `first` of several in a row is reported.
    pub(super) fn forgotten(&self, first: bool) {
        self.forgotten.add(1);
        if first {
            tracing::warn!(
                target: "painda::redis",
                "Redis has forgotten this node: it was emptied, came back empty, or evicts keys; the members are written again"
            );
            self.send(RedisEvent::Forgotten);
        }
    }

    pub(super) fn send(&self, event: RedisEvent) {
        // An error means that nobody listens.
        let _ = self.events.send(event);
    }

    pub(super) fn events(&self) -> broadcast::Receiver<RedisEvent> {
        self.events.subscribe()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// All counters. What waits in the servers' queues is added by the router.
    pub(super) fn snapshot(&self) -> RedisStats {
        let state = self.state.lock();
        let still_down = state.faults.all().filter(|(part, _)| *part == Part::Subscribing);
        let still_down = still_down.map(|(_, fault)| fault.at.elapsed()).sum::<Duration>();
        let down = Duration::from_millis(Count::<()>::total(&self.subscription_down)) + still_down;
        self.counters.snapshot(down, 0, 0, 0, state.last_error.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each write would take the lock to say that it works.
    #[test]
    fn after_what_failed_is_forgotten_or_left_nothing_is_faulty() {
        let (observed, label) = (Observed::default(), "here".into());
        let why = AdapterError::Backend("NOPERM".into());
        let fail = || observed.fails(Server { link: 1, label: &label }, Part::Publishes, &why, Severity::Minor);
        let ends: [fn(&Observed); 2] = [|observed| observed.forget(1, Part::Publishes), |observed| observed.retired(1)];
        for end in ends {
            fail();
            assert!(observed.faulty.load(Relaxed));
            end(&observed);
            assert!(!observed.faulty.load(Relaxed));
        }
    }
}
