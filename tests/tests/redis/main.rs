//! The Redis adapter and nodes over it: what they say to each other, and what others that may publish can do to them.

mod redis_adapter;
mod redis_cluster_wide;
mod redis_connections;
mod redis_rooms;
mod redis_trust;
