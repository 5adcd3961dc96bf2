//! A socket's queue: finished WebSocket frames on their way to one client, bounded in bytes.
//!
//! Whoever emits only pushes. What is queued leaves in one vectored write, made by the [flusher](super::flusher) while the
//! client keeps up, and by the connection's own task while the client's TCP window is full. Knows no rooms and no events.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::AsyncWrite;

/// The writing half of a connection, whatever it is made of.
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// As many frames as one system call takes.
const MAX_SLICES: usize = 64;

/// What became of a pushed frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Queued; somebody has seen to it already.
    Queued,
    /// Queued in an idle outbox: the caller must have it flushed.
    FlushNeeded,
    /// Not queued: the client reads too slowly, its queue is full.
    Full,
    /// Not queued: the connection is closing.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    limit: usize,
    state: Mutex<State>,
}

struct State {
    queue: VecDeque<Bytes>,
    bytes: usize,
    phase: Phase,
    closing: bool,
    /// The connection's task: woken when it has to take over.
    owner: Option<Waker>,
}

enum Phase {
    /// The handshake is still going on; frames wait.
    Unattached,
    /// Nothing is queued, or a flush is about to happen.
    Ready { writer: Writer, scheduled: bool },
    /// Somebody is writing, without the lock.
    Writing,
    /// The client's window is full; the connection's task waits for it.
    Blocked(Writer),
    /// The connection is gone.
    Gone,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let phase = match self.phase {
            Phase::Unattached => "unattached",
            Phase::Ready { .. } => "ready",
            Phase::Writing => "writing",
            Phase::Blocked(_) => "blocked",
            Phase::Gone => "gone",
        };
        f.debug_struct("State").field("phase", &phase).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox for `limit` bytes, for a connection whose handshake is going on.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { queue: VecDeque::new(), bytes: 0, phase: Phase::Unattached, closing: false, owner: None };
        Self { limit, state: Mutex::new(state) }
    }

    /// Queues a finished frame.
    pub(crate) fn push(&self, frame: Bytes) -> Pushed {
        let mut state = self.state.lock();
        if state.closing || matches!(state.phase, Phase::Gone) {
            return Pushed::Closed;
        }
        // A single frame always fits an empty queue, however large it is.
        if state.bytes + frame.len() > self.limit && state.bytes > 0 {
            return Pushed::Full;
        }
        state.push(frame)
    }

    /// Queues an answer that the connection's own task made; dropped where the queue is full or closing.
    pub(crate) fn push_from_owner(&self, frame: Bytes) {
        if self.push(frame) == Pushed::FlushNeeded {
            self.flush();
        }
    }

    /// Queues the last frame; nothing can be pushed after it. `false` where the connection was closing already.
    pub(crate) fn push_last(&self, frame: Bytes) -> bool {
        let mut state = self.state.lock();
        if state.closing || matches!(state.phase, Phase::Gone) {
            return false;
        }
        state.push(frame);
        state.closing = true;
        // The connection's task writes it: it has to wait for the end anyway.
        state.wake_owner();
        true
    }

    /// Gives the outbox its connection; what was queued before is written by [`drive`](Self::poll_drive).
    pub(crate) fn attach(&self, writer: Writer) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Unattached) {
            state.phase = Phase::Blocked(writer);
        }
    }

    /// Nothing is pushed any more; what is queued may still be written.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.wake_owner();
    }

    /// Gives up: what is queued is dropped, and so is the connection's writing half.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.queue = VecDeque::new();
        state.bytes = 0;
        state.phase = Phase::Gone;
        state.wake_owner();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Writes what is queued as far as the client takes it, without waiting.
    pub(crate) fn flush(&self) {
        // A noop waker: where the window is full, the connection's task is told to wait for it.
        let mut cx = Context::from_waker(Waker::noop());
        let mut state = self.state.lock();
        if let Phase::Ready { .. } = state.phase {
            let Phase::Ready { writer, .. } = mem::replace(&mut state.phase, Phase::Writing) else { return };
            drop(state);
            if self.write(writer, &mut cx) {
                self.state.lock().wake_owner();
            }
        }
    }

    /// The connection task's part: takes over when the client's window is full, and ends when the connection is closing
    /// and all is written, or broken.
    pub(crate) fn poll_drive(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        state.owner = Some(cx.waker().clone());
        let writer = match mem::replace(&mut state.phase, Phase::Writing) {
            Phase::Blocked(writer) => writer,
            Phase::Ready { writer, .. } if state.closing => writer,
            Phase::Gone => {
                state.phase = Phase::Gone;
                return Poll::Ready(());
            }
            other => {
                state.phase = other;
                return Poll::Pending;
            }
        };
        drop(state);
        let _ = self.write(writer, cx);
        let state = self.state.lock();
        match state.phase {
            Phase::Gone => Poll::Ready(()),
            Phase::Ready { .. } if state.closing && state.queue.is_empty() => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Ends the writing half in order, once everything is written.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        match &mut state.phase {
            Phase::Ready { writer, .. } | Phase::Blocked(writer) => Pin::new(writer).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Writes until the queue is empty, the window is full or the connection breaks. The phase is `Writing` meanwhile:
    /// others push without waiting for the system call. `true` where the connection's task now has something to do.
    fn write(&self, mut writer: Writer, cx: &mut Context<'_>) -> bool {
        let mut batch = mem::take(&mut self.state.lock().queue);
        loop {
            let (written, result) = write_batch(&mut writer, &mut batch, cx);
            let mut state = self.state.lock();
            state.bytes = state.bytes.saturating_sub(written);
            if matches!(state.phase, Phase::Gone) {
                return true;
            }
            match result {
                Poll::Ready(Ok(())) if state.queue.is_empty() => {
                    // The emptied buffer goes back, unless a burst has made it large: idle connections stay small.
                    if batch.capacity() <= MAX_SLICES {
                        state.queue = batch;
                    }
                    state.phase = Phase::Ready { writer, scheduled: false };
                    return state.closing;
                }
                Poll::Ready(Ok(())) => batch = mem::take(&mut state.queue),
                Poll::Pending => {
                    batch.append(&mut state.queue);
                    state.queue = batch;
                    state.phase = Phase::Blocked(writer);
                    return true;
                }
                Poll::Ready(Err(_)) => {
                    // The reading half will see the same end of the connection and report it.
                    state.queue = VecDeque::new();
                    state.bytes = 0;
                    state.phase = Phase::Gone;
                    return true;
                }
            }
        }
    }
}

impl State {
    fn push(&mut self, frame: Bytes) -> Pushed {
        self.bytes += frame.len();
        self.queue.push_back(frame);
        match &mut self.phase {
            Phase::Ready { scheduled, .. } if !*scheduled => {
                *scheduled = true;
                Pushed::FlushNeeded
            }
            _ => Pushed::Queued,
        }
    }

    fn wake_owner(&self) {
        if let Some(owner) = &self.owner {
            owner.wake_by_ref();
        }
    }
}

/// Writes frames off the front of the batch, and says how many bytes left.
fn write_batch(
    writer: &mut Writer,
    batch: &mut VecDeque<Bytes>,
    cx: &mut Context<'_>,
) -> (usize, Poll<io::Result<()>>) {
    let mut total = 0;
    let mut step = |batch: &mut VecDeque<Bytes>| -> Poll<io::Result<()>> {
        while !batch.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = batch.len().min(MAX_SLICES);
            for (slice, frame) in slices.iter_mut().zip(batch.iter()) {
                *slice = IoSlice::new(frame);
            }
            let mut written = ready!(Pin::new(&mut *writer).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            total += written;
            while let Some(front) = batch.front_mut() {
                if written < front.len() {
                    front.advance(written);
                    break;
                }
                written -= front.len();
                batch.pop_front();
            }
        }
        Pin::new(&mut *writer).poll_flush(cx)
    };
    let result = step(batch);
    (total, result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, sync::Arc};
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    const ABC: Bytes = Bytes::from_static(b"abc");

    /// An outbox with a connection whose window holds `window` bytes, driven by its task.
    fn connected(limit: usize, window: usize) -> (Arc<Outbox>, DuplexStream, tokio::task::JoinHandle<()>) {
        let outbox = Arc::new(Outbox::new(limit));
        let (ours, theirs) = duplex(window);
        outbox.attach(Box::new(ours));
        let driven = outbox.clone();
        let task = tokio::spawn(async move { poll_fn(|cx| driven.poll_drive(cx)).await });
        (outbox, theirs, task)
    }

    fn push(outbox: &Outbox, frame: Bytes) {
        match outbox.push(frame) {
            Pushed::FlushNeeded => outbox.flush(),
            pushed => assert_eq!(pushed, Pushed::Queued),
        }
    }

    #[tokio::test]
    async fn frames_leave_in_order_through_a_small_window() {
        let (outbox, mut client, task) = connected(1 << 20, 7);
        let mut expected = Vec::new();
        for n in 0..200u8 {
            push(&outbox, vec![n; usize::from(n % 5) + 1].into());
            expected.extend(vec![n; usize::from(n % 5) + 1]);
        }
        assert!(outbox.push_last(ABC));
        expected.extend(b"abc");
        let mut got = vec![0; expected.len()];
        client.read_exact(&mut got).await.expect("all bytes arrive");
        assert_eq!(got, expected);
        task.await.expect("the drive ends once everything is written");
    }

    #[tokio::test]
    async fn what_is_queued_before_the_connection_is_there_is_sent_first() {
        let outbox = Arc::new(Outbox::new(100));
        assert_eq!(outbox.push(ABC), Pushed::Queued);
        let (ours, mut client) = duplex(64);
        outbox.attach(Box::new(ours));
        let driven = outbox.clone();
        tokio::spawn(async move { poll_fn(|cx| driven.poll_drive(cx)).await });
        let mut got = [0; 3];
        client.read_exact(&mut got).await.expect("arrives");
        assert_eq!(got, *b"abc");
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_bytes() {
        let (outbox, _client, _task) = connected(10, 1);
        tokio::task::yield_now().await;
        push(&outbox, Bytes::from(vec![0; 50]));
        assert_eq!(outbox.push(ABC), Pushed::Full, "50 bytes wait, 10 are allowed");
        assert!(outbox.push_last(ABC), "the last frame is always taken");
        assert_eq!(outbox.push(ABC), Pushed::Closed);
        assert!(!outbox.push_last(ABC));
    }

    #[tokio::test]
    async fn a_broken_connection_takes_no_more() {
        let (outbox, client, task) = connected(100, 1);
        drop(client);
        tokio::task::yield_now().await;
        push(&outbox, ABC);
        task.await.expect("the drive ends");
        assert_eq!(outbox.push(ABC), Pushed::Closed);
    }
}
