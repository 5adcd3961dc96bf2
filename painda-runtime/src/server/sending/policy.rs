//! What becomes of a frame: what its event declares for a full queue, which bound holds, and what happened to it.

use super::queue::Key;
use crate::server::limits::Bounds;

/// Messages of the protocol itself (errors, pongs) are dropped where so many bytes wait. Otherwise they would pile up for a client that
/// does not read.
pub(super) const PROTOCOL_LIMIT: usize = 16 << 10;

/// What to do with a frame for which there is no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It must be delivered, or the client is closed.
    Reliable,
    /// It is dropped for this client.
    Volatile,
    /// It takes the place of a queued one with the same event and key; otherwise it must be delivered.
    Latest(Key),
    /// A message of the protocol itself: dropped where more than [`PROTOCOL_LIMIT`] bytes wait.
    Protocol,
}

impl Policy {
    /// How many bytes may wait before a frame is dealt with in this way.
    pub(super) fn limit(&self, bounds: &Bounds) -> usize {
        match self {
            Self::Protocol => bounds.limit.min(PROTOCOL_LIMIT),
            _ => bounds.limit,
        }
    }
}

/// Which bound holds for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The limit: the frame is for this client alone, and its emitter gets an error.
    Limit,
    /// The burst: the frame is for many, and nobody could be given an error. A client over its limit for too long is closed.
    Burst,
}

/// What happened to a pushed frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Queued; a flush is scheduled already, or the connection's task writes it.
    Queued,
    /// Queued in an idle outbox: the caller must have it flushed.
    FlushNeeded,
    /// Took the place of an older one.
    Replaced,
    /// Not queued, as its event declares: the queue is full.
    Dropped,
    /// Not queued: the queue is at its limit, and the emitter gets an error.
    Full,
    /// Not queued: the client reads too slowly and must be closed.
    Slow,
    /// Not queued: the frame alone is larger than may ever wait.
    TooLarge,
    /// Not queued: the connection is closing.
    Closed,
}
