//! The one walk along the types and the bytes of a message. An [`Output`] receives the pieces.
//!
//! Once the output is full, the rest is neither read nor checked.

use super::form::{is_newtype, is_nullable};
use super::numbers;
use super::output::{Bracket, Output};
use crate::codec::{DecodeError, EnumType, Layout, Number, Reader, Reason, Segment, Shape, TypeRef, Wire, WireType};

/// Walks along a whole event.
pub(crate) fn event(layout: &Layout, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    fields(layout, reader, out)
}

/// Walks along the fields of an event or of a part; only events have fields of a later version.
fn fields(layout: &Layout, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    let mut version = 1;
    let mut older = false;
    let bracket = match layout.shape() {
        Shape::Named => Bracket::Object,
        Shape::Tuple => Bracket::Array,
    };
    out.open(bracket);
    for field in layout.fields() {
        // A message has all fields of a version, or none.
        if field.since() > version {
            version = field.since();
            older |= reader.rest().is_empty();
        }
        if let Bracket::Object = bracket {
            out.key(field.name());
        }
        within(Segment::Field(field.name()), out, |out| {
            if older && out.handles_default(field, reader.offset()) {
                return Ok(());
            }
            match if older { field.default_bytes() } else { None } {
                Some(default) => value(field.ty(), &mut Reader::new(&default), out),
                None => value(field.ty(), reader, out),
            }
        })?;
    }
    out.close(bracket);
    Ok(())
}

/// Walks along a part of a value. An error gets the part into its path.
#[inline(always)]
fn within<O: Output>(
    segment: Segment,
    out: &mut O,
    walk: impl FnOnce(&mut O) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    out.enter(segment);
    walk(out).map_err(|error| error.inside(segment))?;
    out.leave();
    Ok(())
}

/// Walks along the fields of a struct or variant that is a part of an event.
fn part(layout: &Layout, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    match layout.fields() {
        [field] if is_newtype(layout) => {
            within(Segment::Field(field.name()), out, |out| value(field.ty(), reader, out))
        }
        _ => fields(layout, reader, out),
    }
}

/// Walks along a value.
pub(crate) fn value<O: Output>(ty: &WireType, reader: &mut Reader<'_>, out: &mut O) -> Result<(), DecodeError> {
    out.begin(ty, reader.offset());
    match ty {
        WireType::Array { item, len } if O::JOINS_BYTES && is_byte(item) => bytes(*len, reader)?,
        WireType::List(item) if O::JOINS_BYTES && is_byte(item) => {
            let len = reader.count(item.min_size())?;
            bytes(len, reader)?;
        }
        WireType::Array { item, len } => return items(*len, out, |out| value(item.get(), reader, out)),
        WireType::Tuple(parts) => {
            out.open(Bracket::Array);
            for (at, part) in parts.iter().enumerate() {
                within(Segment::Field(position(at)), out, |out| value(part.get(), reader, out))?;
            }
            out.close(Bracket::Array);
            return Ok(());
        }
        WireType::List(item) => {
            let len = reader.count(item.min_size())?;
            out.items(len, reader.offset());
            return items(len, out, |out| value(item.get(), reader, out));
        }
        WireType::Set(item) => {
            let len = reader.count(item.min_size())?;
            out.items(len, reader.offset());
            let item = item.get();
            let mut last = None;
            return items(len, out, |out| {
                ascending(item, reader, &mut last, out, |reader, out| value(item, reader, out))
            });
        }
        WireType::Map { key, value } => return map(key.get(), value.get(), reader, out),
        WireType::Option(some) => return option(some.get(), reader, out),
        // A type of fixed size cannot contain itself.
        WireType::Struct(ty) if ty.layout().fixed_size().is_some() => return part(ty.layout(), reader, out),
        WireType::Struct(ty) => return reader.nested(|reader| part(ty.layout(), reader, out)),
        WireType::Enum(ty) if ty.fixed_size().is_some() => return variant(ty, reader, out),
        WireType::Enum(ty) => return reader.nested(|reader| variant(ty, reader, out)),
        WireType::Number(number) => numbers::read(*number, reader, out)?,
        WireType::Bool => out.bool(bool::read(reader)?),
        WireType::Quantised(quantisation) => numbers::read_quantised(quantisation, reader, out)?,
        WireType::String => out.text(text(reader)?),
        WireType::Bytes => {
            let len = reader.count(1)?;
            out.bytes(reader.bytes(len)?);
        }
    }
    out.end(reader.offset());
    Ok(())
}

/// Reads single bytes one after another, so that an error has the offset of the missing one.
fn bytes(len: usize, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    (0..len).try_for_each(|_| u8::read(reader).map(drop))
}

fn is_byte(ty: &TypeRef) -> bool {
    matches!(ty.get(), WireType::Number(Number::U8))
}

fn items<O: Output>(
    len: usize,
    out: &mut O,
    mut walk: impl FnMut(&mut O) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    out.open(Bracket::Array);
    for at in 0..len {
        if out.is_full() {
            break;
        }
        within(Segment::Index(at), out, &mut walk)?;
    }
    out.close(Bracket::Array);
    Ok(())
}

/// Walks along an item of a set or a key of a map, whose encoding comes after the `last` one.
fn ascending<'a, O: Output>(
    ty: &WireType,
    reader: &mut Reader<'a>,
    last: &mut Option<&'a [u8]>,
    out: &mut O,
    walk: impl FnOnce(&mut Reader<'a>, &mut O) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let (rest, offset) = (reader.rest(), reader.offset());
    walk(reader, out)?;
    let bytes = &rest[..rest.len() - reader.rest().len()];
    if last.replace(bytes).is_some_and(|last| last >= bytes) {
        out.begin(ty, offset);
        return Err(DecodeError::new(Reason::Order, offset));
    }
    Ok(())
}

// Maps, options and variants are separate functions, so that the registers that they need do not slow down numbers.
#[inline(never)]
fn map<O: Output>(key: &WireType, ty: &WireType, reader: &mut Reader<'_>, out: &mut O) -> Result<(), DecodeError> {
    let len = reader.count(key.min_size() + ty.min_size())?;
    out.entries(len, reader.offset());
    let bracket = if let WireType::String = key { Bracket::Object } else { Bracket::Array };
    let mut last = None;
    out.open(bracket);
    for at in 0..len {
        if out.is_full() {
            break;
        }
        within(Segment::Index(at), out, |out| {
            if let Bracket::Array = bracket {
                out.open(Bracket::Array);
            }
            within(Segment::Field("key"), out, |out| {
                ascending(key, reader, &mut last, out, |reader, out| match bracket {
                    Bracket::Object => {
                        out.begin(key, reader.offset());
                        out.key(text(reader)?);
                        out.end(reader.offset());
                        Ok(())
                    }
                    Bracket::Array => value(key, reader, out),
                })
            })?;
            within(Segment::Field("value"), out, |out| value(ty, reader, out))?;
            if let Bracket::Array = bracket {
                out.close(Bracket::Array);
            }
            Ok(())
        })?;
    }
    out.close(bracket);
    Ok(())
}

#[inline(never)]
fn option(some: &WireType, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    let offset = reader.offset();
    match *reader.array()? {
        [0] => {
            out.tag("none", reader.offset());
            out.null();
        }
        [1] => {
            out.tag("some", reader.offset());
            if !is_nullable(some) {
                return value(some, reader, out);
            }
            out.open(Bracket::Array);
            value(some, reader, out)?;
            out.close(Bracket::Array);
        }
        [byte] => return Err(DecodeError::new(Reason::Option(byte), offset)),
    }
    Ok(())
}

#[inline(never)]
fn variant(ty: &EnumType, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    let offset = reader.offset();
    let [tag] = *reader.array()?;
    let variant = ty.variant(tag).ok_or_else(|| DecodeError::new(Reason::Tag(tag), offset))?;
    out.tag(variant.name(), reader.offset());
    if variant.layout().fields().is_empty() {
        out.text(variant.name());
        return Ok(());
    }
    out.open(Bracket::Object);
    out.key(variant.name());
    within(Segment::Field(variant.name()), out, |out| part(variant.layout(), reader, out))?;
    out.close(Bracket::Object);
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
