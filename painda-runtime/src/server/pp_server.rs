//! What can be done with a server.

use std::{net::SocketAddr, sync::Arc};

use super::{
    builder::PPServerBuilder,
    emit::Target,
    error::Error,
    fit::SchemaFit,
    handle::{Hooks, PPServer},
    node::Node,
    service::PPService,
    stats::ServerStats,
};
use crate::{
    schema::{EventOf, Schema},
    wire::audience::Audience,
};

impl<S: Schema> Clone for PPServer<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<S: Schema> std::fmt::Debug for PPServer<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PPServer")
            .field("schema", &S::NAME)
            .field("local_addr", &self.local_addr())
            .field("connections", &self.inner.node.connections())
            .finish_non_exhaustive()
    }
}

impl<S: Schema> PPServer<S> {
    /// Starts to describe a server; every setting has a default.
    pub fn builder() -> PPServerBuilder<S> {
        PPServerBuilder::new()
    }

    /// The address that it listens on; none where it was built without a listener.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.inner.local_addr.get().copied()
    }

    /// Aims at a room's members on all nodes.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, S> {
        Target::new(self, Audience::room(room))
    }

    /// Sends an event to everybody on all nodes.
    ///
    /// # Errors
    /// See [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        self.everybody().emit(event)
    }

    /// Sends a named event with a JSON payload to everybody on all nodes.
    ///
    /// # Errors
    /// See [`Target::emit_json`].
    pub fn broadcast_json(&self, name: &str, payload: &serde_json::Value) -> Result<(), Error> {
        self.everybody().emit_json(name, payload)
    }

    /// What it holds now, and what it has counted.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.node().stats()
    }

    /// How this node's schema fits those of the nodes that were there when it joined.
    #[must_use]
    pub fn schema_fit(&self) -> SchemaFit {
        self.node().fit.get().copied().unwrap_or_default()
    }

    /// A tower and hyper service for this server, to be mounted next to other routes.
    #[must_use]
    pub fn service(&self) -> PPService<S> {
        PPService::new(self.clone())
    }

    /// Stops gracefully: no new clients; each client hears `__pp_shutdown {reason, timeoutMs}`, gets what is queued for it, and
    /// is closed with code 1001; their disconnect hooks run to their end; then the adapter is closed. Clients that have not gone by the
    /// [shutdown timeout](PPServerBuilder::shutdown_timeout) are cut off; the Redis adapter then takes up to 2 seconds to send what is
    /// queued and to leave the rooms. Leave as much time before a process is killed.
    ///
    /// The close begins with the call, and goes on also where the future is dropped: a handler may call it. All calls end alike.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the adapter could not be closed in order; the clients are gone all the same.
    pub fn close(&self) -> impl Future<Output = Result<(), Error>> + Send + use<S> {
        self.inner.node.close("the server stops")
    }

    /// Ends when the server begins to close: a sign to stop other work. Whoever called [`close`](Self::close) knows when it has.
    pub async fn closing(&self) {
        loop {
            let changed = self.node().changed.notified();
            if self.node().is_closing() {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.inner.node
    }

    pub(crate) fn hooks(&self) -> &Hooks<S> {
        &self.inner.hooks
    }
}
