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
//! Decoding never panics, whatever the bytes are. A count for which the bytes that are left would not suffice is refused, and values
//! are nested at most [`MAX_DEPTH`] deep. A value has one encoding: if decoding succeeds, encoding gives the same bytes again.

mod collections;
pub(crate) mod compound;
mod count;
mod error;
pub(crate) mod fingerprint;
pub(crate) mod generated;
mod layout;
mod named;
pub(crate) mod notes;
mod numbers;
pub(crate) mod quantised;
mod reader;
mod sink;
mod text;
mod tuples;
mod types;
mod wire;

pub use count::{count_size, write_count};
pub use error::{DecodeError, MAX_DEPTH, Path, Reason, Segment};
#[doc(hidden)]
pub use fingerprint::{Depth, Fingerprint, Print};
pub use reader::Reader;
pub use sink::Sink;
#[doc(hidden)]
pub use sink::Window;
pub use types::{EnumType, Field, Layout, Number, Quantisation, Shape, StructType, TypeRef, Variant, WireType};
pub use wire::Wire;
