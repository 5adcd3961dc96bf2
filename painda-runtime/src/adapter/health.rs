//! Whether an adapter reaches the other nodes.

use alloc::sync::Arc;
use core::fmt;
use std::time::SystemTime;

/// Whether an adapter reaches the other nodes, as it says itself: see [`PPAdapter::health`](super::PPAdapter::health).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// What is published goes to the other nodes, and theirs arrives.
    Up,
    /// Other nodes hear this one later or not at all, or it does not hear them, or rooms' members are not known. With Redis: a
    /// connection is down, or leads to a server that is no master, or Redis takes no writes for now. Delivery on this node goes on.
    Degraded {
        /// What it is that does not work, and why; of several things, the one that has not worked for longest.
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
