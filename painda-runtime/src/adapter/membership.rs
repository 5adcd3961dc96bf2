//! Which members this node wants to have in which sets, and which changes the backend may not have taken yet.
//!
//! Bookkeeping only: no connection, no task, and the meaning of the sets is not known here. For each set and member only the latest
//! change is kept. So what waits for the backend is bounded by the number of members, however many changes are made while the backend
//! is away.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
};

use super::{
    AdapterError,
    waiters::{Confirmation, Waiters},
};

/// The key of a set, and a member of it.
type Entry = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Membership {
    wanted: bool,
    /// The backend may have it: a change that adds it was sent.
    stored: bool,
    /// Is in the queue of changes.
    queued: bool,
    waiters: Waiters,
}

/// A change on its way to the backend.
pub(super) struct Change {
    pub(super) key: Arc<str>,
    pub(super) member: Arc<str>,
    pub(super) add: bool,
    waiters: Waiters,
}

#[derive(Default)]
pub(super) struct Members {
    /// Ordered, so that a set's entries stand together.
    entries: BTreeMap<Entry, Membership>,
    queue: VecDeque<Entry>,
    /// Changes that the backend refused, to be tried again.
    refused: Vec<Entry>,
    /// Changes that the backend refused for now, because another server of a Redis Cluster has the set or no writes are taken: they
    /// are handed over or tried again.
    postponed: BTreeSet<Entry>,
    /// How many changes were taken and are not answered.
    in_flight: usize,
}

impl Members {
    /// Records whether a member is to be in a set. Also returns whether that is a change.
    pub(super) fn set(&mut self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> (Confirmation, bool) {
        let changed =
            self.entries.get(&(key.clone(), member.clone())).is_some_and(|membership| membership.wanted) != wanted;
        let written = self.update(key, member, wanted).waiters.add();
        (written, changed)
    }

    fn update(&mut self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> &mut Membership {
        let entry = (key.clone(), member.clone());
        let membership = self.entries.entry(entry.clone()).or_default();
        membership.wanted = wanted;
        enqueue(&mut self.queue, &entry, membership);
        membership
    }

    /// Takes up to `limit` changes, oldest first. Each must be reported by [`finish`](Self::finish) or
    /// [`postpone`](Self::postpone).
    pub(super) fn take(&mut self, limit: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < limit {
            let Some(entry) = self.queue.pop_front() else { break };
            let Some(membership) = self.entries.get_mut(&entry) else { continue };
            membership.queued = false;
            self.postponed.remove(&entry);
            let mut waiters = std::mem::take(&mut membership.waiters);
            if !membership.wanted && !membership.stored {
                // Added and removed before the backend was told.
                self.entries.remove(&entry);
                waiters.answer(&Ok(()));
                continue;
            }
            membership.stored = true;
            let add = membership.wanted;
            let (key, member) = entry;
            changes.push(Change { key, member, add, waiters });
        }
        self.in_flight += changes.len();
        changes
    }

    /// A change was answered. [`AdapterError::Unavailable`] means that it is unknown whether the backend has taken it.
    pub(super) fn finish(&mut self, mut change: Change, result: Result<(), AdapterError>) {
        self.in_flight -= 1;
        let entry = (change.key, change.member);
        if let Some(membership) = self.entries.get_mut(&entry) {
            match &result {
                Ok(()) if !change.add && !membership.wanted && !membership.queued => {
                    self.entries.remove(&entry);
                }
                Ok(()) => {}
                // Refused by the backend. To repeat it at once would be refused as well.
                Err(AdapterError::Backend(_)) => self.refused.push(entry),
                Err(_) => {
                    if !membership.queued {
                        membership.queued = true;
                        self.queue.push_front(entry);
                    }
                }
            }
        }
        change.waiters.answer(&result);
    }

    /// A change was refused for now, because another server of a Redis Cluster has the set or is about to get it, or because the
    /// server takes no writes. Nothing was done, and callers that wait for the change go on waiting.
    pub(super) fn postpone(&mut self, change: Change) {
        self.in_flight -= 1;
        let entry = (change.key, change.member);
        if let Some(membership) = self.entries.get_mut(&entry) {
            membership.waiters.append(change.waiters);
            self.postponed.insert(entry);
        }
    }

    /// Queues everything again: the backend may have forgotten it.
    pub(super) fn rewrite(&mut self) {
        self.refused.clear();
        self.postponed.clear();
        for (entry, membership) in &mut self.entries {
            enqueue(&mut self.queue, entry, membership);
        }
    }

    /// Queues what the backend refused. `false` if there is nothing to write.
    pub(super) fn retry_refused(&mut self) -> bool {
        for entry in std::mem::take(&mut self.refused).into_iter().chain(std::mem::take(&mut self.postponed)) {
            if let Some(membership) = self.entries.get_mut(&entry) {
                enqueue(&mut self.queue, &entry, membership);
            }
        }
        !self.queue.is_empty()
    }

    /// Records that these sets are to have no member of this node any more.
    pub(super) fn leave(&mut self, which: impl Fn(&str) -> bool) {
        for (entry, membership) in self.entries.iter_mut().filter(|((key, _), _)| which(key)) {
            membership.wanted = false;
            enqueue(&mut self.queue, entry, membership);
        }
    }

    /// Hands over the sets that are not `ours` any more, because another server has them now.
    pub(super) fn hand_over(&mut self, ours: impl Fn(&str) -> bool, mut to: impl FnMut(Handover)) {
        let moved: Vec<Entry> = self.entries.keys().filter(|(key, _)| !ours(key)).cloned().collect();
        for entry in moved {
            self.postponed.remove(&entry);
            if let Some(Membership { wanted, stored, waiters, .. }) = self.entries.remove(&entry) {
                to(Handover { key: entry.0, member: entry.1, wanted, stored, waiters });
            }
        }
        // Their entries in the queue are skipped when they are taken.
    }

    /// Takes over a membership from the bookkeeping of another server.
    pub(super) fn take_over(&mut self, membership: Handover) {
        let Handover { key, member, wanted, stored, waiters } = membership;
        let own = self.update(&key, &member, wanted);
        own.stored |= stored;
        own.waiters.append(waiters);
    }

    /// The connection is down: callers that wait get the error. The changes are kept.
    pub(super) fn fail_waiters(&mut self, why: &AdapterError) {
        let result = Err(why.clone());
        self.entries.values_mut().for_each(|membership| membership.waiters.answer(&result));
    }

    /// Has the backend answered all changes? Refused ones count as answered, postponed ones do not.
    pub(super) fn is_written(&self) -> bool {
        self.queue.is_empty() && self.postponed.is_empty() && self.in_flight == 0
    }

    /// This node's own memberships of a set. They are to be applied to the backend's answer, which may lack the latest changes.
    pub(super) fn local_members(&self, key: &str) -> LocalMembers {
        let start: Entry = (key.into(), "".into());
        let own = self.entries.range(start..).take_while(|((of, _), _)| **of == *key);
        LocalMembers(own.map(|((_, member), membership)| (member.clone(), membership.wanted)).collect())
    }
}

/// Queues a membership, unless it is queued already.
fn enqueue(queue: &mut VecDeque<Entry>, entry: &Entry, membership: &mut Membership) {
    if !membership.queued {
        membership.queued = true;
        queue.push_back(entry.clone());
    }
}

/// A membership that moves from one server's bookkeeping to another's.
pub(super) struct Handover {
    key: Arc<str>,
    member: Arc<str>,
    wanted: bool,
    stored: bool,
    waiters: Waiters,
}

impl Handover {
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

/// The members of a set as far as this node has set them, each with whether it is to be there.
pub(super) struct LocalMembers(Vec<(Arc<str>, bool)>);

impl LocalMembers {
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

    fn set(members: &mut Members, member: &str, wanted: bool) -> Confirmation {
        members.set(&"r".into(), &member.into(), wanted).0
    }

    fn taken(members: &mut Members) -> Vec<(String, bool)> {
        let changes = members.take(100);
        let summary = changes.iter().map(|change| (change.member.to_string(), change.add)).collect();
        for change in changes {
            members.finish(change, Ok(()));
        }
        summary
    }

    #[test]
    fn only_the_latest_change_is_sent() {
        let mut members = Members::default();
        for wanted in [true, false, true] {
            drop(set(&mut members, "a", wanted));
        }
        drop(set(&mut members, "b", true));
        drop(set(&mut members, "b", false));
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
        drop(set(&mut members, "a", false));
        assert_eq!(taken(&mut members), [("a".to_owned(), false)]);
        assert!(members.entries.is_empty() && members.is_written(), "nothing is left behind");
    }

    /// Looking through all of them for each would take minutes.
    #[test]
    fn many_waiters_for_one_member_cost_no_more_each_than_one() {
        let mut members = Members::default();
        let mut waiting: Vec<_> = (0..100_000).map(|_| set(&mut members, "a", true)).collect();
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
        assert!(waiting.iter_mut().all(|written| written.try_recv() == Ok(Ok(()))));
    }

    #[test]
    fn a_change_that_is_not_answered_is_not_written() {
        let mut members = Members::default();
        drop(set(&mut members, "a", true));
        for change in members.take(100) {
            assert!(!members.is_written());
            members.finish(change, Ok(()));
        }
        assert!(members.is_written());
    }

    #[test]
    fn only_the_selected_sets_are_left() {
        let mut members = Members::default();
        for key in ["room:a", "client:b"] {
            drop(members.set(&key.into(), &"b".into(), true));
        }
        assert_eq!(taken(&mut members).len(), 2);
        members.leave(|key| key.starts_with("room:"));
        assert_eq!(taken(&mut members), [("b".to_owned(), false)]);
        members.leave(|_| true);
        assert_eq!(taken(&mut members), [("b".to_owned(), false)]);
        assert!(members.entries.is_empty() && members.is_written());
    }

    #[test]
    fn a_change_of_unknown_fate_is_sent_again() {
        let mut members = Members::default();
        drop(set(&mut members, "a", true));
        for change in members.take(100) {
            drop(set(&mut members, "a", false));
            members.finish(change, Err(AdapterError::Unavailable("gone".into())));
        }
        assert_eq!(taken(&mut members), [("a".to_owned(), false)], "the backend may have added it");
    }

    #[test]
    fn a_refused_change_is_tried_again_later() {
        let mut members = Members::default();
        let mut written = set(&mut members, "a", true);
        for change in members.take(100) {
            members.finish(change, Err(AdapterError::Backend("LOADING".into())));
        }
        assert!(matches!(written.try_recv(), Ok(Err(AdapterError::Backend(_)))));
        assert!(members.is_written());
        assert!(members.retry_refused());
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
    }

    #[test]
    fn a_caller_that_waits_for_a_set_that_moves_goes_on_waiting() {
        let (mut old, mut new) = (Members::default(), Members::default());
        let mut written = set(&mut old, "a", true);
        for change in old.take(100) {
            old.postpone(change);
        }
        assert!(written.try_recv().is_err() && !old.is_written());
        old.hand_over(|_| false, |membership| new.take_over(membership));
        assert!(old.is_written() && !old.retry_refused());
        assert_eq!(taken(&mut new), [("a".to_owned(), true)]);
        assert_eq!(written.try_recv(), Ok(Ok(())));
    }

    #[test]
    fn everything_is_written_again_on_request() {
        let mut members = Members::default();
        drop(set(&mut members, "a", true));
        assert_eq!(taken(&mut members).len(), 1);
        members.rewrite();
        assert_eq!(taken(&mut members), [("a".to_owned(), true)]);
    }

    #[test]
    fn local_members_are_those_of_one_set() {
        let mut members = Members::default();
        for key in ["q", "r", "rr"] {
            drop(members.set(&key.into(), &key.to_uppercase().into(), true));
        }
        drop(members.set(&"r".into(), &"gone".into(), false));
        let mut found = HashSet::from(["gone".to_owned(), "other".to_owned()]);
        members.local_members("r").correct(&mut found);
        assert_eq!(found, HashSet::from(["R".to_owned(), "other".to_owned()]));
    }

    #[test]
    fn members_that_move_to_another_server_are_written_there() {
        let (mut old, mut new) = (Members::default(), Members::default());
        drop(set(&mut old, "a", true));
        assert_eq!(taken(&mut old).len(), 1);
        drop(set(&mut old, "a", false));
        drop(set(&mut old, "b", true));
        old.hand_over(|_| false, |membership| new.take_over(membership));
        assert!(old.entries.is_empty() && taken(&mut old).is_empty());
        assert_eq!(taken(&mut new), [("a".to_owned(), false), ("b".to_owned(), true)]);
    }
}
