//! The parts of a Redis server that may fail separately.

use std::fmt;

/// One of the two connections to a server of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisConnection {
    /// It publishes, and writes rooms' members and leases.
    Publishing,
    /// It subscribes.
    Subscribing,
}

impl fmt::Display for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publishing => "publishing",
            Self::Subscribing => "subscribing",
        })
    }
}

/// A part that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The publishing connection is down.
    Publishing,
    /// The subscribing connection is down.
    Subscribing,
    /// The server takes no rooms' members and no leases.
    Writes,
    /// It takes no publishes, or not all of them.
    Publishes,
    /// It refuses some subscriptions.
    Subscriptions,
    /// The cluster is down, as the server sees it.
    ClusterState,
    /// It refuses the lease.
    Lease,
    /// It refuses the probe, by which the subscription is checked.
    Probe,
    /// It refuses to close an earlier connection.
    Kill,
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Publishing => "publishing connection",
            Self::Subscribing => "subscribing connection",
            Self::Writes => "writes",
            Self::Publishes => "publishes",
            Self::Subscriptions => "subscriptions",
            Self::ClusterState => "cluster state",
            Self::Lease => "lease",
            Self::Probe => "probe of the subscription",
            Self::Kill => "closing of an old connection",
        }
    }

    /// The connection, where the part is one.
    pub(super) fn connection(self) -> Option<RedisConnection> {
        match self {
            Self::Publishing => Some(RedisConnection::Publishing),
            Self::Subscribing => Some(RedisConnection::Subscribing),
            _ => None,
        }
    }
}
