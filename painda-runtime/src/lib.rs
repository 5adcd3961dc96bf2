//! Typed real-time events across many servers.
//!
//! Events are structs with `#[derive(`[`PPEvent`]`)]`; [`schema!`] lists those that belong together. Both are all that a schema
//! crate needs, and all that this crate brings in without features.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `std` (default) | what needs the standard library; without it the crate is `no_std` with `alloc` |
//! | `json` | events to and from JSON, and the schema as JSON, by the registry alone |
//! | `tools` | for the tests of a schema crate: [the lock file](schema::lock), [TypeScript](schema::typescript), annotated hex dumps |
//! | `server` | [`PPServer`]: WebSocket clients in rooms, and the in-memory adapter |
//! | `redis` | [`RedisAdapter`]: many nodes; [`Emitter`]: for workers without a server |
//! | `redis-tls` | `rediss://` connections, by rustls |
//! | `metrics` | what the server and the adapters count, in the `metrics` facade |
//! | `axum` | behind axum, the address of each client without further ado |
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]
// On docs.rs each item says which feature brings it. The feature itself is unstable, so it is used there only.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "server", feature = "redis", feature = "tools")),
    allow(rustdoc::broken_intra_doc_links, reason = "the table of features links to what they add")
)]

extern crate alloc;

// The examples and tests of this crate use its macros as everybody does.
extern crate self as painda_runtime;

#[doc(hidden)]
pub mod __private;
#[cfg(any(feature = "redis", feature = "server"))]
pub mod adapter;
pub mod codec;
#[cfg(any(feature = "redis", feature = "server"))]
pub mod emitter;
#[cfg(any(feature = "_adapter", feature = "json"))]
mod excerpt;
mod message;
#[cfg(feature = "json")]
mod pieces;
#[cfg(any(feature = "redis", feature = "server"))]
mod random;
pub mod schema;
#[cfg(feature = "server")]
pub mod server;
#[cfg(any(feature = "redis", feature = "server"))]
mod target;
pub mod wire;

#[cfg(any(feature = "redis", feature = "server"))]
pub use adapter::PPAdapter;
#[cfg(feature = "redis")]
pub use adapter::redis::RedisAdapter;
/// For fields that are shared with the message instead of copied; the type of the `bytes` crate.
pub use bytes::Bytes;
pub use codec::DecodeError;
#[cfg(any(feature = "redis", feature = "server"))]
pub use emitter::Emitter;
pub use message::{Message, RESERVED_PREFIX};
#[cfg(feature = "json")]
pub use schema::JsonError;
pub use schema::{EventDescriptor, EventOf, PPEvent, PPType, Registry, Schema, SchemaEvent};
#[cfg(feature = "server")]
pub use server::{Error, PPServer, Socket};
#[cfg(any(feature = "redis", feature = "server"))]
pub use target::{Emits, Target};
