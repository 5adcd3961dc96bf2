//! Sends questions to other nodes and waits for the replies; [`peers`](super::peers) has the state.

use std::{collections::HashSet, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    Cluster,
    peers::{Asked, Open, OpenGuard, Replies, inbox},
};
use crate::{
    Message, PPEvent,
    adapter::AdapterError,
    server::client_id::ClientId,
    wire::{
        channels::CLUSTER,
        envelope::EnvelopeError,
        peer::{ASK, Answer, Head, MAX_LEN, Question, REPLY, Reply, Request},
    },
};

/// While replies are awaited, the nodes are listed this often: one that has gone is not waited for.
const LIST_EVERY: Duration = Duration::from_millis(100);

impl Cluster {
    /// Asks all other nodes, and waits until each has replied or the time is up.
    pub(crate) async fn ask(&self, request: Request) -> Replies<Reply> {
        let deadline = Instant::now() + self.node.config.ask_timeout;
        let others = self.other_nodes(deadline).await;
        self.ask_these(others, request, deadline).await
    }

    /// The ids of the other nodes.
    pub(crate) async fn other_nodes(&self, deadline: Instant) -> HashSet<String> {
        let listing = timeout_at(deadline, self.peers.others(self.node.adapter()));
        listing.await.unwrap_or_else(|_| self.peers.known.lock().clone())
    }

    /// Asks these nodes, and waits until each has replied, or is no longer there, or the time is up.
    pub(crate) async fn ask_these(
        &self,
        nodes: HashSet<String>,
        request: Request,
        deadline: Instant,
    ) -> Replies<Reply> {
        let (peers, mut asked) = (&self.peers, Asked::new(nodes));
        if !asked.is_over()
            && let Some((_open, mut replies)) = self.send_question(asked.waiting(), request)
        {
            while !asked.is_over() {
                let list_again = async {
                    sleep(LIST_EVERY).await;
                    peers.others(self.node.adapter()).await
                };
                tokio::select! {
                    biased;
                    reply = replies.recv() => {
                        // The question is open, and has the sender.
                        let Some((from, value)) = reply else { break };
                        asked.replied(from, value);
                    }
                    () = sleep_until(deadline) => break,
                    present = list_again => asked.present(&present),
                }
            }
        }
        asked.end()
    }

    /// Sends a question to all nodes, of which these have to reply; `None` where that can't be done now.
    fn send_question(
        &self,
        asked: &HashSet<String>,
        request: Request,
    ) -> Option<(OpenGuard<'_>, mpsc::UnboundedReceiver<(String, Reply)>)> {
        let number = self.peers.number()?;
        let (replies, receiver) = mpsc::unbounded_channel();
        self.peers.open.lock().insert(number, Open { asked: asked.clone(), replies });
        let guard = OpenGuard(&self.peers, number);
        match self.publish(CLUSTER, ASK, &Question { head: self.head(number), request }) {
            Ok(()) => Some((guard, receiver)),
            Err(error) => {
                tracing::warn!(target: "painda::cluster", %error, "the other nodes can't be asked");
                None
            }
        }
    }

    /// Sends the reply to a question.
    pub(crate) fn reply(&self, asker: ClientId, number: u64, reply: Reply) {
        let answer = Answer { head: self.head(number), reply };
        if let Err(error) = self.publish(&inbox(asker), REPLY, &answer) {
            tracing::warn!(target: "painda::cluster", %error, "a reply can't be sent");
        }
    }

    fn head(&self, number: u64) -> Head {
        Head { number, from: self.peers.id().to_owned() }
    }

    fn publish(&self, channel: &str, name: &str, what: &impl PPEvent) -> Result<(), AdapterError> {
        let len = what.encoded_size();
        if len > MAX_LEN {
            return Err(EnvelopeError::TooLong { field: "question or reply", len, max: MAX_LEN }.into());
        }
        self.node.adapter().publish(channel, &Message::named(name, what.to_bytes()), None)
    }
}
