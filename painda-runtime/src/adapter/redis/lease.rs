//! How nodes that die are missed: each keeps a [lease](crate::adapter::lease), and the others see to the clients of one whose
//! lease has ended.
//!
//! Three kinds of keys: the SET of all nodes, a node's lease (a key that expires), and the SET of a node's clients, by which
//! others find the rooms to take them out of. A sweep removes first and takes the node off the list last, each in its own
//! command. A node that was only paused may come back in the middle of that; it learns of it from its lease, which has ended,
//! and from the list, which it is no longer on, and in either case writes everything again. Knows no rooms' members but by
//! these keys.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use redis::cmd;
use tokio::time::{Instant, sleep};

use super::{
    answer::{Meaning, meaning},
    part::Part,
    router::Router,
    stats::RedisEvent,
};
use crate::adapter::{
    AdapterError,
    lease::{Found, Lease, Loss, Renewed},
};

/// How many clients of a dead node are seen to between two looks at its lease.
const SWEEP_CLIENTS: usize = 128;

/// Takes the lease, before the node has any members that others might have to clean up.
pub(super) async fn take(router: &Router) -> Result<Lease, AdapterError> {
    let mut keeper = Keeper { router, lease: Lease::new(router.settings.lease) };
    loop {
        match keeper.beat().await {
            // The connection's task has just begun to set it up.
            Err(AdapterError::Closed) => sleep(Duration::from_millis(2)).await,
            // Without the permission the node works, and is not missed when it dies.
            Err(error @ AdapterError::Backend(_)) => {
                keeper.refused(&error);
                return Ok(keeper.lease);
            }
            Err(error) => return Err(error),
            Ok(_) => return Ok(keeper.lease),
        }
    }
}

/// Gives the lease back, once the node has no members left. Where that fails, the others miss the node when the lease ends.
pub(super) async fn give_back(router: &Router) -> Result<(), AdapterError> {
    let (nodes, lease) = (router.settings.nodes_key(), router.settings.lease_key(&router.node_id));
    let _: redis::Value = router.ask(&nodes, cmd("SREM").arg(&nodes).arg(&router.node_id)).await?;
    let _: redis::Value = router.ask(&lease, cmd("DEL").arg(&lease)).await?;
    Ok(())
}

/// Keeps the lease that was taken, and looks after those of others; runs until it is aborted.
pub(super) async fn run(router: Arc<Router>, mut lease: Lease) {
    lease.write_again();
    let interval = lease.interval();
    let mut keeper = Keeper { router: &router, lease };
    loop {
        let beaten = match keeper.beat().await {
            // After an outage of Redis everybody's lease has ended: the others get time to come back as well.
            Ok(lost) if lost => Ok(()),
            Ok(_) => keeper.sweep().await,
            Err(error) => Err(error),
        };
        match beaten {
            Ok(()) => {
                keeper.works();
                sleep(interval).await;
            }
            Err(error) => {
                keeper.refused(&error);
                // Soon again: the connection may be back any moment.
                sleep((interval / 8).max(Duration::from_millis(50))).await;
            }
        }
    }
}

/// Renews this node's lease, and looks for nodes whose lease has ended.
struct Keeper<'a> {
    router: &'a Router,
    lease: Lease,
}

impl Keeper<'_> {
    /// Renews the lease, and finds out whether it had ended.
    async fn beat(&mut self) -> Result<bool, AdapterError> {
        let Router { settings, node_id, observed, .. } = self.router;
        let key = settings.lease_key(node_id);
        let alive: bool = self.router.ask(&key, cmd("EXISTS").arg(&key)).await?;
        let millis = u64::try_from(self.lease.length().as_millis()).unwrap_or(u64::MAX);
        // Before Redis counts from it, so that the lease ends there after this says so.
        let now = Instant::now();
        let _: redis::Value = self.router.add(&key, cmd("SET").arg(&key).arg(1).arg("PX").arg(millis)).await?;
        // Whoever is on the list without a lease is dead, so the lease comes first.
        let nodes = settings.nodes_key();
        let missing: bool = self.router.add(&nodes, cmd("SADD").arg(&nodes).arg(node_id)).await?;
        let Renewed { loss, rewrite } = self.lease.renewed(Found { alive, listed: !missing }, now);
        match loss {
            // Whether others have removed it, or Redis has lost its data meanwhile, is not to be seen.
            Some(Loss::Ended(away)) => observed.lose_lease(away),
            Some(Loss::Forgotten { first }) => observed.forgotten(first),
            None => {}
        }
        if rewrite {
            self.router.rewrite_members();
        }
        Ok(loss.is_some())
    }

    /// Redis does not let us keep a lease. What it does not do for now has been told where it was asked.
    fn refused(&self, why: &AdapterError) {
        if meaning(why) == Meaning::Refused {
            let key = self.router.settings.lease_key(&self.router.node_id);
            self.router.with(&key, |shared| shared.refused(Part::Lease, why));
        }
    }

    fn works(&self) {
        let key = self.router.settings.lease_key(&self.router.node_id);
        self.router.with(&key, |shared| shared.works(Part::Lease));
    }

    /// Looks for nodes whose lease has ended.
    async fn sweep(&self) -> Result<(), AdapterError> {
        let Router { settings, node_id, .. } = self.router;
        let nodes_key = settings.nodes_key();
        let nodes: BTreeSet<String> = self.router.ask(&nodes_key, cmd("SMEMBERS").arg(&nodes_key)).await?;
        for node in nodes {
            if node != *node_id && !self.is_alive(&node).await? {
                self.bury(&node).await?;
            }
        }
        Ok(())
    }

    async fn is_alive(&self, node: &str) -> Result<bool, AdapterError> {
        let key = self.router.settings.lease_key(node);
        self.router.ask(&key, cmd("EXISTS").arg(&key)).await
    }

    /// Removes a dead node's clients from their rooms, and the node from the list.
    async fn bury(&self, node: &str) -> Result<(), AdapterError> {
        let settings = &self.router.settings;
        let record = settings.record_key(node);
        let mut count = 0;
        loop {
            let clients: Vec<String> =
                self.router.ask(&record, cmd("SRANDMEMBER").arg(&record).arg(SWEEP_CLIENTS)).await?;
            if !clients.is_empty() {
                for done in join_all(clients.iter().map(|client| self.remove(&record, client))).await {
                    done?;
                }
                count += clients.len() as u64;
            }
            if self.is_alive(node).await? {
                // It was only paused, and takes back what was removed.
                return Ok(());
            }
            if clients.is_empty() {
                break;
            }
        }
        let nodes = settings.nodes_key();
        let first: bool = self.router.ask(&nodes, cmd("SREM").arg(&nodes).arg(node)).await?;
        if count > 0 || first {
            self.router.observed.swept_clients.add(count);
            tracing::warn!(target: "painda::redis", node, clients = count, "a node has died; its clients have left their rooms");
            self.router.observed.tell(RedisEvent::Swept { node: node.into(), clients: count });
        }
        Ok(())
    }

    async fn remove(&self, record: &str, client: &str) -> Result<(), AdapterError> {
        let settings = &self.router.settings;
        let client_key = settings.client_key(client);
        let rooms: Vec<String> = self.router.ask(&client_key, cmd("SMEMBERS").arg(&client_key)).await?;
        for room in rooms {
            let key = settings.room_key(&room);
            let _: redis::Value = self.router.ask(&key, cmd("SREM").arg(&key).arg(client)).await?;
        }
        let _: redis::Value = self.router.ask(&client_key, cmd("DEL").arg(&client_key)).await?;
        // Last, so that whoever goes on with it finds the client again.
        let _: redis::Value = self.router.ask(record, cmd("SREM").arg(record).arg(client)).await?;
        Ok(())
    }
}
