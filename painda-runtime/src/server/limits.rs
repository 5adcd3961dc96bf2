//! The limits for a client: sizes, counts and rates. The defaults suit ordinary applications. How rates are kept is in [`rates`](super::conn::rates).
//!
//! The defaults of message, rate and queue fit together: what one client sends never fills the queue of another one that reads
//! 1 MB a second.

use std::{sync::Arc, time::Duration};

/// By which header [trusted proxies](crate::server::PPServerBuilder::trusted_proxies) say whose request they pass on; see
/// [`PPServerBuilder::proxy_header`](crate::server::PPServerBuilder::proxy_header).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// Whichever of the two a request has. Where it has both, and they name different clients, one of them is the client's own
    /// invention: then neither is used, and the client counts for the proxy's address.
    #[default]
    Either,
    /// `X-Forwarded-For: 1.2.3.4, [2001:db8::1]:443`; what `Forwarded` says is ignored.
    XForwardedFor,
    /// `Forwarded: for=1.2.3.4, for="[2001:db8::1]:443"`, as in RFC 7239; what `X-Forwarded-For` says is ignored.
    Forwarded,
}

/// How much may wait, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// So many bytes may wait for as long as they take.
    pub(crate) limit: usize,
    /// So many may wait for a short time; no single frame is larger.
    pub(crate) burst: usize,
    /// After so long over the limit a client is slow.
    pub(crate) slow_after: Duration,
    /// After so long without taking a byte a client is slow, however little waits for it.
    pub(crate) stalled_after: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            limit: 1 << 20,
            burst: 8 << 20,
            slow_after: Duration::from_secs(10),
            stalled_after: Duration::from_secs(30),
        }
    }
}

impl Bounds {
    /// No larger frame is ever queued.
    pub(crate) fn largest(&self) -> usize {
        self.burst.max(self.limit)
    }
}

/// The limits; see the builder's methods.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    /// As large as a message, unless set.
    pub(crate) inflated: Option<usize>,
    pub(crate) json_values: usize,
    pub(crate) queue: Arc<Bounds>,
    pub(crate) per_second: u32,
    pub(crate) per_minute: u32,
    pub(crate) bytes_per_second: u32,
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
            inflated: None,
            json_values: 10_000,
            queue: Arc::default(),
            per_second: 1000,
            per_minute: 60_000,
            bytes_per_second: 512 << 10,
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

impl Limits {
    /// How large a payload may be once it is inflated.
    pub(crate) fn inflated(&self) -> usize {
        self.inflated.unwrap_or(self.message)
    }

    /// How many bytes an event may have that comes from a client, in whatever form.
    pub(crate) fn event(&self) -> usize {
        self.message.max(self.inflated())
    }
}
