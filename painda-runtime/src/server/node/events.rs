//! The way of every event that this node emits or relays: first to the sockets on this node, then to the other nodes.

use std::sync::Arc;

use bytes::Bytes;

use super::{Node, members::invalid_room};
use crate::{
    Message,
    schema::Delivery,
    server::{
        close_code,
        error::Error,
        sending::{
            core::SocketCore,
            packet::{NoFrame, Packet, ping_frame},
            policy::{Bound, Policy, Pushed},
        },
        stats::{Closed, Counters, EventLabel},
    },
    target::Reach,
    wire::{audience::Audience, channels::TYPESCRIPT, typescript},
};

impl Node {
    /// The way of every emit: this node's members first, then the other nodes.
    pub(crate) fn emit(&self, audience: &Audience<'_>, packet: &Packet, reach: Reach) -> Result<(), Error> {
        audience.check_rooms().map_err(invalid_room)?;
        self.check_size(packet)?;
        let (policy, event) = self.policy(&packet.message);
        self.counters.emits.add(event, 1);
        self.emit_here_with(audience, packet, &policy, event);
        if reach == Reach::Local {
            return Ok(());
        }
        self.publish(audience, packet).inspect_err(|_| self.counters.publish_failures.add(1))
    }

    fn publish(&self, audience: &Audience<'_>, packet: &Packet) -> Result<(), Error> {
        match audience.plain() {
            Some((channel, exclude)) => self.adapter.publish(channel, &packet.message, exclude)?,
            None => {
                let (channel, message, exclude) =
                    audience.publication(&packet.message).map_err(|error| Error::Adapter(error.into()))?;
                self.adapter.publish(channel, &message, exclude)?;
            }
        }
        if self.config.typescript_nodes
            && let Some(message) = typescript::encode(self.registry, audience, &packet.message)
        {
            self.adapter.publish(TYPESCRIPT, &message, None)?;
        }
        Ok(())
    }

    /// To the members on this node only.
    pub(crate) fn emit_here(&self, audience: &Audience<'_>, packet: &Packet) {
        let (policy, event) = self.policy(&packet.message);
        self.emit_here_with(audience, packet, &policy, event);
    }

    pub(super) fn emit_here_with(&self, audience: &Audience<'_>, packet: &Packet, policy: &Policy, event: EventLabel) {
        let mut dirty = Vec::new();
        let mut slow = Vec::new();
        let mut tally = Tally::default();
        self.hub.each(audience, |socket| match self.push_frame(socket, packet, policy, Bound::Burst, &mut tally) {
            Pushed::FlushNeeded => dirty.push(socket.clone()),
            Pushed::Slow => slow.push(socket.clone()),
            _ => {}
        });
        self.flusher.schedule(dirty);
        tally.count(&self.counters, event);
        slow.iter().for_each(|socket| self.close_slow(socket));
    }

    /// To one socket; the result says where its queue is full.
    pub(crate) fn push(&self, socket: &Arc<SocketCore>, packet: &Packet) -> Pushed {
        let (policy, event) = self.policy(&packet.message);
        self.push_with(socket, packet, &policy, event)
    }

    fn push_with(&self, socket: &Arc<SocketCore>, packet: &Packet, policy: &Policy, event: EventLabel) -> Pushed {
        let mut tally = Tally::default();
        let pushed = self.push_frame(socket, packet, policy, Bound::Limit, &mut tally);
        tally.count(&self.counters, event);
        match pushed {
            Pushed::FlushNeeded => self.flusher.schedule([socket.clone()]),
            Pushed::Slow => self.close_slow(socket),
            _ => {}
        }
        pushed
    }

    /// Sends a client a message of the protocol itself; it is dropped where much waits already, or the client has disconnected.
    pub(crate) fn answer(&self, socket: &Arc<SocketCore>, packet: &Packet) {
        self.push_with(socket, packet, &Policy::Protocol, EventLabel::at(self.registry, None));
    }

    /// Queues a ping; `false` where too much waits for the client, or it has disconnected.
    pub(crate) fn ping(&self, socket: &Arc<SocketCore>) -> bool {
        match socket.outbox.push(ping_frame(), &Policy::Protocol, Bound::Limit) {
            Pushed::FlushNeeded => self.flusher.schedule([socket.clone()]),
            Pushed::Queued => {}
            _ => return false,
        }
        true
    }

    /// What happens to a message where a client's queue is full, as its event declares; and the label that counts the event.
    fn policy(&self, message: &Message) -> (Policy, EventLabel) {
        let Message::Event { id, payload } = message else {
            return (Policy::Reliable, EventLabel::at(self.registry, None));
        };
        let entry = self.registry.entry(*id);
        let policy = match entry.map(|(_, event)| event.delivery()) {
            None | Some(Delivery::Reliable) => Policy::Reliable,
            Some(Delivery::Volatile) => Policy::Volatile,
            Some(Delivery::Latest { key: None }) => Policy::Latest((*id, Bytes::new())),
            // Bytes from another node are not decoded here, and may be too short; such a message stays as it is.
            Some(Delivery::Latest { key: Some(range) }) if payload.len() >= range.end => {
                // A copy, as a slice would keep the whole message for as long as the key is remembered.
                Policy::Latest((*id, Bytes::copy_from_slice(&payload[range.clone()])))
            }
            Some(Delivery::Latest { .. }) => Policy::Reliable,
        };
        (policy, EventLabel::at(self.registry, entry.map(|(position, _)| position)))
    }

    fn push_frame(
        &self,
        socket: &SocketCore,
        packet: &Packet,
        policy: &Policy,
        bound: Bound,
        tally: &mut Tally,
    ) -> Pushed {
        let (pushed, len) = match packet.frame(socket.dialect(), self.registry, self.config.limits.queue.largest()) {
            Ok(frame) => (socket.outbox.push(frame.clone(), policy, bound), frame.len()),
            Err(NoFrame::TooLarge) => (socket.outbox.push_too_large(), 0),
            Err(NoFrame::Unknown) => {
                self.counters.unknown_events.add(1);
                return Pushed::Dropped;
            }
        };
        tally.add(&pushed, len);
        pushed
    }

    /// Closes a client that has been over its limit, or has read nothing, for too long.
    pub(crate) fn close_slow(&self, socket: &SocketCore) {
        if socket.close_because(Closed::Slow, close_code::TOO_SLOW, "the client reads too slowly") {
            self.counters.slow_clients.add(1);
        }
    }
}

/// What happened to one emit's frames; added to the counters once.
#[derive(Default)]
struct Tally {
    queued: u64,
    bytes: u64,
    replaced: u64,
    dropped: u64,
    full: u64,
}

impl Tally {
    fn add(&mut self, pushed: &Pushed, bytes: usize) {
        match pushed {
            Pushed::Queued | Pushed::FlushNeeded => {
                self.queued += 1;
                self.bytes += bytes as u64;
            }
            Pushed::Replaced => self.replaced += 1,
            Pushed::Dropped => self.dropped += 1,
            Pushed::Full | Pushed::Slow | Pushed::TooLarge => self.full += 1,
            Pushed::Closed => {}
        }
    }

    fn count(&self, counters: &Counters, event: EventLabel) {
        counters.deliveries.add(event, self.queued);
        counters.delivered_bytes.add(event, self.bytes);
        counters.replaced_latest.add(event, self.replaced);
        counters.dropped_volatile.add(event, self.dropped);
        counters.dropped_full.add(event, self.full);
    }
}
