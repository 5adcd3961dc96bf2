//! What the publishing connection is used for next.
//!
//! Bookkeeping alone: it has no connection, and is told what happened and what time it is. Whoever owns the connection does what
//! [`Publishing::on`] says, one thing after another, and reports how it went. What waits to be written is not kept here.

use std::time::Duration;

use redis::ConnectionAddr;
use tokio::time::Instant;

use super::timings::{CROWD_TIMEOUT, PROBE_INTERVAL};
use crate::adapter::backoff::Backoff;

/// How long a server that has lost a slot is left alone, unless it hands its channels over before that.
const MOVED_DELAY: Duration = Duration::from_millis(20);
/// How long one is left alone that takes no publishes for now.
const NOT_NOW_DELAY: Duration = Duration::from_millis(200);

/// Between two looks at who is back after an outage.
const CROWD_INTERVAL: Duration = Duration::from_millis(20);

/// How Redis knows a connection. The id alone is not enough: a restarted Redis gives it to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) addr: String,
}

/// What has happened on the connection.
#[derive(Debug)]
pub(super) enum Event {
    /// The bookkeeping of the server has begun, and Redis has said how it knows the connection, or does not tell.
    Begun(Option<Identity>),
    /// An earlier connection is closed, as far as Redis lets us.
    Killed,
    /// The batch that was in flight is settled. Copies that are due were sent on the subscription of this epoch.
    Settled { due: Option<u64> },
    /// The fence was heard, or its subscription is gone.
    Passed,
    /// The connection is there for everybody. Before the outage so many nodes heard everything.
    Offered { before: u64 },
    /// So many nodes hear everything; `None` where Redis does not tell.
    Counted(Option<u64>),
    /// The others have had time to come back.
    Waited,
    /// Nothing is under way. Somebody may suspect the server of being the wrong one.
    Free { suspected: bool },
    /// The server is still the right one.
    Probed,
    /// Some of what was written is for another server of the cluster.
    Elsewhere,
    /// The server does not take some of what was written, for now.
    NotNow,
}

/// What is to be done next on the connection; what is to be reported then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Begin the bookkeeping of the server, which may not be the last connection's. [`Event::Begun`].
    Begin { replaced: bool },
    /// Have Redis close an earlier connection: it may not have processed what this had in its buffers. [`Event::Killed`].
    Kill(Identity),
    /// Redis will process nothing of the last batch from now on. [`Event::Settled`].
    Settle,
    /// Publish this fence, and wait until it is heard. No older copy is left to come then: what is still due on the subscription of this
    /// epoch was lost, is to be forgotten, and would swallow another node's equal message. [`Event::Passed`].
    PassFence { number: u64, epoch: u64 },
    /// Have all members written again, and let others ask questions on the connection. [`Event::Offered`].
    Offer,
    /// Ask how many nodes hear everything. [`Event::Counted`].
    Count,
    /// Wait for so long. [`Event::Waited`].
    AwaitOthers(Duration),
    /// From now on publishes go out. [`Event::Free`].
    Publish,
    /// Ask the server whether it is still the right one. [`Event::Probed`].
    Probe,
    /// Write what there is to write; where there is nothing, wait for something, until then at the latest. [`Event::Free`],
    /// [`Event::Elsewhere`] or [`Event::NotNow`].
    Write { or_wait_until: Instant },
    /// Leave the server alone for so long. [`Event::Free`].
    Rest(Duration),
}

/// What is known of the publishing connections to one server, one after another.
#[derive(Debug)]
pub(super) struct Publishing {
    backoff: Backoff,
    /// The server that the last connection went to.
    server: Option<ConnectionAddr>,
    /// How Redis knows the connection.
    identity: Option<Identity>,
    /// A connection broke with commands in flight, and Redis may still process them.
    doubtful: Option<Option<Identity>>,
    fences: u64,
    /// How many nodes are waited for, and until when.
    crowd: Option<(u64, Instant)>,
    /// When the server is to be asked again; at once on a new connection.
    next_probe: Option<Instant>,
}

impl Publishing {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, server: None, identity: None, doubtful: None, fences: 0, crowd: None, next_probe: None }
    }

    /// There is a connection to this server.
    pub(super) fn connected(&mut self, server: &ConnectionAddr) -> Action {
        (self.identity, self.crowd, self.next_probe) = (None, None, None);
        let before = self.server.replace(server.clone());
        Action::Begin { replaced: before.is_some_and(|before| before != *server) }
    }

    /// The connection is gone, perhaps with a write in flight, or could not be made. Returns how long to wait before the next attempt.
    pub(super) fn gone(&mut self, in_flight: bool, now: Instant) -> Duration {
        if in_flight {
            self.doubtful = Some(self.identity.take());
        }
        self.backoff.delay(now)
    }

    /// Something has happened on the connection.
    pub(super) fn on(&mut self, event: Event, now: Instant) -> Action {
        match event {
            Event::Begun(identity) => {
                self.identity = identity;
                match &self.doubtful {
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
                self.doubtful = None;
                Action::Offer
            }
            // After an outage of Redis, all nodes come back one after another. What was queued meanwhile would be published to those few
            // who hear it already, so it waits for the others; but not for long, since one of them may be gone for good.
            Event::Offered { before } => {
                self.crowd = Some((before, now + CROWD_TIMEOUT));
                Action::Count
            }
            Event::Counted(present) => match (present, self.crowd) {
                (Some(present), Some((before, _))) if present < before => Action::AwaitOthers(CROWD_INTERVAL),
                _ => Action::Publish,
            },
            Event::Waited => match self.crowd {
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
        assert_eq!(publishing.on(FREE, now), Action::Probe, "nobody knows what it is by now");
        let or_wait_until = now + PROBE_INTERVAL;
        assert_eq!(publishing.on(Event::Probed, now), Action::Write { or_wait_until });
    }

    #[test]
    fn what_was_in_flight_is_in_doubt_until_it_is_settled_on_a_later_connection() {
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
        assert_eq!(publishing.on(Event::Begun(None), now), Action::Kill(identity(1)), "the fence was not heard");
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
        while now < start + CROWD_TIMEOUT {
            assert_eq!(publishing.on(Event::Counted(Some(2)), now), Action::AwaitOthers(CROWD_INTERVAL));
            now += CROWD_INTERVAL;
            let expected = if now < start + CROWD_TIMEOUT { Action::Count } else { Action::Publish };
            assert_eq!(publishing.on(Event::Waited, now), expected);
        }
        publishing.connected(&server("here"));
        publishing.on(Event::Offered { before: 3 }, start);
        assert_eq!(publishing.on(Event::Counted(Some(3)), start), Action::Publish, "all are back");
    }

    #[test]
    fn a_server_is_asked_now_and_then_and_whenever_it_is_suspected() {
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
    fn a_server_that_does_not_take_all_is_left_alone_for_a_moment() {
        let (mut publishing, now) = publishing();
        set_up(&mut publishing, 1, now);
        assert_eq!(publishing.on(Event::Elsewhere, now), Action::Rest(MOVED_DELAY));
        assert_eq!(publishing.on(Event::NotNow, now), Action::Rest(NOT_NOW_DELAY));
        assert_eq!(publishing.on(FREE, now), Action::Write { or_wait_until: now + PROBE_INTERVAL });
    }
}
