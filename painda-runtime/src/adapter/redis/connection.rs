//! One connection to Redis: opening it, learning that it broke, and how long to wait before the next attempt.
//!
//! Speaks RESP3, so that confirmations and messages come in one order on one stream. Resends nothing and resubscribes
//! nothing: that is decided by whoever owns the connection.

use std::time::{Duration, Instant};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, PushInfo, PushKind, RedisError,
    aio::MultiplexedConnection,
};
use tokio::sync::mpsc;

use super::{
    config::{CONNECT_TIMEOUT, FIRST_DELAY, LONGEST_DELAY, RESPONSE_TIMEOUT, wrong},
    endpoint::Endpoint,
};
use crate::adapter::AdapterError;

/// An open connection. It closes when the last clone of `commands` is gone.
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    /// The server that it goes to.
    pub(super) server: ConnectionAddr,
    broken: mpsc::Receiver<()>,
}

impl Connection {
    /// Opens a connection; `on_push` gets what Redis sends unasked, in order, on the connection's own task.
    pub(super) async fn open(
        endpoint: &Endpoint,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Self, AdapterError> {
        let (breaks, broken) = mpsc::channel(1);
        let on_push = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                // Full means that it was said before.
                let _ = breaks.try_send(());
            } else {
                on_push(push);
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_push_sender(on_push);
        let info = endpoint.resolve().await?;
        let (label, server) = (endpoint.label(), info.addr().clone());
        let db = info.redis_settings().db();
        let client = Client::open(info).map_err(|error| open_error(label, db, &error))?;
        let commands = client.get_multiplexed_async_connection_with_config(&config).await;
        let commands = commands.map_err(|error| open_error(label, db, &error))?;
        Ok(Self { commands, server, broken })
    }

    /// Ends when the connection is gone, for whatever reason.
    pub(super) async fn broken(&mut self) -> AdapterError {
        // `None` also says so: the connection's task has ended and dropped the sender.
        self.broken.recv().await;
        AdapterError::Unavailable("the connection was closed".into())
    }
}

/// Why a connection could not be opened, with the setting to look at.
pub(super) fn open_error(label: &str, db: i64, error: &RedisError) -> AdapterError {
    let text = error.to_string();
    if text.contains("NOAUTH") {
        return wrong("password", format_args!("{label} asks for one, but none is set"));
    }
    if error.kind() == ErrorKind::AuthenticationFailed || text.contains("WRONGPASS") {
        return wrong("password", format_args!("{label} does not accept the username or the password: {text}"));
    }
    if text.contains("DB index") {
        return wrong("db", format_args!("{label} has no database {db}: {text}"));
    }
    match error.kind() {
        ErrorKind::RESP3NotSupported => wrong("host", format_args!("{label} is older than Redis 6")),
        ErrorKind::InvalidClientConfig => wrong("url", format_args!("{label}: {text}")),
        _ => AdapterError::Unavailable(format!("{label}: {text}").into()),
    }
}

/// Did Redis answer with an error, rather than the connection fail?
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// The error of a command, as the adapter's callers see it.
pub(super) fn command_error(error: &RedisError) -> AdapterError {
    let text = error.to_string().into();
    if is_answer(error) { AdapterError::Backend(text) } else { AdapterError::Unavailable(text) }
}

/// The delays between attempts: they double up to a cap, and are jittered so that nodes don't come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    last: Instant,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST_DELAY, last: Instant::now() }
    }

    /// How long to wait before the next attempt: between half the delay and all of it.
    pub(super) fn delay(&mut self) -> Duration {
        // A connection that lasted is a new outage; one that is closed as soon as it is made is not.
        if self.last.elapsed() > 2 * (LONGEST_DELAY + CONNECT_TIMEOUT) {
            self.next = FIRST_DELAY;
        }
        self.last = Instant::now();
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST_DELAY);
        // Without randomness there is no jitter, which does no harm.
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        delay.mul_f64(0.5 + random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_are_jittered() {
        let mut backoff = Backoff::new();
        let mut cap = FIRST_DELAY;
        for _ in 0..20 {
            let delay = backoff.delay();
            assert!(delay >= cap / 2 && delay <= cap, "{delay:?} of {cap:?}");
            cap = (cap * 2).min(LONGEST_DELAY);
        }
    }
}
