//! How long things may take, and how often they are done.

use std::time::Duration;

/// Connecting, with the handshake, may take this long.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A provider of credentials that takes longer is not waited for.
pub(super) const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection whose answer takes longer is given up.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A server of a cluster that takes longer to say how it sees the cluster is not waited for: others know as well.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection is tried this often, and its server, and the sentinels, are asked whether it is the master.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A subscription that does not hear our own probe for this long, nor anything else, is deaf.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// It is deaf as well if it hears other things for so many times as long, but not the probe.
pub(super) const PROBE_PATIENCE: usize = 5;
/// After an outage, what is queued waits at most this long for the other nodes to subscribe again.
pub(super) const CROWD_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the futures of `subscribe` and of the room operations wait for Redis.
pub(super) const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a close may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
