//! What nodes ask each other: questions to all nodes, their replies, and how long to wait for them.
//!
//! A question is one message on the channel of the cluster, a reply one on the asker's own channel; both are JSON. Who has to
//! reply is known because each node is a member of the room of nodes, as clients are of theirs. What is asked, and what a node
//! does about it, is not known here.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout_at};

use super::{client_id::ClientId, node::Node};
use crate::{
    Message,
    adapter::{AdapterError, PPAdapter},
    wire::channels::{CLUSTER, NODES},
};

/// The names of both messages.
pub(crate) const ASK: &str = "__pp_ask";
pub(crate) const REPLY: &str = "__pp_reply";

/// This node's side of all conversations.
pub(crate) struct Peers {
    id: ClientId,
    inbox: String,
    next: AtomicU64,
    /// Questions that wait for replies.
    open: Mutex<HashMap<u64, mpsc::UnboundedSender<(String, Value)>>>,
    /// The other nodes when they could last be listed.
    known: Mutex<HashSet<String>>,
}

/// The replies of those who answered in time, and the others' ids.
pub(crate) struct Replies {
    pub(crate) values: Vec<(String, Value)>,
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
        Some(Self {
            inbox: inbox(id.as_str()),
            id,
            next: AtomicU64::new(0),
            open: Mutex::default(),
            known: Mutex::default(),
        })
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
        let Ok(mut reply) = serde_json::from_slice::<Value>(payload) else { return false };
        let (Some(question), Some(from)) = (reply["ask"].as_u64(), reply["from"].as_str().map(str::to_owned)) else {
            return false;
        };
        if let Some(replies) = self.open.lock().get(&question) {
            let _ = replies.send((from, reply["value"].take()));
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
        let peers = &self.peers;
        let deadline = tokio::time::Instant::now() + self.config.ask_timeout;
        let listing = timeout_at(deadline, peers.others(self.adapter()));
        let mut waiting = match listing.await {
            Ok(others) => others,
            Err(_) => peers.known.lock().clone(),
        };
        let mut values = Vec::new();
        if !waiting.is_empty() {
            let number = peers.next.fetch_add(1, Ordering::Relaxed);
            let (sender, mut replies) = mpsc::unbounded_channel();
            peers.open.lock().insert(number, sender);
            let _open = Open(peers, number);
            let question = json!({ "ask": number, "from": peers.id(), "order": order });
            if let Err(error) = self.say(CLUSTER, ASK, &question) {
                tracing::debug!(target: "painda::cluster", %error, "the other nodes can't be asked now");
            } else {
                while !waiting.is_empty() {
                    let Ok(Some((from, value))) = timeout_at(deadline, replies.recv()).await else { break };
                    if waiting.remove(&from) {
                        values.push((from, value));
                    }
                }
            }
        }
        let mut silent: Vec<String> = waiting.into_iter().collect();
        silent.sort_unstable();
        Replies { values, silent }
    }

    /// Sends the reply to a question.
    pub(crate) fn reply(&self, asker: &str, question: u64, value: &Value) {
        let reply = json!({ "ask": question, "from": self.peers.id(), "value": value });
        if let Err(error) = self.say(&inbox(asker), REPLY, &reply) {
            tracing::debug!(target: "painda::cluster", %error, "a reply can't be sent now");
        }
    }

    fn say(&self, channel: &str, name: &str, what: &Value) -> Result<(), AdapterError> {
        let message = Message::named(name, Bytes::from(what.to_string()));
        self.adapter().publish(channel, &message, None)
    }
}

fn inbox(node: &str) -> String {
    format!("__pp_node_{node}")
}
