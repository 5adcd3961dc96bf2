//! Slots for large messages: a few connections work on one at a time, and all others run in between.
//!
//! To inflate and read a message of 1 MiB keeps a thread of the runtime busy for milliseconds. Were all that have come worked on as
//! soon as they are there, sixty clients with one each could hold up all the others for as long as all sixty take: a task is not
//! interrupted, and tokio looks for what has come on other connections only after many tasks. So a connection with a large
//! message waits for a slot, and lets others run before it releases it. There is one slot less than threads, so that a thread stays free.

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
/// A slot that was held for less is released without a pause.
const SHORT: Duration = Duration::from_micros(100);

/// The slots of a node.
#[derive(Debug)]
pub(crate) struct LargeSlots(Arc<Semaphore>);

impl LargeSlots {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let threads = runtime.metrics().num_workers();
        Self(Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))))
    }
}

/// A connection's slot: none, one that it waits for, or one that it holds.
#[derive(Default)]
pub(crate) enum Slot {
    #[default]
    None,
    Waiting(BoxFuture<Option<OwnedSemaphorePermit>>),
    Taken {
        #[expect(dead_code, reason = "held, not read")]
        permit: Option<OwnedSemaphorePermit>,
        since: Instant,
    },
}

impl Slot {
    /// Waits for a slot.
    pub(crate) fn poll_take(&mut self, slots: &LargeSlots, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::None = self {
            let semaphore = slots.0.clone();
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

    /// Releases a slot that is held; where it was held for long, all others run first. Who waits for one goes on waiting.
    pub(crate) async fn release(&mut self) {
        let Self::Taken { since, .. } = self else { return };
        if since.elapsed() > SHORT {
            tokio::task::yield_now().await;
        }
        *self = Self::None;
    }

    /// Waits for a slot no more. Nobody would take one that came, and it would be lost to the others.
    pub(crate) fn cancel(&mut self) {
        if let Self::Waiting(_) = self {
            *self = Self::None;
        }
    }
}

/// Whether a message may cost so much that it needs a slot.
pub(crate) fn is_large(message: &Message) -> bool {
    message.len() > LARGE || matches!(message, Message::Binary(bytes) if frame::is_deflated(bytes))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_slot_keeps_its_place_whatever_its_client_sends_meanwhile() {
        let slots = LargeSlots(Arc::new(Semaphore::new(1)));
        let mut cx = Context::from_waker(Waker::noop());
        let (mut first, mut second, mut third) = (Slot::None, Slot::None, Slot::None);
        assert!(first.poll_take(&slots, &mut cx).is_ready());
        assert!(second.poll_take(&slots, &mut cx).is_pending());
        assert!(third.poll_take(&slots, &mut cx).is_pending());
        // The connection's task does this after each message that it reads.
        second.release().await;
        assert!(second.poll_take(&slots, &mut cx).is_pending());
        first.release().await;
        assert!(third.poll_take(&slots, &mut cx).is_pending());
        assert!(second.poll_take(&slots, &mut cx).is_ready());
        second.release().await;
        assert!(third.poll_take(&slots, &mut cx).is_ready());
    }

    #[tokio::test]
    async fn a_slot_does_not_go_to_a_connection_that_waits_no_more() {
        let slots = LargeSlots(Arc::new(Semaphore::new(1)));
        let mut cx = Context::from_waker(Waker::noop());
        let (mut first, mut second, mut third) = (Slot::None, Slot::None, Slot::None);
        assert!(first.poll_take(&slots, &mut cx).is_ready());
        assert!(second.poll_take(&slots, &mut cx).is_pending());
        assert!(third.poll_take(&slots, &mut cx).is_pending());
        second.cancel();
        first.release().await;
        assert!(third.poll_take(&slots, &mut cx).is_ready());
    }
}
