//! What follows from each renewal of a node's own lease.
//!
//! Bookkeeping only: it has no connection and gets the time from its caller.

use std::time::Duration;

use tokio::time::Instant;

/// How many times a lease is renewed within its length. The other nodes' leases are checked as often.
const RENEWALS_PER_LEASE: u32 = 4;

/// This node's lease: while the backend has it, the other nodes take this node for alive.
pub(super) struct Lease {
    length: Duration,
    /// When it was taken or renewed the last time.
    renewed: Option<Instant>,
    /// Members are to be written again at the next renewal.
    again: bool,
    /// At the last renewal the backend had forgotten it.
    forgotten: bool,
}

/// What the backend had of this node just before a renewal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The lease.
    pub(super) alive: bool,
    /// The node, in the list of all nodes.
    pub(super) listed: bool,
}

/// What follows from a renewal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renewed {
    pub(super) loss: Option<Loss>,
    /// The node's members are to be written again.
    pub(super) rewrite: bool,
}

/// How a lease was lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The lease had ended, because it was not renewed for this long: others may have removed the node's members.
    Ended(Duration),
    /// The lease had not ended, and the backend does not have it.
    Forgotten {
        /// The backend had it at the renewal before.
        first: bool,
    },
}

impl Lease {
    /// A lease that was not taken yet.
    pub(super) fn new(length: Duration) -> Self {
        Self { length, renewed: None, again: false, forgotten: false }
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// How long to wait between two renewals.
    pub(super) fn interval(&self) -> Duration {
        self.length / RENEWALS_PER_LEASE
    }

    /// Requests that members are written again at the next renewal.
    pub(super) fn write_again(&mut self) {
        self.again = true;
    }

    /// It was renewed. `now` is taken before the backend is asked, so that the lease ends there later than here.
    pub(super) fn renewed(&mut self, found: Found, now: Instant) -> Renewed {
        let missed = !found.alive || !found.listed;
        let away = self.renewed.map(|renewed| now.duration_since(renewed)).filter(|_| missed);
        let loss =
            away.map(
                |away| {
                    if away >= self.length { Loss::Ended(away) } else { Loss::Forgotten { first: !self.forgotten } }
                },
            );
        self.forgotten = matches!(loss, Some(Loss::Forgotten { .. }));
        self.renewed = Some(now);
        let rewrite = loss.is_some() || self.again;
        // Another node may still be removing this one's members, and may remove some of those that are written now. So they are
        // written once more at the next renewal.
        self.again = loss.is_some() && !found.alive;
        Renewed { loss, rewrite }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);
    const THERE: Found = Found { alive: true, listed: true };
    const GONE: Found = Found { alive: false, listed: false };

    fn kept(rewrite: bool) -> Renewed {
        Renewed { loss: None, rewrite }
    }

    #[test]
    fn a_lease_that_was_never_taken_is_not_lost() {
        let mut lease = Lease::new(LENGTH);
        assert_eq!(lease.renewed(GONE, Instant::now()), kept(false));
    }

    #[test]
    fn after_a_lease_has_ended_members_are_written_twice() {
        let (mut lease, start) = (Lease::new(LENGTH), Instant::now());
        lease.renewed(GONE, start);
        assert_eq!(lease.renewed(THERE, start + LENGTH), kept(false), "nobody has noticed");
        let ended = Renewed { loss: Some(Loss::Ended(LENGTH)), rewrite: true };
        assert_eq!(lease.renewed(GONE, start + 2 * LENGTH), ended);
        assert_eq!(lease.renewed(THERE, start + 2 * LENGTH), kept(true), "somebody may have been removing it");
        assert_eq!(lease.renewed(THERE, start + 2 * LENGTH), kept(false));
    }

    #[test]
    fn a_backend_that_forgets_is_distinguished_from_a_lease_that_ended() {
        let (mut lease, now) = (Lease::new(LENGTH), Instant::now());
        lease.renewed(GONE, now);
        let forgotten = |first| Renewed { loss: Some(Loss::Forgotten { first }), rewrite: true };
        assert_eq!(lease.renewed(GONE, now + LENGTH / 4), forgotten(true));
        assert_eq!(lease.renewed(GONE, now + LENGTH / 2), forgotten(false), "as the last time");
        assert_eq!(lease.renewed(THERE, now + LENGTH / 2), kept(true));
        let unlisted = Found { alive: true, listed: false };
        assert_eq!(lease.renewed(unlisted, now + LENGTH), forgotten(true));
        assert_eq!(
            lease.renewed(THERE, now + LENGTH),
            kept(false),
            "nobody removes the members of a node with a lease"
        );
    }
}
