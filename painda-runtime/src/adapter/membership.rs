//! What this node wants to be in which sets, and what of that the backend may not know yet.
//!
//! Bookkeeping alone: no connection, no task, and no idea what the sets mean. Per set and member only the last wish counts, so
//! what waits for the backend is bounded by what exists or existed there, however much comes and goes while the backend is away.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::AdapterError;

type Waiter = oneshot::Sender<Result<(), AdapterError>>;
/// Resolves when the backend has taken a change, or refused it.
pub(super) type Written = oneshot::Receiver<Result<(), AdapterError>>;

/// The key of a set, and a member of it.
type Entry = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Wish {
    wanted: bool,
    /// The backend may have it.
    stored: bool,
    /// Is in the queue of changes.
    queued: bool,
    waiters: Vec<Waiter>,
}

/// A change on its way to the backend.
pub(super) struct Change {
    pub(super) key: Arc<str>,
    pub(super) member: Arc<str>,
    pub(super) add: bool,
    waiters: Vec<Waiter>,
}

#[derive(Default)]
pub(super) struct Members {
    /// Ordered, so that a set's entries stand together.
    entries: BTreeMap<Entry, Wish>,
    queue: VecDeque<Entry>,
    /// Changes that the backend refused, to be tried again.
    refused: Vec<Entry>,
    /// Changes that were for another server of the cluster, which takes them over or will not, or that came at a bad time.
    postponed: BTreeSet<Entry>,
    /// How many changes are on their way.
    in_flight: usize,
}

impl Members {
    /// Wants a member to be in a set, or not to be. Also says whether that is another wish than before.
    pub(super) fn set(&mut self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> (Written, bool) {
        let (waiter, written) = oneshot::channel();
        let changed = self.entries.get(&(key.clone(), member.clone())).is_some_and(|wish| wish.wanted) != wanted;
        let wish = self.wish(key, member, wanted);
        wish.waiters.push(waiter);
        (written, changed)
    }

    fn wish(&mut self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> &mut Wish {
        let entry = (key.clone(), member.clone());
        let wish = self.entries.entry(entry.clone()).or_default();
        wish.wanted = wanted;
        // Callers that gave up leave their waiter behind.
        wish.waiters.retain(|waiter| !waiter.is_closed());
        enqueue(&mut self.queue, &entry, wish);
        wish
    }

    /// Takes up to `limit` changes, oldest first. Each must be reported by [`finish`](Self::finish) or
    /// [`postpone`](Self::postpone).
    pub(super) fn take(&mut self, limit: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < limit {
            let Some(entry) = self.queue.pop_front() else { break };
            let Some(wish) = self.entries.get_mut(&entry) else { continue };
            wish.queued = false;
            self.postponed.remove(&entry);
            let waiters = std::mem::take(&mut wish.waiters);
            if !wish.wanted && !wish.stored {
                // Came and went before the backend heard of it.
                self.entries.remove(&entry);
                for waiter in waiters {
                    let _ = waiter.send(Ok(()));
                }
                continue;
            }
            wish.stored = true;
            let add = wish.wanted;
            let (key, member) = entry;
            changes.push(Change { key, member, add, waiters });
        }
        self.in_flight += changes.len();
        changes
    }

    /// A change was answered, or, with [`AdapterError::Unavailable`], its fate is unknown.
    pub(super) fn finish(&mut self, change: Change, result: Result<(), AdapterError>) {
        self.in_flight -= 1;
        let entry = (change.key, change.member);
        if let Some(wish) = self.entries.get_mut(&entry) {
            match &result {
                Ok(()) if !change.add && !wish.wanted && !wish.queued => {
                    self.entries.remove(&entry);
                }
                Ok(()) => {}
                // Refused by the backend: now is no better time than before.
                Err(AdapterError::Backend(_)) => self.refused.push(entry),
                Err(_) => {
                    if !wish.queued {
                        wish.queued = true;
                        self.queue.push_front(entry);
                    }
                }
            }
        }
        for waiter in change.waiters {
            let _ = waiter.send(result.clone());
        }
    }

    /// A change was refused because another server of the cluster has the set, or will have it in a moment, or because the server
    /// takes no writes for now: nothing was done, and whoever waits goes on waiting.
    pub(super) fn postpone(&mut self, change: Change) {
        self.in_flight -= 1;
        let entry = (change.key, change.member);
        if let Some(wish) = self.entries.get_mut(&entry) {
            wish.waiters.extend(change.waiters);
            self.postponed.insert(entry);
        }
    }

    /// Queues everything again: the backend may have forgotten it.
    pub(super) fn rewrite(&mut self) {
        self.refused.clear();
        self.postponed.clear();
        for (entry, wish) in &mut self.entries {
            enqueue(&mut self.queue, entry, wish);
        }
    }

    /// Queues what the backend refused; `false` if there is nothing to do.
    pub(super) fn retry_refused(&mut self) -> bool {
        for entry in std::mem::take(&mut self.refused).into_iter().chain(std::mem::take(&mut self.postponed)) {
            if let Some(wish) = self.entries.get_mut(&entry) {
                enqueue(&mut self.queue, &entry, wish);
            }
        }
        !self.queue.is_empty()
    }

    /// Wants nothing to be in these sets any more.
    pub(super) fn leave(&mut self, which: impl Fn(&str) -> bool) {
        for (entry, wish) in self.entries.iter_mut().filter(|((key, _), _)| which(key)) {
            wish.wanted = false;
            enqueue(&mut self.queue, entry, wish);
        }
    }

    /// Gives up the sets that are not `ours` any more: another server has them now. The wishes go to whoever serves it.
    pub(super) fn hand_over(&mut self, ours: impl Fn(&str) -> bool, mut to: impl FnMut(Handover)) {
        let moved: Vec<Entry> = self.entries.keys().filter(|(key, _)| !ours(key)).cloned().collect();
        for entry in moved {
            self.postponed.remove(&entry);
            if let Some(Wish { wanted, stored, waiters, .. }) = self.entries.remove(&entry) {
                to(Handover { key: entry.0, member: entry.1, wanted, stored, waiters });
            }
        }
        // What is left of them in the queue is passed over when it is taken.
    }

    /// Takes a wish over from another server's.
    pub(super) fn take_over(&mut self, wish: Handover) {
        let Handover { key, member, wanted, stored, mut waiters } = wish;
        let own = self.wish(&key, &member, wanted);
        own.stored |= stored;
        own.waiters.append(&mut waiters);
    }

    /// The connection is down: whoever waits is told so, what is wanted stays.
    pub(super) fn fail_waiters(&mut self, why: &AdapterError) {
        for waiter in self.entries.values_mut().flat_map(|wish| wish.waiters.drain(..)) {
            let _ = waiter.send(Err(why.clone()));
        }
    }

    /// Has the backend been told everything? What it refused counts as told, unless it was postponed.
    pub(super) fn is_written(&self) -> bool {
        self.queue.is_empty() && self.postponed.is_empty() && self.in_flight == 0
    }

    /// What this node wants of a set: what the backend says is to be corrected by this, because it may not know yet.
    pub(super) fn wishes(&self, key: &str) -> Wishes {
        let start: Entry = (key.into(), "".into());
        let own = self.entries.range(start..).take_while(|((of, _), _)| **of == *key);
        Wishes(own.map(|((_, member), wish)| (member.clone(), wish.wanted)).collect())
    }
}

/// A wish is in the queue once.
fn enqueue(queue: &mut VecDeque<Entry>, entry: &Entry, wish: &mut Wish) {
    if !wish.queued {
        wish.queued = true;
        queue.push_back(entry.clone());
    }
}

/// A wish on its way from one server's bookkeeping to another's.
pub(super) struct Handover {
    key: Arc<str>,
    member: Arc<str>,
    wanted: bool,
    stored: bool,
    waiters: Vec<Waiter>,
}

impl Handover {
    pub(super) fn key(&self) -> &str {
        &self.key
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

    fn set(members: &mut Members, member: &str, wanted: bool) -> Written {
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
    fn only_the_last_wish_is_sent() {
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

    #[test]
    fn what_is_on_its_way_is_not_written() {
        let mut members = Members::default();
        drop(set(&mut members, "a", true));
        for change in members.take(100) {
            assert!(!members.is_written());
            members.finish(change, Ok(()));
        }
        assert!(members.is_written());
    }

    #[test]
    fn only_what_is_named_is_left() {
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
    fn what_is_refused_is_tried_again_later() {
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
    fn whoever_waits_for_a_set_that_moves_goes_on_waiting() {
        let (mut old, mut new) = (Members::default(), Members::default());
        let mut written = set(&mut old, "a", true);
        for change in old.take(100) {
            old.postpone(change);
        }
        assert!(written.try_recv().is_err() && !old.is_written());
        old.hand_over(|_| false, |wish| new.take_over(wish));
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
    fn wishes_are_those_of_one_set() {
        let mut members = Members::default();
        for key in ["q", "r", "rr"] {
            drop(members.set(&key.into(), &key.to_uppercase().into(), true));
        }
        drop(members.set(&"r".into(), &"gone".into(), false));
        let mut found = HashSet::from(["gone".to_owned(), "other".to_owned()]);
        members.wishes("r").correct(&mut found);
        assert_eq!(found, HashSet::from(["R".to_owned(), "other".to_owned()]));
    }

    #[test]
    fn what_moves_to_another_server_is_written_there() {
        let (mut old, mut new) = (Members::default(), Members::default());
        drop(set(&mut old, "a", true));
        assert_eq!(taken(&mut old).len(), 1);
        drop(set(&mut old, "a", false));
        drop(set(&mut old, "b", true));
        old.hand_over(|_| false, |wish| new.take_over(wish));
        assert!(old.entries.is_empty() && taken(&mut old).is_empty());
        assert_eq!(taken(&mut new), [("a".to_owned(), false), ("b".to_owned(), true)]);
    }
}
