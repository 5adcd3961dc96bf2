//! How long things may take, and how often they are done.

use std::time::Duration;

/// Connecting, with the handshake, may take this long.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a provider of credentials may take.
pub(super) const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection whose answer takes longer is given up.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a server of a Redis Cluster may take to answer for its slots, before the next one is asked.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// How often the subscription is probed, and the server and the sentinels are asked whether it is the master.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A subscription that receives neither the probe nor anything else for this long is made again.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// It is made again as well if it receives other messages for so many times as long, but not the probe.
pub(super) const PROBE_PATIENCE: usize = 5;
/// After an outage, what is queued waits at most this long for the other nodes to subscribe again.
pub(super) const RESUBSCRIBE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the futures of `subscribe` and of the room operations wait for Redis.
pub(super) const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a close may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
