//! The close of an adapter. It removes keys in such an order that, if it is interrupted, the other nodes find what is left once the
//! lease has ended.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use super::{lease, router::Router, shared::Shared, timings::CLOSE_TIMEOUT};
use crate::adapter::AdapterError;

/// How often refused commands are tried again.
const RETRY: Duration = Duration::from_millis(100);
/// After so many refusals to remove the lease, it is left to expire.
const REFUSALS: usize = 5;

/// Sends what is queued, and removes this node's members from their rooms, until [`CLOSE_TIMEOUT`]. `lease` is the task that
/// renews the lease, `slots` the one that follows a Redis Cluster's slots.
pub(super) async fn run(router: Arc<Router>, mut lease: JoinSet<()>, mut slots: JoinSet<()>) {
    let _ = timeout(CLOSE_TIMEOUT, leave(&router, &mut lease)).await;
    lease.shutdown().await;
    slots.shutdown().await;
    router.end();
}

async fn leave(router: &Router, lease: &mut JoinSet<()>) {
    let (rooms, record) = (router.settings.room_key(""), router.settings.record_key(&router.node_id));
    // A sweep goes from the SET of nodes to the node's clients and on to their rooms. So this goes the other way: rooms first, the
    // entry in the SET of nodes last.
    router.leave(|key| key.starts_with(&rooms));
    until(router, Shared::is_written).await;
    router.leave(|key| key != record);
    until(router, Shared::is_written).await;
    router.leave(|_| true);
    until(router, Shared::is_written).await;
    // The next renewal would add the node to the SET of nodes again.
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

/// Waits until something holds for all servers.
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
