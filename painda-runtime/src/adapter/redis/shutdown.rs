//! How a node takes its leave: in such an order that it may be cut off at any point, and the other nodes still find what it left
//! behind, once its lease has ended.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use super::{lease, router::Router, shared::Shared, timings::CLOSE_TIMEOUT};
use crate::adapter::AdapterError;

/// What servers refuse for now is tried again this often.
const RETRY: Duration = Duration::from_millis(100);
/// When Redis has refused so often to take the lease back, it is left to end by itself.
const REFUSALS: usize = 5;

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
            biased;
            () = router.closing.progress() => {}
            _ = retry.tick() => router.retry_members(),
        }
    }
}
