//! Typed real-time events across many servers.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "_adapter")]
pub mod adapter;
mod message;
pub mod wire;

pub use message::{Message, RESERVED_PREFIX};
#[cfg(feature = "_adapter")]
pub use adapter::PPAdapter;
#[cfg(feature = "redis")]
pub use adapter::redis::RedisAdapter;
