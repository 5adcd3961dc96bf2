//! The Redis adapter: nodes reach each other over Redis pub/sub, and keep the rooms' members in SETs.
//!
//! Knows no WebSocket and no schema: it carries [`Message`](crate::Message)s and relays payloads without decoding them.
//!
//! What happens in each failure, what is guaranteed and what the operator sees stands in `docs/redis.md`.
//!
//! Two connections to each server, each owned by one task that makes it again without limit: one publishes and writes
//! memberships, one subscribes. Callers talk to neither: they note what they want, and wake the task whose work it is.
//!
//! ```text
//! publish ──────► traffic (queue, phases, copies due) ──► publisher ──► Redis
//! add_to_room ──► membership ─────────────────────────────┘               │
//! subscribe ────► traffic ──► subscriber ──► Redis                        │
//! callback ◄───── traffic ◄── subscriber ◄────────────────────────────────┘
//! ```
//!
//! # What is promised
//! - A node hears each message of another node at most once, and never its own. Our own copies are recognised by their
//!   bytes, because the wire has no field for the sender.
//! - Per channel, what one node publishes is heard in the order of its calls. Where two nodes publish equal bytes at the
//!   same moment, each hears one of the two, in the place that Redis gave to either.
//! - What comes in is handed on by the task that reads it, in the order of arrival: the callback only enqueues, and nothing is
//!   queued between the two. A node that can't keep up is cut off by Redis, and comes back.
//! - Pub/sub keeps nothing: what is published while a node's subscription is down is not heard there. What was in flight
//!   when the publishing connection broke is of unknown fate; it is counted and not sent again. What Redis had answered, but
//!   not yet passed on when it died or hung, counts as published; what a server took that turned out not to be the master
//!   any more counts as possibly lost as well.
//! - After `unsubscribe` no further call of the callback begins; one that is under way on another thread may still end.

mod access;
mod adapter;
mod answer;
mod builder;
mod closing;
mod cluster;
mod connection;
mod dial;
mod echoes;
mod endpoint;
#[cfg(feature = "metrics")]
mod gauges;
mod hearing;
mod lease;
mod outbox;
mod part;
mod publisher;
mod publishing;
mod replies;
mod router;
mod settings;
mod shared;
mod shutdown;
mod slots;
mod standing;
mod start;
mod stats;
mod subscriber;
mod subscribing;
mod timings;
#[cfg(feature = "redis-tls")]
mod tls;
mod traffic;

pub use super::Health;
pub use adapter::RedisAdapter;
pub use builder::RedisBuilder;
pub use outbox::WhenFull;
pub use stats::{RedisEvent, RedisStats};
