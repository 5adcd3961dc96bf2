//! The trait of types that can be fields of events.

use super::error::{DecodeError, Reason, Segment};
use super::fingerprint::{Depth, Print};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{Field, Target, TypeRef, WireType};
use alloc::vec::Vec;

/// A type that can be a field of an event, or a part of one.
///
/// The runtime implements it for the types of the wire contract, and
/// [`#[derive(PPType)]`](crate::PPType) for structs and enums of them.
///
/// ```
/// use painda_runtime::codec::{Reader, Wire};
///
/// let value = vec![Some(1.5_f32), None];
/// let mut bytes = Vec::new();
/// value.write(&mut bytes);
/// assert_eq!(bytes, [2, 1, 0x3f, 0xc0, 0, 0, 0]);
/// assert_eq!(Wire::read(&mut Reader::new(&bytes)), Ok(value));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an event",
    label = "no encoding is known for this type",
    note = "fields can be numbers up to 64 bits, `bool`, `String`, `Bytes`, arrays, tuples, `Vec`, `Option`, `Box`, maps and sets",
    note = "of your own types, structs and enums with `#[derive(PPType)]`"
)]
pub trait Wire: Sized {
    /// The type as data, for code that does not have the Rust type.
    const TYPE: &'static WireType;

    /// A reference to [`TYPE`](Wire::TYPE).
    #[doc(hidden)]
    const TYPE_REF: TypeRef = TypeRef::of::<Self>();

    /// The encoded length in bytes, where every value has the same.
    const FIXED_SIZE: Option<usize>;

    /// A lower bound of the encoded length in bytes. A decoder refuses a count of items for which the bytes that are left would not
    /// suffice.
    const MIN_SIZE: usize;

    /// Why the type must not be used, where its parts' traits alone would allow it.
    #[doc(hidden)]
    const PROBLEM: Option<&'static str> = None;

    /// The type's fingerprints, which include `D` levels of structs and enums.
    #[doc(hidden)]
    type Print<D: Depth>: Print;

    /// The encoded length of this value in bytes.
    fn size(&self) -> usize;

    /// Writes exactly [`size`](Wire::size) bytes to the end of `out`.
    fn write<S: Sink>(&self, out: &mut S);

    /// Reads a value from the front of `reader`.
    ///
    /// # Errors
    /// What is wrong with the bytes, and at which offset.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads a value and puts the name of its field into the error's path.
    ///
    /// # Errors
    /// As [`read`](Wire::read).
    #[inline]
    fn read_field(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        Self::read(reader).map_err(|error| error.inside(Segment::Field(name)))
    }

    /// Writes values one after another. Numbers override it with a faster version.
    #[doc(hidden)]
    #[inline]
    fn write_all<S: Sink>(items: &[Self], out: &mut S) {
        for item in items {
            item.write(out);
        }
    }

    /// Reads values one after another. Numbers override it with a faster version.
    #[doc(hidden)]
    fn read_all(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>, DecodeError> {
        let mut items = Vec::with_capacity(capacity::<Self>(count));
        for at in 0..count {
            items.push(Self::read(reader).map_err(|error| error.inside(Segment::Index(at)))?);
        }
        Ok(items)
    }

    /// Reads as many values as the array has. Numbers override it with a faster version.
    #[doc(hidden)]
    fn read_array<const N: usize>(reader: &mut Reader<'_>) -> Result<[Self; N], DecodeError> {
        let offset = reader.offset();
        // An array cannot be filled step by step without `unsafe`.
        let items = Self::read_all(reader, N)?.try_into();
        items.map_err(|_| DecodeError::new(Reason::Truncated { needed: N, left: 0 }, offset))
    }
}

/// The most bytes that are allocated for items before they have been read: enough for most lists, and little if nested lists have
/// wrong counts.
const AHEAD: usize = 4096;

/// The capacity to begin with for a count of items.
pub(super) const fn capacity<T: Wire>(count: usize) -> usize {
    if T::FIXED_SIZE.is_some() || size_of::<T>() == 0 {
        // `count` was checked against the bytes that are left.
        return count;
    }
    let ahead = AHEAD / size_of::<T>();
    if count < ahead { count } else { ahead }
}

impl TypeRef {
    /// A reference to the wire type of `T`; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<T: Wire>() -> TypeRef {
        const fn target<T: Wire>() -> &'static WireType {
            T::TYPE
        }
        TypeRef { target: Target::Lazy(target::<T>), fixed_size: T::FIXED_SIZE, min_size: T::MIN_SIZE }
    }
}

impl Field {
    /// A field of the type `T`; for tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<T: Wire>(name: &'static str) -> Self {
        Field::with_type(name, TypeRef::of::<T>())
    }
}
