//! One connection to Redis: opening it, and learning that it broke.
//!
//! Speaks RESP3, so that confirmations and messages come in one order on one stream. Resends nothing and resubscribes
//! nothing: its owner does.

use redis::{AsyncConnectionConfig, ConnectionAddr, PushInfo, PushKind, aio::MultiplexedConnection, cmd};
use tokio::sync::mpsc;

use super::{
    answer::command_error,
    dial::{connect, timeouts},
    endpoint::Endpoint,
    mastership::Role,
};
use crate::adapter::AdapterError;

/// How many servers are tried in one attempt, where sentinels name different ones.
const MOST_TRIED: usize = 3;

/// An open connection. It closes when the last clone of `commands` is gone.
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    /// The server that it goes to.
    pub(super) server: ConnectionAddr,
    /// The server's role when the connection was made.
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
                // A full channel has the news already.
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
                // One sentinel may know less than the others: ask another one.
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

    /// Ends when the connection has ended, for any reason.
    pub(super) async fn broken(&mut self) -> AdapterError {
        // `None` means the same: the connection's task has ended and dropped the sender.
        self.broken.recv().await;
        AdapterError::Unavailable("the connection was closed".into())
    }
}

/// Asks a server what it is.
pub(super) async fn ask_role(commands: &mut MultiplexedConnection) -> Result<Role, AdapterError> {
    let reply = commands.send_packed_command(cmd("HELLO").arg(3)).await;
    reply.map(|reply| Role::read(&reply)).map_err(|error| command_error(&error))
}
