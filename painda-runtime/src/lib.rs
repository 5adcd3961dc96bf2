//! Typed real-time events across many servers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

// The examples and tests of this crate use its macros as everybody does.
extern crate self as painda_runtime;

#[cfg(feature = "_adapter")]
pub mod adapter;
pub mod codec;
mod message;
#[doc(hidden)]
pub mod __private;
pub mod schema;
pub mod wire;

pub use codec::DecodeError;
pub use message::{Message, RESERVED_PREFIX};
#[cfg(feature = "_adapter")]
pub use adapter::PPAdapter;
#[cfg(feature = "json")]
pub use schema::JsonError;
pub use schema::{EventDescriptor, EventOf, PPEvent, Registry, Schema, SchemaEvent};
