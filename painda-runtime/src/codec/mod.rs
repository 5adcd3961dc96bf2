//! The wire types: how a value becomes bytes and comes back, and how its type is described.
//!
//! Owns the encodings of numbers, text and collections, the reader that hands out bytes, the
//! description of types as data, and the errors of decoding. It knows nothing about events, schemas,
//! JSON or sockets.
//!
//! | Rust | bytes |
//! | --- | --- |
//! | `u8` to `u128`, `i8` to `i128`, `f32`, `f64` | their width, big-endian; every NaN keeps its bits |
//! | `f32`, `f64` with `#[pp(as = u16, range = -1.0..=1.0)]` | the integer's width: see [`Quantisation`] |
//! | `NonZero<T>` | as the integer; 0 is refused |
//! | `bool` | one, 0 or 1 |
//! | `char` | its code point as a `u32` |
//! | `Duration` | the seconds as a `u64`, then the nanoseconds beside them as a `u32` |
//! | `SystemTime` | the seconds since 1970 as an `i64`, rounded down, then the nanoseconds beside them as a `u32` |
//! | `Ipv4Addr`, `Ipv6Addr`, `IpAddr` | four or sixteen bytes; of an `IpAddr` behind one byte, 4 or 6 |
//! | `[T; N]`, tuples up to 12, structs with [`PPType`](crate::PPType) | the parts, one after another |
//! | `String`, `Cow<'static, str>`, [`Bytes`](bytes::Bytes) | a count of bytes, then the bytes |
//! | `Vec<T>`, `VecDeque<T>` | a count of items, then the items |
//! | `BTreeSet<T>`, `HashSet<T>` | as a list, the encodings in ascending order |
//! | `BTreeMap<K, V>`, `HashMap<K, V>` | a count of entries, then keys and values in turn, the keys' encodings in ascending order |
//! | `Option<T>` | one byte, 0 or 1, then the value where it is 1 |
//! | enums with [`PPType`](crate::PPType) | one byte, the variant's tag, then the variant's fields |
//! | `Result<T, E>` | as an enum: 0, then the value, or 1, then the error |
//! | `Box<T>`, `Arc<T>`, `Wrapping<T>` | as `T`; of `str` as `String`, of `[T]` as `Vec<T>` |
//!
//! So a `Duration` or a `SystemTime` that comes is equal to the one that was sent. A `SystemTime` may be up to 8.64 × 10^12 seconds
//! before or after 1970, which is in the years −271821 to 275760; one beyond that is an error for whoever reads it.
//!
//! A count is a `u32` as LEB128: seven bits a byte, the lowest first, in the shortest form.
//!
//! Decoding never panics, whatever the bytes are. A count for which the bytes that are left would not suffice is refused, and values
//! are nested at most [`MAX_DEPTH`] deep. A value has one encoding: if decoding succeeds, encoding gives the same bytes again.

mod addresses;
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
mod result;
mod sink;
mod text;
mod times;
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
#[cfg(feature = "json")]
pub(crate) use times::Timestamp;
pub use types::{
    EnumType, Field, Layout, Number, Quantisation, Shape, Special, StructType, TypeRef, Variant, WireType,
};
pub use wire::Wire;
