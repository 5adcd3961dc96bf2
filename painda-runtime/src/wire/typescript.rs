//! What nodes of the TypeScript implementation say to each other: every room emit is one JSON message, named [`REMOTE_EMIT`], on
//! the channel [`TYPESCRIPT`](super::channels::TYPESCRIPT).

use std::borrow::Cow;

use serde_core::{Serialize, Serializer as _};

use super::{
    aim::{Aim, Names},
    json::{members, string, strings},
};
use crate::{Message, Registry};

/// The name of the message.
pub(crate) const REMOTE_EMIT: &str = "__pp_remote_emit";
/// Ours have this in a field `via`, which they pass over: our own nodes have the same emit from its proper channel.
const VIA: &str = "painda-rust";

/// The fields of the message, in the order of [`decode`].
const FIELDS: [&str; 6] = ["via", "rooms", "exceptRooms", "excludeId", "type", "emitPayload"];

/// An emit of theirs.
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
    /// Whom it is for.
    pub(crate) fn aim(&self) -> Aim<'_> {
        let mut aim = Aim { rooms: names(&self.rooms), except_rooms: names(&self.except_rooms), ..Aim::default() };
        self.exclude_id.iter().for_each(|id| aim.except_clients.add(id));
        aim
    }
}

/// What a message with this payload asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// An emit.
    Emit(RemoteEmit<'a>),
    /// Nothing: it is ours, or for no room of this node.
    Nothing,
}

/// Takes the message apart; `None` where it can't be read. Rooms that this node does not have are left out: the lists may be long.
pub(crate) fn decode(payload: &[u8], has: impl Fn(&str) -> bool) -> Option<Heard<'_>> {
    let [via, rooms, except_rooms, exclude_id, event, emitted] =
        members(str::from_utf8(payload).ok()?, FIELDS).ok()??;
    if via.and_then(string).is_some_and(|via| via == VIA) {
        return Some(Heard::Nothing);
    }
    // `null` is everybody, an empty list nobody.
    let everybody = rooms.is_none_or(|rooms| rooms == "null");
    let rooms = rooms.and_then(|rooms| strings(rooms, &has)).unwrap_or_default();
    if rooms.is_empty() && !everybody {
        return Some(Heard::Nothing);
    }
    Some(Heard::Emit(RemoteEmit {
        rooms,
        except_rooms: except_rooms.and_then(|rooms| strings(rooms, &has)).unwrap_or_default(),
        exclude_id: exclude_id.and_then(string),
        event: event.and_then(string)?,
        payload: emitted.unwrap_or("null"),
    }))
}

fn names<'a>(list: &'a [Cow<'_, str>]) -> Names<'a> {
    list.iter().map(|name| &**name).collect()
}

/// An emit in their form; `None` where it can't be said: to single clients, with more than one excluded, or an event that is no JSON.
pub(crate) fn encode(registry: &Registry, aim: &Aim<'_>, message: &Message) -> Option<Message> {
    if !aim.clients.is_empty() || aim.except_clients.len() > 1 {
        return None;
    }
    let mut out = Vec::with_capacity(256 + message.payload().len());
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

fn put_names(out: &mut Vec<u8>, names: &Names<'_>) {
    // A `Vec` takes everything.
    let _ = serde_json::Serializer::new(out).collect_seq(names.iter());
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}
