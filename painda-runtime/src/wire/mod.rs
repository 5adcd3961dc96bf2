//! The two wires of the published contract, the Redis message and the client frame, and what nodes say to each other.
//!
//! Knows bytes and [`Message`](crate::Message)s; knows no sockets, no Redis and, but for `dump`, no application's schema.

#[cfg(feature = "std")]
pub mod audience;
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
