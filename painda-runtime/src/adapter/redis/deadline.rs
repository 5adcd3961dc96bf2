//! How long to wait for a message that the subscription should receive: a probe or a fence.
//!
//! Bookkeeping only: it gets the count of received messages and the time from its caller.

use tokio::time::Instant;

use super::timings::{PROBE_PATIENCE, PROBE_TIMEOUT};

/// Until when a message should arrive. Redis sends in order: while other messages arrive, it may still be on its way.
#[derive(Debug)]
pub(super) struct ArrivalDeadline {
    until: Instant,
    /// How many messages had arrived at the last check.
    arrived: u64,
    /// How many more times the deadline may be extended.
    extensions_left: usize,
}

impl ArrivalDeadline {
    /// Begins now, when so many messages have arrived.
    pub(super) fn new(arrived: u64, now: Instant) -> Self {
        Self { until: now + PROBE_TIMEOUT, arrived, extensions_left: PROBE_PATIENCE - 1 }
    }

    /// When to check again.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// The message has not arrived by the deadline. Extends it while other messages arrive; `false` where there is no hope left.
    pub(super) fn extend(&mut self, arrived: u64, now: Instant) -> bool {
        if arrived == self.arrived || self.extensions_left == 0 {
            return false;
        }
        *self = Self { until: now + PROBE_TIMEOUT, arrived, extensions_left: self.extensions_left - 1 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_any_messages_the_deadline_is_not_extended() {
        let now = Instant::now();
        let mut deadline = ArrivalDeadline::new(5, now);
        assert_eq!(deadline.until(), now + PROBE_TIMEOUT);
        assert!(!deadline.extend(5, deadline.until()));
    }

    #[test]
    fn while_other_messages_arrive_it_is_extended_but_not_for_ever() {
        let mut now = Instant::now();
        let mut deadline = ArrivalDeadline::new(0, now);
        let mut waits = 1;
        loop {
            assert_eq!(deadline.until(), now + PROBE_TIMEOUT, "from the check on");
            // The check may be late.
            now = deadline.until() + PROBE_TIMEOUT / 4;
            if !deadline.extend(waits, now) {
                break;
            }
            waits += 1;
        }
        assert_eq!(waits, PROBE_PATIENCE as u64);
    }
}
