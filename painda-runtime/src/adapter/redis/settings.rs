//! The checked settings, and the names of all keys and channels.
//!
//! Opens no connection; does not know what the keys contain.

use std::{sync::Arc, time::Duration};

use super::{endpoint::Endpoint, traffic::WhenFull};
use crate::random::Random;

/// The settings, checked.
#[derive(Clone)]
pub(super) struct Settings {
    /// The server, unless it is a cluster's.
    pub(super) server: Endpoint,
    /// Some servers of the cluster; none where there is no cluster.
    pub(super) seeds: Vec<Endpoint>,
    pub(super) prefix: Arc<str>,
    pub(super) queue_bytes: usize,
    pub(super) linger: Duration,
    pub(super) when_full: WhenFull,
    pub(super) lease: Duration,
    pub(super) random: Random,
}

impl Settings {
    /// The pub/sub channel that a channel's messages travel on.
    pub(super) fn channel_key(&self, channel: &str) -> String {
        format!("{}ch:{channel}", self.prefix)
    }

    /// The channel of a pub/sub channel; `None` where it is none.
    pub(super) fn channel_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&*self.prefix)?.strip_prefix("ch:")
    }

    /// The SET of a room's members.
    pub(super) fn room_key(&self, room: &str) -> String {
        format!("{}room:{room}", self.prefix)
    }

    /// The SET of a client's rooms.
    pub(super) fn client_key(&self, client: &str) -> String {
        format!("{}client:{client}:rooms", self.prefix)
    }

    /// The channel of a node's own probes and fences on one server.
    pub(super) fn probe_key(&self, node: u64, link: u64) -> String {
        format!("{}probe:{node:016x}:{link}", self.prefix)
    }

    /// The channel to which a node subscribes once it has all its other subscriptions: its number of subscribers is the number of
    /// ready nodes. Nothing is published on it.
    pub(super) fn presence_key(&self) -> String {
        format!("{}present", self.prefix)
    }

    /// The SET of all nodes.
    pub(super) fn nodes_key(&self) -> String {
        format!("{}nodes", self.prefix)
    }

    /// A node's lease: it exists for as long as the node is alive.
    pub(super) fn lease_key(&self, node: &str) -> String {
        format!("{}node:{node}", self.prefix)
    }

    /// The SET of a node's clients that are in rooms.
    pub(super) fn record_key(&self, node: &str) -> String {
        format!("{}node:{node}:clients", self.prefix)
    }

    /// Is it a Redis Cluster?
    pub(super) fn is_cluster(&self) -> bool {
        !self.seeds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::adapter::redis::RedisBuilder;

    #[test]
    fn keys_are_the_contracts() {
        let settings = RedisBuilder::default().settings().expect("right");
        assert_eq!(settings.channel_key("arena"), "pp:ch:arena");
        assert_eq!(settings.channel_of("pp:ch:arena"), Some("arena"));
        assert_eq!(settings.channel_of("pp:probe:1"), None);
        assert_eq!(settings.room_key("arena"), "pp:room:arena");
        assert_eq!(settings.client_key("c1"), "pp:client:c1:rooms");
    }
}
