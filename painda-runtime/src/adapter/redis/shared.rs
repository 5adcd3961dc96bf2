//! What callers and both tasks of one server share: the bookkeeping, the counters, and how they wake each other.
//!
//! Locks are held for bookkeeping only, never across a callback or an await.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use redis::{aio::MultiplexedConnection, cmd};
use tokio::sync::{Notify, watch};

use super::{
    closing::{Closing, Unsent},
    connection::{command_error, is_answer},
    endpoint::Endpoint,
    membership::Members,
    outbox::Outbox,
    settings::Settings,
    stats::{Link, Observed},
    traffic::Traffic,
};
use crate::adapter::AdapterError;

pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) endpoint: Endpoint,
    /// The number by which the counters and the probe tell servers apart.
    pub(super) lane: u64,
    pub(super) probe_key: String,
    pub(super) traffic: Mutex<Traffic>,
    pub(super) members: Mutex<Members>,
    pub(super) observed: Arc<Observed>,
    /// The publishing connection, for questions, while it is up.
    pub(super) commands: Mutex<Option<MultiplexedConnection>>,
    /// Wakes the publisher, and the subscriber.
    pub(super) to_publish: Notify,
    pub(super) to_subscribe: Notify,
    /// Wakes whoever looks after the cluster's slots.
    pub(super) reroute: Arc<Notify>,
    pub(super) closing: Arc<Closing>,
    /// Publishes go out: after an outage, this node does not wait for the others any more.
    pub(super) publishes: AtomicBool,
    /// How many nodes heard everything when they were last counted.
    pub(super) crowd: AtomicU64,
    /// Commands of the subscribing connection that wait for their reply.
    pub(super) asking: AtomicU64,
    /// The subscribing connection has got replies and forced unsubscriptions mixed up.
    pub(super) confused: Notify,
    /// Says that something happened that [`until`](Self::until) may wait for.
    happened: watch::Sender<()>,
    probes_sent: AtomicU64,
    probe_heard: AtomicU64,
    fence_heard: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<Settings>,
        endpoint: Endpoint,
        (node, lane): (u64, u64),
        observed: Arc<Observed>,
        reroute: Arc<Notify>,
        closing: Arc<Closing>,
    ) -> Self {
        let outbox = Outbox::new(settings.queue_bytes, settings.when_full);
        Self {
            probe_key: settings.probe_key(node, lane),
            // What is due is remembered within the same bound as what waits.
            traffic: Mutex::new(Traffic::new(outbox, settings.queue_bytes)),
            members: Mutex::default(),
            observed,
            commands: Mutex::new(None),
            to_publish: Notify::new(),
            to_subscribe: Notify::new(),
            reroute,
            closing,
            publishes: AtomicBool::new(false),
            crowd: AtomicU64::new(0),
            asking: AtomicU64::new(0),
            confused: Notify::new(),
            happened: watch::Sender::new(()),
            probes_sent: AtomicU64::new(0),
            probe_heard: AtomicU64::new(0),
            fence_heard: AtomicU64::new(0),
            lane,
            endpoint,
            settings,
        }
    }

    pub(super) fn up(&self, link: Link) {
        self.observed.up(self.lane, self.endpoint.label(), link);
    }

    pub(super) fn down(&self, link: Link, why: &AdapterError) {
        self.observed.down(self.lane, self.endpoint.label(), link, why);
        // In a cluster, somebody else may have taken over.
        self.reroute.notify_one();
    }

    pub(super) fn why_down(&self, link: Link) -> Option<AdapterError> {
        self.observed.why_down(self.lane, link)
    }

    /// Has Redis been told who is in which room?
    pub(super) fn is_written(&self) -> bool {
        self.members.lock().is_written()
    }

    /// Has everything been published?
    pub(super) fn is_drained(&self) -> bool {
        let mut traffic = self.traffic.lock();
        traffic.in_flight() == 0 && traffic.outbox().is_empty()
    }

    /// The tasks have ended: what is left now stays unsent.
    pub(super) fn end(&self) -> Unsent {
        *self.commands.lock() = None;
        let mut traffic = self.traffic.lock();
        let in_flight = traffic.lose_batch();
        let dropped = traffic.outbox().clear();
        drop(traffic);
        self.observed.lose_in_flight(in_flight);
        self.observed.dropped.add(dropped);
        Unsent { messages: in_flight + dropped, members: !self.is_written() }
    }

    /// Waits for something that is followed by an [`announce`](Self::announce).
    pub(super) async fn until(&self, happened: impl Fn(&Self) -> bool) {
        let mut news = self.happened.subscribe();
        while !happened(self) {
            // The sender lives in `self`.
            let _ = news.changed().await;
        }
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

    /// How many nodes hear everything now; `None` where Redis does not tell.
    pub(super) async fn count_present(
        &self,
        commands: &mut MultiplexedConnection,
    ) -> Result<Option<u64>, AdapterError> {
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

    pub(super) fn heard_probe(&self) -> u64 {
        self.probe_heard.load(Relaxed)
    }

    pub(super) fn hear_probe(&self, number: u64) {
        self.probe_heard.fetch_max(number, Relaxed);
        self.announce();
    }

    pub(super) fn heard_fence(&self) -> u64 {
        self.fence_heard.load(Relaxed)
    }

    pub(super) fn hear_fence(&self, number: u64) {
        self.fence_heard.fetch_max(number, Relaxed);
        self.announce();
    }
}
