//! One connection to Redis: opening it, learning that it broke, and how long to wait before the next attempt.
//!
//! Speaks RESP3, so that confirmations and messages come in one order on one stream. Resends nothing and resubscribes
//! nothing: that is decided by whoever owns the connection.

use std::time::{Duration, Instant};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, PushInfo, PushKind, aio::MultiplexedConnection, cmd,
};
use tokio::sync::mpsc;

use super::{
    access::Access,
    answer::{command_error, is_answer, words},
    config::{CONNECT_TIMEOUT, FIRST_DELAY, LONGEST_DELAY, RESPONSE_TIMEOUT, wrong},
    endpoint::Endpoint,
    standing::Role,
};
use crate::adapter::AdapterError;

/// How many servers are tried in one attempt, where sentinels name different ones.
const MOST_TRIED: usize = 3;

/// An open connection. It closes when the last clone of `commands` is gone.
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    /// The server that it goes to.
    pub(super) server: ConnectionAddr,
    /// What that was when the connection was made.
    pub(super) role: Role,
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
        let config = timeouts(AsyncConnectionConfig::new()).set_push_sender(on_push);
        let mut located = endpoint.locate().await?;
        let mut tried = Vec::new();
        loop {
            let server = located.server.addr().clone();
            let opened = async {
                let mut commands =
                    connect(endpoint.label(), endpoint.access(), located.server.clone(), &config).await?;
                let role = ask_role(&mut commands).await?;
                Ok((commands, role))
            };
            let opened = opened.await;
            if !matches!(opened, Ok((_, Role::Master | Role::Unknown))) {
                // One sentinel may be behind the others.
                tried.push(server.clone());
                if tried.len() < MOST_TRIED
                    && let Some(other) = endpoint.instead_of(&located).await
                    && !tried.contains(other.server.addr())
                {
                    located = other;
                    continue;
                }
            }
            return opened.map(|(commands, role)| Self { commands, server, role, broken });
        }
    }

    /// Ends when the connection is gone, for whatever reason.
    pub(super) async fn broken(&mut self) -> AdapterError {
        // `None` also says so: the connection's task has ended and dropped the sender.
        self.broken.recv().await;
        AdapterError::Unavailable("the connection was closed".into())
    }
}

/// A connection's settings with our timeouts.
pub(super) fn timeouts(config: AsyncConnectionConfig) -> AsyncConnectionConfig {
    config.set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// Connects, and is let in. The host's name is resolved now, and what lets us in is read now.
pub(super) async fn connect(
    label: &str,
    access: &Access,
    server: ConnectionInfo,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, AdapterError> {
    let server = access.read(server).await?;
    let login = server.redis_settings().clone();
    let user = login.username().map(str::to_owned);
    let db = login.db();
    // The client library sends all its commands of a connect together, and tells nothing of an answer unless all of them are
    // answered. A server that has no room for us says so, once, and closes: so there is one command.
    let server = server.set_redis_settings(login.set_db(0).set_skip_set_lib_name());
    let failed = |error| access.error(label, user.as_deref(), &error);
    let client = Client::open(server).map_err(failed)?;
    let mut commands = client.get_multiplexed_async_connection_with_config(config).await.map_err(failed)?;
    if db != 0 {
        let selected = commands.send_packed_command(cmd("SELECT").arg(db)).await.and_then(redis::Value::extract_error);
        selected.map_err(|error| match is_answer(&error) {
            true => wrong("db", format_args!("{label} does not let us into the database {db}: {}", words(&error))),
            false => failed(error),
        })?;
    }
    Ok(commands)
}

/// Asks a server what it is.
pub(super) async fn ask_role(commands: &mut MultiplexedConnection) -> Result<Role, AdapterError> {
    let reply = commands.send_packed_command(cmd("HELLO").arg(3)).await;
    reply.map(|reply| Role::read(&reply)).map_err(|error| command_error(&error))
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
