//! What callers and both tasks of one server share: the bookkeeping, the counters, and how they wake each other.
//!
//! Locks are held for bookkeeping only, never across a callback or an await.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use redis::{Pipeline, aio::MultiplexedConnection, cmd};
use tokio::sync::{Notify, watch};

use super::{
    connection::{command_error, is_answer},
    endpoint::Endpoint,
    membership::Members,
    outbox::Outbox,
    settings::Settings,
    stats::{Link, Observed},
    traffic::Traffic,
};
use crate::adapter::AdapterError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// Sends what is queued, takes nothing new.
    Closing,
    Closed,
}

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
    /// How many nodes heard everything when they were last counted.
    pub(super) crowd: AtomicU64,
    /// Commands of the subscribing connection that wait for their reply.
    pub(super) asking: AtomicU64,
    /// The subscribing connection has got replies and forced unsubscriptions mixed up.
    pub(super) confused: Notify,
    /// Says that something happened that [`until`](Self::until) may wait for.
    happened: watch::Sender<()>,
    pub(super) stage: watch::Sender<Stage>,
    /// What to say at the very end.
    pub(super) farewell: Mutex<Pipeline>,
    /// What the close could not see to.
    pub(super) left_over: Mutex<Option<Arc<str>>>,
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
            crowd: AtomicU64::new(0),
            asking: AtomicU64::new(0),
            confused: Notify::new(),
            happened: watch::Sender::new(()),
            stage: watch::Sender::new(Stage::Open),
            farewell: Mutex::default(),
            left_over: Mutex::new(None),
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

    pub(super) fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }

    /// Takes nothing new; what is queued is still sent, then the members leave, and `farewell` comes last.
    pub(super) fn begin_close(&self, farewell: Pipeline) {
        *self.farewell.lock() = farewell;
        let traffic = self.traffic.lock();
        let first = self.stage.send_if_modified(|stage| {
            let first = *stage == Stage::Open;
            if first {
                *stage = Stage::Closing;
            }
            first
        });
        drop(traffic);
        if first {
            self.members.lock().leave_all();
            self.to_publish.notify_one();
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        let mut traffic = self.traffic.lock();
        !traffic.is_frozen() && traffic.outbox().is_empty() && self.members.lock().is_written()
    }

    /// The publisher has ended: what is left now stays unsent.
    pub(super) fn finish(&self) {
        *self.commands.lock() = None;
        let mut traffic = self.traffic.lock();
        let in_flight = traffic.lose_batch();
        let dropped = traffic.outbox().clear();
        drop(traffic);
        self.observed.lose_in_flight(in_flight);
        self.observed.dropped.add(dropped);
        let unsent = in_flight + dropped;
        let members_left = !self.members.lock().is_written();
        if unsent > 0 || members_left {
            let members = if members_left { "; this node's members are still in their rooms" } else { "" };
            *self.left_over.lock() = Some(format!("{unsent} messages could not be sent any more{members}").into());
        }
        self.stage.send_replace(Stage::Closed);
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
