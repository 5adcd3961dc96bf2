//! What other nodes publish: what is done with a message on each channel.
//!
//! Payloads are relayed without being decoded; of a named event's payload it is only checked that it is JSON.

use std::sync::Arc;

use super::{Cluster, typescript};
use crate::{
    Message, RESERVED_PREFIX,
    adapter::Published,
    server::sending::packet::Packet,
    wire::{
        audience::{Audience, EMIT_TO},
        channels::{BROADCAST, CLUSTER, TYPESCRIPT},
        json::is_json,
        peer::{ASK, REPLY},
    },
};

impl Cluster {
    /// What another node published; payloads are relayed without being decoded. A message that can't be read is
    /// counted and dropped, and so is one that a client must not get.
    pub(crate) fn deliver(self: &Arc<Self>, delivery: Published<'_>) {
        self.node.counters.remote_emits.add(1);
        let Published { channel, message, exclude, .. } = delivery;
        let understood = match channel {
            BROADCAST => {
                self.relay(&Audience { except_clients: exclude.into_iter().collect(), ..Audience::default() }, message)
            }
            TYPESCRIPT => typescript::deliver(&self.node, &message, exclude),
            channel if channel.starts_with(RESERVED_PREFIX) => self.from_node(channel, &message),
            room => {
                let mut audience = Audience::room(room);
                exclude.into_iter().for_each(|id| audience.except_clients.add(id));
                self.relay(&audience, message)
            }
        };
        if !understood {
            self.node.counters.unreadable.add(1);
        }
    }

    /// A message from node to nodes: emits and questions to all of them, and replies on this node's own channel.
    fn from_node(self: &Arc<Self>, channel: &str, message: &Message) -> bool {
        let Message::Named { name, payload } = message else { return false };
        match (&**name, channel) {
            (EMIT_TO, CLUSTER) => match Audience::decode(payload) {
                Ok((audience, message)) => self.relay(&audience, message),
                Err(_) => false,
            },
            (ASK, CLUSTER) => self.answer(payload),
            (REPLY, channel) if channel == self.peers.inbox() => self.peers.receive_reply(payload),
            // A later version may have other messages.
            _ => false,
        }
    }

    fn relay(&self, audience: &Audience<'_>, message: Message) -> bool {
        match &message {
            Message::Event { id, .. } if self.node.registry.by_id(*id).is_none() => {
                self.node.counters.unknown_events.add(1);
                return true;
            }
            // Control messages to a client come from its own node alone.
            Message::Named { name, .. } if name.starts_with(RESERVED_PREFIX) => return false,
            _ => {}
        }
        if let Message::Named { payload, .. } = &message
            && !is_json(payload)
        {
            return false;
        }
        match Packet::message(self.node.config.framing, message) {
            Ok(packet) => self.node.emit_here(audience, &packet),
            Err(_) => return false,
        }
        true
    }
}
