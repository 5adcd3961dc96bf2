//! How long to wait before a connection is tried again.

use std::time::{Duration, Instant};

/// The delay before the first attempt to reconnect, and the most that it grows to.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The delays between attempts: they double up to a cap, and are jittered so that nodes don't come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    /// How long an attempt may take.
    attempt: Duration,
    next: Duration,
    last: Instant,
}

impl Backoff {
    /// `attempt` is how long an attempt may take.
    pub(super) fn new(attempt: Duration) -> Self {
        Self { attempt, next: FIRST_DELAY, last: Instant::now() }
    }

    /// How long to wait before the next attempt: between half the delay and all of it.
    pub(super) fn delay(&mut self) -> Duration {
        // A connection that lasted is a new outage; one that is closed as soon as it is made is not.
        if self.last.elapsed() > 2 * (LONGEST_DELAY + self.attempt) {
            self.next = FIRST_DELAY;
        }
        self.last = Instant::now();
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST_DELAY);
        // Without randomness there is no jitter, which does no harm.
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        delay.mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_are_jittered() {
        let mut backoff = Backoff::new(Duration::ZERO);
        let mut cap = FIRST_DELAY;
        for _ in 0..20 {
            let delay = backoff.delay();
            assert!(delay >= cap / 2 && delay <= cap, "{delay:?} of {cap:?}");
            cap = (cap * 2).min(LONGEST_DELAY);
        }
    }
}
