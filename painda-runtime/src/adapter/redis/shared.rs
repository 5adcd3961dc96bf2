//! What callers and both tasks share: the bookkeeping, the counters, and how they wake each other.
//!
//! Locks are held for bookkeeping only, never across a callback or an await.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use redis::{aio::MultiplexedConnection, cmd};
use tokio::sync::{Notify, watch};

use super::{
    config::Settings, connection::command_error, membership::Members, outbox::Outbox, stats::Observed, traffic::Traffic,
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
    pub(super) settings: Settings,
    pub(super) probe_key: String,
    pub(super) traffic: Mutex<Traffic>,
    pub(super) members: Mutex<Members>,
    pub(super) observed: Observed,
    /// The publishing connection, for questions, while it is up.
    pub(super) commands: Mutex<Option<MultiplexedConnection>>,
    /// Wakes the publisher, and the subscriber.
    pub(super) to_publish: Notify,
    pub(super) to_subscribe: Notify,
    /// Says that something happened that [`until`](Self::until) may wait for.
    happened: watch::Sender<()>,
    pub(super) stage: watch::Sender<Stage>,
    /// What the close could not see to.
    pub(super) left_over: Mutex<Option<Arc<str>>>,
    probes_sent: AtomicU64,
    probe_heard: AtomicU64,
    fence_heard: AtomicU64,
}

impl Shared {
    pub(super) fn new(settings: Settings, node: u64) -> Self {
        let outbox = Outbox::new(settings.queue_bytes, settings.when_full);
        Self {
            probe_key: settings.probe_key(node),
            // What is due is remembered within the same bound as what waits.
            traffic: Mutex::new(Traffic::new(outbox, settings.queue_bytes)),
            members: Mutex::default(),
            observed: Observed::default(),
            commands: Mutex::new(None),
            to_publish: Notify::new(),
            to_subscribe: Notify::new(),
            happened: watch::Sender::new(()),
            stage: watch::Sender::new(Stage::Open),
            left_over: Mutex::new(None),
            probes_sent: AtomicU64::new(0),
            probe_heard: AtomicU64::new(0),
            fence_heard: AtomicU64::new(0),
            settings,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }

    pub(super) fn begin_close(&self) {
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
        self.traffic.lock().outbox().is_empty() && self.members.lock().is_written()
    }

    /// The publisher has ended: what is left now stays unsent.
    pub(super) fn finish(&self) {
        *self.commands.lock() = None;
        let mut traffic = self.traffic.lock();
        let in_flight = traffic.lose_batch();
        let dropped = traffic.outbox().clear();
        drop(traffic);
        self.observed.lost_in_flight.add(in_flight);
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
