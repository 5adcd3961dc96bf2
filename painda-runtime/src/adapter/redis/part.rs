//! What may be wrong with a server of Redis.

/// What may be wrong with a server.
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
    /// It does not let us hear all channels.
    Subscriptions,
    /// The cluster is down, as the server sees it.
    ClusterState,
    /// It does not let us keep a lease.
    Lease,
    /// It does not let us find out whether we hear it.
    Probe,
    /// It does not close connections that we have given up.
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

    /// The connection's name, where a connection is what is wrong.
    pub(super) fn connection(self) -> Option<&'static str> {
        match self {
            Self::Publishing => Some("publishing"),
            Self::Subscribing => Some("subscribing"),
            _ => None,
        }
    }
}
