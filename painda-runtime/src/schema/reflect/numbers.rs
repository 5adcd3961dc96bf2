//! Numbers to JSON and back, including those that JavaScript or JSON have no number for.

use super::JsonError;
use super::output::Output;
use super::scalar::Scalar;
use crate::codec::{DecodeError, Number, Quantisation, Reader, Wire};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

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
        Number::F32 => float(shortest(f32::read(reader)?), out),
        Number::F64 => float(f64::read(reader)?, out),
    }
    Ok(())
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

/// A 64-bit integer may also be a string of digits: JavaScript cannot write all of them as numbers.
fn big_integer<T>(ty: &'static str, value: &Scalar<'_>) -> Result<T, JsonError>
where
    T: TryFrom<u64> + TryFrom<i64> + TryFrom<i128>,
{
    let Scalar::Text(text) = value else {
        return integer(ty, value);
    };
    let integer = text.parse::<i128>().map_err(|_| value.instead_of("an integer"))?;
    T::try_from(integer).map_err(|_| JsonError::range(ty, text))
}

fn single(value: &Scalar<'_>) -> Result<f32, JsonError> {
    let wide = double(value)?;
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        let text = serde_json::Number::from_f64(wide).map(|number| number.to_string());
        return Err(JsonError::range("f32", &text.unwrap_or_default()));
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
