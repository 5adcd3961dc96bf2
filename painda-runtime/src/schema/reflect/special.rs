//! Types of the standard library that are neither numbers nor made of other types: to JSON and back.

use super::output::Output;
use super::scalar::Scalar;
use super::{JsonError, JsonReason};
use crate::codec::{DecodeError, Reader, Special, Wire};
use alloc::vec::Vec;

#[inline(never)]
pub(super) fn read(special: Special, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    match special {
        Special::Char => out.text(char::read(reader)?.encode_utf8(&mut [0; 4])),
    }
    Ok(())
}

#[inline(never)]
pub(super) fn write(special: Special, value: &Scalar<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let Scalar::Text(text) = value else {
        return Err(value.instead_of(expected(special)));
    };
    match special {
        Special::Char => character(text)?.write(out),
    }
    Ok(())
}

/// The expected kind of value, for errors.
pub(super) fn expected(special: Special) -> &'static str {
    match special {
        Special::Char => "a string of one character",
    }
}

/// The most bytes of an encoding.
pub(super) fn max_size(special: Special) -> usize {
    match special {
        Special::Char => 4,
    }
}

fn character(text: &str) -> Result<char, JsonError> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err(JsonError::new(JsonReason::Text("not one character"))),
    }
}
