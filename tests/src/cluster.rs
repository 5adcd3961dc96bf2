//! The smallest cluster: two nodes over one Redis.

use crate::process::Arena;
use crate::redis::RedisServer;

/// Two nodes over one Redis, nobody connected.
#[derive(Debug)]
pub struct Cluster {
    /// What is between them.
    pub redis: RedisServer,
    /// One node.
    pub left: Arena,
    /// The other.
    pub right: Arena,
}

impl Cluster {
    /// Starts all three.
    pub async fn start() -> Self {
        let redis = RedisServer::start().await;
        let url = redis.url();
        let (left, right) = tokio::join!(Arena::start(Some(&url)), Arena::start(Some(&url)));
        Self { redis, left, right }
    }
}
