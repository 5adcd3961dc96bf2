//! What to do next on the publishing connection.
//!
//! A state machine without a connection and without a clock. The owner of the connection carries out the actions that
//! [`Publishing::on`] returns, one after another, and reports the result of each. What waits to be written is kept elsewhere.

use std::time::Duration;

use redis::ConnectionAddr;
use tokio::time::Instant;

use super::timings::{PROBE_INTERVAL, RESUBSCRIBE_TIMEOUT};
use crate::adapter::backoff::Backoff;

/// How long nothing is written to a server that has lost a slot, so that its channels can be handed over first.
const MOVED_DELAY: Duration = Duration::from_millis(20);
/// How long nothing is written to a server that takes no publishes for now.
const NOT_NOW_DELAY: Duration = Duration::from_millis(200);

/// After an outage, how often the ready nodes are counted.
const RESUBSCRIBE_INTERVAL: Duration = Duration::from_millis(20);

/// How Redis identifies a connection. The id alone is not enough: a restarted Redis gives it to another connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) addr: String,
}

/// What has happened on the connection.
#[derive(Debug)]
pub(super) enum Event {
    /// The bookkeeping of the server has begun. Redis has told the connection's identity, or does not tell it.
    Begun(Option<Identity>),
    /// An earlier connection is closed, unless Redis refuses that.
    Killed,
    /// The batch that was in flight is settled. `due`: the epoch of the subscription on which echoes are due, if any are.
    Settled { due: Option<u64> },
    /// The fence was received, or its subscription has ended.
    Passed,
    /// Others may use the connection. `before`: how many nodes were ready before the outage.
    Offered { before: u64 },
    /// So many nodes are ready, that is, have all their subscriptions. `None` where Redis does not tell.
    Counted(Option<u64>),
    /// The wait for the other nodes has ended.
    Waited,
    /// No command is under way. `suspected`: a reply shows that the server may not be the master.
    Free { suspected: bool },
    /// The server is still the master.
    Probed,
    /// Another server of the Redis Cluster has some of the channels that were written.
    Elsewhere,
    /// The server refused some of what was written, for now.
    NotNow,
}

/// What to do next on the connection; behind it, the event to report then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Begin the bookkeeping of the server. `replaced`: it is another one than the last connection's. [`Event::Begun`].
    Begin { replaced: bool },
    /// Have Redis close an earlier connection, whose buffers it may not have processed. [`Event::Killed`].
    Kill(Identity),
    /// Redis will process nothing of the last batch from now on. [`Event::Settled`].
    Settle,
    /// Publish this fence, and wait until it is received. No older echo is left to come then. Those that are still due on the
    /// subscription of this epoch were lost and must be forgotten: otherwise another node's equal message is taken for one. [`Event::Passed`].
    PassFence { number: u64, epoch: u64 },
    /// Have all members written again, and let others ask questions on the connection. [`Event::Offered`].
    Offer,
    /// Ask how many nodes are ready. [`Event::Counted`].
    Count,
    /// Wait for so long. [`Event::Waited`].
    AwaitOthers(Duration),
    /// Begin to write publishes. [`Event::Free`].
    Publish,
    /// Ask the server whether it is still the master. [`Event::Probed`].
    Probe,
    /// Write what waits. If nothing does, wait for something, at most until then. [`Event::Free`],
    /// [`Event::Elsewhere`] or [`Event::NotNow`].
    Write { or_wait_until: Instant },
    /// Write nothing for so long. [`Event::Free`].
    Rest(Duration),
}

/// The state of the publishing connections to one server, one after another.
#[derive(Debug)]
pub(super) struct Publishing {
    backoff: Backoff,
    /// The server that the last connection went to.
    server: Option<ConnectionAddr>,
    /// How Redis identifies the connection.
    identity: Option<Identity>,
    /// A connection broke with a batch in flight, which Redis may still process; with its identity, if that is known.
    unsettled: Option<Option<Identity>>,
    fences: u64,
    /// How many ready nodes are waited for, and until when.
    waits_for: Option<(u64, Instant)>,
    /// When the server is to be asked again; at once on a new connection.
    next_probe: Option<Instant>,
}

impl Publishing {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, server: None, identity: None, unsettled: None, fences: 0, waits_for: None, next_probe: None }
    }

    /// There is a connection to this server.
    pub(super) fn connected(&mut self, server: &ConnectionAddr) -> Action {
        (self.identity, self.waits_for, self.next_probe) = (None, None, None);
        let before = self.server.replace(server.clone());
        Action::Begin { replaced: before.is_some_and(|before| before != *server) }
    }

    /// The connection has ended, perhaps with a batch in flight, or could not be made. Returns how long to wait before the next attempt.
    pub(super) fn gone(&mut self, in_flight: bool, now: Instant) -> Duration {
        if in_flight {
            self.unsettled = Some(self.identity.take());
        }
        self.backoff.delay(now)
    }

    /// Something has happened on the connection.
    pub(super) fn on(&mut self, event: Event, now: Instant) -> Action {
        match event {
            Event::Begun(identity) => {
                self.identity = identity;
                match &self.unsettled {
                    None => Action::Offer,
                    Some(None) => Action::Settle,
                    Some(Some(broken)) => Action::Kill(broken.clone()),
                }
            }
            Event::Killed => Action::Settle,
            Event::Settled { due: Some(epoch) } => {
                self.fences += 1;
                Action::PassFence { number: self.fences, epoch }
            }
            Event::Settled { due: None } | Event::Passed => {
                self.unsettled = None;
                Action::Offer
            }
            // After an outage of Redis, the nodes subscribe again one after another. What was queued meanwhile would reach only those
            // that are ready, so it waits for the others. The wait is short, since one of them may never come back.
            Event::Offered { before } => {
                self.waits_for = Some((before, now + RESUBSCRIBE_TIMEOUT));
                Action::Count
            }
            Event::Counted(ready) => match (ready, self.waits_for) {
                (Some(ready), Some((before, _))) if ready < before => Action::AwaitOthers(RESUBSCRIBE_INTERVAL),
                _ => Action::Publish,
            },
            Event::Waited => match self.waits_for {
                Some((_, deadline)) if now < deadline => Action::Count,
                _ => Action::Publish,
            },
            Event::Free { suspected } if suspected || self.next_probe.is_none_or(|at| now >= at) => {
                self.next_probe = Some(now + PROBE_INTERVAL);
                Action::Probe
            }
            Event::Free { .. } | Event::Probed => {
                Action::Write { or_wait_until: self.next_probe.unwrap_or(now + PROBE_INTERVAL) }
            }
            Event::Elsewhere => Action::Rest(MOVED_DELAY),
            Event::NotNow => Action::Rest(NOT_NOW_DELAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const FREE: Event = Event::Free { suspected: false };
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn publishing() -> (Publishing, Instant) {
        let backoff = Backoff::new(Duration::from_secs(2), Random::seeded(1));
        (Publishing::new(backoff), Instant::now())
    }

    fn server(host: &str) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), 6379)
    }

    fn identity(id: u64) -> Identity {
        Identity { id: id.to_string(), addr: "10.0.0.1:5000".to_owned() }
    }

    /// Connects, up to the first write.
    fn set_up(publishing: &mut Publishing, id: u64, now: Instant) {
        assert_eq!(publishing.connected(&server("here")), Action::Begin { replaced: false });
        assert_eq!(publishing.on(Event::Begun(Some(identity(id))), now), Action::Offer);
        assert_eq!(publishing.on(Event::Offered { before: 0 }, now), Action::Count);
        assert_eq!(publishing.on(Event::Counted(None), now), Action::Publish);
        assert_eq!(publishing.on(FREE, now), Action::Probe, "its role may have changed since it connected");
        let or_wait_until = now + PROBE_INTERVAL;
        assert_eq!(publishing.on(Event::Probed, now), Action::Write { or_wait_until });
    }

    #[test]
    fn a_batch_in_flight_is_unsettled_until_a_later_connection_settles_it() {
        let (mut publishing, now) = publishing();
        set_up(&mut publishing, 1, now);
        publishing.gone(true, now);
        for _ in 0..2 {
            publishing.connected(&server("here"));
            assert_eq!(publishing.on(Event::Begun(Some(identity(2))), now), Action::Kill(identity(1)));
            // It breaks before that is answered.
            publishing.gone(false, now);
        }
        publishing.connected(&server("here"));
        assert_eq!(publishing.on(Event::Begun(Some(identity(3))), now), Action::Kill(identity(1)));
        assert_eq!(publishing.on(Event::Killed, now), Action::Settle);
        assert_eq!(publishing.on(Event::Settled { due: Some(7) }, now), Action::PassFence { number: 1, epoch: 7 });
        publishing.gone(false, now);
        publishing.connected(&server("here"));
        assert_eq!(publishing.on(Event::Begun(None), now), Action::Kill(identity(1)), "the fence was not received");
        assert_eq!(publishing.on(Event::Killed, now), Action::Settle);
        let fence = Action::PassFence { number: 2, epoch: 7 };
        assert_eq!(publishing.on(Event::Settled { due: Some(7) }, now), fence, "the first one may still come");
        assert_eq!(publishing.on(Event::Passed, now), Action::Offer);
        publishing.gone(false, now);
        set_up(&mut publishing, 4, now);
    }

    #[test]
    fn a_connection_that_redis_does_not_name_is_not_closed_and_settled_all_the_same() {
        let (mut publishing, now) = publishing();
        publishing.connected(&server("here"));
        publishing.on(Event::Begun(None), now);
        publishing.gone(true, now);
        publishing.connected(&server("here"));
        assert_eq!(publishing.on(Event::Begun(Some(identity(2))), now), Action::Settle);
        assert_eq!(publishing.on(Event::Settled { due: None }, now), Action::Offer);
        // This one's name is not that of the next one that breaks.
        publishing.gone(false, now);
        publishing.connected(&server("here"));
        publishing.gone(true, now);
        publishing.connected(&server("here"));
        assert_eq!(publishing.on(Event::Begun(Some(identity(4))), now), Action::Settle);
    }

    #[test]
    fn another_server_than_the_last_is_noticed() {
        let (mut publishing, now) = publishing();
        for (host, replaced) in [("here", false), ("here", false), ("there", true), ("there", false), ("here", true)] {
            assert_eq!(publishing.connected(&server(host)), Action::Begin { replaced });
            publishing.gone(false, now);
        }
    }

    #[test]
    fn after_an_outage_the_others_are_waited_for_but_not_for_ever() {
        let (mut publishing, start) = publishing();
        publishing.connected(&server("here"));
        publishing.on(Event::Begun(None), start);
        assert_eq!(publishing.on(Event::Offered { before: 3 }, start), Action::Count);
        let mut now = start;
        while now < start + RESUBSCRIBE_TIMEOUT {
            assert_eq!(publishing.on(Event::Counted(Some(2)), now), Action::AwaitOthers(RESUBSCRIBE_INTERVAL));
            now += RESUBSCRIBE_INTERVAL;
            let expected = if now < start + RESUBSCRIBE_TIMEOUT { Action::Count } else { Action::Publish };
            assert_eq!(publishing.on(Event::Waited, now), expected);
        }
        publishing.connected(&server("here"));
        publishing.on(Event::Offered { before: 3 }, start);
        assert_eq!(publishing.on(Event::Counted(Some(3)), start), Action::Publish, "all are back");
    }

    #[test]
    fn a_server_is_probed_at_intervals_and_when_it_is_suspected() {
        let (mut publishing, start) = publishing();
        set_up(&mut publishing, 1, start);
        let write = |at| Action::Write { or_wait_until: at };
        let next = start + PROBE_INTERVAL;
        assert_eq!(publishing.on(FREE, next - MILLISECOND), write(next));
        assert_eq!(publishing.on(FREE, next), Action::Probe);
        assert_eq!(publishing.on(Event::Probed, next + MILLISECOND), write(next + PROBE_INTERVAL));
        let suspected = next + 2 * MILLISECOND;
        assert_eq!(publishing.on(Event::Free { suspected: true }, suspected), Action::Probe);
        assert_eq!(publishing.on(Event::Probed, suspected), write(suspected + PROBE_INTERVAL));
    }

    #[test]
    fn after_a_refusal_nothing_is_written_for_a_moment() {
        let (mut publishing, now) = publishing();
        set_up(&mut publishing, 1, now);
        assert_eq!(publishing.on(Event::Elsewhere, now), Action::Rest(MOVED_DELAY));
        assert_eq!(publishing.on(Event::NotNow, now), Action::Rest(NOT_NOW_DELAY));
        assert_eq!(publishing.on(FREE, now), Action::Write { or_wait_until: now + PROBE_INTERVAL });
    }
}
