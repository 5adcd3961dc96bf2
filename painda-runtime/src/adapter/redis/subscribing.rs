//! What to do next on the subscribing connection.
//!
//! A state machine without a connection. The owner of the connection carries out the actions, one after another, and reports the
//! result of each. The wanted subscriptions are kept in [`Traffic`](super::traffic::Traffic).

use std::sync::Arc;

use super::{
    answer::{Meaning, meaning},
    mastership::Role,
    traffic::SubscriptionChanges,
};
use crate::adapter::AdapterError;

/// What has happened.
#[derive(Debug)]
pub(super) enum Event {
    /// These channels are to be subscribed to and unsubscribed from.
    Changes(SubscriptionChanges),
    /// The batch is settled.
    Settled,
    /// All of them were confirmed or refused.
    Subscribed,
    /// All of them were unsubscribed.
    Unsubscribed,
    /// The node counts as ready.
    MarkedReady,
    /// The wanted subscriptions may have changed.
    Woken,
}

/// What to do next; behind it, the event to report then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Take the next changes of subscriptions. [`Event::Changes`].
    TakeChanges,
    /// Wait until this batch of publishes is settled. [`Event::Settled`].
    AwaitSettled(u64),
    /// Subscribe to these channels. [`Event::Subscribed`].
    Subscribe(Vec<Arc<str>>),
    /// Unsubscribe from these channels. [`Event::Unsubscribed`].
    Unsubscribe(Vec<Arc<str>>),
    /// Let the others know that this node is ready, that is, has all its subscriptions: after an outage, they publish then.
    /// [`Event::MarkedReady`].
    MarkReady,
    /// Wait until the wanted subscriptions change. [`Event::Woken`].
    Wait,
}

/// The use of one connection; it begins with [`Action::TakeChanges`].
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    changes: SubscriptionChanges,
    marked_ready: bool,
}

impl Subscribing {
    /// Takes an event, and returns the next action.
    pub(super) fn on(&mut self, event: Event) -> Action {
        match event {
            Event::Changes(changes) if changes.subscribe.is_empty() && changes.unsubscribe.is_empty() => {
                if self.marked_ready { Action::Wait } else { Action::MarkReady }
            }
            Event::Changes(changes) => {
                self.changes = changes;
                if self.changes.subscribe.is_empty() {
                    self.unsubscribe()
                } else {
                    Action::AwaitSettled(self.changes.barrier)
                }
            }
            Event::Settled => Action::Subscribe(std::mem::take(&mut self.changes.subscribe)),
            Event::Subscribed if !self.changes.unsubscribe.is_empty() => self.unsubscribe(),
            Event::MarkedReady => {
                self.marked_ready = true;
                Action::TakeChanges
            }
            Event::Subscribed | Event::Unsubscribed | Event::Woken => Action::TakeChanges,
        }
    }

    fn unsubscribe(&mut self) -> Action {
        Action::Unsubscribe(std::mem::take(&mut self.changes.unsubscribe))
    }
}

/// The answers when a probe was published and its server was asked for its role.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) probe: Result<(), AdapterError>,
    /// How many nodes are ready.
    pub(super) ready: Result<Option<u64>, AdapterError>,
    pub(super) role: Result<Role, AdapterError>,
}

/// What follows from that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The probe should be received.
    AwaitProbe,
    /// Redis refuses the probe: there is nothing to receive.
    Refused(AdapterError),
    /// The server is no master.
    WrongServer,
    /// The connection can't be used any more.
    Broken(AdapterError),
}

impl Answers {
    /// How many nodes are ready, if the server is the master; 0 where it does not tell.
    pub(super) fn ready(&self) -> Option<u64> {
        match (&self.role, &self.ready) {
            (Ok(Role::Master | Role::Unknown), Ok(ready)) => Some(ready.unwrap_or_default()),
            _ => None,
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        match (self.role, self.ready, self.probe) {
            (Ok(Role::Replica), ..) => Verdict::WrongServer,
            (Err(why), ..) | (_, Err(why), _) => Verdict::Broken(why),
            (_, _, Ok(())) => Verdict::AwaitProbe,
            // What was asked after it is answered: after a pause of Redis its own answer was only late. To give up a connection that
            // works again would lose what other nodes publish, which have just counted this one as ready.
            (_, _, Err(why)) if meaning(&why) == Meaning::Unanswered => Verdict::AwaitProbe,
            (_, _, Err(why)) => Verdict::Refused(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn changes(subscribe: &[&str], unsubscribe: &[&str]) -> Event {
        Event::Changes(SubscriptionChanges { subscribe: names(subscribe), unsubscribe: names(unsubscribe), barrier: 7 })
    }

    #[test]
    fn a_node_is_marked_ready_once_it_has_all_its_subscriptions() {
        let mut subscribing = Subscribing::default();
        assert_eq!(subscribing.on(changes(&["a"], &[])), Action::AwaitSettled(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::TakeChanges, "there may be more than one command takes");
        assert_eq!(subscribing.on(changes(&["b"], &[])), Action::AwaitSettled(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["b"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::TakeChanges);
        assert_eq!(subscribing.on(changes(&[], &[])), Action::MarkReady);
        assert_eq!(subscribing.on(Event::MarkedReady), Action::TakeChanges, "something may have come up meanwhile");
        assert_eq!(subscribing.on(changes(&[], &[])), Action::Wait);
        assert_eq!(subscribing.on(Event::Woken), Action::TakeChanges);
    }

    #[test]
    fn channels_are_subscribed_to_before_others_are_unsubscribed_and_only_they_wait_for_publishes() {
        let mut subscribing = Subscribing::default();
        assert_eq!(subscribing.on(changes(&["a"], &["b", "c"])), Action::AwaitSettled(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::Unsubscribe(names(&["b", "c"])));
        assert_eq!(subscribing.on(Event::Unsubscribed), Action::TakeChanges);
        assert_eq!(subscribing.on(changes(&[], &["a"])), Action::Unsubscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Unsubscribed), Action::TakeChanges);
    }

    fn gone() -> AdapterError {
        AdapterError::Unavailable("gone".into())
    }

    #[test]
    fn the_role_decides_before_the_other_answers() {
        let answers = |role| Answers { probe: Err(gone()), ready: Ok(Some(3)), role };
        assert_eq!(answers(Ok(Role::Replica)).ready(), None);
        assert_eq!(answers(Ok(Role::Replica)).verdict(), Verdict::WrongServer);
        assert_eq!(answers(Ok(Role::Unknown)).ready(), Some(3));
        assert_eq!(answers(Err(gone())).ready(), None);
        let uncounted = Answers { probe: Ok(()), ready: Err(gone()), role: Ok(Role::Master) };
        assert_eq!(uncounted.verdict(), Verdict::Broken(gone()));
    }

    #[test]
    fn a_probe_that_is_answered_too_late_after_a_pause_may_still_arrive() {
        let late = Answers { probe: Err(gone()), ready: Ok(Some(3)), role: Ok(Role::Master) };
        assert_eq!(late.verdict(), Verdict::AwaitProbe);
        let gone_for_good = Answers { probe: Err(gone()), ready: Err(gone()), role: Err(gone()) };
        assert_eq!(gone_for_good.verdict(), Verdict::Broken(gone()));
    }

    #[test]
    fn a_refused_probe_need_not_be_received() {
        let answers = |probe| Answers { probe, ready: Ok(None), role: Ok(Role::Master) };
        assert_eq!(answers(Ok(())).ready(), Some(0));
        assert_eq!(answers(Ok(())).verdict(), Verdict::AwaitProbe);
        let refused = AdapterError::Backend("NOPERM no permissions".into());
        assert_eq!(answers(Err(refused.clone())).verdict(), Verdict::Refused(refused));
    }
}
