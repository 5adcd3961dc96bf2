//! HTTP connections that are not WebSockets, and how long each has waited for its client.
//!
//! A connection waits either for its client, to send a request or to take the response, or for the application, to answer. A wait for the
//! client has a timeout. Where there is no room for another connection, the one that has waited for its client for longest is closed.
//! Connections that wait for the application stay.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

/// All connections of a node that are no WebSockets.
#[derive(Debug)]
pub(crate) struct Pending {
    /// How many may wait for their client.
    limit: usize,
    /// How long each of them may.
    timeout: Duration,
    queue: Mutex<Queue>,
    stopping: watch::Sender<bool>,
    /// Notified whenever a connection ends or becomes a WebSocket.
    pub(crate) left: Notify,
}

/// Connections that wait for their client, the longest first.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<u64, (Instant, Arc<Notify>)>,
    next: u64,
    log: Log,
}

/// Logs at most every [`PAUSE`](Log::PAUSE) how many were closed to make room.
#[derive(Debug, Default)]
struct Log {
    last: Option<Instant>,
    closed: usize,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The client: the head of its request.
    Request,
    /// The client: more of its request's body.
    Body,
    /// The client: to take what it was sent. It has three times the timeout, because the kernel reports late that there is room again.
    Answer,
    /// The application: its answer.
    Application,
}

/// One connection, until it ends or is a WebSocket.
#[derive(Debug)]
pub(crate) struct PendingConnection {
    pending: Arc<Pending>,
    evicted: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Its place in the queue, where it waits for its client.
    place: u64,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has waited for its client for too long.
    TimedOut,
    /// There was no room for another one.
    Evicted,
    /// The server stops; an answer that has begun may end.
    Stopping,
}

impl Pending {
    pub(crate) fn new(limit: usize, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit,
            timeout,
            queue: Mutex::default(),
            stopping: watch::Sender::new(false),
            left: Notify::new(),
        })
    }

    /// A new connection, which waits for its request. Where too many wait already, the one that has waited longest is closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Arc<PendingConnection> {
        let evicted = Arc::new(Notify::new());
        let place = self.queue.lock().enter(evicted.clone(), self.limit);
        let state = State { phase: Phase::Request, since: Instant::now(), place };
        Arc::new(PendingConnection { pending: self.clone(), evicted, state: Mutex::new(state) })
    }

    /// Ends the connection that has waited for its client longest; an error where none has waited for so long, with the
    /// time until one has, if any waits at all.
    pub(crate) fn evict(&self, waited: Duration) -> Result<(), Option<Duration>> {
        let mut queue = self.queue.lock();
        match queue.waiting.first_key_value() {
            None => Err(None),
            Some((_, (since, _))) => match waited.checked_sub(since.elapsed()) {
                None | Some(Duration::ZERO) => {
                    queue.evict();
                    Ok(())
                }
                Some(left) => Err(Some(left)),
            },
        }
    }

    /// Ends all connections, those that are being answered after their answer.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

impl Queue {
    fn enter(&mut self, evicted: Arc<Notify>, limit: usize) -> u64 {
        let place = self.next;
        self.next += 1;
        self.waiting.insert(place, (Instant::now(), evicted));
        if self.waiting.len() > limit {
            self.evict();
        }
        place
    }

    fn evict(&mut self) {
        if let Some((_, (_, told))) = self.waiting.pop_first() {
            told.notify_one();
            self.log.count();
        }
    }
}

impl Log {
    const PAUSE: Duration = Duration::from_secs(10);

    fn count(&mut self) {
        self.closed += 1;
        if self.last.is_none_or(|last| last.elapsed() > Self::PAUSE) {
            tracing::warn!(
                target: "painda::server",
                connections = self.closed,
                "no room for new connections: those were closed whose clients kept the server waiting longest"
            );
            *self = Self { last: Some(Instant::now()), closed: 0 };
        }
    }
}

impl PendingConnection {
    /// Says what the connection waits for from now on.
    pub(crate) fn enter_phase(&self, phase: Phase) {
        let mut state = self.state.lock();
        let mut queue = self.pending.queue.lock();
        queue.waiting.remove(&state.place);
        state.phase = phase;
        state.since = Instant::now();
        if phase != Phase::Application {
            state.place = queue.enter(self.evicted.clone(), self.pending.limit);
        }
    }

    pub(crate) fn is(&self, phase: Phase) -> bool {
        self.state.lock().phase == phase
    }

    /// Ends when the connection has to.
    pub(crate) async fn end(&self) -> End {
        let mut stopping = self.pending.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => End::Stopping,
            () = self.evicted.notified() => End::Evicted,
            () = self.overdue() => End::TimedOut,
        }
    }

    /// Ends when the connection has waited for its client for too long.
    async fn overdue(&self) {
        let timeout = self.pending.timeout;
        loop {
            let left = {
                let state = self.state.lock();
                match state.phase {
                    Phase::Request | Phase::Body => timeout.saturating_sub(state.since.elapsed()),
                    Phase::Answer => (3 * timeout).saturating_sub(state.since.elapsed()),
                    Phase::Application => timeout,
                }
            };
            if left.is_zero() {
                return;
            }
            // The phase may change meanwhile, to one that ends sooner: so never sleep for longer than one timeout.
            sleep(left.min(timeout)).await;
        }
    }
}

impl Drop for PendingConnection {
    fn drop(&mut self) {
        self.pending.queue.lock().waiting.remove(&self.state.get_mut().place);
        self.pending.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn evicted(connection: &PendingConnection) -> bool {
        connection.evicted.notified().now_or_never().is_some()
    }

    #[tokio::test]
    async fn where_too_many_wait_the_one_goes_that_has_waited_longest() {
        let pending = Pending::new(2, PATIENCE);
        let [first, second, third] = [pending.enter(), pending.enter(), pending.enter()];
        assert_eq!([evicted(&first), evicted(&second), evicted(&third)], [true, false, false]);
        second.enter_phase(Phase::Application);
        let fourth = pending.enter();
        second.enter_phase(Phase::Answer);
        assert_eq!([evicted(&second), evicted(&third), evicted(&fourth)], [false, true, false]);
        drop((first, second, third, fourth));
        assert!(pending.queue.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_for_the_application_is_not_evicted() {
        let pending = Pending::new(100, PATIENCE);
        let [busy, idle] = [pending.enter(), pending.enter()];
        busy.enter_phase(Phase::Application);
        assert_eq!(pending.evict(Duration::ZERO), Ok(()));
        assert_eq!([evicted(&busy), evicted(&idle)], [false, true]);
        assert_eq!(pending.evict(Duration::ZERO), Err(None));
    }

    #[tokio::test]
    async fn a_connection_that_was_told_to_go_goes_whatever_it_does_next() {
        let pending = Pending::new(100, PATIENCE);
        let connection = pending.enter();
        assert_eq!(pending.evict(Duration::ZERO), Ok(()));
        connection.enter_phase(Phase::Application);
        connection.enter_phase(Phase::Answer);
        assert_eq!(connection.end().await, End::Evicted);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_just_come_is_spared_for_a_while() {
        let pending = Pending::new(100, PATIENCE);
        let _connection = pending.enter();
        sleep(Duration::from_millis(30)).await;
        assert_eq!(pending.evict(Duration::from_millis(100)), Err(Some(Duration::from_millis(70))));
        sleep(Duration::from_millis(70)).await;
        assert_eq!(pending.evict(Duration::from_millis(100)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_of_the_clients_has_an_end() {
        let pending = Pending::new(100, PATIENCE);
        let connection = pending.enter();
        let began = Instant::now();
        let ended = {
            let connection = connection.clone();
            tokio::spawn(async move { connection.end().await })
        };
        sleep(PATIENCE / 2).await;
        connection.enter_phase(Phase::Application);
        sleep(PATIENCE * 5).await;
        for _ in 0..10 {
            connection.enter_phase(Phase::Answer);
            sleep(PATIENCE * 5 / 2).await;
        }
        connection.enter_phase(Phase::Body);
        assert!(!ended.is_finished());
        assert_eq!(ended.await.expect("it ends"), End::TimedOut);
        assert_eq!(began.elapsed().as_secs(), 5 + 50 + 250 + 10);
        connection.enter_phase(Phase::Answer);
        assert_eq!(connection.end().await, End::TimedOut);
        assert_eq!(began.elapsed().as_secs(), 5 + 50 + 250 + 10 + 30);
    }

    #[tokio::test]
    async fn a_stop_is_heard_by_all_and_by_those_who_come_later() {
        let pending = Pending::new(100, PATIENCE);
        let [busy, idle] = [pending.enter(), pending.enter()];
        busy.enter_phase(Phase::Application);
        pending.stop();
        for connection in [busy, idle, pending.enter()] {
            assert_eq!(connection.end().await, End::Stopping);
        }
    }
}
