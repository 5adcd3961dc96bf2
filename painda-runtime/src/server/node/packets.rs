//! The packets that are made for a node's schema: from JSON, and for the protocol itself.

use bytes::Bytes;
use serde_json::Value;

use super::Node;
use crate::{
    JsonError, Message, RESERVED_PREFIX,
    message::RESERVED,
    schema::EventDescriptor,
    server::{
        error::{Error, NameKind},
        sending::packet::Packet,
    },
    wire::{control::ToClient, envelope::MAX_NAME_LEN},
};

impl Node {
    /// A named event; one that the schema has is sent in its binary form.
    pub(crate) fn json_packet(&self, name: &str, payload: &Value) -> Result<Packet, Error> {
        match self.event_named(name)? {
            Some(event) => self.event_packet(event, event.from_json(payload)),
            None => Packet::named(self.config.framing, name, payload),
        }
    }

    /// The same with a payload that is JSON text. An event's encoding is not larger than four times the text, or than what a client
    /// may send.
    pub(crate) fn json_text_packet(&self, name: &str, payload: &str) -> Result<Packet, Error> {
        let limit = self.config.limits.event().max(payload.len().saturating_mul(4));
        match self.event_named(name)? {
            Some(event) => self.event_packet(event, event.from_json_text(payload, limit)),
            None => {
                let payload = Bytes::copy_from_slice(payload.as_bytes());
                Packet::message(self.config.framing, Message::named(name, payload))
            }
        }
    }

    fn event_packet(&self, event: &EventDescriptor, bytes: Result<Vec<u8>, JsonError>) -> Result<Packet, Error> {
        let bytes = bytes.map_err(|source| Error::Json { event: event.name().to_owned(), source })?;
        Packet::message(self.config.framing, Message::event(event.id(), bytes.into()))
    }

    /// The event of the schema that has this name; an error where nobody may use the name.
    fn event_named(&self, name: &str) -> Result<Option<&'static EventDescriptor>, Error> {
        let invalid = |why| Err(Error::InvalidName { kind: NameKind::Event, name: name.to_owned(), why });
        if name.starts_with(RESERVED_PREFIX) {
            return invalid(RESERVED);
        }
        if name.len() > MAX_NAME_LEN {
            return invalid("it is longer than 65535 bytes");
        }
        Ok(self.registry.by_name(name))
    }

    /// A message of the protocol itself.
    pub(crate) fn control(&self, said: &ToClient<'_>) -> Option<Packet> {
        Packet::message(self.config.framing, said.message()).ok()
    }

    /// An error for what is larger than may ever wait for a client.
    pub(crate) fn check_size(&self, packet: &Packet) -> Result<(), Error> {
        let (len, limit) = (packet.len(), self.config.limits.queue.burst);
        if len > limit { Err(Error::TooLarge { len, limit }) } else { Ok(()) }
    }
}
