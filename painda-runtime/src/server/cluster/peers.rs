//! What nodes ask each other: questions to other nodes, their replies, and how long to wait for them.
//!
//! A question is one message on the channel of the cluster, a reply one on the asker's own channel; their types are in
//! [`wire::peer`](crate::wire::peer). Who has to reply is known because each node is a member of the room of nodes, as clients
//! are of theirs. What a node does about a question is not known here.
//!
//! Nothing is signed: whoever may publish on these channels is taken for a node. Others can't
//! forge a reply: a question's number can't be guessed by those who do not receive the question, and a reply counts once, and only from a
//! node that was asked.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::{
    adapter::PPAdapter,
    random::Random,
    server::client_id::ClientId,
    wire::{
        channels::{NODES, REPLIES_PREFIX},
        peer::{self, Head, Reply, Unread},
    },
};

/// The questions that this node has asked, and the nodes that it knows.
pub(crate) struct Peers {
    id: ClientId,
    random: Random,
    inbox: String,
    /// Questions that wait for replies.
    pub(crate) open: Mutex<HashMap<u64, Open>>,
    /// The other nodes when they could last be listed.
    pub(crate) known: Mutex<HashSet<String>>,
}

/// A question that waits for replies.
pub(crate) struct Open {
    /// Who was asked and has not replied.
    pub(crate) asked: HashSet<String>,
    pub(crate) replies: mpsc::UnboundedSender<(String, Reply)>,
}

/// The replies that came in time, by the ids of their nodes, and the ids of the nodes that did not reply.
#[derive(Debug)]
pub(crate) struct Replies<T> {
    pub(crate) values: Vec<(String, T)>,
    pub(crate) unanswered: Vec<String>,
}

impl<T> Default for Replies<T> {
    fn default() -> Self {
        Self { values: Vec::new(), unanswered: Vec::new() }
    }
}

impl Replies<Reply> {
    /// What was wanted. A node whose reply says something else has not answered.
    pub(crate) fn wanted<T>(self, read: impl Fn(Reply) -> Option<T>) -> Replies<T> {
        let Self { values, mut unanswered } = self;
        let mut wanted = Vec::with_capacity(values.len());
        for (node, reply) in values {
            match read(reply) {
                Some(value) => wanted.push((node, value)),
                None => unanswered.push(node),
            }
        }
        unanswered.sort_unstable();
        Replies { values: wanted, unanswered }
    }
}

/// Which of the asked nodes have replied, and which will not any more.
pub(crate) struct Asked {
    waiting: HashSet<String>,
    values: Vec<(String, Reply)>,
    unanswered: Vec<String>,
}

impl Asked {
    /// These were asked just now.
    pub(crate) fn new(nodes: HashSet<String>) -> Self {
        Self { waiting: nodes, values: Vec::new(), unanswered: Vec::new() }
    }

    /// Whether no reply is missing.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The nodes that have not replied.
    pub(crate) fn waiting(&self) -> &HashSet<String> {
        &self.waiting
    }

    /// A node that was asked has replied; [`Peers::receive_reply`] lets nothing else through, and nobody's second reply.
    pub(crate) fn replied(&mut self, from: String, reply: Reply) {
        if !self.waiting.remove(&from) {
            // It was not listed, and seemed to have gone.
            self.unanswered.retain(|node| *node != from);
        }
        self.values.push((from, reply));
    }

    /// These nodes are still there. A node that is not has left or died, and will not reply.
    pub(crate) fn present(&mut self, nodes: &HashSet<String>) {
        self.unanswered.extend(self.waiting.extract_if(|node| !nodes.contains(node)));
    }

    /// The replies so far.
    pub(crate) fn end(mut self) -> Replies<Reply> {
        self.unanswered.extend(self.waiting);
        self.unanswered.sort_unstable();
        Replies { values: self.values, unanswered: self.unanswered }
    }
}

/// Removes an open question when its asker has all replies or stops waiting.
pub(crate) struct OpenGuard<'a>(pub(crate) &'a Peers, pub(crate) u64);

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        self.0.open.lock().remove(&self.1);
    }
}

impl Peers {
    /// A node with a new id; `None` where there are no random numbers to be had.
    pub(crate) fn new(random: Random) -> Option<Self> {
        let id = ClientId::random(&random)?;
        Some(Self { inbox: inbox(id), id, random, open: Mutex::default(), known: Mutex::default() })
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// A new question's number, which can't be guessed; `None` where there are no random numbers to be had.
    pub(crate) fn number(&self) -> Option<u64> {
        self.random.u64().ok()
    }

    /// The channel that replies to this node come on.
    pub(crate) fn inbox(&self) -> &str {
        &self.inbox
    }

    /// A reply came in; `false` where it is none.
    pub(crate) fn receive_reply(&self, payload: &Bytes) -> bool {
        // Nobody waits any more, so it need not be read.
        if self.open.lock().is_empty() {
            return true;
        }
        let Some(Head { number, from }) = Head::of(payload) else { return false };
        // Also nodes that were not asked receive the question and reply; and a reply may come too late.
        if !self.open.lock().get(&number).is_some_and(|question| question.asked.contains(&from)) {
            return true;
        }
        let reply = match peer::reply(payload) {
            Ok(reply) => reply,
            Err(Unread::Newer) => Reply::Unknown,
            Err(Unread::Broken) => return false,
        };
        if let Some(question) = self.open.lock().get_mut(&number)
            && question.asked.remove(&from)
        {
            let _ = question.replies.send((from, reply));
        }
        true
    }

    /// The ids of the other nodes; where they can't be listed now, those that were known last.
    pub(crate) async fn others(&self, adapter: &dyn PPAdapter) -> HashSet<String> {
        match adapter.get_clients_in_room(NODES).await {
            Ok(mut nodes) => {
                nodes.remove(self.id());
                self.known.lock().clone_from(&nodes);
                nodes
            }
            Err(error) => {
                tracing::debug!(target: "painda::cluster", %error, "the nodes can't be listed now");
                self.known.lock().clone()
            }
        }
    }
}

pub(crate) fn inbox(node: ClientId) -> String {
    format!("{REPLIES_PREFIX}{}", node.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn who_has_gone_is_not_waited_for_and_is_silent_unless_its_reply_comes_all_the_same() {
        let mut asked = Asked::new(nodes(&["a", "b", "c", "d", "e"]));
        asked.replied("b".to_owned(), Reply::SameSchema);
        asked.present(&nodes(&["a", "d"]));
        assert_eq!((asked.waiting(), asked.is_over()), (&nodes(&["a", "d"]), false));
        asked.replied("e".to_owned(), Reply::SameSchema);
        asked.replied("d".to_owned(), Reply::Unknown);
        let Replies { values, unanswered } = asked.end();
        let same = |node: &str| (node.to_owned(), Reply::SameSchema);
        assert_eq!(values, [same("b"), same("e"), ("d".to_owned(), Reply::Unknown)], "as they came");
        assert_eq!(unanswered, ["a", "c"], "who was late, and who had gone");
    }

    #[test]
    fn where_nobody_is_left_the_question_is_over() {
        let mut asked = Asked::new(nodes(&["a", "b"]));
        asked.present(&nodes(&[]));
        assert!(asked.is_over());
        assert_eq!(asked.end().unanswered, ["a", "b"]);
        assert!(Asked::new(nodes(&[])).is_over());
    }
}
