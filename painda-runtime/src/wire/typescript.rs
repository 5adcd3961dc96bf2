//! The messages between nodes of the TypeScript implementation: every room emit is one JSON message, named [`REMOTE_EMIT`], on
//! the channel [`TYPESCRIPT`](super::channels::TYPESCRIPT).

use std::borrow::Cow;

use serde_core::{Serialize, Serializer as _};

use super::{
    audience::{Audience, NameSet},
    json::{members, string, strings},
};
use crate::{Message, Registry};

/// The name of the message.
pub(crate) const REMOTE_EMIT: &str = "__pp_remote_emit";
/// Messages of our nodes have this in a field `via`, which TypeScript nodes ignore. Our nodes skip such messages, because they get the
/// same emit on its own channel.
const VIA: &str = "painda-rust";

/// The fields of the message, in the order of [`decode`].
const FIELDS: [&str; 6] = ["via", "rooms", "exceptRooms", "excludeId", "type", "emitPayload"];

/// An emit of a TypeScript node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RemoteEmit<'a> {
    rooms: Vec<Cow<'a, str>>,
    except_rooms: Vec<Cow<'a, str>>,
    exclude_id: Option<Cow<'a, str>>,
    /// The event's name.
    pub(crate) event: Cow<'a, str>,
    /// The event's payload as JSON text.
    pub(crate) payload: &'a str,
}

impl RemoteEmit<'_> {
    /// Its audience.
    pub(crate) fn audience(&self) -> Audience<'_> {
        let mut audience =
            Audience { rooms: names(&self.rooms), except_rooms: names(&self.except_rooms), ..Audience::default() };
        self.exclude_id.iter().for_each(|id| audience.except_clients.add(id));
        audience
    }
}

/// A message as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded<'a> {
    /// An emit.
    Emit(RemoteEmit<'a>),
    /// Nothing to do: it came from one of our nodes, or is for no room of this node.
    Nothing,
}

/// Reads a message; `None` where it can't be read. Rooms that this node does not have are left out, because the lists may be long.
pub(crate) fn decode(payload: &[u8], has: impl Fn(&str) -> bool) -> Option<Decoded<'_>> {
    let [via, rooms, except_rooms, exclude_id, event, emitted] =
        members(str::from_utf8(payload).ok()?, FIELDS).ok()??;
    if via.and_then(string).is_some_and(|via| via == VIA) {
        return Some(Decoded::Nothing);
    }
    // `null` means all clients, an empty list none.
    let everybody = rooms.is_none_or(|rooms| rooms == "null");
    let rooms = rooms.and_then(|rooms| strings(rooms, &has)).unwrap_or_default();
    if rooms.is_empty() && !everybody {
        return Some(Decoded::Nothing);
    }
    Some(Decoded::Emit(RemoteEmit {
        rooms,
        except_rooms: except_rooms.and_then(|rooms| strings(rooms, &has)).unwrap_or_default(),
        exclude_id: exclude_id.and_then(string),
        event: event.and_then(string)?,
        payload: emitted.unwrap_or("null"),
    }))
}

fn names<'a>(list: &'a [Cow<'_, str>]) -> NameSet<'a> {
    list.iter().map(|name| &**name).collect()
}

/// An emit in this form. `None` where it can't be expressed: an emit to single clients or with several excluded ones, or an event
/// that has no JSON form.
pub(crate) fn encode(registry: &Registry, audience: &Audience<'_>, message: &Message) -> Option<Message> {
    if !audience.clients.is_empty() || audience.except_clients.len() > 1 {
        return None;
    }
    let mut out = Vec::with_capacity(256 + message.payload().len());
    out.extend_from_slice(br#"{"rooms":"#);
    match audience.rooms.is_empty() {
        true => put(&mut out, &()),
        false => put_names(&mut out, &audience.rooms),
    }
    out.extend_from_slice(br#","exceptRooms":"#);
    put_names(&mut out, &audience.except_rooms);
    out.extend_from_slice(br#","excludeId":"#);
    put(&mut out, &audience.except_clients.only());
    out.extend_from_slice(br#","type":"#);
    match message {
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

fn put_names(out: &mut Vec<u8>, names: &NameSet<'_>) {
    // Writing to a `Vec` can't fail.
    let _ = serde_json::Serializer::new(out).collect_seq(names.iter());
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}
