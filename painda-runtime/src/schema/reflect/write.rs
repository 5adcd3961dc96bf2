//! JSON to bytes, along the types.

use super::read::position;
use super::{JsonError, JsonReason, base64, is_newtype, is_nullable, numbers};
use crate::codec::{EnumType, Field, Layout, MAX_DEPTH, Segment, Shape, Wire, WireType, write_count};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// Writes a whole event.
pub(super) fn event(layout: &Layout, value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut writer = Writer { out: Vec::with_capacity(layout.min_size()), depth: 0 };
    match (layout.shape(), value) {
        // A client that emits an event without fields need not send a payload.
        (_, Value::Null) if layout.fields().is_empty() => {}
        (Shape::Tuple, Value::Array(items)) => {
            let required = layout.fields().iter().take_while(|field| field.since() == 1).count();
            if items.len() < required {
                return Err(length(required, items.len()));
            }
            for (at, field) in layout.fields().iter().enumerate() {
                writer.field(field, items.get(at))?;
            }
        }
        _ => writer.fields(layout, value)?,
    }
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
    /// The structs and enums that are being written.
    depth: u8,
}

impl Writer {
    /// Writes a field, or its default where the value is older than the field.
    fn field(&mut self, field: &Field, value: Option<&Value>) -> Result<(), JsonError> {
        match (value, field.default_bytes()) {
            (Some(value), _) => self.value(field.ty(), value),
            (None, Some(default)) => {
                self.out.extend_from_slice(&default);
                Ok(())
            }
            (None, None) if matches!(field.ty(), WireType::Option(_)) => self.value(field.ty(), &Value::Null),
            (None, None) => Err(JsonError::new(JsonReason::Missing)),
        }
        .map_err(|error| error.inside(Segment::Field(field.name())))
    }

    fn fields(&mut self, layout: &Layout, value: &Value) -> Result<(), JsonError> {
        let mut fields = layout.fields().iter();
        match (layout.shape(), value) {
            (Shape::Named, Value::Object(object)) => {
                fields.try_for_each(|field| self.field(field, object.get(field.name())))
            }
            (Shape::Named, other) => Err(JsonError::expected("an object", other)),
            (Shape::Tuple, value) => {
                let items = array(value, Some(fields.len()))?;
                fields.zip(items).try_for_each(|(field, item)| self.field(field, Some(item)))
            }
        }
    }

    /// Writes the fields of a struct or variant that is a part of an event.
    fn part(&mut self, layout: &Layout, value: &Value) -> Result<(), JsonError> {
        match layout.fields() {
            [field] if is_newtype(layout) => self.field(field, Some(value)),
            _ => self.fields(layout, value),
        }
    }

    fn value(&mut self, ty: &WireType, value: &Value) -> Result<(), JsonError> {
        match ty {
            WireType::Number(number) => numbers::write(*number, value, &mut self.out)?,
            WireType::Quantised(quantisation) => numbers::write_quantised(quantisation, value, &mut self.out)?,
            WireType::Bool => match value {
                Value::Bool(value) => value.write(&mut self.out),
                other => return Err(JsonError::expected("a bool", other)),
            },
            WireType::String => match value {
                Value::String(text) => self.counted(text.as_bytes()),
                other => return Err(JsonError::expected("a string", other)),
            },
            WireType::Bytes => match value {
                Value::String(text) => {
                    self.counted(&base64::decode(text).ok_or_else(|| JsonError::new(JsonReason::Base64))?)
                }
                other => return Err(JsonError::expected("a string of base64", other)),
            },
            WireType::Array { item, len } => self.items(item.get(), array(value, Some(*len))?)?,
            WireType::Tuple(parts) => {
                for (at, (part, value)) in parts.iter().zip(array(value, Some(parts.len()))?).enumerate() {
                    self.value(part.get(), value).map_err(|error| error.inside(Segment::Field(position(at))))?;
                }
            }
            WireType::List(item) => {
                let items = array(value, None)?;
                write_count(items.len(), &mut self.out);
                self.items(item.get(), items)?;
            }
            WireType::Set(item) => self.set(item.get(), array(value, None)?)?,
            WireType::Map { key, value: ty } => self.map(key.get(), ty.get(), value)?,
            WireType::Option(some) => match value {
                Value::Null => self.out.push(0),
                value => {
                    self.out.push(1);
                    match is_nullable(some.get()) {
                        true => self.value(some.get(), &array(value, Some(1))?[0])?,
                        false => self.value(some.get(), value)?,
                    }
                }
            },
            // What has a fixed size cannot contain itself.
            WireType::Struct(ty) if ty.layout().fixed_size().is_some() => self.part(ty.layout(), value)?,
            WireType::Struct(ty) => self.nested(|writer| writer.part(ty.layout(), value))?,
            WireType::Enum(ty) if ty.fixed_size().is_some() => self.variant(ty, value)?,
            WireType::Enum(ty) => self.nested(|writer| writer.variant(ty, value))?,
        }
        Ok(())
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::new(JsonReason::Depth));
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn counted(&mut self, bytes: &[u8]) {
        write_count(bytes.len(), &mut self.out);
        self.out.extend_from_slice(bytes);
    }

    fn items(&mut self, ty: &WireType, items: &[Value]) -> Result<(), JsonError> {
        items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| self.value(ty, item).map_err(|error| error.inside(Segment::Index(at))))
    }

    /// The encoding of a value by itself.
    fn apart(&mut self, ty: &WireType, value: &Value) -> Result<Vec<u8>, JsonError> {
        let mut writer = Writer { out: Vec::new(), depth: self.depth };
        writer.value(ty, value)?;
        Ok(writer.out)
    }

    fn set(&mut self, ty: &WireType, items: &[Value]) -> Result<(), JsonError> {
        let items = items.iter().enumerate().map(|(at, item)| {
            let bytes = self.apart(ty, item).map_err(|error| error.inside(Segment::Index(at)))?;
            Ok((at, bytes, Vec::new()))
        });
        let items = items.collect::<Result<Vec<_>, _>>()?;
        self.sorted(items)
    }

    fn map(&mut self, key: &WireType, ty: &WireType, value: &Value) -> Result<(), JsonError> {
        let mut entry = |at, key_value: &Value, value: &Value| {
            let inside = |error: JsonError, part| error.inside(Segment::Field(part)).inside(Segment::Index(at));
            let key = self.apart(key, key_value).map_err(|error| inside(error, "key"))?;
            let value = self.apart(ty, value).map_err(|error| inside(error, "value"))?;
            Ok((at, key, value))
        };
        let entries: Vec<_> = match (key, value) {
            (WireType::String, Value::Object(object)) => object
                .iter()
                .enumerate()
                .map(|(at, (key, value))| entry(at, &Value::String(key.clone()), value))
                .collect::<Result<_, _>>()?,
            (WireType::String, other) => return Err(JsonError::expected("an object", other)),
            (_, value) => array(value, None)?
                .iter()
                .enumerate()
                .map(|(at, pair)| {
                    let pair = array(pair, Some(2)).map_err(|error| error.inside(Segment::Index(at)))?;
                    entry(at, &pair[0], &pair[1])
                })
                .collect::<Result<_, _>>()?,
        };
        self.sorted(entries)
    }

    /// Writes entries in the order of their keys; each has its position in the JSON, key and value.
    fn sorted(&mut self, mut entries: Vec<(usize, Vec<u8>, Vec<u8>)>) -> Result<(), JsonError> {
        // Equal keys keep their order, so that it is the second one that is reported.
        entries.sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
        if let Some([_, (at, ..)]) = entries.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return Err(JsonError::new(JsonReason::Duplicate).inside(Segment::Index(*at)));
        }
        write_count(entries.len(), &mut self.out);
        for (_, key, value) in entries {
            self.out.extend_from_slice(&key);
            self.out.extend_from_slice(&value);
        }
        Ok(())
    }

    fn variant(&mut self, ty: &EnumType, value: &Value) -> Result<(), JsonError> {
        let unknown = |name: &str| JsonError::new(JsonReason::Variant(name.into()));
        let find = |name: &str| ty.variants().iter().find(|variant| variant.name() == name);
        match value {
            Value::String(name) => match find(name) {
                Some(variant) if variant.layout().fields().is_empty() => self.out.push(variant.tag()),
                Some(_) => return Err(JsonError::expected("an object of the variant's name and fields", value)),
                None => return Err(unknown(name)),
            },
            Value::Object(object) => {
                let (name, fields) = only_entry(object)?;
                let variant = find(name).ok_or_else(|| unknown(name))?;
                self.out.push(variant.tag());
                self.part(variant.layout(), fields).map_err(|error| error.inside(Segment::Field(variant.name())))?;
            }
            other => return Err(JsonError::expected("a variant's name, or an object of its name and fields", other)),
        }
        Ok(())
    }
}

fn only_entry(object: &Map<alloc::string::String, Value>) -> Result<(&str, &Value), JsonError> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(JsonError::new(JsonReason::Expected {
            expected: "an object of the variant's name and fields",
            found: if object.is_empty() { "an empty one" } else { "one of several entries" },
        })),
    }
}

/// The items of an array that has as many as the type needs.
fn array(value: &Value, len: Option<usize>) -> Result<&[Value], JsonError> {
    match (value, len) {
        (Value::Array(items), Some(expected)) if items.len() != expected => Err(length(expected, items.len())),
        (Value::Array(items), _) => Ok(items),
        (other, _) => Err(JsonError::expected("an array", other)),
    }
}

#[cold]
fn length(expected: usize, found: usize) -> JsonError {
    JsonError::new(JsonReason::Length { expected, found })
}
