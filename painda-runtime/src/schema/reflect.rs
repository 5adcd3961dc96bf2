//! Events to JSON and back, from their descriptors alone.
//!
//! Owns the mapping between bytes and `serde_json::Value`; it is a second, slow codec that shares
//! nothing with the generated one but the encodings of single numbers.
//!
//! | wire | JSON |
//! | --- | --- |
//! | integers | a number; beyond ±(2^53 − 1), where JavaScript would round it, a string of digits |
//! | floats | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bool` | `true`, `false` |
//! | struct | an object; a tuple struct is an array |
//!
//! On the way back a 64-bit integer may be either, and fields that the event does not have are
//! ignored, as a decoder ignores a longer tail.

use super::EventDescriptor;
use super::json_error::{JsonError, JsonReason};
use crate::codec::{DecodeError, Field, Layout, Number, Reader, Segment, Shape, Wire, WireType};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// The largest integer up to which JavaScript holds all of them exactly: 2^53 − 1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl EventDescriptor {
    /// The JSON value of an encoded event. Bytes after the last field are ignored.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let bytes = PlayerMove { x: 1.5, y: 0.1 }.to_bytes();
    /// let value = PlayerMove::DESCRIPTOR.to_json(&bytes)?;
    /// assert_eq!(value, serde_json::json!({ "x": 1.5, "y": 0.1 }));
    /// # Ok::<(), painda_runtime::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the bytes are not this event.
    pub fn to_json(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        read_layout(self.layout(), &mut Reader::new(bytes)).map_err(|error| error.in_event(self.name()))
    }

    /// The encoded event of a JSON value.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let bytes = PlayerMove::DESCRIPTOR.from_json(&serde_json::json!({ "x": 1.5, "y": 2 }))?;
    /// assert_eq!(bytes, PlayerMove { x: 1.5, y: 2.0 }.to_bytes());
    /// # Ok::<(), painda_runtime::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// When a field is missing, of another type, or out of its type's range.
    pub fn from_json(&self, value: &Value) -> Result<Vec<u8>, JsonError> {
        let mut out = Vec::with_capacity(self.fixed_size().unwrap_or(0));
        write_layout(self.layout(), value, &mut out).map_err(|error| error.in_event(self.name()))?;
        Ok(out)
    }
}

fn read_layout(layout: &Layout, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let mut read =
        |field: &Field| read_value(field.ty(), reader).map_err(|error| error.inside(Segment::Field(field.name())));
    let fields = layout.fields().iter();
    Ok(match layout.shape() {
        Shape::Named => {
            let fields = fields.map(|field| Ok((field.name().to_owned(), read(field)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, _>>()?)
        }
        Shape::Tuple => Value::Array(fields.map(read).collect::<Result<_, _>>()?),
    })
}

fn read_value(ty: &WireType, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match ty {
        WireType::Bool => bool::read(reader)?.into(),
        WireType::Number(number) => match number {
            Number::U8 => u8::read(reader)?.into(),
            Number::I8 => i8::read(reader)?.into(),
            Number::U16 => u16::read(reader)?.into(),
            Number::I16 => i16::read(reader)?.into(),
            Number::U32 => u32::read(reader)?.into(),
            Number::I32 => i32::read(reader)?.into(),
            Number::U64 => match u64::read(reader)? {
                value if value <= MAX_SAFE_INTEGER => value.into(),
                value => value.to_string().into(),
            },
            Number::I64 => match i64::read(reader)? {
                value if value.unsigned_abs() <= MAX_SAFE_INTEGER => value.into(),
                value => value.to_string().into(),
            },
            Number::F32 => float(shortest(f32::read(reader)?)),
            Number::F64 => float(f64::read(reader)?),
        },
    })
}

/// The `f64` that prints as the `f32` would, where reading it back gives that `f32` again.
fn shortest(value: f32) -> f64 {
    match format!("{value:?}").parse::<f64>() {
        Ok(short) if short as f32 == value => short,
        _ => value.into(),
    }
}

fn float(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

fn write_layout(layout: &Layout, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let fields = layout.fields();
    match (layout.shape(), value) {
        // A client that emits an event without fields need not send a payload.
        (_, Value::Null) if fields.is_empty() => Ok(()),
        (Shape::Named, Value::Object(object)) => fields.iter().try_for_each(|field| {
            match object.get(field.name()) {
                Some(value) => write_value(field.ty(), value, out),
                None => Err(JsonError::new(JsonReason::Missing)),
            }
            .map_err(|error| error.inside(Segment::Field(field.name())))
        }),
        (Shape::Tuple, Value::Array(array)) if array.len() == fields.len() => {
            fields.iter().zip(array).try_for_each(|(field, value)| {
                write_value(field.ty(), value, out).map_err(|error| error.inside(Segment::Field(field.name())))
            })
        }
        (Shape::Tuple, Value::Array(array)) => {
            Err(JsonError::new(JsonReason::Length { expected: fields.len(), found: array.len() }))
        }
        (Shape::Named, other) => Err(expected("an object", other)),
        (Shape::Tuple, other) => Err(expected("an array", other)),
    }
}

fn write_value(ty: &WireType, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    match ty {
        WireType::Bool => match value {
            Value::Bool(value) => value.write(out),
            other => return Err(expected("a bool", other)),
        },
        WireType::Number(number) => {
            let name = number.name();
            match number {
                Number::U8 => integer::<u8>(name, value)?.write(out),
                Number::I8 => integer::<i8>(name, value)?.write(out),
                Number::U16 => integer::<u16>(name, value)?.write(out),
                Number::I16 => integer::<i16>(name, value)?.write(out),
                Number::U32 => integer::<u32>(name, value)?.write(out),
                Number::I32 => integer::<i32>(name, value)?.write(out),
                Number::U64 => big_integer::<u64>(name, value)?.write(out),
                Number::I64 => big_integer::<i64>(name, value)?.write(out),
                Number::F32 => single(value)?.write(out),
                Number::F64 => double(value)?.write(out),
            }
        }
    }
    Ok(())
}

fn integer<T: TryFrom<i128>>(ty: &'static str, value: &Value) -> Result<T, JsonError> {
    let Value::Number(number) = value else {
        return Err(expected("an integer", value));
    };
    let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    let integer = integer.ok_or_else(|| expected("an integer", value))?;
    T::try_from(integer).map_err(|_| range(ty, number.to_string()))
}

/// A 64-bit integer may also be a string of digits: JavaScript cannot write all of them as numbers.
fn big_integer<T: TryFrom<i128>>(ty: &'static str, value: &Value) -> Result<T, JsonError> {
    let Value::String(text) = value else {
        return integer(ty, value);
    };
    let integer = text.parse::<i128>().map_err(|_| expected("an integer", value))?;
    T::try_from(integer).map_err(|_| range(ty, text.clone()))
}

fn single(value: &Value) -> Result<f32, JsonError> {
    let wide = double(value)?;
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        return Err(range("f32", value.to_string()));
    }
    Ok(narrow)
}

fn double(value: &Value) -> Result<f64, JsonError> {
    let float = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    };
    float.ok_or_else(|| expected("a number", value))
}

#[cold]
fn expected(expected: &'static str, value: &Value) -> JsonError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    JsonError::new(JsonReason::Expected { expected, found })
}

#[cold]
fn range(ty: &'static str, value: String) -> JsonError {
    JsonError::new(JsonReason::Range { ty, value })
}
