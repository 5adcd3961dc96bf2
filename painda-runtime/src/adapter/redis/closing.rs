//! Whether the node closes, and how that went.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::{Notify, watch};

use crate::adapter::AdapterError;

/// Whether the node closes, and how that went; the same for all its lanes.
#[derive(Default)]
pub(super) struct Closing {
    begun: AtomicBool,
    /// Wakes the close.
    progress: Notify,
    result: watch::Sender<Option<Result<(), AdapterError>>>,
}

impl Closing {
    /// What is queued is still sent, and nothing new is taken; `false` where that was so before.
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

    /// Something was answered, or there is nothing to do.
    pub(super) fn report(&self) {
        if self.has_begun() {
            self.progress.notify_one();
        }
    }

    pub(super) fn end(&self, unsent: Unsent) {
        self.result.send_replace(Some(unsent.into_result()));
    }

    /// Waits until the close is over; with an error that says what was left.
    pub(super) async fn over(&self) -> Result<(), AdapterError> {
        let mut result = self.result.subscribe();
        // The sender lives in `self`.
        let result = result.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        result.unwrap_or(Err(AdapterError::Closed))
    }
}

/// What a close could not see to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unsent {
    pub(super) messages: u64,
    /// Members may still be where they were.
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
