//! Bytes to JSON, along the types.

use super::{base64, is_newtype, is_nullable, numbers};
use crate::codec::{DecodeError, Field, Layout, Reader, Reason, Segment, Shape, Wire, WireType};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// Reads a whole event.
pub(super) fn event(layout: &Layout, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    fields(layout, reader)
}

/// Reads the fields of an event or of a part; only events have fields of a later version.
fn fields(layout: &Layout, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let mut version = 1;
    let mut older = false;
    let mut read = |field: &Field| {
        // A version's fields are in the message all together, or not at all.
        if field.since() > version {
            version = field.since();
            older |= reader.rest().is_empty();
        }
        match field.default_bytes() {
            Some(default) if older => value(field.ty(), &mut Reader::new(&default)),
            _ => value(field.ty(), reader),
        }
        .map_err(|error| error.inside(Segment::Field(field.name())))
    };
    let fields = layout.fields().iter();
    Ok(match layout.shape() {
        Shape::Named => {
            let fields = fields.map(|field| Ok((field.name().to_owned(), read(field)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, _>>()?)
        }
        Shape::Tuple => Value::Array(fields.map(read).collect::<Result<_, _>>()?),
    })
}

/// Reads the fields of a struct or variant that is a part of an event.
fn part(layout: &Layout, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    match layout.fields() {
        [field] if is_newtype(layout) => {
            value(field.ty(), reader).map_err(|error| error.inside(Segment::Field(field.name())))
        }
        _ => fields(layout, reader),
    }
}

/// Reads a value.
pub(super) fn value(ty: &WireType, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match ty {
        WireType::Number(number) => numbers::read(*number, reader)?,
        WireType::Bool => bool::read(reader)?.into(),
        WireType::Quantised(quantisation) => numbers::read_quantised(quantisation, reader)?,
        WireType::String => text(reader)?.into(),
        WireType::Bytes => {
            let len = reader.count(1)?;
            base64::encode(reader.bytes(len)?).into()
        }
        WireType::Array { item, len } => items(*len, |_| value(item.get(), reader))?,
        WireType::Tuple(parts) => {
            let parts = parts.iter().enumerate().map(|(at, part)| {
                value(part.get(), reader).map_err(|error| error.inside(Segment::Field(position(at))))
            });
            Value::Array(parts.collect::<Result<_, _>>()?)
        }
        WireType::List(item) => {
            let len = reader.count(item.min_size())?;
            items(len, |_| value(item.get(), reader))?
        }
        WireType::Set(item) => {
            let len = reader.count(item.min_size())?;
            let mut last = None;
            items(len, |_| ascending(item.get(), reader, &mut last))?
        }
        WireType::Map { key, value } => map(key.get(), value.get(), reader)?,
        WireType::Option(some) => {
            let offset = reader.offset();
            match *reader.array()? {
                [0] => Value::Null,
                [1] => match value(some.get(), reader)? {
                    value if is_nullable(some.get()) => vec![value].into(),
                    value => value,
                },
                [byte] => return Err(DecodeError::new(Reason::Option(byte), offset)),
            }
        }
        // What has a fixed size cannot contain itself.
        WireType::Struct(ty) if ty.layout().fixed_size().is_some() => part(ty.layout(), reader)?,
        WireType::Struct(ty) => reader.nested(|reader| part(ty.layout(), reader))?,
        WireType::Enum(ty) => {
            let read = |reader: &mut Reader<'_>| {
                let offset = reader.offset();
                let [tag] = *reader.array()?;
                let variant = ty.variant(tag).ok_or_else(|| DecodeError::new(Reason::Tag(tag), offset))?;
                if variant.layout().fields().is_empty() {
                    return Ok(variant.name().into());
                }
                let fields =
                    part(variant.layout(), reader).map_err(|error| error.inside(Segment::Field(variant.name())))?;
                Ok(Value::Object(Map::from_iter([(variant.name().to_owned(), fields)])))
            };
            match ty.fixed_size() {
                Some(_) => read(reader)?,
                None => reader.nested(read)?,
            }
        }
    })
}

fn items(len: usize, mut read: impl FnMut(usize) -> Result<Value, DecodeError>) -> Result<Value, DecodeError> {
    let items = (0..len).map(|at| read(at).map_err(|error| error.inside(Segment::Index(at))));
    Ok(Value::Array(items.collect::<Result<_, _>>()?))
}

/// Reads an item of a set or a key of a map, whose encoding comes after the `last` one.
fn ascending<'a>(ty: &WireType, reader: &mut Reader<'a>, last: &mut Option<&'a [u8]>) -> Result<Value, DecodeError> {
    let (rest, offset) = (reader.rest(), reader.offset());
    let value = value(ty, reader)?;
    let bytes = &rest[..rest.len() - reader.rest().len()];
    if last.replace(bytes).is_some_and(|last| last >= bytes) {
        return Err(DecodeError::new(Reason::Order, offset));
    }
    Ok(value)
}

fn map(key: &WireType, ty: &WireType, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let len = reader.count(key.min_size() + ty.min_size())?;
    let mut last = None;
    let entries = (0..len).map(|at| {
        let key = ascending(key, reader, &mut last).map_err(|error| error.inside(Segment::Field("key")));
        let value = |reader| value(ty, reader).map_err(|error| error.inside(Segment::Field("value")));
        key.and_then(|key| Ok((key, value(reader)?))).map_err(|error| error.inside(Segment::Index(at)))
    });
    let entries: Vec<(Value, Value)> = entries.collect::<Result<_, _>>()?;
    Ok(match key {
        WireType::String => {
            let entries = entries.into_iter().filter_map(|(key, value)| match key {
                Value::String(key) => Some((key, value)),
                _ => None,
            });
            Value::Object(entries.collect())
        }
        _ => entries.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect(),
    })
}

fn text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let len = reader.count(1)?;
    let offset = reader.offset();
    match str::from_utf8(reader.bytes(len)?) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(DecodeError::new(Reason::Utf8, offset + error.valid_up_to())),
    }
}

/// The name of a tuple's part in a path.
pub(super) fn position(at: usize) -> &'static str {
    const NAMES: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    NAMES.get(at).copied().unwrap_or("…")
}
