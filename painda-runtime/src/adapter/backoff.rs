//! How long to wait before a connection is tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::random::Random;

/// The delay before the first attempt to reconnect, and the most that it grows to.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The delays between attempts: they double up to a cap, and are jittered so that nodes don't reconnect all at once. Gets the time
/// from its caller.
#[derive(Debug)]
pub(super) struct Backoff {
    /// How long an attempt may take.
    attempt: Duration,
    next: Duration,
    /// When a delay was last asked for.
    last: Option<Instant>,
    random: Random,
}

impl Backoff {
    /// `attempt` is how long an attempt may take.
    pub(super) fn new(attempt: Duration, random: Random) -> Self {
        Self { attempt, next: FIRST_DELAY, last: None, random }
    }

    /// How long to wait before the next attempt: between half the delay and all of it.
    pub(super) fn delay(&mut self, now: Instant) -> Duration {
        // After a connection that has lasted this is a new outage. A connection that broke as soon as it was made is still the same one.
        let lasted = |last| now.duration_since(last) > 2 * (LONGEST_DELAY + self.attempt);
        if self.last.replace(now).is_none_or(lasted) {
            self.next = FIRST_DELAY;
        }
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST_DELAY);
        // Without random numbers there is no jitter. That is harmless.
        let jitter = self.random.bytes().map_or(u32::MAX, u32::from_le_bytes);
        delay.mul_f64(0.5 + f64::from(jitter) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: Duration = Duration::from_secs(2);

    #[test]
    fn delays_grow_to_the_cap_and_are_jittered() {
        let (mut backoff, now) = (Backoff::new(ATTEMPT, Random::default()), Instant::now());
        let mut cap = FIRST_DELAY;
        for _ in 0..20 {
            let delay = backoff.delay(now);
            assert!(delay >= cap / 2 && delay <= cap, "{delay:?} of {cap:?}");
            cap = (cap * 2).min(LONGEST_DELAY);
        }
    }

    #[test]
    fn an_outage_after_a_connection_that_lasted_begins_with_short_delays() {
        let (mut backoff, mut now) = (Backoff::new(ATTEMPT, Random::default()), Instant::now());
        for _ in 0..10 {
            backoff.delay(now);
            // An attempt that takes as long as it may, after the longest delay.
            now += LONGEST_DELAY + ATTEMPT;
        }
        assert!(backoff.delay(now) >= LONGEST_DELAY / 2, "it has not been up");
        assert!(backoff.delay(now + 3 * (LONGEST_DELAY + ATTEMPT)) <= FIRST_DELAY);
    }

    #[test]
    fn a_seed_gives_the_same_delays_in_each_run() {
        let delays = |seed| {
            let (mut backoff, now) = (Backoff::new(ATTEMPT, Random::seeded(seed)), Instant::now());
            (0..20).map(|_| backoff.delay(now)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
