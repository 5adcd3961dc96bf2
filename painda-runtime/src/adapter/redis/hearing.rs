//! For how long to wait for something that the subscription should hear.
//!
//! Bookkeeping alone: it is told what came in and what time it is.

use tokio::time::Instant;

use super::timings::{PROBE_PATIENCE, PROBE_TIMEOUT};

/// Something should be heard. Redis sends in order: while other messages come in, it may still be among those to come.
#[derive(Debug)]
pub(super) struct Hearing {
    until: Instant,
    /// How many messages had come in when it was last looked.
    arrived: u64,
    /// How often it may be looked again.
    left: usize,
}

impl Hearing {
    /// From now on; so many messages have come in so far.
    pub(super) fn new(arrived: u64, now: Instant) -> Self {
        Self { until: now + PROBE_TIMEOUT, arrived, left: PROBE_PATIENCE - 1 }
    }

    /// How long to wait before it is looked again.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// It has not been heard until then. Is it worth while to wait on?
    pub(super) fn goes_on(&mut self, arrived: u64, now: Instant) -> bool {
        if arrived == self.arrived || self.left == 0 {
            return false;
        }
        *self = Self { until: now + PROBE_TIMEOUT, arrived, left: self.left - 1 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_subscription_is_deaf_at_once() {
        let now = Instant::now();
        let mut hearing = Hearing::new(5, now);
        assert_eq!(hearing.until(), now + PROBE_TIMEOUT);
        assert!(!hearing.goes_on(5, hearing.until()));
    }

    #[test]
    fn one_that_hears_other_things_is_given_more_time_but_not_for_ever() {
        let mut now = Instant::now();
        let mut hearing = Hearing::new(0, now);
        let mut waits = 1;
        loop {
            assert_eq!(hearing.until(), now + PROBE_TIMEOUT, "from when it was looked");
            // Whoever looks may be late.
            now = hearing.until() + PROBE_TIMEOUT / 4;
            if !hearing.goes_on(waits, now) {
                break;
            }
            waits += 1;
        }
        assert_eq!(waits, PROBE_PATIENCE as u64);
    }
}
