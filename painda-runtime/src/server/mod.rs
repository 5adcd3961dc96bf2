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
//! server.closing().await;
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
//! | `painda::connect` | info | clients that connected, were refused, or disconnected: id, address, reason, code |
//! | `painda::handler` | warn | a handler failed |
//! | `painda::handler` | debug | an event that nobody handles, a message that can't be taken |
//! | `painda::log` | info | how many lines were left out, because clients caused too many |
//! | `painda::cluster`, `painda::rooms`, `painda::redis` | | what happens between nodes |

mod builder;
mod client_id;
mod cluster;
mod config;
mod conn;
mod error;
mod fit;
mod http;
mod limits;
mod log;
mod node;
mod origin;
#[cfg(test)]
mod replay;
mod sending;
mod session;
mod stats;

pub use self::{
    builder::PPServerBuilder,
    cluster::{Answer, NodeInfo, RemoteSocket},
    error::{Error, NameKind, SettingError},
    fit::{OnConflict, SchemaFit},
    http::{
        body::{RequestBody, ResponseBody},
        check::is_upgrade,
        service::PPService,
    },
    limits::ProxyHeader,
    session::{
        disconnect::Disconnect,
        handle::{PPServer, Socket},
        handshake::Handshake,
        health::ServerHealth,
        incoming::Incoming,
        json::JsonText,
        result::HandlerResult,
    },
    stats::ServerStats,
};
pub use crate::{target::Target, wire::close_code};
