//! Numbers to JSON and back, including those that JavaScript or JSON have no number for.

use super::output::Output;
use super::scalar::Scalar;
use super::{JsonError, JsonReason};
use crate::codec::{DecodeError, Number, Quantisation, Reader, Reason, Wire};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// The largest integer up to which JavaScript's numbers are exact: 2^53 − 1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

pub(super) fn read(number: Number, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    match number {
        Number::U8 => out.unsigned(u8::read(reader)?.into()),
        Number::I8 => out.signed(i8::read(reader)?.into()),
        Number::U16 => out.unsigned(u16::read(reader)?.into()),
        Number::I16 => out.signed(i16::read(reader)?.into()),
        Number::U32 => out.unsigned(u32::read(reader)?.into()),
        Number::I32 => out.signed(i32::read(reader)?.into()),
        Number::U64 => match u64::read(reader)? {
            value if value <= MAX_SAFE_INTEGER => out.unsigned(value),
            value => out.text(&value.to_string()),
        },
        Number::I64 => match i64::read(reader)? {
            value if value.unsigned_abs() <= MAX_SAFE_INTEGER => out.signed(value),
            value => out.text(&value.to_string()),
        },
        Number::U128 => match u128::read(reader)? {
            value if value <= MAX_SAFE_INTEGER.into() => out.unsigned(value as u64),
            value => out.text(&value.to_string()),
        },
        Number::I128 => match i128::read(reader)? {
            value if value.unsigned_abs() <= MAX_SAFE_INTEGER.into() => out.signed(value as i64),
            value => out.text(&value.to_string()),
        },
        Number::F32 => float(shortest(f32::read(reader)?), out),
        Number::F64 => float(f64::read(reader)?, out),
    }
    Ok(())
}

#[inline(never)]
pub(super) fn read_non_zero(number: Number, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    let is_zero = reader.rest().get(..number.size()).is_some_and(is_zero);
    if is_zero { Err(DecodeError::new(Reason::Zero, reader.offset())) } else { read(number, reader, out) }
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

pub(super) fn read_quantised(
    quantisation: &Quantisation,
    reader: &mut Reader<'_>,
    out: &mut impl Output,
) -> Result<(), DecodeError> {
    let number = match quantisation.number {
        Number::U8 => u8::read(reader)?.into(),
        Number::U16 => u16::read(reader)?.into(),
        _ => u32::read(reader)?,
    };
    let value = quantisation.restore(number);
    float(if quantisation.float == Number::F32 { shortest(value as f32) } else { value }, out);
    Ok(())
}

/// The `f64` that prints as the `f32` would, where reading it back gives that `f32` again.
fn shortest(value: f32) -> f64 {
    // A number of at most six digits is already the shortest text of its `f32`. Most numbers are of this kind, and this is faster.
    let hundredths = f64::from(value) * 100.0;
    if hundredths.abs() < 1e6 && hundredths as i32 as f64 == hundredths {
        return value.into();
    }
    printed(value)
}

fn printed(value: f32) -> f64 {
    match format!("{value:?}").parse::<f64>() {
        Ok(short) if short as f32 == value => short,
        _ => value.into(),
    }
}

fn float(value: f64, out: &mut impl Output) {
    match value {
        value if value.is_finite() => out.float(value),
        value if value.is_nan() => out.text("NaN"),
        value if value > 0.0 => out.text("Infinity"),
        _ => out.text("-Infinity"),
    }
}

#[inline]
pub(super) fn write(number: Number, value: &Scalar<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
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
        Number::U128 => big_integer::<u128>(name, value)?.write(out),
        Number::I128 => big_integer::<i128>(name, value)?.write(out),
        Number::F32 => single(value)?.write(out),
        Number::F64 => double(value)?.write(out),
    }
    Ok(())
}

pub(super) fn write_quantised(
    quantisation: &Quantisation,
    value: &Scalar<'_>,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
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

/// The expected kind of value, for errors.
pub(super) fn expected(number: Number) -> &'static str {
    match number {
        Number::F32 | Number::F64 => "a number",
        _ => "an integer",
    }
}

fn integer<T: TryFrom<u64> + TryFrom<i64>>(ty: &'static str, value: &Scalar<'_>) -> Result<T, JsonError> {
    match *value {
        Scalar::Unsigned(value) => T::try_from(value).map_err(|_| JsonError::range(ty, &value.to_string())),
        Scalar::Signed(value) => T::try_from(value).map_err(|_| JsonError::range(ty, &value.to_string())),
        _ => Err(value.instead_of("an integer")),
    }
}

/// An integer of 64 or 128 bits may also be a string of digits: JavaScript cannot write all of them as numbers.
fn big_integer<T>(ty: &'static str, value: &Scalar<'_>) -> Result<T, JsonError>
where
    T: TryFrom<u64> + TryFrom<i64> + TryFrom<i128> + TryFrom<u128>,
{
    let Scalar::Text(text) = value else {
        return integer(ty, value);
    };
    let parsed = match text.parse::<i128>() {
        Ok(signed) => T::try_from(signed).ok(),
        // Above the largest `i128`, or no integer at all.
        Err(_) => text.parse::<u128>().ok().and_then(|unsigned| T::try_from(unsigned).ok()),
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    match parsed {
        Some(integer) => Ok(integer),
        None if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err(value.instead_of("an integer"))
        }
        None => Err(JsonError::range(ty, text)),
    }
}

/// Nanoseconds of a millisecond.
const MILLISECOND: u32 = 1_000_000;

/// Below so many milliseconds a number is exact to the nanosecond, and stays so in parsers that may be off by one in the last bit.
const EXACT: u128 = 1_000_000_000;

/// A duration as a number of milliseconds, or as a string of its digits where the number would not be exact.
pub(super) fn read_milliseconds(duration: Duration, out: &mut impl Output) {
    let (whole, nanos) = (duration.as_millis(), duration.subsec_nanos() % MILLISECOND);
    match nanos {
        0 if whole <= MAX_SAFE_INTEGER.into() => out.unsigned(whole as u64),
        0 => out.text(&whole.to_string()),
        _ if whole < EXACT => out.float(duration.as_nanos() as f64 / f64::from(MILLISECOND)),
        _ => out.text(format!("{whole}.{nanos:06}").trim_end_matches('0')),
    }
}

pub(super) fn milliseconds(value: &Scalar<'_>) -> Result<Duration, JsonError> {
    let range = || {
        JsonError::range(
            "Duration",
            &match value {
                Scalar::Text(text) => text.to_string(),
                Scalar::Float(value) => digits(*value),
                Scalar::Unsigned(value) => value.to_string(),
                Scalar::Signed(value) => value.to_string(),
                Scalar::Null | Scalar::Bool(_) => String::new(),
            },
        )
    };
    let (whole, nanos) = match *value {
        Scalar::Unsigned(whole) => (whole.into(), 0),
        Scalar::Signed(_) => return Err(range()),
        // Not beyond 2^64 seconds; what is below 0 or infinite is not either.
        Scalar::Float(value) if (0.0..2e22).contains(&value) => {
            let whole = value as u128;
            (whole, ((value - whole as f64) * f64::from(MILLISECOND) + 0.5) as u32)
        }
        Scalar::Float(_) => return Err(range()),
        Scalar::Text(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
                return Err(JsonError::new(JsonReason::Text("no number of milliseconds")));
            }
            let nanos = format!("{fraction:0<6}").parse().unwrap_or_default();
            (whole.parse().map_err(|_| range())?, nanos)
        }
        _ => return Err(value.instead_of("a number of milliseconds")),
    };
    let seconds = u64::try_from(whole / 1000).ok();
    // Less than two seconds.
    let nanos = Duration::from_millis((whole % 1000) as u64) + Duration::from_nanos(nanos.into());
    let duration = seconds.and_then(|seconds| Duration::from_secs(seconds).checked_add(nanos));
    duration.ok_or_else(range)
}

/// A finite float as in JSON.
fn digits(value: f64) -> String {
    serde_json::Number::from_f64(value).map(|number| number.to_string()).unwrap_or_default()
}

fn single(value: &Scalar<'_>) -> Result<f32, JsonError> {
    let wide = double(value)?;
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        return Err(JsonError::range("f32", &digits(wide)));
    }
    Ok(narrow)
}

fn double(value: &Scalar<'_>) -> Result<f64, JsonError> {
    match value {
        Scalar::Unsigned(value) => Ok(*value as f64),
        Scalar::Signed(value) => Ok(*value as f64),
        Scalar::Float(value) => Ok(*value),
        Scalar::Text("NaN") => Ok(f64::NAN),
        Scalar::Text("Infinity") => Ok(f64::INFINITY),
        Scalar::Text("-Infinity") => Ok(f64::NEG_INFINITY),
        other => Err(other.instead_of("a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_digits_are_the_shortest() {
        let quarters = (-40_100..40_100).map(|quarters| quarters as f32 / 4.0);
        for value in quarters.chain([-0.0, 0.1, 1e-45, 16_777_216.0, 2_147_483_648.0, f32::MAX]) {
            assert_eq!(shortest(value).to_bits(), printed(value).to_bits(), "{value}");
        }
    }
}
