//! Large messages are worked on by a few connections at a time, and everybody else's in between.
//!
//! To inflate and read a message of 1 MiB keeps a thread of the runtime busy for milliseconds. Were all that have come worked on as
//! soon as they are there, sixty clients with one each could hold up all the others for as long as all sixty take: a task is not
//! interrupted, and tokio looks for what has come on other connections only after many tasks. So whoever has a large message waits
//! for its turn, and lets others run before it passes the turn on. On several threads one of them stays free of such work.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tungstenite::Message;

use crate::{adapter::BoxFuture, wire::frame};

/// A message of more bytes is large, and so is any compressed one: it may become a thousand times as much.
const LARGE: usize = 16 << 10;
/// Who was done sooner passes its turn on at once.
const SHORT: Duration = Duration::from_micros(100);

/// The turns of a node.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let threads = runtime.metrics().num_workers();
        Self(Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))))
    }
}

/// A connection's turn: none, which most never need, one that it waits for, or one that it has.
#[derive(Default)]
pub(crate) enum Turn {
    #[default]
    None,
    Waiting(BoxFuture<Option<OwnedSemaphorePermit>>),
    Taken {
        #[expect(dead_code, reason = "is the turn")]
        permit: Option<OwnedSemaphorePermit>,
        since: Instant,
    },
}

impl Turn {
    /// Waits for a turn.
    pub(crate) fn poll_take(&mut self, turns: &Turns, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::None = self {
            let semaphore = turns.0.clone();
            // It is never closed.
            *self = Self::Waiting(Box::pin(async move { semaphore.acquire_owned().await.ok() }));
        }
        if let Self::Waiting(waiting) = self {
            let permit = ready!(Pin::new(waiting).poll(cx));
            *self = Self::Taken { permit, since: Instant::now() };
        }
        Poll::Ready(())
    }

    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Taken { .. })
    }

    /// Passes the turn on, after everybody else has run where it was long.
    pub(crate) async fn pass(&mut self) {
        if let Self::Taken { since, .. } = self
            && since.elapsed() > SHORT
        {
            tokio::task::yield_now().await;
        }
        *self = Self::None;
    }
}

/// Whether a message may cost so much that it needs a turn.
pub(crate) fn is_large(message: &Message) -> bool {
    message.len() > LARGE || matches!(message, Message::Binary(bytes) if frame::is_deflated(bytes))
}
