//! A socket's queue: finished WebSocket frames on their way to one client, bounded in bytes, to which each frame adds 32 of its own.
//!
//! An emit only queues. What is queued leaves in one write, made by the [flusher](super::flusher) while the
//! client keeps up, and by the connection's own task while the client's TCP window is full. Knows no rooms and no events.
//!
//! There are two bounds. A client may exceed the first, the limit, for a short time: how much is emitted at one moment says nothing
//! about how fast it reads. It may never exceed the second, the burst.

use std::{
    future::Future,
    io, mem,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{sync::Notify, task, time::Instant};

use super::{
    policy::{Bound, Policy, Pushed},
    queue::{HANDLE, Key, Queue},
    writer::Writer,
};
use crate::server::{limits::Bounds, stats::Closed};

/// The key of pongs, of which only the latest is needed; no event has the id 0.
const ANSWER: Key = (0, Bytes::new());

/// What the connection's task has to do about the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// The connection is closing and all is written, or it is broken.
    Done,
    /// There is nothing to do for the connection's task.
    Idle,
    /// The client's window is full. If it stays so until then, ask [`Outbox::is_slow`].
    Blocked(Instant),
}

#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Arc<Bounds>,
    state: Mutex<State>,
    /// Notified when there is room again, and when the connection ends.
    changed: Notify,
}

struct State {
    queue: Queue,
    phase: Phase,
    closing: bool,
    /// Why the connection is closed, and the code of its close frame.
    close_reason: Option<(Closed, u16)>,
    /// Nothing is read from the client any more.
    ended: bool,
    /// A task waits for room, in `drained`.
    awaited: bool,
    /// The connection's task: woken when it has to take over.
    owner: Option<Waker>,
    /// Since when more than the limit waits.
    over: Option<Instant>,
    /// When the client's window was last found full after a byte had left.
    blocked: Option<Instant>,
}

enum Phase {
    /// The handshake is still going on; frames wait.
    Unattached,
    /// Nothing is queued, or a flush is about to happen.
    Ready { writer: Writer, scheduled: bool },
    /// A task is writing, without the lock.
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
        f.debug_struct("State").field("phase", &phase).field("bytes", &self.queue.cost()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox for a connection whose handshake is going on.
    pub(crate) fn new(bounds: Arc<Bounds>) -> Self {
        let state = State {
            queue: Queue::default(),
            phase: Phase::Unattached,
            closing: false,
            close_reason: None,
            ended: false,
            awaited: false,
            owner: None,
            over: None,
            blocked: None,
        };
        Self { bounds, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Queues a finished frame.
    pub(crate) fn push(&self, frame: Bytes, policy: &Policy, bound: Bound) -> Pushed {
        let mut state = self.state.lock();
        if state.is_closed() {
            return Pushed::Closed;
        }
        let limit = policy.limit(&self.bounds);
        if let Policy::Latest(key) = policy
            && state.queue.replace(key, &frame, limit)
        {
            return Pushed::Replaced;
        }
        if state.queue.cost() + frame.len() + HANDLE > limit {
            drop(state);
            return self.push_at_bound(frame, policy, bound);
        }
        state.push(frame, policy)
    }

    /// The result for a frame that was not made because it is larger than any queue takes.
    #[cold]
    pub(crate) fn push_too_large(&self) -> Pushed {
        if self.state.lock().is_closed() { Pushed::Closed } else { Pushed::TooLarge }
    }

    /// Why a frame can't be queued now, if it can't.
    fn refusal(&self, state: &State, frame: &Bytes, policy: &Policy, bound: Bound) -> Option<Pushed> {
        if state.is_closed() {
            return Some(Pushed::Closed);
        }
        let waiting = state.queue.cost();
        let cost = waiting + frame.len() + HANDLE;
        // A frame that is larger than the limit waits alone.
        if waiting == 0 || cost <= policy.limit(&self.bounds) {
            return None;
        }
        match (policy, bound) {
            (Policy::Volatile | Policy::Protocol, _) => Some(Pushed::Dropped),
            (_, Bound::Limit) => Some(Pushed::Full),
            (_, Bound::Burst) => {
                let open = !matches!(state.phase, Phase::Unattached);
                let slow = open && state.over.is_some_and(|since| since.elapsed() >= self.bounds.slow_after);
                (slow || cost > self.bounds.burst).then_some(Pushed::Slow)
            }
        }
    }

    /// Queues a frame for which there may be no room.
    #[cold]
    fn push_at_bound(&self, frame: Bytes, policy: &Policy, bound: Bound) -> Pushed {
        let limit = self.bounds.limit;
        if frame.len() > self.bounds.largest() {
            return Pushed::TooLarge;
        }
        let mut state = self.state.lock();
        if self.refusal(&state, &frame, policy, bound).is_some() {
            drop(state);
            // The queue may be full only because nothing has written it yet. Outside of the task's budget, because a write that only ran
            // out of it would look like a full window.
            let flushing = pin!(task::unconstrained(async { self.flush(&mut Vec::new()) }));
            let _ = flushing.poll(&mut Context::from_waker(Waker::noop()));
            state = self.state.lock();
            if let Some(refused) = self.refusal(&state, &frame, policy, bound) {
                return refused;
            }
        }
        let pushed = state.push(frame, policy);
        if state.queue.cost() > limit && state.over.is_none() {
            state.over = Some(Instant::now());
            // The connection's task closes the client where this lasts.
            state.wake_owner();
        }
        pushed
    }

    /// Queues an answer (a pong) that the connection's own task made. Where more than
    /// [`PROTOCOL_LIMIT`](super::policy::PROTOCOL_LIMIT) waits, only the latest is kept, so that they do not pile up for a client that does
    /// not read.
    pub(crate) fn push_from_owner(&self, frame: Bytes) {
        let mut pushed = self.push(frame.clone(), &Policy::Protocol, Bound::Limit);
        if pushed == Pushed::Dropped {
            pushed = self.push(frame, &Policy::Latest(ANSWER), Bound::Limit);
        }
        if pushed == Pushed::FlushNeeded {
            self.flush(&mut Vec::new());
        }
    }

    /// Whether this side closes the connection, and not in answer to the client's close or to an error of the protocol.
    pub(crate) fn is_closed_by_us(&self) -> bool {
        let close_reason = self.state.lock().close_reason;
        close_reason.is_some_and(|(why, _)| !matches!(why, Closed::Client | Closed::Broken))
    }

    /// Queues the last frame; nothing can be pushed after it. `false` where the connection was closing already.
    pub(crate) fn push_last(&self, frame: Bytes, close_reason: (Closed, u16)) -> bool {
        let mut state = self.state.lock();
        if state.is_closed() {
            return false;
        }
        state.push(frame, &Policy::Reliable);
        state.closing = true;
        state.close_reason = Some(close_reason);
        // The connection's task writes it, as it has to wait for the end anyway.
        state.wake_owner();
        true
    }

    /// Gives the outbox its connection; what was queued before is written by the first [`drive`](Self::drive).
    pub(crate) fn attach(&self, writer: Writer) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Unattached) {
            state.phase = Phase::Blocked(writer);
            // It could not read before.
            state.over = state.over.map(|_| Instant::now());
        }
    }

    /// Nothing more is read or pushed; what is queued may still be written.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.ended = true;
        state.wake_owner();
        drop(state);
        self.changed.notify_waiters();
    }

    /// Drops what is queued, and the connection's writing half.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.ended = true;
        state.gone();
        state.wake_owner();
        drop(state);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Why the last frame was pushed, and its close code; none where there was no such frame.
    pub(crate) fn close_reason(&self) -> Option<(Closed, u16)> {
        self.state.lock().close_reason
    }

    /// How many bytes wait for the client, as the bounds count them.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.lock().queue.cost()
    }

    /// Waits until at most half of the limit waits. An error where that can't be: the connection has ended, or is not open yet.
    pub(crate) async fn drained(&self) -> Pushed {
        loop {
            // Before the look: what happens between the two must not be missed.
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if state.is_closed() {
                    return Pushed::Closed;
                }
                if state.queue.cost() <= self.bounds.limit / 2 {
                    return Pushed::Queued;
                }
                if matches!(state.phase, Phase::Unattached) {
                    return Pushed::Full;
                }
                state.awaited = true;
            }
            changed.await;
        }
    }

    /// Waits until the connection has ended.
    pub(crate) async fn ended(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state.lock().ended {
                return;
            }
            changed.await;
        }
    }

    /// Whether the client takes nothing, or too little, for longer than it may.
    pub(crate) fn is_slow(&self) -> bool {
        self.state.lock().deadline(&self.bounds).is_some_and(|at| at <= Instant::now())
    }

    /// Writes what is queued as far as the client takes it, without waiting; how many bytes. The scratch space is for reuse.
    pub(crate) fn flush(&self, scratch: &mut Vec<Bytes>) -> usize {
        // A noop waker: where the window is full, the connection's task is told to wait for it.
        let mut cx = Context::from_waker(Waker::noop());
        let mut state = self.state.lock();
        if let Phase::Ready { .. } = state.phase {
            let Phase::Ready { writer, .. } = mem::replace(&mut state.phase, Phase::Writing) else { return 0 };
            state.queue.take(scratch);
            drop(state);
            let (written, waits) = self.write(writer, scratch, &mut cx);
            if waits {
                self.state.lock().wake_owner();
            }
            return written;
        }
        0
    }

    /// Called by the connection's task: it writes when the client's TCP window was full.
    pub(crate) fn drive(&self, cx: &mut Context<'_>) -> Drive {
        let mut state = self.state.lock();
        state.owner = Some(cx.waker().clone());
        let writer = match mem::replace(&mut state.phase, Phase::Writing) {
            Phase::Blocked(writer) => writer,
            Phase::Ready { writer, .. } if state.closing => writer,
            Phase::Gone => {
                state.phase = Phase::Gone;
                return Drive::Done;
            }
            other => {
                state.phase = other;
                return Drive::Idle;
            }
        };
        let mut batch = Vec::new();
        state.queue.take(&mut batch);
        drop(state);
        self.write(writer, &mut batch, cx);
        let state = self.state.lock();
        match state.phase {
            Phase::Gone => Drive::Done,
            Phase::Ready { .. } if state.closing && state.queue.is_empty() => Drive::Done,
            _ => state.deadline(&self.bounds).map_or(Drive::Idle, Drive::Blocked),
        }
    }

    /// Waits until everything is written or the connection is broken.
    pub(crate) fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.drive(cx) {
            Drive::Done => Poll::Ready(()),
            Drive::Idle | Drive::Blocked(_) => Poll::Pending,
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
    /// others push without waiting for the system call. How many bytes were written, and whether the connection's task now has
    /// something to do.
    fn write(&self, mut writer: Writer, batch: &mut Vec<Bytes>, cx: &mut Context<'_>) -> (usize, bool) {
        let mut written = 0;
        loop {
            let (sent, result) = writer.write_batch(batch, cx);
            written += sent;
            let mut state = self.state.lock();
            if state.wrote(sent, &self.bounds) {
                self.changed.notify_waiters();
            }
            if matches!(state.phase, Phase::Gone) {
                batch.clear();
                return (written, true);
            }
            match result {
                Poll::Ready(Ok(())) if state.queue.is_empty() => {
                    state.phase = Phase::Ready { writer, scheduled: false };
                    state.blocked = None;
                    state.queue.idle();
                    return (written, state.closing);
                }
                Poll::Ready(Ok(())) => state.queue.take(batch),
                Poll::Pending => {
                    state.queue.put_back(batch, sent > 0);
                    state.phase = Phase::Blocked(writer);
                    if sent > 0 || state.blocked.is_none() {
                        state.blocked = Some(Instant::now());
                    }
                    return (written, true);
                }
                Poll::Ready(Err(_)) => {
                    // The reading half will see the same end of the connection and report it.
                    batch.clear();
                    state.gone();
                    return (written, true);
                }
            }
        }
    }
}

impl State {
    fn is_closed(&self) -> bool {
        self.closing || matches!(self.phase, Phase::Gone)
    }

    /// Inlined, as it is done for each socket of each emit.
    #[inline(always)]
    fn push(&mut self, frame: Bytes, policy: &Policy) -> Pushed {
        if let Policy::Latest(key) = policy {
            self.queue.remember(key.clone());
        }
        self.queue.push(frame);
        match &mut self.phase {
            Phase::Ready { scheduled, .. } if !*scheduled => {
                *scheduled = true;
                Pushed::FlushNeeded
            }
            _ => Pushed::Queued,
        }
    }

    /// So many bytes have left. `true` where somebody waits for the room that there is now.
    fn wrote(&mut self, bytes: usize, bounds: &Bounds) -> bool {
        self.queue.wrote(bytes);
        if self.over.is_some() && self.queue.cost() <= bounds.limit {
            self.over = None;
        }
        self.awaited && self.queue.cost() <= bounds.limit / 2 && mem::take(&mut self.awaited)
    }

    /// When a client whose window is full has been given enough time.
    fn deadline(&self, bounds: &Bounds) -> Option<Instant> {
        let stalled = self.blocked.map(|since| since + bounds.stalled_after);
        let over = self.over.map(|since| since + bounds.slow_after);
        stalled.into_iter().chain(over).min()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sending::policy::PROTOCOL_LIMIT;
    use std::{future::poll_fn, sync::Arc, time::Duration};
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    const ABC: Bytes = Bytes::from_static(b"abc");
    const BYE: (Closed, u16) = (Closed::Server, 1000);

    fn bounds(limit: usize) -> Arc<Bounds> {
        Arc::new(Bounds { limit, burst: 10 * limit, ..Bounds::default() })
    }

    /// An outbox with a connection whose window holds `window` bytes, driven by its task.
    fn connected(limit: usize, window: usize) -> (Arc<Outbox>, DuplexStream, tokio::task::JoinHandle<()>) {
        let outbox = Arc::new(Outbox::new(bounds(limit)));
        let (ours, theirs) = duplex(window);
        outbox.attach(Writer::Other(Box::new(ours)));
        let driven = outbox.clone();
        let task = tokio::spawn(async move { poll_fn(|cx| driven.poll_written(cx)).await });
        (outbox, theirs, task)
    }

    fn push(outbox: &Outbox, frame: Bytes) {
        match outbox.push(frame, &Policy::Reliable, Bound::Limit) {
            Pushed::FlushNeeded => {
                outbox.flush(&mut Vec::new());
            }
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
        assert!(outbox.push_last(ABC, BYE));
        expected.extend(b"abc");
        let mut got = vec![0; expected.len()];
        client.read_exact(&mut got).await.expect("all bytes arrive");
        assert_eq!(got, expected);
        task.await.expect("the drive ends once everything is written");
    }

    #[tokio::test]
    async fn what_is_queued_before_the_connection_is_there_is_sent_first() {
        let outbox = Arc::new(Outbox::new(bounds(100)));
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Queued);
        let (ours, mut client) = duplex(64);
        outbox.attach(Writer::Other(Box::new(ours)));
        let driven = outbox.clone();
        tokio::spawn(async move { poll_fn(|cx| driven.poll_written(cx)).await });
        let mut got = [0; 3];
        client.read_exact(&mut got).await.expect("arrives");
        assert_eq!(got, *b"abc");
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_bytes() {
        let (outbox, _client, _task) = connected(10, 1);
        tokio::task::yield_now().await;
        push(&outbox, Bytes::from(vec![0; 50]));
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Full, "50 bytes wait, 10 are allowed");
        assert!(outbox.push_last(ABC, BYE), "the last frame is always taken");
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Closed);
        assert!(!outbox.push_last(ABC, BYE));
    }

    #[tokio::test]
    async fn a_broken_connection_takes_no_more() {
        let (outbox, client, task) = connected(100, 1);
        drop(client);
        tokio::task::yield_now().await;
        push(&outbox, ABC);
        task.await.expect("the drive ends");
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Closed);
    }

    #[tokio::test]
    async fn a_volatile_frame_is_dropped_where_a_reliable_one_closes() {
        let (outbox, _client, _task) = connected(10, 1);
        push(&outbox, Bytes::from(vec![0; 50]));
        assert_eq!(outbox.push(ABC, &Policy::Volatile, Bound::Limit), Pushed::Dropped);
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Full);
    }

    #[tokio::test]
    async fn the_latest_takes_the_place_of_an_older_one_with_its_key() {
        let (outbox, mut client, _task) = connected(1 << 10, 1);
        tokio::task::yield_now().await;
        // One byte of this leaves; then the window is full.
        push(&outbox, Bytes::from_static(b"first"));
        let latest = |id, key, frame| {
            outbox.push(Bytes::from_static(frame), &Policy::Latest((id, Bytes::from_static(key))), Bound::Limit)
        };
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
        let latest = |frame| outbox.push(Bytes::from_static(frame), &Policy::Latest((1, Bytes::new())), Bound::Limit);
        assert_eq!(latest(b"old"), Pushed::FlushNeeded);
        outbox.flush(&mut Vec::new());
        assert_eq!(latest(b"new"), Pushed::Queued, "its first byte has left");
        assert_eq!(latest(b"NEW"), Pushed::Replaced);
        let mut got = [0; 6];
        client.read_exact(&mut got).await.expect("arrives");
        assert_eq!(got, *b"oldNEW");
    }

    #[tokio::test(start_paused = true)]
    async fn an_emit_to_rooms_may_wait_beyond_the_limit_for_a_short_time() {
        let (outbox, mut client, _task) = connected(50, 1);
        tokio::task::yield_now().await;
        push(&outbox, Bytes::from(vec![0; 50]));
        let to_room = || outbox.push(ABC, &Policy::Reliable, Bound::Burst);
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Full, "its emitter is told");
        assert_eq!(to_room(), Pushed::Queued);
        assert!(!outbox.is_slow());
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(to_room(), Pushed::Queued);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(to_room(), Pushed::Slow, "it has been over the limit for 10 s");
        assert!(outbox.is_slow());
        // Whoever reads until it is below the limit begins anew.
        client.read_exact(&mut [0; 52]).await.expect("arrives");
        tokio::task::yield_now().await;
        assert_eq!(to_room(), Pushed::Queued);
    }

    #[tokio::test]
    async fn nothing_waits_beyond_the_burst() {
        let (outbox, _client, _task) = connected(10, 1);
        tokio::task::yield_now().await;
        assert_eq!(outbox.push(vec![0; 101].into(), &Policy::Reliable, Bound::Burst), Pushed::TooLarge);
        assert_eq!(outbox.push(vec![0; 100].into(), &Policy::Reliable, Bound::Limit), Pushed::FlushNeeded);
        assert_eq!(outbox.push(ABC, &Policy::Reliable, Bound::Burst), Pushed::Slow);
    }

    #[tokio::test]
    async fn what_the_socket_takes_is_written_before_a_client_is_judged() {
        let (outbox, mut client, _task) = connected(10, 1000);
        tokio::task::yield_now().await;
        for _ in 0..300 {
            assert_ne!(outbox.push(ABC, &Policy::Reliable, Bound::Limit), Pushed::Full, "the client's window is open");
        }
        outbox.flush(&mut Vec::new());
        client.read_exact(&mut [0; 900]).await.expect("arrives");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_byte_is_slow_however_little_waits() {
        let (outbox, mut client, task) = connected(1000, 1);
        tokio::task::yield_now().await;
        push(&outbox, ABC);
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(!outbox.is_slow());
        client.read_u8().await.expect("one byte arrives");
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(!outbox.is_slow(), "it has taken one since");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(outbox.is_slow());
        task.abort();
    }

    #[tokio::test]
    async fn a_replacement_that_is_larger_counts() {
        let (outbox, _client, _task) = connected(800, 1);
        tokio::task::yield_now().await;
        push(&outbox, ABC);
        for key in 0..10u8 {
            let latest = |len: usize| {
                let policy = Policy::Latest((1, vec![key].into()));
                outbox.push(vec![key; len].into(), &policy, Bound::Limit)
            };
            assert_eq!(latest(1), Pushed::Queued);
            let _ = latest(400);
        }
        assert!(outbox.queued_bytes() <= 800, "{} bytes wait", outbox.queued_bytes());
    }

    #[tokio::test]
    async fn answers_of_the_protocol_do_not_pile_up() {
        let (outbox, _client, _task) = connected(1 << 20, 1);
        tokio::task::yield_now().await;
        for _ in 0..1000 {
            outbox.push_from_owner(Bytes::from_static(&[0; 500]));
        }
        let (queued, latest) = (outbox.queued_bytes(), 500);
        assert!(queued <= PROTOCOL_LIMIT + latest, "{queued} bytes wait");
        push(&outbox, ABC);
    }

    #[tokio::test]
    async fn whoever_waits_for_room_is_told() {
        let (outbox, mut client, _task) = connected(220, 1);
        tokio::task::yield_now().await;
        push(&outbox, Bytes::from(vec![0; 90]));
        push(&outbox, Bytes::from(vec![0; 60]));
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.drained().await }
        });
        client.read_exact(&mut [0; 90]).await.expect("arrives");
        assert_eq!(waiting.await.expect("it ends"), Pushed::Queued);
        assert!(outbox.queued_bytes() <= 110);
        push(&outbox, Bytes::from(vec![0; 60]));
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.drained().await }
        });
        tokio::task::yield_now().await;
        outbox.abandon();
        assert_eq!(waiting.await.expect("it ends"), Pushed::Closed);
    }
}
