//! Types as data, for code that does not have the Rust type.
//!
//! Owns [`WireType`], what structs and enums consist of, and the references between types. They refer to each other, so they are in one
//! file. The methods of structs and enums are in `named`, those of fields in `layout`. Reflection, the lock file and the generators
//! use it; nothing here reads or writes a message.

use super::notes::Notes;
use alloc::vec::Vec;
use core::fmt;

/// The type of a value on the wire.
///
/// It prints as it would be written in Rust; `{:#}` has structs and enums with their full path, so
/// that two types print the same only if they are the same.
///
/// ```
/// use painda_runtime::codec::{Wire, WireType};
///
/// let ty = <Vec<(u8, Option<f32>)> as Wire>::TYPE;
/// assert_eq!(ty.to_string(), "Vec<(u8, Option<f32>)>");
///
/// let WireType::List(item) = ty else { unreachable!() };
/// assert_eq!((item.min_size(), item.fixed_size()), (2, None));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WireType {
    /// A number of fixed width, big-endian.
    Number(Number),
    /// An integer that is not 0.
    NonZero(Number),
    /// One byte, 0 or 1.
    Bool,
    /// A type of the standard library that is neither a number nor made of other types.
    Special(Special),
    /// A float that is sent as an unsigned integer.
    Quantised(Quantisation),
    /// A count of bytes, then that many of UTF-8.
    String,
    /// A count of bytes, then the bytes.
    Bytes,
    /// A fixed number of items.
    Array {
        /// The type of each.
        item: TypeRef,
        /// How many there are.
        len: usize,
    },
    /// The parts, one after another.
    Tuple(&'static [TypeRef]),
    /// A count of items, then the items.
    List(TypeRef),
    /// As a list; the items' encodings are in ascending order, no two the same.
    Set(TypeRef),
    /// A count of entries, then keys and values in turn; the keys' encodings are in ascending order,
    /// no two the same.
    Map {
        /// The type of the keys.
        key: TypeRef,
        /// The type of the values.
        value: TypeRef,
    },
    /// One byte, 0 or 1, then the value where it is 1.
    Option(TypeRef),
    /// The fields, one after another.
    Struct(StructType),
    /// One byte, the variant's tag, then the variant's fields.
    Enum(EnumType),
}

impl WireType {
    /// The encoded length in bytes, where every value has the same.
    #[must_use]
    pub const fn fixed_size(&self) -> Option<usize> {
        match self {
            WireType::Number(number) => Some(number.size()),
            WireType::NonZero(number) => Some(number.size()),
            WireType::Bool => Some(1),
            WireType::Special(special) => special.fixed_size(),
            WireType::Quantised(quantisation) => Some(quantisation.number.size()),
            WireType::Array { item, len } => match item.fixed_size {
                Some(size) => Some(size * *len),
                None => None,
            },
            WireType::Tuple(parts) => {
                let mut total = 0;
                let mut at = 0;
                while at < parts.len() {
                    match parts[at].fixed_size {
                        Some(size) => total += size,
                        None => return None,
                    }
                    at += 1;
                }
                Some(total)
            }
            WireType::Struct(ty) => ty.layout().fixed_size(),
            WireType::Enum(ty) => ty.fixed_size(),
            WireType::String
            | WireType::Bytes
            | WireType::List(_)
            | WireType::Set(_)
            | WireType::Map { .. }
            | WireType::Option(_) => None,
        }
    }

    /// A lower bound of the encoded length in bytes; of an enum, its tag alone.
    #[must_use]
    pub const fn min_size(&self) -> usize {
        match self {
            WireType::Array { item, len } => item.min_size * *len,
            WireType::Tuple(parts) => {
                let mut total = 0;
                let mut at = 0;
                while at < parts.len() {
                    total += parts[at].min_size;
                    at += 1;
                }
                total
            }
            WireType::Struct(ty) => ty.layout().min_size(),
            WireType::Special(special) => special.min_size(),
            fixed => match fixed.fixed_size() {
                Some(size) => size,
                None => 1,
            },
        }
    }
}

impl fmt::Display for WireType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nested types get `f` itself, so that its flag for names or paths applies to them.
        let list = |f: &mut fmt::Formatter<'_>, types: &[TypeRef]| {
            types.iter().enumerate().try_for_each(|(at, ty)| {
                f.write_str(if at == 0 { "" } else { ", " })?;
                fmt::Display::fmt(ty, f)
            })
        };
        match self {
            WireType::Number(number) => f.write_str(number.name()),
            WireType::NonZero(number) => write!(f, "NonZero<{}>", number.name()),
            WireType::Bool => f.write_str("bool"),
            WireType::Special(special) => f.write_str(special.name()),
            WireType::Quantised(q) => {
                write!(f, "{} as {} in {:?}..={:?}", q.float.name(), q.number.name(), q.min, q.max)
            }
            WireType::String => f.write_str("String"),
            WireType::Bytes => f.write_str("Bytes"),
            WireType::Array { item, len } => {
                f.write_str("[")?;
                fmt::Display::fmt(item, f)?;
                write!(f, "; {len}]")
            }
            WireType::Tuple(parts) => {
                f.write_str("(")?;
                list(f, parts)?;
                f.write_str(if parts.len() == 1 { ",)" } else { ")" })
            }
            WireType::List(item) => generic(f, "Vec", core::slice::from_ref(item), list),
            WireType::Set(item) => generic(f, "Set", core::slice::from_ref(item), list),
            WireType::Map { key, value } => generic(f, "Map", &[*key, *value], list),
            WireType::Option(some) => generic(f, "Option", core::slice::from_ref(some), list),
            WireType::Struct(ty) => generic(f, if f.alternate() { ty.rust_path() } else { ty.name() }, ty.args(), list),
            WireType::Enum(ty) => generic(f, if f.alternate() { ty.rust_path() } else { ty.name() }, ty.args(), list),
        }
    }
}

fn generic(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    args: &[TypeRef],
    list: impl Fn(&mut fmt::Formatter<'_>, &[TypeRef]) -> fmt::Result,
) -> fmt::Result {
    f.write_str(name)?;
    if args.is_empty() {
        return Ok(());
    }
    f.write_str("<")?;
    list(f, args)?;
    f.write_str(">")
}

/// A reference to a type that may, in the end, contain the type that refers to it.
///
/// `struct Tree { children: Vec<Tree> }` is a circle, which a plain reference between constants
/// cannot be. [`get`](TypeRef::get) follows the reference. Code that walks through types has to
/// stop at a type that it has seen; it can compare what `{:#}` prints.
#[derive(Clone, Copy)]
pub struct TypeRef {
    pub(super) target: Target,
    pub(super) fixed_size: Option<usize>,
    pub(super) min_size: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Const evaluation does not call the function, so a type may contain itself.
    Lazy(fn() -> &'static WireType),
    Known(&'static WireType),
}

impl TypeRef {
    /// A reference to a known type, for tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn to(ty: &'static WireType) -> TypeRef {
        TypeRef { target: Target::Known(ty), fixed_size: ty.fixed_size(), min_size: ty.min_size() }
    }

    /// The type.
    #[must_use]
    pub fn get(self) -> &'static WireType {
        match self.target {
            Target::Lazy(target) => target(),
            Target::Known(target) => target,
        }
    }

    /// [`WireType::fixed_size`] of the type, also at compile time.
    #[must_use]
    pub const fn fixed_size(self) -> Option<usize> {
        self.fixed_size
    }

    /// [`WireType::min_size`] of the type, also at compile time.
    #[must_use]
    pub const fn min_size(self) -> usize {
        self.min_size
    }
}

// The type's name only: its parts may contain this reference again.
impl fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeRef({self})")
    }
}

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.get(), f)
    }
}

/// Whether the fields of a struct or of a variant have names or positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Names: `struct Move { x: f32 }`. A unit struct is one without fields.
    Named,
    /// Positions: `struct Move(f32);`
    Tuple,
}

/// The fields of a struct or of a variant, in the order of the wire.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub(super) shape: Shape,
    pub(super) fields: &'static [Field],
}

/// One field of a struct or of a variant.
#[derive(Clone, Copy)]
pub struct Field {
    pub(super) name: &'static str,
    pub(super) ty: TypeRef,
    pub(super) notes: Notes,
    pub(super) since: u32,
    pub(super) default: Option<fn() -> Vec<u8>>,
    pub(super) layout_fingerprint: u64,
    pub(super) names_fingerprint: u64,
}

/// A struct that is a part of events.
#[derive(Debug, Clone, Copy)]
pub struct StructType {
    pub(super) item: Item,
    pub(super) layout: Layout,
}

/// An enum that is a part of events.
#[derive(Debug, Clone, Copy)]
pub struct EnumType {
    pub(super) item: Item,
    pub(super) variants: &'static [Variant],
}

/// One variant of an enum.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    pub(super) name: &'static str,
    pub(super) tag: u8,
    pub(super) notes: Notes,
    pub(super) layout: Layout,
}

/// What structs and enums have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) name: &'static str,
    pub(super) rust_path: &'static str,
    pub(super) args: &'static [TypeRef],
    pub(super) notes: Notes,
}

/// How a float becomes an unsigned integer: its range is divided into equal steps.
///
/// With `top` as the largest value of `number`, and everything calculated with 64-bit floats:
///
/// - a float `v` is sent as `floor((v − min) / (max − min) × top + 0.5)`, after `v` has been brought
///   into the range; NaN is sent as 0, which is `min`;
/// - an integer `n` is received as `min + (max − min) × (n / top)`, rounded to `float`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantisation {
    /// The type in Rust: [`Number::F32`] or [`Number::F64`].
    pub float: Number,
    /// The type on the wire: [`Number::U8`], [`Number::U16`] or [`Number::U32`].
    pub number: Number,
    /// The smallest value, sent as 0.
    pub min: f64,
    /// The largest value, sent as the largest value of `number`.
    pub max: f64,
}

/// The numbers of the wire contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Number {
    /// 8 bits, unsigned.
    U8,
    /// 8 bits, signed.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, signed.
    I32,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, signed.
    I64,
    /// 128 bits, unsigned.
    U128,
    /// 128 bits, signed.
    I128,
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
}

impl Number {
    /// The width in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
            Number::U128 | Number::I128 => 16,
        }
    }

    /// The type's name in Rust: `u16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Number::U8 => "u8",
            Number::I8 => "i8",
            Number::U16 => "u16",
            Number::I16 => "i16",
            Number::U32 => "u32",
            Number::I32 => "i32",
            Number::U64 => "u64",
            Number::I64 => "i64",
            Number::U128 => "u128",
            Number::I128 => "i128",
            Number::F32 => "f32",
            Number::F64 => "f64",
        }
    }
}

/// The types of the standard library that are neither numbers nor made of other types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Special {
    /// `char`: the code point as a `u32`.
    Char,
    /// `Duration`: the seconds as a `u64`, then the nanoseconds beside them as a `u32`.
    Duration,
    /// `SystemTime`: the seconds since 1970 as an `i64`, rounded down, then the nanoseconds beside them as a `u32`.
    Timestamp,
    /// `Ipv4Addr`: its four bytes.
    Ipv4,
    /// `Ipv6Addr`: its sixteen bytes.
    Ipv6,
    /// `IpAddr`: one byte, 4 or 6, then the address.
    Ip,
}

impl Special {
    /// All of them.
    #[cfg(feature = "json")]
    pub(crate) const ALL: &[Special] =
        &[Special::Char, Special::Duration, Special::Timestamp, Special::Ipv4, Special::Ipv6, Special::Ip];

    /// The encoded length in bytes, where every value has the same.
    #[must_use]
    pub const fn fixed_size(self) -> Option<usize> {
        match self {
            Special::Ip => None,
            fixed => Some(fixed.min_size()),
        }
    }

    /// A lower bound of the encoded length in bytes.
    #[must_use]
    pub const fn min_size(self) -> usize {
        match self {
            Special::Char | Special::Ipv4 => 4,
            Special::Ip => 5,
            Special::Duration | Special::Timestamp => 12,
            Special::Ipv6 => 16,
        }
    }

    /// The type's name in Rust: `char`. A `SystemTime` is a `Timestamp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Special::Char => "char",
            Special::Duration => "Duration",
            Special::Timestamp => "Timestamp",
            Special::Ipv4 => "Ipv4Addr",
            Special::Ipv6 => "Ipv6Addr",
            Special::Ip => "IpAddr",
        }
    }
}
