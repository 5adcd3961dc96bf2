//! What other nodes say: joining them, and dealing with what comes in on each channel.
//!
//! Payloads are relayed without being decoded; of a named event's it is only seen that it is JSON. Knows no sockets beyond what [`node`](super::node) does with an aim.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{agreement, cluster, error::Error, node::Node, packet::Packet, typescript};
use crate::{
    Message, RESERVED_PREFIX,
    adapter::{AdapterError, BoxFuture, Published},
    wire::{
        audience::{Audience, EMIT_TO},
        channels::{BROADCAST, CLUSTER, NODES, TYPESCRIPT, schema_room},
        json::is_json,
        peer::{ASK, REPLY},
    },
};

impl Node {
    /// Listens to the other nodes, lets them know of this one, and compares schemas.
    pub(crate) async fn join_cluster(&self) -> Result<(), Error> {
        let print = agreement::fingerprint(self.registry);
        let channels = [BROADCAST, CLUSTER, TYPESCRIPT, self.peers.inbox()];
        let subscribing = channels.map(|channel| self.adapter().subscribe(channel, self.callback.clone()));
        let schema = self.adapter().add_to_room(&schema_room(print), self.peers.id());
        done(subscribing.into_iter().chain([schema])).await?;
        // Whoever finds a node in the list may ask it, and knows by then whether it has to.
        done([self.adapter().add_to_room(NODES, self.peers.id())]).await?;
        let fit = agreement::check(self, print).await?;
        let _ = self.fit.set(fit);
        Ok(())
    }

    /// What another node published; payloads are relayed without being decoded. Who may publish is trusted, and what it publishes is
    /// not: what can't be understood is counted, and what a client must not get does not reach one.
    pub(crate) fn deliver(self: &Arc<Self>, delivery: Published<'_>) {
        self.counters.remote_emits.add(1);
        let Published { channel, message, exclude, .. } = delivery;
        let understood = match channel {
            BROADCAST => {
                self.relay(&Audience { except_clients: exclude.into_iter().collect(), ..Audience::default() }, message)
            }
            TYPESCRIPT => typescript::hear(self, &message, exclude),
            channel if channel.starts_with(RESERVED_PREFIX) => self.hear_node(channel, &message),
            room => {
                let mut aim = Audience::room(room);
                exclude.into_iter().for_each(|id| aim.except_clients.add(id));
                self.relay(&aim, message)
            }
        };
        if !understood {
            self.counters.unreadable.add(1);
        }
    }

    /// What another node said to nodes: emits and questions to all of them, and replies on a channel of this one's own.
    fn hear_node(self: &Arc<Self>, channel: &str, message: &Message) -> bool {
        let Message::Named { name, payload } = message else { return false };
        match (&**name, channel) {
            (EMIT_TO, CLUSTER) => match Audience::decode(payload) {
                Ok((aim, message)) => self.relay(&aim, message),
                Err(_) => false,
            },
            (ASK, CLUSTER) => cluster::hear_question(self, payload),
            (REPLY, channel) if channel == self.peers.inbox() => self.peers.hear_reply(payload),
            // A later version may have more to say.
            _ => false,
        }
    }

    fn relay(&self, aim: &Audience<'_>, message: Message) -> bool {
        match &message {
            Message::Event { id, .. } if self.registry.by_id(*id).is_none() => {
                self.counters.unknown_events.add(1);
                return true;
            }
            // What the protocol says to a client is said by the client's own node.
            Message::Named { name, .. } if name.starts_with(RESERVED_PREFIX) => return false,
            _ => {}
        }
        if let Message::Named { payload, .. } = &message
            && !is_json(payload)
        {
            return false;
        }
        match Packet::message(self.config.framing, message) {
            Ok(packet) => self.emit_here(aim, &packet),
            Err(_) => return false,
        }
        true
    }
}

/// Waits until the adapter has done what it was asked for, or does it later by itself: this node's clients need not wait for that.
async fn done(asked: impl IntoIterator<Item = BoxFuture<Result<(), AdapterError>>>) -> Result<(), AdapterError> {
    let failed = |done: &Result<(), AdapterError>| !matches!(done, Ok(()) | Err(AdapterError::Unavailable(_)));
    join_all(asked).await.into_iter().find(failed).unwrap_or(Ok(()))
}
