//! What nodes ask each other: questions to other nodes, their replies, and how long to wait for them.
//!
//! A question is one message on the channel of the cluster, a reply one on the asker's own channel; what they say is typed, in
//! [`wire::peer`](crate::wire::peer). Who has to reply is known because each node is a member of the room of nodes, as clients
//! are of theirs. What a node does about a question is not known here.
//!
//! Nothing is signed: whoever may publish on these channels is taken for a node. What can be had without signatures is that
//! nobody else is believed. A question's number can't be guessed by who does not hear the question, and a reply counts once, and
//! only from a node that was asked.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{client_id::ClientId, node::Node};
use crate::{
    Message, PPEvent,
    adapter::{AdapterError, PPAdapter},
    wire::{
        channels::{CLUSTER, NODES, REPLIES_PREFIX},
        envelope::EnvelopeError,
        peer::{self, ASK, Answer, Head, MAX_LEN, Question, REPLY, Reply, Request, Unread},
    },
};

/// While replies are awaited, it is looked up this often who of those who were asked is still there.
const LOOK: Duration = Duration::from_millis(100);

/// This node's side of all conversations.
pub(crate) struct Peers {
    id: ClientId,
    inbox: String,
    /// Questions that wait for replies.
    open: Mutex<HashMap<u64, Open>>,
    /// The other nodes when they could last be listed.
    known: Mutex<HashSet<String>>,
}

/// A question that waits for replies.
struct Open {
    /// Who was asked and has not replied.
    asked: HashSet<String>,
    replies: mpsc::UnboundedSender<(String, Reply)>,
}

/// What was replied in time, by the replying nodes' ids, and the other nodes' ids.
#[derive(Debug)]
pub(crate) struct Replies<T> {
    pub(crate) values: Vec<(String, T)>,
    pub(crate) silent: Vec<String>,
}

impl<T> Default for Replies<T> {
    fn default() -> Self {
        Self { values: Vec::new(), silent: Vec::new() }
    }
}

impl Replies<Reply> {
    /// What was wanted. A node whose reply says something else has not answered.
    pub(crate) fn wanted<T>(self, read: impl Fn(Reply) -> Option<T>) -> Replies<T> {
        let Self { values, mut silent } = self;
        let mut wanted = Vec::with_capacity(values.len());
        for (node, reply) in values {
            match read(reply) {
                Some(value) => wanted.push((node, value)),
                None => silent.push(node),
            }
        }
        silent.sort_unstable();
        Replies { values: wanted, silent }
    }
}

/// Forgets a question when its asker has all replies or gives up.
struct Forget<'a>(&'a Peers, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.open.lock().remove(&self.1);
    }
}

impl Peers {
    /// A node with a new id; `None` where the operating system has no random numbers to give.
    pub(crate) fn new() -> Option<Self> {
        let id = ClientId::random()?;
        Some(Self { inbox: inbox(id), id, open: Mutex::default(), known: Mutex::default() })
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The channel that replies to this node come on.
    pub(crate) fn inbox(&self) -> &str {
        &self.inbox
    }

    /// A reply came in; `false` where it is none.
    pub(crate) fn hear_reply(&self, payload: &Bytes) -> bool {
        // Nobody waits any more, so it need not be read.
        if self.open.lock().is_empty() {
            return true;
        }
        let Some(Head { number, from }) = Head::of(payload) else { return false };
        // Every node hears a question, also one that was not listed yet; and a reply may come too late.
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
    async fn others(&self, adapter: &dyn PPAdapter) -> HashSet<String> {
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

impl Node {
    /// Asks all other nodes, and waits until each has replied or the time is up.
    pub(crate) async fn ask(&self, request: Request) -> Replies<Reply> {
        let deadline = Instant::now() + self.config.ask_timeout;
        let others = self.other_nodes(deadline).await;
        self.ask_these(others, request, deadline).await
    }

    /// The ids of the other nodes.
    pub(crate) async fn other_nodes(&self, deadline: Instant) -> HashSet<String> {
        let listing = timeout_at(deadline, self.peers.others(self.adapter()));
        listing.await.unwrap_or_else(|_| self.peers.known.lock().clone())
    }

    /// Asks these nodes, and waits until each has replied, or is no longer there, or the time is up.
    pub(crate) async fn ask_these(
        &self,
        mut waiting: HashSet<String>,
        request: Request,
        deadline: Instant,
    ) -> Replies<Reply> {
        let peers = &self.peers;
        let (mut values, mut silent) = (Vec::new(), Vec::new());
        if !waiting.is_empty()
            && let Some((_forget, mut replies)) = self.put_question(&waiting, request)
        {
            while !waiting.is_empty() {
                let look_again = async {
                    sleep(LOOK).await;
                    peers.others(self.adapter()).await
                };
                tokio::select! {
                    biased;
                    reply = replies.recv() => {
                        // The question is open, and has the sender.
                        let Some((from, value)) = reply else { break };
                        waiting.remove(&from);
                        values.push((from, value));
                    }
                    () = sleep_until(deadline) => break,
                    // Whoever has left, or has been buried, will not reply any more.
                    there = look_again => silent.extend(waiting.extract_if(|node| !there.contains(node))),
                }
            }
        }
        silent.extend(waiting);
        silent.sort_unstable();
        Replies { values, silent }
    }

    /// Sends a question to all nodes, of which these have to reply; `None` where that can't be done now.
    fn put_question(
        &self,
        asked: &HashSet<String>,
        request: Request,
    ) -> Option<(Forget<'_>, mpsc::UnboundedReceiver<(String, Reply)>)> {
        let number = getrandom::u64().ok()?;
        let (replies, heard) = mpsc::unbounded_channel();
        self.peers.open.lock().insert(number, Open { asked: asked.clone(), replies });
        let forget = Forget(&self.peers, number);
        match self.say(CLUSTER, ASK, &Question { head: self.head(number), request }) {
            Ok(()) => Some((forget, heard)),
            Err(error) => {
                tracing::warn!(target: "painda::cluster", %error, "the other nodes can't be asked");
                None
            }
        }
    }

    /// Sends the reply to a question.
    pub(crate) fn reply(&self, asker: ClientId, number: u64, reply: Reply) {
        let answer = Answer { head: self.head(number), reply };
        if let Err(error) = self.say(&inbox(asker), REPLY, &answer) {
            tracing::warn!(target: "painda::cluster", %error, "a reply can't be sent");
        }
    }

    fn head(&self, number: u64) -> Head {
        Head { number, from: self.peers.id().to_owned() }
    }

    fn say(&self, channel: &str, name: &str, what: &impl PPEvent) -> Result<(), AdapterError> {
        let len = what.encoded_size();
        if len > MAX_LEN {
            return Err(EnvelopeError::TooLong { field: "question or reply", len, max: MAX_LEN }.into());
        }
        self.adapter().publish(channel, &Message::named(name, what.to_bytes()), None)
    }
}

fn inbox(node: ClientId) -> String {
    format!("{REPLIES_PREFIX}{}", node.as_str())
}
