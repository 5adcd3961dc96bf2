//! Who writes to clients that keep up: the task that emitted, or one task for all the others.
//!
//! What a connection's handlers emit is written by the connection's task, once it has done what it can for now: nobody has to be
//! woken for it. Before that it lets whatever else is ready run, and with it the adapter: an event is on its way to the other
//! nodes while it is written to this one's clients, and what several connections emit to a socket leaves in one write. Everything
//! else, from other nodes and from the application's own tasks, is left to the flusher's task: an emit to forty sockets wakes
//! this one instead of forty, and what is emitted until it runs leaves in the same writes. With a flush interval everything goes
//! through that task, which waits so long first, trading delay for fewer system calls.

use std::{
    cell::RefCell,
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{sync::Notify, task};

use super::core::SocketCore;

/// After this many sockets a task lets others run,
const YIELD_AFTER: usize = 128;
/// and after this many bytes: to write a large event to everybody in a room takes long, too.
const YIELD_AFTER_BYTES: usize = 1 << 20;

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

    /// Runs a connection's future; whenever it has to wait, what it has emitted until then is written, after whatever else is
    /// ready to run. The future is borrowed, because moving it into another one would make every connection's task twice as large.
    pub(crate) async fn scope<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        loop {
            let mut emitted = Emitted { flusher: self, sockets: Vec::new() };
            let polled = poll_fn(|cx| {
                let polled = emitted.collect(|| future.as_mut().poll(cx));
                if polled.is_pending() && emitted.sockets.is_empty() { Poll::Pending } else { Poll::Ready(polled) }
            })
            .await;
            if let Poll::Ready(output) = polled {
                return output;
            }
            task::yield_now().await;
        }
    }

    /// Runs until its task is aborted.
    pub(crate) async fn run(self: Arc<Self>) {
        let (mut sockets, mut scratch) = (Vec::new(), Vec::new());
        loop {
            self.wake.notified().await;
            if !self.interval.is_zero() {
                tokio::time::sleep(self.interval).await;
            }
            mem::swap(&mut sockets, &mut *self.dirty.lock());
            let mut left = &sockets[..];
            while !left.is_empty() {
                let (flushed, all) = flush(left, &mut scratch);
                left = &left[flushed..];
                if !all || flushed == YIELD_AFTER {
                    task::yield_now().await;
                }
            }
            sockets.clear();
        }
    }
}

/// The sockets that a connection has emitted to and not yet written; its end writes to them, be it a panic or the end of the task.
struct Emitted<'a> {
    flusher: &'a Flusher,
    sockets: Vec<Arc<SocketCore>>,
}

impl Emitted<'_> {
    /// Calls `poll`, and takes what has to be flushed because of it.
    fn collect<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let outer = SCOPE.replace(Some(Vec::new()));
        let _end = EndOfScope { sockets: &mut self.sockets, outer };
        poll()
    }
}

/// The end of a poll, be it a panic.
struct EndOfScope<'a> {
    sockets: &'a mut Vec<Arc<SocketCore>>,
    /// A handler may run a runtime of its own on its thread, with connections of its own.
    outer: Option<Vec<Arc<SocketCore>>>,
}

impl Drop for EndOfScope<'_> {
    fn drop(&mut self) {
        *self.sockets = SCOPE.replace(self.outer.take()).unwrap_or_default();
    }
}

impl Drop for Emitted<'_> {
    fn drop(&mut self) {
        if !self.sockets.is_empty() {
            let (flushed, all) = flush(&self.sockets, &mut Vec::new());
            if !all {
                self.flusher.leave(self.sockets.drain(flushed..));
            }
        }
    }
}

/// Flushes sockets without waiting, until it is time to let others run; how many, and whether these were all. Outside of the task's
/// budget, because a write that only ran out of it would look like a full window.
fn flush(sockets: &[Arc<SocketCore>], scratch: &mut Vec<Bytes>) -> (usize, bool) {
    let (mut flushed, mut bytes) = (0, 0);
    let flushing = pin!(task::unconstrained(async {
        for socket in sockets.iter().take(YIELD_AFTER) {
            bytes += socket.outbox.flush(scratch);
            flushed += 1;
            if bytes >= YIELD_AFTER_BYTES {
                break;
            }
        }
    }));
    // Always ready at once: there is nothing in it to wait for.
    let _ = flushing.poll(&mut Context::from_waker(Waker::noop()));
    (flushed, flushed == sockets.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::{pending, ready},
        panic::AssertUnwindSafe,
    };

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use crate::{
        random::Random,
        server::{
            client_id::ClientId,
            limits::Bounds,
            sending::policy::{Bound, Policy, Pushed},
            sending::writer::Writer,
        },
    };

    /// A client that keeps up, and its socket.
    fn connected() -> (Arc<SocketCore>, DuplexStream) {
        let id = ClientId::random(&Random::default()).expect("random numbers");
        let socket = Arc::new(SocketCore::new(id, Arc::new(Bounds { limit: 100, ..Bounds::default() })));
        let (ours, theirs) = duplex(100);
        socket.outbox.attach(Writer::Other(Box::new(ours)));
        assert!(poll_fn(|cx| socket.outbox.poll_written(cx)).now_or_never().is_none());
        (socket, theirs)
    }

    fn emit(flusher: &Flusher, socket: &Arc<SocketCore>) {
        assert_eq!(socket.outbox.push(Bytes::from_static(b"hi"), &Policy::Reliable, Bound::Burst), Pushed::FlushNeeded);
        flusher.schedule([socket.clone()]);
    }

    fn has_received(client: &mut DuplexStream) -> bool {
        client.read_u16().now_or_never().is_some()
    }

    #[tokio::test]
    async fn what_is_ready_to_run_goes_before_the_writing() {
        let flusher = Flusher::new(Duration::ZERO);
        let (socket, mut client) = connected();
        let (publish, published) = tokio::sync::oneshot::channel();
        let publisher = tokio::spawn(async move {
            published.await.expect("the connection emits");
            (has_received(&mut client), client)
        });
        let connection = {
            let flusher = flusher.clone();
            tokio::spawn(async move {
                let emitting = pin!(async {
                    emit(&flusher, &socket);
                    publish.send(()).expect("the publisher waits");
                    pending::<()>().await;
                });
                flusher.scope(emitting).await;
            })
        };
        let (was_received, mut client) = publisher.await.expect("the publisher runs");
        assert!(!was_received, "the publisher was woken by the emit, and had to wait for the writing");
        client.read_u16().await.expect("it is written after that");
        connection.abort();
    }

    #[tokio::test]
    async fn a_connection_that_is_dropped_has_written_what_it_emitted() {
        let flusher = Flusher::new(Duration::ZERO);
        let (socket, mut client) = connected();
        let mut emitting = pin!(async {
            emit(&flusher, &socket);
            pending::<()>().await;
        });
        assert!(flusher.scope(emitting.as_mut()).now_or_never().is_none());
        assert!(has_received(&mut client), "the other sockets would wait for it for ever");
    }

    #[test]
    fn a_scope_within_another_one_leaves_it_what_it_has() {
        let flusher = Flusher::new(Duration::ZERO);
        let runtime = || tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (socket, mut client) = runtime().block_on(async { connected() });
        let emitting = flusher.clone();
        runtime().block_on(async {
            let outer = pin!(async {
                emit(&emitting, &socket);
                let inner = pin!(ready(()));
                emitting.scope(inner).await;
            });
            flusher.scope(outer).await;
        });
        assert!(has_received(&mut client), "its frame would wait for ever");
    }

    #[tokio::test]
    async fn large_events_are_written_to_a_few_sockets_before_others_run() {
        let sockets: Vec<_> = (0..5)
            .map(|_| {
                let id = ClientId::random(&Random::default()).expect("random numbers");
                let socket = Arc::new(SocketCore::new(id, Arc::default()));
                let (ours, theirs) = duplex(1 << 20);
                socket.outbox.attach(Writer::Other(Box::new(ours)));
                assert!(poll_fn(|cx| socket.outbox.poll_written(cx)).now_or_never().is_none());
                let large = Bytes::from(vec![0; YIELD_AFTER_BYTES / 2]);
                assert_eq!(socket.outbox.push(large, &Policy::Reliable, Bound::Burst), Pushed::FlushNeeded);
                (socket, theirs)
            })
            .collect();
        let cores: Vec<_> = sockets.iter().map(|(socket, _)| socket.clone()).collect();
        assert_eq!(flush(&cores, &mut Vec::new()), (2, false));
        assert_eq!(flush(&cores[2..], &mut Vec::new()), (2, false));
        assert_eq!(flush(&cores[4..], &mut Vec::new()), (1, true));
    }

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
