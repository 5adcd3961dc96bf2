//! What callers and both tasks of one server share: the bookkeeping, the counters, and how they wake each other.
//!
//! Locks are held for bookkeeping only, never across a callback or an await.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use redis::{ConnectionAddr, aio::MultiplexedConnection, cmd};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout_at},
};

use super::{
    answer::{Meaning, command_error, is_answer, meaning, refusal},
    closing::{Closing, Unsent},
    connection::Connection,
    deadline::ArrivalDeadline,
    endpoint::Endpoint,
    mastership::{Mastership, Role, cluster_is_up},
    part::Part,
    settings::Settings,
    stats::{Observed, Server},
    timings::PROBE_INTERVAL,
    traffic::{PublishQueue, Traffic},
};
use crate::adapter::{AdapterError, faults::Severity, membership::Members};

/// What a server says that is not the master.
pub(super) const IS_REPLICA: &str = "it says that it is a replica";
/// What follows from `cluster_state:fail`.
const CLUSTER_IS_DOWN: &str =
    "CLUSTERDOWN it says cluster_state:fail: it is cut off from the other servers, or some slots have no master";

pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) endpoint: Endpoint,
    /// The number by which the counters and the probe tell servers apart.
    pub(super) link: u64,
    pub(super) probe_key: String,
    pub(super) traffic: Traffic,
    pub(super) members: Mutex<Members>,
    pub(super) observed: Arc<Observed>,
    /// The publishing connection, for questions, while it is up.
    pub(super) commands: Mutex<Option<MultiplexedConnection>>,
    /// Whether the publishing connection's server is the master.
    pub(super) mastership: Mutex<Mastership>,
    /// Why both connections are to be given up; a new connection only looks at what comes later.
    given_up: watch::Sender<Option<AdapterError>>,
    /// Somebody's write was refused by a server that takes none: the publisher has to look.
    suspicion: Mutex<Option<AdapterError>>,
    /// Wakes the publisher, and the subscriber.
    pub(super) to_publish: Notify,
    /// Wakes the publisher after an emit. Apart from the others: an emit does not even wait for the moment in which a join wakes it.
    pub(super) emitted: Notify,
    pub(super) to_subscribe: Notify,
    /// Wakes the task that looks after the cluster's slots.
    pub(super) reroute: Arc<Notify>,
    pub(super) closing: Arc<Closing>,
    /// Publishes go out: after an outage, this node does not wait for the others any more.
    pub(super) publishes: AtomicBool,
    /// How many nodes were subscribed to everything when they were last counted.
    pub(super) ready_nodes: AtomicU64,
    /// Commands of the subscribing connection that wait for their reply.
    pub(super) asking: AtomicU64,
    /// The subscribing connection has got replies and forced unsubscriptions mixed up.
    pub(super) desynchronised: Notify,
    /// Says that something happened that [`until`](Self::until) may wait for.
    happened: watch::Sender<()>,
    probes_sent: AtomicU64,
    last_probe: AtomicU64,
    last_fence: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<Settings>,
        endpoint: Endpoint,
        (node, link): (u64, u64),
        observed: Arc<Observed>,
        reroute: Arc<Notify>,
        closing: Arc<Closing>,
    ) -> Self {
        let queue = PublishQueue::new(settings.queue_bytes, settings.when_full);
        Self {
            probe_key: settings.probe_key(node, link),
            // What is due is remembered within the same bound as what waits.
            traffic: Traffic::new(queue, settings.queue_bytes),
            members: Mutex::default(),
            observed,
            commands: Mutex::new(None),
            mastership: Mutex::new(Mastership::new(settings.is_cluster())),
            given_up: watch::Sender::new(None),
            suspicion: Mutex::new(None),
            emitted: Notify::new(),
            to_publish: Notify::new(),
            to_subscribe: Notify::new(),
            reroute,
            closing,
            publishes: AtomicBool::new(false),
            ready_nodes: AtomicU64::new(0),
            asking: AtomicU64::new(0),
            desynchronised: Notify::new(),
            happened: watch::Sender::new(()),
            probes_sent: AtomicU64::new(0),
            last_probe: AtomicU64::new(0),
            last_fence: AtomicU64::new(0),
            link,
            endpoint,
            settings,
        }
    }

    fn server(&self) -> Server<'_> {
        Server { link: self.link, label: self.endpoint.label() }
    }

    /// Something works (again).
    pub(super) fn works(&self, part: Part) {
        self.observed.works(self.server(), part);
    }

    /// Redis has refused something, while the connection stays up.
    pub(super) fn refused(&self, part: Part, why: &AdapterError) {
        // What it does not do for now keeps everybody waiting. What it refuses for good is somebody's setting, and need not
        // concern anything else.
        let severity = match meaning(why) {
            Meaning::NotNow | Meaning::WrongServer => Severity::Degrades,
            _ => Severity::Minor,
        };
        self.observed.fails(self.server(), part, why, severity);
    }

    /// A connection is down.
    pub(super) fn down(&self, part: Part, why: &AdapterError) {
        self.observed.fails(self.server(), part, why, Severity::Degrades);
        // In a cluster, somebody else may have taken over.
        self.reroute.notify_one();
    }

    /// Why something does not work.
    pub(super) fn why(&self, part: Part) -> Option<AdapterError> {
        self.observed.why(self.link, part)
    }

    /// Why what is written now has to wait.
    pub(super) fn why_writes_wait(&self) -> Option<AdapterError> {
        let refused = || self.why(Part::Writes).filter(|why| meaning(why) != Meaning::Refused);
        self.why(Part::Publishing).or_else(refused)
    }

    // ---- is it the right server?

    /// Looks at what a new connection's server is; an error where it is no master. What an earlier one took may then be lost.
    pub(super) fn check(&self, connection: Connection) -> Result<Connection, AdapterError> {
        match connection.role {
            Role::Replica => {
                self.lose_unconfirmed();
                Err(self.is_no_master(&connection.server, IS_REPLICA))
            }
            Role::Master | Role::Unknown => Ok(connection),
        }
    }

    /// The server has turned out to be the wrong one: both connections are given up.
    pub(super) fn give_up(&self, why: AdapterError) -> AdapterError {
        self.lose_unconfirmed();
        self.given_up.send_replace(Some(why.clone()));
        why
    }

    /// The error of a server that is not the master, by what it says.
    pub(super) fn is_no_master(&self, server: &ConnectionAddr, says: &str) -> AdapterError {
        let label = self.endpoint.label();
        let hint =
            "what is published there reaches few; waiting for it to become the master, or for its name to lead to that";
        AdapterError::Unavailable(format!("{label}, now at {server}, is not the master ({says}): {hint}").into())
    }

    /// By which a new connection learns that it is to be given up.
    pub(super) fn giving_up(&self) -> watch::Receiver<Option<AdapterError>> {
        self.given_up.subscribe()
    }

    /// Asks the sentinels again and again, and ends when they name another server than `current`: both connections are given up then.
    /// Never ends for a fixed address.
    pub(super) async fn replaced(&self, current: &ConnectionAddr) -> AdapterError {
        if !self.endpoint.is_watched() {
            return std::future::pending().await;
        }
        loop {
            sleep(PROBE_INTERVAL).await;
            let taken = self.mastership.lock().taken();
            match self.endpoint.locate().await {
                Ok(located) if located.server.addr() != current => {
                    self.lose_unnamed();
                    let why = format!("the sentinels have made {} the master", located.server.addr());
                    return self.give_up(AdapterError::Unavailable(why.into()));
                }
                Ok(_) => self.mastership.lock().named(taken),
                // Sentinels that are away say nothing against the master.
                Err(_) => {}
            }
        }
    }

    /// Asks a server of a cluster whether it is cut off from the others, or the cluster is down: it may take publishes nevertheless,
    /// and is doubted from then on.
    pub(super) async fn cluster_is_up(&self, commands: &mut MultiplexedConnection) -> Result<bool, AdapterError> {
        let reply = commands.send_packed_command(cmd("CLUSTER").arg("INFO")).await;
        let reply = reply.map_err(|error| command_error(&error))?;
        if cluster_is_up(&reply) == Some(false) {
            self.mastership.lock().suspect();
            self.refused(Part::ClusterState, &AdapterError::Backend(CLUSTER_IS_DOWN.into()));
            return Ok(false);
        }
        match refusal(reply) {
            Some(refused) => self.refused(Part::ClusterState, &refused),
            None => self.works(Part::ClusterState),
        }
        Ok(true)
    }

    /// The sentinels have named another server.
    pub(super) fn lose_unnamed(&self) {
        let count = self.mastership.lock().replaced();
        self.observed.lose_possibly(self.endpoint.label(), count);
    }

    fn lose_unconfirmed(&self) {
        let count = self.mastership.lock().given_up();
        self.observed.lose_possibly(self.endpoint.label(), count);
    }

    /// A command was answered with an error: what follows from it for the server.
    pub(super) fn note(&self, error: &AdapterError) {
        match meaning(error) {
            Meaning::Elsewhere => self.reroute.notify_one(),
            Meaning::NotNow => {
                self.refused(Part::Writes, error);
                self.reroute.notify_one();
            }
            Meaning::WrongServer => {
                *self.suspicion.lock() = Some(error.clone());
                self.to_publish.notify_one();
            }
            Meaning::Unanswered | Meaning::Refused => {}
        }
    }

    /// A write was taken.
    pub(super) fn wrote(&self) {
        self.mastership.lock().wrote();
        self.works(Part::Writes);
    }

    pub(super) fn suspicion(&self) -> Option<AdapterError> {
        self.suspicion.lock().take()
    }

    // ---- how far it has got

    /// Has Redis been told who is in which room?
    pub(super) fn is_written(&self) -> bool {
        self.members.lock().is_written()
    }

    /// Has everything been published?
    pub(super) fn is_drained(&self) -> bool {
        let waiting = self.traffic.waiting();
        waiting.in_flight == 0 && waiting.queued == 0
    }

    /// The tasks have ended: what is left now stays unsent.
    pub(super) fn end(&self) -> Unsent {
        *self.commands.lock() = None;
        let (in_flight, dropped) = self.traffic.end();
        self.observed.lose_in_flight(in_flight);
        self.observed.dropped.add(dropped);
        Unsent { messages: in_flight + dropped, members: !self.is_written() }
    }

    /// The server has no slot any more, and is not talked to from now on.
    pub(super) fn retire(&self) {
        // Where it was cut off from its cluster, that may have been so for a while.
        self.lose_unconfirmed();
        self.observed.retired(self.link);
    }

    /// What was refused concerns another server now.
    pub(super) fn forget_refusals(&self) {
        for part in [Part::Writes, Part::Publishes] {
            self.observed.forget(self.link, part);
        }
    }

    /// Waits for something that is followed by an [`announce`](Self::announce).
    pub(super) async fn until(&self, happened: impl Fn(&Self) -> bool) {
        let mut news = self.happened.subscribe();
        while !happened(self) {
            // The sender lives in `self`.
            let _ = news.changed().await;
        }
    }

    /// Waits for something that the subscription should receive; `false` when it does not.
    pub(super) async fn arrives(&self, received: impl Fn(&Self) -> bool) -> bool {
        let mut deadline = ArrivalDeadline::new(self.traffic.arrived(), Instant::now());
        while timeout_at(deadline.until(), self.until(&received)).await.is_err() {
            if !deadline.extend(self.traffic.arrived(), Instant::now()) {
                return false;
            }
        }
        true
    }

    pub(super) fn announce(&self) {
        self.happened.send_replace(());
    }

    /// Publishes a numbered mark to our own channel.
    pub(super) async fn mark(
        &self,
        commands: &mut MultiplexedConnection,
        kind: u8,
        number: u64,
    ) -> Result<(), AdapterError> {
        let mut mark = vec![kind];
        mark.extend_from_slice(&number.to_be_bytes());
        let reply = commands.send_packed_command(cmd("PUBLISH").arg(&self.probe_key).arg(mark)).await;
        reply.and_then(redis::Value::extract_error).map(drop).map_err(|error| command_error(&error))
    }

    /// How many nodes are subscribed to everything now; `None` where Redis does not tell.
    pub(super) async fn count_ready(&self, commands: &mut MultiplexedConnection) -> Result<Option<u64>, AdapterError> {
        let key = self.settings.presence_key();
        match cmd("PUBSUB").arg("NUMSUB").arg(key).query_async::<(String, u64)>(commands).await {
            Ok((_, count)) => Ok(Some(count)),
            Err(error) if is_answer(&error) => Ok(None),
            Err(error) => Err(command_error(&error)),
        }
    }

    pub(super) fn next_probe(&self) -> u64 {
        self.probes_sent.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn received_probe(&self) -> u64 {
        self.last_probe.load(Relaxed)
    }

    pub(super) fn receive_probe(&self, number: u64) {
        self.last_probe.fetch_max(number, Relaxed);
        self.announce();
    }

    pub(super) fn received_fence(&self) -> u64 {
        self.last_fence.load(Relaxed)
    }

    pub(super) fn receive_fence(&self, number: u64) {
        self.last_fence.fetch_max(number, Relaxed);
        self.announce();
    }
}
