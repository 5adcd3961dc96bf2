//! Numbers to JSON and back: what JavaScript cannot hold, and what JSON cannot write.

use super::{JsonError, JsonReason};
use crate::codec::{DecodeError, Number, Quantisation, Reader, Wire};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

/// The largest integer up to which JavaScript holds all of them exactly: 2^53 − 1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

pub(super) fn read(number: Number, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match number {
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
    })
}

pub(super) fn read_quantised(quantisation: &Quantisation, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let number = match quantisation.number {
        Number::U8 => u8::read(reader)?.into(),
        Number::U16 => u16::read(reader)?.into(),
        _ => u32::read(reader)?,
    };
    let value = quantisation.restore(number);
    Ok(float(if quantisation.float == Number::F32 { shortest(value as f32) } else { value }))
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

pub(super) fn write(number: Number, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
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
    Ok(())
}

pub(super) fn write_quantised(quantisation: &Quantisation, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    // As from Rust: the float is rounded to its type first.
    let value = match quantisation.float {
        Number::F32 => single(value)?.into(),
        _ => double(value)?,
    };
    let number = quantisation.quantise(value);
    match quantisation.number {
        Number::U8 => (number as u8).write(out),
        Number::U16 => (number as u16).write(out),
        _ => number.write(out),
    }
    Ok(())
}

fn integer<T: TryFrom<i128>>(ty: &'static str, value: &Value) -> Result<T, JsonError> {
    let Value::Number(number) = value else {
        return Err(JsonError::expected("an integer", value));
    };
    let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    let integer = integer.ok_or_else(|| JsonError::expected("an integer", value))?;
    T::try_from(integer).map_err(|_| range(ty, number.to_string()))
}

/// A 64-bit integer may also be a string of digits: JavaScript cannot write all of them as numbers.
fn big_integer<T: TryFrom<i128>>(ty: &'static str, value: &Value) -> Result<T, JsonError> {
    let Value::String(text) = value else {
        return integer(ty, value);
    };
    let integer = text.parse::<i128>().map_err(|_| JsonError::expected("an integer", value))?;
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
    float.ok_or_else(|| JsonError::expected("a number", value))
}

#[cold]
fn range(ty: &'static str, value: String) -> JsonError {
    JsonError::new(JsonReason::Range { ty, value })
}
