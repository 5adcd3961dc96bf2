//! Typed real-time events across many servers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

// The examples and tests of this crate use its macros as everybody does.
extern crate self as painda_runtime;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "_adapter")]
pub mod adapter;
pub mod codec;
mod message;
pub mod schema;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;

#[cfg(feature = "_adapter")]
pub use adapter::PPAdapter;
pub use codec::DecodeError;
pub use message::{Message, RESERVED_PREFIX};
#[cfg(feature = "json")]
pub use schema::JsonError;
pub use schema::{EventDescriptor, EventOf, PPEvent, Registry, Schema, SchemaEvent};
#[cfg(feature = "server")]
pub use server::{Error, PPServer, Socket};
