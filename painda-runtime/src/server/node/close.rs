//! The close of a node: its clients are told, then waited for, then the adapter is closed.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::Instant;

use super::Node;
use crate::{
    server::{
        error::Error,
        sending::{core::SocketCore, policy::Policy},
        stats::EventLabel,
    },
    wire::{audience::Audience, control::ToClient},
};

impl Node {
    /// Tells every client that the node stops, and waits until they are gone and their disconnect hooks have ended, or the deadline
    /// has passed; then closes the adapter. It goes on to its end where the future is dropped.
    pub(crate) fn close(self: &Arc<Self>, reason: &'static str) -> impl Future<Output = Result<(), Error>> + use<> {
        let mut closed = self.closed.subscribe();
        if !self.closing.swap(true, Ordering::SeqCst) {
            tracing::info!(target: "painda::server", connections = self.connections(), reason, "stopping");
            self.changed.notify_waiters();
            self.http.stop();
            let node = self.clone();
            let unfinished = Unfinished(self.clone());
            self.runtime.spawn(async move {
                let _unfinished = unfinished;
                let began = Instant::now();
                let result = node.stop_clients(reason).await;
                let after = began.elapsed();
                match &result {
                    Ok(()) => tracing::info!(target: "painda::server", ?after, "stopped"),
                    Err(error) => tracing::warn!(target: "painda::server", ?after, %error, "stopped, but not in order"),
                }
                node.closed.send_replace(Some(result));
            });
        }
        async move {
            match closed.wait_for(Option::is_some).await {
                Ok(result) => result.clone().unwrap_or(Ok(())),
                Err(_) => Err(runtime_ended()),
            }
        }
    }

    async fn stop_clients(&self, reason: &str) -> Result<(), Error> {
        let deadline = self.config.shutdown_timeout;
        let timeout_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        if let Some(packet) = self.control(&ToClient::Shutdown { reason, timeout_ms }) {
            let event = EventLabel::at(self.registry, None);
            self.emit_here_with(&Audience::default(), &packet, &Policy::Protocol, event);
        }
        // A handshake that is going on ends with the same.
        self.hub.each(&Audience::default(), SocketCore::go_away);
        let all_gone = async {
            loop {
                let changed = self.changed.notified();
                if self.clients.load(Ordering::SeqCst) == 0 {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(deadline, all_gone).await.is_err() {
            self.hub.each(&Audience::default(), |socket| socket.outbox.abandon());
            let clients = self.clients.load(Ordering::Acquire);
            let what = "these clients or their hooks were cut off at the shutdown deadline";
            tracing::warn!(target: "painda::server", clients, "{what}");
        }
        Ok(self.adapter.close().await?)
    }
}

/// A close that has begun. Where the runtime ends before it does, those who wait for it get an error.
struct Unfinished(Arc<Node>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.closed.send_if_modified(|closed| {
            let unfinished = closed.is_none();
            closed.get_or_insert_with(|| Err(runtime_ended()));
            unfinished
        });
    }
}

fn runtime_ended() -> Error {
    Error::other("the runtime ended before the server was closed")
}

/// One client, from its handshake to the end of its disconnect hook: a server that closes waits for it.
pub(crate) struct Client(Arc<Node>);

impl Client {
    pub(crate) fn new(node: &Arc<Node>) -> Self {
        node.clients.fetch_add(1, Ordering::SeqCst);
        Self(node.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

/// A connect hook that goes on without its client, until it has ended.
pub(crate) struct UnfinishedHook(Arc<Node>);

impl UnfinishedHook {
    pub(crate) fn new(node: &Arc<Node>) -> Self {
        node.unfinished_hooks.fetch_add(1, Ordering::AcqRel);
        Self(node.clone())
    }
}

impl Drop for UnfinishedHook {
    fn drop(&mut self) {
        self.0.unfinished_hooks.fetch_sub(1, Ordering::AcqRel);
    }
}
