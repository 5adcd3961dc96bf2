//! How a node joins the cluster: it subscribes, lets the others know of it, and compares schemas.

use std::sync::{Arc, OnceLock, Weak};

use futures_util::future::join_all;

use super::{Cluster, peers::Peers, schema_check};
use crate::{
    adapter::{AdapterError, BoxFuture, Callback, PPAdapter},
    schema::Registry,
    server::{config::Config, error::Error, node::Node},
    wire::channels::{BROADCAST, CLUSTER, NODES, TYPESCRIPT, schema_room},
};

impl Cluster {
    /// Starts a node, and joins the others.
    pub(crate) async fn start(
        config: Config,
        registry: &'static Registry,
        adapter: Box<dyn PPAdapter>,
    ) -> Result<Arc<Self>, Error> {
        let peers = Peers::new(config.random.fork()).ok_or_else(|| Error::other("no random numbers to be had"))?;
        let cluster = Arc::new_cyclic(|weak: &Weak<Self>| {
            let weak = weak.clone();
            let callback: Callback = Arc::new(move |delivery| {
                if let Some(cluster) = weak.upgrade() {
                    cluster.deliver(delivery);
                }
            });
            Self { node: Node::start(config, registry, adapter, callback), peers, fit: OnceLock::new() }
        });
        if let Err(error) = cluster.join().await {
            // The error of the join is reported, not that of the close.
            let _ = cluster.node.adapter().close().await;
            return Err(error);
        }
        Ok(cluster)
    }

    /// Subscribes to the channels of nodes, adds this node to the lists of nodes, and compares schemas.
    async fn join(&self) -> Result<(), Error> {
        let fingerprint = schema_check::fingerprint(self.node.registry);
        let channels = [BROADCAST, CLUSTER, TYPESCRIPT, self.peers.inbox()];
        let subscribing = channels.map(|channel| self.node.adapter().subscribe(channel, self.node.callback.clone()));
        let schema = self.node.adapter().add_to_room(&schema_room(fingerprint), self.peers.id());
        done(subscribing.into_iter().chain([schema])).await?;
        // Other nodes ask a node as soon as it is listed; by then it is in the room of its schema.
        done([self.node.adapter().add_to_room(NODES, self.peers.id())]).await?;
        let fit = schema_check::check(self, fingerprint).await?;
        let _ = self.fit.set(fit);
        Ok(())
    }
}

/// Waits until the adapter has done what it was asked for, or does it later by itself: this node's clients need not wait for that.
async fn done(asked: impl IntoIterator<Item = BoxFuture<Result<(), AdapterError>>>) -> Result<(), AdapterError> {
    let failed = |done: &Result<(), AdapterError>| !matches!(done, Ok(()) | Err(AdapterError::Unavailable(_)));
    join_all(asked).await.into_iter().find(failed).unwrap_or(Ok(()))
}
