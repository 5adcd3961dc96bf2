//! A socket's queue: finished WebSocket frames on their way to one client, bounded in bytes.
//!
//! Whoever emits only pushes. What is queued leaves in one write, made by the [flusher](super::flusher) while the
//! client keeps up, and by the connection's own task while the client's TCP window is full. Knows no rooms and no events.

use std::{
    io::{self, IoSlice},
    mem,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;

use super::{
    queue::{BATCH, Key, Queue},
    writer::Writer,
};

/// Frames that have so many bytes together are copied into one plain write: 5 % to 10 % less CPU than a vectored one where five small
/// frames wait, as with a flush interval.
const JOINED: usize = 1024;

/// What to do with a frame for which there is no room, as its event declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It must arrive, or the client is closed.
    Reliable,
    /// This client does without it.
    Volatile,
    /// It takes the place of a queued one with the same event and key.
    Latest(Key),
}

/// What became of a pushed frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Queued; somebody has seen to it already.
    Queued,
    /// Queued in an idle outbox: the caller must have it flushed.
    FlushNeeded,
    /// Took the place of an older one.
    Replaced,
    /// Not queued, as its event declares: the queue is full.
    Dropped,
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
    queue: Queue,
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
        f.debug_struct("State").field("phase", &phase).field("bytes", &self.queue.bytes()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox for `limit` bytes, for a connection whose handshake is going on.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { queue: Queue::default(), phase: Phase::Unattached, closing: false, owner: None };
        Self { limit, state: Mutex::new(state) }
    }

    /// Queues a finished frame.
    pub(crate) fn push(&self, frame: Bytes, policy: &Policy) -> Pushed {
        let mut state = self.state.lock();
        if state.closing || matches!(state.phase, Phase::Gone) {
            return Pushed::Closed;
        }
        if let Policy::Latest(key) = policy
            && state.queue.replace(key, &frame)
        {
            return Pushed::Replaced;
        }
        // A single frame always fits an empty queue, however large it is.
        let waiting = state.queue.bytes();
        if waiting > 0 && waiting + frame.len() > self.limit {
            return if *policy == Policy::Volatile { Pushed::Dropped } else { Pushed::Full };
        }
        if let Policy::Latest(key) = policy {
            state.queue.remember(key.clone());
        }
        state.push(frame)
    }

    /// Queues an answer that the connection's own task made; dropped where the queue is full or closing.
    pub(crate) fn push_from_owner(&self, frame: Bytes) {
        if self.push(frame, &Policy::Volatile) == Pushed::FlushNeeded {
            self.flush(&mut Vec::new());
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

    /// Gives the outbox its connection; what was queued before is written by the first [`poll_drive`](Self::poll_drive).
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
        state.gone();
        state.wake_owner();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// How many bytes wait for the client.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.lock().queue.bytes()
    }

    /// Writes what is queued as far as the client takes it, without waiting. The scratch space is for reuse.
    pub(crate) fn flush(&self, scratch: &mut Vec<Bytes>) {
        // A noop waker: where the window is full, the connection's task is told to wait for it.
        let mut cx = Context::from_waker(Waker::noop());
        let mut state = self.state.lock();
        if let Phase::Ready { .. } = state.phase {
            let Phase::Ready { writer, .. } = mem::replace(&mut state.phase, Phase::Writing) else { return };
            state.queue.take(scratch);
            drop(state);
            if self.write(writer, scratch, &mut cx) {
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
        let mut batch = Vec::new();
        state.queue.take(&mut batch);
        drop(state);
        self.write(writer, &mut batch, cx);
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
            Phase::Ready { writer, .. } | Phase::Blocked(writer) => writer.poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Writes until the queue is empty, the window is full or the connection breaks. The phase is `Writing` meanwhile:
    /// others push without waiting for the system call. `true` where the connection's task now has something to do.
    fn write(&self, mut writer: Writer, batch: &mut Vec<Bytes>, cx: &mut Context<'_>) -> bool {
        loop {
            let (sent, result) = write_batch(&mut writer, batch, cx);
            let mut state = self.state.lock();
            state.queue.wrote(sent);
            if matches!(state.phase, Phase::Gone) {
                batch.clear();
                return true;
            }
            match result {
                Poll::Ready(Ok(())) if state.queue.is_empty() => {
                    state.phase = Phase::Ready { writer, scheduled: false };
                    state.queue.idle();
                    return state.closing;
                }
                Poll::Ready(Ok(())) => state.queue.take(batch),
                Poll::Pending => {
                    state.queue.put_back(batch, sent > 0);
                    state.phase = Phase::Blocked(writer);
                    return true;
                }
                Poll::Ready(Err(_)) => {
                    // The reading half will see the same end of the connection and report it.
                    batch.clear();
                    state.gone();
                    return true;
                }
            }
        }
    }
}

impl State {
    fn push(&mut self, frame: Bytes) -> Pushed {
        self.queue.push(frame);
        match &mut self.phase {
            Phase::Ready { scheduled, .. } if !*scheduled => {
                *scheduled = true;
                Pushed::FlushNeeded
            }
            _ => Pushed::Queued,
        }
    }

    fn gone(&mut self) {
        self.queue = Queue::default();
        self.phase = Phase::Gone;
    }

    fn wake_owner(&self) {
        if let Some(owner) = &self.owner {
            owner.wake_by_ref();
        }
    }
}

/// Writes a batch, leaves in it what was not written, and says how many bytes left.
fn write_batch(writer: &mut Writer, batch: &mut Vec<Bytes>, cx: &mut Context<'_>) -> (usize, Poll<io::Result<()>>) {
    let mut total = 0;
    let mut done = 0;
    let mut step = || -> Poll<io::Result<()>> {
        while done < batch.len() {
            let polled = match &batch[done..] {
                // Mostly there is one frame. A plain write is the cheaper call, even where small frames are copied for it.
                [frame] => writer.poll_write(cx, frame),
                frames if frames.iter().map(Bytes::len).sum::<usize>() <= JOINED => {
                    let mut joined = [0; JOINED];
                    let mut length = 0;
                    for frame in frames {
                        joined[length..length + frame.len()].copy_from_slice(frame);
                        length += frame.len();
                    }
                    writer.poll_write(cx, &joined[..length])
                }
                frames => {
                    let mut slices = [IoSlice::new(&[]); BATCH];
                    for (slice, frame) in slices.iter_mut().zip(frames) {
                        *slice = IoSlice::new(frame);
                    }
                    writer.poll_write_vectored(cx, &slices[..frames.len()])
                }
            };
            let mut written = ready!(polled)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            total += written;
            while done < batch.len() && written >= batch[done].len() {
                written -= batch[done].len();
                done += 1;
            }
            if written > 0 {
                batch[done].advance(written);
            }
        }
        writer.poll_flush(cx)
    };
    let result = step();
    batch.drain(..done);
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
        outbox.attach(Writer::Other(Box::new(ours)));
        let driven = outbox.clone();
        let task = tokio::spawn(async move { poll_fn(|cx| driven.poll_drive(cx)).await });
        (outbox, theirs, task)
    }

    fn push(outbox: &Outbox, frame: Bytes) {
        match outbox.push(frame, &Policy::Reliable) {
            Pushed::FlushNeeded => outbox.flush(&mut Vec::new()),
            pushed => assert_eq!(pushed, Pushed::Queued),
        }
    }

    #[tokio::test]
    async fn frames_leave_in_order_through_a_small_window() {
        let (outbox, mut client, task) = connected(1 << 20, 7);
        let mut expected = Vec::new();
        // The last ones are too large to be copied together.
        for (n, length) in (0..200u8).map(|n| (n, if n < 150 { n % 5 + 1 } else { n })) {
            push(&outbox, vec![n; length.into()].into());
            expected.extend(vec![n; length.into()]);
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
        assert_eq!(outbox.push(ABC, &Policy::Reliable), Pushed::Queued);
        let (ours, mut client) = duplex(64);
        outbox.attach(Writer::Other(Box::new(ours)));
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
        assert_eq!(outbox.push(ABC, &Policy::Reliable), Pushed::Full, "50 bytes wait, 10 are allowed");
        assert!(outbox.push_last(ABC), "the last frame is always taken");
        assert_eq!(outbox.push(ABC, &Policy::Reliable), Pushed::Closed);
        assert!(!outbox.push_last(ABC));
    }

    #[tokio::test]
    async fn a_broken_connection_takes_no_more() {
        let (outbox, client, task) = connected(100, 1);
        drop(client);
        tokio::task::yield_now().await;
        push(&outbox, ABC);
        task.await.expect("the drive ends");
        assert_eq!(outbox.push(ABC, &Policy::Reliable), Pushed::Closed);
    }

    #[tokio::test]
    async fn a_volatile_frame_is_dropped_where_a_reliable_one_closes() {
        let (outbox, _client, _task) = connected(10, 1);
        push(&outbox, Bytes::from(vec![0; 50]));
        assert_eq!(outbox.push(ABC, &Policy::Volatile), Pushed::Dropped);
        assert_eq!(outbox.push(ABC, &Policy::Reliable), Pushed::Full);
    }

    #[tokio::test]
    async fn the_latest_takes_the_place_of_an_older_one_with_its_key() {
        let (outbox, mut client, _task) = connected(1 << 10, 1);
        tokio::task::yield_now().await;
        // One byte of this leaves; then the window is full.
        push(&outbox, Bytes::from_static(b"first"));
        let latest =
            |id, key, frame| outbox.push(Bytes::from_static(frame), &Policy::Latest((id, Bytes::from_static(key))));
        assert_eq!(latest(1, b"", b"a"), Pushed::Queued);
        assert_eq!(latest(2, b"x", b"b"), Pushed::Queued);
        assert_eq!(latest(2, b"y", b"c"), Pushed::Queued);
        for _ in 0..10_000 {
            assert_eq!(latest(1, b"", b"AA"), Pushed::Replaced);
            assert_eq!(latest(2, b"y", b"CC"), Pushed::Replaced);
        }
        let mut got = [0; 10];
        client.read_exact(&mut got).await.expect("arrives");
        assert_eq!(got, *b"firstAAbCC");
        assert_eq!(outbox.queued_bytes(), 0);
    }

    #[tokio::test]
    async fn a_frame_that_is_on_its_way_is_not_replaced() {
        let (outbox, mut client, _task) = connected(1 << 10, 1);
        tokio::task::yield_now().await;
        let latest = |frame| outbox.push(Bytes::from_static(frame), &Policy::Latest((1, Bytes::new())));
        assert_eq!(latest(b"old"), Pushed::FlushNeeded);
        outbox.flush(&mut Vec::new());
        assert_eq!(latest(b"new"), Pushed::Queued, "its first byte has left");
        assert_eq!(latest(b"NEW"), Pushed::Replaced);
        let mut got = [0; 6];
        client.read_exact(&mut got).await.expect("arrives");
        assert_eq!(got, *b"oldNEW");
    }
}
