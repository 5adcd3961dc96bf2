//! The Redis adapter when something goes wrong: servers that are paused, killed, demoted and replaced, nodes that die, passwords that
//! change.

mod steady;

mod redis_credentials;
mod redis_leases;
mod redis_log;
mod redis_masters;
mod redis_outages;
mod redis_topology;
