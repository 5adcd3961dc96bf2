//! The parts of a Redis server that may fail separately.

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

    /// The connection's name, where the part is a connection.
    pub(super) fn connection(self) -> Option<&'static str> {
        match self {
            Self::Publishing => Some("publishing"),
            Self::Subscribing => Some("subscribing"),
            _ => None,
        }
    }
}
