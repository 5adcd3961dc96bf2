//! How many connections each address has.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

/// How many connections each address has.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// How many one may have; 0 is no limit.
    limit: usize,
    /// IPv6 addresses with the same first bits count as one, as their owner has all of them; mostly 64 bits.
    ipv6_prefix: u8,
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
    /// So many connections for each address, of which IPv6 ones are told apart by so many bits.
    pub(crate) fn new(limit: usize, ipv6_prefix: u8) -> Arc<Self> {
        Arc::new(Self { limit, ipv6_prefix, counts: Mutex::default(), warned: AtomicBool::new(false) })
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
        let address = network(address, self.ipv6_prefix);
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
                 insert the peer's SocketAddr into the extensions of each request, or have the proxy pass on the client's"
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

/// What is counted as one: an IPv4 address, or all IPv6 addresses with the same first bits.
fn network(address: IpAddr, ipv6_prefix: u8) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - ipv6_prefix.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(limit: usize, ipv6_prefix: u8) -> Arc<Addresses> {
        Addresses::new(limit, ipv6_prefix)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_connection() {
        let addresses = addresses(2, 64);
        let first = addresses.enter(ip("127.0.0.1")).expect("one of two");
        let second = addresses.enter(ip("127.0.0.1")).expect("two of two");
        assert!(addresses.enter(ip("127.0.0.1")).is_none());
        drop(first);
        assert!(addresses.enter(ip("127.0.0.1")).is_some());
        drop(second);
        assert!(addresses.counts.lock().is_empty());
    }

    #[test]
    fn ipv6_addresses_count_by_their_network() {
        let same = |prefix, one, other| {
            let addresses = addresses(1, prefix);
            let _guard = addresses.enter(ip(one)).expect("the first one");
            addresses.enter(ip(other)).is_none()
        };
        assert!(same(64, "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"));
        assert!(!same(64, "2001:db8::1", "2001:db8:0:1::1"));
        assert!(same(48, "2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same(128, "2001:db8::1", "2001:db8::2"));
        assert!(same(128, "2001:db8::1", "2001:db8::1"));
        assert!(same(1, "2001:db8::1", "3001:db8::1"));
        assert!(!same(1, "2001:db8::1", "1.2.3.4"));
        assert!(!same(64, "1.2.3.4", "1.2.3.5"), "IPv4 by the address");
        assert!(same(64, "::ffff:1.2.3.4", "1.2.3.4"), "the same client over a socket for both");
        assert!(!same(64, "::ffff:1.2.3.4", "::ffff:1.2.3.5"));
    }

    #[test]
    fn a_client_of_unknown_address_is_not_counted() {
        let addresses = addresses(1, 64);
        for _ in 0..3 {
            assert!(addresses.admit(None).is_ok_and(|guard| guard.is_none()));
        }
        assert!(addresses.admit(Some(ip("1.2.3.4"))).is_ok());
    }
}
