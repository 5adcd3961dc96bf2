//! How a node takes its leave: in such an order that it may be cut off at any point, and the other nodes still find what it left
//! behind, once its lease has ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use super::{config::CLOSE_TIMEOUT, lease, router::Router, shared::Shared};
use crate::adapter::AdapterError;

/// What servers refuse for now is tried again this often.
const RETRY: Duration = Duration::from_millis(100);
/// When Redis has refused so often to take the lease back, it is left to end by itself.
const REFUSALS: usize = 5;

/// Whether the node closes, and how that went; the same for all its lanes.
#[derive(Default)]
pub(super) struct Closing {
    begun: AtomicBool,
    /// Wakes the close.
    progress: Notify,
    result: watch::Sender<Option<Result<(), AdapterError>>>,
}

impl Closing {
    /// What is queued is still sent, and nothing new is taken; `false` where that was so before.
    pub(super) fn begin(&self) -> bool {
        !self.begun.swap(true, Relaxed)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Something was answered, or there is nothing to do.
    pub(super) fn report(&self) {
        if self.has_begun() {
            self.progress.notify_one();
        }
    }

    pub(super) fn end(&self, unsent: Unsent) {
        self.result.send_replace(Some(unsent.into_result()));
    }

    /// Waits until the close is over; with an error that says what was left.
    pub(super) async fn over(&self) -> Result<(), AdapterError> {
        let mut result = self.result.subscribe();
        // The sender lives in `self`.
        let result = result.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        result.unwrap_or(Err(AdapterError::Closed))
    }
}

/// What a close could not see to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unsent {
    pub(super) messages: u64,
    /// Members may still be where they were.
    pub(super) members: bool,
}

impl std::ops::AddAssign for Unsent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.members |= other.members;
    }
}

impl Unsent {
    fn into_result(self) -> Result<(), AdapterError> {
        let Self { messages, members } = self;
        if messages == 0 && !members {
            return Ok(());
        }
        let members = if members { "; this node's members are in their rooms until its lease has ended" } else { "" };
        Err(AdapterError::Unavailable(format!("{messages} messages could not be sent any more{members}").into()))
    }
}

/// Sends what is queued, and takes this node's members out of their rooms, for as long as that may take. `lease` is the task that
/// keeps the lease, `slots` the one that follows a cluster's slots.
pub(super) async fn run(router: Arc<Router>, mut lease: JoinSet<()>, mut slots: JoinSet<()>) {
    let _ = timeout(CLOSE_TIMEOUT, leave(&router, &mut lease)).await;
    lease.shutdown().await;
    slots.shutdown().await;
    router.end();
}

async fn leave(router: &Router, lease: &mut JoinSet<()>) {
    let (rooms, record) = (router.settings.room_key(""), router.settings.record_key(&router.node_id));
    // Whoever cleans up after a dead node goes by the list of nodes to its record, to its clients, and to their rooms. This goes the
    // other way.
    router.leave(|key| key.starts_with(&rooms));
    until(router, Shared::is_written).await;
    router.leave(|key| key != record);
    until(router, Shared::is_written).await;
    router.leave(|_| true);
    until(router, Shared::is_written).await;
    // Its next beat would put the node back on the list.
    lease.shutdown().await;
    let mut refused = 0;
    while let Err(error) = lease::give_back(router).await {
        refused += usize::from(matches!(error, AdapterError::Backend(_)));
        if refused == REFUSALS {
            break;
        }
        router.reroute.notify_one();
        sleep(RETRY).await;
    }
    until(router, Shared::is_drained).await;
}

/// Waits until something is so for all servers.
async fn until(router: &Router, so: impl Fn(&Shared) -> bool) {
    let mut retry = interval(RETRY);
    while !router.all_are(&so) {
        tokio::select! {
            () = router.closing.progress.notified() => {}
            _ = retry.tick() => router.retry_members(),
        }
    }
}
