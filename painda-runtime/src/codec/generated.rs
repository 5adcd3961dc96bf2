//! Functions that generated code calls, so that it is small. Not public API.

use super::compound::sum;
use super::error::{DecodeError, Reason, Segment};
use super::reader::Reader;
use super::types::{Field, WireType};
use super::wire::Wire;

/// The length of a run of fixed-size fields, for the derive's array lengths.
///
/// # Panics
/// At compile time, where a type that is spelled like a number is something else.
#[must_use]
pub const fn run_length(sizes: &[Option<usize>]) -> usize {
    match sum(sizes) {
        Some(length) => length,
        None => panic!("a field's type is spelled like a built-in number, but is not one"),
    }
}

/// Fails the build at a field whose type must not be used.
///
/// # Panics
/// At compile time, with the reason.
#[track_caller]
pub const fn check(problem: Option<&'static str>) {
    if let Some(problem) = problem {
        panic!("{}", problem);
    }
}

/// The place of the key field of a `latest` event, from the sizes of the fields before it and its own: the offsets in bytes of its
/// start and its end.
///
/// # Panics
/// At compile time, where that differs from message to message.
#[must_use]
#[track_caller]
pub const fn key(before: &[Option<usize>], size: Option<usize>) -> (usize, usize) {
    match (sum(before), size) {
        (Some(start), Some(size)) => (start, start + size),
        (None, _) => {
            panic!("the field has no fixed place in the message, because one before it has no fixed size; move it up")
        }
        (_, None) => panic!("the field has no fixed size; use a number, or an array or struct of them"),
    }
}

/// Reads the parts of a struct or an enum.
#[inline]
pub fn nested<'a, T: Wire>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match T::FIXED_SIZE {
        // A type of fixed size cannot contain itself.
        Some(_) => read(reader),
        None => reader.nested(read),
    }
}

/// Reads the fields of a variant and puts its name into the path of an error.
#[inline]
pub fn in_variant<'a, T>(
    reader: &mut Reader<'a>,
    name: &'static str,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    read(reader).map_err(|error| error.inside(Segment::Field(name)))
}

/// The error of a tag, which has been read, that no variant has.
#[cold]
#[must_use]
pub fn unknown_tag(reader: &Reader<'_>, tag: u8) -> DecodeError {
    DecodeError::new(Reason::Tag(tag), reader.offset() - 1)
}

/// The fields of a struct.
#[inline]
#[must_use]
pub fn struct_fields<T: Wire>() -> &'static [Field] {
    match T::TYPE {
        WireType::Struct(ty) => ty.layout().fields(),
        _ => &[],
    }
}

/// The fields of the variant at a position in an enum.
#[inline]
#[must_use]
pub fn variant_fields<T: Wire>(at: usize) -> &'static [Field] {
    match T::TYPE {
        WireType::Enum(ty) => ty.variants()[at].layout().fields(),
        _ => &[],
    }
}
