//! The WebSocket server: sockets, rooms and typed emits, over an adapter.
//!
//! ```no_run
//! use painda_runtime::{Error, PPEvent, PPServer, schema};
//!
//! /// A player moved.
//! #[derive(Debug, PPEvent)]
//! #[pp(event = "player:move", id = 1)]
//! pub struct PlayerMove {
//!     /// From the left.
//!     pub x: f32,
//!     /// From the top.
//!     pub y: f32,
//! }
//!
//! schema! {
//!     /// What the arena's services say to each other.
//!     pub Arena { PlayerMove }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
//! let server = PPServer::<Arena>::builder()
//!     .on_connect(async |socket, _handshake| {
//!         socket.join("arena").await?;
//!         socket.on(async |socket, moved: PlayerMove| socket.to("arena").emit(&moved));
//!         Ok(())
//!     })
//!     .bind("127.0.0.1:3000")
//!     .await?;
//! server.to("arena").emit(&PlayerMove { x: 1.5, y: 2.5 })?;
//! server.closed().await;
//! # Ok(()) }
//! ```
//!
//! # What can be seen from outside
//!
//! [`PPServer::stats`] counts; with the feature `metrics` the same numbers, by event, reason and code, go to the `metrics` facade.
//! [`PPServer::health`] is for readiness probes. `docs/operations.md` lists all metrics and log lines.
//!
//! `tracing` has a span `connection {id}` (target `painda::connection`) around each connection and a span `handler {event}` (target
//! `painda::handler`) around each message, both at debug level, and events of these targets:
//!
//! | target | level | what |
//! | --- | --- | --- |
//! | `painda::server` | info | listening, stopping, stopped |
//! | `painda::connect` | info | who came, was refused, left: id, address, reason, code |
//! | `painda::handler` | warn | a handler failed |
//! | `painda::handler` | debug | an event that nobody handles, a message that can't be taken |
//! | `painda::log` | info | how many lines were left out, because clients caused too many |
//! | `painda::cluster`, `painda::rooms`, `painda::redis` | | what goes on between nodes |

mod address;
mod agreement;
mod body;
mod builder;
mod client_id;
mod cluster;
mod compare;
mod connection;
mod dispatch;
#[cfg(test)]
mod echo;
mod emit;
mod error;
mod flusher;
mod handlers;
mod handshake;
mod health;
mod hub;
mod inbound;
mod inbox;
mod incoming;
mod json;
mod limits;
mod listener;
mod log;
mod node;
mod origin;
mod outbox;
mod packet;
mod peers;
mod pending;
mod queue;
mod reserve;
mod service;
mod settings;
mod socket;
mod stats;
mod typescript;
mod upgrade;
mod writer;

use std::{net::SocketAddr, sync::Arc};

use self::{
    builder::Hooks,
    node::{Node, check_room},
};
use crate::{
    schema::{EventOf, Schema},
    wire::aim::Aim,
};

pub use crate::wire::close_code;

pub use self::{
    address::ProxyHeader,
    agreement::{OnConflict, SchemaFit},
    body::RequestBody,
    builder::PPServerBuilder,
    cluster::{Answer, NodeInfo, RemoteSocket},
    connection::Disconnect,
    emit::Target,
    error::Error,
    handlers::HandlerResult,
    handshake::{Handshake, is_upgrade},
    health::ServerHealth,
    incoming::Incoming,
    json::JsonText,
    service::PPService,
    socket::Socket,
    stats::ServerStats,
    upgrade::ResponseBody,
};

/// A node of a real-time service: WebSocket clients in rooms, and emits that reach all nodes.
///
/// `S` is the schema: only its events can be emitted and handled. Cheap to clone; all clones are the same server, which
/// goes on until [`close`](Self::close) is called or the runtime ends. Without a listener it is still a node that can
/// emit: see [`PPServerBuilder::build`].
pub struct PPServer<S: Schema> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: Schema> {
    node: Arc<Node>,
    hooks: Hooks<S>,
    local_addr: std::sync::OnceLock<SocketAddr>,
}

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
        Target::new(self, Aim::room(room))
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
    pub async fn closed(&self) {
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

    fn hooks(&self) -> &Hooks<S> {
        &self.inner.hooks
    }
}
