//! Whether the adapter is closing, and the result.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::{Notify, watch};

use crate::adapter::AdapterError;

/// Whether the adapter is closing, and the result. All links share it.
#[derive(Default)]
pub(super) struct Closing {
    begun: AtomicBool,
    /// Wakes the close.
    progress: Notify,
    result: watch::Sender<Option<Result<(), AdapterError>>>,
}

impl Closing {
    /// Begins: from now on nothing new is taken, and what is queued is still sent. `false` if it had begun before.
    pub(super) fn begin(&self) -> bool {
        !self.begun.swap(true, Relaxed)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Waits for the next [`report`](Self::report).
    pub(super) async fn progress(&self) {
        self.progress.notified().await;
    }

    /// Something was answered, or there is nothing left to write: the close looks again how far it has got.
    pub(super) fn report(&self) {
        if self.has_begun() {
            self.progress.notify_one();
        }
    }

    pub(super) fn end(&self, unsent: Unsent) {
        self.result.send_replace(Some(unsent.into_result()));
    }

    /// Waits until the close has ended. The error says what was left.
    pub(super) async fn finished(&self) -> Result<(), AdapterError> {
        let mut result = self.result.subscribe();
        // The sender is a field of `self`, so it can't be gone.
        let result = result.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        result.unwrap_or(Err(AdapterError::Closed))
    }
}

/// What a close could not finish.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unsent {
    pub(super) messages: u64,
    /// Some members may still be in their rooms.
    pub(super) members: bool,
}

impl std::ops::AddAssign for Unsent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.members |= other.members;
    }
}

impl Unsent {
    fn into_result(self) -> Result<(), AdapterError> {
        let Self { messages, members } = self;
        if messages == 0 && !members {
            return Ok(());
        }
        let members = if members { "; this node's members are in their rooms until its lease has ended" } else { "" };
        Err(AdapterError::Unavailable(format!("{messages} messages could not be sent any more{members}").into()))
    }
}
