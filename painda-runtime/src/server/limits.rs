//! What a client may do, and how often. Each limit has a default that an ordinary application need not touch.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderMap;
use parking_lot::Mutex;

/// The limits; see the builder's methods.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) inflated: usize,
    pub(crate) json_values: usize,
    pub(crate) queue: usize,
    pub(crate) per_second: u32,
    pub(crate) per_minute: u32,
    pub(crate) rooms: usize,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) trusted_proxies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 1 << 20,
            inflated: crate::wire::frame::DEFAULT_MAX_INFLATED,
            json_values: 10_000,
            queue: 1 << 20,
            per_second: 1000,
            per_minute: 60_000,
            rooms: 1000,
            connections: 100_000,
            connections_per_address: 0,
            trusted_proxies: 0,
        }
    }
}

impl Limits {
    /// How many bytes an event may have that comes from a client, in whatever form.
    pub(crate) fn event(&self) -> usize {
        self.message.max(self.inflated)
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

/// How many connections each address has.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    counts: Mutex<HashMap<IpAddr, usize>>,
    warned: AtomicBool,
}

/// One connection of an address, for as long as it is kept.
#[derive(Debug)]
pub(crate) struct AddressGuard {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// Counts a connection; `None` where the address has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<AddressGuard> {
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(AddressGuard { addresses: self.clone(), address })
    }

    /// A connection whose address nobody knows is not counted. Said once, since it is how the server was mounted.
    pub(crate) fn enter_unknown(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "painda::server",
                "clients of unknown address are not limited by max_connections_per_address: \
                 insert the peer's SocketAddr into the extensions of each request"
            );
        }
    }
}

impl Drop for AddressGuard {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// The client's address: the peer's, or what the outermost of so many trusted proxies says that it saw. Each proxy appends
/// the address it was connected from, so only the last `trusted` entries can be believed; what stands before them is the
/// client's own invention.
pub(crate) fn client_address(headers: &HeaderMap, peer: Option<SocketAddr>, trusted: usize) -> Option<IpAddr> {
    let peer = peer.map(|peer| peer.ip().to_canonical());
    if trusted == 0 {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for");
    let hops: Vec<&str> =
        values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    // Fewer entries than proxies: somebody reached us past them, and only the peer is certain.
    let hop = hops.len().checked_sub(trusted).and_then(|at| hops.get(at));
    hop.and_then(|hop| hop.trim().parse::<IpAddr>().ok()).map(|ip| ip.to_canonical()).or(peer)
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

    #[test]
    fn only_as_many_hops_as_are_trusted_are_believed() {
        let peer = Some(SocketAddr::from(([10, 0, 0, 1], 80)));
        let mut headers = HeaderMap::new();
        let ip = |headers: &HeaderMap, trusted| client_address(headers, peer, trusted).map(|ip| ip.to_string());
        assert_eq!(ip(&headers, 1).as_deref(), Some("10.0.0.1"), "nobody has forwarded it");
        headers.append("x-forwarded-for", "6.6.6.6, 1.2.3.4".parse().expect("a value"));
        headers.append("x-forwarded-for", "10.0.0.9".parse().expect("a value"));
        assert_eq!(ip(&headers, 0).as_deref(), Some("10.0.0.1"));
        assert_eq!(ip(&headers, 1).as_deref(), Some("10.0.0.9"));
        assert_eq!(ip(&headers, 2).as_deref(), Some("1.2.3.4"));
        assert_eq!(ip(&headers, 9).as_deref(), Some("10.0.0.1"), "it came past the proxies");
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_connection() {
        let addresses = Arc::new(Addresses::default());
        let ip = IpAddr::from([127, 0, 0, 1]);
        let first = addresses.enter(ip, 2).expect("one of two");
        let second = addresses.enter(ip, 2).expect("two of two");
        assert!(addresses.enter(ip, 2).is_none());
        drop(first);
        assert!(addresses.enter(ip, 2).is_some());
        drop(second);
        assert!(addresses.counts.lock().is_empty());
    }
}
