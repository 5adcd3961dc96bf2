//! An annotated hex dump of a message: a line a value, with its offset, bytes, path, type and meaning.
//!
//! Owns the rows. The walk along the types is [`reflect`]'s, and ends at the first error. Knows no envelopes and frames;
//! [`wire::dump`](crate::wire::dump) adds those.

mod table;

use super::EventDescriptor;
use super::reflect::{self, Bracket, Output, Text};
use crate::codec::{DecodeError, Field, Layout, Reader, Segment, WireType};
use std::fmt::Write;

pub(crate) use table::Table;

impl EventDescriptor {
    /// Shows the bytes of a message with their meaning. If they are wrong, the last line is the error.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// #[derive(PPEvent)]
    /// #[pp(event = "player:hit", id = 2)]
    /// struct PlayerHit { target: u32, damage: i16 }
    ///
    /// let bytes = PlayerHit { target: 7, damage: -3 }.to_bytes();
    /// assert_eq!(PlayerHit::DESCRIPTOR.dump(&bytes), "\
    /// event `player:hit`, id 2, 6 bytes
    /// 0000  00 00 00 07  target  u32  7
    /// 0004  ff fd        damage  i16  -3
    /// ");
    /// assert_eq!(PlayerHit::DESCRIPTOR.dump(&bytes[..5]), "\
    /// event `player:hit`, id 2, 5 bytes
    /// 0000  00 00 00 07  target  u32  7
    /// 0004  ff           damage  i16  error: 2 bytes are needed, 1 is left
    /// ");
    /// ```
    #[must_use]
    pub fn dump(&self, bytes: &[u8]) -> String {
        let mut table = Table::default();
        table.title(format!("event `{}`, id {}, {} bytes", self.name(), self.id(), bytes.len()));
        dump(self.layout(), bytes, 0, &mut table);
        table.text()
    }
}

/// Adds the rows of an event, whose bytes begin at `base` of the message.
pub(crate) fn dump(layout: &Layout, bytes: &[u8], base: usize, table: &mut Table) {
    let mut reader = Reader::new(bytes);
    let (path, lengths, ty, text) = Default::default();
    let mut rows = Rows { bytes, base, path, lengths, start: 0, ty, is_bytes: false, text, table };
    match reflect::event(layout, &mut reader, &mut rows) {
        Ok(()) if reader.rest().is_empty() => {}
        Ok(()) => {
            let offset = base + reader.offset();
            table.row(offset, reader.rest(), "", "", "ignored: fields of a newer version of the event");
        }
        Err(error) => rows.error(&error),
    }
}

/// Makes a row of each value, and of each count and tag.
struct Rows<'a> {
    bytes: &'a [u8],
    base: usize,
    /// The path to the current value.
    path: String,
    /// The lengths of the path before each part that was entered.
    lengths: Vec<usize>,
    /// The offset at which the value begins.
    start: usize,
    ty: String,
    /// It is a run of bytes.
    is_bytes: bool,
    /// The value as JSON.
    text: Vec<u8>,
    table: &'a mut Table,
}

impl Rows<'_> {
    /// Adds the row of a value that ends before this offset.
    fn row(&mut self, end: usize, meaning: impl Into<String>) {
        let bytes = &self.bytes[self.start..end];
        self.table.row(self.base + self.start, bytes, self.path.as_str(), self.ty.as_str(), meaning);
    }

    /// Adds the row of an error.
    fn error(&mut self, error: &DecodeError) {
        let mut bytes = &self.bytes[self.start..];
        let message = DecodeError::new(error.reason(), error.offset()).to_string();
        let (_, reason) = message.split_once(": ").unwrap_or_default();
        let mut meaning = match error.offset() == self.start {
            true => format!("error: {reason}"),
            false => format!("error at {:04x}: {reason}", self.base + error.offset()),
        };
        // One line of bytes is enough for an error.
        if bytes.len() > table::WIDTH {
            let _ = write!(meaning, " ({} bytes from here, {} of them are shown)", bytes.len(), table::WIDTH);
            bytes = &bytes[..table::WIDTH];
        }
        self.table.row(self.base + self.start, bytes, self.path.as_str(), self.ty.as_str(), meaning);
    }

    fn json(&mut self) -> Text<'_> {
        Text::new(&mut self.text)
    }
}

impl Output for Rows<'_> {
    const JOINS_BYTES: bool = true;

    fn null(&mut self) {}

    fn bool(&mut self, value: bool) {
        self.json().bool(value);
    }

    fn unsigned(&mut self, value: u64) {
        self.json().unsigned(value);
    }

    fn signed(&mut self, value: i64) {
        self.json().signed(value);
    }

    fn float(&mut self, value: f64) {
        self.json().float(value);
    }

    fn text(&mut self, value: &str) {
        self.json().text(value);
    }

    fn bytes(&mut self, _: &[u8]) {}

    fn open(&mut self, _: Bracket) {}

    fn key(&mut self, key: &str) {
        self.json().text(key);
    }

    fn close(&mut self, _: Bracket) {}

    fn enter(&mut self, segment: Segment) {
        self.lengths.push(self.path.len());
        let dot = if self.path.is_empty() { "" } else { "." };
        // Writing to a string cannot fail.
        let _ = match segment {
            Segment::Field(name) => write!(self.path, "{dot}{name}"),
            Segment::Index(at) => write!(self.path, "[{at}]"),
        };
    }

    fn leave(&mut self) {
        self.path.truncate(self.lengths.pop().unwrap_or_default());
    }

    fn begin(&mut self, ty: &WireType, offset: usize) {
        self.start = offset;
        self.ty = ty.to_string();
        self.is_bytes = matches!(ty, WireType::Bytes | WireType::List(_) | WireType::Array { .. });
        self.text.clear();
    }

    fn end(&mut self, offset: usize) {
        let meaning = match self.is_bytes {
            true => plural(offset - self.start, "byte", "bytes"),
            false => String::from_utf8_lossy(&self.text).into_owned(),
        };
        self.row(offset, meaning);
    }

    fn items(&mut self, count: usize, offset: usize) {
        self.row(offset, plural(count, "item", "items"));
    }

    fn entries(&mut self, count: usize, offset: usize) {
        self.row(offset, plural(count, "entry", "entries"));
    }

    fn tag(&mut self, name: &str, offset: usize) {
        self.row(offset, name);
    }

    fn handles_default(&mut self, field: &Field, offset: usize) -> bool {
        self.begin(field.ty(), offset);
        let value = reflect::default_value(field).unwrap_or_default();
        self.row(offset, format!("{value}, the default: the message is older than version {}", field.since()));
        true
    }
}

fn plural(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
