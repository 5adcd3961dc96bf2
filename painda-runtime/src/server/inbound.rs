//! What other nodes say: joining them, and dealing with what comes in on each channel.
//!
//! Payloads are relayed without being decoded; of a named event's it is only seen that it is JSON. Knows no sockets beyond what [`node`](super::node) does with an aim.

use std::sync::Arc;

use super::{
    agreement, cluster,
    error::Error,
    json::is_json,
    node::Node,
    packet::Packet,
    peers::{ASK, REPLY},
    typescript,
};
use crate::{
    Message, RESERVED_PREFIX,
    adapter::{AdapterError, Delivery},
    wire::{
        aim::{AIMED, Aim},
        channels::{BROADCAST, CLUSTER, NODES, TYPESCRIPT},
    },
};

impl Node {
    /// Listens to the other nodes, lets them know of this one, and compares schemas.
    pub(crate) async fn join_cluster(&self) -> Result<(), Error> {
        let channels = [BROADCAST, CLUSTER, TYPESCRIPT, self.peers.inbox()];
        let subscribing = channels.map(|channel| self.adapter().subscribe(channel, self.callback.clone()));
        let member = self.adapter().add_to_room(NODES, self.peers.id());
        for done in futures_util::future::join_all(subscribing.into_iter().chain([member])).await {
            match done {
                // The adapter keeps trying by itself; this node's clients need not wait for it.
                Ok(()) | Err(AdapterError::Unavailable(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let fit = agreement::check(self).await?;
        let _ = self.fit.set(fit);
        Ok(())
    }

    /// What another node published; payloads are relayed without being decoded.
    pub(crate) fn deliver(self: &Arc<Self>, delivery: Delivery<'_>) {
        self.counters.remote_emits.add(1);
        let Delivery { channel, message, exclude } = delivery;
        let understood = match channel {
            BROADCAST => self.relay(&Aim { except_clients: exclude.into_iter().collect(), ..Aim::default() }, message),
            TYPESCRIPT => typescript::hear(self, &message, exclude),
            channel if channel.starts_with(RESERVED_PREFIX) => self.hear_node(&message),
            room => {
                let mut aim = Aim::room(room);
                exclude.into_iter().for_each(|id| aim.except_clients.add(id));
                self.relay(&aim, message)
            }
        };
        if !understood {
            self.counters.unreadable.add(1);
        }
    }

    /// What another node said to nodes.
    fn hear_node(self: &Arc<Self>, message: &Message) -> bool {
        let Message::Named { name, payload } = message else { return false };
        match &**name {
            AIMED => match Aim::decode(payload) {
                Ok((aim, message)) => self.relay(&aim, message),
                Err(_) => false,
            },
            ASK => cluster::hear_question(self, payload),
            REPLY => self.peers.hear_reply(payload),
            // A later version may have more to say.
            _ => false,
        }
    }

    fn relay(&self, aim: &Aim<'_>, message: Message) -> bool {
        if let Message::Event { id, .. } = message
            && self.registry.by_id(id).is_none()
        {
            self.counters.unknown_events.add(1);
            return true;
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
