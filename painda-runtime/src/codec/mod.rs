//! The wire types: how a value becomes bytes and comes back, and how its type is described.
//!
//! Owns the encodings of numbers, text and collections, the reader that hands out bytes, the
//! description of types as data, and the errors of decoding. It knows nothing about events, schemas,
//! JSON or sockets.
//!
//! | Rust | bytes |
//! | --- | --- |
//! | `u8` to `u64`, `i8` to `i64`, `f32`, `f64` | their width, big-endian; every NaN keeps its bits |
//! | `f32`, `f64` with `#[pp(as = u16, range = -1.0..=1.0)]` | the integer's width: see [`Quantisation`] |
//! | `bool` | one, 0 or 1 |
//! | `[T; N]`, tuples up to 12, structs with [`PPType`](crate::PPType) | the parts, one after another |
//! | `String`, [`Bytes`](bytes::Bytes) | a count of bytes, then the bytes |
//! | `Vec<T>` | a count of items, then the items |
//! | `BTreeSet<T>`, `HashSet<T>` | as a list, the encodings in ascending order |
//! | `BTreeMap<K, V>`, `HashMap<K, V>` | a count of entries, then keys and values in turn, the keys' encodings in ascending order |
//! | `Option<T>` | one byte, 0 or 1, then the value where it is 1 |
//! | enums with [`PPType`](crate::PPType) | one byte, the variant's tag, then the variant's fields |
//! | `Box<T>` | as `T` |
//!
//! A count is a `u32` as LEB128: seven bits a byte, the lowest first, in the shortest form.
//!
//! Decoding never panics, whatever the bytes are; a count is believed only as far as the bytes that are
//! left can hold that many items; and values are nested at most [`MAX_DEPTH`] deep. There is one
//! encoding of a value: where decoding succeeds, encoding gives the same bytes again.

mod collections;
pub(crate) mod compound;
mod count;
mod error;
pub(crate) mod fingerprint;
pub(crate) mod generated;
mod layout;
mod named;
mod numbers;
pub(crate) mod quantised;
mod reader;
mod text;
mod types;

use alloc::vec::Vec;

pub use count::{count_size, write_count};
pub use error::{DecodeError, Path, Reason, Segment};
#[doc(hidden)]
pub use fingerprint::{Depth, Fingerprint, Print};
pub use layout::{Field, Layout, Shape};
pub use named::{EnumType, StructType, Variant};
pub use reader::{MAX_DEPTH, Reader};
pub use types::{Number, Quantisation, TypeRef, WireType};

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
    /// The type as data, for everything that works without the Rust type.
    const TYPE: &'static WireType;

    /// A reference to [`TYPE`](Wire::TYPE).
    #[doc(hidden)]
    const TYPE_REF: TypeRef = TypeRef::of::<Self>();

    /// The encoded length in bytes, where every value has the same.
    const FIXED_SIZE: Option<usize>;

    /// A length in bytes that no encoding is shorter than. A decoder trusts a count of items only as
    /// far as the bytes that are left could hold that many.
    const MIN_SIZE: usize;

    /// Why the type must not be used, although the traits of its parts would allow it.
    #[doc(hidden)]
    const PROBLEM: Option<&'static str> = None;

    /// The type's fingerprints, where structs and enums are looked into `D` levels deep.
    #[doc(hidden)]
    type Print<D: Depth>: Print;

    /// The encoded length of this value in bytes.
    fn size(&self) -> usize;

    /// Writes exactly [`size`](Wire::size) bytes to the end of `out`.
    fn write<S: Sink>(&self, out: &mut S);

    /// Reads a value from the front of `reader`.
    ///
    /// # Errors
    /// Says what is wrong with the bytes, and at which offset.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads a value and puts the name of its field into the error's path.
    ///
    /// # Errors
    /// As [`read`](Wire::read).
    #[inline]
    fn read_field(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        Self::read(reader).map_err(|error| error.inside(Segment::Field(name)))
    }

    /// Writes values one after another; numbers have a faster way.
    #[doc(hidden)]
    #[inline]
    fn write_all<S: Sink>(items: &[Self], out: &mut S) {
        for item in items {
            item.write(out);
        }
    }

    /// Reads values one after another; numbers have a faster way.
    #[doc(hidden)]
    fn read_all(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>, DecodeError> {
        let mut items = Vec::with_capacity(collections::capacity::<Self>(count));
        for at in 0..count {
            items.push(Self::read(reader).map_err(|error| error.inside(Segment::Index(at)))?);
        }
        Ok(items)
    }

    /// Reads as many values as the array has; numbers have a faster way.
    #[doc(hidden)]
    fn read_array<const N: usize>(reader: &mut Reader<'_>) -> Result<[Self; N], DecodeError> {
        let offset = reader.offset();
        // An array cannot be filled step by step without `unsafe`.
        let items = Self::read_all(reader, N)?.try_into();
        items.map_err(|_| DecodeError::new(Reason::Truncated { needed: N, left: 0 }, offset))
    }
}

/// Where encoded bytes go: the end of a `Vec<u8>`, or a [`Window`] of known length.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A run of bytes whose length is known before it is filled.
///
/// Neighbouring fields of fixed size are written into one array and appended together: one check
/// of the buffer's capacity instead of one per field. Bytes that would not fit are dropped; the
/// derive sizes the window by the same constants that the writes obey.
#[derive(Debug)]
pub struct Window<'a>(&'a mut [u8]);

impl<'a> Window<'a> {
    /// A window over all of `bytes`.
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Window(bytes)
    }
}

impl Sink for Window<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some((here, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            here.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}
