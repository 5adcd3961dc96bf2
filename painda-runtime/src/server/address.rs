//! Whose connection it is: the client's address, and how many connections each has.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Extensions, HeaderMap};
use parking_lot::Mutex;

use super::limits::Limits;

/// How many connections each address has.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// How many one may have; 0 is no limit.
    limit: usize,
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
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: limits.connections_per_address,
            counts: Mutex::default(),
            warned: AtomicBool::new(false),
        })
    }

    /// Counts a connection, where these are counted; an error where its address has as many as it may.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Option<AddressGuard>, ()> {
        match address {
            _ if self.limit == 0 => Ok(None),
            None => {
                self.warn_of_unknown();
                Ok(None)
            }
            Some(address) => self.enter(address).map(Some).ok_or(()),
        }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<AddressGuard> {
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(AddressGuard { addresses: self.clone(), address })
    }

    /// A connection whose address nobody knows is not counted. Said once, since it is how the server was mounted.
    fn warn_of_unknown(&self) {
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

/// Where the connection comes from, as whoever accepted it has noted in the request.
pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get().copied()
}

/// The client's address: the peer's, or what the outermost of so many trusted proxies says that it saw. Each proxy appends
/// the address it was connected from, so only the last `trusted` entries can be believed; what stands before them is the
/// client's own invention.
pub(crate) fn client(headers: &HeaderMap, peer: Option<SocketAddr>, trusted: usize) -> Option<IpAddr> {
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
    fn only_as_many_hops_as_are_trusted_are_believed() {
        let peer = Some(SocketAddr::from(([10, 0, 0, 1], 80)));
        let mut headers = HeaderMap::new();
        let ip = |headers: &HeaderMap, trusted| client(headers, peer, trusted).map(|ip| ip.to_string());
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
        let addresses = Addresses::new(&Limits { connections_per_address: 2, ..Limits::default() });
        let ip = IpAddr::from([127, 0, 0, 1]);
        let first = addresses.enter(ip).expect("one of two");
        let second = addresses.enter(ip).expect("two of two");
        assert!(addresses.enter(ip).is_none());
        drop(first);
        assert!(addresses.enter(ip).is_some());
        drop(second);
        assert!(addresses.counts.lock().is_empty());
    }
}
