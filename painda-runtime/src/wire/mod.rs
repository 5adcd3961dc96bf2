//! The formats on the wire: the Redis message and the client frame of the published contract, and the messages between nodes.
//!
//! Knows bytes and [`Message`](crate::Message)s; knows no sockets, no Redis and, except in `dump`, no application's schema.

#[cfg(any(feature = "_adapter", feature = "tools"))]
#[cfg_attr(
    not(all(feature = "server", feature = "json")),
    expect(dead_code, reason = "an emitter only writes audiences, a dump reads them by itself")
)]
pub(crate) mod audience;
pub mod channels;
#[cfg(feature = "server")]
pub mod close_code;
#[cfg(feature = "server")]
pub mod control;
#[cfg(feature = "tools")]
pub mod dump;
pub mod envelope;
#[cfg(feature = "server")]
pub mod error_code;
#[cfg(feature = "server")]
pub mod frame;
#[cfg(feature = "server")]
pub(crate) mod json;
#[cfg(feature = "server")]
pub(crate) mod json_message;
#[cfg(feature = "server")]
pub(crate) mod peer;
#[cfg(feature = "server")]
pub(crate) mod typescript;
