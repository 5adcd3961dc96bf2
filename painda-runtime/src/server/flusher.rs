//! Who writes to clients that keep up: the task that emitted, or one task for all the others.
//!
//! What a connection's handlers emit is written when the connection's task has done what it can for now, by that task: nobody has
//! to be woken for it. Everything else, from other nodes and from the application's own tasks, is left to the flusher's task: an
//! emit to forty sockets wakes this one instead of forty, and what is emitted until it runs leaves in the same writes. With
//! a flush interval everything goes through that task, which waits so long first, trading delay for fewer system calls.

use std::{
    cell::RefCell,
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{sync::Notify, task};

use super::socket::SocketCore;

/// After so many sockets a task lets others run.
const YIELD_AFTER: usize = 128;

thread_local! {
    /// The sockets that the task on this thread has to flush itself; none outside of [`Flusher::scope`].
    static SCOPE: RefCell<Option<Vec<Arc<SocketCore>>>> = const { RefCell::new(None) };
}

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
        let mut sockets = sockets.into_iter().peekable();
        if sockets.peek().is_none() {
            return;
        }
        SCOPE.with_borrow_mut(|scope| match scope {
            Some(scope) if self.interval.is_zero() => scope.extend(sockets),
            _ => self.leave(sockets),
        });
    }

    /// Leaves sockets to the flusher's task.
    fn leave(&self, sockets: impl Iterator<Item = Arc<SocketCore>>) {
        let mut dirty = self.dirty.lock();
        let was_empty = dirty.is_empty();
        dirty.extend(sockets);
        if was_empty {
            drop(dirty);
            self.wake.notify_one();
        }
    }

    /// Runs a connection's future; whenever it has to wait, what it has emitted until then is written. The future is borrowed,
    /// because moving it into another one would make every connection's task twice as large.
    pub(crate) fn scope<F: Future>(&self, mut future: Pin<&mut F>) -> impl Future<Output = F::Output> {
        poll_fn(move |cx| {
            let _scope = Scope::enter(self);
            future.as_mut().poll(cx)
        })
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
                flush(chunk, &mut scratch);
                if chunk.len() == YIELD_AFTER {
                    task::yield_now().await;
                }
            }
            sockets.clear();
        }
    }
}

/// One poll of a connection's future; its end, be it a panic, writes what was emitted in it.
struct Scope<'a> {
    flusher: &'a Flusher,
}

impl<'a> Scope<'a> {
    fn enter(flusher: &'a Flusher) -> Self {
        SCOPE.set(Some(Vec::new()));
        Self { flusher }
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        let mut sockets = SCOPE.take().unwrap_or_default();
        if sockets.len() > YIELD_AFTER {
            self.flusher.leave(sockets.drain(YIELD_AFTER..));
        }
        if !sockets.is_empty() {
            flush(&sockets, &mut Vec::new());
        }
    }
}

/// Flushes sockets without waiting. Outside of the task's budget, because a write that only ran out of it would look like a
/// full window.
fn flush(sockets: &[Arc<SocketCore>], scratch: &mut Vec<Bytes>) {
    let flushing = pin!(task::unconstrained(async {
        sockets.iter().for_each(|socket| socket.outbox.flush(scratch));
    }));
    // Always ready at once: there is nothing in it to wait for.
    let _ = flushing.poll(&mut Context::from_waker(Waker::noop()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::ready, panic::AssertUnwindSafe};

    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_panic_in_a_connection_leaves_no_scope_behind() {
        let flusher = Flusher::new(Duration::ZERO);
        let broken = pin!(async { panic!("wanted by the test") });
        let outcome: Result<(), _> = AssertUnwindSafe(flusher.scope(broken)).catch_unwind().await;
        assert!(outcome.is_err());
        assert!(SCOPE.with_borrow(Option::is_none), "what others emit on this thread would never be written");
        flusher.scope(pin!(ready(()))).await;
        assert!(SCOPE.with_borrow(Option::is_none));
    }
}
