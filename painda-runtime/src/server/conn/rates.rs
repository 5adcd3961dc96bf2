//! How fast a client may send, and how fast it is read.

use std::time::Duration;

use tokio::time::Instant;

use crate::server::limits::Limits;

/// A client is closed when its messages have been dropped in each second for this long.
const FLOOD: Duration = Duration::from_secs(10);

/// Reading is limited to this multiple of the client's byte rate. Between the two, messages are dropped; above, reading pauses.
const READING: i64 = 4;
/// A message, be it a ping, counts so many bytes more than it has when it is read: many small ones cost far more than a large one of as
/// many bytes.
const MESSAGE: i64 = 128;
/// How long reading pauses at least for a client that sends too fast,
const PAUSE: Duration = Duration::from_millis(20);
/// and at most: the end of the connection is not seen meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether a rate has room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Yes,
    /// Over the rate, for the first time in this window: the client gets an error.
    FirstOver(&'static str),
    /// Over the rate; the client has had its error.
    Over,
}

/// How many messages a client has sent in this second and this minute.
#[derive(Debug)]
pub(crate) struct MessageRate {
    second: Window,
    minute: Window,
}

/// Small, as each connection has several.
#[derive(Debug)]
struct Window {
    began: Instant,
    count: u32,
    limit: u32,
}

impl MessageRate {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let window = |limit| Window { began: now, count: 0, limit };
        Self { second: window(limits.per_second), minute: window(limits.per_minute) }
    }

    /// Counts a message.
    pub(crate) fn allow(&mut self, now: Instant) -> Allowed {
        let over = [(self.second.count(1, now), "second"), (self.minute.count(60, now), "minute")];
        match over.into_iter().find(|(over, _)| *over > 0) {
            None => Allowed::Yes,
            Some((1, window)) => Allowed::FirstOver(window),
            Some(_) => Allowed::Over,
        }
    }
}

impl Window {
    /// Counts a message, and says by how many the limit of so many seconds is exceeded.
    fn count(&mut self, seconds: u64, now: Instant) -> u32 {
        if now.duration_since(self.began).as_secs() >= seconds {
            self.began = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        if self.limit == 0 { 0 } else { self.count.saturating_sub(self.limit) }
    }
}

/// How many bytes a client may have handled now: so many more each second, up to a largest message's worth.
#[derive(Debug)]
pub(crate) struct ByteRate {
    per_second: i64,
    most: i64,
    available: i64,
    refilled: Instant,
    told: Option<Instant>,
}

impl ByteRate {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let per_second = i64::from(limits.bytes_per_second);
        let most = per_second.max(signed(limits.message)).max(signed(limits.inflated()));
        Self { per_second, most, available: most, refilled: now, told: None }
    }

    /// The rate of reading. It counts all bytes: frames without a message, pings, and messages that are dropped. A client that keeps to
    /// its rates of bytes and messages never exceeds it.
    pub(crate) fn of_reading(limits: &Limits, now: Instant) -> Self {
        let per_second = match i64::from(limits.bytes_per_second) {
            0 => 0,
            bytes => READING * bytes + MESSAGE * i64::from(limits.per_second),
        };
        let most = per_second.max(signed(limits.message));
        Self { per_second, most, available: most, refilled: now, told: None }
    }

    /// Counts what a message costs beside its bytes, which are counted already.
    pub(crate) fn charge_message(&mut self) {
        self.available = self.available.saturating_sub(MESSAGE);
    }

    /// How long to pause before the next read; none where reading may go on.
    pub(crate) fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        let debt = u64::try_from(-self.available).ok()?;
        let rate = u64::try_from(self.per_second).ok().filter(|rate| *rate > 0)?;
        Some(Duration::from_micros(debt.saturating_mul(1_000_000) / rate).clamp(PAUSE, LONGEST_PAUSE))
    }

    /// Takes bytes before any work is done for them. Bytes over the rate are not deducted.
    pub(crate) fn allow(&mut self, bytes: usize, now: Instant) -> Allowed {
        self.refill(now);
        if self.per_second == 0 || self.available >= signed(bytes).min(self.most) {
            self.available = self.available.saturating_sub(signed(bytes));
            return Allowed::Yes;
        }
        self.over(now)
    }

    /// Takes bytes whose number was known only after work. They are deducted also where they are over the rate.
    pub(crate) fn charge(&mut self, bytes: usize, now: Instant) -> Allowed {
        let enough = self.per_second == 0 || self.available >= signed(bytes);
        self.available = self.available.saturating_sub(signed(bytes));
        if enough { Allowed::Yes } else { self.over(now) }
    }

    /// Deducts bytes of messages that were handled already.
    pub(crate) fn deduct(&mut self, bytes: usize) {
        self.available = self.available.saturating_sub(signed(bytes));
    }

    fn refill(&mut self, now: Instant) {
        let passed = i64::try_from(now.duration_since(self.refilled).as_micros()).unwrap_or(i64::MAX);
        let more = self.per_second.saturating_mul(passed) / 1_000_000;
        // The rest of a byte is not lost: the time stands until there is a whole one.
        if more > 0 {
            self.available = self.available.saturating_add(more).min(self.most);
            let micros = u64::try_from(more.saturating_mul(1_000_000) / self.per_second).unwrap_or_default();
            self.refilled += Duration::from_micros(micros).min(now.duration_since(self.refilled));
        }
    }

    fn over(&mut self, now: Instant) -> Allowed {
        let told = self.told.is_some_and(|at| now.duration_since(at) < Duration::from_secs(1));
        if told {
            return Allowed::Over;
        }
        self.told = Some(now);
        Allowed::FirstOver("second")
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// For how long a client has been sending too much.
#[derive(Debug, Default)]
pub(crate) struct Flood(Option<(Instant, Instant)>);

impl Flood {
    /// A message was dropped. `true` where that has happened at least once a second for too long.
    pub(crate) fn dropped(&mut self, now: Instant) -> bool {
        let since = match self.0 {
            Some((since, last)) if now.duration_since(last) < Duration::from_secs(1) => since,
            _ => now,
        };
        self.0 = Some((since, now));
        now.duration_since(since) >= FLOOD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_counted_by_the_second_and_by_the_minute() {
        let start = Instant::now();
        let mut rate = MessageRate::new(&Limits { per_second: 2, per_minute: 5, ..Limits::default() }, start);
        let mut at = |ms| rate.allow(start + Duration::from_millis(ms));
        assert_eq!([at(0), at(1)], [Allowed::Yes, Allowed::Yes]);
        assert_eq!([at(2), at(3)], [Allowed::FirstOver("second"), Allowed::Over]);
        assert_eq!(at(1000), Allowed::Yes);
        assert_eq!([at(1001), at(2000)], [Allowed::FirstOver("minute"), Allowed::Over]);
        assert_eq!(at(60_000), Allowed::Yes);
    }

    #[test]
    fn a_limit_of_0_is_none() {
        let start = Instant::now();
        let mut rate = MessageRate::new(&Limits { per_second: 0, per_minute: 0, ..Limits::default() }, start);
        assert!((0..10_000).all(|_| rate.allow(start) == Allowed::Yes));
    }

    #[test]
    fn bytes_are_counted_as_they_may_come() {
        let start = Instant::now();
        let limits = Limits { message: 1000, bytes_per_second: 100, ..Limits::default() };
        let mut rate = ByteRate::new(&limits, start);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rate.allow(1000, at(0)), Allowed::Yes, "a largest message may come at once");
        assert_eq!(rate.allow(1, at(0)), Allowed::FirstOver("second"));
        assert_eq!(rate.allow(1, at(0)), Allowed::Over);
        assert_eq!([rate.allow(51, at(500)), rate.allow(50, at(500))], [Allowed::Over, Allowed::Yes]);
        // A small message that becomes large pays for it afterwards.
        assert_eq!(rate.allow(1, at(1000)), Allowed::Yes);
        assert_eq!(rate.charge(999, at(1000)), Allowed::FirstOver("second"));
        assert_ne!(rate.allow(1, at(10_000)), Allowed::Yes);
        assert_eq!(rate.allow(1000, at(30_000)), Allowed::Yes, "no more than a largest message is saved up");
        assert_ne!(rate.allow(1, at(30_000)), Allowed::Yes);
    }

    #[test]
    fn small_steps_of_time_refill_too() {
        let start = Instant::now();
        let limits = Limits { message: 100, bytes_per_second: 100, ..Limits::default() };
        let mut rate = ByteRate::new(&limits, start);
        assert_eq!(rate.allow(100, start), Allowed::Yes);
        let allowed = (1..=1000).filter(|ms| rate.allow(1, start + Duration::from_millis(*ms)) == Allowed::Yes).count();
        assert_eq!(allowed, 100);
        // A byte takes 10 ms, and the 9 ms over are not lost.
        let mut taken = |step: u64| {
            let at = start + Duration::from_millis(1000 + 19 * step);
            std::iter::repeat_with(|| rate.allow(1, at)).take_while(|allowed| *allowed == Allowed::Yes).count()
        };
        assert_eq!((1..=1000).map(&mut taken).sum::<usize>(), 1900);
    }

    #[test]
    fn a_flood_is_what_goes_on() {
        let start = Instant::now();
        let mut flood = Flood::default();
        let mut at = |ms| flood.dropped(start + Duration::from_millis(ms));
        assert!((0..20).all(|half| !at(half * 500)));
        assert!(at(10_000));
        // A pause begins it anew.
        assert!(!at(12_000));
        assert!(!at(12_500));
    }

    #[test]
    fn reading_pauses_where_too_much_comes() {
        let start = Instant::now();
        let limits = Limits { message: 1000, bytes_per_second: 1000, per_second: 0, ..Limits::default() };
        let mut rate = ByteRate::of_reading(&limits, start);
        assert_eq!(rate.pause(start), None);
        rate.charge(4020, start);
        assert_eq!(rate.pause(start), Some(PAUSE));
        assert_eq!(rate.pause(start + PAUSE), None);
        rate.charge(2060, start + PAUSE);
        assert_eq!(rate.pause(start + PAUSE), Some(Duration::from_millis(500)));
        rate.charge(1 << 20, start + PAUSE);
        assert_eq!(rate.pause(start + PAUSE), Some(LONGEST_PAUSE));
        // As many messages as may come never make it pause.
        let mut rate = ByteRate::of_reading(&Limits { per_second: 10, ..limits.clone() }, start);
        for _ in 0..10 {
            rate.charge(100, start);
            rate.charge_message();
        }
        assert_eq!(rate.pause(start), None);
        let mut unlimited = ByteRate::of_reading(&Limits { bytes_per_second: 0, ..limits }, start);
        unlimited.charge(1 << 30, start);
        assert_eq!(unlimited.pause(start), None);
    }
}
