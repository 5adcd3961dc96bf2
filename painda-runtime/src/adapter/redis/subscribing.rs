//! What the subscribing connection is used for next.
//!
//! Bookkeeping alone: it has no connection, and is told what happened. Whoever owns the connection does what it says, one thing after
//! another, and reports how it went. What should be subscribed is in [`Traffic`](super::traffic::Traffic).

use std::sync::Arc;

use super::{
    answer::{Meaning, meaning},
    standing::Role,
    traffic::Errands,
};
use crate::adapter::AdapterError;

/// What has happened.
#[derive(Debug)]
pub(super) enum Event {
    /// These subscriptions are to be made and ended.
    Looked(Errands),
    /// The batch is settled.
    Settled,
    /// All of them were confirmed or refused.
    Subscribed,
    /// All of them have ended.
    Unsubscribed,
    /// The node is counted among those that hear everything.
    Shown,
    /// Other subscriptions may be wanted than before.
    Woken,
}

/// What is to be done next; what is to be reported then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Look which subscriptions are to be made and ended. [`Event::Looked`].
    Look,
    /// Wait until this batch of publishes is settled. [`Event::Settled`].
    Settle(u64),
    /// Subscribe to these channels. [`Event::Subscribed`].
    Subscribe(Vec<Arc<str>>),
    /// End these subscriptions. [`Event::Unsubscribed`].
    Unsubscribe(Vec<Arc<str>>),
    /// Let the others know that this node hears everything: who has something queued after an outage waits for that.
    /// [`Event::Shown`].
    Show,
    /// Wait until something else is wanted. [`Event::Woken`].
    Wait,
}

/// The use of one connection; it begins with [`Action::Look`].
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    errands: Errands,
    shown: bool,
}

impl Subscribing {
    /// Something has happened.
    pub(super) fn on(&mut self, event: Event) -> Action {
        match event {
            Event::Looked(errands) if errands.subscribe.is_empty() && errands.unsubscribe.is_empty() => {
                if self.shown {
                    Action::Wait
                } else {
                    Action::Show
                }
            }
            Event::Looked(errands) => {
                self.errands = errands;
                if self.errands.subscribe.is_empty() {
                    self.unsubscribe()
                } else {
                    Action::Settle(self.errands.barrier)
                }
            }
            Event::Settled => Action::Subscribe(std::mem::take(&mut self.errands.subscribe)),
            Event::Subscribed if !self.errands.unsubscribe.is_empty() => self.unsubscribe(),
            Event::Shown => {
                self.shown = true;
                Action::Look
            }
            Event::Subscribed | Event::Unsubscribed | Event::Woken => Action::Look,
        }
    }

    fn unsubscribe(&mut self) -> Action {
        Action::Unsubscribe(std::mem::take(&mut self.errands.unsubscribe))
    }
}

/// What was answered when a probe was published, and its server was asked how it is.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) probe: Result<(), AdapterError>,
    /// How many nodes hear everything.
    pub(super) present: Result<Option<u64>, AdapterError>,
    pub(super) role: Result<Role, AdapterError>,
}

/// What follows from that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The probe is to be heard.
    Listen,
    /// Redis does not let us publish: there is nothing to hear.
    Refused(AdapterError),
    /// The server is no master.
    WrongServer,
    /// The connection is of no use.
    Broken(AdapterError),
}

impl Answers {
    /// How many nodes hear everything, as the right server says; 0 where it does not tell.
    pub(super) fn present(&self) -> Option<u64> {
        match (&self.role, &self.present) {
            (Ok(Role::Master | Role::Unknown), Ok(present)) => Some(present.unwrap_or_default()),
            _ => None,
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        match (self.role, self.present, self.probe) {
            (Ok(Role::Replica), ..) => Verdict::WrongServer,
            (Err(why), ..) | (_, Err(why), _) => Verdict::Broken(why),
            (_, _, Ok(())) => Verdict::Listen,
            (_, _, Err(why)) if meaning(&why) == Meaning::Unanswered => Verdict::Broken(why),
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

    fn looked(subscribe: &[&str], unsubscribe: &[&str]) -> Event {
        Event::Looked(Errands { subscribe: names(subscribe), unsubscribe: names(unsubscribe), barrier: 7 })
    }

    #[test]
    fn a_node_shows_itself_once_it_hears_everything() {
        let mut subscribing = Subscribing::default();
        assert_eq!(subscribing.on(looked(&["a"], &[])), Action::Settle(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::Look, "there may be more than one command takes");
        assert_eq!(subscribing.on(looked(&["b"], &[])), Action::Settle(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["b"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::Look);
        assert_eq!(subscribing.on(looked(&[], &[])), Action::Show);
        assert_eq!(subscribing.on(Event::Shown), Action::Look, "something may have come up meanwhile");
        assert_eq!(subscribing.on(looked(&[], &[])), Action::Wait);
        assert_eq!(subscribing.on(Event::Woken), Action::Look);
    }

    #[test]
    fn subscriptions_are_made_before_others_are_ended_and_only_they_wait_for_publishes() {
        let mut subscribing = Subscribing::default();
        assert_eq!(subscribing.on(looked(&["a"], &["b", "c"])), Action::Settle(7));
        assert_eq!(subscribing.on(Event::Settled), Action::Subscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Subscribed), Action::Unsubscribe(names(&["b", "c"])));
        assert_eq!(subscribing.on(Event::Unsubscribed), Action::Look);
        assert_eq!(subscribing.on(looked(&[], &["a"])), Action::Unsubscribe(names(&["a"])));
        assert_eq!(subscribing.on(Event::Unsubscribed), Action::Look);
    }

    fn gone() -> AdapterError {
        AdapterError::Unavailable("gone".into())
    }

    #[test]
    fn the_wrong_server_counts_for_more_than_what_it_says_besides() {
        let answers = |role| Answers { probe: Err(gone()), present: Ok(Some(3)), role };
        assert_eq!(answers(Ok(Role::Replica)).present(), None);
        assert_eq!(answers(Ok(Role::Replica)).verdict(), Verdict::WrongServer);
        assert_eq!(answers(Ok(Role::Unknown)).present(), Some(3));
        assert_eq!(answers(Ok(Role::Unknown)).verdict(), Verdict::Broken(gone()));
        assert_eq!(answers(Err(gone())).present(), None);
        let uncounted = Answers { probe: Ok(()), present: Err(gone()), role: Ok(Role::Master) };
        assert_eq!(uncounted.verdict(), Verdict::Broken(gone()));
    }

    #[test]
    fn who_may_not_publish_a_probe_need_not_hear_it() {
        let answers = |probe| Answers { probe, present: Ok(None), role: Ok(Role::Master) };
        assert_eq!(answers(Ok(())).present(), Some(0));
        assert_eq!(answers(Ok(())).verdict(), Verdict::Listen);
        let refused = AdapterError::Backend("NOPERM no permissions".into());
        assert_eq!(answers(Err(refused.clone())).verdict(), Verdict::Refused(refused));
    }
}
