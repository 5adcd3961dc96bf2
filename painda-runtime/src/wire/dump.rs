//! Annotated hex dumps of whole messages on either wire, for people.
//!
//! Owns the rows of envelopes and frames. It is the only part of the wire that uses an application's schema.

use super::audience::EMIT_TO;
#[cfg(feature = "server")]
use super::{
    frame::{self, Body},
    peer,
};
#[cfg(feature = "server")]
use crate::PPEvent;
use crate::schema::dump::{Table, dump};
use crate::{EventDescriptor, Registry};
use bytes::Bytes;

/// Shows a Redis message down to the fields of its event; also one for several rooms, and, with the feature `server`, questions
/// and answers between nodes.
///
/// ```
/// # use painda_runtime::{PPEvent, Schema, schema};
/// use bytes::Bytes;
/// use painda_runtime::wire::dump;
///
/// # #[derive(PPEvent)]
/// # #[pp(event = "player:move", id = 1)]
/// # pub struct PlayerMove { pub x: f32, pub y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// let message = Bytes::from_static(&[0, 0, 1, 0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]);
/// assert_eq!(dump::envelope(Arena::registry(), &message), "\
/// Redis message, 11 bytes
/// 0000  00           excludeLen  u8   nobody is excluded
/// 0001  00 01        typeId      u16  player:move
/// 0003  3f c0 00 00  x           f32  1.5
/// 0007  40 20 00 00  y           f32  2.5
/// ");
/// ```
#[must_use]
pub fn envelope(registry: &Registry, bytes: &Bytes) -> String {
    let mut table = Table::default();
    table.title(format!("Redis message, {} bytes", bytes.len()));
    let _ = envelope_rows(registry, &mut Rows { bytes, at: 0, table: &mut table }, Nesting::Allowed);
    table.text()
}

/// Whether an envelope may have another one inside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Allowed,
    Forbidden,
}

/// The rows of an envelope. An emit to several rooms has another envelope inside, which must not have one itself.
fn envelope_rows(registry: &Registry, rows: &mut Rows<'_>, nesting: Nesting) -> Result<(), Stop> {
    let exclude_len = rows.number(1, "excludeLen", |len| match len {
        0 => "nobody is excluded".to_owned(),
        len => len.to_string(),
    })?;
    if exclude_len > 0 {
        rows.text(exclude_len, "excludeId")?;
    }
    let id = rows.number(2, "typeId", |id| match id {
        0 => "named by a string".to_owned(),
        id => event_name(registry, id),
    })?;
    if id > 0 {
        rows.event(registry, id);
        return Ok(());
    }
    let name_len = rows.number(2, "nameLen", |len| len.to_string())?;
    let name = rows.text(name_len, "name")?;
    if name != EMIT_TO || nesting == Nesting::Forbidden {
        rows.named(name);
        return Ok(());
    }
    for list in ["rooms", "clients", "exceptRooms", "exceptClients"] {
        let count = rows.number(2, list, |count| format!("{count} names"))?;
        for at in 0..count {
            let path = format!("{list}[{at}]");
            let len = rows.number(1, &format!("{path}.len"), |len| len.to_string())?;
            rows.text(len, &path)?;
        }
    }
    envelope_rows(registry, rows, Nesting::Forbidden)
}

/// Shows a client frame down to the fields of its event. A compressed payload is inflated up to
/// `max_inflated` bytes.
#[cfg(feature = "server")]
#[must_use]
pub fn frame(registry: &Registry, bytes: &Bytes, max_inflated: usize) -> String {
    let mut table = Table::default();
    table.title(format!("client frame, {} bytes", bytes.len()));
    let _ = frame_rows(registry, &mut Rows { bytes, at: 0, table: &mut table }, bytes, max_inflated);
    table.text()
}

#[cfg(feature = "server")]
fn frame_rows(registry: &Registry, rows: &mut Rows<'_>, bytes: &Bytes, max_inflated: usize) -> Result<(), Stop> {
    rows.text(4, "magic")?;
    let version = rows.number(2, "version", |version| version.to_string())?;
    let flags = rows.number(2, "flags", |flags| {
        let names = [(4, "deflated"), (8, "schema-encoded")].into_iter().filter(|(flag, _)| flags & flag != 0);
        names.fold(format!("mode {}", flags & 3), |text, (_, name)| format!("{text}, {name}"))
    })?;
    rows.number(4, "length", |len| len.to_string())?;
    if version != 1 {
        rows.number(2, "typeId", |id| if id == 0 { "JSON".to_owned() } else { event_name(registry, id) })?;
        rows.number(2, "reserved", |_| String::new())?;
    }
    let body = match frame::decode(bytes, max_inflated) {
        Ok(frame) => frame.body,
        Err(error) => {
            rows.rest("payload", "", format!("error: {error}"));
            return Ok(());
        }
    };
    let (Body::Event { payload, .. } | Body::Json(payload)) = &body;
    // An inflated payload has offsets of its own.
    let inflated = flags & 4 != 0;
    if inflated {
        rows.rest("payload", "zlib", "");
        rows.table.title(format!("inflated payload, {} bytes", payload.len()));
    }
    let mut rows = match inflated {
        true => Rows { bytes: payload, at: 0, table: rows.table },
        false => Rows { bytes: rows.bytes, at: rows.at, table: rows.table },
    };
    match body {
        Body::Event { id, .. } => rows.event(registry, id.into()),
        Body::Json(_) => rows.json(),
    }
    Ok(())
}

/// An error has got its row: no more rows follow.
struct Stop;

/// The rows of a message, from front to back.
struct Rows<'a> {
    bytes: &'a [u8],
    at: usize,
    table: &'a mut Table,
}

impl<'a> Rows<'a> {
    fn number(&mut self, len: usize, path: &str, meaning: impl FnOnce(usize) -> String) -> Result<usize, Stop> {
        let bytes = self.take(len, path)?;
        let number = bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        self.table.row(self.at - len, bytes, path, format!("u{}", len * 8), meaning(number));
        Ok(number)
    }

    fn text(&mut self, len: usize, path: &str) -> Result<&'a str, Stop> {
        let bytes = self.take(len, path)?;
        let text = std::str::from_utf8(bytes).map_err(|_| Stop);
        let meaning = text.as_ref().map_or("error: it is not UTF-8".to_owned(), |text| format!("{text:?}"));
        self.table.row(self.at - len, bytes, path, "text", meaning);
        text
    }

    /// The next bytes. Where they are missing, a row shows that.
    fn take(&mut self, len: usize, path: &str) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let Some(bytes) = rest.get(..len) else {
            let needed = if len == 1 { "byte is" } else { "bytes are" };
            self.rest(path, "", format!("error: {len} {needed} needed, {} are left", rest.len()));
            return Err(Stop);
        };
        self.at += len;
        Ok(bytes)
    }

    fn rest(&mut self, path: &str, ty: &str, meaning: impl Into<String>) {
        self.table.row(self.at, &self.bytes[self.at..], path, ty, meaning);
    }

    fn named(&mut self, name: &str) {
        match name {
            #[cfg(feature = "server")]
            peer::ASK => self.known(peer::Question::DESCRIPTOR),
            #[cfg(feature = "server")]
            peer::REPLY => self.known(peer::Answer::DESCRIPTOR),
            _ => self.json(),
        }
    }

    fn json(&mut self) {
        let value = serde_json::from_slice::<serde_json::Value>(&self.bytes[self.at..]);
        self.rest("payload", "JSON", value.map_or_else(|error| format!("error: {error}"), |value| value.to_string()));
    }

    fn event(&mut self, registry: &Registry, id: usize) {
        match find(registry, id) {
            Some(event) => self.known(event),
            None => self.rest("payload", "", ""),
        }
    }

    fn known(&mut self, event: &EventDescriptor) {
        dump(event.layout(), &self.bytes[self.at..], self.at, self.table);
    }
}

fn find(registry: &Registry, id: usize) -> Option<&'static EventDescriptor> {
    registry.by_id(u16::try_from(id).ok()?)
}

fn event_name(registry: &Registry, id: usize) -> String {
    match find(registry, id) {
        Some(event) => event.name().to_owned(),
        None => format!("error: no event of the schema has the id {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(not(feature = "server"))]
    use crate::PPEvent;
    use crate::{Schema, schema};

    #[derive(PPEvent)]
    #[pp(event = "player:hit", id = 2, crate = "crate")]
    struct PlayerHit {
        target: u32,
        damage: i16,
    }

    schema! { Arena { PlayerHit } }

    fn envelope(bytes: &'static [u8]) -> String {
        super::envelope(Arena::registry(), &Bytes::from_static(bytes))
    }

    #[test]
    fn an_envelope_is_shown_as_far_as_it_goes() {
        assert_eq!(
            envelope(b"\x02ab\0\x02\0\0\0\x07\xff"),
            "Redis message, 10 bytes\n\
             0000  02           excludeLen  u8    2\n\
             0001  61 62        excludeId   text  \"ab\"\n\
             0003  00 02        typeId      u16   player:hit\n\
             0005  00 00 00 07  target      u32   7\n\
             0009  ff           damage      i16   error: 2 bytes are needed, 1 is left\n"
        );
        assert_eq!(
            envelope(b"\0\0\0\0\x03hey{}"),
            "Redis message, 10 bytes\n\
             0000  00        excludeLen  u8    nobody is excluded\n\
             0001  00 00     typeId      u16   named by a string\n\
             0003  00 03     nameLen     u16   3\n\
             0005  68 65 79  name        text  \"hey\"\n\
             0008  7b 7d     payload     JSON  {}\n"
        );
        assert_eq!(
            envelope(b"\x05ab"),
            "Redis message, 3 bytes\n\
             0000  05     excludeLen  u8  5\n\
             0001  61 62  excludeId       error: 5 bytes are needed, 2 are left\n"
        );
        assert!(envelope(b"\0\0\x09\x01").contains("error: no event of the schema has the id 9\n0003  01"));
    }

    #[test]
    fn an_emit_to_several_rooms_is_shown_with_its_audience() {
        use crate::wire::{audience::Audience, envelope::encode};

        let event = crate::Message::event(2, PlayerHit { target: 7, damage: -3 }.to_bytes());
        let mut audience = Audience::room("a");
        audience.rooms.add("b");
        let (_, message, _) = audience.publication(&event).expect("it fits");
        let dump = super::envelope(Arena::registry(), &encode(&message, None).expect("it fits"));
        assert!(dump.contains("rooms[1]       text  \"b\"\n"), "{dump}");
        assert!(dump.contains("exceptClients  u16   0 names\n"), "{dump}");
        assert!(dump.ends_with("damage         i16   -3\n"), "{dump}");
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_question_between_nodes_is_shown() {
        let question = b"\0\0\0\0\x08__pp_ask\0\0\0\0\0\0\0\x07\x02ab\x01\0\0\0\0\0\0\0\x05";
        let dump = envelope(question);
        assert!(dump.contains("  head.from                   String   \"ab\"\n"), "{dump}");
        assert!(dump.ends_with("  5\n"), "{dump}");
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_frame_is_shown_inflated() {
        use std::io::Read;

        let mut payload = Vec::new();
        let encoded = PlayerHit { target: 7, damage: -3 }.to_bytes();
        flate2::read::ZlibEncoder::new(&encoded[..], flate2::Compression::best())
            .read_to_end(&mut payload)
            .expect("deflates");
        let mut bytes =
            frame::header(frame::Mode::Gaming, 2, frame::Compression::Deflated, payload.len() as u32).to_vec();
        bytes.extend_from_slice(&payload);
        let dump = frame(Arena::registry(), &bytes.clone().into(), 100);
        assert!(dump.contains("0006  00 0e "), "{dump}");
        assert!(dump.contains("  mode 2, deflated, schema-encoded\n"), "{dump}");
        assert!(dump.contains("\ninflated payload, 6 bytes\n0000  00 00 00 07 "), "{dump}");
        assert!(dump.ends_with("  damage    i16   -3\n"), "{dump}");

        bytes.truncate(17);
        let dump = frame(Arena::registry(), &bytes.into(), 100);
        assert!(dump.contains("payload         error: the frame's header announces"), "{dump}");
    }
}
