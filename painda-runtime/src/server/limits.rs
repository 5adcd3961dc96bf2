//! What a client may do, and how often. Each limit has a default that an ordinary application need not touch.

use std::time::{Duration, Instant};

use super::address::ProxyHeader;

/// The limits; see the builder's methods.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) inflated: usize,
    pub(crate) queue: usize,
    pub(crate) per_second: u32,
    pub(crate) per_minute: u32,
    pub(crate) rooms: usize,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) pending: usize,
    pub(crate) ipv6_prefix: u8,
    pub(crate) trusted_proxies: usize,
    pub(crate) proxy_header: ProxyHeader,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 1 << 20,
            inflated: crate::wire::frame::DEFAULT_MAX_INFLATED,
            queue: 1 << 20,
            per_second: 1000,
            per_minute: 60_000,
            rooms: 1000,
            connections: 100_000,
            connections_per_address: 0,
            pending: 1000,
            ipv6_prefix: 64,
            trusted_proxies: 0,
            proxy_header: ProxyHeader::default(),
        }
    }
}

/// How many messages a client has sent in this second and this minute.
#[derive(Debug)]
pub(crate) struct Rate {
    second: Window,
    minute: Window,
}

#[derive(Debug)]
struct Window {
    length: Duration,
    limit: u32,
    began: Instant,
    count: u32,
}

/// What a message's rate says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Yes,
    /// One too many, for the first time in this window: the client is told.
    NoAndSaySo(&'static str),
    /// One more too many.
    No,
}

impl Rate {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let window = |seconds, limit| Window { length: Duration::from_secs(seconds), limit, began: now, count: 0 };
        Self { second: window(1, limits.per_second), minute: window(60, limits.per_minute) }
    }

    /// Counts a message.
    pub(crate) fn allow(&mut self, now: Instant) -> Allowed {
        let over = [(self.second.count(now), "second"), (self.minute.count(now), "minute")];
        match over.into_iter().find(|(over, _)| *over > 0) {
            None => Allowed::Yes,
            Some((1, window)) => Allowed::NoAndSaySo(window),
            Some(_) => Allowed::No,
        }
    }
}

impl Window {
    /// Counts a message, and says by how many the limit is exceeded.
    fn count(&mut self, now: Instant) -> u32 {
        if now.duration_since(self.began) >= self.length {
            self.began = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        if self.limit == 0 { 0 } else { self.count.saturating_sub(self.limit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_counted_by_the_second_and_by_the_minute() {
        let start = Instant::now();
        let mut rate = Rate::new(&Limits { per_second: 2, per_minute: 5, ..Limits::default() }, start);
        let mut at = |ms| rate.allow(start + Duration::from_millis(ms));
        assert_eq!([at(0), at(1)], [Allowed::Yes, Allowed::Yes]);
        assert_eq!([at(2), at(3)], [Allowed::NoAndSaySo("second"), Allowed::No]);
        assert_eq!(at(1000), Allowed::Yes);
        assert_eq!([at(1001), at(2000)], [Allowed::NoAndSaySo("minute"), Allowed::No]);
        assert_eq!(at(60_000), Allowed::Yes);
    }

    #[test]
    fn a_limit_of_0_is_none() {
        let start = Instant::now();
        let mut rate = Rate::new(&Limits { per_second: 0, per_minute: 0, ..Limits::default() }, start);
        assert!((0..10_000).all(|_| rate.allow(start) == Allowed::Yes));
    }
}
