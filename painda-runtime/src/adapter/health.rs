//! Whether an adapter reaches the other nodes.

use alloc::sync::Arc;
use core::fmt;
use std::time::SystemTime;

/// Whether an adapter reaches the other nodes: see [`PPAdapter::health`](super::PPAdapter::health).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The other nodes receive what this node publishes, and this node what they publish.
    Up,
    /// Other nodes receive this one's messages late or not at all, or this one theirs, or rooms' members are not written. With Redis: a
    /// connection is down, or leads to a server that is no master, or Redis takes no writes for now. Delivery on this node goes on.
    Degraded {
        /// What does not work, and why; of several things, the one that has failed for the longest time.
        reason: Arc<str>,
        /// Since when.
        since: SystemTime,
    },
}

impl Health {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Degraded { reason, .. } => write!(f, "degraded: {reason}"),
        }
    }
}
