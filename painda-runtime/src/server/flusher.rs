//! The one task that writes to clients who keep up.
//!
//! An emit to forty sockets wakes this task once instead of forty tasks, and what is emitted until it runs leaves in the
//! same writes. With a flush interval it waits that long first, trading delay for fewer system calls.

use std::{mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, task};

use super::socket::SocketCore;

/// After so many sockets the task lets others run.
const YIELD_AFTER: usize = 128;

#[derive(Debug)]
pub(crate) struct Flusher {
    dirty: Mutex<Vec<Arc<SocketCore>>>,
    wake: Notify,
    interval: Duration,
}

impl Flusher {
    pub(crate) fn new(interval: Duration) -> Arc<Self> {
        Arc::new(Self { dirty: Mutex::default(), wake: Notify::new(), interval })
    }

    /// Has sockets flushed whose outbox said that this is needed.
    pub(crate) fn schedule(&self, sockets: impl IntoIterator<Item = Arc<SocketCore>>) {
        let mut dirty = self.dirty.lock();
        let was_empty = dirty.is_empty();
        dirty.extend(sockets);
        if was_empty && !dirty.is_empty() {
            drop(dirty);
            self.wake.notify_one();
        }
    }

    /// Runs for as long as the server exists.
    pub(crate) async fn run(self: Arc<Self>) {
        let (mut sockets, mut scratch) = (Vec::new(), Vec::new());
        loop {
            self.wake.notified().await;
            if !self.interval.is_zero() {
                tokio::time::sleep(self.interval).await;
            }
            mem::swap(&mut sockets, &mut *self.dirty.lock());
            for chunk in sockets.chunks(YIELD_AFTER) {
                // Unconstrained, because a write that only ran out of its task's budget would look like a full window.
                task::unconstrained(async {
                    chunk.iter().for_each(|socket| socket.outbox.flush(&mut scratch));
                })
                .await;
                if chunk.len() == YIELD_AFTER {
                    task::yield_now().await;
                }
            }
            sockets.clear();
        }
    }
}
