//! What clients may do, and what may wait for them.

use std::{sync::Arc, time::Duration};

use super::PPServerBuilder;
use crate::{schema::Schema, server::limits::ProxyHeader};

/// Limits for clients.
impl<S: Schema> PPServerBuilder<S> {
    /// How many bytes may wait for one client; each frame counts 32 more than it has, which is what queueing it takes. At the bound,
    /// [`Socket::emit`](crate::Socket::emit) returns [`Error::QueueFull`](crate::Error::QueueFull), and a `volatile` event is dropped for
    /// this client; a `latest` event takes the place of its predecessor wherever that still waits. An emit to rooms, which can return no
    /// error for one of many clients, waits beyond the bound, up to the [burst](Self::queue_burst), for a [short time](Self::slow_after).
    /// Default: 1 MiB.
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).limit = bytes;
        self
    }

    /// How many bytes may wait for one client for a short time, and how large a single event may be, which is sent where nothing
    /// else waits. A client for which more would wait is closed with code 4008. Default: 8 MiB.
    pub fn queue_burst(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).burst = bytes;
        self
    }

    /// For how long more than the [queue's limit](Self::queue_limit) may wait for a client; one that still has not read enough
    /// is closed with code 4008. Default: 10 s.
    pub fn slow_after(mut self, time: Duration) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).slow_after = time;
        self
    }

    /// For how long a client may take nothing of what waits for it, be it ever so little, before it is closed with code 4008: whether it
    /// answers pings or not. Default: 30 s.
    pub fn stalled_after(mut self, time: Duration) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).stalled_after = time;
        self
    }

    /// The largest message that a client may send, in bytes; a larger one closes it with code 1009. At least 16, a frame's
    /// header. Default: 1 MiB.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.config.limits.message = bytes;
        self
    }

    /// How large a compressed payload may become, in bytes; a larger one is answered with `__pp_error`. Default: as large as a
    /// [message](Self::max_message).
    pub fn max_inflated(mut self, bytes: usize) -> Self {
        self.config.limits.inflated = Some(bytes);
        self
    }

    /// How many values the JSON may have that an [`on_json`](crate::Socket::on_json) handler is given, lists and objects included; a
    /// message with more is answered with `__pp_error`. A value takes up to 350 bytes of memory and a few of text, so that text
    /// says little about what a handler holds. What no such handler is for is not counted, and neither are the payloads
    /// of typed events. Default: 10 000.
    pub fn max_json_values(mut self, values: usize) -> Self {
        self.config.limits.json_values = values;
        self
    }

    /// How many messages a client may send per second; 0 is no limit. Further ones are dropped, and the first of them is answered with
    /// `__pp_error` `RATE_LIMITED`; a client of which messages have been dropped in each second for 10 s is closed with code 1008. Pings
    /// and pongs are counted apart; a client that sends more of these is closed at once. Not more than
    /// [a minute](Self::max_messages_per_minute). Default: 1000.
    pub fn max_messages_per_second(mut self, messages: u32) -> Self {
        self.config.limits.per_second = messages;
        self
    }

    /// How many messages a client may send per minute; 0 is no limit. What is over it is dealt with as in
    /// [`max_messages_per_second`](Self::max_messages_per_second). Default: 60 000.
    pub fn max_messages_per_minute(mut self, messages: u32) -> Self {
        self.config.limits.per_minute = messages;
        self
    }

    /// How many bytes a client may send per second, compressed ones counted as what they become, and so is JSON that becomes
    /// binary or, while clients of this node are spoken to in JSON, the reverse; 0 is no limit. One message of the
    /// largest size may come at once, and has to be made up for. What is too much is dropped, as for
    /// [`max_messages_per_second`](Self::max_messages_per_second). Whatever it sends, a client is read at four times this rate at most,
    /// each message, pings among them, counted with 128 bytes more than it has: one that keeps to its limits is never slowed down.
    /// Default: 512 KiB, so that whoever reads 1 MB a second keeps up with whatever another client says.
    pub fn max_bytes_per_second(mut self, bytes: u32) -> Self {
        self.config.limits.bytes_per_second = bytes;
        self
    }

    /// How long a handler, with the middleware before it, may take for one message; 0 is no limit. One that takes longer is dropped
    /// where it waits, and counts as failed. Meanwhile further messages of the client wait, up to 256 of them and as many bytes
    /// as a largest message; then nothing more is read from it, and a client for which that lasts for 3 s, with no handler coming to
    /// an end, is closed with code 1013. Default: 60 s.
    pub fn handler_timeout(mut self, time: Duration) -> Self {
        self.config.handler_timeout = time;
        self
    }

    /// How many rooms a client may be in, 0 meaning none; joining one more is an [`Error::TooManyRooms`](crate::Error::TooManyRooms). Default: 1000.
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.config.limits.rooms = rooms;
        self
    }

    /// How many clients this node takes, 0 meaning none; further ones are answered 503. A connect hook that goes on when its client has
    /// gone counts as a client. Default: 100 000.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.config.limits.connections = connections;
        self
    }

    /// How many HTTP connections may wait for their client: for its request, the rest of a body, or until it takes an answer. For
    /// one more, the one is closed that has waited longest. WebSockets are not among them, nor are requests that the application
    /// is answering. Not 0. Default: 1000.
    pub fn max_pending(mut self, connections: usize) -> Self {
        self.config.limits.pending = connections;
        self
    }

    /// How many connections one address may have; 0, the default, is no limit. Further ones are closed with code 4029.
    /// IPv6 addresses count by their [network](Self::ipv6_prefix).
    /// Behind a proxy all clients have the proxy's address, unless [`trusted_proxies`](Self::trusted_proxies) says otherwise.
    /// A mounted server learns addresses from a [`SocketAddr`](std::net::SocketAddr) in the request's extensions, or with the feature
    /// `axum` from axum's `ConnectInfo`; clients whose address it does not know are not counted, of which the log warns once.
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.config.limits.connections_per_address = connections;
        self
    }

    /// How many of an IPv6 address' first bits count as one address, 1 to 128: whoever has one address mostly has a whole network.
    /// Default: 64, what one household or one rented machine has.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.config.limits.ipv6_prefix = bits;
        self
    }

    /// How many proxies of your own stand before this server. So many entries at the end of `X-Forwarded-For` or
    /// [`Forwarded`](Self::proxy_header) are believed, and the first of them is the client's address; what a client writes there
    /// itself is not. A client whose address the proxy keeps to itself (`unknown`, `_hidden`), or writes in a way that can't be read,
    /// has none, and is not counted by its address. Each proxy must append what it saw, and be reached only through the one before:
    /// who can go past them can write what it likes. Default: 0.
    pub fn trusted_proxies(mut self, proxies: usize) -> Self {
        self.config.limits.trusted_proxies = proxies;
        self
    }

    /// Which header the [trusted proxies](Self::trusted_proxies) write. Name it where you know it: then a client that writes the other
    /// one changes nothing. Default: [`ProxyHeader::Either`].
    pub fn proxy_header(mut self, header: ProxyHeader) -> Self {
        self.config.limits.proxy_header = header;
        self
    }
}
