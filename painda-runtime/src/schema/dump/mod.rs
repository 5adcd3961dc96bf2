//! An annotated hex dump of a message: a line a value, with its offset, bytes, path, type and meaning.
//!
//! Owns the walk along the types, which goes on as long as the bytes make sense. Knows nothing of envelopes and
//! frames; [`wire::dump`](crate::wire::dump) puts those around it.

mod table;

use super::EventDescriptor;
use super::reflect;
use crate::codec::{DecodeError, Field, Layout, Number, Reader, Reason, TypeRef, WireType};
use std::fmt::Write;

pub(crate) use table::Table;

impl EventDescriptor {
    /// Shows what the bytes of a message mean, as far as they mean anything: where they do not, the last line is the
    /// error.
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
    let mut walk = Walk { bytes, base, path: String::new(), table };
    match walk.fields(layout, &mut reader) {
        Ok(()) if !reader.rest().is_empty() => {
            let offset = base + reader.offset();
            walk.table.row(offset, reader.rest(), "", "", "ignored: fields of a newer version of the event");
        }
        _ => {}
    }
}

/// The error has its row; nothing else is to be said about it.
struct Stop;

struct Walk<'a> {
    bytes: &'a [u8],
    base: usize,
    path: String,
    table: &'a mut Table,
}

impl<'a> Walk<'a> {
    fn fields(&mut self, layout: &Layout, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let mut version = 1;
        let mut older = false;
        for field in layout.fields() {
            // A version's fields are in the message all together, or not at all.
            if field.since() > version {
                version = field.since();
                older |= reader.rest().is_empty();
            }
            self.part(field.name(), |walk| match older {
                true => walk.default(field, reader),
                false => walk.value(field.ty(), reader),
            })?;
        }
        Ok(())
    }

    /// A field that the message is older than.
    fn default(&mut self, field: &Field, reader: &Reader<'a>) -> Result<(), Stop> {
        let value = reflect::default_value(field).unwrap_or_default();
        let meaning = format!("{value}, the default: the message is older than version {}", field.since());
        self.row(reader.offset(), reader, field.ty(), meaning);
        Ok(())
    }

    fn value(&mut self, ty: &WireType, reader: &mut Reader<'a>) -> Result<(), Stop> {
        match ty {
            WireType::Array { item, len } if !is_byte(item) => self.items(item, *len, reader),
            WireType::Tuple(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    self.part(&at.to_string(), |walk| walk.value(part.get(), reader))?;
                }
                Ok(())
            }
            WireType::List(item) if !is_byte(item) => {
                let count = self.count(item.min_size(), "item", ty, reader)?;
                self.items(item, count, reader)
            }
            WireType::Set(item) => {
                let count = self.count(item.min_size(), "item", ty, reader)?;
                let mut last = None;
                (0..count).try_for_each(|at| self.item(at, |walk| walk.ascending(item.get(), &mut last, reader)))
            }
            WireType::Map { key, value } => {
                let count = self.count(key.min_size() + value.min_size(), "entr", ty, reader)?;
                let mut last = None;
                (0..count).try_for_each(|at| {
                    self.item(at, |walk| {
                        walk.part("key", |walk| walk.ascending(key.get(), &mut last, reader))?;
                        walk.part("value", |walk| walk.value(value.get(), reader))
                    })
                })
            }
            WireType::Option(some) => {
                let start = reader.clone();
                match self.byte(ty, reader)? {
                    0 => self.row(start.offset(), reader, ty, "none"),
                    1 => {
                        self.row(start.offset(), reader, ty, "some");
                        self.value(some.get(), reader)?;
                    }
                    byte => return self.error(&DecodeError::new(Reason::Option(byte), start.offset()), &start, ty),
                }
                Ok(())
            }
            // What has a fixed size cannot contain itself.
            WireType::Struct(part) if part.layout().fixed_size().is_some() => self.fields(part.layout(), reader),
            WireType::Struct(part) => self.nested(ty, reader, |walk, reader| walk.fields(part.layout(), reader)),
            WireType::Enum(part) if part.fixed_size().is_some() => self.variant(ty, reader),
            WireType::Enum(_) => self.nested(ty, reader, |walk, reader| walk.variant(ty, reader)),
            _ => self.leaf(ty, reader),
        }
    }

    /// A value in one row.
    fn leaf(&mut self, ty: &WireType, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let start = reader.clone();
        match reflect::value(ty, reader) {
            Ok(value) => {
                let meaning = match ty {
                    WireType::Bytes | WireType::List(_) | WireType::Array { .. } => {
                        plural(reader.offset() - start.offset(), "byte")
                    }
                    _ => value.to_string(),
                };
                self.row(start.offset(), reader, ty, meaning);
                Ok(())
            }
            Err(error) => self.error(&error, &start, ty),
        }
    }

    fn variant(&mut self, ty: &WireType, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let WireType::Enum(part) = ty else { return Ok(()) };
        let start = reader.clone();
        let tag = self.byte(ty, reader)?;
        let Some(variant) = part.variant(tag) else {
            return self.error(&DecodeError::new(Reason::Tag(tag), start.offset()), &start, ty);
        };
        self.row(start.offset(), reader, ty, variant.name());
        self.part(variant.name(), |walk| walk.fields(variant.layout(), reader))
    }

    fn byte(&mut self, ty: &WireType, reader: &mut Reader<'a>) -> Result<u8, Stop> {
        let start = reader.clone();
        match reader.array() {
            Ok([byte]) => Ok(*byte),
            Err(error) => self.error(&error, &start, ty),
        }
    }

    fn count(&mut self, min_size: usize, of: &str, ty: &WireType, reader: &mut Reader<'a>) -> Result<usize, Stop> {
        let start = reader.clone();
        match reader.count(min_size) {
            Ok(count) => {
                self.row(start.offset(), reader, ty, plural(count, of));
                Ok(count)
            }
            Err(error) => self.error(&error, &start, ty),
        }
    }

    fn items(&mut self, item: &TypeRef, count: usize, reader: &mut Reader<'a>) -> Result<(), Stop> {
        (0..count).try_for_each(|at| self.item(at, |walk| walk.value(item.get(), reader)))
    }

    /// An item of a set or a key of a map, whose encoding comes after the `last` one.
    fn ascending(&mut self, ty: &WireType, last: &mut Option<&'a [u8]>, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let start = reader.clone();
        self.value(ty, reader)?;
        let bytes = &self.bytes[start.offset()..reader.offset()];
        if last.replace(bytes).is_some_and(|last| last >= bytes) {
            return self.error(&DecodeError::new(Reason::Order, start.offset()), &start, ty);
        }
        Ok(())
    }

    fn nested(
        &mut self,
        ty: &WireType,
        reader: &mut Reader<'a>,
        read: impl FnOnce(&mut Self, &mut Reader<'a>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let start = reader.clone();
        let mut result = Ok(());
        let depth = reader.nested(|reader| {
            result = read(self, reader);
            Ok(())
        });
        match depth {
            Ok(()) => result,
            Err(error) => self.error(&error, &start, ty),
        }
    }

    /// Goes into the part with this name, and comes back.
    fn part(&mut self, name: &str, walk: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let len = self.path.len();
        if len > 0 {
            self.path.push('.');
        }
        self.path += name;
        let result = walk(self);
        self.path.truncate(len);
        result
    }

    fn item(&mut self, at: usize, walk: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let len = self.path.len();
        // Writing to a string cannot fail.
        let _ = write!(self.path, "[{at}]");
        let result = walk(self);
        self.path.truncate(len);
        result
    }

    /// The row of the bytes from `start` to where the reader is.
    fn row(&mut self, start: usize, reader: &Reader<'_>, ty: &WireType, meaning: impl Into<String>) {
        let bytes = &self.bytes[start..reader.offset()];
        self.table.row(self.base + start, bytes, self.path.as_str(), ty.to_string(), meaning);
    }

    /// The row of what begins at `start` and is wrong.
    fn error<T>(&mut self, error: &DecodeError, start: &Reader<'_>, ty: &WireType) -> Result<T, Stop> {
        let mut bytes = start.rest();
        let message = DecodeError::new(error.reason(), error.offset()).to_string();
        let (_, reason) = message.split_once(": ").unwrap_or_default();
        let mut meaning = match error.offset() == start.offset() {
            true => format!("error: {reason}"),
            false => format!("error at {:04x}: {reason}", self.base + error.offset()),
        };
        // One line is enough to see what is wrong.
        if bytes.len() > table::WIDTH {
            let _ = write!(meaning, " ({} bytes from here, {} of them are shown)", bytes.len(), table::WIDTH);
            bytes = &bytes[..table::WIDTH];
        }
        self.table.row(self.base + start.offset(), bytes, self.path.as_str(), ty.to_string(), meaning);
        Err(Stop)
    }
}

/// A run of these is shown as a whole.
fn is_byte(ty: &TypeRef) -> bool {
    matches!(ty.get(), WireType::Number(Number::U8))
}

fn plural(count: usize, what: &str) -> String {
    match (count, what) {
        (1, "entr") => "1 entry".to_owned(),
        (_, "entr") => format!("{count} entries"),
        (1, _) => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
