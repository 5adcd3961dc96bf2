//! The wire types: how a value becomes bytes and comes back, and how its type is described.
//!
//! Owns the encodings of numbers, text and collections, the reader that hands out bytes, and the
//! errors of decoding. It knows nothing about events, schemas, JSON or sockets.
//!
//! Everything is big-endian. Decoding never panics, whatever the bytes are.

mod count;
mod error;
mod layout;
mod numbers;
mod quantised;
mod reader;
mod types;

use alloc::vec::Vec;

pub use count::{count_size, write_count};
pub use error::{DecodeError, Path, Reason, Segment};
pub use layout::{EnumType, Field, Layout, Shape, StructType, Variant};
pub use reader::{MAX_DEPTH, Reader};
pub use types::{Number, Quantisation, TypeRef, WireType};

/// A type that can be a field of an event, or a part of one.
///
/// The runtime implements it for the types of the wire contract; the derive macros use it and
/// nothing else, so that a field's type may hide behind an alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an event",
    label = "no encoding is known for this type",
    note = "fields can be: u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool"
)]
pub trait Wire: Sized {
    /// The type as data, for everything that works without the Rust type.
    const TYPE: &'static WireType;

    /// The encoded length in bytes, where every value has the same.
    const FIXED_SIZE: Option<usize>;

    /// The shortest encoding in bytes. A decoder trusts a count of elements only as far as the
    /// bytes that are left could hold that many.
    const MIN_SIZE: usize;

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

/// The length of a run of fixed-size fields, for the derive's array lengths.
///
/// # Panics
/// At compile time, where a type that is spelled like a number is something else.
#[doc(hidden)]
#[must_use]
pub const fn run_length(sizes: &[Option<usize>]) -> usize {
    let mut total = 0;
    let mut at = 0;
    while at < sizes.len() {
        match sizes[at] {
            Some(size) => total += size,
            None => panic!("a field's type is spelled like a built-in number, but is not one"),
        }
        at += 1;
    }
    total
}
