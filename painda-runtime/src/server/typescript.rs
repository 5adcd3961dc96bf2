//! Nodes of the TypeScript implementation in the same cluster: their emits, and ours in their form.
//!
//! They send every room emit as one JSON message on a channel of its own, and hear nothing else. Knows that message; the rest
//! is [`node`](super::node)'s.

use bytes::Bytes;
use serde_json::Value;

use super::{node::Node, packet::Packet};
use crate::{
    Message,
    schema::Registry,
    wire::aim::{Aim, names},
};

/// The name of their message.
const REMOTE_EMIT: &str = "__pp_remote_emit";
/// Ours carry this field, which they pass over: our own nodes have the same emit from its proper channel.
const VIA: &str = "\"via\":\"painda-rust\"";

/// Delivers what a TypeScript node emitted; `false` where it can't be read.
pub(crate) fn hear(node: &Node, message: &Message, exclude: Option<&str>) -> bool {
    let Message::Named { name, payload } = message else { return false };
    if **name != *REMOTE_EMIT {
        return false;
    }
    let Ok(emit) = serde_json::from_slice::<Value>(payload) else { return false };
    if emit["via"] == "painda-rust" {
        return true;
    }
    let list = |name: &str| -> Vec<String> {
        emit[name].as_array().into_iter().flatten().filter_map(|room| room.as_str().map(str::to_owned)).collect()
    };
    let (rooms, except_rooms) = (list("rooms"), list("exceptRooms"));
    // `null` is everybody, an empty list nobody.
    if rooms.is_empty() && !emit["rooms"].is_null() {
        return true;
    }
    let mut aim = Aim { rooms: names(&rooms), except_rooms: names(&except_rooms), ..Aim::default() };
    for id in exclude.into_iter().chain(emit["excludeId"].as_str()) {
        aim.except_clients.add(id);
    }
    let Some(event) = emit["type"].as_str() else { return false };
    match node.json_packet(event, &emit["emitPayload"]) {
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

/// An emit in their form; `None` where it can't be said: to single clients, with more than one excluded, or an event that is no JSON.
pub(crate) fn remote_emit(registry: &Registry, aim: &Aim<'_>, packet: &Packet) -> Option<Message> {
    if !aim.clients.is_empty() || aim.except_clients.len() > 1 {
        return None;
    }
    let list = |names: &crate::wire::aim::Names<'_>| names.iter().collect::<Value>();
    let rooms = if aim.rooms.is_empty() { Value::Null } else { list(&aim.rooms) };
    let exclude = Value::from(aim.except_clients.only());
    let (name, payload) = match &packet.message {
        Message::Named { name, payload } => (Value::from(&**name), String::from_utf8(payload.to_vec()).ok()?),
        Message::Event { id, payload } => {
            let event = registry.by_id(*id)?;
            (event.name().into(), event.to_json(payload).ok()?.to_string())
        }
    };
    let except = list(&aim.except_rooms);
    let text = format!(
        "{{\"rooms\":{rooms},\"exceptRooms\":{except},\"excludeId\":{exclude},\"type\":{name},\"emitPayload\":{payload},{VIA}}}"
    );
    Some(Message::named(REMOTE_EMIT, Bytes::from(text)))
}
