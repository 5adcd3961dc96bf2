//! Which of this node's clients are in which rooms, and what of that Redis may not know yet.
//!
//! Bookkeeping alone: no connection, no task. Per room and client only the last wish counts, so what waits for Redis is
//! bounded by what exists or existed there, however much comes and goes while Redis is away.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tokio::sync::oneshot;

use crate::adapter::AdapterError;

type Waiter = oneshot::Sender<Result<(), AdapterError>>;
/// Resolves when Redis has taken a change, or refused it.
pub(super) type Written = oneshot::Receiver<Result<(), AdapterError>>;

/// A room and a client.
type Pair = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Membership {
    wanted: bool,
    /// Redis may have it.
    stored: bool,
    /// Is in the queue of changes.
    queued: bool,
    waiters: Vec<Waiter>,
}

/// A change on its way to Redis.
pub(super) struct Change {
    pub(super) room: Arc<str>,
    pub(super) client: Arc<str>,
    pub(super) add: bool,
    waiters: Vec<Waiter>,
}

#[derive(Default)]
pub(super) struct Members {
    pairs: HashMap<Pair, Membership>,
    queue: VecDeque<Pair>,
    /// Changes that Redis refused, to be tried again.
    refused: Vec<Pair>,
}

impl Members {
    /// Wants a client to be in a room, or not to be.
    pub(super) fn set(&mut self, room: &str, client: &str, wanted: bool) -> Written {
        let (waiter, written) = oneshot::channel();
        let pair: Pair = (room.into(), client.into());
        let membership = self.pairs.entry(pair.clone()).or_default();
        membership.wanted = wanted;
        // Callers that gave up leave their waiter behind.
        membership.waiters.retain(|waiter| !waiter.is_closed());
        membership.waiters.push(waiter);
        if !membership.queued {
            membership.queued = true;
            self.queue.push_back(pair);
        }
        written
    }

    /// Takes up to `limit` changes, oldest first. Each must be reported by [`finish`](Self::finish).
    pub(super) fn take(&mut self, limit: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < limit {
            let Some(pair) = self.queue.pop_front() else { break };
            let Some(membership) = self.pairs.get_mut(&pair) else { continue };
            membership.queued = false;
            let waiters = std::mem::take(&mut membership.waiters);
            if !membership.wanted && !membership.stored {
                // Came and went before Redis heard of it.
                self.pairs.remove(&pair);
                for waiter in waiters {
                    let _ = waiter.send(Ok(()));
                }
                continue;
            }
            membership.stored = true;
            let add = membership.wanted;
            let (room, client) = pair;
            changes.push(Change { room, client, add, waiters });
        }
        changes
    }

    /// A change was answered, or, with [`AdapterError::Unavailable`], its fate is unknown.
    pub(super) fn finish(&mut self, change: Change, result: Result<(), AdapterError>) {
        let pair = (change.room, change.client);
        if let Some(membership) = self.pairs.get_mut(&pair) {
            match &result {
                Ok(()) if !change.add && !membership.wanted && !membership.queued => {
                    self.pairs.remove(&pair);
                }
                Ok(()) => {}
                // Refused by Redis: now is no better time than before.
                Err(AdapterError::Backend(_)) => self.refused.push(pair),
                Err(_) => {
                    if !membership.queued {
                        membership.queued = true;
                        self.queue.push_front(pair);
                    }
                }
            }
        }
        for waiter in change.waiters {
            let _ = waiter.send(result.clone());
        }
    }

    /// Queues everything again: Redis may have forgotten it.
    pub(super) fn rewrite(&mut self) {
        self.refused.clear();
        for (pair, membership) in &mut self.pairs {
            if !membership.queued {
                membership.queued = true;
                self.queue.push_back(pair.clone());
            }
        }
    }

    /// Queues what Redis refused; `false` if there is nothing to do.
    pub(super) fn retry_refused(&mut self) -> bool {
        for pair in std::mem::take(&mut self.refused) {
            if let Some(membership) = self.pairs.get_mut(&pair)
                && !membership.queued
            {
                membership.queued = true;
                self.queue.push_back(pair);
            }
        }
        !self.queue.is_empty()
    }

    /// Wants nobody to be anywhere any more.
    pub(super) fn leave_all(&mut self) {
        for membership in self.pairs.values_mut() {
            membership.wanted = false;
        }
        self.rewrite();
    }

    /// The connection is down: whoever waits is told so, what is wanted stays.
    pub(super) fn fail_waiters(&mut self, why: &AdapterError) {
        for waiter in self.pairs.values_mut().flat_map(|membership| membership.waiters.drain(..)) {
            let _ = waiter.send(Err(why.clone()));
        }
    }

    /// Has Redis been told everything?
    pub(super) fn is_written(&self) -> bool {
        self.queue.is_empty()
    }

    /// What this node wants of a room's clients: what Redis says is to be corrected by this, because it may not know yet.
    pub(super) fn clients_in(&self, room: &str) -> Wishes {
        self.wishes(|(of, client)| (&**of == room).then_some(client))
    }

    /// The same for a client's rooms.
    pub(super) fn rooms_of(&self, client: &str) -> Wishes {
        self.wishes(|(room, of)| (&**of == client).then_some(room))
    }

    fn wishes<'a>(&'a self, name: impl Fn(&'a Pair) -> Option<&'a Arc<str>>) -> Wishes {
        let names = self.pairs.iter().filter_map(|(pair, membership)| Some((name(pair)?.clone(), membership.wanted)));
        Wishes(names.collect())
    }
}

/// Names that must be, or must not be, in a set.
pub(super) struct Wishes(Vec<(Arc<str>, bool)>);

impl Wishes {
    pub(super) fn correct(self, found: &mut HashSet<String>) {
        for (name, wanted) in self.0 {
            if wanted {
                found.insert(name.to_string());
            } else {
                found.remove(&*name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(members: &mut Members) -> Vec<(String, bool)> {
        let changes = members.take(100);
        let summary = changes.iter().map(|change| (change.client.to_string(), change.add)).collect();
        for change in changes {
            members.finish(change, Ok(()));
        }
        summary
    }

    #[test]
    fn only_the_last_wish_is_sent() {
        let mut members = Members::default();
        for wanted in [true, false, true] {
            drop(members.set("r", "a", wanted));
        }
        drop(members.set("r", "b", true));
        drop(members.set("r", "b", false));
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
        drop(members.set("r", "a", false));
        assert_eq!(taken(&mut members), [("a".to_owned(), false)]);
        assert!(members.pairs.is_empty() && members.is_written(), "nothing is left behind");
    }

    #[test]
    fn a_change_of_unknown_fate_is_sent_again() {
        let mut members = Members::default();
        drop(members.set("r", "a", true));
        for change in members.take(100) {
            drop(members.set("r", "a", false));
            members.finish(change, Err(AdapterError::Unavailable("gone".into())));
        }
        assert_eq!(taken(&mut members), [("a".to_owned(), false)], "Redis may have added it");
    }

    #[test]
    fn what_redis_refuses_is_tried_again_later() {
        let mut members = Members::default();
        let mut written = members.set("r", "a", true);
        for change in members.take(100) {
            members.finish(change, Err(AdapterError::Backend("LOADING".into())));
        }
        assert!(matches!(written.try_recv(), Ok(Err(AdapterError::Backend(_)))));
        assert!(members.is_written());
        assert!(members.retry_refused());
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
    }

    #[test]
    fn everything_is_written_again_on_request() {
        let mut members = Members::default();
        drop(members.set("r", "a", true));
        assert_eq!(taken(&mut members).len(), 1);
        members.rewrite();
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
    }
}
