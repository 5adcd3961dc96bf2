//! Bytes to JSON, along the types. Where the output is full, the rest is neither read nor checked.

use super::form::{is_newtype, is_nullable};
use super::numbers;
use super::output::{Bracket, Output};
use crate::codec::{DecodeError, Field, Layout, Reader, Reason, Segment, Shape, Wire, WireType};

/// Reads the fields of an event or of a part; only events have fields of a later version.
pub(super) fn fields(layout: &Layout, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    let mut version = 1;
    let mut older = false;
    let bracket = match layout.shape() {
        Shape::Named => Bracket::Object,
        Shape::Tuple => Bracket::Array,
    };
    out.open(bracket);
    for field in layout.fields() {
        // A version's fields are in the message all together, or not at all.
        if field.since() > version {
            version = field.since();
            older |= reader.rest().is_empty();
        }
        if let Bracket::Object = bracket {
            out.key(field.name());
        }
        match if older { field.default_bytes() } else { None } {
            Some(default) => value(field.ty(), &mut Reader::new(&default), out),
            None => value(field.ty(), reader, out),
        }
        .map_err(|error| inside(error, field))?;
    }
    out.close(bracket);
    Ok(())
}

fn inside(error: DecodeError, field: &Field) -> DecodeError {
    error.inside(Segment::Field(field.name()))
}

/// Reads the fields of a struct or variant that is a part of an event.
fn part(layout: &Layout, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    match layout.fields() {
        [field] if is_newtype(layout) => value(field.ty(), reader, out).map_err(|error| inside(error, field)),
        _ => fields(layout, reader, out),
    }
}

/// Reads a value.
pub(super) fn value<O: Output>(ty: &WireType, reader: &mut Reader<'_>, out: &mut O) -> Result<(), DecodeError> {
    match ty {
        WireType::Number(number) => numbers::read(*number, reader, out)?,
        WireType::Bool => out.bool(bool::read(reader)?),
        WireType::Quantised(quantisation) => numbers::read_quantised(quantisation, reader, out)?,
        WireType::String => out.text(text(reader)?),
        WireType::Bytes => {
            let len = reader.count(1)?;
            out.bytes(reader.bytes(len)?);
        }
        WireType::Array { item, len } => items(*len, out, |out| value(item.get(), reader, out))?,
        WireType::Tuple(parts) => {
            out.open(Bracket::Array);
            for (at, part) in parts.iter().enumerate() {
                value(part.get(), reader, out).map_err(|error| error.inside(Segment::Field(position(at))))?;
            }
            out.close(Bracket::Array);
        }
        WireType::List(item) => {
            let len = reader.count(item.min_size())?;
            items(len, out, |out| value(item.get(), reader, out))?;
        }
        WireType::Set(item) => {
            let len = reader.count(item.min_size())?;
            let mut last = None;
            items(len, out, |out| ascending(reader, &mut last, |reader| value(item.get(), reader, out)))?;
        }
        WireType::Map { key, value } => map(key.get(), value.get(), reader, out)?,
        WireType::Option(some) => {
            let offset = reader.offset();
            match *reader.array()? {
                [0] => out.null(),
                [1] if is_nullable(some.get()) => {
                    out.open(Bracket::Array);
                    value(some.get(), reader, out)?;
                    out.close(Bracket::Array);
                }
                [1] => value(some.get(), reader, out)?,
                [byte] => return Err(DecodeError::new(Reason::Option(byte), offset)),
            }
        }
        // What has a fixed size cannot contain itself.
        WireType::Struct(ty) if ty.layout().fixed_size().is_some() => part(ty.layout(), reader, out)?,
        WireType::Struct(ty) => reader.nested(|reader| part(ty.layout(), reader, out))?,
        WireType::Enum(ty) => {
            let mut read = |reader: &mut Reader<'_>| {
                let offset = reader.offset();
                let [tag] = *reader.array()?;
                let variant = ty.variant(tag).ok_or_else(|| DecodeError::new(Reason::Tag(tag), offset))?;
                if variant.layout().fields().is_empty() {
                    out.text(variant.name());
                    return Ok(());
                }
                out.open(Bracket::Object);
                out.key(variant.name());
                part(variant.layout(), reader, out).map_err(|error| error.inside(Segment::Field(variant.name())))?;
                out.close(Bracket::Object);
                Ok(())
            };
            match ty.fixed_size() {
                Some(_) => read(reader)?,
                None => reader.nested(read)?,
            }
        }
    }
    Ok(())
}

fn items<O: Output>(
    len: usize,
    out: &mut O,
    mut read: impl FnMut(&mut O) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    out.open(Bracket::Array);
    for at in 0..len {
        if out.is_full() {
            break;
        }
        read(out).map_err(|error| error.inside(Segment::Index(at)))?;
    }
    out.close(Bracket::Array);
    Ok(())
}

/// Reads an item of a set or a key of a map, whose encoding comes after the `last` one.
fn ascending<'a, T>(
    reader: &mut Reader<'a>,
    last: &mut Option<&'a [u8]>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let (rest, offset) = (reader.rest(), reader.offset());
    let value = read(reader)?;
    let bytes = &rest[..rest.len() - reader.rest().len()];
    if last.replace(bytes).is_some_and(|last| last >= bytes) {
        return Err(DecodeError::new(Reason::Order, offset));
    }
    Ok(value)
}

fn map<O: Output>(key: &WireType, ty: &WireType, reader: &mut Reader<'_>, out: &mut O) -> Result<(), DecodeError> {
    let len = reader.count(key.min_size() + ty.min_size())?;
    let bracket = if let WireType::String = key { Bracket::Object } else { Bracket::Array };
    let mut last = None;
    out.open(bracket);
    for at in 0..len {
        if out.is_full() {
            break;
        }
        let inside = |part| move |error: DecodeError| error.inside(Segment::Field(part)).inside(Segment::Index(at));
        match bracket {
            Bracket::Object => out.key(ascending(reader, &mut last, text).map_err(inside("key"))?),
            Bracket::Array => {
                out.open(Bracket::Array);
                ascending(reader, &mut last, |reader| value(key, reader, out)).map_err(inside("key"))?;
            }
        }
        value(ty, reader, out).map_err(inside("value"))?;
        if let Bracket::Array = bracket {
            out.close(Bracket::Array);
        }
    }
    out.close(bracket);
    Ok(())
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let len = reader.count(1)?;
    let offset = reader.offset();
    str::from_utf8(reader.bytes(len)?).map_err(|error| DecodeError::new(Reason::Utf8, offset + error.valid_up_to()))
}

/// The name of a tuple's part in a path.
pub(super) fn position(at: usize) -> &'static str {
    const NAMES: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    NAMES.get(at).copied().unwrap_or("…")
}
