//! Which step a node takes next about leases, its own and those of the other nodes.
//!
//! A state machine without a connection: it gets each answer as an event and returns the next action. A round renews this node's lease
//! and looks for nodes whose lease has ended. The clients of such a node are removed from their rooms first, and its entry in the list
//! of nodes last: so a removal that is interrupted is finished in a later round, by any node.

use std::{collections::BTreeSet, time::Duration, vec};

/// The shortest wait after a round that failed.
const RETRY: Duration = Duration::from_millis(50);

/// What was answered.
#[derive(Debug)]
pub(super) enum Event {
    /// It is time for a round.
    Woken,
    /// This node's lease was renewed. `lost`: it had ended, or the backend had forgotten it.
    Renewed { lost: bool },
    /// The list of nodes.
    Listed(BTreeSet<String>),
    /// Whether the node has a lease.
    Checked { alive: bool },
    /// Some of the dead node's clients. Empty where it has none left.
    Clients(Vec<String>),
    /// They were removed from their rooms.
    Removed,
    /// The dead node was removed from the list.
    Unlisted,
}

/// What to ask or do next; behind it, the event to report then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Renew this node's lease. [`Event::Renewed`].
    Renew,
    /// Ask for the list of nodes. [`Event::Listed`].
    ListNodes,
    /// Ask whether this node has a lease. [`Event::Checked`].
    CheckLease(String),
    /// Ask for some of a dead node's clients. [`Event::Clients`].
    Clients(String),
    /// Remove these clients of a dead node from their rooms. [`Event::Removed`].
    Remove { node: String, clients: Vec<String> },
    /// Remove a dead node from the list, after so many clients of it. [`Event::Unlisted`].
    Unlist { node: String, clients: u64 },
    /// The round has ended. Wait for so long. [`Event::Woken`].
    Wait(Duration),
}

/// The rounds of one node.
#[derive(Debug)]
pub(super) struct Keeper {
    /// This node.
    own: String,
    interval: Duration,
    /// The nodes that are still to be checked in this round.
    others: vec::IntoIter<String>,
    /// The node that is being checked.
    node: String,
    dead: Option<Dead>,
}

/// A node whose lease has ended.
#[derive(Debug)]
struct Dead {
    /// How many clients of it were removed.
    clients: u64,
    /// It has none left, and its lease is checked a last time.
    done: bool,
}

impl Keeper {
    /// Of this node, with so long between two rounds. The first round begins with [`Event::Woken`].
    pub(super) fn new(own: String, interval: Duration) -> Self {
        Self { own, interval, others: vec::IntoIter::default(), node: String::new(), dead: None }
    }

    /// Takes an event, and returns the next action.
    pub(super) fn on(&mut self, event: Event) -> Action {
        match event {
            Event::Woken => Action::Renew,
            // After an outage of the backend the leases of all nodes have ended: the others need time to renew theirs.
            Event::Renewed { lost: true } => Action::Wait(self.interval),
            Event::Renewed { lost: false } => Action::ListNodes,
            Event::Listed(mut nodes) => {
                nodes.remove(&self.own);
                self.others = nodes.into_iter().collect::<Vec<_>>().into_iter();
                self.next()
            }
            // It was only paused, and writes again what was removed.
            Event::Checked { alive: true } => self.next(),
            Event::Checked { alive: false } => match self.dead.get_or_insert(Dead { clients: 0, done: false }) {
                Dead { done: false, .. } => Action::Clients(self.node.clone()),
                Dead { clients, done: true } => Action::Unlist { node: self.node.clone(), clients: *clients },
            },
            Event::Clients(clients) => {
                let dead = self.dead.get_or_insert(Dead { clients: 0, done: false });
                dead.done = clients.is_empty();
                dead.clients += clients.len() as u64;
                match dead.done {
                    true => Action::CheckLease(self.node.clone()),
                    false => Action::Remove { node: self.node.clone(), clients },
                }
            }
            // It may have come back in the meantime.
            Event::Removed => Action::CheckLease(self.node.clone()),
            Event::Unlisted => self.next(),
        }
    }

    /// The backend did not do what was asked: the round has ended. Returns how long to wait before the next one.
    pub(super) fn failed(&self) -> Duration {
        (self.interval / 8).max(RETRY)
    }

    /// Checks the next node.
    fn next(&mut self) -> Action {
        self.dead = None;
        match self.others.next() {
            None => Action::Wait(self.interval),
            Some(node) => {
                self.node = node;
                Action::CheckLease(self.node.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn check(node: &str) -> Action {
        Action::CheckLease(node.to_owned())
    }

    fn clients(node: &str) -> Action {
        Action::Clients(node.to_owned())
    }

    /// A round that has got the list of nodes.
    fn listed(keeper: &mut Keeper, nodes: &[&str]) -> Action {
        assert_eq!(keeper.on(Event::Woken), Action::Renew);
        assert_eq!(keeper.on(Event::Renewed { lost: false }), Action::ListNodes);
        keeper.on(Event::Listed(names(nodes).into_iter().collect()))
    }

    fn keeper() -> Keeper {
        Keeper::new("own".to_owned(), INTERVAL)
    }

    #[test]
    fn the_others_are_checked_in_the_order_of_their_names() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["own"]), Action::Wait(INTERVAL));
        assert_eq!(listed(&mut keeper, &["p", "own", "a"]), check("a"));
        assert_eq!(keeper.on(Event::Checked { alive: true }), check("p"));
        assert_eq!(keeper.on(Event::Checked { alive: true }), Action::Wait(INTERVAL));
    }

    #[test]
    fn a_node_that_has_lost_its_own_lease_skips_the_others_for_a_round() {
        let mut keeper = keeper();
        assert_eq!(keeper.on(Event::Woken), Action::Renew);
        assert_eq!(keeper.on(Event::Renewed { lost: true }), Action::Wait(INTERVAL));
        assert_eq!(listed(&mut keeper, &["a"]), check("a"));
    }

    #[test]
    fn a_dead_node_is_unlisted_after_its_clients_are_removed() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["a", "b"]), check("a"));
        for some in [names(&["c1", "c2"]), names(&["c3"])] {
            assert_eq!(keeper.on(Event::Checked { alive: false }), clients("a"));
            let remove = Action::Remove { node: "a".to_owned(), clients: some.clone() };
            assert_eq!(keeper.on(Event::Clients(some)), remove);
            assert_eq!(keeper.on(Event::Removed), check("a"), "it may have come back in the meantime");
        }
        assert_eq!(keeper.on(Event::Checked { alive: false }), clients("a"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), check("a"), "a last time");
        assert_eq!(keeper.on(Event::Checked { alive: false }), Action::Unlist { node: "a".to_owned(), clients: 3 });
        assert_eq!(keeper.on(Event::Unlisted), check("b"));
        assert_eq!(keeper.on(Event::Checked { alive: false }), clients("b"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), check("b"));
        let unlist = Action::Unlist { node: "b".to_owned(), clients: 0 };
        assert_eq!(keeper.on(Event::Checked { alive: false }), unlist, "the other one's clients are not counted again");
        assert_eq!(keeper.on(Event::Unlisted), Action::Wait(INTERVAL));
    }

    #[test]
    fn a_node_that_comes_back_stays_on_the_list() {
        for clients_left in [true, false] {
            let mut keeper = keeper();
            assert_eq!(listed(&mut keeper, &["a"]), check("a"));
            assert_eq!(keeper.on(Event::Checked { alive: false }), clients("a"));
            if clients_left {
                keeper.on(Event::Clients(names(&["c1"])));
                assert_eq!(keeper.on(Event::Removed), check("a"));
            } else {
                assert_eq!(keeper.on(Event::Clients(Vec::new())), check("a"));
            }
            assert_eq!(keeper.on(Event::Checked { alive: true }), Action::Wait(INTERVAL));
        }
    }

    #[test]
    fn after_a_failed_round_the_next_one_begins_from_the_start_and_soon() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["a", "b"]), check("a"));
        assert_eq!(keeper.on(Event::Checked { alive: false }), clients("a"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), check("a"));
        assert_eq!(keeper.failed(), INTERVAL / 8);
        assert_eq!(listed(&mut keeper, &["a"]), check("a"));
        assert_eq!(keeper.on(Event::Checked { alive: false }), clients("a"), "what was known of it may have changed");
        assert_eq!(Keeper::new("own".to_owned(), RETRY).failed(), RETRY);
    }
}
