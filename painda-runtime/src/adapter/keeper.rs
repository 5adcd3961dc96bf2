//! What a node does about leases, its own and those of the other nodes, one step after another.
//!
//! Bookkeeping alone: it asks nobody, and is told what was answered. A round renews this node's lease and looks for nodes whose lease
//! has ended. Of such a node, its clients are removed from their rooms first, and the node itself from the list of nodes last, so that
//! a removal that is interrupted is finished in a later round, by whoever has one.

use std::{collections::BTreeSet, time::Duration, vec};

/// The shortest wait after a round that failed.
const RETRY: Duration = Duration::from_millis(50);

/// What was answered.
#[derive(Debug)]
pub(super) enum Event {
    /// It is time for a round.
    Woken,
    /// This node's lease was renewed, and had been lost or not.
    Renewed { lost: bool },
    /// The list of nodes.
    Listed(BTreeSet<String>),
    /// The node has a lease, or has none.
    Looked { alive: bool },
    /// Some of the dead node's clients; none where it has none left.
    Clients(Vec<String>),
    /// They are in no room any more.
    Removed,
    /// The dead node is off the list.
    Struck,
}

/// What is to be asked or done next; what is to be reported then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Renew this node's lease. [`Event::Renewed`].
    Renew,
    /// Ask for the list of nodes. [`Event::Listed`].
    List,
    /// Ask whether this node has a lease. [`Event::Looked`].
    Look(String),
    /// Ask for some of a dead node's clients. [`Event::Clients`].
    Clients(String),
    /// Remove these clients of a dead node from their rooms. [`Event::Removed`].
    Remove { node: String, clients: Vec<String> },
    /// Take a dead node off the list: so many clients of it were removed. [`Event::Struck`].
    Strike { node: String, clients: u64 },
    /// The round is over. Wait for so long. [`Event::Woken`].
    Wait(Duration),
}

/// The rounds of one node.
#[derive(Debug)]
pub(super) struct Keeper {
    /// This node.
    own: String,
    interval: Duration,
    /// The nodes that are still to be looked at in this round.
    others: vec::IntoIter<String>,
    /// The node that is being looked at.
    node: String,
    dead: Option<Dead>,
}

/// A node whose lease has ended.
#[derive(Debug)]
struct Dead {
    /// How many clients of it were removed.
    clients: u64,
    /// It has none left.
    done: bool,
}

impl Keeper {
    /// Of this node, with so long between two rounds. The first round begins with [`Event::Woken`].
    pub(super) fn new(own: String, interval: Duration) -> Self {
        Self { own, interval, others: vec::IntoIter::default(), node: String::new(), dead: None }
    }

    /// Something was answered.
    pub(super) fn on(&mut self, event: Event) -> Action {
        match event {
            Event::Woken => Action::Renew,
            // After an outage of the backend everybody's lease has ended: the others get time to come back as well.
            Event::Renewed { lost: true } => Action::Wait(self.interval),
            Event::Renewed { lost: false } => Action::List,
            Event::Listed(mut nodes) => {
                nodes.remove(&self.own);
                self.others = nodes.into_iter().collect::<Vec<_>>().into_iter();
                self.next()
            }
            // It was only paused, and takes back what was removed.
            Event::Looked { alive: true } => self.next(),
            Event::Looked { alive: false } => match self.dead.get_or_insert(Dead { clients: 0, done: false }) {
                Dead { done: false, .. } => Action::Clients(self.node.clone()),
                Dead { clients, done: true } => Action::Strike { node: self.node.clone(), clients: *clients },
            },
            Event::Clients(clients) => {
                let dead = self.dead.get_or_insert(Dead { clients: 0, done: false });
                dead.done = clients.is_empty();
                dead.clients += clients.len() as u64;
                match dead.done {
                    true => Action::Look(self.node.clone()),
                    false => Action::Remove { node: self.node.clone(), clients },
                }
            }
            // It may have come back meanwhile.
            Event::Removed => Action::Look(self.node.clone()),
            Event::Struck => self.next(),
        }
    }

    /// The backend has not done what was asked: the round is over. Returns how long to wait, since it may be back any moment.
    pub(super) fn failed(&self) -> Duration {
        (self.interval / 8).max(RETRY)
    }

    /// Looks at the next node.
    fn next(&mut self) -> Action {
        self.dead = None;
        match self.others.next() {
            None => Action::Wait(self.interval),
            Some(node) => {
                self.node = node;
                Action::Look(self.node.clone())
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

    fn look(node: &str) -> Action {
        Action::Look(node.to_owned())
    }

    fn clients(node: &str) -> Action {
        Action::Clients(node.to_owned())
    }

    /// A round that has got the list of nodes.
    fn listed(keeper: &mut Keeper, nodes: &[&str]) -> Action {
        assert_eq!(keeper.on(Event::Woken), Action::Renew);
        assert_eq!(keeper.on(Event::Renewed { lost: false }), Action::List);
        keeper.on(Event::Listed(names(nodes).into_iter().collect()))
    }

    fn keeper() -> Keeper {
        Keeper::new("own".to_owned(), INTERVAL)
    }

    #[test]
    fn the_others_are_looked_at_in_the_order_of_their_names() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["own"]), Action::Wait(INTERVAL));
        assert_eq!(listed(&mut keeper, &["p", "own", "a"]), look("a"));
        assert_eq!(keeper.on(Event::Looked { alive: true }), look("p"));
        assert_eq!(keeper.on(Event::Looked { alive: true }), Action::Wait(INTERVAL));
    }

    #[test]
    fn who_has_lost_its_own_lease_leaves_the_others_alone_for_a_round() {
        let mut keeper = keeper();
        assert_eq!(keeper.on(Event::Woken), Action::Renew);
        assert_eq!(keeper.on(Event::Renewed { lost: true }), Action::Wait(INTERVAL));
        assert_eq!(listed(&mut keeper, &["a"]), look("a"));
    }

    #[test]
    fn a_dead_node_goes_from_the_list_after_its_clients() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["a", "b"]), look("a"));
        for some in [names(&["c1", "c2"]), names(&["c3"])] {
            assert_eq!(keeper.on(Event::Looked { alive: false }), clients("a"));
            let remove = Action::Remove { node: "a".to_owned(), clients: some.clone() };
            assert_eq!(keeper.on(Event::Clients(some)), remove);
            assert_eq!(keeper.on(Event::Removed), look("a"), "it may have come back meanwhile");
        }
        assert_eq!(keeper.on(Event::Looked { alive: false }), clients("a"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), look("a"), "a last time");
        assert_eq!(keeper.on(Event::Looked { alive: false }), Action::Strike { node: "a".to_owned(), clients: 3 });
        assert_eq!(keeper.on(Event::Struck), look("b"));
        assert_eq!(keeper.on(Event::Looked { alive: false }), clients("b"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), look("b"));
        let strike = Action::Strike { node: "b".to_owned(), clients: 0 };
        assert_eq!(keeper.on(Event::Looked { alive: false }), strike, "the other one's clients are not counted again");
        assert_eq!(keeper.on(Event::Struck), Action::Wait(INTERVAL));
    }

    #[test]
    fn a_node_that_comes_back_stays_on_the_list() {
        for clients_left in [true, false] {
            let mut keeper = keeper();
            assert_eq!(listed(&mut keeper, &["a"]), look("a"));
            assert_eq!(keeper.on(Event::Looked { alive: false }), clients("a"));
            if clients_left {
                keeper.on(Event::Clients(names(&["c1"])));
                assert_eq!(keeper.on(Event::Removed), look("a"));
            } else {
                assert_eq!(keeper.on(Event::Clients(Vec::new())), look("a"));
            }
            assert_eq!(keeper.on(Event::Looked { alive: true }), Action::Wait(INTERVAL));
        }
    }

    #[test]
    fn a_round_that_failed_is_soon_followed_by_another_from_the_beginning() {
        let mut keeper = keeper();
        assert_eq!(listed(&mut keeper, &["a", "b"]), look("a"));
        assert_eq!(keeper.on(Event::Looked { alive: false }), clients("a"));
        assert_eq!(keeper.on(Event::Clients(Vec::new())), look("a"));
        assert_eq!(keeper.failed(), INTERVAL / 8);
        assert_eq!(listed(&mut keeper, &["a"]), look("a"));
        assert_eq!(keeper.on(Event::Looked { alive: false }), clients("a"), "what was known of it may be so no longer");
        assert_eq!(Keeper::new("own".to_owned(), RETRY).failed(), RETRY);
    }
}
