//! The Redis adapter: nodes reach each other over Redis pub/sub, and keep the rooms' members in SETs.
//!
//! Knows no WebSocket and no schema: it carries [`Message`](crate::Message)s and relays payloads without decoding them.
//!
//! `docs/redis.md` has what happens in each failure, what is guaranteed and what the operator sees.
//!
//! Two connections to each server, each owned by one task that reconnects without limit: one publishes and writes memberships, one
//! subscribes. Callers use neither: they record what they want and wake the task that carries it out.
//!
//! ```text
//! publish ──────► traffic (queue, phases, echoes due) ──► publisher ──► Redis
//! add_to_room ──► membership ─────────────────────────────┘               │
//! subscribe ────► traffic ──► subscriber ──► Redis                        │
//! callback ◄───── traffic ◄── subscriber ◄────────────────────────────────┘
//! ```
//!
//! # What is promised
//! - A node receives each message of another node at most once, and never its own. Its own copies are recognised by their
//!   bytes, because the wire has no field for the sender.
//! - Per channel, what one node publishes is received in the order of its calls. Where two nodes publish equal bytes at the
//!   same moment, each receives one of the two, at the place that Redis gave to either.
//! - The task that reads a message calls the callback, in the order of arrival; nothing is queued between the two. The callback must
//!   only enqueue. Redis disconnects a node that can't keep up, and the node reconnects.
//! - Pub/sub stores nothing: what is published while a node's subscription is down is not received there. What was in flight
//!   when the publishing connection broke may have been taken or not; it is counted and not sent again. What Redis had answered,
//!   but not yet passed on when it died or hung, counts as published. What was taken by a server that turned out not to be the
//!   master any more counts as possibly lost as well.
//! - After `unsubscribe` no further call of the callback begins; one that is under way on another thread may still end.

mod access;
mod adapter;
mod answer;
mod builder;
mod closing;
mod connection;
mod deadline;
mod dial;
mod endpoint;
#[cfg(feature = "metrics")]
mod gauges;
mod lease;
mod mastership;
mod part;
mod publisher;
mod publishing;
mod replies;
mod router;
mod settings;
mod shared;
mod shutdown;
mod slots;
mod start;
mod stats;
mod subscriber;
mod subscribing;
mod timings;
#[cfg(feature = "redis-tls")]
mod tls;
mod topology;
mod traffic;

pub use super::Health;
pub use adapter::RedisAdapter;
pub use builder::RedisBuilder;
pub use part::RedisConnection;
pub use stats::{RedisEvent, RedisStats};
pub use traffic::WhenFull;
