//! How dead nodes are found: each node keeps a [lease](crate::adapter::lease), and the others remove the clients of a node whose
//! lease has ended. [`Keeper`] decides what to ask and do next; this file does it.
//!
//! Three kinds of keys: the SET of all nodes, a node's lease (a key that expires), and the SET of a node's clients, by which
//! the others find the rooms to remove them from. A sweep removes a node's clients first and its entry in the SET of nodes last, each
//! with its own command: so a sweep that is interrupted is finished by a later one. A node that was only paused may come back during a
//! sweep. It then finds that its lease has ended or that it is not in the SET of nodes, and writes everything again.

use std::{sync::Arc, time::Duration};

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
    keeper::{Action, Event, Keeper},
    lease::{Found, Lease, Loss, Renewed},
};

/// How many clients of a dead node are removed between two checks of its lease.
const SWEEP_CLIENTS: usize = 128;

/// Takes the lease. The node must have no members before that, since others would not find them if it died.
pub(super) async fn take(router: &Router) -> Result<Lease, AdapterError> {
    let mut holder = Holder { router, lease: Lease::new(router.settings.lease) };
    loop {
        match holder.renew().await {
            // The connection is being set up.
            Err(AdapterError::Closed) => sleep(Duration::from_millis(2)).await,
            // Without the permission the node works, but the others do not remove its members when it dies.
            Err(error @ AdapterError::Backend(_)) => {
                holder.refused(&error);
                return Ok(holder.lease);
            }
            Err(error) => return Err(error),
            Ok(_) => return Ok(holder.lease),
        }
    }
}

/// Removes the node's entry and its lease. The node must have no members left. If this fails, the others do it when the lease ends.
pub(super) async fn give_back(router: &Router) -> Result<(), AdapterError> {
    let (nodes, lease) = (router.settings.nodes_key(), router.settings.lease_key(&router.node_id));
    let _: redis::Value = router.ask(&nodes, cmd("SREM").arg(&nodes).arg(&router.node_id)).await?;
    let _: redis::Value = router.ask(&lease, cmd("DEL").arg(&lease)).await?;
    Ok(())
}

/// Renews the lease, and checks those of the other nodes. Runs until it is aborted.
pub(super) async fn run(router: Arc<Router>, mut lease: Lease) {
    lease.write_again();
    let mut keeper = Keeper::new(router.node_id.clone(), lease.interval());
    let mut holder = Holder { router: &router, lease };
    let mut event = Event::Woken;
    loop {
        event = match holder.perform(keeper.on(event)).await {
            Ok(event) => event,
            Err(error) => {
                holder.refused(&error);
                sleep(keeper.failed()).await;
                Event::Woken
            }
        };
    }
}

/// Carries out the [`Keeper`]'s actions.
struct Holder<'a> {
    router: &'a Router,
    lease: Lease,
}

impl Holder<'_> {
    async fn perform(&mut self, action: Action) -> Result<Event, AdapterError> {
        let Router { settings, .. } = self.router;
        Ok(match action {
            Action::Renew => Event::Renewed { lost: self.renew().await? },
            Action::ListNodes => {
                let nodes = settings.nodes_key();
                Event::Listed(self.router.ask(&nodes, cmd("SMEMBERS").arg(&nodes)).await?)
            }
            Action::CheckLease(node) => {
                let lease = settings.lease_key(&node);
                Event::Checked { alive: self.router.ask(&lease, cmd("EXISTS").arg(&lease)).await? }
            }
            Action::Clients(node) => {
                let record = settings.record_key(&node);
                Event::Clients(self.router.ask(&record, cmd("SRANDMEMBER").arg(&record).arg(SWEEP_CLIENTS)).await?)
            }
            Action::Remove { node, clients } => {
                let record = settings.record_key(&node);
                for done in join_all(clients.iter().map(|client| self.remove(&record, client))).await {
                    done?;
                }
                Event::Removed
            }
            Action::Unlist { node, clients } => {
                self.unlist(&node, clients).await?;
                Event::Unlisted
            }
            Action::Wait(time) => {
                self.works();
                sleep(time).await;
                Event::Woken
            }
        })
    }

    /// Renews the lease, and finds out whether it had ended.
    async fn renew(&mut self) -> Result<bool, AdapterError> {
        let Router { settings, node_id, observed, .. } = self.router;
        let key = settings.lease_key(node_id);
        let alive: bool = self.router.ask(&key, cmd("EXISTS").arg(&key)).await?;
        let millis = u64::try_from(self.lease.length().as_millis()).unwrap_or(u64::MAX);
        // Taken before Redis starts to count: the lease must end there later than here.
        let now = Instant::now();
        let _: redis::Value = self.router.add(&key, cmd("SET").arg(&key).arg(1).arg("PX").arg(millis)).await?;
        // A node in the SET of nodes without a lease is dead, so the lease is written first.
        let nodes = settings.nodes_key();
        let missing: bool = self.router.add(&nodes, cmd("SADD").arg(&nodes).arg(node_id)).await?;
        let Renewed { loss, rewrite } = self.lease.renewed(Found { alive, listed: !missing }, now);
        match loss {
            // Whether others have removed this node, or Redis has lost its data meanwhile, can't be known.
            Some(Loss::Ended(away)) => observed.lose_lease(away),
            Some(Loss::Forgotten { first }) => observed.forgotten(first),
            None => {}
        }
        if rewrite {
            self.router.rewrite_members();
        }
        Ok(loss.is_some())
    }

    /// Redis refuses the lease. A refusal that will pass has been reported where the command was sent.
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

    /// Removes a dead node from the SET of nodes.
    async fn unlist(&self, node: &str, clients: u64) -> Result<(), AdapterError> {
        let nodes = self.router.settings.nodes_key();
        let first: bool = self.router.ask(&nodes, cmd("SREM").arg(&nodes).arg(node)).await?;
        if clients > 0 || first {
            self.router.observed.swept_clients.add(clients);
            tracing::warn!(target: "painda::redis", node, clients, "a node has died; its clients have left their rooms");
            self.router.observed.send(RedisEvent::Swept { node: node.into(), clients });
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
        // Last: if this is interrupted before, a later sweep finds the client again.
        let _: redis::Value = self.router.ask(record, cmd("SREM").arg(record).arg(client)).await?;
        Ok(())
    }
}
