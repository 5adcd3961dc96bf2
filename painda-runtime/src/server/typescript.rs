//! Nodes of the TypeScript implementation in the same cluster: their emits, and ours in their form.
//!
//! They send every room emit as one JSON message on a channel of its own, and hear nothing else. Knows that message; the rest
//! is [`node`](super::node)'s.

use std::borrow::Cow;

use serde_core::{Serialize, Serializer as _};

use super::{
    json::{members, string, strings},
    node::Node,
    packet::Packet,
};
use crate::{
    Message,
    schema::Registry,
    wire::aim::{Aim, Names},
};

/// The name of their message.
const REMOTE_EMIT: &str = "__pp_remote_emit";
/// Ours have this in a field `via`, which they pass over: our own nodes have the same emit from its proper channel.
const VIA: &str = "painda-rust";

/// Delivers what a TypeScript node emitted; `false` where it can't be read.
pub(crate) fn hear(node: &Node, message: &Message, exclude: Option<&str>) -> bool {
    let Message::Named { name, payload } = message else { return false };
    if **name != *REMOTE_EMIT {
        return false;
    }
    let fields = ["via", "rooms", "exceptRooms", "excludeId", "type", "emitPayload"];
    let Some(emit) = str::from_utf8(payload).ok().and_then(|text| members(text, fields).ok()?) else { return false };
    let [via, rooms, except_rooms, exclude_id, event, emitted] = emit;
    if via.and_then(string).is_some_and(|via| via == VIA) {
        return true;
    }
    // `null` is everybody, an empty list nobody.
    let everybody = rooms.is_none_or(|rooms| rooms == "null");
    let rooms = rooms.and_then(strings).unwrap_or_default();
    if rooms.is_empty() && !everybody {
        return true;
    }
    let except_rooms = except_rooms.and_then(strings).unwrap_or_default();
    let exclude_id = exclude_id.and_then(string);
    let mut aim = Aim { rooms: names(&rooms), except_rooms: names(&except_rooms), ..Aim::default() };
    for id in exclude.into_iter().chain(exclude_id.as_deref()) {
        aim.except_clients.add(id);
    }
    let Some(event) = event.and_then(string) else { return false };
    match node.json_text_packet(&event, emitted.unwrap_or("null")) {
        Ok(packet) => {
            node.emit_here(&aim, &packet);
            true
        }
        Err(error) => {
            tracing::debug!(target: "painda::cluster", %error, "an emit of a TypeScript node");
            false
        }
    }
}

fn names<'a>(list: &'a [Cow<'_, str>]) -> Names<'a> {
    list.iter().map(|name| &**name).collect()
}

/// An emit in their form; `None` where it can't be said: to single clients, with more than one excluded, or an event that is no JSON.
pub(crate) fn remote_emit(registry: &Registry, aim: &Aim<'_>, packet: &Packet) -> Option<Message> {
    if !aim.clients.is_empty() || aim.except_clients.len() > 1 {
        return None;
    }
    let mut out = Vec::with_capacity(256 + packet.message.payload().len());
    out.extend_from_slice(br#"{"rooms":"#);
    match aim.rooms.is_empty() {
        true => put(&mut out, &()),
        false => put_names(&mut out, &aim.rooms),
    }
    out.extend_from_slice(br#","exceptRooms":"#);
    put_names(&mut out, &aim.except_rooms);
    out.extend_from_slice(br#","excludeId":"#);
    put(&mut out, &aim.except_clients.only());
    out.extend_from_slice(br#","type":"#);
    match &packet.message {
        Message::Named { name, payload } => {
            put(&mut out, &**name);
            out.extend_from_slice(br#","emitPayload":"#);
            out.extend_from_slice(payload);
        }
        Message::Event { id, payload } => {
            let event = registry.by_id(*id)?;
            put(&mut out, event.name());
            out.extend_from_slice(br#","emitPayload":"#);
            event.write_json_text(payload, &mut out).ok()?;
        }
    }
    out.extend_from_slice(br#","via":"#);
    put(&mut out, VIA);
    out.push(b'}');
    Some(Message::named(REMOTE_EMIT, out.into()))
}

fn put_names(out: &mut Vec<u8>, names: &Names<'_>) {
    // A `Vec` takes everything.
    let _ = serde_json::Serializer::new(out).collect_seq(names.iter());
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}
