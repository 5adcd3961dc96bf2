//! Typed real-time events across many servers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "_adapter")]
pub mod adapter;
mod message;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;

#[cfg(feature = "_adapter")]
pub use adapter::PPAdapter;
pub use message::{Message, RESERVED_PREFIX};
#[cfg(feature = "server")]
pub use server::{Error, PPServer, Socket};
