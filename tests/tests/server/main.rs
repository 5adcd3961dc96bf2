//! The server, on nodes within this process: what it offers, what it bounds, and what it withstands.

mod ailing;
mod grown;
mod handlers;
mod handshake;
mod health;
mod hostile;
mod limits;
mod liveness;
mod logs;
mod metrics;
mod misbehaviour;
mod mounting;
mod server;
mod slow_clients;
