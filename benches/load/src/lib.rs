//! The load generator: many WebSocket clients in one thread, which send on a schedule and account for every event.
//!
//! Each event carries its sender's number and its own, so that what arrives is matched with what was sent without a
//! table: delivery and latency are exact. Latency counts from the moment at which the event was *due*, so that a stall
//! cannot hide the events that it held up.
//!
//! It must not be what limits a measurement: it reports its own CPU time beside the servers', and [`limit`] measures how many
//! events a second it can take at most.

mod client;
mod dialect;
pub mod limit;
mod plan;
pub mod process;
mod run;
mod tally;

pub use dialect::Dialect;
pub use plan::Plan;
pub use run::{Swarm, Usage};
pub use tally::{Latency, Report};
