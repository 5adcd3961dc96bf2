//! What nodes ask each other: questions to other nodes, their replies, and how long to wait for them.
//!
//! A question is one message on the channel of the cluster, a reply one on the asker's own channel; both are JSON. Who has to
//! reply is known because each node is a member of the room of nodes, as clients are of theirs. What is asked, and what a node
//! does about it, is not known here.
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
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{client_id::ClientId, node::Node};
use crate::{
    Message,
    adapter::{AdapterError, PPAdapter},
    wire::{
        channels::{CLUSTER, NODES, REPLIES_PREFIX},
        envelope::EnvelopeError,
    },
};

/// The names of both messages.
pub(crate) const ASK: &str = "__pp_ask";
pub(crate) const REPLY: &str = "__pp_reply";

/// The longest question or reply, in bytes: each is parsed as a whole, which takes many times its length for a moment.
pub(crate) const MAX_SPEECH: usize = 4 << 20;

/// While replies are awaited, it is looked up this often who of those who were asked is still there.
const LOOK: Duration = Duration::from_millis(100);

/// This node's side of all conversations.
pub(crate) struct Peers {
    id: ClientId,
    inbox: String,
    /// Questions that wait for replies.
    open: Mutex<HashMap<u64, Question>>,
    /// The other nodes when they could last be listed.
    known: Mutex<HashSet<String>>,
}

struct Question {
    /// Who was asked and has not replied.
    asked: HashSet<String>,
    replies: mpsc::UnboundedSender<Reply>,
}

/// Who has replied, and what.
type Reply = (String, Value);

/// The replies of those who answered in time, and the others' ids.
#[derive(Default)]
pub(crate) struct Replies {
    pub(crate) values: Vec<Reply>,
    pub(crate) silent: Vec<String>,
}

/// Forgets a question, also where its asker gives up.
struct Open<'a>(&'a Peers, u64);

impl Drop for Open<'_> {
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
    pub(crate) fn hear_reply(&self, payload: &[u8]) -> bool {
        // Nobody waits any more, so it need not be read.
        if self.open.lock().is_empty() {
            return true;
        }
        let Some(mut reply) = parse(payload) else { return false };
        let (Some(number), Some(from)) = (reply["ask"].as_u64(), reply["from"].as_str()) else { return false };
        // Every node hears a question, also one that was not listed yet; and a reply may come too late.
        if let Some(question) = self.open.lock().get_mut(&number)
            && let Some(from) = question.asked.take(from)
        {
            let _ = question.replies.send((from, reply["value"].take()));
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
    pub(crate) async fn ask(&self, order: &Value) -> Replies {
        let deadline = Instant::now() + self.config.ask_timeout;
        let others = self.other_nodes(deadline).await;
        self.ask_these(others, order, deadline).await
    }

    /// The ids of the other nodes.
    pub(crate) async fn other_nodes(&self, deadline: Instant) -> HashSet<String> {
        let listing = timeout_at(deadline, self.peers.others(self.adapter()));
        listing.await.unwrap_or_else(|_| self.peers.known.lock().clone())
    }

    /// Asks these nodes, and waits until each has replied, or is no longer there, or the time is up.
    pub(crate) async fn ask_these(&self, mut waiting: HashSet<String>, order: &Value, deadline: Instant) -> Replies {
        let peers = &self.peers;
        let (mut values, mut silent) = (Vec::new(), Vec::new());
        if !waiting.is_empty()
            && let Some((_open, mut replies)) = self.put_question(&waiting, order)
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
        order: &Value,
    ) -> Option<(Open<'_>, mpsc::UnboundedReceiver<Reply>)> {
        let number = getrandom::u64().ok()?;
        let (replies, heard) = mpsc::unbounded_channel();
        self.peers.open.lock().insert(number, Question { asked: asked.clone(), replies });
        let open = Open(&self.peers, number);
        match self.say(CLUSTER, ASK, &json!({ "ask": number, "from": self.peers.id(), "order": order })) {
            Ok(()) => Some((open, heard)),
            Err(error) => {
                tracing::warn!(target: "painda::cluster", %error, "the other nodes can't be asked");
                None
            }
        }
    }

    /// Sends the reply to a question.
    pub(crate) fn reply(&self, asker: ClientId, question: u64, value: &Value) {
        let reply = json!({ "ask": question, "from": self.peers.id(), "value": value });
        if let Err(error) = self.say(&inbox(asker), REPLY, &reply) {
            tracing::warn!(target: "painda::cluster", %error, "a reply can't be sent");
        }
    }

    fn say(&self, channel: &str, name: &str, what: &Value) -> Result<(), AdapterError> {
        let text = what.to_string();
        if text.len() > MAX_SPEECH {
            let (field, len) = ("question or reply", text.len());
            return Err(EnvelopeError::TooLong { field, len, max: MAX_SPEECH }.into());
        }
        self.adapter().publish(channel, &Message::named(name, Bytes::from(text)), None)
    }
}

/// The JSON of a question or a reply; `None` where it is none.
pub(crate) fn parse(payload: &[u8]) -> Option<Value> {
    if payload.len() > MAX_SPEECH { None } else { serde_json::from_slice(payload).ok() }
}

fn inbox(node: ClientId) -> String {
    format!("{REPLIES_PREFIX}{}", node.as_str())
}
