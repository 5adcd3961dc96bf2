//! What other nodes publish: what is done with a message on each channel.
//!
//! Payloads are relayed without being decoded; of a named event's payload it is only checked that it is JSON.

use std::sync::Arc;

use super::{Cluster, typescript};
use crate::{
    Message, RESERVED_PREFIX,
    adapter::Delivery,
    server::sending::packet::Packet,
    wire::{
        aim::{AIMED, Aim},
        channels::{BROADCAST, CLUSTER, TYPESCRIPT},
        json::is_json,
        peer::{ASK, REPLY},
    },
};

impl Cluster {
    /// What another node published; payloads are relayed without being decoded. Who may publish is trusted, and what it publishes is
    /// not: what can't be understood is counted, and what a client must not get does not reach one.
    pub(crate) fn deliver(self: &Arc<Self>, delivery: Delivery<'_>) {
        self.node.counters.remote_emits.add(1);
        let Delivery { channel, message, exclude } = delivery;
        let understood = match channel {
            BROADCAST => self.relay(&Aim { except_clients: exclude.into_iter().collect(), ..Aim::default() }, message),
            TYPESCRIPT => typescript::hear(&self.node, &message, exclude),
            channel if channel.starts_with(RESERVED_PREFIX) => self.hear_node(channel, &message),
            room => {
                let mut aim = Aim::room(room);
                exclude.into_iter().for_each(|id| aim.except_clients.add(id));
                self.relay(&aim, message)
            }
        };
        if !understood {
            self.node.counters.unreadable.add(1);
        }
    }

    /// What another node said to nodes: emits and questions to all of them, and replies on a channel of this one's own.
    fn hear_node(self: &Arc<Self>, channel: &str, message: &Message) -> bool {
        let Message::Named { name, payload } = message else { return false };
        match (&**name, channel) {
            (AIMED, CLUSTER) => match Aim::decode(payload) {
                Ok((aim, message)) => self.relay(&aim, message),
                Err(_) => false,
            },
            (ASK, CLUSTER) => self.answer(payload),
            (REPLY, channel) if channel == self.peers.inbox() => self.peers.hear_reply(payload),
            // A later version may have more to say.
            _ => false,
        }
    }

    fn relay(&self, aim: &Aim<'_>, message: Message) -> bool {
        match &message {
            Message::Event { id, .. } if self.node.registry.by_id(*id).is_none() => {
                self.node.counters.unknown_events.add(1);
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
        match Packet::message(self.node.config.framing, message) {
            Ok(packet) => self.node.emit_here(aim, &packet),
            Err(_) => return false,
        }
        true
    }
}
